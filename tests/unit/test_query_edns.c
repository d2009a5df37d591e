/* Options of requests and what replies make of them, by query_answer(). links: query test_exchange
 */
#include "dns/cookie.h"
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char zone[] = "@ 3600 SOA ns host 1 7200 900 1209600 60\n"
                           "@ 3600 NS ns\n"
                           "@ 3600 A 192.0.2.1\n";

static struct sockaddr_in client_4 = {.sin_family = AF_INET};
static struct sockaddr_in6 client_6 = {.sin6_family = AF_INET6};

/* The world of the example in RFC 9018 A.1. */
static const struct dns_cookie_secrets secrets = {
    .current = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37,
                0xbf, 0xcf},
    .previous = {0xdd, 0x3b, 0xdf, 0x93, 0x44, 0xb6, 0x78, 0xb1, 0x85, 0xa6, 0xf5, 0xcb, 0x60, 0xfc,
                 0xa7, 0x15},
    .is_set = true,
};
static const struct query_texts texts = {.identity = "ns1", .version = "quartet"};
#define NOW_S 1559731985u
static struct query_env env = {.client = (struct sockaddr *)&client_4,
                               .tcp_idle_ds = 100,
                               .now_s = NOW_S,
                               .cookies = &secrets,
                               .texts = &texts};

#define CLIENT "\x24\x64\xc4\xab\xcf\x10\xc9\x57"
#define SERVER "\1\0\0\0\x5c\xf7\x9f\x11\x1f\x81\x30\xc3\xee\xe2\x94\x80"
#define COOKIE_TEXT "10:2464c4abcf10c957010000005cf79f111f8130c3eee29480\n"
#define BY_EDNS .edns_size = 1232, .env = &env
#define EDNS .name = "example.com.", .type = DNS_TYPE_A, BY_EDNS

static void test_options_nothing_asked_nothing_sent(void **state)
{
    (void)state;
    const struct ask plain = {.name = "example.com.", .type = DNS_TYPE_A, .env = &env};
    const struct ask empty = {EDNS};
    const struct ask unknown = {EDNS, ASK_OPTIONS("\0\144\0\2hi\0\14\0\2\0\0\0\11\0\0")};
    test_exchange_expect_options(&plain, DNS_RCODE_NOERROR, "-");
    test_exchange_expect_options(&empty, DNS_RCODE_NOERROR, "");
    test_exchange_expect_options(&unknown, DNS_RCODE_NOERROR, "");
}

static void test_options_nsid_is_told_when_there_is_one(void **state)
{
    (void)state;
    const struct query_texts none = {.identity = NULL}, empty = {.identity = ""};
    struct query_env other = env;
    struct ask asked = {EDNS, ASK_OPTIONS("\0\3\0\0")};
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "3:6e7331\n");
    asked.env = &other;
    other.texts = &none;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
    other.texts = &empty;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
    other.texts = NULL;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
}

static void test_options_ecs_is_echoed_with_scope_0(void **state)
{
    (void)state;
    static const struct ask cases[] = {
        {EDNS, ASK_OPTIONS("\0\10\0\7\0\1\x18\0\xc0\0\2")},
        {EDNS, ASK_OPTIONS("\0\10\0\10\0\2\x20\0\x20\1\xd\xb8")},
        {EDNS, ASK_OPTIONS("\0\10\0\4\0\1\0\0")},
        {EDNS, ASK_OPTIONS("\0\10\0\4\0\0\0\0")},
        {EDNS, ASK_OPTIONS("\0\10\0\5\0\3\x8\0\1")},        /* unknown family */
        {EDNS, ASK_OPTIONS("\0\10\0\7\0\1\x17\0\xc0\0\3")}, /* a bit too many */
    };
    static const char *const replies[] = {"8:00011800c00002\n", "8:0002200020010db8\n",
                                          "8:00010000\n", "8:00000000\n"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool is_good = i < sizeof replies / sizeof *replies;
        test_exchange_expect_options(&cases[i], is_good ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR,
                                     is_good ? replies[i] : "");
    }
}

static void test_options_keepalive_is_for_tcp(void **state)
{
    (void)state;
    struct query_env silent = env;
    struct ask asked = {EDNS, ASK_OPTIONS("\0\13\0\0")};
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, ""); /* RFC 7828 3.3.2 */
    asked.proto = QUERY_TCP;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "11:0064\n");
    silent.tcp_idle_ds = 0;
    asked.env = &silent;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
}

/* ---- cookies ---- */

static bool is_cookie_valid(const struct ask *asked)
{
    uint8_t request[TEST_REQUEST_SIZE];
    struct dns_writer reply;
    test_exchange_send(asked, request, test_exchange_request(asked, request), &reply);
    return reply.has_valid_cookie;
}

