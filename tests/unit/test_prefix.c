/* links: base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/prefix.h"

static struct prefix parse(const char *text)
{
    struct prefix prefix;
    const char *reason = "";
    if (prefix_parse(text, &prefix, &reason) != 0)
        fail_msg("'%s' %s", text, reason);
    return prefix;
}

static bool has(const struct prefix_set *set, const char *address)
{
    uint8_t octets[16];
    bool is_ipv6 = strchr(address, ':') != NULL;
    assert_int_equal(inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, octets), 1);
    return prefix_set_has(set, octets, is_ipv6);
}

static void test_prefix_parse_valid_text_round_trips(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"128.0.0.0/1", "128.0.0.0/1"},
        {"255.255.255.255/32", "255.255.255.255/32"},
        {"::/0", "::/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"2001:db8:0:0::1", "2001:db8::1/128"},
        {"fe80::/10", "fe80::/10"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::192.0.2.0/120", "::192.0.2.0/120"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PREFIX_TEXT_SIZE];
        struct prefix prefix = parse(cases[i][0]);
        prefix_format(&prefix, text);
        assert_string_equal(text, cases[i][1]);
        struct prefix again = parse(text);
        assert_memory_equal(&again, &prefix, sizeof prefix);
    }
}

static void test_prefix_parse_mistake_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "address"},
        {"/8", "address"},
        {"localhost", "address"},
        {"192.0.2/24", "address"},
        {"192.0.2.256", "address"},
        {" 192.0.2.0/24", "address"},
        {"192.0.2.0/24 ", "32"},
        {"192.0.2.0/", "32"},
        {"192.0.2.0/33", "32"},
        {"192.0.2.0/-1", "32"},
        {"192.0.2.0/+8", "32"},
        {"192.0.2.0/024", "32"},
        {"192.0.2.0/24/24", "32"},
        {"192.0.2.0/99999999999999999999", "32"},
        {"2001:db8::/129", "128"},
        {"2001:db8::/1e2", "128"},
        {"192.0.2.1/24", "bits"},
        {"2001:db8::1/127", "bits"},
        {"0.0.0.1/0", "bits"},
        {"fe80::1%eth0", "address"},
        {"0000000000000000000000000000000000000000000000:1/1", "address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix prefix = {.len = 77};
        const char *reason = "";
        assert_int_equal(prefix_parse(cases[i].text, &prefix, &reason), ERR_INVALID);
        assert_int_equal(prefix.len, 77);
        if (strstr(reason, cases[i].word) == NULL)
            fail_msg("'%s': '%s' does not speak of '%s'", cases[i].text, reason, cases[i].word);
    }
}

static void test_prefix_set_has_edges_of_each_prefix(void **state)
{
    (void)state;
    const struct prefix prefixes[] = {
        parse("198.51.100.0/24"), parse("192.0.2.64/26"), parse("192.0.2.64/27"),
        parse("192.0.2.64"),      parse("203.0.113.9"),   parse("2001:db8:7::/48"),
        parse("2001:db8::/64"),   parse("::1"),           parse("2001:db8:7:1::/64"),
    };
    struct prefix_set *set;
    assert_int_equal(prefix_set_new(prefixes, sizeof prefixes / sizeof *prefixes, &set), 0);
    static const char *const inside[] = {
        "198.51.100.0", "198.51.100.255",
        "192.0.2.64",   "192.0.2.65",
        "192.0.2.96",   "192.0.2.127",
        "203.0.113.9",  "2001:db8:7::",
        "2001:db8::",   "2001:db8:7:ffff:ffff:ffff:ffff:ffff",
        "::1",          "2001:db8::ffff:ffff:ffff:ffff",
    };
    static const char *const outside[] = {
        "198.51.99.255",
        "198.51.101.0",
        "192.0.2.63",
        "192.0.2.128",
        "203.0.113.8",
        "203.0.113.10",
        "2001:db8:8::",
        "2001:db8:6:ffff:ffff:ffff:ffff:ffff",
        "::",
        "::2",
        "2001:db8:0:1::",
        "0.0.0.1",
        "::198.51.100.0",
        "0.0.0.0",
        "255.255.255.255",
    };
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (!has(set, inside[i]))
            fail_msg("%s is not in", inside[i]);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (has(set, outside[i]))
            fail_msg("%s is in", outside[i]);
    prefix_set_free(set);
}

static void test_prefix_set_whole_family_does_not_touch_the_other(void **state)
{
    (void)state;
    const struct prefix everything_ipv6 = parse("::/0"), everything_ipv4 = parse("0.0.0.0/0");
    struct prefix_set *set;
    assert_int_equal(prefix_set_new(&everything_ipv6, 1, &set), 0);
    assert_true(has(set, "::") && has(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_false(has(set, "192.0.2.1"));
    prefix_set_free(set);
    assert_int_equal(prefix_set_new(&everything_ipv4, 1, &set), 0);
    assert_true(has(set, "0.0.0.0") && has(set, "255.255.255.255"));
    assert_false(has(set, "::1"));
    prefix_set_free(set);
    assert_int_equal(prefix_set_new(NULL, 0, &set), 0);
    assert_false(has(set, "0.0.0.0") || has(set, "::"));
    prefix_set_free(set);
}

/* Does the prefix hold the address? Bit by bit. */
static bool is_in(const struct prefix *prefix, const uint8_t *octets, bool is_ipv6)
{
    if (prefix->is_ipv6 != is_ipv6)
        return false;
    for (unsigned bit = 0; bit < prefix->len; bit++)
        if (((prefix->octets[bit / 8] ^ octets[bit / 8]) & (0x80u >> bit % 8)) != 0)
            return false;
    return true;
}

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Few leading octets, so that prefixes nest often and addresses hit. */
static void random_address(uint32_t *seed, uint8_t *octets, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        octets[i] = (uint8_t)(i < 2 ? draw(seed) & 3 : draw(seed) % 3 == 0 ? draw(seed) : 0);
}

