/* dnstap: what frames say, what a full ring and an absent reader cost, and readers that come, stall
 * and go. links: dnstap */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/ring.h"
#include "dnstap/dnstap.h"
#include "dnstap/frame.h"
#include "dnstap/record.h"
#include "proto/dnstap.pb-c.h"

#define CAME_NS UINT64_C(1513152962130456789)
#define WENT_NS UINT64_C(1513152963000000001)
#define LIMIT_MS 20000u /* what is later than this is a failure */

static struct sockaddr_in ipv4(const char *text, uint16_t port)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, text, &out.sin_addr), 1);
    return out;
}

static struct sockaddr_in6 ipv6(const char *text, uint16_t port)
{
    struct sockaddr_in6 out = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET6, text, &out.sin6_addr), 1);
    return out;
}

/* ---- one frame ---- */

static const _Atomic bool heard = true;
static const struct dnstap_source source = {"ns1.example.net", "quartetd 1.2.3"};

static struct dnstap_tap tap_of(struct ring *ring, enum dnstap_messages messages, uint32_t sample)
{
    return (struct dnstap_tap){
        .ring = ring, .is_heard = &heard, .messages = messages, .sample = sample, .left = sample};
}

/* @event through a ring into a frame, decoded again; the caller frees. */
static Dnstap__Dnstap *frame_of(const struct dnstap_event *event, enum dnstap_messages messages,
                                enum dnstap_frame_kind kind)
{
    static uint8_t frame[DNSTAP_FRAME_MAX];
    struct ring *ring = ring_new(1 << 19);
    struct dnstap_tap tap = tap_of(ring, messages, 1);
    size_t record_len;

    dnstap_note(&tap, event);
    dnstap_commit(&tap);
    const struct dnstap_record *record = ring_front(ring, &record_len);
    assert_non_null(record);
    size_t len = dnstap_frame_encode(record, kind, &source, frame);
    ring_free(ring);
    Dnstap__Dnstap *decoded = dnstap__dnstap__unpack(NULL, len, frame);
    assert_non_null(decoded);
    assert_int_equal(decoded->type, DNSTAP__DNSTAP__TYPE__MESSAGE);
    assert_non_null(decoded->message);
    return decoded;
}

static void assert_octets(const ProtobufCBinaryData *field, const void *octets, size_t len)
{
    assert_int_equal(field->len, len);
    assert_memory_equal(field->data, octets, len);
}

