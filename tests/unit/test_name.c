/* Names: framing checks, order, prefixes and text. links: dns */
#include "dns/name.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NAME(text) ((const uint8_t *)(text))

/* Text to octets in one of a few static buffers, so that two can be compared in one expression. */
static const uint8_t *name_of(const char *text)
{
    static uint8_t buffers[8][DNS_NAME_MAX];
    static unsigned next;
    uint8_t *out = buffers[next++ % 8];
    assert_true(dns_name_parse(text, NULL, out) > 0);
    return out;
}

static void test_check_valid_gives_length(void **state)
{
    (void)state;
    assert_int_equal(dns_name_check(NAME("\0garbage"), 8), 1);
    assert_int_equal(dns_name_check(NAME("\3www\7example\0after"), 18), 13);
    uint8_t longest[DNS_NAME_MAX] = {0};
    for (unsigned at = 0; at < 254; at += 2)
        longest[at] = 1;
    assert_int_equal(dns_name_check(longest, sizeof longest), 255);
    assert_int_equal(dns_name_label_count(longest), DNS_NAME_LABELS_MAX);
}

static void test_check_broken_is_refused(void **state)
{
    (void)state;
    uint8_t too_long[DNS_NAME_MAX + 2] = {0};
    for (unsigned at = 0; at < 256; at += 2)
        too_long[at] = 1;
    assert_int_equal(dns_name_check(too_long, sizeof too_long), ERR_INVALID);
    assert_int_equal(dns_name_check(NAME(""), 0), ERR_INVALID);
    assert_int_equal(dns_name_check(NAME("\3www"), 4), ERR_INVALID);
    assert_int_equal(dns_name_check(NAME("\3ww"), 3), ERR_INVALID);
    assert_int_equal(dns_name_check(NAME("\xc0\x0c"), 2), ERR_INVALID);
    assert_int_equal(dns_name_check(NAME("\x40"), 70), ERR_INVALID);
}

static void test_split_and_skip_walk_labels(void **state)
{
    (void)state;
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    const uint8_t *name = name_of("a.bc.def.");
    assert_int_equal(dns_name_split(name, offsets), 3);
    assert_int_equal(offsets[0], 0);
    assert_int_equal(offsets[1], 2);
    assert_int_equal(offsets[2], 5);
    assert_true(dns_name_is_equal(dns_name_skip(name, 2), name_of("def.")));
    assert_true(dns_name_is_root(dns_name_skip(name, 3)));
    assert_int_equal(dns_name_split(name_of("."), offsets), 0);
}

static void test_equality_ignores_case(void **state)
{
    (void)state;
    uint8_t lower[DNS_NAME_MAX];
    assert_true(dns_name_is_equal(name_of("WWW.Example."), name_of("www.eXample.")));
    assert_false(dns_name_is_equal(name_of("a.b."), name_of("ab.")));
    assert_false(dns_name_is_equal(name_of("@.b."), name_of("`.b."))); /* differ by 0x20 only */
    assert_int_equal(dns_name_lower(name_of("WWW.Example."), lower), 13);
    assert_memory_equal(lower, name_of("www.example."), 13);
}

static void test_within_compares_whole_labels(void **state)
{
    (void)state;
    assert_true(dns_name_is_within(name_of("a.Example.org."), name_of("example.ORG.")));
    assert_true(dns_name_is_within(name_of("example.org."), name_of("example.org.")));
    assert_true(dns_name_is_within(name_of("example.org."), name_of(".")));
    assert_false(dns_name_is_within(name_of("badexample.org."), name_of("example.org.")));
    assert_false(dns_name_is_within(name_of("org."), name_of("example.org.")));
}

