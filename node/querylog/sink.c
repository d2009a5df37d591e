#include "querylog/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "querylog/line.h"

#define FOLDER_SIZE 1024u
#define NAME_SIZE 520u
#define PATH_SIZE (FOLDER_SIZE + NAME_SIZE + 8)
#define BUFFER_LEN (64u << 10)
#define WARN_EVERY_MS 60000u
#define LOOK_EVERY_MS 1000u /* at the free space */
#define SYSLOG_PRIORITY 30  /* daemon, info (RFC 3164 4.1.1) */

struct file {
    char name[NAME_SIZE]; /* "": this place is free */
    int fd;               /* -1: not open */
    uint64_t len;         /* of the file */
    uint64_t used_turn;
    size_t held; /* octets in `buffer`, not written yet */
    uint64_t held_lines;
    char *buffer;
};

struct querylog_sink {
    char folder[FOLDER_SIZE]; /* "": to syslog */
    char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint64_t file_len_max, free_len_min;
    int syslog_fd; /* -1: not connected */
    uint64_t turn;
    uint64_t warned_mono_ms, looked_mono_ms, tried_mono_ms; /* 0: never */
    bool is_full;                                           /* too little space was left */
    _Atomic uint64_t written, lost;
    struct file files[QUERYLOG_FILES_OPEN_MAX];
};

int querylog_sink_new(const struct querylog_sink_options *options, struct querylog_sink **out)
{
    const char *folder = options->folder ? options->folder : "";
    const char *path = options->syslog_socket ? options->syslog_socket : QUERYLOG_SYSLOG_SOCKET;
    struct querylog_sink *sink = calloc(1, sizeof(*sink));

    if (!sink)
        return ERR_NOMEM;
    if (strlen(folder) >= FOLDER_SIZE || strlen(path) >= sizeof(sink->socket_path)) {
        free(sink);
        return ERR_INVALID;
    }
    memcpy(sink->folder, folder, strlen(folder) + 1);
    memcpy(sink->socket_path, path, strlen(path) + 1);
    sink->file_len_max = options->file_len_max;
    sink->free_len_min = options->free_len_min;
    sink->syslog_fd = -1;
    for (unsigned i = 0; i < QUERYLOG_FILES_OPEN_MAX; i++)
        sink->files[i].fd = -1;
    *out = sink;
    return 0;
}

static void count(_Atomic uint64_t *counter, uint64_t lines)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + lines,
                          memory_order_relaxed);
}

uint64_t querylog_sink_written(const struct querylog_sink *sink)
{
    return atomic_load_explicit(&sink->written, memory_order_relaxed);
}

uint64_t querylog_sink_lost(const struct querylog_sink *sink)
{
    return atomic_load_explicit(&sink->lost, memory_order_relaxed);
}

/* Lines are lost; say why, once in a while. */
static void lose(struct querylog_sink *sink, uint64_t lines, const char *where, const char *why)
{
    const uint64_t now_ms = clock_mono_ms();

    count(&sink->lost, lines);
    if (sink->warned_mono_ms != 0 && now_ms - sink->warned_mono_ms < WARN_EVERY_MS)
        return;
    sink->warned_mono_ms = now_ms;
    log_warn("querylog", "lines_lost so_far=%" PRIu64 " where=%s reason=\"%s\"",
             querylog_sink_lost(sink), where, why);
}

/* ---- files ---- */

static void path_of(const struct querylog_sink *sink, const struct file *file, const char *suffix,
                    char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/%s.log%s", sink->folder, file->name, suffix);
}

static void close_file(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* 0 or an errno. */
static int open_file(struct querylog_sink *sink, struct file *file)
{
    char path[PATH_SIZE];
    struct stat now;

    if (mkdir(sink->folder, S_IRWXU | S_IRGRP | S_IXGRP) != 0 && errno != EEXIST)
        return errno;
    path_of(sink, file, "", path);
    file->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    S_IRUSR | S_IWUSR | S_IRGRP);
    if (file->fd < 0)
        return errno;
    file->len = fstat(file->fd, &now) == 0 ? (uint64_t)now.st_size : 0;
    return 0;
}

/* The file has its bound: it takes the place of the one before it. */
static void turn_over(struct querylog_sink *sink, struct file *file)
{
    char path[PATH_SIZE], older[PATH_SIZE];

    path_of(sink, file, "", path);
    path_of(sink, file, ".1", older);
    if (rename(path, older) != 0) /* then it grows on: better than to lose lines */
        log_warn("querylog", "rename_failed path=%s reason=\"%s\"", path, strerror(errno));
    close_file(file);
}

/* Nothing may be written that the node's own storage needs more. */
static bool is_full(struct querylog_sink *sink)
{
    const uint64_t now_ms = clock_mono_ms();
    struct statvfs system;

    if (sink->free_len_min == 0 ||
        (sink->looked_mono_ms != 0 && now_ms - sink->looked_mono_ms < LOOK_EVERY_MS))
        return sink->is_full;
    sink->looked_mono_ms = now_ms;
    sink->is_full = statvfs(sink->folder, &system) == 0 &&
                    (uint64_t)system.f_bavail * system.f_frsize < sink->free_len_min;
    return sink->is_full;
}

/* 0 or an errno. What was written before an error stays: a line may be cut off. */
static int write_all(int fd, const char *octets, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, octets, len);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done > 0) {
            octets += done;
            len -= (size_t)done;
        }
    }
    return 0;
}

