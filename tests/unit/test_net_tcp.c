/* TCP clients that take more than their share, on loopback: what becomes of them, and of others.
 * links: net test_image */
#include "net/tcp.h"

#include "dns/answer.h"
#include "lib/test_image.h"
#include "net/env.h"
#include "net/net.h"
#include "net/socket.h"
#include "net/tcp_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ANSWER_LIMIT_S = 20, /* what is later than this is a failure */
    QUIET_MS = 60000,    /* a time limit that no test lives to see */
    FLOOD = 20000,       /* questions whose replies are 64 MB: no socket takes all of them */
};

static struct zone_publisher *publisher;
static struct net_env env;

/* ---- the server under test ---- */

struct server {
    struct tcp_server *tcp;
    struct sockaddr_storage address;
};

static struct server start(unsigned connections_max, unsigned per_prefix, uint32_t idle_ms,
                           size_t memory_max)
{
    struct server server;
    struct net_error error;
    socklen_t len = sizeof server.address;
    assert_int_equal(net_address_parse("127.0.0.1:0", &server.address), 0);
    int fd = socket_open_tcp(&server.address, TCP_BACKLOG, &error);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&server.address, &len), 0);
    struct tcp_options options = {.fds_take = &fd,
                                  .fd_count = 1,
                                  .limits = {.connections_max = connections_max,
                                             .per_prefix = per_prefix,
                                             .idle_ms = idle_ms,
                                             .memory_max = memory_max},
                                  .env = &env};
    assert_int_equal(tcp_server_start(&options, &server.tcp, &error), 0);
    return server;
}

static uint64_t count_of(const struct server *server, enum net_counter counter)
{
    struct net_counters sum = {.events = {0}};
    net_cells_sum(tcp_server_cells(server->tcp), &sum);
    return sum.events[counter];
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void wait_count(const struct server *server, enum net_counter counter, uint64_t at_least)
{
    for (unsigned i = 0; count_of(server, counter) < at_least; i++) {
        if (i == ANSWER_LIMIT_S * 100)
            fail_msg("%s stays below %u", net_counter_name(counter), (unsigned)at_least);
        pause_ms(10);
    }
}

/* ---- clients ---- */

static int connect_from(const struct server *server, const char *source)
{
    struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    struct sockaddr_storage from;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(net_address_parse(source, &from), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&server->address, sizeof(struct sockaddr_in)), 0);
    return fd;
}

static int connect_to(const struct server *server)
{
    return connect_from(server, "127.0.0.1:0");
}

/* The question for the A records of LABEL.test, in its frame. */
static size_t build_query(uint8_t out[64], const char *label)
{
    size_t label_len = strlen(label);
    memset(out, 0, 64);
    dns_wire_put16(out, (uint16_t)(12 + 1 + label_len + 6 + 4));
    out[7] = 1; /* QDCOUNT */
    out[14] = (uint8_t)label_len;
    memcpy(out + 15, label, label_len);
    memcpy(out + 15 + label_len, "\4test\0\0\1\0\1", 10);
    return 15 + label_len + 10;
}

/* False: the server has ended the connection. */
static bool send_octets(int fd, const uint8_t *octets, size_t len, int flags)
{
    return send(fd, octets, len, MSG_NOSIGNAL | flags) == (ssize_t)len;
}

/* Read a reply; false when the connection was ended instead. */
static bool read_reply(int fd)
{
    static uint8_t reply[TCP_STREAM_MAX];
    if (recv(fd, reply, 2, MSG_WAITALL) != 2)
        return false;
    ssize_t len = dns_wire_get16(reply);
    return recv(fd, reply, (size_t)len, MSG_WAITALL) == len && reply[2] >= 0x80;
}

static bool is_answered(int fd)
{
    uint8_t query[64];
    return send_octets(fd, query, build_query(query, "www"), 0) && read_reply(fd);
}

/* Two octets of a question, sent with a whole one: the answer to that says that the server has read
 * them, so that this connection is busy to it whatever others do later. */
static void begin_query(int fd)
{
    uint8_t query[64], octets[64 + 2];
    size_t len = build_query(query, "www");
    memcpy(octets, query, len);
    memcpy(octets + len, query, 2);
    assert_true(send_octets(fd, octets, len + 2, 0));
    assert_true(read_reply(fd));
}

static void end_query(int fd)
{
    uint8_t query[64];
    size_t len = build_query(query, "www");
    assert_true(send_octets(fd, query + 2, len - 2, 0));
}

/* Ask for large answers without reading any; stops when the socket takes no more questions. */
static void flood(int fd)
{
    uint8_t query[64];
    size_t len = build_query(query, "big");
    for (unsigned i = 0; i < FLOOD; i++)
        if (!send_octets(fd, query, len, MSG_DONTWAIT))
            return;
}

