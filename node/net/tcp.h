/* node/net/tcp.h: DNS over TCP (RFC 7766) on one thread with an event loop of its own. Internal to
 * net/.
 *
 * Bounds: connections_max connections (more wait in the listen queue until one closes); of each,
 * one request of 65,535 octets being read and TCP_UNSENT_MAX octets of replies that the client has
 * not taken (reading pauses); idle_ms without a whole request or progress of a reply closes it. */
#pragma once

#include <stdint.h>

struct net_cells;
struct net_env;
struct net_error;
struct tcp_server;

#define TCP_BACKLOG 512               /* connections that wait in a listening socket's queue */
#define TCP_UNSENT_MAX (128u * 1024u) /* passed by one round of replies at most */

struct tcp_options {
    const int *fds_take; /* listening sockets; taken whatever the outcome */
    unsigned fd_count;
    unsigned connections_max;
    uint32_t idle_ms;
    const struct net_env *env; /* borrowed until the stop */
};

/* Start the thread. ERR_NOMEM, or ERR_* with *@error filled. On 0 the caller owns *@out.
 */
int tcp_server_start(const struct tcp_options *options, struct tcp_server **out,
                     struct net_error *error);
/* Stop and join the thread, close everything, free it. Accepts NULL. */
void tcp_server_stop(struct tcp_server *server);

const struct net_cells *tcp_server_cells(const struct tcp_server *server);
