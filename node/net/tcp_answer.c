/* node/net/tcp_answer.c */
#include "net/tcp_answer.h"

#include "dns/answer.h"
#include "net/counters.h"
#include "query.h"

_Static_assert(TCP_STREAM_PREFIX_LEN + DNS_MESSAGE_MAX == TCP_STREAM_MAX, "any reply has room");

/* Answer one message at @out; returns the octets written there, prefix included, 0 for no reply. */
static size_t answer_message(const struct query_env *env, struct net_cells *cells,
                             const uint8_t *message, uint16_t message_len, uint8_t *out)
{
    struct dns_writer reply = {.octets = out + TCP_STREAM_PREFIX_LEN, .capacity = DNS_MESSAGE_MAX};
    enum query_outcome outcome = query_answer(env, message, message_len, &reply);
    net_cell_add(&cells->events[NET_TCP_QUERIES], 1);
    net_cells_count(cells, outcome, outcome == QUERY_DROPPED ? 0 : reply.rcode);
    if (outcome == QUERY_DROPPED)
        return 0;
    dns_wire_put16(out, (uint16_t)reply.len);
    return TCP_STREAM_PREFIX_LEN + reply.len;
}

enum tcp_stream_state tcp_answer_round(struct tcp_stream *stream, const struct query_env *env,
                                       struct net_cells *cells, uint8_t *round, size_t *len)
{
    enum tcp_stream_state state = TCP_STREAM_MESSAGE;
    struct query_env own = *env;
    unsigned count = 0;
    *len = 0;
    while (state == TCP_STREAM_MESSAGE && TCP_ROUND_SIZE - *len >= TCP_STREAM_MAX) {
        const uint8_t *message;
        uint16_t message_len;
        state = tcp_stream_next(stream, &message, &message_len);
        if (state != TCP_STREAM_MESSAGE)
            break;
        own.draw = query_draw_at(env->draw, count++);
        *len += answer_message(&own, cells, message, message_len, round + *len);
    }
    return state;
}
