/* OPT data to options: every row of the table in edns.h. links: dns */
#include "dns/edns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parse from an exact heap copy, so that a sanitizer sees every read past the end; borrowed until
 * the next call. */
static bool parse(const void *octets, size_t len, struct dns_options *out)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy + 1, octets, len);
    memset(out, 0xee, sizeof *out);
    return dns_options_parse(copy + 1, (uint16_t)len, out);
}
#define PARSE(literal, out) parse(literal, sizeof(literal) - 1, out)

static void test_parse_each_option_is_found(void **state)
{
    (void)state;
    struct dns_options options;
    assert_true(PARSE("", &options));
    assert_int_equal(options.has, 0);
    assert_true(PARSE("\0\3\0\0", &options));
    assert_int_equal(options.has, DNS_HAS_NSID);
    assert_true(PARSE("\0\3\0\2hi", &options)); /* RFC 5001 2.1: data in a query is ignored */
    assert_int_equal(options.has, DNS_HAS_NSID);
    assert_true(PARSE("\0\13\0\0", &options));
    assert_int_equal(options.has, DNS_HAS_KEEPALIVE);
    assert_true(PARSE("\0\14\0\3\0\0\0", &options));
    assert_int_equal(options.has, DNS_HAS_PADDING);
    assert_true(PARSE("\0\12\0\10clientck\0\3\0\0", &options));
    assert_int_equal(options.has, DNS_HAS_COOKIE | DNS_HAS_NSID);
    assert_int_equal(options.server_cookie_len, 0);
    assert_memory_equal(options.cookie, "clientck", 8);
}

static void test_parse_others_are_ignored(void **state)
{
    (void)state;
    struct dns_options options;
    assert_true(PARSE("\0\144\0\0\0\11\0\0\xff\xff\0\3abc\0\17\0\2\0\1", &options));
    assert_int_equal(options.has, 0);
    assert_true(PARSE("\0\13\0\2\0\144", &options)); /* a TIMEOUT, which clients must not send */
    assert_int_equal(options.has, 0);
}

static void test_parse_every_cut_is_refused(void **state)
{
    (void)state;
    static const uint8_t whole[] = "\0\12\0\10clientck\0\3\0\0\0\10\0\7\0\1\x18\0\xc0\0\2";
    static const size_t ends[] = {0, 12, 16, 27}; /* where an option ends */
    struct dns_options options;
    for (size_t len = 0, next = 0; len < sizeof whole; len++) {
        bool is_end = next < sizeof ends / sizeof *ends && ends[next] == len;
        next += is_end;
        assert_int_equal(parse(whole, len, &options), is_end);
        if (!is_end)
            assert_int_equal(options.has, 0);
    }
    assert_false(PARSE("\0\3\xff\xff", &options));
}

static void test_parse_cookie_lengths(void **state)
{
    (void)state;
    struct dns_options options;
    uint8_t data[64] = {0, DNS_OPTION_COOKIE, 0, 0};
    for (uint8_t len = 0; len < 60; len++) {
        data[3] = len;
        bool is_good = len == 8 || (len >= 16 && len <= 40);
        assert_int_equal(parse(data, 4u + len, &options), is_good);
        if (is_good)
            assert_int_equal(options.server_cookie_len, len - 8);
    }
}

static void test_parse_ecs_forms(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        uint8_t len;
        bool is_good;
    } cases[] = {
        {"\0\1\x18\0\xc0\0\2", 7, true},      /* 192.0.2.0/24 */
        {"\0\1\x20\0\xc0\0\2\1", 8, true},    /* /32 */
        {"\0\1\x17\0\xc0\0\2", 7, true},      /* /23 */
        {"\0\1\x17\0\xc0\0\3", 7, false},     /* a bit behind the prefix */
        {"\0\1\x01\0\x80", 5, true},          /* 128.0.0.0/1 */
        {"\0\1\x01\0\xc0", 5, false},         /* likewise */
        {"\0\1\0\0", 4, true},                /* 0.0.0.0/0 */
        {"\0\1\0\0\0", 5, false},             /* too many octets */
        {"\0\1\x18\0\xc0\0", 6, false},       /* too few */
        {"\0\1\x18\0\xc0\0\2\0", 8, false},   /* too many, though zero */
        {"\0\1\x21\0\xc0\0\2\0\0", 9, false}, /* /33 */
        {"\0\1\x18\1\xc0\0\2", 7, false},     /* scope in a query */
        {"\0\2\x20\0\x20\1\xd\xb8", 8, true}, /* 2001:db8::/32 */
        {"\0\2\0\0", 4, true},                /* ::/0 */
        {"\0\2\x80\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 20, true},
        {"\0\2\x81\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0", 21, false},
        {"\0\0\0\0", 4, true},            /* no family, no prefix */
        {"\0\0\x08\0\x0a", 5, false},     /* a prefix of no family */
        {"\0\3\0\0", 4, false},           /* a family that we do not know */
        {"\1\1\x18\0\xc0\0\2", 7, false}, /* likewise */
        {"\0\1\0", 3, false},
        {"", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_options options;
        uint8_t data[64] = {0, DNS_OPTION_ECS, 0, cases[i].len};
        memcpy(data + 4, cases[i].data, cases[i].len);
        assert_int_equal(parse(data, 4u + cases[i].len, &options), cases[i].is_good);
        if (!cases[i].is_good)
            continue;
        assert_int_equal(options.has, DNS_HAS_ECS);
        assert_int_equal(options.ecs.family, data[5]);
        assert_int_equal(options.ecs.source_bits, data[6]);
        assert_int_equal(options.ecs.address_len, cases[i].len - 4);
        assert_memory_equal(options.ecs.address, data + 8, options.ecs.address_len);
    }
}

static void test_parse_first_of_a_kind_counts(void **state)
{
    (void)state;
    struct dns_options options;
    assert_true(PARSE("\0\12\0\10clientck\0\12\0\10another.", &options));
    assert_memory_equal(options.cookie, "clientck", 8);
    assert_true(PARSE("\0\12\0\10clientck\0\12\0\1!", &options)); /* the bad one is not looked at */
    assert_false(PARSE("\0\12\0\1!\0\12\0\10clientck", &options));
    assert_int_equal(options.has, 0);
    assert_true(PARSE("\0\10\0\4\0\1\0\0\0\10\0\4\0\2\0\0", &options));
    assert_int_equal(options.ecs.family, DNS_ECS_IPV4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_each_option_is_found),
        cmocka_unit_test(test_parse_others_are_ignored),
        cmocka_unit_test(test_parse_every_cut_is_refused),
        cmocka_unit_test(test_parse_cookie_lengths),
        cmocka_unit_test(test_parse_ecs_forms),
        cmocka_unit_test(test_parse_first_of_a_kind_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
