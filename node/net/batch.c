/* node/net/batch.c */
#include "net/batch.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/ring.h"
#include "dnstap/record.h"
#include "net/counters.h"
#include "net/udp_limit.h"
#include "querylog/querylog.h"
#include "querylog/record.h"
#include "zone/image.h"

#include <string.h>

int net_batch_init(struct net_batch *batch, const struct net_env *env, struct net_cells *cells)
{
    memset(batch, 0, sizeof *batch);
    batch->env = env;
    batch->cells = cells;
    batch->scratch = query_scratch_new();
    if (env->log != NULL)
        batch->log = querylog_ring_open(env->log);
    if (env->tap != NULL)
        batch->tap = dnstap_tap_open(env->tap);
    if (batch->scratch != NULL && (batch->log != NULL || env->log == NULL) &&
        (batch->tap != NULL || env->tap == NULL))
        return 0;
    net_batch_fini(batch);
    return ERR_NOMEM;
}

void net_batch_fini(struct net_batch *batch)
{
    query_scratch_free(batch->scratch);
    batch->scratch = NULL;
    if (batch->log != NULL)
        querylog_ring_close(batch->env->log, batch->log);
    batch->log = NULL;
    if (batch->tap != NULL)
        dnstap_tap_close(batch->env->tap, batch->tap);
    batch->tap = NULL;
}

/* Rate limiting, in two passes so that the table's memory arrives meanwhile. */
static void limit(struct net_batch *batch, unsigned count)
{
    struct rrl *rrl = batch->env->rrl;
    const uint64_t now_ms = clock_mono_ms();
    for (unsigned i = 0; i < count; i++) {
        struct query_item *item = &batch->items[i];
        batch->is_accounted[i] = item->outcome != QUERY_DROPPED &&
                                 udp_limit_prepare(rrl, item->client, &item->traits, &item->reply,
                                                   batch->cells, &batch->keys[i]);
    }
    for (unsigned i = 0; i < count; i++)
        if (batch->is_accounted[i] &&
            !udp_limit_settle(rrl, &batch->keys[i], now_ms, batch->env->rrl_mode,
                              &batch->items[i].reply, batch->cells))
            batch->items[i].reply.len = 0;
}

static void tally(struct net_batch *batch, unsigned count)
{
    unsigned truncated = 0;
    for (unsigned i = 0; i < count; i++) {
        struct query_item *item = &batch->items[i];
        if (item->outcome == QUERY_DROPPED)
            item->reply.len = 0;
        if (item->reply.len == 0) { /* or the limiter has dropped it: there is no reply to count */
            net_cells_count_silent(batch->cells, item);
            continue;
        }
        net_cells_count(batch->cells, item);
        truncated += (item->reply.flags & DNS_FLAG_TC) != 0;
    }
    net_cell_add(&batch->cells->events[NET_UDP_QUERIES], count);
    net_cell_add(&batch->cells->batches, 1);
    if (truncated > 0)
        net_cell_add(&batch->cells->events[NET_UDP_TRUNCATED], truncated);
}

/* Note what was answered from logged zones and goes out; what the rate limiter dropped does not. */
static void note(struct net_batch *batch, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct query_item *item = &batch->items[i];
        if (__builtin_expect(item->traits.slots.log == 0, 1) || item->reply.len == 0)
            continue;
        const struct querylog_event event = {.client = item->client,
                                             .request = item->request,
                                             .request_len = item->request_len,
                                             .slot = item->traits.slots.log,
                                             .rcode = item->reply.rcode,
                                             .time_wall_ms = batch->own.now_wall_ms};
        querylog_record_note(batch->log, &event);
    }
    ring_commit(batch->log);
}

/* One batch in many is timed, by a clock that costs something. 0: not this one. */
static uint64_t begin_timing(struct net_batch *batch)
{
    if (batch->untimed_left-- > 0)
        return 0;
    batch->untimed_left = NET_BATCH_TIMED_OF - 1;
    return clock_mono_ns();
}

void net_batch_answer(struct net_batch *batch, unsigned count)
{
    const uint64_t begun_mono_ns = begin_timing(batch);
    struct query_env env = net_env_begin(batch->env, QUERY_UDP, &batch->own);
    env.image = zone_image_read_begin(batch->env->publisher);
    query_answer_many(batch->scratch, &env, batch->items, count);
    zone_image_read_end();
    if (batch->env->rrl != NULL)
        limit(batch, count);
    tally(batch, count);
    if (batch->log != NULL)
        note(batch, count);
    if (begun_mono_ns != 0)
        histogram_add(&batch->cells->batch_time, clock_mono_ns() - begun_mono_ns);
}

/* What is no query was not answered and is not told. */
void net_batch_answer_tapped(struct net_batch *batch, unsigned count,
                             const struct net_tapped *requests)
{
    const uint64_t came_wall_ns = clock_wall_ns();
    net_batch_answer(batch, count);
    const uint64_t went_wall_ns = clock_wall_ns();
    for (unsigned i = 0; i < count; i++) {
        const struct query_item *item = &batch->items[i];
        if (item->outcome == QUERY_DROPPED)
            continue;
        const struct dnstap_event event = {.client = item->client,
                                           .server = requests[i].server,
                                           .query = item->request,
                                           .query_len = item->request_len,
                                           .query_wall_ns = came_wall_ns,
                                           .response = item->reply.octets,
                                           .response_len = (uint16_t)item->reply.len,
                                           .response_wall_ns = went_wall_ns,
                                           .is_cut = requests[i].is_cut};
        dnstap_note(batch->tap, &event);
    }
    dnstap_commit(batch->tap);
}
