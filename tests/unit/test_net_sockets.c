/* True sockets on loopback, free ports: UDP and TCP against an image, and the limits of TCP.
 * links: net test_image */
#include "net/net.h"

#include "base/err.h"
#include "dns/answer.h"
#include "lib/test_image.h"
#include "net/socket.h"
#include "zone/image.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWER_LIMIT_S = 20 }; /* a reply that is later than this is a failure */

static struct zone_publisher *publisher;

/* ---- the server under test ---- */

struct server {
    struct net *net;
    struct sockaddr_storage address;
};

static struct server open_server(const char *address_text, const struct net_options *limits)
{
    struct server server;
    struct net_error error;
    struct net_options options = *limits;
    struct sockaddr_storage address;
    assert_int_equal(net_address_parse(address_text, &address), 0);
    options.addresses = &address;
    options.address_count = 1;
    options.publisher = publisher;
    if (net_open(&options, &server.net, &error) != 0)
        fail_msg("%s", error.text);
    net_get_address(server.net, 0, &server.address);
    return server;
}

static struct server open_plain_server(void)
{
    struct net_options limits = {.udp_threads = 2};
    return open_server("127.0.0.1:0", &limits);
}

static uint64_t event_count(const struct server *server, enum net_counter counter)
{
    struct net_counters counters;
    net_read_counters(server->net, &counters);
    return counters.events[counter];
}

/* ---- clients ---- */

static int connect_to(const struct sockaddr_storage *address, int type)
{
    struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

/* "name of test. A"; behind two octets of length where @is_framed. Returns the octets. */
static size_t build_query(uint8_t out[300], uint16_t id, const char *name, bool is_framed)
{
    uint8_t *message = out + (is_framed ? 2 : 0);
    memcpy(message, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
    dns_wire_put16(message, id);
    int name_len = dns_name_parse(name, (const uint8_t *)"\4test\0", message + 12);
    assert_true(name_len > 0);
    memcpy(message + 12 + name_len, "\0\1\0\1", 4);
    uint16_t len = (uint16_t)(16 + name_len);
    if (is_framed)
        dns_wire_put16(out, len);
    return len + (is_framed ? 2u : 0u);
}

static void write_all(int fd, const uint8_t *octets, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        octets += sent;
        len -= (size_t)sent;
    }
}

/* Read exactly @len octets; false when the server ended the connection instead. */
static bool read_all(int fd, uint8_t *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = recv(fd, out + done, len - done, 0);
        if (got == 0)
            return false;
        assert_true(got > 0);
        done += (size_t)got;
    }
    return true;
}

/* The next reply of a TCP connection: its ID; *@answer_count is its ANCOUNT. */
static uint16_t read_reply(int fd, unsigned *answer_count)
{
    static uint8_t reply[DNS_MESSAGE_MAX];
    uint8_t prefix[2];
    assert_true(read_all(fd, prefix, sizeof prefix));
    assert_true(read_all(fd, reply, dns_wire_get16(prefix)));
    *answer_count = dns_wire_get16(reply + 6);
    return dns_wire_get16(reply);
}

