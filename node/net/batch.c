/* node/net/batch.c */
#include "net/batch.h"

#include "base/clock.h"
#include "base/err.h"
#include "net/counters.h"
#include "net/udp_limit.h"
#include "zone/image.h"

#include <string.h>

int net_batch_init(struct net_batch *batch, const struct net_env *env, struct net_cells *cells)
{
    memset(batch, 0, sizeof *batch);
    batch->env = env;
    batch->cells = cells;
    batch->scratch = query_scratch_new();
    return batch->scratch != NULL ? 0 : ERR_NOMEM;
}

void net_batch_fini(struct net_batch *batch)
{
    query_scratch_free(batch->scratch);
    batch->scratch = NULL;
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
            net_cell_add(&batch->cells->outcomes[item->outcome], 1);
            continue;
        }
        net_cells_count(batch->cells, item->outcome, item->reply.rcode);
        truncated += (item->reply.flags & DNS_FLAG_TC) != 0;
    }
    net_cell_add(&batch->cells->events[NET_UDP_QUERIES], count);
    if (truncated > 0)
        net_cell_add(&batch->cells->events[NET_UDP_TRUNCATED], truncated);
}

void net_batch_answer(struct net_batch *batch, unsigned count)
{
    struct query_env env = net_env_begin(batch->env, QUERY_UDP, &batch->own);
    env.image = zone_image_read_begin(batch->env->publisher);
    query_answer_many(batch->scratch, &env, batch->items, count);
    zone_image_read_end();
    if (batch->env->rrl != NULL)
        limit(batch, count);
    tally(batch, count);
}
