/* Messages out of a TCP stream, however it is cut. links: net */
#include "net/tcp_stream.h"

#include "dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Feed @len octets in pieces of at most @piece; returns the messages taken, the sum of their octets
 * in *@sum. */
static unsigned feed(struct tcp_stream *stream, const uint8_t *octets, size_t len, size_t piece,
                     uint64_t *sum)
{
    unsigned taken = 0;
    while (len > 0) {
        uint8_t *out;
        size_t room;
        assert_int_equal(tcp_stream_reserve(stream, &out, &room), 0);
        assert_true(room > 0);
        size_t step = room < piece ? room : piece;
        step = step < len ? step : len;
        memcpy(out, octets, step);
        tcp_stream_commit(stream, step);
        octets += step;
        len -= step;
        const uint8_t *message;
        uint16_t message_len;
        while (tcp_stream_next(stream, &message, &message_len) == TCP_STREAM_MESSAGE) {
            taken++;
            for (unsigned i = 0; i < message_len; i++)
                *sum += message[i];
        }
    }
    return taken;
}

static void test_next_any_cut_gives_the_same_messages(void **state)
{
    (void)state;
    static const uint16_t lens[] = {1, 12, 300, 2046, 2047, 1, 65535, 40, 65535};
    static uint8_t octets[200000];
    size_t len = 0;
    uint64_t expected = 0;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        dns_wire_put16(octets + len, lens[i]);
        memset(octets + len + 2, (int)i + 1, lens[i]);
        len += 2u + lens[i];
        expected += (i + 1) * lens[i];
    }
    static const size_t pieces[] = {1, 2, 3, 7, 100, 2048, 65536, 200000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct tcp_stream stream = {0};
        uint64_t sum = 0;
        assert_int_equal(feed(&stream, octets, len, pieces[i], &sum), 9);
        assert_int_equal(sum, expected);
        assert_true(stream.size <= TCP_STREAM_MAX);
        tcp_stream_fini(&stream);
    }
}

static void test_next_small_messages_need_no_growth(void **state)
{
    (void)state;
    struct tcp_stream stream = {0};
    uint8_t octets[100 * 32] = {0};
    uint64_t sum = 0;
    for (unsigned i = 0; i < 100; i++)
        octets[i * 32 + 1] = 30;
    assert_int_equal(feed(&stream, octets, sizeof octets, 1000, &sum), 100);
    assert_int_equal(stream.size, TCP_STREAM_START_SIZE);
    tcp_stream_fini(&stream);
}

static void test_next_length_zero_is_broken(void **state)
{
    (void)state;
    struct tcp_stream stream = {0};
    const uint8_t *message;
    uint16_t message_len;
    uint8_t *out;
    size_t room;
    assert_int_equal(tcp_stream_next(&stream, &message, &message_len), TCP_STREAM_PARTIAL);
    assert_int_equal(tcp_stream_reserve(&stream, &out, &room), 0);
    memcpy(out, "\0\1x\0\0", 5);
    tcp_stream_commit(&stream, 5);
    assert_int_equal(tcp_stream_next(&stream, &message, &message_len), TCP_STREAM_MESSAGE);
    assert_int_equal(message_len, 1);
    assert_int_equal(tcp_stream_next(&stream, &message, &message_len), TCP_STREAM_BROKEN);
    tcp_stream_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_any_cut_gives_the_same_messages),
        cmocka_unit_test(test_next_small_messages_need_no_growth),
        cmocka_unit_test(test_next_length_zero_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