static void test_frame_of_query_has_all_its_fields(void **state)
{
    const struct sockaddr_in client = ipv4("192.0.2.77", 40000), server = ipv4("192.0.2.1", 53);
    const struct dnstap_event event = {.client = (const struct sockaddr *)&client,
                                       .server = (const struct sockaddr *)&server,
                                       .query = (const uint8_t *)"question",
                                       .query_len = 8,
                                       .query_wall_ns = CAME_NS,
                                       .response = (const uint8_t *)"answer",
                                       .response_len = 6,
                                       .response_wall_ns = WENT_NS};
    (void)state;
    Dnstap__Dnstap *frame = frame_of(&event, DNSTAP_BOTH, DNSTAP_FRAME_QUERY);
    const Dnstap__Message *message = frame->message;
    assert_octets(&frame->identity, "ns1.example.net", 15);
    assert_octets(&frame->version, "quartetd 1.2.3", 14);
    assert_false(frame->has_extra);
    assert_int_equal(message->type, DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
    assert_true(message->has_socket_family && message->has_socket_protocol);
    assert_int_equal(message->socket_family, DNSTAP__SOCKET_FAMILY__INET);
    assert_int_equal(message->socket_protocol, DNSTAP__SOCKET_PROTOCOL__UDP);
    assert_octets(&message->query_address, "\xc0\0\2\x4d", 4);
    assert_octets(&message->response_address, "\xc0\0\2\1", 4);
    assert_true(message->has_query_port && message->has_response_port);
    assert_int_equal(message->query_port, 40000);
    assert_int_equal(message->response_port, 53);
    assert_true(message->has_query_time_sec && message->has_query_time_nsec);
    assert_int_equal(message->query_time_sec, 1513152962);
    assert_int_equal(message->query_time_nsec, 130456789);
    assert_octets(&message->query_message, "question", 8);
    assert_false(message->has_response_time_sec || message->has_response_time_nsec);
    assert_false(message->has_response_message);
    dnstap__dnstap__free_unpacked(frame, NULL);
}

static void test_frame_of_response_has_all_its_fields(void **state)
{
    const struct sockaddr_in6 client = ipv6("2001:db8::77", 40001),
                              server = ipv6("2001:db8::1", 53);
    const struct dnstap_event event = {.client = (const struct sockaddr *)&client,
                                       .server = (const struct sockaddr *)&server,
                                       .query = (const uint8_t *)"question",
                                       .query_len = 8,
                                       .query_wall_ns = CAME_NS,
                                       .response = (const uint8_t *)"answer",
                                       .response_len = 6,
                                       .response_wall_ns = WENT_NS,
                                       .is_tcp = true};
    (void)state;
    Dnstap__Dnstap *frame = frame_of(&event, DNSTAP_BOTH, DNSTAP_FRAME_RESPONSE);
    const Dnstap__Message *message = frame->message;
    assert_int_equal(message->type, DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE);
    assert_int_equal(message->socket_family, DNSTAP__SOCKET_FAMILY__INET6);
    assert_int_equal(message->socket_protocol, DNSTAP__SOCKET_PROTOCOL__TCP);
    assert_octets(&message->query_address, &client.sin6_addr, 16);
    assert_octets(&message->response_address, &server.sin6_addr, 16);
    assert_int_equal(message->query_port, 40001);
    assert_int_equal(message->response_port, 53);
    assert_int_equal(message->query_time_sec, 1513152962);
    assert_int_equal(message->query_time_nsec, 130456789);
    assert_false(message->has_query_message);
    assert_int_equal(message->response_time_sec, 1513152963);
    assert_int_equal(message->response_time_nsec, 1);
    assert_octets(&message->response_message, "answer", 6);
    dnstap__dnstap__free_unpacked(frame, NULL);
    frame = frame_of(&event, DNSTAP_RESPONSES, DNSTAP_FRAME_RESPONSE_WITH_QUERY);
    assert_octets(&frame->message->query_message, "question", 8);
    assert_octets(&frame->message->response_message, "answer", 6);
    dnstap__dnstap__free_unpacked(frame, NULL);
}

/* What is not known is left out, and a query that was cut says so. */
static void test_frame_of_unknown_client_and_cut_query(void **state)
{
    const struct dnstap_event event = {
        .query = (const uint8_t *)"question", .query_len = 8, .is_cut = true};

    (void)state;
    Dnstap__Dnstap *frame = frame_of(&event, DNSTAP_BOTH, DNSTAP_FRAME_QUERY);
    assert_octets(&frame->extra, "query cut", 9);
    assert_false(frame->message->has_socket_family || frame->message->has_query_address ||
                 frame->message->has_query_port || frame->message->has_response_address ||
                 frame->message->has_response_port);
    dnstap__dnstap__free_unpacked(frame, NULL);
}

static void test_frame_of_largest_messages_is_whole(void **state)
{
    static uint8_t query[UINT16_MAX], response[UINT16_MAX];
    const struct sockaddr_in6 client = ipv6("2001:db8::77", 65535);
    const struct dnstap_event event = {.client = (const struct sockaddr *)&client,
                                       .server = (const struct sockaddr *)&client,
                                       .query = query,
                                       .query_len = UINT16_MAX,
                                       .query_wall_ns = UINT64_MAX,
                                       .response = response,
                                       .response_len = UINT16_MAX,
                                       .response_wall_ns = UINT64_MAX,
                                       .is_tcp = true};
    (void)state;
    memset(query, 'q', sizeof(query));
    memset(response, 'r', sizeof(response));
    Dnstap__Dnstap *frame = frame_of(&event, DNSTAP_RESPONSES, DNSTAP_FRAME_RESPONSE_WITH_QUERY);
    assert_octets(&frame->message->query_message, query, sizeof(query));
    assert_octets(&frame->message->response_message, response, sizeof(response));
    dnstap__dnstap__free_unpacked(frame, NULL);
}

/* ---- which exchanges are noted ---- */

static unsigned note_many(enum dnstap_messages messages, uint32_t sample, uint16_t response_len,
                          unsigned count, uint64_t *dropped)
{
    struct ring *ring = ring_new(1 << 16);
    struct dnstap_tap tap = tap_of(ring, messages, sample);
    const struct dnstap_event event = {.query = (const uint8_t *)"question",
                                       .query_len = 8,
                                       .response = (const uint8_t *)"answer",
                                       .response_len = response_len};
    unsigned noted = 0;
    size_t len;

    for (unsigned i = 0; i < count; i++)
        dnstap_note(&tap, &event);
    dnstap_commit(&tap);
    for (; ring_front(ring, &len); noted++)
        ring_pop(ring);
    *dropped = ring_dropped(ring);
    ring_free(ring);
    return noted;
}

static void test_note_takes_one_of_a_sample(void **state)
{
    uint64_t dropped;

    (void)state;
    assert_int_equal(note_many(DNSTAP_BOTH, 1, 6, 100, &dropped), 100);
    assert_int_equal(note_many(DNSTAP_BOTH, 10, 6, 100, &dropped), 10);
    assert_int_equal(note_many(DNSTAP_BOTH, 10, 6, 9, &dropped), 0);
    assert_int_equal(dropped, 0);
}

static void test_note_without_reply_is_no_response(void **state)
{
    uint64_t dropped;

    (void)state;
    assert_int_equal(note_many(DNSTAP_QUERIES, 1, 0, 5, &dropped), 5);
    assert_int_equal(note_many(DNSTAP_BOTH, 1, 0, 5, &dropped), 5);
    assert_int_equal(note_many(DNSTAP_RESPONSES, 1, 0, 5, &dropped), 0);
    assert_int_equal(dropped, 0);
}

static void test_note_into_full_ring_is_counted(void **state)
{
    uint64_t dropped;

    (void)state;
    unsigned noted = note_many(DNSTAP_BOTH, 1, 6, 5000, &dropped);
    assert_true(noted > 100 && noted < 5000);
    assert_int_equal(noted + dropped, 5000);
}

/* ---- readers ---- */

struct fixture {
    char folder[32], path[64];
    int listener; /* -1: none */
    struct dnstap *dnstap;
    struct dnstap_tap *tap;
};

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void listen_there(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->listener, 4), 0);
}