static void flush_file(struct querylog_sink *sink, struct file *file)
{
    const size_t held = file->held;
    const uint64_t lines = file->held_lines;
    int problem = 0;

    if (held == 0)
        return;
    file->held = 0;
    file->held_lines = 0;
    if (is_full(sink)) {
        lose(sink, lines, sink->folder, "too little space is left");
        return;
    }
    if (file->fd >= 0 && sink->file_len_max > 0 && file->len + held > sink->file_len_max)
        turn_over(sink, file);
    if (file->fd < 0)
        problem = open_file(sink, file);
    if (problem == 0)
        problem = write_all(file->fd, file->buffer, held);
    if (problem != 0) {
        close_file(file);
        lose(sink, lines, file->name, strerror(problem));
        return;
    }
    file->len += held;
    count(&sink->written, lines);
}

static void free_file(struct querylog_sink *sink, struct file *file)
{
    flush_file(sink, file);
    close_file(file);
    free(file->buffer);
    *file = (struct file){.fd = -1};
}

/* The file of that name, or one that takes its place. NULL: no memory. */
static struct file *file_of(struct querylog_sink *sink, const char *name)
{
    struct file *oldest = &sink->files[0];

    for (unsigned i = 0; i < QUERYLOG_FILES_OPEN_MAX; i++) {
        struct file *file = &sink->files[i];
        if (strcmp(file->name, name) == 0)
            return file;
        if (file->used_turn < oldest->used_turn)
            oldest = file;
    }
    free_file(sink, oldest);
    oldest->buffer = malloc(BUFFER_LEN);
    if (!oldest->buffer)
        return NULL;
    snprintf(oldest->name, sizeof(oldest->name), "%s", name);
    return oldest;
}

static void put_in_file(struct querylog_sink *sink, const char *name, const char *line, size_t len)
{
    struct file *file = file_of(sink, name);

    if (!file) {
        lose(sink, 1, name, err_text(ERR_NOMEM));
        return;
    }
    if (BUFFER_LEN - file->held < len)
        flush_file(sink, file);
    memcpy(file->buffer + file->held, line, len);
    file->held += len;
    file->held_lines++;
    file->used_turn = ++sink->turn;
}

/* ---- syslog ---- */

static void close_syslog(struct querylog_sink *sink)
{
    if (sink->syslog_fd >= 0)
        close(sink->syslog_fd);
    sink->syslog_fd = -1;
}

/* 0 or an errno. A socket that is not there is tried once a second. */
static int open_syslog(struct querylog_sink *sink)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const uint64_t now_ms = clock_mono_ms();

    if (sink->tried_mono_ms != 0 && now_ms - sink->tried_mono_ms < LOOK_EVERY_MS)
        return ENOTCONN;
    sink->tried_mono_ms = now_ms;
    sink->syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->syslog_fd < 0)
        return errno;
    memcpy(address.sun_path, sink->socket_path, sizeof(address.sun_path));
    if (connect(sink->syslog_fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        sink->tried_mono_ms = 0;
        return 0;
    }
    int problem = errno;
    close_syslog(sink);
    return problem;
}

/* As glibc's syslog() writes it, but never waiting: a log that is behind loses lines. */
static void put_in_syslog(struct querylog_sink *sink, const char *line, size_t len)
{
    char message[QUERYLOG_LINE_MAX + 80], when[32] = "";
    time_t now = (time_t)clock_wall_s();
    struct tm parts;
    int problem = sink->syslog_fd < 0 ? open_syslog(sink) : 0;

    if (localtime_r(&now, &parts))
        (void)strftime(when, sizeof(when), "%b %e %H:%M:%S", &parts);
    int size = snprintf(message, sizeof(message), "<%d>%s quartetd-queries[%d]: %.*s",
                        SYSLOG_PRIORITY, when, (int)getpid(), (int)len - 1, line);
    if (problem == 0 && send(sink->syslog_fd, message, (size_t)size, MSG_NOSIGNAL) < 0) {
        problem = errno;
        if (problem != EAGAIN && problem != ENOBUFS)
            close_syslog(sink);
    }
    if (problem == 0)
        count(&sink->written, 1);
    else
        lose(sink, 1, sink->socket_path, strerror(problem));
}

/* ---- both ---- */

void querylog_sink_put(struct querylog_sink *sink, const char *name, const char *line, size_t len)
{
    if (sink->folder[0])
        put_in_file(sink, name, line, len);
    else
        put_in_syslog(sink, line, len);
}

void querylog_sink_flush(struct querylog_sink *sink)
{
    for (unsigned i = 0; i < QUERYLOG_FILES_OPEN_MAX; i++)
        flush_file(sink, &sink->files[i]);
}

void querylog_sink_reopen(struct querylog_sink *sink)
{
    for (unsigned i = 0; i < QUERYLOG_FILES_OPEN_MAX; i++) {
        flush_file(sink, &sink->files[i]);
        close_file(&sink->files[i]);
    }
    close_syslog(sink);
}

void querylog_sink_free(struct querylog_sink *sink)
{
    if (!sink)
        return;
    for (unsigned i = 0; i < QUERYLOG_FILES_OPEN_MAX; i++)
        free_file(sink, &sink->files[i]);
    close_syslog(sink);
    free(sink);
}
