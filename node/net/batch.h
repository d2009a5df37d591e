/* node/net/batch.h: requests that came by UDP at once, from octets to replies: one read section,
 * one reading of the clocks, look-ups side by side, counting, rate limits. How the octets come and
 * go is the caller's: sockets (udp.c) or AF_XDP (xdp.c). Internal to net/. A batch belongs to one
 * thread; it allocates when it is made and never after. */
#pragma once

#include "net/env.h"
#include "net/rrl.h"
#include "query.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct dnstap_tap;
struct net_cells;
struct ring;

#define NET_BATCH_MAX 64u

struct net_batch {
    const struct net_env *env;
    struct net_cells *cells;
    struct net_thread_env own;
    struct query_scratch *scratch;
    struct ring *log;       /* NULL: nothing is logged */
    struct dnstap_tap *tap; /* NULL: answer without; else call net_batch_answer_tapped() */
    unsigned untimed_left;  /* batches before one is timed */
    struct query_item items[NET_BATCH_MAX];
    struct rrl_key keys[NET_BATCH_MAX];
    bool is_accounted[NET_BATCH_MAX];
};

/* @env and @cells are borrowed until fini. ERR_NOMEM. */
int net_batch_init(struct net_batch *batch, const struct net_env *env, struct net_cells *cells);
void net_batch_fini(struct net_batch *batch); /* accepts one that is all zero */

/* Request @index of the next answer: all pointers are borrowed until then, as is the room for its
 * reply, @reply_capacity octets, at least 512. */
static inline void net_batch_set(struct net_batch *batch, unsigned index,
                                 const struct sockaddr *client, const uint8_t *request,
                                 uint16_t request_len)
{
    batch->items[index].client = client;
    batch->items[index].request = request;
    batch->items[index].request_len = request_len;
}
static inline void net_batch_set_reply(struct net_batch *batch, unsigned index, uint8_t *reply,
                                       uint32_t reply_capacity)
{
    batch->items[index].reply.octets = reply;
    batch->items[index].reply.capacity = reply_capacity;
}

/* Answer requests 0 to @count - 1, all from one generation of the image. */
void net_batch_answer(struct net_batch *batch, unsigned count);
struct net_tapped {                /* of a request, what nobody but the tap wants to know */
    const struct sockaddr *server; /* the address that was asked */
    bool is_cut;                   /* it was longer than the room for it */
};
/* The same with a tap, which is told of all that came and goes out: @requests in order. */
void net_batch_answer_tapped(struct net_batch *batch, unsigned count,
                             const struct net_tapped *requests);
/* Octets of the reply to request @index; 0: send none. */
static inline uint32_t net_batch_reply_len(const struct net_batch *batch, unsigned index)
{
    return batch->items[index].reply.len;
}
