#include "querylog/querylog.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/ring_reader.h"
#include "querylog/line.h"
#include "querylog/record.h"
#include "querylog/table.h"

struct target {       /* the thread's own copy of what a slot stands for */
    uint64_t version; /* of the table, when it was copied; 0: never */
    char zone_id[QUERYLOG_ID_SIZE];
    char *name; /* of the file */
};

struct querylog {
    struct ring_reader *reader;
    struct querylog_table *table;
    struct querylog_sink *sink;
    char edge[QUERYLOG_EDGE_MAX + 1];
    bool is_file_per_zone;
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

static void write_record(void *user, const void *octets, size_t octets_len)
{
    struct querylog *log = user;
    const struct querylog_record *record = octets;
    struct target *target = &log->targets[record->slot];
    char line[QUERYLOG_LINE_MAX];

    (void)octets_len;
    refresh(log, record->slot, target);
    if (!target->name)
        return;
    size_t len = querylog_line_format(record, target->zone_id, log->edge, &log->day, line);
    querylog_sink_put(log->sink, target->name, line, len);
}

static void end_pass(void *user)
{
    querylog_sink_flush(((struct querylog *)user)->sink);
}

static uint32_t wait_ms(void *user)
{
    const struct querylog *log = user;

    return querylog_table_count(log->table) > 0 ? QUERYLOG_PASS_MS : QUERYLOG_IDLE_MS;
}

static void reopen(void *user)
{
    querylog_sink_reopen(((struct querylog *)user)->sink);
}

/* ---- open and close ---- */

static void release(struct querylog *log)
{
    for (unsigned i = 0; log->targets && i <= UINT16_MAX; i++)
        free(log->targets[i].name);
    free(log->targets);
    querylog_table_free(log->table);
    querylog_sink_free(log->sink);
    free(log);
}

static int start_thread(struct querylog *log)
{
    const struct ring_reader_options options = {.name = "query-log",
                                                .record = write_record,
                                                .end_pass = end_pass,
                                                .wait_ms = wait_ms,
                                                .poked = reopen,
                                                .user = log};

    return ring_reader_start(&options, &log->reader);
}

int querylog_open(const struct querylog_options *options, struct querylog **out)
{
    struct querylog *log = calloc(1, sizeof(*log));

    if (!log)
        return ERR_NOMEM;
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
    ring_reader_stop(log->reader);
    release(log);
}

struct querylog_table *querylog_table_of(struct querylog *log)
{
    return log->table;
}

struct ring *querylog_ring_open(struct querylog *log)
{
    return ring_reader_open(log->reader, QUERYLOG_RING_SIZE);
}

void querylog_ring_close(struct querylog *log, struct ring *ring)
{
    ring_reader_close(log->reader, ring);
}

void querylog_reopen(struct querylog *log)
{
    ring_reader_poke(log->reader);
}

void querylog_read_counters(struct querylog *log, struct querylog_counters *out)
{
    out->dropped = ring_reader_dropped(log->reader);
    out->written = querylog_sink_written(log->sink);
    out->lost = querylog_sink_lost(log->sink);
}
