/* node/net/udp.h: one UDP worker: a thread, its sockets, and batches of datagrams in and out.
 * Internal to net/. A worker allocates before its thread starts and never after. */
#pragma once

#include "net/batch.h"

#include <stdint.h>

struct net_cells;
struct net_env;
struct net_error;
struct udp_worker;

#define UDP_BATCH NET_BATCH_MAX /* datagrams per system call and read section */

/* Start a thread that answers on @fds (one or more; taken whatever the outcome). @env is
 * borrowed until the stop. ERR_NOMEM or ERR_IO, with *@error filled. On 0 the caller owns *@out. */
int udp_worker_start(const int *fds_take, unsigned fd_count, const struct net_env *env,
                     struct udp_worker **out, struct net_error *error);
/* Keep its thread on one processor: the @cpu_index-th that the process may use. */
void udp_worker_pin(struct udp_worker *worker, unsigned cpu_index);
/* Stop and join the thread, close its sockets, free it. Accepts NULL. */
void udp_worker_stop(struct udp_worker *worker);

const struct net_cells *udp_worker_cells(const struct udp_worker *worker);