static void test_compare_gives_canonical_order(void **state)
{
    (void)state;
    /* RFC 4034 6.1, the example given there. */
    static const char *const ordered[] = {
        ".",
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    };
    for (size_t i = 0; i < sizeof ordered / sizeof *ordered; i++)
        for (size_t j = 0; j < sizeof ordered / sizeof *ordered; j++) {
            int order = dns_name_compare(name_of(ordered[i]), name_of(ordered[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void test_join_stops_at_the_limit(void **state)
{
    (void)state;
    uint8_t out[DNS_NAME_MAX];
    assert_int_equal(dns_name_join(NAME("\1a\1b"), 4, name_of("c."), out), 7);
    assert_memory_equal(out, name_of("a.b.c."), 7);
    uint8_t prefix[252];
    for (unsigned at = 0; at < sizeof prefix; at += 2) {
        prefix[at] = 1;
        prefix[at + 1] = 'x';
    }
    assert_int_equal(dns_name_join(prefix, 252, name_of("c."), out), 255);
    assert_int_equal(dns_name_join(prefix, 252, name_of("cd."), out), ERR_LIMIT);
}

static void test_parse_relative_takes_origin(void **state)
{
    (void)state;
    uint8_t out[DNS_NAME_MAX];
    const uint8_t *origin = name_of("example.org.");
    assert_int_equal(dns_name_parse("www", origin, out), 17);
    assert_true(dns_name_is_equal(out, name_of("www.example.org.")));
    assert_int_equal(dns_name_parse("www.", origin, out), 5);
    assert_int_equal(dns_name_parse("@", origin, out), 13);
    assert_true(dns_name_is_equal(out, origin));
    assert_int_equal(dns_name_parse(".", origin, out), 1);
    assert_int_equal(dns_name_parse("a.b", NULL, out), 5);
}

static void test_parse_broken_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "..",
        ".a",
        "a..b",
        "a..",
        "a\\",
        "a\\1",
        "a\\12",
        "a\\256",
        "a\\1x2",
        "0123456789012345678901234567890123456789012345678901234567890123.",
    };
    uint8_t out[DNS_NAME_MAX] = {42};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(dns_name_parse(broken[i], NULL, out), ERR_INVALID);
    assert_int_equal(out[0], 42);

    char text[600];
    for (unsigned at = 0; at < 254; at += 2)
        memcpy(text + at, "a.", 2);
    text[254] = '\0';
    assert_int_equal(dns_name_parse(text, NULL, out), 255);
    memcpy(text + 254, "a.", 3);
    assert_int_equal(dns_name_parse(text, NULL, out), ERR_INVALID);
    text[253] = '\0'; /* 127 labels without the dot: no room for an origin */
    assert_int_equal(dns_name_parse(text, name_of("b."), out), ERR_INVALID);
}

static void test_format_octal_is_route53s(void **state)
{
    (void)state;
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_format_octal(name_of("."), text);
    assert_string_equal(text, ".");
    dns_name_format_octal(name_of("*.A-b_9.WwW."), text);
    assert_string_equal(text, "\\052.a-b_9.www.");
    dns_name_format_octal(NAME("\4a.\\@\3\0 \xff\0"), text);
    assert_string_equal(text, "a\\056\\134\\100.\\000\\040\\377.");
}

static void test_format_round_trips(void **state)
{
    (void)state;
    char text[DNS_NAME_TEXT_SIZE];
    uint8_t out[DNS_NAME_MAX];
    assert_int_equal(dns_name_format(name_of("."), text, sizeof text), 1);
    assert_string_equal(text, ".");
    dns_name_format(NAME("\4a.\\b\3\0 \xff\0"), text, sizeof text);
    assert_string_equal(text, "a\\.\\\\b.\\000\\032\\255.");
    dns_name_format(name_of("\\@.\\$x.WwW."), text, sizeof text);
    assert_string_equal(text, "\\@.\\$x.WwW.");
    assert_int_equal(dns_name_format(name_of("abc."), text, 4), ERR_LIMIT);
    assert_int_equal(dns_name_format(name_of("abc."), text, 5), 4);

    /* The longest text: 255 octets, each escaped to four characters. */
    uint8_t longest[DNS_NAME_MAX] = {0};
    static const uint8_t label_lens[] = {63, 63, 63, 61};
    for (unsigned i = 0, at = 0; i < 4; at += 1u + label_lens[i++]) {
        longest[at] = label_lens[i];
        memset(longest + at + 1, 0xfe, label_lens[i]);
    }
    assert_int_equal(dns_name_format(longest, text, sizeof text), 1004);
    assert_int_equal(dns_name_parse(text, NULL, out), 255);
    assert_memory_equal(out, longest, 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_valid_gives_length),
        cmocka_unit_test(test_check_broken_is_refused),
        cmocka_unit_test(test_split_and_skip_walk_labels),
        cmocka_unit_test(test_equality_ignores_case),
        cmocka_unit_test(test_within_compares_whole_labels),
        cmocka_unit_test(test_compare_gives_canonical_order),
        cmocka_unit_test(test_join_stops_at_the_limit),
        cmocka_unit_test(test_parse_relative_takes_origin),
        cmocka_unit_test(test_parse_broken_is_refused),
        cmocka_unit_test(test_format_octal_is_route53s),
        cmocka_unit_test(test_format_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
