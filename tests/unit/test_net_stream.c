/* Messages out of a TCP stream, however it is cut. links: net */
#include "net/tcp_stream.h"

#include "dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t scratch[TCP_STREAM_SCRATCH_SIZE];

/* Feed @len octets in pieces of at most @piece; returns the messages taken, the sum of their octets
 * in *@sum. */
static unsigned feed(struct tcp_stream *stream, const uint8_t *octets, size_t len, size_t piece,
                     uint64_t *sum)
{
    unsigned taken = 0;
    while (len > 0) {
        uint8_t *out;
        size_t room;
        assert_int_equal(tcp_stream_reserve(stream, scratch, &out, &room), 0);
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
        assert_int_equal(tcp_stream_keep(stream), 0);
        memset(scratch, 0xa5, sizeof scratch); /* the next stream's */
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

static void test_keep_with_nothing_under_way_holds_nothing(void **state)
{
    (void)state;
    struct tcp_stream stream = {0};
    uint8_t octets[100 * 32] = {0};
    uint64_t sum = 0;
    for (unsigned i = 0; i < 100; i++)
        octets[i * 32 + 1] = 30;
    assert_int_equal(feed(&stream, octets, sizeof octets, sizeof octets, &sum), 100);
    assert_null(stream.octets);
    assert_int_equal(stream.size, 0);
    assert_int_equal(feed(&stream, octets, 32 + 5, sizeof octets, &sum), 1);
    assert_int_equal(stream.size, TCP_STREAM_START_SIZE);
    assert_int_equal(feed(&stream, octets + 5, 27, sizeof octets, &sum), 1);
    assert_int_equal(stream.size, 0);
    tcp_stream_fini(&stream);
}

/* What a client announces costs nothing until it comes. */
static void test_reserve_grows_with_what_has_come(void **state)
{
    (void)state;
    struct tcp_stream stream = {0};
    static uint8_t octets[TCP_STREAM_MAX] = {0xff, 0xff};
    uint64_t sum = 0;
    for (size_t fed = 0; fed < sizeof octets - 1; fed++) {
        assert_int_equal(feed(&stream, octets + fed, 1, 1, &sum), 0);
        assert_true(stream.size <= TCP_STREAM_START_SIZE || stream.size <= 2 * (fed + 1));
    }
    assert_int_equal(feed(&stream, octets + sizeof octets - 1, 1, 1, &sum), 1);
    assert_int_equal(stream.size, 0);
    tcp_stream_fini(&stream);
}

/* A large buffer does not stay for the start of the next message. */
static void test_keep_gives_a_large_buffer_back(void **state)
{
    (void)state;
    struct tcp_stream stream = {0};
    static uint8_t octets[60000 + 2 + 100];
    uint8_t *out;
    size_t room;
    const uint8_t *message;
    uint16_t message_len;
    uint64_t sum = 0;
    dns_wire_put16(octets, 60000);
    assert_int_equal(feed(&stream, octets, 40000, 2048, &sum), 0);
    for (size_t fed = 40000; fed < 60002; fed += room) {
        assert_int_equal(tcp_stream_reserve(&stream, scratch, &out, &room), 0);
        room = room < sizeof octets - fed ? room : sizeof octets - fed;
        memcpy(out, octets + fed, room);
        tcp_stream_commit(&stream, room);
    }
    dns_wire_put16(stream.octets + 60002 - 2, 0);
    assert_int_equal(tcp_stream_next(&stream, &message, &message_len), TCP_STREAM_MESSAGE);
    assert_int_equal(message_len, 60000);
    assert_int_equal(tcp_stream_keep(&stream), 0);
    assert_true(stream.size <= TCP_STREAM_START_SIZE);
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
    assert_int_equal(tcp_stream_reserve(&stream, scratch, &out, &room), 0);
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
        cmocka_unit_test(test_keep_with_nothing_under_way_holds_nothing),
        cmocka_unit_test(test_reserve_grows_with_what_has_come),
        cmocka_unit_test(test_keep_gives_a_large_buffer_back),
        cmocka_unit_test(test_next_length_zero_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