static void stop_listening(struct fixture *f)
{
    close(f->listener);
    unlink(f->path);
    f->listener = -1;
}

static void start(struct fixture *f, bool has_listener)
{
    *f = (struct fixture){.folder = "/tmp/quartet-dnstap-XXXXXX", .listener = -1};
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/sock", f->folder);
    if (has_listener)
        listen_there(f);
    const struct dnstap_options options = {
        .socket_path = f->path, .sample = 1, .identity = "ns1", .version = ""};
    assert_int_equal(dnstap_open(&options, &f->dnstap), 0);
    f->tap = dnstap_tap_open(f->dnstap);
    assert_non_null(f->tap);
}

static void stop(struct fixture *f)
{
    dnstap_tap_close(f->dnstap, f->tap);
    const uint64_t begun_ms = clock_mono_ms();
    dnstap_close(f->dnstap);
    /* Less than the handshake may take: a reader that is silent in it is given up, too. */
    assert_true(clock_mono_ms() - begun_ms < DNSTAP_CLOSE_MS + 3000);
    if (f->listener >= 0)
        stop_listening(f);
    rmdir(f->folder);
}

static void note(struct fixture *f, unsigned count)
{
    const struct dnstap_event event = {.query = (const uint8_t *)"question",
                                       .query_len = 8,
                                       .response = (const uint8_t *)"answer",
                                       .response_len = 6};
    for (unsigned i = 0; i < count; i++)
        dnstap_note(f->tap, &event);
    dnstap_commit(f->tap);
}

static struct dnstap_counters counters_of(struct fixture *f)
{
    struct dnstap_counters out;

    dnstap_read_counters(f->dnstap, &out);
    return out;
}

static void wait_connected(struct fixture *f, bool wanted)
{
    for (unsigned ms = 0; counters_of(f).is_connected != wanted; ms += 5) {
        if (ms > LIMIT_MS)
            fail_msg("it %s connected", wanted ? "is not" : "stays");
        pause_ms(5);
    }
}

/* Octets of the stream; asserts that they come. */
static void take(int fd, void *out, size_t len)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    for (size_t done = 0; done < len;) {
        assert_int_equal(poll(&one, 1, LIMIT_MS), 1);
        ssize_t got = recv(fd, (uint8_t *)out + done, len - done, 0);
        assert_true(got > 0);
        done += (size_t)got;
    }
}

