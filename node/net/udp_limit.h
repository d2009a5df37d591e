/* node/net/udp_limit.h: response rate limiting as a step between an answered query and its reply.
 * Two calls a reply, so that the table's memory arrives while other replies are made:
 * udp_limit_prepare() after each query_answer(), udp_limit_settle() before the batch is sent.
 * Internal to net/; called by the worker that owns the cells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dns_writer;
struct net_cells;
struct rrl;
struct query_traits;
struct rrl_key;
struct sockaddr;

/* Must this reply be accounted? Then @key is filled and its memory on the way. False for what is
 * never limited: @rrl NULL (limiting is off), a valid cookie (reply->has_valid_cookie: the address
 * is no forgery), an exempt client; the last two are counted. @reply is as query_answer() left it.
 */
bool udp_limit_prepare(const struct rrl *rrl, const struct sockaddr *client,
                       const struct query_traits *traits, const struct dns_writer *reply,
                       struct net_cells *cells, struct rrl_key *key);

enum udp_limit_mode {
    UDP_LIMIT_ACT,
    UDP_LIMIT_LOG_ONLY, /* count what would be limited, and send everything */
};
/* Account @reply and count what became of it. True: send it, perhaps cut down to the question with
 * TC set; errors, which are no longer than that, go as they are. False: send nothing. */
bool udp_limit_settle(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms,
                      enum udp_limit_mode mode, struct dns_writer *reply, struct net_cells *cells);
