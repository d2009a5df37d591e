#include "querylog/querylog.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "querylog/line.h"
#include "querylog/ring.h"
#include "querylog/table.h"

#define TURN_RECORDS 1024u /* of one ring before the others get their turn */

struct target {       /* the thread's own copy of what a slot stands for */
    uint64_t version; /* of the table, when it was copied; 0: never */
    char zone_id[QUERYLOG_ID_SIZE];
    char *name; /* of the file */
};

struct querylog {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct querylog_table *table;
    struct querylog_sink *sink;
    char edge[QUERYLOG_EDGE_MAX + 1];
    bool is_file_per_zone;
    /* under the lock */
    struct {
        struct querylog_ring *ring;
        bool is_closed;
    } rings[QUERYLOG_RINGS_MAX];
    unsigned ring_count;
    uint64_t dropped_before; /* by rings that are gone */
    bool is_stopping, must_reopen;
    /* the thread's */
    struct target *targets; /* by slot */
    struct querylog_day day;
};

/* ---- records to lines ---- */

static void refresh(struct querylog *log, uint16_t slot, struct target *target)
{
    struct querylog_target now;
    uint64_t version = querylog_table_version(log->table);

    if (target->version == version && target->name)
        return;
    if (!querylog_table_get(log->table, slot, &now))
        return;
    const char *name = log->is_file_per_zone || !now.group[0] ? now.zone_id : now.group;
    char *copy = strdup(name);
    if (!copy)
        return;
    free(target->name);
    target->name = copy;
    target->version = version;
    memcpy(target->zone_id, now.zone_id, sizeof(target->zone_id));
}

static void write_record(struct querylog *log, const struct querylog_record *record)
{
    struct target *target = &log->targets[record->slot];
    char line[QUERYLOG_LINE_MAX];

    refresh(log, record->slot, target);
    if (!target->name)
        return;
    size_t len = querylog_line_format(record, target->zone_id, log->edge, &log->day, line);
    querylog_sink_put(log->sink, target->name, line, len);
}

static unsigned drain(struct querylog *log, struct querylog_ring *ring, unsigned records_max)
{
    unsigned done = 0;

    while (done < records_max) {
        const struct querylog_record *record = querylog_ring_front(ring);
        if (!record)
            break;
        write_record(log, record);
        querylog_ring_pop(ring);
        done++;
    }
    return done;
}

/* ---- the thread ---- */

/* The ring at @place is closed and empty. */
static void drop_ring(struct querylog *log, unsigned place)
{
    struct querylog_ring *ring = log->rings[place].ring;

    log->dropped_before += querylog_ring_dropped(ring);
    log->rings[place] = log->rings[--log->ring_count];
    querylog_ring_free(ring);
}

/* One turn for each ring; how many records there were. Only this thread takes rings away. */
static unsigned pass(struct querylog *log)
{
    unsigned done = 0;

    pthread_mutex_lock(&log->lock);
    unsigned ring_count = log->ring_count;
    pthread_mutex_unlock(&log->lock);
    for (unsigned i = ring_count; i > 0; i--) {
        pthread_mutex_lock(&log->lock);
        struct querylog_ring *ring = log->rings[i - 1].ring;
        bool is_closed = log->rings[i - 1].is_closed;
        pthread_mutex_unlock(&log->lock);
        unsigned count = drain(log, ring, TURN_RECORDS);
        done += count;
        if (is_closed && count < TURN_RECORDS) {
            pthread_mutex_lock(&log->lock);
            drop_ring(log, i - 1);
            pthread_mutex_unlock(&log->lock);
        }
    }
    querylog_sink_flush(log->sink);
    return done;
}

/* Wait for the next pass, unless there is more to do. true: the end has come. */
static bool rest(struct querylog *log, bool is_busy)
{
    const uint64_t wait_ms =
        querylog_table_count(log->table) > 0 ? QUERYLOG_PASS_MS : QUERYLOG_IDLE_MS;
    const uint64_t until_ns = clock_mono_ns() + wait_ms * UINT64_C(1000000);
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u),
                                   .tv_nsec = (long)(until_ns % 1000000000u)};

    pthread_mutex_lock(&log->lock);
    if (!is_busy && !log->is_stopping && !log->must_reopen)
        pthread_cond_timedwait(&log->changed, &log->lock, &until);
    bool must_reopen = log->must_reopen, is_stopping = log->is_stopping;
    log->must_reopen = false;
    pthread_mutex_unlock(&log->lock);
    if (must_reopen)
        querylog_sink_reopen(log->sink);
    return is_stopping;
}

