/* node/net/tcp_stream.c */
#include "net/tcp_stream.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/wire.h"

#include <stdlib.h>
#include <string.h>

void tcp_stream_fini(struct tcp_stream *stream)
{
    if (!stream->is_lent)
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

static void move_to_front(struct tcp_stream *stream, uint8_t *front)
{
    memmove(front, stream->octets + stream->from, stream->len - stream->from);
    stream->len -= stream->from;
    stream->from = 0;
}

/* A buffer that is full of one message is doubled, up to what the message takes. */
static int grow(struct tcp_stream *stream)
{
    size_t size = 2 * stream->size;
    size_t needed = front_len(stream);
    size = size < needed ? size : needed;
    ASSERT(size > stream->len && size <= TCP_STREAM_MAX);
    uint8_t *octets = realloc(stream->octets, size);
    if (octets == NULL)
        return ERR_NOMEM;
    stream->octets = octets;
    stream->size = size;
    return 0;
}

int tcp_stream_reserve(struct tcp_stream *stream, uint8_t *scratch, uint8_t **out, size_t *room)
{
    ASSERT(!stream->is_lent);
    if (stream->octets == NULL)
        *stream = (struct tcp_stream){
            .octets = scratch, .size = TCP_STREAM_SCRATCH_SIZE, .is_lent = true};
    move_to_front(stream, stream->octets);
    if (stream->len == stream->size && grow(stream) != 0)
        return ERR_NOMEM;
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

/* Put what is left into a buffer of its own that is no larger than that needs. */
static int keep_left(struct tcp_stream *stream, size_t left)
{
    size_t size = left > TCP_STREAM_START_SIZE ? left : TCP_STREAM_START_SIZE;
    uint8_t *octets = malloc(size);
    if (octets == NULL)
        return ERR_NOMEM;
    uint8_t *before = stream->is_lent ? NULL : stream->octets;
    move_to_front(stream, octets);
    free(before);
    stream->octets = octets;
    stream->size = size;
    stream->is_lent = false;
    return 0;
}

int tcp_stream_keep(struct tcp_stream *stream)
{
    size_t left = stream->len - stream->from;
    bool is_much_larger = stream->from > 0 && stream->size > TCP_STREAM_SCRATCH_SIZE;
    if (left == 0)
        tcp_stream_fini(stream);
    else if (stream->is_lent || is_much_larger)
        return keep_left(stream, left);
    return 0;
}