static struct prefix random_prefix(uint32_t *seed)
{
    struct prefix prefix = {.is_ipv6 = draw(seed) % 2 == 0};
    unsigned size = prefix.is_ipv6 ? 16 : 4;
    random_address(seed, prefix.octets, size);
    prefix.len = (uint8_t)(6 + draw(seed) % (size * 8 - 5));
    for (unsigned bit = prefix.len; bit < size * 8; bit++)
        prefix.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return prefix;
}

static void test_prefix_set_has_agrees_with_a_plain_search(void **state)
{
    (void)state;
    uint32_t seed = 7;
    unsigned hits = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct prefix prefixes[40];
        size_t count = draw(&seed) % 41;
        struct prefix_set *set;
        for (size_t i = 0; i < count; i++)
            prefixes[i] = random_prefix(&seed);
        assert_int_equal(prefix_set_new(prefixes, count, &set), 0);
        for (unsigned i = 0; i < 200; i++) {
            uint8_t octets[16] = {0};
            bool is_ipv6 = draw(&seed) % 2 == 0, expected = false;
            random_address(&seed, octets, is_ipv6 ? 16 : 4);
            for (size_t p = 0; p < count; p++)
                expected = expected || is_in(&prefixes[p], octets, is_ipv6);
            assert_int_equal(prefix_set_has(set, octets, is_ipv6), expected);
            hits += expected;
        }
        prefix_set_free(set);
    }
    assert_in_range(hits, 4000, 36000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_parse_valid_text_round_trips),
        cmocka_unit_test(test_prefix_parse_mistake_is_named),
        cmocka_unit_test(test_prefix_set_has_edges_of_each_prefix),
        cmocka_unit_test(test_prefix_set_whole_family_does_not_touch_the_other),
        cmocka_unit_test(test_prefix_set_has_agrees_with_a_plain_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
