/* TCP octets from outside, cut anywhere: the messages are those that the uncut octets hold.
 * links: net */
#include "net/tcp_stream.h"

#include "base/assert.h"
#include "dns/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Octets of @data that were cut off the stream, and how far the plain reading has come. */
struct reading {
    const uint8_t *data;
    size_t len;
    size_t at;
};

/* Compare all messages that are whole by now; false when the stream is broken. */
static bool take(struct tcp_stream *stream, struct reading *reading)
{
    for (;;) {
        const uint8_t *message;
        uint16_t message_len;
        enum tcp_stream_state state = tcp_stream_next(stream, &message, &message_len);
        if (state == TCP_STREAM_PARTIAL)
            return true;
        uint16_t expected_len = dns_wire_get16(reading->data + reading->at);
        ASSERT((state == TCP_STREAM_BROKEN) == (expected_len == 0));
        if (state == TCP_STREAM_BROKEN)
            return false;
        ASSERT(message_len == expected_len && reading->at + 2 + message_len <= reading->len);
        ASSERT(memcmp(message, reading->data + reading->at + 2, message_len) == 0);
        reading->at += 2u + message_len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t scratch[TCP_STREAM_SCRATCH_SIZE];
    struct tcp_stream stream = {0};
    if (len == 0)
        return 0;
    size_t piece = 1u + data[0];
    struct reading reading = {.data = data + 1, .len = len - 1};
    bool is_whole = true;
    for (size_t fed = 0; fed < reading.len && is_whole;) {
        uint8_t *out;
        size_t room;
        ASSERT(tcp_stream_reserve(&stream, scratch, &out, &room) == 0);
        size_t step = room < piece ? room : piece;
        step = step < reading.len - fed ? step : reading.len - fed;
        memcpy(out, reading.data + fed, step);
        tcp_stream_commit(&stream, step);
        fed += step;
        is_whole = take(&stream, &reading);
        ASSERT(tcp_stream_keep(&stream) == 0);
        ASSERT(!stream.is_lent && stream.size <= TCP_STREAM_MAX);
        memset(scratch, 0xa5, sizeof scratch); /* another stream's, now */
    }
    tcp_stream_fini(&stream);
    return 0;
}