static bool is_ended(int fd)
{
    uint8_t octet;
    ssize_t got = recv(fd, &octet, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* One question by UDP; returns the last octet of the reply (of an A record). */
static uint8_t ask_udp(const struct sockaddr_storage *address, const char *name)
{
    uint8_t query[300], reply[1500];
    int fd = connect_to(address, SOCK_DGRAM);
    size_t len = build_query(query, 77, name, false);
    assert_int_equal(send(fd, query, len, 0), (ssize_t)len);
    ssize_t got = recv(fd, reply, sizeof reply, 0);
    assert_true(got >= 12);
    assert_int_equal(dns_wire_get16(reply), 77);
    close(fd);
    return reply[got - 1];
}

static unsigned ask_tcp(int fd, uint16_t id, const char *name)
{
    uint8_t query[300];
    unsigned answer_count;
    write_all(fd, query, build_query(query, id, name, true));
    assert_int_equal(read_reply(fd, &answer_count), id);
    return answer_count;
}

/* ---- UDP ---- */

static void test_udp_answers_and_counts(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    struct net_counters counters;
    uint8_t query[300], reply[1500];
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(ask_udp(&server.address, "www"), 1);
    ask_udp(&server.address, "nowhere");
    ask_udp(&server.address, "www.elsewhere.");
    ask_udp(&server.address, "big"); /* truncated */

    int fd = connect_to(&server.address, SOCK_DGRAM);
    size_t len = build_query(query, 78, "www", false);
    query[2] |= 0x80; /* a reply: dropped */
    assert_int_equal(send(fd, query, len, 0), (ssize_t)len);
    query[2] &= 0x7f;
    assert_int_equal(send(fd, query, len, 0), (ssize_t)len);
    assert_true(recv(fd, reply, sizeof reply, 0) > 0);
    close(fd);

    net_read_counters(server.net, &counters);
    assert_int_equal(counters.events[NET_UDP_QUERIES], 305);
    assert_int_equal(counters.events[NET_UDP_TRUNCATED], 1);
    assert_int_equal(counters.outcomes[QUERY_ANSWERED], 303);
    assert_int_equal(counters.outcomes[QUERY_REJECTED], 1);
    assert_int_equal(counters.outcomes[QUERY_DROPPED], 1);
    assert_int_equal(counters.rcodes[DNS_RCODE_NOERROR], 302);
    assert_int_equal(counters.rcodes[DNS_RCODE_NXDOMAIN], 1);
    assert_int_equal(counters.rcodes[DNS_RCODE_REFUSED], 1);
    assert_int_equal(counters.events[NET_TCP_QUERIES], 0);
    net_close(server.net);
}

/* A connected socket takes replies only from the address it asked. */
static void test_udp_wildcard_answers_from_the_address_asked(void **state)
{
    (void)state;
    struct net_options limits = {.udp_threads = 1};
    struct server server = open_server("0.0.0.0:0", &limits);
    for (unsigned host = 1; host <= 3; host++) {
        struct sockaddr_storage address = server.address;
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
        assert_int_equal(ask_udp(&address, "www"), 1);
    }
    net_close(server.net);
}

static void test_udp_ipv6_wildcard_answers(void **state)
{
    (void)state;
    struct sockaddr_storage loopback;
    assert_int_equal(net_address_parse("[::1]:0", &loopback), 0);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has_ipv6 =
        fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(struct sockaddr_in6)) == 0;
    if (fd >= 0)
        close(fd);
    if (!has_ipv6)
        skip();
    struct net_options limits = {.udp_threads = 1};
    struct server server = open_server("[::]:0", &limits);
    ((struct sockaddr_in6 *)&server.address)->sin6_addr = in6addr_loopback;
    assert_int_equal(ask_udp(&server.address, "www"), 1);
    fd = connect_to(&server.address, SOCK_STREAM);
    assert_int_equal(ask_tcp(fd, 1, "www"), 1);
    close(fd);
    net_close(server.net);
}

/* RFC 9715: and what ICMP says of the path, which anybody may forge, counts for nothing. */
static void test_udp_replies_are_never_fragmented(void **state)
{
    struct sockaddr_storage four = {.ss_family = AF_INET}, six = {.ss_family = AF_INET6};
    struct net_error error;
    int way = -1;
    socklen_t len = sizeof way;
    (void)state;
    int fd = socket_open_udp(&four, &error);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &way, &len), 0);
    assert_int_equal(way, IP_PMTUDISC_PROBE);
    close(fd);
    fd = socket_open_udp(&six, &error);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &way, &len), 0);
    assert_int_equal(way, IPV6_PMTUDISC_PROBE);
    close(fd);
}

static void test_udp_sees_the_next_generation(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    for (unsigned i = 1; i < 200; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "@ 60 SOA n h 1 7200 900 1209600 60\n@ 60 NS n\nwww 60 A 192.0.2.%u\n", i);
        test_image_serve(publisher, "changing.", text);
        assert_int_equal(ask_udp(&server.address, "www.changing."), i);
    }
    net_close(server.net);
}

/* ---- TCP ---- */

static void test_tcp_pipelined_requests_are_all_answered(void **state)
{
    (void)state;
    enum { REQUESTS = 500 };
    struct server server = open_plain_server();
    static uint8_t queries[REQUESTS * 40];
    size_t len = 0;
    unsigned answer_count;
    for (uint16_t id = 0; id < REQUESTS; id++)
        len += build_query(queries + len, id, "www", true);
    int fd = connect_to(&server.address, SOCK_STREAM);
    write_all(fd, queries, len);
    for (uint16_t id = 0; id < REQUESTS; id++) {
        assert_int_equal(read_reply(fd, &answer_count), id);
        assert_int_equal(answer_count, 1);
    }
    assert_int_equal(event_count(&server, NET_TCP_QUERIES), REQUESTS);
    assert_int_equal(event_count(&server, NET_TCP_ACCEPTED), 1);
    close(fd);
    net_close(server.net);
}

