/* What a node's options put into the replies of true sockets: identity, cookies that all threads
 * agree on, and the time-out of TCP. links: net test_image */
#include "net/net.h"

#include "base/err.h"
#include "dns/answer.h"
#include "lib/test_image.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWER_LIMIT_S = 20 }; /* a reply that is later than this is a failure */

static struct zone_publisher *publisher;
static const uint8_t cookie_key[] = "key of 16 octets";

static struct net *open_net(struct net_options *options, struct sockaddr_storage *address)
{
    struct net_error error;
    struct net *net;
    assert_int_equal(net_address_parse("127.0.0.1:0", address), 0);
    options->addresses = address;
    options->address_count = 1;
    options->publisher = publisher;
    if (net_open(options, &net, &error) != 0)
        fail_msg("%s", error.text);
    net_get_address(net, 0, address);
    return net;
}

/* Send @request from a new socket and take the reply. */
static size_t exchange(const struct sockaddr_storage *address, int type, const uint8_t *request,
                       uint16_t request_len, uint8_t reply[1500])
{
    struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    uint8_t framed[2 + 512];
    const size_t prefix_len = type == SOCK_STREAM ? 2 : 0;
    int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    dns_wire_put16(framed, request_len);
    memcpy(framed + prefix_len, request, request_len);
    assert_int_equal(send(fd, framed, prefix_len + request_len, 0),
                     (ssize_t)(prefix_len + request_len));
    size_t got = 0, wanted = 1;
    while (got < wanted) {
        ssize_t len = recv(fd, reply + got, 1500 - got, 0);
        assert_true(len > 0);
        got += (size_t)len;
        wanted = type != SOCK_STREAM ? got : got < 2 ? 2 : 2u + dns_wire_get16(reply);
    }
    close(fd);
    memmove(reply, reply + prefix_len, got - prefix_len);
    return got - prefix_len;
}

/* "www.test. A" with @options in an OPT. */
static uint16_t build(uint8_t request[512], const uint8_t *options, uint16_t options_len)
{
    static const uint8_t fixed[] = "\x12\x34\0\0\0\1\0\0\0\0\0\1\3www\4test\0\0\1\0\1"
                                   "\0\0\x29\4\xd0\0\0\0\0"; /* the NUL begins RDLENGTH */
    memcpy(request, fixed, sizeof fixed);
    dns_wire_put16(request + sizeof fixed - 1, options_len);
    memcpy(request + sizeof fixed + 1, options, options_len);
    return (uint16_t)(sizeof fixed + 1 + options_len);
}

/* The data of option @code in a reply that ends in its OPT's options; NULL for none. */
static const uint8_t *find_option(const uint8_t *reply, size_t len, uint16_t code,
                                  uint16_t *out_len)
{
    const size_t options_at = 26 + 16 + DNS_OPT_LEN; /* header, question, one A record, OPT */
    assert_true(len >= options_at);
    assert_int_equal(dns_wire_get16(reply + options_at - 2), len - options_at);
    for (size_t at = options_at; at < len;) {
        *out_len = dns_wire_get16(reply + at + 2);
        assert_true(*out_len <= len - at - 4);
        if (dns_wire_get16(reply + at) == code)
            return reply + at + 4;
        at += 4u + *out_len;
    }
    return NULL;
}

