/* node/net/counters.h: what happened on the DNS sockets. Each thread has one set of cells that it
 * alone writes; anyone may read and add them up. No lock and no shared cache line on the way. */
#pragma once

#include "base/assert.h"
#include "base/histogram.h"
#include "dns/type.h"
#include "query.h"
#include "zone/slots.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_RCODE_COUNT 24u            /* NOERROR to BADCOOKIE */
#define NET_REPLY_NONE NET_RCODE_COUNT /* in place of an rcode: no reply was sent */
#define NET_REPLY_COUNT 32u            /* of all of these; a power of two */
#define NET_TYPE_COUNT 24u             /* types that are counted apart, and the rest */
#define NET_TYPE_TABLE_LEN 258u        /* types beyond it count as the rest */
#define NET_POLICY_COUNT 8u            /* enum policy_kind */
#define NET_BATCH_TIMED_OF 256u        /* one batch in so many is timed */

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

enum net_result { /* what became of a query: its outcome, with NXDOMAIN apart */
                  NET_RESULT_DROPPED = QUERY_DROPPED,
                  NET_RESULT_REJECTED = QUERY_REJECTED,
                  NET_RESULT_ANSWERED = QUERY_ANSWERED,
                  NET_RESULT_REFERRED = QUERY_REFERRED,
                  NET_RESULT_FAILED = QUERY_FAILED,
                  NET_RESULT_NXDOMAIN,
                  NET_RESULT_COUNT,
};
#define NET_RESULT_CELLS 8u /* a zone's are one cache line */
_Static_assert(NET_RESULT_COUNT <= NET_RESULT_CELLS, "they fit");

struct net_counters { /* one reading */
    uint64_t events[NET_COUNTER_COUNT];
    uint64_t outcomes[QUERY_OUTCOME_COUNT];            /* of all queries, by enum query_outcome */
    uint64_t rcodes[NET_RCODE_COUNT];                  /* of all replies, by enum dns_rcode */
    uint64_t replies[NET_TYPE_COUNT][NET_REPLY_COUNT]; /* of all queries: type asked, reply */
    uint64_t routed[NET_POLICY_COUNT][QUERY_ROUTED_COUNT];
    uint64_t batches; /* that UDP queries came in */
    struct histogram_reading batch_time;
};

/* Queries by zone: the slots of zone_content_count(). */
struct net_zone_counters {
    uint64_t results[ZONE_COUNT_SLOTS][NET_RESULT_COUNT];
};

struct net_cells { /* one thread's; zeroed at start */
    _Alignas(64) _Atomic uint64_t zones[ZONE_COUNT_SLOTS][NET_RESULT_CELLS];
    _Atomic uint64_t events[NET_COUNTER_COUNT];
    _Atomic uint64_t replies[NET_TYPE_COUNT][NET_REPLY_COUNT];
    _Atomic uint64_t routed[NET_POLICY_COUNT][QUERY_ROUTED_COUNT];
    _Atomic uint64_t batches;
    struct histogram batch_time; /* of one in NET_BATCH_TIMED_OF */
};

/* The owner thread alone writes a cell, so a plain load and store are enough. */
static inline void net_cell_add(_Atomic uint64_t *cell, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + amount, memory_order_relaxed);
}

/* Which of NET_TYPE_COUNT a type is counted as. */
extern const uint8_t net_type_table[NET_TYPE_TABLE_LEN];

static inline void net_cells_count_as(struct net_cells *cells, const struct query_traits *traits,
                                      unsigned reply, enum net_result result)
{
    const unsigned type = traits->type < NET_TYPE_TABLE_LEN ? net_type_table[traits->type] : 0;

    net_cell_add(&cells->replies[type][reply], 1);
    net_cell_add(&cells->zones[traits->slots.count][result], 1);
    if (__builtin_expect(traits->route.routed != QUERY_ROUTED_NOT, 0))
        net_cell_add(&cells->routed[traits->route.policy][traits->route.routed], 1);
}

/* Count one request whose reply goes out. Owner thread. */
static inline void net_cells_count(struct net_cells *cells, const struct query_item *item)
{
    const unsigned rcode = item->reply.rcode;

    ASSERT(rcode < NET_RCODE_COUNT);
    net_cells_count_as(cells, &item->traits, rcode,
                       rcode == DNS_RCODE_NXDOMAIN ? NET_RESULT_NXDOMAIN
                                                   : (enum net_result)item->outcome);
}
/* Count one that gets none. */
void net_cells_count_silent(struct net_cells *cells, const struct query_item *item);

/* Add @cells to @sum. Any thread. */
void net_cells_sum(const struct net_cells *cells, struct net_counters *sum);
void net_cells_sum_zones(const struct net_cells *cells, struct net_zone_counters *sum);

/* Stable lower-case names, as status and metrics show them. Static. */
const char *net_counter_name(enum net_counter counter);
const char *net_result_name(enum net_result result);
/* "A"; "other": the rest; "none": no question was understood. */
const char *net_type_name(unsigned index);
