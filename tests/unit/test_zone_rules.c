/* links: zone dns base */
/* One case for each rule of record_set.h. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_set.h"
#include "zone/record_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t APEX[] = "\007example";

/* Check one set: @name and each data as text. The message goes to @problem. */
static int check(const char *name_text, uint16_t type, uint32_t ttl_s, const char *const *texts,
                 struct zone_problem *problem)
{
    static uint8_t octets[4][512];
    uint8_t name[DNS_NAME_MAX];
    struct zone_rdata rdatas[4];
    struct zone_record_set set = {.name = name, .type = type, .ttl_s = ttl_s, .rdatas = rdatas};

    memset(problem, 0, sizeof(*problem));
    assert_true(dns_name_parse(name_text, APEX, name) > 0);
    for (; texts[set.rdata_count]; set.rdata_count++) {
        size_t len;
        assert_int_equal(zone_rdata_parse(texts[set.rdata_count], type, APEX,
                                          octets[set.rdata_count], &len, problem),
                         0);
        rdatas[set.rdata_count] = (struct zone_rdata){octets[set.rdata_count], (uint16_t)len};
    }
    return zone_rules_check_set(APEX, &set, problem);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(const char *name, uint16_t type, const char *const *texts,
                           const char *needle)
{
    struct zone_problem problem;

    assert_int_equal(check(name, type, 300, texts, &problem), ERR_INVALID);
    if (!strstr(problem.text, needle))
        fail_msg("\"%s\" does not say \"%s\"", problem.text, needle);
}

static void assert_accepted(const char *name, uint16_t type, const char *const *texts)
{
    struct zone_problem problem;

    if (check(name, type, 300, texts, &problem) != 0)
        fail_msg("refused: %s", problem.text);
}

static void test_check_set_good_sets_are_accepted(void **state)
{
    (void)state;
    assert_accepted("www", DNS_TYPE_A, TEXTS("192.0.2.1", "192.0.2.2"));
    assert_accepted("@", DNS_TYPE_SOA, TEXTS("ns1 host 1 2 3 4 5"));
    assert_accepted("*", DNS_TYPE_CNAME, TEXTS("www"));
    assert_accepted("@", DNS_TYPE_DNAME, TEXTS("other.example."));
    assert_accepted("a", 65280, TEXTS("\\# 0"));
    assert_accepted("sub", DNS_TYPE_DS,
                    TEXTS("60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"));
}

static void test_check_set_owner_outside_or_capital_is_refused(void **state)
{
    (void)state;
    assert_refused("www.other.", DNS_TYPE_A, TEXTS("192.0.2.1"), "not within the zone");
    assert_refused("www.myexample.", DNS_TYPE_A, TEXTS("192.0.2.1"), "not within the zone");
    assert_refused("WWW", DNS_TYPE_A, TEXTS("192.0.2.1"), "lower case");
}

static void test_check_set_type_where_it_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused("www", DNS_TYPE_SOA, TEXTS("ns1 host 1 2 3 4 5"), "top of the zone");
    assert_refused("@", DNS_TYPE_CNAME, TEXTS("www"), "top of the zone");
    assert_refused("@", DNS_TYPE_DS, TEXTS("1 5 1 00"), "parent zone");
    assert_refused("*.a", DNS_TYPE_NS, TEXTS("ns1"), "wildcard");
}

static void test_check_set_second_record_of_single_type_is_refused(void **state)
{
    (void)state;
    assert_refused("@", DNS_TYPE_SOA, TEXTS("ns1 h 1 2 3 4 5", "ns1 h 2 2 3 4 5"), "only one SOA");
    assert_refused("a", DNS_TYPE_CNAME, TEXTS("b", "c"), "only one CNAME");
    assert_refused("a", DNS_TYPE_DNAME, TEXTS("b", "c"), "only one DNAME");
    assert_refused("a", DNS_TYPE_A, TEXTS("192.0.2.1", "192.0.2.1"), "twice");
}