static void test_cookie_of_the_rfc_comes_and_proves_the_client(void **state)
{
    (void)state;
    struct query_env later = env;
    const struct ask first = {EDNS, ASK_OPTIONS("\0\12\0\10" CLIENT)};
    struct ask second = {EDNS, ASK_OPTIONS("\0\12\0\30" CLIENT SERVER)};
    test_exchange_expect_options(&first, DNS_RCODE_NOERROR, COOKIE_TEXT);
    assert_false(is_cookie_valid(&first));
    test_exchange_expect_options(&second, DNS_RCODE_NOERROR, COOKIE_TEXT);
    assert_true(is_cookie_valid(&second));
    second.env = &later;
    later.now_s = NOW_S + 1800; /* the client keeps it for half an hour ... */
    test_exchange_expect_options(&second, DNS_RCODE_NOERROR, COOKIE_TEXT);
    later.now_s = NOW_S + 2400; /* ... then gets a new one: RFC 9018 A.2 */
    test_exchange_expect_options(&second, DNS_RCODE_NOERROR,
                                 "10:2464c4abcf10c957010000005cf7a871d4a564a1442aca77\n");
    assert_true(is_cookie_valid(&second));
    later.now_s = NOW_S + 3601;
    assert_false(is_cookie_valid(&second));
}

/* A wrong cookie is no reason to refuse; it only proves nothing. */
static void test_cookie_wrong_ones_get_an_answer_and_a_right_one(void **state)
{
    (void)state;
    static const struct ask cases[] = {
        {EDNS, ASK_OPTIONS("\0\12\0\20" CLIENT "12345678")},
        {EDNS, ASK_OPTIONS("\0\12\0\30" CLIENT "1234567812345678")},
        {EDNS, ASK_OPTIONS("\0\12\0\50" CLIENT "12345678123456781234567812345678")},
        {EDNS, ASK_OPTIONS("\0\12\0\30" CLIENT
                           "\2\0\0\0\x5c\xf7\x9f\x11\x1f\x81\x30\xc3\xee\xe2\x94\x80")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_exchange_expect_options(&cases[i], DNS_RCODE_NOERROR, COOKIE_TEXT);
        assert_false(is_cookie_valid(&cases[i]));
        test_exchange_expect(&cases[i], QUERY_ANSWERED,
                             "NOERROR aa\nAN example.com. 3600 A 192.0.2.1\n");
    }
}

static void test_cookie_belongs_to_one_address(void **state)
{
    (void)state;
    struct sockaddr_in neighbour = client_4;
    neighbour.sin_addr.s_addr ^= htonl(1);
    struct query_env other = env;
    struct ask asked = {EDNS, ASK_OPTIONS("\0\12\0\30" CLIENT SERVER)};
    asked.env = &other;
    other.client = (struct sockaddr *)&neighbour;
    assert_false(is_cookie_valid(&asked));
    other.client = (struct sockaddr *)&client_4;
    assert_true(is_cookie_valid(&asked));
    /* The port is no part of it: clients change theirs. */
    neighbour = client_4;
    neighbour.sin_port = htons(53);
    other.client = (struct sockaddr *)&neighbour;
    assert_true(is_cookie_valid(&asked));
}

/* RFC 9018 A.4: IPv6, and a cookie that the previous secret made. */
static void test_cookie_of_the_previous_secret_is_replaced(void **state)
{
    (void)state;
    static const struct dns_cookie_secrets rolled = {
        .current = {0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98, 0x07, 0x5a, 0x5d, 0x37, 0x96,
                    0x63, 0xc9, 0x62},
        .previous = {0xdd, 0x3b, 0xdf, 0x93, 0x44, 0xb6, 0x78, 0xb1, 0x85, 0xa6, 0xf5, 0xcb, 0x60,
                     0xfc, 0xa7, 0x15},
        .is_set = true,
    };
    const struct query_env other = {
        .client = (struct sockaddr *)&client_6, .now_s = 1559741961, .cookies = &rolled};
    struct ask asked = {EDNS, ASK_OPTIONS("\0\12\0\30\x22\x68\x1a\xb9\x7d\x52\xc2\x98\1\0\0\0"
                                          "\x5c\xf7\xc5\x79\x26\x55\x6b\xd0\x93\x4c\x72\xf8")};
    asked.env = &other;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR,
                                 "10:22681ab97d52c298010000005cf7c609a6bb79d16625507a\n");
    assert_true(is_cookie_valid(&asked));
}

static void test_cookie_none_without_secret_or_address(void **state)
{
    (void)state;
    struct query_env other = env;
    struct ask asked = {EDNS, ASK_OPTIONS("\0\12\0\30" CLIENT SERVER)};
    asked.env = &other;
    other.cookies = NULL;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
    other.cookies = &secrets;
    other.client = NULL;
    test_exchange_expect_options(&asked, DNS_RCODE_NOERROR, "");
    assert_false(is_cookie_valid(&asked));
}

