/* links: gateway proto base
 *
 * The gateway's connection to its node: order, loss, garbage, bounds. The node is a plain socket of
 * the test's own; the loop runs in this thread. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/err.h"
#include "base/frame.h"
#include "gateway/node_client.h"
#include "proto/control.pb-c.h"

#define ASKED_MAX (NODE_CLIENT_REQUESTS_MAX + 8u)
#define TURNS 40

struct asked {
    int code;
    char change_id[16];
    bool is_answered;
};

static struct fixture {
    uv_loop_t loop;
    struct node_client *client;
    char path[108];
    int listener, node; /* node: the accepted end */
    struct asked asked[ASKED_MAX];
    unsigned answered;
    bool is_closed;
} f;

static void turn(void)
{
    for (int i = 0; i < TURNS; i++)
        uv_run(&f.loop, UV_RUN_NOWAIT);
}

static void listen_again(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
    unlink(f.path);
    f.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(f.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f.listener, 4), 0);
}

/* Wait for the client's next try. */
static void accept_client(void)
{
    for (int i = 0; i < 400 && f.node < 0; i++) {
        turn();
        f.node = accept(f.listener, NULL, NULL);
        usleep(5000);
    }
    assert_true(f.node >= 0);
    turn();
    assert_true(node_client_is_connected(f.client));
}

static int setup(void **state)
{
    static unsigned number;

    (void)state;
    memset(&f, 0, sizeof(f));
    f.node = f.listener = -1;
    snprintf(f.path, sizeof(f.path), "/tmp/quartet-node-%d-%u.sock", getpid(), number++);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    listen_again();
    assert_int_equal(node_client_open(&f.loop, f.path, &f.client), 0);
    accept_client();
    return 0;
}

static void on_closed(void *user)
{
    (void)user;
    f.is_closed = true;
}

static int teardown(void **state)
{
    (void)state;
    node_client_close(f.client, on_closed, NULL);
    turn();
    assert_true(f.is_closed);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    close(f.node);
    close(f.listener);
    unlink(f.path);
    return 0;
}

static void on_reply(void *user, const Ctl__Reply *reply, int code)
{
    struct asked *asked = user;

    assert_false(asked->is_answered);
    asked->is_answered = true;
    asked->code = code;
    f.answered++;
    assert_true((reply != NULL) == (code == 0));
    if (reply)
        snprintf(asked->change_id, sizeof(asked->change_id), "%s", reply->change_id);
}

static void ask_change(unsigned index, const char *id)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeGet get = CTL__CHANGE_GET__INIT;

    get.change_id = (char *)(uintptr_t)id;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_GET;
    request.change_get = &get;
    node_client_ask(f.client, &request, on_reply, &f.asked[index]);
}

static void receive_octets(void *out, size_t len)
{
    size_t have = 0;

    for (int tries = 0; have < len; tries++) {
        ssize_t got = recv(f.node, (uint8_t *)out + have, len - have, MSG_DONTWAIT);
        assert_true(tries < 1000 && got != 0);
        have += got > 0 ? (size_t)got : 0;
        turn();
    }
}

/* The next request's number, and its change id. */
static uint32_t receive(char *id, size_t size)
{
    static uint8_t octets[65536];
    uint8_t header[FRAME_HEADER_LEN];
    uint32_t len, number;

    receive_octets(header, sizeof(header));
    frame_decode(header, &len, &number);
    assert_true(len <= sizeof(octets));
    receive_octets(octets, len);
    Ctl__Request *request = ctl__request__unpack(NULL, len, octets);
    assert_non_null(request);
    assert_int_equal(request->version, 1);
    assert_int_equal(request->timeout_ms, NODE_CLIENT_TIMEOUT_MS);
    snprintf(id, size, "%s", request->change_get->change_id);
    ctl__request__free_unpacked(request, NULL);
    return number;
}

static void reply_with(uint32_t number, const char *id)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    uint8_t octets[256];

    reply.version = 1;
    reply.change_id = (char *)(uintptr_t)id;
    size_t len = ctl__reply__pack(&reply, octets + FRAME_HEADER_LEN);
    frame_encode(octets, (uint32_t)len, number);
    assert_int_equal(send(f.node, octets, FRAME_HEADER_LEN + len, MSG_NOSIGNAL),
                     FRAME_HEADER_LEN + len);
}

static void test_replies_in_any_order_reach_their_askers(void **state)
{
    (void)state;
    char id[16];
    uint32_t numbers[3];

    ask_change(0, "C0");
    ask_change(1, "C1");
    ask_change(2, "C2");
    turn();
    for (int i = 0; i < 3; i++)
        numbers[i] = receive(id, sizeof(id));
    assert_string_equal(id, "C2");
    reply_with(numbers[2], "two");
    reply_with(numbers[0], "zero");
    turn();
    assert_int_equal(f.answered, 2);
    assert_string_equal(f.asked[2].change_id, "two");
    assert_string_equal(f.asked[0].change_id, "zero");
    reply_with(numbers[0], "again"); /* nobody waits for it */
    reply_with(numbers[1], "one");
    turn();
    assert_int_equal(f.answered, 3);
    assert_string_equal(f.asked[1].change_id, "one");
}