static uint32_t take_number(int fd)
{
    uint8_t octets[4];

    take(fd, octets, sizeof(octets));
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
           octets[3];
}

/* A control frame after its escape; its type. The content type, if it has one, is ours. */
static uint32_t take_control(int fd)
{
    static const char type[] = "protobuf:dnstap.Dnstap";
    char field[64];
    const uint32_t len = take_number(fd), kind = take_number(fd);

    if (len > 4) {
        assert_int_equal(len, 4 + 8 + sizeof(type) - 1);
        assert_int_equal(take_number(fd), 1); /* CONTENT_TYPE */
        assert_int_equal(take_number(fd), sizeof(type) - 1);
        take(fd, field, sizeof(type) - 1);
        assert_memory_equal(field, type, sizeof(type) - 1);
    }
    return kind;
}

enum { ACCEPT = 1, START = 2, STOP = 3, READY = 4, FINISH = 5 };

static void give_control(int fd, uint8_t kind)
{
    static const char field[] = "\0\0\0\1\0\0\0\26protobuf:dnstap.Dnstap";
    uint8_t out[64] = {[7] = 4, [11] = kind};
    size_t len = 12;

    if (kind == ACCEPT) {
        memcpy(out + len, field, sizeof(field) - 1);
        len += sizeof(field) - 1;
        out[7] = (uint8_t)(len - 8);
    }
    assert_int_equal(send(fd, out, len, MSG_NOSIGNAL), len);
}

/* The reader's side of the handshake. */
static int accept_writer(struct fixture *f)
{
    struct pollfd one = {.fd = f->listener, .events = POLLIN};

    assert_int_equal(poll(&one, 1, LIMIT_MS), 1);
    int fd = accept(f->listener, NULL, NULL);
    assert_true(fd >= 0);
    assert_int_equal(take_number(fd), 0);
    assert_int_equal(take_control(fd), READY);
    give_control(fd, ACCEPT);
    assert_int_equal(take_number(fd), 0);
    assert_int_equal(take_control(fd), START);
    wait_connected(f, true);
    return fd;
}

/* Data frames until the stream's end, which is acknowledged; how many. */
static unsigned take_frames(int fd)
{
    uint8_t frame[1024];
    unsigned count = 0;
    uint32_t len;

    for (; (len = take_number(fd)) > 0; count++) {
        assert_true(len <= sizeof(frame));
        take(fd, frame, len);
        Dnstap__Dnstap *decoded = dnstap__dnstap__unpack(NULL, len, frame);
        assert_non_null(decoded);
        assert_int_equal(decoded->message->type, count % 2 == 0
                                                     ? DNSTAP__MESSAGE__TYPE__AUTH_QUERY
                                                     : DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE);
        dnstap__dnstap__free_unpacked(decoded, NULL);
    }
    assert_int_equal(take_control(fd), STOP);
    give_control(fd, FINISH);
    return count;
}

static void *close_dnstap(void *user)
{
    struct fixture *f = user;

    dnstap_tap_close(f->dnstap, f->tap);
    dnstap_close(f->dnstap);
    return NULL;
}

/* What was noted until the end is written, query and reply in order, and the end is said. */
static void test_reader_gets_everything_and_the_end(void **state)
{
    struct fixture f;
    pthread_t closer;

    (void)state;
    start(&f, true);
    int fd = accept_writer(&f);
    note(&f, 1000);
    assert_int_equal(pthread_create(&closer, NULL, close_dnstap, &f), 0);
    assert_int_equal(take_frames(fd), 2000);
    assert_int_equal(pthread_join(closer, NULL), 0);
    close(fd);
    stop_listening(&f);
    rmdir(f.folder);
}

static void test_reader_away_drops_and_counts(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, false);
    note(&f, 100);
    assert_int_equal(counters_of(&f).dropped, 100);
    assert_int_equal(counters_of(&f).written, 0);
    assert_false(counters_of(&f).is_connected);
    listen_there(&f); /* and now it comes */
    int fd = accept_writer(&f);
    note(&f, 1);
    take_number(fd);
    assert_int_equal(counters_of(&f).dropped, 100);
    close(fd);
    stop(&f);
}

/* Without any query, and then once more. */
static void test_reader_gone_is_noticed_and_connected_again(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, true);
    close(accept_writer(&f));
    wait_connected(&f, false);
    int fd = accept_writer(&f);
    note(&f, 1);
    take_number(fd);
    close(fd);
    stop(&f);
}

