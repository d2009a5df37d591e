/* links: test_net raft_io raft_core
 * A member that is killed in the middle of what it says, and comes back, again and again: each time
 * both hear each other soon. QUARTET_RESTARTS says how often (40; 3000 is a soak of some minutes).
 *
 * The other member is a process of its own, forked by another one that has no threads. */
#include "raft/io/transport_nng.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/test_net.h"

#define RESTARTS 40
#define HEARD_WITHIN_MS 10000
#define SAY_EVERY_MS 2
#define LIVES_MS_MAX 60 /* after both have heard */
#define LARGE_LEN 60000 /* takes several TLS records */

static uv_loop_t loop;

struct member {
    struct transport_nng *nng;
    struct transport transport;
    uv_timer_t timer;
    raft_id other;
    uint64_t heard;
    int tell_fd; /* an octet when the first is heard; -1: no more */
};

static uint32_t draw(uint32_t below)
{
    static uint32_t seed = 7;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void on_app(void *user, raft_id from, const uint8_t *data, size_t len)
{
    struct member *member = user;
    (void)data;
    if (len == 0 || from != member->other)
        abort();
    member->heard++;
    if (member->tell_fd >= 0 && write(member->tell_fd, "h", 1) == 1)
        member->tell_fd = -1;
}

static void on_say(uv_timer_t *timer)
{
    static uint8_t data[LARGE_LEN];
    struct member *member = timer->data;
    size_t len = 1 + draw(draw(8) == 0 ? LARGE_LEN : 400);
    (void)member->transport.ops->send_app(member->transport.self, member->other, data, len);
}

/* Ports are free again after a kill: the one who listens sets SO_REUSEADDR. */
static void member_open(struct member *member, struct test_ca *ca, const struct test_cert *cert,
                        raft_id id, const uint16_t *ports)
{
    struct transport_handler handler = test_quiet_handler(member);
    char listen[32];
    struct transport_member other = {.id = 3 - id};
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", ports[id - 1]);
    (void)snprintf(other.address, sizeof(other.address), "127.0.0.1:%u", ports[other.id - 1]);
    struct transport_nng_options options = {.loop = &loop,
                                            .keys = test_keys(id),
                                            .tls = test_tls(ca, cert),
                                            .listen = listen,
                                            .advertise = listen};
    member->other = other.id;
    handler.app = on_app;
    if (transport_nng_open(&options, &handler, &member->nng) != 0)
        abort();
    member->transport = transport_nng_as_transport(member->nng);
    if (member->transport.ops->set_members(member->transport.self, &other, 1) != 0)
        abort();
    (void)uv_timer_init(&loop, &member->timer);
    member->timer.data = member;
    (void)uv_timer_start(&member->timer, on_say, 1, SAY_EVERY_MS);
}

static uint16_t free_port(void)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(place);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&place, &len), 0);
    close(fd);
    return ntohs(place.sin_port);
}

/* ---- the process that starts and kills the other member ---- */

struct keeper {
    pid_t pid;
    int commands[2]; /* 's': start, 'k': kill; answered by the same octet */
    int answers[2];
    int heard[2];
};

static pid_t start_other(const struct keeper *keeper, struct test_ca *ca,
                         const struct test_cert *cert, const uint16_t *ports)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct member other = {.tell_fd = keeper->heard[1]};
    if (uv_loop_init(&loop) != 0)
        abort();
    member_open(&other, ca, cert, 2, ports);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until it is killed */
    _exit(0);
}

static void keep(const struct keeper *keeper, struct test_ca *ca, const struct test_cert *cert,
                 const uint16_t *ports)
{
    char command;
    pid_t other = -1;
    close(keeper->commands[1]);
    while (read(keeper->commands[0], &command, 1) == 1) {
        if (command == 's') {
            other = start_other(keeper, ca, cert, ports);
        } else if (other > 0) {
            (void)kill(other, SIGKILL);
            (void)waitpid(other, NULL, 0);
            other = -1;
        }
        (void)!write(keeper->answers[1], &command, 1);
    }
    if (other > 0)
        (void)kill(other, SIGKILL);
    _exit(0);
}

static void command(const struct keeper *keeper, char what)
{
    char answer = 0;
    assert_int_equal(write(keeper->commands[1], &what, 1), 1);
    assert_int_equal(read(keeper->answers[0], &answer, 1), 1);
    assert_int_equal(answer, what);
}

/* ---- the test ---- */

struct round {
    const struct member *member;
    uint64_t heard_before;
    int heard_fd;
    bool is_heard;
};

static bool hear_each_other(void *user)
{
    struct round *round = user;
    char octet;
    if (!round->is_heard)
        round->is_heard = read(round->heard_fd, &octet, 1) == 1;
    return round->is_heard && round->member->heard > round->heard_before;
}

static void restart_once(const struct keeper *keeper, const struct member *member, unsigned number)
{
    struct round round = {
        .member = member, .heard_before = member->heard, .heard_fd = keeper->heard[0]};
    command(keeper, 's');
    if (!test_run_until(&loop, hear_each_other, &round, HEARD_WITHIN_MS))
        fail_msg("start %u: heard there %d, here %d", number, round.is_heard,
                 member->heard > round.heard_before);
    test_run_for(&loop, draw(LIVES_MS_MAX));
    command(keeper, 'k');
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static bool is_closed(void *user)
{
    return *(bool *)user;
}

static void member_close(struct member *member)
{
    bool has_closed = false;
    uv_close((uv_handle_t *)&member->timer, NULL);
    transport_nng_close(member->nng, on_closed, &has_closed);
    assert_true(test_run_until(&loop, is_closed, &has_closed, HEARD_WITHIN_MS));
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_killed_member_is_heard_again(void **state)
{
    const char *asked = getenv("QUARTET_RESTARTS");
    unsigned restarts = asked == NULL ? RESTARTS : (unsigned)strtoul(asked, NULL, 10);
    struct test_ca *ca = test_ca_new();
    struct test_cert certs[2] = {test_cert_new_member(ca, 1), test_cert_new_member(ca, 2)};
    uint16_t ports[2] = {free_port(), free_port()};
    struct keeper keeper;
    struct member member = {.tell_fd = -1};
    (void)state;
    assert_int_equal(pipe(keeper.commands) | pipe(keeper.answers), 0);
    assert_int_equal(pipe2(keeper.heard, O_NONBLOCK), 0);
    keeper.pid = fork(); /* before NNG has threads here */
    assert_true(keeper.pid >= 0);
    if (keeper.pid == 0)
        keep(&keeper, ca, &certs[1], ports);
    assert_int_equal(uv_loop_init(&loop), 0);
    member_open(&member, ca, &certs[0], 1, ports);
    for (unsigned i = 1; i <= restarts; i++)
        restart_once(&keeper, &member, i);
    member_close(&member);
    close(keeper.commands[1]);
    assert_int_equal(waitpid(keeper.pid, NULL, 0), keeper.pid);
    for (unsigned i = 0; i < 2; i++) {
        test_cert_free(&certs[i]);
        close(keeper.answers[i]);
        close(keeper.heard[i]);
    }
    close(keeper.commands[0]);
    test_ca_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_member_is_heard_again)};
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
