/* node/net/counters.c */
#include "net/counters.h"

#include "base/assert.h"

void net_cells_count(struct net_cells *cells, enum query_outcome outcome, unsigned rcode)
{
    ASSERT(outcome < QUERY_OUTCOME_COUNT && rcode < NET_RCODE_COUNT);
    net_cell_add(&cells->outcomes[outcome], 1);
    if (outcome != QUERY_DROPPED)
        net_cell_add(&cells->rcodes[rcode], 1);
}

static void sum_cells(const _Atomic uint64_t *cells, uint64_t *sums, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sums[i] += atomic_load_explicit(&cells[i], memory_order_relaxed);
}

void net_cells_sum(const struct net_cells *cells, struct net_counters *sum)
{
    sum_cells(cells->events, sum->events, NET_COUNTER_COUNT);
    sum_cells(cells->outcomes, sum->outcomes, QUERY_OUTCOME_COUNT);
    sum_cells(cells->rcodes, sum->rcodes, NET_RCODE_COUNT);
}

const char *net_counter_name(enum net_counter counter)
{
    static const char *const names[NET_COUNTER_COUNT] = {
        [NET_UDP_QUERIES] = "udp_queries",         [NET_UDP_TRUNCATED] = "udp_truncated",
        [NET_UDP_SEND_FAILED] = "udp_send_failed", [NET_XDP_QUERIES] = "xdp_queries",
        [NET_RRL_DROPPED] = "rrl_dropped",         [NET_RRL_SLIPPED] = "rrl_slipped",
        [NET_RRL_COOKIE] = "rrl_cookie",           [NET_RRL_EXEMPT] = "rrl_exempt",
        [NET_TCP_QUERIES] = "tcp_queries",         [NET_TCP_ACCEPTED] = "tcp_accepted",
        [NET_TCP_CLOSED] = "tcp_closed",           [NET_TCP_REFUSED] = "tcp_refused",
        [NET_TCP_EVICTED] = "tcp_evicted",         [NET_TCP_IDLE_CLOSED] = "tcp_idle_closed",
        [NET_TCP_SLOW_CLOSED] = "tcp_slow_closed", [NET_TCP_MEMORY_CLOSED] = "tcp_memory_closed",
        [NET_TCP_BROKEN] = "tcp_broken",           [NET_TCP_PAUSED] = "tcp_paused",
    };
    ASSERT(counter < NET_COUNTER_COUNT);
    return names[counter];
}
