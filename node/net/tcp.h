/* node/net/tcp.h: DNS over TCP (RFC 7766, RFC 9210) on one thread with an event loop of its own.
 * Internal to net/.
 *
 * RFC 7766 7 lets replies leave in any order so that none waits for another. Here none ever waits:
 * an answer is computed at once, so replies leave in the order of their requests.
 *
 * Bounds, and what happens at each (every reaction has its counter in net/counters.h):
 *   - connections_max connections. A new one then takes the place of the one that has had nothing
 *     under way for the longest; only where all have, of the one that has not moved on for longest.
 *   - per_prefix of these from one network (tcp_quota.h): a further one is reset.
 *   - idle_ms without a request that gets a reply: closed. A request under way must be whole, and
 *     replies under way must be gone or be taken by TCP_PROGRESS_MIN octets, in idle_ms too: else
 *     reset. Both limits fall as the table fills (tcp_table.h).
 *   - TCP_UNSENT_MAX octets of replies unsent: reading pauses. One round of replies may go beyond
 *     it, so that one connection holds up to TCP_HELD_MAX octets, with a request under way.
 *   - memory_max octets so held by all: the connection that holds the most is reset.
 * Memory in all: memory_max, half a KiB for each connection that was ever open at one time, and 0.2
 * MB. One with nothing under way holds nothing else. The kernel keeps about TCP_KERNEL_UNSENT_MAX
 * octets of replies for each that does not take them, and as many of requests as it likes. */
#pragma once

#include "net/tcp_table.h"

struct latency_samples;
struct net_cells;
struct net_env;
struct net_error;
struct tcp_server;

#define TCP_BACKLOG 4096                    /* in a listening socket's queue */
#define TCP_SPARE_SLOTS 64u                 /* for those being closed or refused */
#define TCP_UNSENT_MAX (64u * 1024u)        /* passed by one round of replies at most */
#define TCP_HELD_MAX (264u * 1024u)         /* TCP_UNSENT_MAX, two replies, a request, overhead */
#define TCP_KERNEL_UNSENT_MAX (64u * 1024u) /* Linux doubles it for its own overhead */
#define TCP_PROGRESS_MIN (16u * 1024u)      /* octets of replies taken that count as moving on */

struct tcp_options {
    const int *fds_take; /* listening sockets; taken whatever the outcome */
    unsigned fd_count;
    struct tcp_limits limits;
    const struct net_env *env;       /* borrowed until the stop */
    struct latency_samples *latency; /* likewise; told of each handshake; NULL: nobody is */
};

/* Start the thread. ERR_NOMEM, or ERR_* with *@error filled. On 0 the caller owns *@out.
 */
int tcp_server_start(const struct tcp_options *options, struct tcp_server **out,
                     struct net_error *error);
/* Stop and join the thread, close everything, free it. Accepts NULL. */
void tcp_server_stop(struct tcp_server *server);

const struct net_cells *tcp_server_cells(const struct tcp_server *server);