static void *run(void *user)
{
    struct querylog *log = user;
    bool is_stopping = false;

    while (!is_stopping) {
        unsigned done = pass(log);
        is_stopping = rest(log, done >= TURN_RECORDS);
    }
    while (pass(log) > 0)
        ;
    return NULL;
}

/* ---- open and close ---- */

static void release(struct querylog *log)
{
    for (unsigned i = 0; log->targets && i <= UINT16_MAX; i++)
        free(log->targets[i].name);
    free(log->targets);
    querylog_table_free(log->table);
    querylog_sink_free(log->sink);
    pthread_cond_destroy(&log->changed);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static int start_thread(struct querylog *log)
{
    sigset_t blocked, before;

    sigfillset(&blocked); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int problem = pthread_create(&log->thread, NULL, run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem == 0)
        (void)pthread_setname_np(log->thread, "query-log");
    return problem == 0 ? 0 : ERR_NOMEM;
}

int querylog_open(const struct querylog_options *options, struct querylog **out)
{
    struct querylog *log = calloc(1, sizeof(*log));
    pthread_condattr_t attributes;

    if (!log)
        return ERR_NOMEM;
    pthread_mutex_init(&log->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    log->is_file_per_zone = options->is_file_per_zone;
    log->table = querylog_table_new();
    log->targets = calloc(UINT16_MAX + 1u, sizeof(*log->targets));
    int rc = log->table && log->targets ? 0 : ERR_NOMEM;
    if (rc == 0 && strlen(options->edge) > QUERYLOG_EDGE_MAX)
        rc = ERR_INVALID;
    if (rc == 0)
        rc = querylog_sink_new(&options->sink, &log->sink);
    if (rc == 0) {
        memcpy(log->edge, options->edge, strlen(options->edge) + 1);
        rc = start_thread(log);
    }
    if (rc == 0)
        *out = log;
    else
        release(log);
    return rc;
}

void querylog_close(struct querylog *log)
{
    if (!log)
        return;
    pthread_mutex_lock(&log->lock);
    log->is_stopping = true;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->lock);
    ASSERT(pthread_join(log->thread, NULL) == 0);
    ASSERT(log->ring_count == 0);
    release(log);
}

struct querylog_table *querylog_table_of(struct querylog *log)
{
    return log->table;
}

struct querylog_ring *querylog_ring_open(struct querylog *log)
{
    struct querylog_ring *ring = querylog_ring_new();

    pthread_mutex_lock(&log->lock);
    bool has_room = log->ring_count < QUERYLOG_RINGS_MAX;
    if (ring && has_room) {
        log->rings[log->ring_count].ring = ring;
        log->rings[log->ring_count++].is_closed = false;
    }
    pthread_mutex_unlock(&log->lock);
    if (has_room)
        return ring;
    querylog_ring_free(ring);
    return NULL;
}

void querylog_ring_close(struct querylog *log, struct querylog_ring *ring)
{
    pthread_mutex_lock(&log->lock);
    for (unsigned i = 0; ring && i < log->ring_count; i++)
        log->rings[i].is_closed |= log->rings[i].ring == ring;
    pthread_mutex_unlock(&log->lock);
}

void querylog_reopen(struct querylog *log)
{
    pthread_mutex_lock(&log->lock);
    log->must_reopen = true;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->lock);
}

void querylog_read_counters(struct querylog *log, struct querylog_counters *out)
{
    pthread_mutex_lock(&log->lock);
    out->dropped = log->dropped_before;
    for (unsigned i = 0; i < log->ring_count; i++)
        out->dropped += querylog_ring_dropped(log->rings[i].ring);
    pthread_mutex_unlock(&log->lock);
    out->written = querylog_sink_written(log->sink);
    out->lost = querylog_sink_lost(log->sink);
}
