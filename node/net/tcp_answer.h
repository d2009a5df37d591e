/* node/net/tcp_answer.h: requests out of a TCP stream, replies into a buffer. No socket: tests and
 * fuzzers call what production calls. Internal to net/. */
#pragma once

#include "net/tcp_stream.h"

struct dnstap_tap;
struct net_cells;
struct query_env;
struct ring;
struct sockaddr;

#define TCP_ROUND_SIZE (2u * TCP_STREAM_MAX) /* replies gathered before they are written */

struct tcp_teller { /* who is told of what was answered */
    struct net_cells *cells;
    struct ring *log;              /* of logged zones; NULL: nobody */
    uint64_t now_wall_ms;          /* for the log */
    struct dnstap_tap *tap;        /* of all exchanges; NULL: nobody */
    const struct sockaddr *server; /* for the tap: the address that was asked, */
    uint64_t came_wall_ns;         /* and when the requests were there */
};

/* Answer whole messages of @stream until none is left or @round (TCP_ROUND_SIZE octets) may not
 * hold one more reply; *@len octets of framed replies are there. All is told to @teller. Returns
 * the stream's state: MESSAGE means that there may be more. */
enum tcp_stream_state tcp_answer_round(struct tcp_stream *stream, const struct query_env *env,
                                       const struct tcp_teller *teller, uint8_t *round,
                                       size_t *len);
