/* node/net/counters.h: what happened on the DNS sockets. Each thread has one set of cells that it
 * alone writes; anyone may read and add them up. No lock and no shared cache line on the way. */
#pragma once

#include "query.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_RCODE_COUNT 24u /* NOERROR to BADCOOKIE */

enum net_counter {
    NET_UDP_QUERIES,       /* datagrams received */
    NET_UDP_TRUNCATED,     /* replies with TC set */
    NET_UDP_SEND_FAILED,   /* replies that the kernel did not take */
    NET_XDP_QUERIES,       /* of udp_queries, those that came by AF_XDP */
    NET_RRL_DROPPED,       /* UDP replies over the rate limit, not sent (rrl log_only: sent) */
    NET_RRL_SLIPPED,       /* the same, sent truncated (rrl log_only: sent whole) */
    NET_RRL_COOKIE,        /* not limited: the query held a valid cookie */
    NET_RRL_EXEMPT,        /* not limited: the client is in an exempt prefix */
    NET_TCP_QUERIES,       /* whole messages received */
    NET_TCP_ACCEPTED,      /* connections let in */
    NET_TCP_CLOSED,        /* of these, ended for whatever reason: the rest is open */
    NET_TCP_REFUSED,       /* reset at once: their network had tcp_connections_per_prefix */
    NET_TCP_EVICTED,       /* ended for a new one: tcp_connections_max were open */
    NET_TCP_IDLE_CLOSED,   /* ended with nothing under way for the time limit */
    NET_TCP_SLOW_CLOSED,   /* ended with a request or replies that did not move on in time */
    NET_TCP_MEMORY_CLOSED, /* ended as the largest when all together held too much */
    NET_TCP_BROKEN,        /* ended by an error or by a message of length 0 */
    NET_TCP_PAUSED,        /* times reading stopped because replies were not taken */
    NET_COUNTER_COUNT,
};

struct net_counters { /* one reading */
    uint64_t events[NET_COUNTER_COUNT];
    uint64_t outcomes[QUERY_OUTCOME_COUNT]; /* of all queries, by enum query_outcome */
    uint64_t rcodes[NET_RCODE_COUNT];       /* of all replies, by enum dns_rcode */
};

struct net_cells { /* one thread's; zeroed at start */
    _Alignas(64) _Atomic uint64_t events[NET_COUNTER_COUNT];
    _Atomic uint64_t outcomes[QUERY_OUTCOME_COUNT];
    _Atomic uint64_t rcodes[NET_RCODE_COUNT];
};

/* The owner thread alone writes a cell, so a plain load and store are enough. */
static inline void net_cell_add(_Atomic uint64_t *cell, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + amount, memory_order_relaxed);
}

/* Count one answered request. Owner thread. */
void net_cells_count(struct net_cells *cells, enum query_outcome outcome, unsigned rcode);
/* Add @cells to @sum. Any thread. */
void net_cells_sum(const struct net_cells *cells, struct net_counters *sum);

/* Stable lower-case names, as metrics show them. Static. */
const char *net_counter_name(enum net_counter counter);