/* RFC 2181 5, RFC 4034 6.2: names in the data of these types are the same in any case. */
static void test_check_set_record_in_other_case_is_refused(void **state)
{
    static const char UP[] = "\\# 5 0358592d00", LOW[] = "\\# 5 0378792d00"; /* "XY-" and "xy-" */
    static const uint16_t TYPES[] = {2, 3, 4, 7, 8, 9, 12};

    (void)state;
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        assert_refused("a", TYPES[i], TEXTS(UP, LOW), "twice");
    assert_refused("a", 14, TEXTS("x Y", "X y"), "twice");
    assert_refused("a", DNS_TYPE_MX, TEXTS("1 mail", "1 mail2", "1 MAIL"), "twice");
    assert_refused("a", DNS_TYPE_MX, TEXTS("1 a.", "\\# 5 0001014100"), "twice");
    assert_refused("a", 17, TEXTS("x Y", "x y"), "twice");
    assert_refused("a", 18, TEXTS("1 x", "1 X"), "twice");
    assert_refused("a", 21, TEXTS("1 x", "1 X"), "twice");
    assert_refused("a", 26, TEXTS("\\# 8 0041016100016200", "\\# 8 0041014100014200"), "twice");
    assert_refused("a", 30, TEXTS("\\# 4 01610062", "\\# 4 01410062"), "twice");
    assert_refused("a", DNS_TYPE_SRV, TEXTS("1 2 3 x", "1 2 3 X"), "twice");
    assert_refused("a", DNS_TYPE_NAPTR, TEXTS("1 2 s A A x", "1 2 s A A X"), "twice");
    assert_refused("a", 36, TEXTS("1 x", "1 X"), "twice");
    assert_refused("a", 38, TEXTS("\\# 5 7801014100", "\\# 5 7801016100"), "twice");
    assert_refused("a", DNS_TYPE_RRSIG,
                   TEXTS("A 5 3 60 20360322173103 20030220173103 2642 x. AQID",
                         "A 5 3 60 20360322173103 20030220173103 2642 X. AQID"),
                   "twice");
}

/* Everything else counts as it is: octets before and after the names, and the other types' names
 * (RFC 6840 5.1 for NSEC, RFC 3597 7 for those that came later). */
static void test_check_set_records_of_other_octets_are_accepted(void **state)
{
    (void)state;
    assert_accepted("a", DNS_TYPE_MX, TEXTS("65 x", "97 x", "65 y"));
    assert_accepted("a", DNS_TYPE_NS, TEXTS("x", "y", "x.y"));
    assert_accepted("a", DNS_TYPE_NAPTR, TEXTS("1 2 s a A x", "1 2 s A A x", "1 2 S A A x"));
    assert_accepted("a", DNS_TYPE_TXT, TEXTS("x", "X"));
    assert_accepted("a", 30, TEXTS("\\# 4 01610062", "\\# 4 01610042"));
    assert_accepted("a", 38, TEXTS("\\# 5 7841016100", "\\# 5 7861016100"));
    assert_accepted("a", 38,
                    TEXTS("\\# 17 0020010db8000000000000000000000041",
                          "\\# 17 0020010db8000000000000000000000061"));
    assert_accepted("a", DNS_TYPE_RRSIG,
                    TEXTS("A 5 3 60 20360322173103 20030220173103 2642 x. AUED",
                          "A 5 3 60 20360322173103 20030220173103 2642 x. AWED"));
    assert_accepted("a", DNS_TYPE_NSEC, TEXTS("x A", "X A"));
    assert_accepted("a", DNS_TYPE_HTTPS, TEXTS("1 x", "1 X"));
    assert_accepted("a", 107, TEXTS("1 x", "1 X"));
    assert_accepted("a", 65280, TEXTS("\\# 3 016100", "\\# 3 014100"));
}