static void test_tcp_split_frames_are_put_together(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    uint8_t queries[600];
    unsigned answer_count;
    size_t len = build_query(queries, 5, "www", true);
    len += build_query(queries + len, 6, "big", true);
    int fd = connect_to(&server.address, SOCK_STREAM);
    for (size_t i = 0; i < len; i++)
        write_all(fd, queries + i, 1);
    assert_int_equal(read_reply(fd, &answer_count), 5);
    assert_int_equal(answer_count, 1);
    assert_int_equal(read_reply(fd, &answer_count), 6);
    assert_int_equal(answer_count, 200); /* not truncated */
    close(fd);
    net_close(server.net);
}

static void test_tcp_half_close_still_gets_replies(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    uint8_t queries[600];
    unsigned answer_count;
    size_t len = build_query(queries, 8, "big", true);
    len += build_query(queries + len, 9, "www", true);
    int fd = connect_to(&server.address, SOCK_STREAM);
    write_all(fd, queries, len);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(read_reply(fd, &answer_count), 8);
    assert_int_equal(read_reply(fd, &answer_count), 9);
    assert_true(is_ended(fd));
    close(fd);
    assert_int_equal(event_count(&server, NET_TCP_BROKEN), 0);
    net_close(server.net);
}

/* Write queries without reading replies until the server stops taking them; then read all. */
static void test_tcp_slow_reader_pauses_and_loses_nothing(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    uint8_t query[300];
    unsigned answer_count;
    uint16_t sent_count = 0;
    int fd = connect_to(&server.address, SOCK_STREAM);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (event_count(&server, NET_TCP_PAUSED) == 0) {
        assert_int_equal(poll(&writable, 1, ANSWER_LIMIT_S * 1000), 1);
        write_all(fd, query, build_query(query, sent_count++, "big", true));
        assert_true(sent_count < 60000);
    }
    assert_int_equal(ask_udp(&server.address, "www"), 1); /* nobody else notices */
    int other = connect_to(&server.address, SOCK_STREAM);
    assert_int_equal(ask_tcp(other, 3, "www"), 1);
    close(other);
    for (uint16_t id = 0; id < sent_count; id++) {
        assert_int_equal(read_reply(fd, &answer_count), id);
        assert_int_equal(answer_count, 200);
    }
    close(fd);
    net_close(server.net);
}

/* A client that goes away with replies unsent takes nothing else with it. */
static void test_tcp_reset_by_a_slow_reader_is_survived(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    uint8_t query[300];
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (unsigned round = 0; round < 5; round++) {
        int fd = connect_to(&server.address, SOCK_STREAM);
        uint64_t paused = event_count(&server, NET_TCP_PAUSED);
        while (event_count(&server, NET_TCP_PAUSED) == paused)
            write_all(fd, query, build_query(query, 1, "big", true));
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
    }
    int fd = connect_to(&server.address, SOCK_STREAM);
    assert_int_equal(ask_tcp(fd, 2, "www"), 1);
    close(fd);
    net_close(server.net);
}

static void test_tcp_idle_connection_is_closed(void **state)
{
    (void)state;
    struct net_options limits = {.udp_threads = 1, .tcp_idle_ms = 100};
    struct server server = open_server("127.0.0.1:0", &limits);
    int silent = connect_to(&server.address, SOCK_STREAM);
    int cut = connect_to(&server.address, SOCK_STREAM);
    write_all(cut, (const uint8_t *)"\0\40abc", 5);
    int served = connect_to(&server.address, SOCK_STREAM);
    assert_int_equal(ask_tcp(served, 1, "www"), 1);
    assert_true(is_ended(silent));
    assert_true(is_ended(cut));
    assert_true(is_ended(served));
    assert_int_equal(event_count(&server, NET_TCP_IDLE_CLOSED), 2);
    assert_int_equal(event_count(&server, NET_TCP_SLOW_CLOSED), 1);
    assert_int_equal(event_count(&server, NET_TCP_CLOSED), 3);
    close(silent);
    close(cut);
    close(served);
    net_close(server.net);
}

static void test_tcp_length_zero_ends_the_connection(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    int fd = connect_to(&server.address, SOCK_STREAM);
    write_all(fd, (const uint8_t *)"\0\0", 2);
    assert_true(is_ended(fd));
    close(fd);
    assert_int_equal(event_count(&server, NET_TCP_BROKEN), 1);
    net_close(server.net);
}