static void test_a_lost_node_fails_what_waits_and_is_found_again(void **state)
{
    (void)state;
    char id[16];

    ask_change(0, "C0");
    turn();
    close(f.node);
    f.node = -1;
    turn();
    assert_int_equal(f.asked[0].code, ERR_UNAVAILABLE);
    close(f.listener);
    unlink(f.path);
    turn();
    assert_false(node_client_is_connected(f.client));
    ask_change(1, "C1"); /* fails from within */
    assert_int_equal(f.asked[1].code, ERR_UNAVAILABLE);
    assert_int_equal(f.answered, 2);
    listen_again();
    accept_client();
    ask_change(2, "C2");
    turn();
    reply_with(receive(id, sizeof(id)), "back");
    turn();
    assert_string_equal(f.asked[2].change_id, "back");
}

static void test_garbage_for_a_reply_is_told_and_too_much_ends_it(void **state)
{
    (void)state;
    char id[16];
    uint8_t octets[FRAME_HEADER_LEN + 3] = "";

    ask_change(0, "C0");
    ask_change(1, "C1");
    turn();
    uint32_t number = receive(id, sizeof(id));
    frame_encode(octets, 3, number);
    memset(octets + FRAME_HEADER_LEN, 0xff, 3);
    assert_int_equal(send(f.node, octets, sizeof(octets), MSG_NOSIGNAL), sizeof(octets));
    turn();
    assert_int_equal(f.asked[0].code, ERR_CORRUPT);
    frame_encode(octets, 0, receive(id, sizeof(id))); /* empty: the node had no memory */
    assert_int_equal(send(f.node, octets, FRAME_HEADER_LEN, MSG_NOSIGNAL), FRAME_HEADER_LEN);
    turn();
    assert_int_equal(f.asked[1].code, ERR_CORRUPT);
    ask_change(2, "C2");
    frame_encode(octets, FRAME_REPLY_LEN_MAX + 1, 0);
    assert_int_equal(send(f.node, octets, FRAME_HEADER_LEN, MSG_NOSIGNAL), FRAME_HEADER_LEN);
    turn();
    assert_int_equal(f.asked[2].code, ERR_UNAVAILABLE);
    assert_false(node_client_is_connected(f.client));
}

static void test_requests_under_way_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODE_CLIENT_REQUESTS_MAX; i++)
        ask_change(i, "C");
    assert_int_equal(f.answered, 0);
    ask_change(NODE_CLIENT_REQUESTS_MAX, "C");
    assert_int_equal(f.asked[NODE_CLIENT_REQUESTS_MAX].code, ERR_BUSY);
    close(f.node);
    f.node = -1;
    turn();
    assert_int_equal(f.answered, NODE_CLIENT_REQUESTS_MAX + 1);
    accept_client();
    f.asked[0].is_answered = false;
    ask_change(0, "C"); /* the places are free again */
    assert_int_equal(f.answered, NODE_CLIENT_REQUESTS_MAX + 1);
}

static void test_a_request_that_no_frame_holds_is_refused(void **state)
{
    (void)state;
    char *id = malloc(FRAME_REQUEST_LEN_MAX + 2u);

    memset(id, 'x', FRAME_REQUEST_LEN_MAX + 1u);
    id[FRAME_REQUEST_LEN_MAX + 1u] = '\0';
    ask_change(0, id);
    assert_int_equal(f.asked[0].code, ERR_LIMIT);
    free(id);
}

static void test_requests_that_the_socket_does_not_take_at_once_arrive_whole(void **state)
{
    (void)state;
    enum { COUNT = 60, ID_LEN = 50000 };
    char *id = malloc(ID_LEN + 1u), got[16];

    memset(id, 'x', ID_LEN);
    id[ID_LEN] = '\0';
    for (unsigned i = 0; i < COUNT; i++) {
        id[0] = (char)('A' + i % 26);
        ask_change(i, id);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t number = receive(got, sizeof(got));
        assert_int_equal(got[0], 'A' + i % 26);
        reply_with(number, "ok");
    }
    turn();
    assert_int_equal(f.answered, COUNT);
    free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replies_in_any_order_reach_their_askers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_node_fails_what_waits_and_is_found_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_garbage_for_a_reply_is_told_and_too_much_ends_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_under_way_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_that_no_frame_holds_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_requests_that_the_socket_does_not_take_at_once_arrive_whole, setup, teardown),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