/* RFC 4034 6.3: as strings of octets in canonical form, a shorter one first. */
static void test_rdata_compare_orders_canonically(void **state)
{
    static const struct {
        uint16_t type, less_len, more_len;
        const char *less, *more;
    } CASES[] = {
        {DNS_TYPE_NS, 3, 3, "\1A", "\1b"},          {DNS_TYPE_NS, 3, 3, "\1a", "\1B"},
        {DNS_TYPE_NS, 3, 4, "\1z", "\2aa"},         {DNS_TYPE_TXT, 2, 2, "\1B", "\1a"},
        {DNS_TYPE_TXT, 2, 3, "\1a", "\1a\0"},       {65280, 0, 1, "", "\0"},
        {DNS_TYPE_MX, 5, 5, "\0\101\1a", "\0a\1A"}, {DNS_TYPE_MX, 5, 5, "\0\1\1A", "\0\1\1b"},
        {DNS_TYPE_NS, 3, 3, "\1[", "\1A"},          {DNS_TYPE_NS, 2, 2, "\1A", "\1a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const uint8_t *less = (const uint8_t *)CASES[i].less;
        const uint8_t *more = (const uint8_t *)CASES[i].more;
        const uint16_t type = CASES[i].type;
        print_message("case %zu\n", i);
        assert_true(zone_rdata_compare(type, less, CASES[i].less_len, more, CASES[i].more_len) < 0);
        assert_true(zone_rdata_compare(type, more, CASES[i].more_len, less, CASES[i].less_len) > 0);
        assert_int_equal(zone_rdata_compare(type, less, CASES[i].less_len, less, CASES[i].less_len),
                         0);
        assert_false(zone_rdata_is_same(type, less, CASES[i].less_len, more, CASES[i].more_len));
    }
    assert_true(
        zone_rdata_is_same(DNS_TYPE_NS, (const uint8_t *)"\1a", 3, (const uint8_t *)"\1A", 3));
}

static void test_check_set_message_names_record_and_rule(void **state)
{
    struct zone_problem problem;

    (void)state;
    assert_int_equal(check("www", DNS_TYPE_A, ZONE_TTL_S_MAX + 1, TEXTS("192.0.2.1"), &problem),
                     ERR_INVALID);
    assert_string_equal(problem.text, "www.example. A: the TTL is above 2147483647 (RFC 2181 8)");
}

static int check_octets(uint16_t type, const uint8_t *octets, size_t len, unsigned count)
{
    struct zone_rdata *rdatas = calloc(count + 1, sizeof(*rdatas));
    const struct zone_record_set set = {
        .name = APEX, .type = type, .rdata_count = (uint16_t)count, .ttl_s = 60, .rdatas = rdatas};
    struct zone_problem problem;

    assert_non_null(rdatas);
    for (unsigned i = 0; i < count; i++)
        rdatas[i] = (struct zone_rdata){octets + i, (uint16_t)(len)};
    int err = zone_rules_check_set(APEX, &set, &problem);
    free(rdatas);
    return err;
}

static void test_check_set_size_and_count_limits_hold(void **state)
{
    uint8_t *octets = calloc(1, 70000);

    (void)state;
    assert_non_null(octets);
    for (unsigned i = 0, state32 = 1; i < 70000; i++) {
        state32 = state32 * 1664525u + 1013904223u;
        octets[i] = (uint8_t)(state32 >> 24);
    }
    assert_int_equal(check_octets(DNS_TYPE_A, octets, 4, 0), ERR_INVALID);
    assert_int_equal(check_octets(65280, octets, ZONE_WIRE_LEN_MAX - 12, 1), 0);
    assert_int_equal(check_octets(65280, octets, ZONE_WIRE_LEN_MAX - 11, 1), ERR_LIMIT);
    assert_int_equal(check_octets(65280, octets, 8, 3250), 0);
    assert_int_equal(check_octets(65280, octets, 8, 3251), ERR_LIMIT);
    free(octets);
}

static void test_check_set_meta_types_are_refused(void **state)
{
    static const uint16_t TYPES[] = {0, 10, 24, 41, 128, 249, 250, 251, 252, 255};
    static const uint8_t OCTETS[16];

    (void)state;
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        assert_int_equal(check_octets(TYPES[i], OCTETS, 4, 1), ERR_INVALID);
}

static void test_rdata_is_valid_bad_octets_are_refused(void **state)
{
    static const struct {
        uint16_t type;
        size_t len;
        const char *octets;
    } BAD[] = {
        {DNS_TYPE_A, 3, "\1\2\3"},
        {DNS_TYPE_A, 5, "\1\2\3\4\5"},
        {DNS_TYPE_AAAA, 4, "\1\2\3\4"},
        {DNS_TYPE_NS, 2, "\1a"},
        {DNS_TYPE_NS, 2, "\300\014"},
        {DNS_TYPE_NS, 4, "\1a\0\0"},
        {DNS_TYPE_MX, 2, "\0\1"},
        {8, 2, "\1a"},                  /* MG without an end */
        {26, 5, "\0\1\1a"},             /* PX with one name */
        {38, 1, "\201"},                /* A6 with a prefix of 129 bits */
        {38, 2, "\170\1"},              /* A6 without the prefix's name */
        {38, 18, "\0aaaaaaaaaaaaaaaa"}, /* A6 with a name, but no prefix */
        {DNS_TYPE_TXT, 0, ""},
        {DNS_TYPE_TXT, 2, "\2a"},
        {DNS_TYPE_SOA, 4, "\0\0\0\0"},
        {DNS_TYPE_CAA, 2, "\0\0"},
        {DNS_TYPE_CAA, 3, "\0\1-"},
        {DNS_TYPE_NSEC, 5, "\0\0\1\0\0"},     /* last octet of a window is zero */
        {DNS_TYPE_NSEC, 7, "\0\1\1\1\0\1\1"}, /* windows out of order */
        {42, 5, "\0\1\10\1\0"},               /* APL with trailing zero */
        {45, 3, "\1\4\0"},                    /* IPSECKEY with gateway type 4 */
        {64, 7, "\0\1\0\0\3\0\1"},            /* SVCB port of one octet */
        {64, 9, "\0\1\0\0\0\0\2\0\4"},        /* mandatory key that is not there */
        {DNS_TYPE_DS, 4, "\0\0\0\0"},
        {DNS_TYPE_RRSIG, 20, "\0\377\1\1\0\0\0\1\0\0\0\1\0\0\0\1\0\1\0s"}, /* covers ANY */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        if (zone_rdata_is_valid(BAD[i].type, (const uint8_t *)BAD[i].octets, BAD[i].len))
            fail_msg("case %zu is taken as valid", i);
}

static void test_rdata_format_odd_alpn_reads_back(void **state)
{
    /* 1 . alpn="\002\032","\000\016\000\016": found by fuzz_zone_rules */
    static const uint8_t data[] = {0, 1, 0, 0, 1, 0, 8, 2, 2, 32, 4, 0, 16, 0, 16};
    uint8_t again[64];
    char text[256];
    size_t len;
    struct zone_problem problem;

    (void)state;
    assert_int_equal(
        zone_rdata_format(DNS_TYPE_HTTPS, data, sizeof(data), text, sizeof(text), &len), 0);
    assert_int_equal(zone_rdata_parse(text, DNS_TYPE_HTTPS, APEX, again, &len, &problem), 0);
    assert_int_equal(len, sizeof(data));
    assert_memory_equal(again, data, len);
}

static int check_types(const char *name_text, const uint16_t *types, size_t count,
                       struct zone_problem *problem)
{
    uint8_t name[DNS_NAME_MAX];

    assert_true(dns_name_parse(name_text, APEX, name) > 0);
    return zone_rules_check_name(APEX, name, types, count, problem);
}

#define TYPES(...) ((const uint16_t[]){__VA_ARGS__}), sizeof((uint16_t[]){__VA_ARGS__}) / 2

static void test_check_name_good_types_are_accepted(void **state)
{
    struct zone_problem p;

    (void)state;
    assert_int_equal(check_types("@", TYPES(DNS_TYPE_SOA, DNS_TYPE_NS, DNS_TYPE_DNAME), &p), 0);
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_CNAME, DNS_TYPE_RRSIG, DNS_TYPE_NSEC), &p), 0);
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_NS, DNS_TYPE_DS), &p), 0);
    assert_int_equal(check_types("a", NULL, 0, &p), 0);
}