/* A reader that takes nothing holds up neither those who note nor the end. */
static void test_reader_stalled_costs_only_what_it_missed(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, true);
    int fd = accept_writer(&f);
    for (unsigned i = 0; counters_of(&f).dropped == 0; i++) {
        assert_true(i < 1000);
        note(&f, 1000);
    }
    assert_true(counters_of(&f).is_connected);
    stop(&f); /* within its bound */
    close(fd);
}

/* Whoever accepts and says nothing is given up when the node stops. */
static void test_reader_silent_in_handshake_does_not_hold_up_the_end(void **state)
{
    struct fixture f;
    struct pollfd one = {.events = POLLIN};

    (void)state;
    start(&f, true);
    one.fd = f.listener;
    assert_int_equal(poll(&one, 1, LIMIT_MS), 1);
    note(&f, 10);
    assert_int_equal(counters_of(&f).dropped, 10);
    stop(&f);
}

/* Until the other side closes the connection. */
static void take_until_closed(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    uint8_t octets[256];

    do
        assert_int_equal(poll(&one, 1, LIMIT_MS), 1);
    while (recv(fd, octets, sizeof(octets), 0) > 0);
}

static void test_reader_that_speaks_otherwise_is_no_reader(void **state)
{
#define SAID(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        const char *octets;
        size_t len;
    } said[] = {
        SAID("HTTP/1.1 400 Bad Request\r\n\r\n"),
        SAID("\0\0\0\0\xff\xff\xff\xff"),                         /* a control frame of 4 GiB */
        SAID("\0\0\0\0\0\0\0\4\0\0\0\5\0\0\0\0\0\0\0\4\0\0\0\1"), /* FINISH, then ACCEPT */
        SAID("\0\0\0\0\0\0\0\xd\0\0\0\1\0\0\0\1\0\0\0\1x"),       /* ACCEPT of another type */
    };
#undef SAID
    struct fixture f;
    struct pollfd one = {.events = POLLIN};

    (void)state;
    start(&f, true);
    one.fd = f.listener;
    for (unsigned i = 0; i < sizeof(said) / sizeof(*said); i++) { /* it is tried again */
        assert_int_equal(poll(&one, 1, LIMIT_MS), 1);
        int fd = accept(f.listener, NULL, NULL);
        assert_int_equal(send(fd, said[i].octets, said[i].len, MSG_NOSIGNAL), said[i].len);
        take_until_closed(fd);
        assert_false(counters_of(&f).is_connected);
        close(fd);
    }
    stop(&f);
}

static void test_open_refuses_what_cannot_be(void **state)
{
    char longest[300];
    struct dnstap *out = NULL;
    struct dnstap_options options = {.socket_path = longest, .sample = 1};

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    longest[120] = '\0'; /* longer than a socket's address */
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    longest[0] = '\0';
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    options.socket_path = "/nowhere/sock";
    options.sample = 0;
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    options.sample = DNSTAP_SAMPLE_MAX + 1;
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    options.sample = 1;
    memset(longest, 'x', DNSTAP_TEXT_MAX + 1);
    longest[DNSTAP_TEXT_MAX + 1] = '\0';
    options.identity = longest;
    assert_int_equal(dnstap_open(&options, &out), ERR_INVALID);
    assert_null(out);
    dnstap_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_of_query_has_all_its_fields),
        cmocka_unit_test(test_frame_of_response_has_all_its_fields),
        cmocka_unit_test(test_frame_of_unknown_client_and_cut_query),
        cmocka_unit_test(test_frame_of_largest_messages_is_whole),
        cmocka_unit_test(test_note_takes_one_of_a_sample),
        cmocka_unit_test(test_note_without_reply_is_no_response),
        cmocka_unit_test(test_note_into_full_ring_is_counted),
        cmocka_unit_test(test_reader_gets_everything_and_the_end),
        cmocka_unit_test(test_reader_away_drops_and_counts),
        cmocka_unit_test(test_reader_gone_is_noticed_and_connected_again),
        cmocka_unit_test(test_reader_stalled_costs_only_what_it_missed),
        cmocka_unit_test(test_reader_silent_in_handshake_does_not_hold_up_the_end),
        cmocka_unit_test(test_reader_that_speaks_otherwise_is_no_reader),
        cmocka_unit_test(test_open_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