static void test_options_reach_the_replies(void **state)
{
    (void)state;
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    struct sockaddr_storage address;
    struct net_options options = {
        .udp_threads = 2, .identity = "node 1", .cookie_key = cookie_key, .tcp_idle_ms = 12345};
    struct net *net = open_net(&options, &address);
    uint8_t cookie[24] = "client..", asked[64] = "\0\3\0\0\0\13\0\0\0\12\0\10client..";
    uint16_t asked_len = 20;
    /* From the second turn on the request has the server's cookie. It keeps it, whichever thread
     * replies: a wrong one would be replaced by one of another time or secret. */
    for (unsigned turn = 0; turn < 40; turn++) {
        const int type = types[turn % 2];
        uint8_t request[512], reply[1500];
        uint16_t len;
        size_t reply_len =
            exchange(&address, type, request, build(request, asked, asked_len), reply);
        const uint8_t *nsid = find_option(reply, reply_len, DNS_OPTION_NSID, &len);
        assert_non_null(nsid);
        assert_int_equal(len, 6);
        assert_memory_equal(nsid, "node 1", 6);
        const uint8_t *idle = find_option(reply, reply_len, DNS_OPTION_KEEPALIVE, &len);
        assert_int_equal(idle != NULL, type == SOCK_STREAM);
        if (idle != NULL)
            assert_int_equal(dns_wire_get16(idle), 123);
        const uint8_t *got = find_option(reply, reply_len, DNS_OPTION_COOKIE, &len);
        assert_non_null(got);
        assert_int_equal(len, sizeof cookie);
        assert_memory_equal(got, "client..\1\0\0\0", 12);
        if (turn > 0)
            assert_memory_equal(got, cookie, sizeof cookie);
        memcpy(cookie, got, sizeof cookie);
        asked[11] = sizeof cookie;
        memcpy(asked + 12, cookie, sizeof cookie);
        asked_len = 12 + sizeof cookie;
    }
    net_close(net);
}

static void test_options_left_out_are_silent(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct net_options options = {.udp_threads = 1};
    struct net *net = open_net(&options, &address);
    uint8_t request[512], reply[1500];
    static const uint8_t asked[] = "\0\3\0\0\0\12\0\10client..";
    assert_int_equal(
        exchange(&address, SOCK_DGRAM, request, build(request, asked, sizeof asked - 1), reply),
        26 + 16 + DNS_OPT_LEN);
    net_close(net);
}

/* The highest code that a reply can have is counted like the others. */
static void test_badcookie_is_counted(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct net_options options = {.udp_threads = 1, .cookie_key = cookie_key};
    struct net *net = open_net(&options, &address);
    struct net_counters counters;
    uint8_t reply[1500];
    static const uint8_t request[] = "\x12\x34\0\0\0\0\0\0\0\0\0\1\0\0\x29\4\xd0\0\0\0\0\0\34"
                                     "\0\12\0\30client..a wrong cookie!!";
    exchange(&address, SOCK_DGRAM, request, sizeof request - 1, reply);
    net_read_counters(net, &counters);
    assert_int_equal(counters.rcodes[DNS_RCODE_BADCOOKIE], 1);
    assert_int_equal(counters.outcomes[QUERY_REJECTED], 1);
    net_close(net);
}

static void test_open_refuses_long_texts(void **state)
{
    (void)state;
    char text[QUERY_TEXT_MAX + 2];
    struct sockaddr_storage address;
    struct net_error error;
    struct net *net = NULL;
    memset(text, 'x', sizeof text);
    text[QUERY_TEXT_MAX + 1] = '\0';
    struct net_options options = {
        .addresses = &address, .address_count = 1, .publisher = publisher, .udp_threads = 1};
    assert_int_equal(net_address_parse("127.0.0.1:0", &address), 0);
    options.identity = text;
    assert_int_equal(net_open(&options, &net, &error), ERR_INVALID);
    options.identity = NULL;
    options.version = text;
    assert_int_equal(net_open(&options, &net, &error), ERR_INVALID);
    assert_non_null(strstr(error.text, "128"));
    options.version = text + 1;
    assert_int_equal(net_open(&options, &net, &error), 0);
    net_close(net);
}

static int set_up(void **state)
{
    (void)state;
    publisher = test_image_new();
    test_image_serve(publisher, "test.",
                     "@ 60 SOA n h 1 7200 900 1209600 60\n@ 60 NS n\nwww 60 A 192.0.2.1\n");
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
        cmocka_unit_test(test_options_reach_the_replies),
        cmocka_unit_test(test_options_left_out_are_silent),
        cmocka_unit_test(test_badcookie_is_counted),
        cmocka_unit_test(test_open_refuses_long_texts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