static void test_check_name_conflicts_are_refused(void **state)
{
    struct zone_problem p;

    (void)state;
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_CNAME, DNS_TYPE_A), &p), ERR_INVALID);
    assert_non_null(strstr(p.text, "a.example. CNAME: CNAME cannot stand beside"));
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_DNAME, DNS_TYPE_CNAME), &p), ERR_INVALID);
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_DNAME, DNS_TYPE_NS), &p), ERR_INVALID);
    assert_int_equal(check_types("a", TYPES(DNS_TYPE_DS), &p), ERR_INVALID);
    assert_int_equal(check_types("@", TYPES(DNS_TYPE_NS), &p), ERR_INVALID);
    assert_int_equal(check_types("@", TYPES(DNS_TYPE_SOA), &p), ERR_INVALID);
    assert_int_equal(check_types("@", NULL, 0, &p), ERR_INVALID);
}

static void test_type_text_round_trips_for_all_numbers(void **state)
{
    char text[ZONE_TYPE_TEXT_LEN_MAX];

    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        uint16_t again;
        zone_type_format((uint16_t)type, text);
        assert_int_equal(zone_type_parse(text, &again), 0);
        assert_int_equal(again, type);
    }
    uint16_t type;
    assert_int_equal(zone_type_parse("mx", &type), 0);
    assert_int_equal(type, DNS_TYPE_MX);
    assert_int_equal(zone_type_parse("TYPE65536", &type), ERR_INVALID);
    assert_int_equal(zone_type_parse("NOSUCH", &type), ERR_INVALID);
}

