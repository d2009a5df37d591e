/* links: control base
 *
 * The control socket with a handler of the test's own: framing, order, bounds, and askers that go
 * away. The loop runs in this thread; the asker is a plain blocking socket that is polled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/err.h"
#include "base/frame.h"
#include "control/server.h"

#define HELD_MAX 256

struct held {
    call_answer_cb answer;
    void *user;
};

static struct fixture {
    uv_loop_t loop;
    struct control_server *server;
    char path[108];
    bool is_holding; /* requests wait in `held` instead of being answered at once */
    struct held held[HELD_MAX];
    unsigned held_count, request_count;
} f;

/* Answers with the request's own octets. */
static void on_request(void *user, const uint8_t *request, size_t len, call_answer_cb answer,
                       void *answer_user)
{
    (void)user;
    f.request_count++;
    if (!f.is_holding) {
        answer(answer_user, request, len);
        return;
    }
    assert_true(f.held_count < HELD_MAX);
    f.held[f.held_count].answer = answer;
    f.held[f.held_count++].user = answer_user;
}

static void answer_held(void)
{
    static struct held held[HELD_MAX];
    unsigned count = f.held_count;

    memcpy(held, f.held, sizeof(held)); /* an answer may bring the next request at once */
    f.held_count = 0;
    for (unsigned i = count; i > 0; i--) /* the newest first: order is the asker's to restore */
        held[i - 1].answer(held[i - 1].user, (const uint8_t *)"late", 4);
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(&f.loop, UV_RUN_NOWAIT);
}

