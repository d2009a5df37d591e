/* node/net/xdp.h: UDP past the kernel's network stack, by AF_XDP (libknot's): one thread for each
 * receive queue of an interface. What the program in the driver does not take (other protocols and
 * ports, fragments, IP options) goes to the kernel and so to the ordinary sockets, as does
 * everything when this is stopped. UDP to our port for addresses that are not ours (of a wildcard:
 * that this machine does not have) is dropped, not passed on: AF_XDP is not for an interface of a
 * router that others' DNS goes through. Replies over IPv4 carry no DF, unlike those of the sockets:
 * libknot writes their headers. Internal to net/. */
#pragma once

#include "net/batch.h"

#include <stdint.h>
#include <sys/socket.h>

struct net_cells;
struct net_error;
struct xdp_worker;

#define XDP_QUEUES_MAX 64u

struct xdp_options {
    const char *interface;                    /* its name; borrowed for the call */
    const struct sockaddr_storage *addresses; /* that we answer for, of one port; borrowed until
                                                 the stop */
    unsigned address_count;
    const struct net_env *env; /* borrowed until the stop */
};

/* Receive queues of @interface: 1 to XDP_QUEUES_MAX, or ERR_NOT_FOUND with *@error filled. */
int xdp_count_queues(const char *interface, struct net_error *error);
/* Start the thread of one queue; queue 0 first and stopped last, as it has the program. ERR_DENIED
 * (needs root, or CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW), ERR_EXISTS (another
 * program has the interface), ERR_UNSUPPORTED, ERR_NOMEM, ERR_IO, with *@error filled. On 0 the
 * caller owns *@out. */
int xdp_worker_start(const struct xdp_options *options, unsigned queue, struct xdp_worker **out,
                     struct net_error *error);
/* Stop and join the thread, detach, free it. Accepts NULL. */
void xdp_worker_stop(struct xdp_worker *worker);

const struct net_cells *xdp_worker_cells(const struct xdp_worker *worker);
