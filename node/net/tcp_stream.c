/* node/net/tcp_stream.c */
#include "net/tcp_stream.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/wire.h"

#include <stdlib.h>
#include <string.h>

void tcp_stream_fini(struct tcp_stream *stream)
{
    free(stream->octets);
    *stream = (struct tcp_stream){0};
}

/* Octets that the message at the front takes in all, as far as is known. */
static size_t front_len(const struct tcp_stream *stream)
{
    if (stream->len - stream->from < TCP_STREAM_PREFIX_LEN)
        return TCP_STREAM_PREFIX_LEN;
    return TCP_STREAM_PREFIX_LEN + (size_t)dns_wire_get16(stream->octets + stream->from);
}

int tcp_stream_reserve(struct tcp_stream *stream, uint8_t **out, size_t *room)
{
    size_t needed = front_len(stream);
    if (needed < TCP_STREAM_START_SIZE)
        needed = TCP_STREAM_START_SIZE;
    if (stream->from > 0) {
        memmove(stream->octets, stream->octets + stream->from, stream->len - stream->from);
        stream->len -= stream->from;
        stream->from = 0;
    }
    if (needed > stream->size) {
        uint8_t *octets = realloc(stream->octets, needed);
        if (octets == NULL)
            return ERR_NOMEM;
        stream->octets = octets;
        stream->size = needed;
    }
    ASSERT(stream->len < stream->size && stream->size <= TCP_STREAM_MAX);
    *out = stream->octets + stream->len;
    *room = stream->size - stream->len;
    return 0;
}

void tcp_stream_commit(struct tcp_stream *stream, size_t len)
{
    ASSERT(len <= stream->size - stream->len);
    stream->len += len;
}

enum tcp_stream_state tcp_stream_next(struct tcp_stream *stream, const uint8_t **message,
                                      uint16_t *message_len)
{
    size_t front = front_len(stream);
    size_t available = stream->len - stream->from;
    if (available < TCP_STREAM_PREFIX_LEN)
        return TCP_STREAM_PARTIAL;
    if (front == TCP_STREAM_PREFIX_LEN)
        return TCP_STREAM_BROKEN;
    if (available < front)
        return TCP_STREAM_PARTIAL;
    *message = stream->octets + stream->from + TCP_STREAM_PREFIX_LEN;
    *message_len = (uint16_t)(front - TCP_STREAM_PREFIX_LEN);
    stream->from += front;
    return TCP_STREAM_MESSAGE;
}
