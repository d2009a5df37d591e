/* node/net/tcp_answer.c */
#include "net/tcp_answer.h"

#include "base/clock.h"
#include "base/ring.h"
#include "dns/answer.h"
#include "dnstap/record.h"
#include "net/counters.h"
#include "query.h"
#include "querylog/record.h"

_Static_assert(TCP_STREAM_PREFIX_LEN + DNS_MESSAGE_MAX == TCP_STREAM_MAX, "any reply has room");

static void tell_tap(const struct tcp_teller *teller, const struct query_env *env,
                     const struct query_item *item)
{
    const struct dnstap_event event = {.client = env->client,
                                       .server = teller->server,
                                       .query = item->request,
                                       .query_len = item->request_len,
                                       .query_wall_ns = teller->came_wall_ns,
                                       .response = item->reply.octets,
                                       .response_len = (uint16_t)item->reply.len,
                                       .response_wall_ns = clock_wall_ns(),
                                       .is_tcp = true};
    dnstap_note(teller->tap, &event);
}

static void tell(const struct tcp_teller *teller, const struct query_env *env,
                 const struct query_item *item)
{
    net_cell_add(&teller->cells->events[NET_TCP_QUERIES], 1);
    if (item->outcome == QUERY_DROPPED)
        net_cells_count_silent(teller->cells, item);
    else
        net_cells_count(teller->cells, item);
    if (__builtin_expect(teller->tap != NULL, 0) && item->outcome != QUERY_DROPPED)
        tell_tap(teller, env, item);
    if (teller->log == NULL || item->traits.slots.log == 0)
        return;
    const struct querylog_event event = {.client = env->client,
                                         .request = item->request,
                                         .request_len = item->request_len,
                                         .slot = item->traits.slots.log,
                                         .rcode = item->reply.rcode,
                                         .is_tcp = true,
                                         .time_wall_ms = teller->now_wall_ms};
    querylog_record_note(teller->log, &event);
}

/* Answer one message at @out; returns the octets written there, prefix included, 0 for no reply. */
static size_t answer_message(const struct query_env *env, const struct tcp_teller *teller,
                             const uint8_t *message, uint16_t message_len, uint8_t *out)
{
    struct query_item item = {
        .client = env->client,
        .request = message,
        .request_len = message_len,
        .reply = {.octets = out + TCP_STREAM_PREFIX_LEN, .capacity = DNS_MESSAGE_MAX}};
    query_answer_item(env, &item);
    tell(teller, env, &item);
    if (item.outcome == QUERY_DROPPED)
        return 0;
    dns_wire_put16(out, (uint16_t)item.reply.len);
    return TCP_STREAM_PREFIX_LEN + item.reply.len;
}

enum tcp_stream_state tcp_answer_round(struct tcp_stream *stream, const struct query_env *env,
                                       const struct tcp_teller *teller, uint8_t *round, size_t *len)
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
        *len += answer_message(&own, teller, message, message_len, round + *len);
    }
    if (teller->log != NULL)
        ring_commit(teller->log);
    if (teller->tap != NULL)
        dnstap_commit(teller->tap);
    return state;
}