static int setup(void **state)
{
    static unsigned number;
    char error[CONTROL_ERROR_LEN];

    (void)state;
    memset(&f, 0, sizeof(f));
    snprintf(f.path, sizeof(f.path), "/tmp/quartet-control-%d-%u.sock", getpid(), number++);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    assert_int_equal(control_server_open(&f.loop, f.path, on_request, NULL, &f.server, error), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    answer_held();
    control_server_close(f.server);
    turn();
    assert_int_equal(uv_loop_close(&f.loop), 0); /* no handle is left */
    assert_int_equal(access(f.path, F_OK), -1);
    return 0;
}

static int connect_asker(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    turn();
    return fd;
}

static void ask(int fd, uint32_t number, const void *octets, uint32_t len)
{
    uint8_t header[FRAME_HEADER_LEN];

    frame_encode(header, len, number);
    assert_int_equal(send(fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
    if (len > 0)
        assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), len);
}

/* One whole reply; its number, and its octets in @out. */
static uint32_t receive(int fd, char *out, size_t size)
{
    uint8_t header[FRAME_HEADER_LEN];
    uint32_t len, number;

    assert_int_equal(recv(fd, header, sizeof(header), MSG_DONTWAIT), sizeof(header));
    frame_decode(header, &len, &number);
    assert_true(len < size);
    if (len > 0)
        assert_int_equal(recv(fd, out, len, MSG_DONTWAIT), len);
    out[len] = '\0';
    return number;
}

static bool is_ended(int fd)
{
    char octet;

    turn();
    return recv(fd, &octet, 1, MSG_DONTWAIT) == 0;
}

static void test_open_socket_is_the_owners_alone(void **state)
{
    (void)state;
    struct stat info;
    struct control_server *second = NULL;
    char error[CONTROL_ERROR_LEN], longer[200];

    assert_int_equal(stat(f.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(control_server_open(&f.loop, f.path, on_request, NULL, &second, error),
                     ERR_EXISTS);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(control_server_open(&f.loop, longer, on_request, NULL, &second, error),
                     ERR_LIMIT);
    assert_null(second);
    turn();
    assert_int_equal(access(f.path, F_OK), 0);
}

static void test_requests_in_one_write_and_in_single_octets_are_answered(void **state)
{
    (void)state;
    int fd = connect_asker();
    char reply[64];
    uint8_t frame[FRAME_HEADER_LEN + 3];

    ask(fd, 7, "one", 3);
    ask(fd, 8, "", 0);
    turn();
    assert_int_equal(receive(fd, reply, sizeof(reply)), 7);
    assert_string_equal(reply, "one");
    assert_int_equal(receive(fd, reply, sizeof(reply)), 8);
    assert_string_equal(reply, "");
    frame_encode(frame, 3, 9);
    memcpy(frame + FRAME_HEADER_LEN, "two", 3);
    for (size_t i = 0; i < sizeof(frame); i++) {
        assert_int_equal(send(fd, frame + i, 1, 0), 1);
        turn();
    }
    assert_int_equal(receive(fd, reply, sizeof(reply)), 9);
    assert_string_equal(reply, "two");
    close(fd);
}

static void test_large_requests_and_replies_pass_whole(void **state)
{
    (void)state;
    enum { LEN = 3 << 20 };
    int fd = connect_asker();
    uint8_t *octets = malloc(FRAME_HEADER_LEN + LEN), *back = malloc(FRAME_HEADER_LEN + LEN);
    size_t sent = 0, got = 0;

    assert_non_null(octets);
    assert_non_null(back);
    frame_encode(octets, LEN, 1);
    for (size_t i = 0; i < LEN; i++)
        octets[FRAME_HEADER_LEN + i] = (uint8_t)(i * 31 + i / 251);
    while (got < FRAME_HEADER_LEN + LEN) {
        ssize_t n = sent < FRAME_HEADER_LEN + LEN
                        ? send(fd, octets + sent, FRAME_HEADER_LEN + LEN - sent, MSG_DONTWAIT)
                        : 0;
        sent += n > 0 ? (size_t)n : 0;
        turn();
        n = recv(fd, back + got, FRAME_HEADER_LEN + LEN - got, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(octets, back, FRAME_HEADER_LEN + LEN);
    free(octets);
    free(back);
    close(fd);
}

static void test_a_request_over_the_bound_ends_the_connection(void **state)
{
    (void)state;
    int fd = connect_asker(), other = connect_asker();
    uint8_t header[FRAME_HEADER_LEN];
    char reply[16];

    frame_encode(header, FRAME_REQUEST_LEN_MAX + 1, 1);
    assert_int_equal(send(fd, header, sizeof(header), 0), sizeof(header));
    assert_true(is_ended(fd));
    assert_int_equal(f.request_count, 0);
    ask(other, 5, "ok", 2);
    turn();
    assert_int_equal(receive(other, reply, sizeof(reply)), 5);
    close(fd);
    close(other);
}

static void test_a_connection_is_not_read_while_its_pipeline_is_full(void **state)
{
    (void)state;
    int fd = connect_asker();
    char reply[16];

    f.is_holding = true;
    for (uint32_t i = 0; i < SERVER_PIPELINE_MAX + 10; i++)
        ask(fd, i, "x", 1);
    turn();
    assert_int_equal(f.request_count, SERVER_PIPELINE_MAX);
    answer_held();
    turn();
    assert_int_equal(f.request_count, SERVER_PIPELINE_MAX + 10);
    answer_held();
    turn();
    for (uint32_t i = 0; i < SERVER_PIPELINE_MAX + 10; i++)
        receive(fd, reply, sizeof(reply));
    close(fd);
}

static void test_an_asker_that_went_away_is_answered_into_nothing(void **state)
{
    (void)state;
    int fd = connect_asker();

    f.is_holding = true;
    ask(fd, 1, "x", 1);
    turn();
    assert_int_equal(f.held_count, 1);
    close(fd);
    turn();
    answer_held(); /* the connection is closed, its memory is not yet gone */
    turn();
    fd = connect_asker();
    f.is_holding = false;
    ask(fd, 2, "y", 1);
    turn();
    char reply[16];
    assert_int_equal(receive(fd, reply, sizeof(reply)), 2);
    close(fd);
}

static void test_connections_over_the_bound_are_closed(void **state)
{
    (void)state;
    int fds[SERVER_CONNECTIONS_MAX];
    char reply[16];

    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++)
        fds[i] = connect_asker();
    int extra = connect_asker();
    assert_true(is_ended(extra));
    close(extra);
    close(fds[0]);
    turn();
    fds[0] = connect_asker();
    ask(fds[0], 3, "z", 1);
    turn();
    assert_int_equal(receive(fds[0], reply, sizeof(reply)), 3);
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++)
        close(fds[i]);
    turn();
}

static void test_share_lets_a_group_in_and_nobody_else(void **state)
{
    (void)state;
    struct stat info;
    char error[CONTROL_ERROR_LEN];

    assert_int_equal(control_server_share(f.server, getgid(), error), 0);
    assert_int_equal(stat(f.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    assert_int_equal(info.st_gid, getgid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_socket_is_the_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_requests_in_one_write_and_in_single_octets_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_requests_and_replies_pass_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_request_over_the_bound_ends_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_connection_is_not_read_while_its_pipeline_is_full,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_asker_that_went_away_is_answered_into_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_share_lets_a_group_in_and_nobody_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_connections_over_the_bound_are_closed, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
