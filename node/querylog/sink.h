/* node/querylog/sink.h: where the lines go: files in one folder, which grow to a bound, or the
 * system's log. One thread. Nothing here waits for anybody: what cannot be written is lost and
 * counted, with a warning at most once a minute. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERYLOG_FILES_OPEN_MAX                                                                    \
    64u /* the one that was written longest ago is closed for a further */
#define QUERYLOG_SYSLOG_SOCKET "/dev/log"

struct querylog_sink_options {
    const char *folder;        /* of the files, made if its parent is there; NULL: to syslog */
    uint64_t file_len_max;     /* octets; then NAME.log becomes NAME.log.1; 0: no bound */
    uint64_t free_len_min;     /* nothing is written while the file system has less left; 0: off */
    const char *syslog_socket; /* NULL: QUERYLOG_SYSLOG_SOCKET */
};

struct querylog_sink; /* opaque */

/* Strings are copied. ERR_INVALID (a path is too long), ERR_NOMEM. On 0 the caller owns *@out. */
int querylog_sink_new(const struct querylog_sink_options *options, struct querylog_sink **out);
void querylog_sink_free(struct querylog_sink *sink); /* flushes; accepts NULL */

/* Add a line, with its newline, to the file @name.log. @name has no slash. */
void querylog_sink_put(struct querylog_sink *sink, const char *name, const char *line, size_t len);
/* Write what was put since the last time. */
void querylog_sink_flush(struct querylog_sink *sink);
/* Close all files: the next lines open them anew, by name. */
void querylog_sink_reopen(struct querylog_sink *sink);

uint64_t querylog_sink_written(const struct querylog_sink *sink); /* lines; any thread */
uint64_t querylog_sink_lost(const struct querylog_sink *sink);