static void test_rdata_parse_more_than_one_record_is_refused(void **state)
{
    static const char *const BAD[] = {"192.0.2.1\nx A 192.0.2.2", "192.0.2.1\n$INCLUDE /etc/passwd",
                                      "", "192.0.2", "( 192.0.2.1"};
    struct zone_problem problem;
    uint8_t octets[ZONE_RDATA_LEN_MAX];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_int_equal(zone_rdata_parse(BAD[i], DNS_TYPE_A, APEX, octets, &len, &problem),
                         ERR_INVALID);
    assert_int_equal(zone_rdata_parse("10 mail", DNS_TYPE_MX, APEX, octets, &len, &problem), 0);
    assert_int_equal(len, 2 + 5 + sizeof(APEX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_set_good_sets_are_accepted),
        cmocka_unit_test(test_check_set_owner_outside_or_capital_is_refused),
        cmocka_unit_test(test_check_set_type_where_it_cannot_be_is_refused),
        cmocka_unit_test(test_check_set_second_record_of_single_type_is_refused),
        cmocka_unit_test(test_check_set_record_in_other_case_is_refused),
        cmocka_unit_test(test_check_set_records_of_other_octets_are_accepted),
        cmocka_unit_test(test_rdata_compare_orders_canonically),
        cmocka_unit_test(test_check_set_message_names_record_and_rule),
        cmocka_unit_test(test_check_set_size_and_count_limits_hold),
        cmocka_unit_test(test_check_set_meta_types_are_refused),
        cmocka_unit_test(test_rdata_is_valid_bad_octets_are_refused),
        cmocka_unit_test(test_rdata_format_odd_alpn_reads_back),
        cmocka_unit_test(test_check_name_good_types_are_accepted),
        cmocka_unit_test(test_check_name_conflicts_are_refused),
        cmocka_unit_test(test_type_text_round_trips_for_all_numbers),
        cmocka_unit_test(test_rdata_parse_more_than_one_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
