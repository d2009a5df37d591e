/* links: geo base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "geo/view.h"

#define NONE GEO_LATENCY_NONE
#define IMPORTED GEO_LATENCY_IMPORTED
#define MEASURED GEO_LATENCY_MEASURED
#define ROLLED_UP GEO_LATENCY_ROLLED_UP

struct row {
    const char *prefix;
    uint8_t region, source;
    uint16_t ms;
};

static struct prefix parse(const char *text)
{
    struct prefix prefix;
    const char *reason = "";
    if (prefix_parse(text, &prefix, &reason) != 0)
        fail_msg("'%s' %s", text, reason);
    return prefix;
}

static struct geo_latency *latency_of(const struct row *rows, size_t count)
{
    struct geo_latency_entry entries[64];
    struct geo_latency *latency = NULL;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct geo_latency_entry){parse(rows[i].prefix), rows[i].region,
                                                rows[i].source, rows[i].ms};
    assert_int_equal(geo_latency_new(entries, count, 7, &latency), 0);
    return latency;
}

static const struct geo_latency_row *find(const struct geo_latency *latency, const char *text,
                                          unsigned *scope)
{
    const struct prefix prefix = parse(text);
    struct geo_address address = {.bits = prefix.len, .is_ipv6 = prefix.is_ipv6};
    memcpy(address.octets, prefix.octets, sizeof address.octets);
    const struct geo_fetch fetch = geo_latency_prefetch(latency, &address);
    geo_fetch_more(&fetch);
    return geo_latency_find(latency, &address, scope);
}

/* What a client is given for a region, where from, and for which prefix. */
static void expect(const struct geo_latency *latency, const char *address, unsigned region,
                   uint16_t ms, unsigned source, const char *prefix)
{
    unsigned scope;
    char text[PREFIX_TEXT_SIZE] = "none";
    struct prefix found = {0};
    const struct geo_latency_row *row = find(latency, address, &scope);
    const uint16_t found_ms = row == NULL ? NONE : geo_latency_ms(row, region);
    const unsigned found_source = row == NULL ? 0 : geo_latency_origin(row, region, &found);
    if (found_source != 0)
        prefix_format(&found, text);
    if (found_ms != ms || found_source != source || strcmp(text, prefix) != 0)
        fail_msg("%s region %u: %u ms, source %u, %s, not %u, %u, %s", address, region, found_ms,
                 found_source, text, ms, source, prefix);
}

static void test_latency_find_longest_prefix_counts_and_lacks_are_filled(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10.0.0.0/8", 1, IMPORTED, 80},     {"10.0.0.0/8", 2, IMPORTED, 20},
        {"10.1.0.0/16", 1, IMPORTED, 30},    {"10.1.2.0/25", 200, IMPORTED, 5},
        {"2001:db8::/32", 255, IMPORTED, 9}, {"0.0.0.0/0", 64, IMPORTED, 99},
    };
    struct geo_latency *latency = latency_of(rows, sizeof rows / sizeof *rows);
    unsigned scope;
    expect(latency, "10.2.0.1", 1, 80, IMPORTED, "10.0.0.0/8");
    expect(latency, "10.1.3.1", 1, 30, IMPORTED, "10.1.0.0/16");
    expect(latency, "10.1.3.1", 2, 20, IMPORTED, "10.0.0.0/8");
    expect(latency, "10.1.2.1", 200, 5, IMPORTED, "10.1.2.0/25");
    expect(latency, "10.1.2.1", 1, 30, IMPORTED, "10.1.0.0/16");
    expect(latency, "10.1.2.1", 64, 99, IMPORTED, "0.0.0.0/0");
    expect(latency, "10.1.2.1", 63, NONE, 0, "none");
    expect(latency, "10.1.2.1", GEO_REGIONS_MAX, NONE, 0, "none");
    expect(latency, "2001:db8::1", 255, 9, IMPORTED, "2001:db8::/32");
    expect(latency, "2001:db9::1", 255, NONE, 0, "none");
    assert_non_null(find(latency, "10.1.2.200", &scope));
    assert_int_equal(scope, 25);
    assert_non_null(find(latency, "10.1.3.0/24", &scope));
    assert_int_equal(scope, 24);
    assert_null(find(latency, "2001:db9::", &scope));
    assert_int_equal(scope, 32);
    assert_int_equal(geo_latency_version(latency), 7);
    geo_latency_unref(geo_latency_ref(latency));
    geo_latency_unref(latency);
}

static void test_latency_new_imported_beats_measured_and_later_beats_earlier(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.0/25", 1, MEASURED, 10}, {"192.0.2.0/25", 1, IMPORTED, 20},
        {"192.0.2.0/25", 1, IMPORTED, 30}, {"192.0.2.0/25", 1, MEASURED, 40},
        {"192.0.2.0/25", 2, MEASURED, 50}, {"192.0.2.0/25", 2, MEASURED, 60},
    };
    struct geo_latency *latency = latency_of(rows, sizeof rows / sizeof *rows);
    expect(latency, "192.0.2.9", 1, 30, IMPORTED, "192.0.2.0/25");
    expect(latency, "192.0.2.9", 2, 60, MEASURED, "192.0.2.0/25");
    geo_latency_unref(latency);
}