static void test_close_ends_open_connections(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    int fd = connect_to(&server.address, SOCK_STREAM);
    assert_int_equal(ask_tcp(fd, 1, "www"), 1);
    net_close(server.net);
    assert_true(is_ended(fd));
    close(fd);
    net_close(NULL);
}

/* ---- opening ---- */

static void test_open_address_in_use_says_so(void **state)
{
    (void)state;
    struct server server = open_plain_server();
    char text[NET_ADDRESS_TEXT_SIZE];
    struct net_error error;
    struct net *other = NULL;
    struct net_options options = {
        .addresses = &server.address, .address_count = 1, .udp_threads = 1, .publisher = publisher};
    net_address_format(&server.address, text);
    assert_int_equal(net_open(&options, &other, &error), ERR_EXISTS);
    assert_null(other);
    assert_non_null(strstr(error.text, text));
    assert_non_null(strstr(error.text, "Address already in use"));
    net_close(server.net);
    assert_int_equal(net_open(&options, &other, &error), 0); /* at once: nothing lingers */
    net_close(other);
}

static void test_open_bad_options_are_refused(void **state)
{
    (void)state;
    struct sockaddr_storage foreign;
    struct net_error error;
    struct net *net = NULL;
    struct net_options options = {.addresses = &foreign, .publisher = publisher};
    assert_int_equal(net_open(&options, &net, &error), ERR_INVALID);
    options.address_count = 1;
    memset(&foreign, 0, sizeof foreign);
    assert_int_equal(net_open(&options, &net, &error), ERR_INVALID);
    assert_int_equal(net_address_parse("192.0.2.1:53", &foreign), 0); /* not an address of ours */
    assert_int_equal(net_open(&options, &net, &error), ERR_IO);
    assert_non_null(strstr(error.text, "192.0.2.1:53"));
    assert_null(net);
}

static void test_address_text_round_trips(void **state)
{
    (void)state;
    static const struct {
        const char *text, *formatted;
    } good[] = {{"192.0.2.1:8053", "192.0.2.1:8053"},
                {"192.0.2.1", "192.0.2.1:53"},
                {"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
                {"[::]", "[::]:53"},
                {"0.0.0.0:0", "0.0.0.0:0"}};
    static const char *const bad[] = {
        "",        "192.0.2", "192.0.2.1:",  "192.0.2.1:65536", "192.0.2.1:5x", "2001:db8::1",
        "[::1",    "[::1]x",  "[192.0.2.1]", "localhost:53",    "192.0.2.1:-1", "[::1]:",
        "[::1%lo]"};
    struct sockaddr_storage address;
    char text[NET_ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(net_address_parse(good[i].text, &address), 0);
        net_address_format(&address, text);
        assert_string_equal(text, good[i].formatted);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(net_address_parse(bad[i], &address), ERR_INVALID);
}

static int set_up(void **state)
{
    (void)state;
    char text[200 * 32] = "@ 60 SOA n h 1 7200 900 1209600 60\n@ 60 NS n\nwww 60 A 192.0.2.1\n";
    for (unsigned i = 0; i < 200; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "big 60 A 192.0.2.%u\n", i);
    publisher = test_image_new();
    test_image_serve(publisher, "test.", text);
    return 0;
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
        cmocka_unit_test(test_udp_answers_and_counts),
        cmocka_unit_test(test_udp_wildcard_answers_from_the_address_asked),
        cmocka_unit_test(test_udp_ipv6_wildcard_answers),
        cmocka_unit_test(test_udp_replies_are_never_fragmented),
        cmocka_unit_test(test_udp_sees_the_next_generation),
        cmocka_unit_test(test_tcp_pipelined_requests_are_all_answered),
        cmocka_unit_test(test_tcp_split_frames_are_put_together),
        cmocka_unit_test(test_tcp_half_close_still_gets_replies),
        cmocka_unit_test(test_tcp_slow_reader_pauses_and_loses_nothing),
        cmocka_unit_test(test_tcp_reset_by_a_slow_reader_is_survived),
        cmocka_unit_test(test_tcp_idle_connection_is_closed),
        cmocka_unit_test(test_tcp_length_zero_ends_the_connection),
        cmocka_unit_test(test_close_ends_open_connections),
        cmocka_unit_test(test_open_address_in_use_says_so),
        cmocka_unit_test(test_open_bad_options_are_refused),
        cmocka_unit_test(test_address_text_round_trips),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
