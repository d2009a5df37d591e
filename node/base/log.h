/* node/base/log.h: events to standard error (journald adds the time), one line each: level, area,
 * a stable event name, then key=value. Never on the answer path; per-packet events are counters. */
#pragma once

enum log_level {
    LOG_LEVEL_ERROR, /* someone must act */
    LOG_LEVEL_WARN,  /* degraded */
    LOG_LEVEL_INFO,  /* change of state */
    LOG_LEVEL_DEBUG,
};

/* The least important level still written; LOG_LEVEL_INFO at start. Set before threads start. */
void log_set_level(enum log_level level);
/* Parse "error", "warn", "info" or "debug". 0, or ERR_INVALID with *@out untouched. */
int log_level_parse(const char *text, enum log_level *out);

/* Write one event. @area is the room ("raft", "store"), @format starts with the event name:
 * log_info("raft", "leader_changed term=%" PRIu64, term). Control characters in the outcome are
 * written as '?' so that outside text cannot forge lines. Any thread; lines never mix. */
void log_event(enum log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_event(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__)