static void test_cookie_malformed_is_formerr(void **state)
{
    (void)state;
    static const struct ask cases[] = {
        {EDNS, ASK_OPTIONS("\0\12\0\0")},
        {EDNS, ASK_OPTIONS("\0\12\0\7"
                           "1234567")},
        {EDNS, ASK_OPTIONS("\0\12\0\11"
                           "123456789")},
        {EDNS, ASK_OPTIONS("\0\12\0\17"
                           "123456789012345")},
        {EDNS, ASK_OPTIONS("\0\12\0\51"
                           "12345678901234567890123456789012345678901")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_exchange_expect_options(&cases[i], DNS_RCODE_FORMERR, "");
}

/* RFC 7873 5.4. The requests have no question, so they are made by hand. */
static void test_cookie_without_question(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        uint8_t option_len;
        uint8_t has_secrets;
        uint16_t rcode;
        enum query_outcome outcome;
        uint8_t reply_len; /* header, OPT, and the cookie */
    } cases[] = {
        {"\0\12\0\10" CLIENT, 12, 1, DNS_RCODE_NOERROR, QUERY_ANSWERED, 12 + 11 + 28},
        {"\0\12\0\30" CLIENT SERVER, 28, 1, DNS_RCODE_NOERROR, QUERY_ANSWERED, 12 + 11 + 28},
        {"\0\12\0\30" CLIENT "1234567812345678", 28, 1, DNS_RCODE_BADCOOKIE, QUERY_REJECTED,
         12 + 11 + 28},
        {"\0\12\0\10" CLIENT, 12, 0, DNS_RCODE_FORMERR, QUERY_REJECTED, 12 + 11},
        {"\0\3\0\0", 4, 1, DNS_RCODE_FORMERR, QUERY_REJECTED, 12 + 11 + 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t request[64] = "\x12\x34\1\0\0\0\0\0\0\0\0\1\0\0\x29\4\xd0\0\0\0\0";
        struct query_env other = env;
        struct dns_writer reply;
        const struct ask asked = {.env = &other};
        other.cookies = cases[i].has_secrets ? &secrets : NULL;
        dns_wire_put16(request + 21, cases[i].option_len);
        memcpy(request + 23, cases[i].option, cases[i].option_len);
        assert_int_equal(
            test_exchange_send(&asked, request, (uint16_t)(23 + cases[i].option_len), &reply),
            cases[i].outcome);
        assert_int_equal(reply.rcode, cases[i].rcode);
        assert_int_equal(reply.len, cases[i].reply_len);
        assert_int_equal(dns_wire_get16(reply.octets + 4), 0);
        assert_int_equal(reply.octets[17], cases[i].rcode >> 4); /* the upper bits, in OPT */
    }
}

/* ---- extended errors ---- */

static void test_ede_says_why(void **state)
{
    (void)state;
    static const struct {
        struct ask ask;
        uint16_t rcode;
        const char *options;
    } cases[] = {
        {{EDNS}, DNS_RCODE_NOERROR, ""},
        {{BY_EDNS, .name = "example.org.", .type = DNS_TYPE_A}, DNS_RCODE_REFUSED, "15:0014\n"},
        {{BY_EDNS, .name = "example.com.", .type = DNS_TYPE_AXFR}, DNS_RCODE_REFUSED, "15:0015\n"},
        {{BY_EDNS, .name = "example.com.", .type = DNS_TYPE_IXFR}, DNS_RCODE_REFUSED, "15:0015\n"},
        {{EDNS, .class = 4}, DNS_RCODE_REFUSED, "15:0015\n"},
        {{EDNS, .class = DNS_CLASS_CH}, DNS_RCODE_REFUSED, "15:0015\n"},
        {{BY_EDNS, .name = "example.com.", .type = DNS_TYPE_MAILB}, DNS_RCODE_NOERROR, ""},
        {{BY_EDNS, .name = "x.half.", .type = DNS_TYPE_A}, DNS_RCODE_SERVFAIL, "15:000e\n"},
        {{BY_EDNS, .name = "x.example.com.", .type = DNS_TYPE_A}, DNS_RCODE_NXDOMAIN, ""},
        {{BY_EDNS, .name = "example.com.", .type = DNS_TYPE_ANY}, DNS_RCODE_NOERROR, ""},
        {{BY_EDNS, .name = "example.com.", .type = DNS_TYPE_OPT}, DNS_RCODE_FORMERR, ""},
        {{EDNS, .edns_version = 1}, DNS_RCODE_BADVERS, ""},
        {{.name = "example.org.", .type = DNS_TYPE_A, .env = &env}, DNS_RCODE_REFUSED, "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_exchange_expect_options(&cases[i].ask, cases[i].rcode, cases[i].options);
}

/* Options of a version that we don't know may mean anything. */
static void test_options_of_other_versions_are_not_read(void **state)
{
    (void)state;
    const struct ask asked = {EDNS, .edns_version = 1, ASK_OPTIONS("\0\3\0\0\0\12\0\1!")};
    test_exchange_expect_options(&asked, DNS_RCODE_BADVERS, "");
}

/* ---- room ---- */

#define ALL_OPTIONS                                                                                \
    "\0\3\0\0\0\12\0\10" CLIENT "\0\13\0\0\0\10\0\24\0\2\x80\0"                                    \
    "1234567890123456"

/* The longest question, the longest identity, every option, and 512 octets. */
static void test_options_all_fit_the_smallest_reply(void **state)
{
    (void)state;
    char identity[QUERY_TEXT_MAX + 1];
    memset(identity, 'i', QUERY_TEXT_MAX);
    identity[QUERY_TEXT_MAX] = '\0';
    const struct query_texts long_texts = {.identity = identity};
    struct query_env other = env;
    other.texts = &long_texts;
    char name[256] = "";
    for (unsigned i = 0; i < 127; i++)
        memcpy(name + 2 * i, "x.", 3);
    for (unsigned proto = QUERY_UDP; proto <= QUERY_TCP; proto++) {
        const struct ask asked = {.name = name,
                                  .type = DNS_TYPE_A,
                                  .edns_size = 512,
                                  .proto = (enum query_proto)proto,
                                  .env = &other,
                                  ASK_OPTIONS(ALL_OPTIONS)};
        enum query_outcome outcome;
        knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
        assert_int_equal(knot_pkt_ext_rcode(packet), DNS_RCODE_REFUSED);
        assert_true(packet->size <= 512);
        static const uint16_t codes[] = {DNS_OPTION_NSID, DNS_OPTION_COOKIE, DNS_OPTION_ECS,
                                         DNS_OPTION_EDE};
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
            assert_non_null(knot_edns_get_option(packet->opt_rr, codes[i], NULL));
        knot_pkt_free(packet);
    }
}

/* Whatever the client's size, the reply keeps to it: options take their room from the records. */
static void test_options_never_push_a_reply_over_its_limit(void **state)
{
    (void)state;
    unsigned truncated_count = 0;
    for (uint16_t size = 512; size <= 1232; size++) {
        const struct ask asked = {.name = "big.example.net.",
                                  .type = DNS_TYPE_A,
                                  .edns_size = size,
                                  .env = &env,
                                  ASK_OPTIONS(ALL_OPTIONS)};
        enum query_outcome outcome;
        knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
        assert_true(packet->size <= size);
        /* 40 addresses behind a question of 33 octets; 70 of options and 11 of OPT. */
        const bool is_cut = 33u + 40 * 16 + 11 + 7 + 28 + 24 > size;
        assert_int_equal(!!knot_wire_get_tc(packet->wire), is_cut);
        truncated_count += is_cut;
        knot_pkt_free(packet);
    }
    assert_in_range(truncated_count, 1, 719);
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    assert_int_equal(inet_pton(AF_INET, "198.51.100.100", &client_4.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:220:1:59de:d0f4:8769:82b8", &client_6.sin6_addr),
                     1);
    char big[4096] = "@ 60 SOA ns host 1 7200 900 1209600 60\n";
    for (unsigned i = 0; i < 40; i++)
        snprintf(big + strlen(big), sizeof big - strlen(big), "big 60 A 192.0.2.%u\n", i);
    test_image_serve(test_exchange_publisher, "example.com.", zone);
    test_image_serve(test_exchange_publisher, "example.net.", big);
    test_image_serve(test_exchange_publisher, "half.", "www 60 A 192.0.2.1\n");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_nothing_asked_nothing_sent),
        cmocka_unit_test(test_options_nsid_is_told_when_there_is_one),
        cmocka_unit_test(test_options_ecs_is_echoed_with_scope_0),
        cmocka_unit_test(test_options_keepalive_is_for_tcp),
        cmocka_unit_test(test_cookie_of_the_rfc_comes_and_proves_the_client),
        cmocka_unit_test(test_cookie_wrong_ones_get_an_answer_and_a_right_one),
        cmocka_unit_test(test_cookie_belongs_to_one_address),
        cmocka_unit_test(test_cookie_of_the_previous_secret_is_replaced),
        cmocka_unit_test(test_cookie_none_without_secret_or_address),
        cmocka_unit_test(test_cookie_malformed_is_formerr),
        cmocka_unit_test(test_cookie_without_question),
        cmocka_unit_test(test_ede_says_why),
        cmocka_unit_test(test_options_of_other_versions_are_not_read),
        cmocka_unit_test(test_options_all_fit_the_smallest_reply),
        cmocka_unit_test(test_options_never_push_a_reply_over_its_limit),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
