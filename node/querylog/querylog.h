/* node/querylog/querylog.h: the log of queries. Threads that answer note logged queries (record.h)
 * in rings of their own; one thread here reads these, makes lines and writes them (sink.h).
 *
 * Lines of one ring keep their order, and stand in the file QUERYLOG_PASS_MS after their query or a
 * little later; the first ones after a while without a logged zone, QUERYLOG_IDLE_MS. The time in
 * them is that of the query's batch, by the kernel's coarse clock: up to 4 ms late. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "querylog/sink.h"

struct querylog; /* opaque */
struct ring;
struct querylog_table;

#define QUERYLOG_PASS_MS 20u
#define QUERYLOG_IDLE_MS 500u
#define QUERYLOG_RING_SIZE (UINT64_C(2) << 20) /* octets: 20,000 queries and more */

struct querylog_options {
    struct querylog_sink_options sink;
    const char *edge;      /* what lines call this node: visible ASCII, at most QUERYLOG_EDGE_MAX */
    bool is_file_per_zone; /* ID.log for each zone, not NAME.log for each log group */
};

/* Start the thread. Strings are copied. ERR_INVALID, ERR_NOMEM. On 0 the caller owns *@out. */
int querylog_open(const struct querylog_options *options, struct querylog **out);
/* Write what is left, stop the thread, free all. All rings are closed. Accepts NULL. */
void querylog_close(struct querylog *log);

/* Which zones are logged: tell it by querylog_table_put(). Lives as long as @log. */
struct querylog_table *querylog_table_of(struct querylog *log);

/* A ring for one thread that answers. NULL: no memory, or too many rings. Any thread. */
struct ring *querylog_ring_open(struct querylog *log);
/* Its thread writes no more; what is in it is still written down. Accepts NULL. Any thread. */
void querylog_ring_close(struct querylog *log, struct ring *ring);

/* Open the files anew before the next line: they were renamed. Any thread. */
void querylog_reopen(struct querylog *log);

struct querylog_counters {
    uint64_t written; /* lines */
    uint64_t dropped; /* queries that found their ring full */
    uint64_t lost;    /* lines that could not be written */
};
void querylog_read_counters(struct querylog *log, struct querylog_counters *out); /* any thread */