static bool is_ended(int fd)
{
    uint8_t octets[4096];
    ssize_t got;
    do
        got = recv(fd, octets, sizeof octets, 0);
    while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

/* ---- the table ---- */

static void test_full_table_the_longest_idle_goes(void **state)
{
    (void)state;
    struct server server = start(4, 64, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int fds[5];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = connect_to(&server);
        assert_true(is_answered(fds[i]));
    }
    assert_true(is_answered(fds[0])); /* now fds[1] is the oldest */
    fds[3] = connect_to(&server);
    fds[4] = connect_to(&server);
    assert_true(is_answered(fds[4]));
    assert_true(is_ended(fds[1]));
    assert_true(is_answered(fds[0]));
    assert_true(is_answered(fds[2]));
    assert_int_equal(count_of(&server, NET_TCP_EVICTED), 1);
    assert_int_equal(count_of(&server, NET_TCP_ACCEPTED), 5);
    assert_int_equal(count_of(&server, NET_TCP_CLOSED), 1);
    tcp_server_stop(server.tcp);
    for (unsigned i = 0; i < 5; i++)
        close(fds[i]);
}

static void test_full_table_a_request_under_way_stays(void **state)
{
    (void)state;
    struct server server = start(3, 64, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int busy = connect_to(&server);
    begin_query(busy);
    int others[6];
    for (unsigned i = 0; i < 6; i++) {
        others[i] = connect_to(&server);
        assert_true(is_answered(others[i]));
    }
    assert_int_equal(count_of(&server, NET_TCP_EVICTED), 4);
    end_query(busy);
    assert_true(read_reply(busy));
    tcp_server_stop(server.tcp);
    close(busy);
    for (unsigned i = 0; i < 6; i++)
        close(others[i]);
}

static void test_full_table_all_busy_the_longest_stalled_goes(void **state)
{
    (void)state;
    struct server server = start(2, 64, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int stalled = connect_to(&server);
    begin_query(stalled);
    int next = connect_to(&server);
    begin_query(next);
    int other = connect_to(&server);
    assert_true(is_answered(other));
    assert_true(is_ended(stalled));
    end_query(next);
    assert_true(read_reply(next));
    assert_int_equal(count_of(&server, NET_TCP_EVICTED), 1);
    tcp_server_stop(server.tcp);
    close(stalled);
    close(next);
    close(other);
}

/* More connections in one turn of the loop than there are spare slots. */
static void test_full_table_many_at_once_are_all_served(void **state)
{
    (void)state;
    enum { CLIENTS = 400 };
    struct server server = start(10, CLIENTS, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int fds[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = connect_to(&server);
    wait_count(&server, NET_TCP_ACCEPTED, CLIENTS);
    assert_true(count_of(&server, NET_TCP_EVICTED) + count_of(&server, NET_TCP_IDLE_CLOSED) >=
                CLIENTS - 10);
    assert_true(is_ended(fds[0]));
    int other = connect_to(&server);
    assert_true(is_answered(other));
    tcp_server_stop(server.tcp);
    close(other);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void test_quota_of_a_network_is_kept(void **state)
{
    (void)state;
    struct server server = start(100, 2, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int first = connect_from(&server, "127.0.1.1:0");
    int second = connect_from(&server, "127.0.1.2:0");
    assert_true(is_answered(first));
    assert_true(is_answered(second));
    int third = connect_from(&server, "127.0.1.3:0");
    assert_true(is_ended(third));
    int stranger = connect_from(&server, "127.0.2.1:0");
    assert_true(is_answered(stranger));
    assert_int_equal(count_of(&server, NET_TCP_REFUSED), 1);
    close(first);
    wait_count(&server, NET_TCP_CLOSED, 1);
    int fourth = connect_from(&server, "127.0.1.3:0");
    assert_true(is_answered(fourth));
    assert_true(is_answered(second));
    assert_int_equal(count_of(&server, NET_TCP_EVICTED), 0);
    tcp_server_stop(server.tcp);
    close(second);
    close(third);
    close(fourth);
    close(stranger);
}

/* ---- time ---- */

static void test_idle_limit_falls_as_the_table_fills(void **state)
{
    (void)state;
    struct server server = start(10, 64, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int fds[10];
    for (unsigned i = 0; i < 10; i++)
        fds[i] = connect_to(&server);
    assert_true(is_ended(fds[0])); /* long before the minute is over */
    assert_true(count_of(&server, NET_TCP_IDLE_CLOSED) >= 1);
    tcp_server_stop(server.tcp);
    for (unsigned i = 0; i < 10; i++)
        close(fds[i]);
}

/* The idle time-out that a client is told (RFC 7828), in tenths of a second. */
static unsigned ask_idle_ds(int fd)
{
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 11, 0, 0};
    uint8_t query[64], reply[512];
    size_t len = build_query(query, "www");
    query[13] = 1; /* ARCOUNT */
    memcpy(query + len, opt, sizeof opt);
    dns_wire_put16(query, (uint16_t)(len - 2 + sizeof opt));
    assert_true(send_octets(fd, query, len + sizeof opt, 0));
    assert_int_equal(recv(fd, reply, 2, MSG_WAITALL), 2);
    ssize_t reply_len = dns_wire_get16(reply);
    assert_true(reply_len > 6 && reply_len <= (ssize_t)sizeof reply);
    assert_int_equal(recv(fd, reply, (size_t)reply_len, MSG_WAITALL), reply_len);
    assert_memory_equal(reply + reply_len - 6, "\0\13\0\2", 4); /* the last option */
    return dns_wire_get16(reply + reply_len - 2);
}

static void test_idle_limit_in_force_is_told(void **state)
{
    (void)state;
    struct server server = start(4, 64, QUIET_MS, NET_TCP_MEMORY_DEFAULT);
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = connect_to(&server);
        assert_int_equal(ask_idle_ds(fds[i]), i < 2 ? QUIET_MS / 100 : 301);
    }
    close(fds[2]);
    wait_count(&server, NET_TCP_CLOSED, 1);
    assert_int_equal(ask_idle_ds(fds[0]), QUIET_MS / 100);
    tcp_server_stop(server.tcp);
    close(fds[0]);
    close(fds[1]);
}

/* Octets that come one at a time do not make time for the rest. */
static void test_slow_sender_is_reset(void **state)
{
    (void)state;
    struct server server = start(100, 64, 300, NET_TCP_MEMORY_DEFAULT);
    int fd = connect_to(&server);
    assert_true(send_octets(fd, (const uint8_t *)"\0\377", 2, 0));
    for (unsigned i = 0; i < 250 && send_octets(fd, (const uint8_t *)"x", 1, 0); i++)
        pause_ms(20);
    assert_int_equal(count_of(&server, NET_TCP_SLOW_CLOSED), 1);
    assert_int_equal(count_of(&server, NET_TCP_QUERIES), 0);
    close(fd);
    tcp_server_stop(server.tcp);
}

static void test_never_reading_client_is_reset(void **state)
{
    (void)state;
    struct server server = start(100, 64, 300, NET_TCP_MEMORY_DEFAULT);
    int fd = connect_to(&server);
    flood(fd);
    wait_count(&server, NET_TCP_SLOW_CLOSED, 1);
    assert_true(count_of(&server, NET_TCP_PAUSED) >= 1);
    assert_true(is_ended(fd));
    assert_int_equal(count_of(&server, NET_TCP_CLOSED), 1);
    close(fd);
    tcp_server_stop(server.tcp);
}

/* Replies that are never all gone, but taken bit by bit, for longer than the limit. */
static void test_slow_reader_that_moves_on_stays(void **state)
{
    (void)state;
    enum { IDLE_MS = 3000, STEP_MS = 200 };
    static uint8_t octets[64 * 1024];
    struct server server = start(100, 64, IDLE_MS, NET_TCP_MEMORY_DEFAULT);
    int fd = connect_to(&server);
    flood(fd);
    for (unsigned ms = 0; ms < IDLE_MS + 1000; ms += STEP_MS) {
        assert_true(recv(fd, octets, sizeof octets, MSG_WAITALL) == sizeof octets);
        pause_ms(STEP_MS);
    }
    assert_int_equal(count_of(&server, NET_TCP_CLOSED), 0);
    assert_true(count_of(&server, NET_TCP_PAUSED) >= 1);
    tcp_server_stop(server.tcp);
    close(fd);
}

/* ---- memory ---- */

static void test_memory_limit_the_largest_is_reset(void **state)
{
    (void)state;
    enum { CLIENTS = 12 };
    struct server server = start(100, 64, QUIET_MS, 2 * TCP_HELD_MAX);
    int polite = connect_to(&server);
    int fds[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(&server);
        flood(fds[i]);
        assert_true(is_answered(polite));
    }
    wait_count(&server, NET_TCP_MEMORY_CLOSED, 1);
    assert_true(is_answered(polite));
    assert_int_equal(count_of(&server, NET_TCP_CLOSED), count_of(&server, NET_TCP_MEMORY_CLOSED));
    tcp_server_stop(server.tcp);
    close(polite);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static int set_up(void **state)
{
    (void)state;
    char text[200 * 32] = "@ 60 SOA n h 1 7200 900 1209600 60\n@ 60 NS n\nwww 60 A 192.0.2.1\n";
    for (unsigned i = 0; i < 200; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "big 60 A 192.0.2.%u\n", i);
    publisher = test_image_new();
    test_image_serve(publisher, "test.", text);
    return net_env_init(&env, &(struct net_options){.publisher = publisher});
}

static int tear_down(void **state)
{
    (void)state;
    test_image_free(publisher);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_table_the_longest_idle_goes),
        cmocka_unit_test(test_full_table_a_request_under_way_stays),
        cmocka_unit_test(test_full_table_all_busy_the_longest_stalled_goes),
        cmocka_unit_test(test_full_table_many_at_once_are_all_served),
        cmocka_unit_test(test_quota_of_a_network_is_kept),
        cmocka_unit_test(test_idle_limit_falls_as_the_table_fills),
        cmocka_unit_test(test_idle_limit_in_force_is_told),
        cmocka_unit_test(test_slow_sender_is_reset),
        cmocka_unit_test(test_never_reading_client_is_reset),
        cmocka_unit_test(test_slow_reader_that_moves_on_stays),
        cmocka_unit_test(test_memory_limit_the_largest_is_reset),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