static void test_latency_new_measured_are_rolled_up_for_neighbours(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10.9.1.0/24", 1, MEASURED, 10},       {"10.9.2.0/24", 1, MEASURED, 13},
        {"10.9.2.0/24", 2, MEASURED, 40},       {"10.9.3.0/24", 1, IMPORTED, 900},
        {"10.9.4.0/23", 1, MEASURED, 700},      {"10.10.1.0/24", 1, MEASURED, 100},
        {"10.10.0.0/16", 1, IMPORTED, 55},      {"10.11.1.0/24", 1, MEASURED, 8},
        {"10.11.0.0/16", 1, MEASURED, 6},       {"2001:db8:1::/48", 1, MEASURED, 3},
        {"2001:db8:ffff::/48", 1, MEASURED, 4}, {"2001:db9:1::/48", 1, MEASURED, 65534},
    };
    struct geo_latency *latency = latency_of(rows, sizeof rows / sizeof *rows);
    expect(latency, "10.9.1.1", 1, 10, MEASURED, "10.9.1.0/24");
    expect(latency, "10.9.1.1", 2, 40, ROLLED_UP, "10.9.0.0/16");
    expect(latency, "10.9.200.1", 1, 12, ROLLED_UP, "10.9.0.0/16"); /* 11.5, rounded */
    expect(latency, "10.9.200.1", 2, 40, ROLLED_UP, "10.9.0.0/16");
    expect(latency, "10.9.3.1", 1, 900, IMPORTED, "10.9.3.0/24");
    expect(latency, "10.9.4.1", 1, 700, MEASURED, "10.9.4.0/23");
    expect(latency, "10.10.9.1", 1, 55, IMPORTED, "10.10.0.0/16");
    expect(latency, "10.11.9.1", 1, 6, MEASURED, "10.11.0.0/16");
    expect(latency, "2001:db8:5::1", 1, 4, ROLLED_UP, "2001:db8::/32");
    expect(latency, "2001:db9:5::1", 1, 65534, ROLLED_UP, "2001:db9::/32");
    expect(latency, "10.12.0.1", 1, NONE, 0, "none");
    geo_latency_unref(latency);
}

static void test_latency_new_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct geo_latency *latency = latency_of(NULL, 0);
    unsigned scope = 999;
    assert_null(find(latency, "10.0.0.1", &scope));
    assert_int_equal(scope, 0);
    assert_null(find(latency, "::1", &scope));
    geo_latency_unref(latency);
    geo_latency_unref(NULL);
}

static void test_latency_new_too_many_entries_are_refused(void **state)
{
    (void)state;
    struct geo_latency *latency = NULL;
    const struct geo_latency_entry entry = {.source = IMPORTED};
    assert_int_equal(geo_latency_new(&entry, GEO_LATENCY_ENTRIES_MAX + 1ul, 1, &latency),
                     ERR_LIMIT);
    assert_null(latency);
}

/* Every region of a row, so that all words of its bits are in use. */
static void test_latency_ms_rows_with_every_region(void **state)
{
    (void)state;
    static struct geo_latency_entry entries[2 * GEO_REGIONS_MAX];
    struct geo_latency *latency = NULL;
    unsigned scope;
    for (unsigned i = 0; i < GEO_REGIONS_MAX; i++) {
        entries[i] = (struct geo_latency_entry){parse("10.0.0.0/9"), (uint8_t)(255 - i), IMPORTED,
                                                (uint16_t)(1000 + 255 - i)};
        entries[GEO_REGIONS_MAX + i] = (struct geo_latency_entry){parse("10.0.0.0/24"), (uint8_t)i,
                                                                  IMPORTED, (uint16_t)(2000 + i)};
    }
    assert_int_equal(geo_latency_new(entries, 2 * GEO_REGIONS_MAX, 1, &latency), 0);
    for (unsigned i = 0; i < GEO_REGIONS_MAX; i++) {
        assert_int_equal(geo_latency_ms(find(latency, "10.1.0.1", &scope), i), 1000 + i);
        assert_int_equal(geo_latency_ms(find(latency, "10.0.0.1", &scope), i), 2000 + i);
    }
    assert_int_equal(geo_latency_prefix(find(latency, "10.1.0.1", &scope))->len, 9);
    geo_latency_unref(latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency_find_longest_prefix_counts_and_lacks_are_filled),
        cmocka_unit_test(test_latency_new_imported_beats_measured_and_later_beats_earlier),
        cmocka_unit_test(test_latency_new_measured_are_rolled_up_for_neighbours),
        cmocka_unit_test(test_latency_new_empty_table_finds_nothing),
        cmocka_unit_test(test_latency_new_too_many_entries_are_refused),
        cmocka_unit_test(test_latency_ms_rows_with_every_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
