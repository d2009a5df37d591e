/* links: raft_io raft_core
 * A stream of octets, cut anywhere, gives the frames that went into it. */
#include "raft/io/transport_split.h"

#include <nng/nng.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raft/io/transport_internal.h"

#define STREAM_LEN_MAX 70000

static const size_t lens[] = {0, 1, 7, 8, 9, 300, 0, 65000, 2};
#define FRAMES (sizeof(lens) / sizeof(lens[0]))

static uint8_t octet(size_t frame, size_t at)
{
    return (uint8_t)(frame * 31 + at * 7);
}

static size_t stream_new(uint8_t *out)
{
    size_t len = 0;
    for (size_t f = 0; f < FRAMES; f++) {
        transport_prefix_write(out + len, lens[f]);
        len += TRANSPORT__PREFIX_LEN;
        for (size_t i = 0; i < lens[f]; i++)
            out[len++] = octet(f, i);
    }
    assert_true(len <= STREAM_LEN_MAX);
    return len;
}

static void check_frame(nng_msg *message, size_t frame)
{
    const uint8_t *body = nng_msg_body(message);
    assert_true(frame < FRAMES);
    assert_int_equal(nng_msg_len(message), lens[frame]);
    for (size_t i = 0; i < lens[frame]; i++)
        assert_int_equal(body[i], octet(frame, i));
    nng_msg_free(message);
}

/* Feed pieces of at most @piece octets; every other one in place where that is possible. */
static void feed(const uint8_t *stream, size_t len, size_t piece)
{
    struct transport_split split = {0};
    size_t frame = 0, at = 0;
    for (unsigned turn = 0; at < len; turn++) {
        nng_msg *message = NULL;
        size_t room_len = 0;
        size_t here = len - at < piece ? len - at : piece;
        uint8_t *room = turn % 2 == 1 ? transport_split_room(&split, &room_len) : NULL;
        if (room != NULL && room_len > 0) {
            here = here < room_len ? here : room_len;
            memcpy(room, stream + at, here);
            transport_split_fill(&split, here, &message);
            at += here;
        } else {
            int64_t taken = transport_split_take(&split, stream + at, here, &message);
            assert_true(taken > 0);
            assert_true(message != NULL || (size_t)taken == here);
            at += (size_t)taken;
        }
        if (message != NULL)
            check_frame(message, frame++);
    }
    assert_int_equal(frame, FRAMES);
    assert_null(split.message);
    assert_int_equal(split.prefix_len, 0);
}

static void test_frames_come_whole_however_they_are_cut(void **state)
{
    uint8_t *stream = malloc(STREAM_LEN_MAX);
    (void)state;
    assert_non_null(stream);
    size_t len = stream_new(stream);
    for (size_t piece = 1; piece < 20; piece++)
        feed(stream, len, piece);
    feed(stream, len, 4096);
    feed(stream, len, len);
    free(stream);
}

static void test_too_long_is_refused_before_room_is_made(void **state)
{
    uint8_t prefix[TRANSPORT__PREFIX_LEN];
    nng_msg *message = NULL;
    (void)state;
    for (unsigned shift = 32; shift < 64; shift += 31) {
        struct transport_split split = {0};
        transport_prefix_write(prefix, UINT64_C(1) << shift);
        assert_int_equal(transport_split_take(&split, prefix, sizeof(prefix), &message),
                         RAFT_ELIMIT);
        assert_null(split.message);
    }
    struct transport_split split = {0};
    transport_prefix_write(prefix, TRANSPORT__RECV_LEN_MAX + 1);
    assert_int_equal(transport_split_take(&split, prefix, 7, &message), 7);
    assert_int_equal(transport_split_take(&split, prefix + 7, 1, &message), RAFT_ELIMIT);
    memset(&split, 0, sizeof(split));
    transport_prefix_write(prefix, TRANSPORT__RECV_LEN_MAX);
    assert_int_equal(transport_split_take(&split, prefix, sizeof(prefix), &message),
                     TRANSPORT__PREFIX_LEN);
    assert_non_null(split.message);
    transport_split_clear(&split);
    assert_null(split.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_whole_however_they_are_cut),
        cmocka_unit_test(test_too_long_is_refused_before_room_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
