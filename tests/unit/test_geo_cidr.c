/* links: geo base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "geo/cidr.h"
#include "geo/view.h"

#define SLOT 300u

struct row {
    const char *prefix;
    const char *location;
};

static struct prefix parse(const char *text)
{
    struct prefix prefix;
    const char *reason = "";
    if (prefix_parse(text, &prefix, &reason) != 0)
        fail_msg("'%s' %s", text, reason);
    return prefix;
}

static struct geo_cidr_collection *collection_of(const struct row *rows, size_t count)
{
    struct geo_cidr_block blocks[32];
    struct geo_cidr_collection *collection = NULL;
    for (size_t i = 0; i < count; i++)
        blocks[i] = (struct geo_cidr_block){parse(rows[i].prefix),
                                            geo_cidr_location_hash(rows[i].location)};
    assert_int_equal(geo_cidr_collection_new(blocks, count, &collection), 0);
    return collection;
}

/* @location NULL: none. */
static void expect(const struct geo_cidr *cidr, const char *text, const char *location,
                   unsigned scope)
{
    const struct prefix prefix = parse(text);
    struct geo_address address = {.bits = prefix.len, .is_ipv6 = prefix.is_ipv6};
    unsigned found_scope = 999;
    memcpy(address.octets, prefix.octets, sizeof address.octets);
    const uint32_t found = geo_cidr_find(cidr, SLOT, &address, &found_scope);
    const uint32_t wanted = location == NULL ? 0 : geo_cidr_location_hash(location);
    if (found != wanted || found_scope != scope)
        fail_msg("%s: %08x scope %u, not %08x (%s) and %u", text, (unsigned)found, found_scope,
                 (unsigned)wanted, location == NULL ? "none" : location, scope);
}

static struct geo_cidr *cidr_of(const struct row *rows, size_t count)
{
    struct geo_cidr_collection *collection = collection_of(rows, count);
    struct geo_cidr *cidr = NULL;
    assert_int_equal(geo_cidr_with(NULL, SLOT, collection, &cidr), 0);
    geo_cidr_collection_unref(collection);
    return cidr;
}

/* These numbers are part of stored rules. */
static void test_location_hash_never_changes(void **state)
{
    (void)state;
    assert_int_equal(geo_cidr_location_hash("a"), 0xe40c292c);
    assert_int_equal(geo_cidr_location_hash("foobar"), 0xbf9cf968);
    assert_int_not_equal(geo_cidr_location_hash(""), 0);
}

static void test_cidr_find_longest_block_counts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10.0.0.0/8", "wide"},      {"10.1.0.0/16", "office"},  {"10.1.2.0/24", "lab"},
        {"2001:db8::/32", "office"}, {"2001:db8:7::/48", "lab"}, {"192.0.2.0/24", "lab"},
        {"192.0.3.0/24", "lab"},
    };
    struct geo_cidr *cidr = cidr_of(rows, sizeof rows / sizeof *rows);
    expect(cidr, "10.1.2.3", "lab", 24);
    expect(cidr, "10.1.2.0/24", "lab", 24);
    expect(cidr, "10.1.3.0/24", "office", 24);
    expect(cidr, "10.1.128.0/24", "office", 17);
    expect(cidr, "10.200.0.0/24", "wide", 9);
    expect(cidr, "11.0.0.0/24", NULL, 8);
    expect(cidr, "192.0.2.9", "lab", 23); /* one answer for both */
    expect(cidr, "2001:db8:7::1", "lab", 48);
    expect(cidr, "2001:db8:8::/48", "office", 45);
    expect(cidr, "2001:db9::/48", NULL, 32);
    geo_cidr_unref(cidr);
}

/* Route 53: a block longer than what the query says does not match. */
static void test_cidr_find_longer_blocks_than_known_do_not_match(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10.0.0.0/8", "wide"},     {"10.1.0.0/16", "office"},  {"10.1.0.0/24", "lab"},
        {"2001:db8::/48", "lab"},   {"198.51.100.0/24", "lab"}, {"203.0.112.0/23", "same"},
        {"203.0.112.0/24", "same"},
    };
    struct geo_cidr *cidr = cidr_of(rows, sizeof rows / sizeof *rows);
    expect(cidr, "10.1.0.0/24", "lab", 24);
    expect(cidr, "10.1.0.0/23", "office", 24);
    expect(cidr, "10.1.0.0/16", "office", 24);
    expect(cidr, "10.0.0.0/15", "wide", 16);
    expect(cidr, "10.0.0.0/8", "wide", 16);
    expect(cidr, "10.0.0.0/7", NULL, 16);
    expect(cidr, "2001:db8::/47", NULL, 48);
    expect(cidr, "2001:db8::/32", NULL, 48);
    expect(cidr, "2001:db8::/48", "lab", 48);
    expect(cidr, "198.51.100.0/22", NULL, 24);
    expect(cidr, "203.0.112.0/23", "same", 23);
    geo_cidr_unref(cidr);
}

static void test_cidr_find_halves_that_are_too_long_do_not_match_together(void **state)
{
    (void)state;
    static const struct row rows[] = {{"10.0.0.0/17", "x"}, {"10.0.128.0/17", "x"}};
    struct geo_cidr *cidr = cidr_of(rows, sizeof rows / sizeof *rows);
    expect(cidr, "10.0.0.0/17", "x", 16);
    expect(cidr, "10.0.0.0/16", NULL, 17);
    geo_cidr_unref(cidr);
}

static void test_cidr_find_whole_space_and_single_addresses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0.0.0.0/0", "all"}, {"255.255.255.255/32", "one"}, {"::/0", "all6"}, {"::/128", "one6"}};
    struct geo_cidr *cidr = cidr_of(rows, sizeof rows / sizeof *rows);
    expect(cidr, "0.0.0.0", "all", 1);
    expect(cidr, "255.255.255.255", "one", 32);
    expect(cidr, "255.255.255.0/24", "all", 24);
    expect(cidr, "::", "one6", 128);
    expect(cidr, "::/64", "all6", 128);
    expect(cidr, "8000::/64", "all6", 1);
    geo_cidr_unref(cidr);
}

static void test_cidr_collection_new_block_twice_is_refused(void **state)
{
    (void)state;
    const struct geo_cidr_block blocks[] = {{parse("10.0.0.0/8"), 1}, {parse("10.0.0.0/8"), 2}};
    struct geo_cidr_collection *collection = NULL;
    assert_int_equal(geo_cidr_collection_new(blocks, 2, &collection), ERR_EXISTS);
    assert_null(collection);
}

static void test_cidr_with_leaves_other_slots_and_the_old_version(void **state)
{
    (void)state;
    static const struct row rows[] = {{"10.0.0.0/8", "a"}};
    struct geo_cidr_collection *collection = collection_of(rows, 1);
    struct geo_cidr *first = NULL, *second = NULL, *third = NULL;
    const struct geo_address address = {.octets = {10}, .bits = 32};
    unsigned scope = 999;

    assert_int_equal(geo_cidr_with(NULL, 1, collection, &first), 0);
    assert_int_equal(geo_cidr_with(first, 5000, collection, &second), 0);
    assert_int_equal(geo_cidr_with(second, 1, NULL, &third), 0);
    geo_cidr_collection_unref(collection);
    geo_cidr_unref(geo_cidr_ref(second));
    geo_cidr_unref(second);
    assert_int_equal(geo_cidr_find(first, 1, &address, &scope), geo_cidr_location_hash("a"));
    assert_int_equal(scope, 8);
    assert_int_equal(geo_cidr_find(first, 5000, &address, &scope), 0);
    assert_int_equal(scope, 0);
    assert_int_equal(geo_cidr_find(third, 1, &address, &scope), 0);
    assert_int_equal(geo_cidr_find(third, 5000, &address, &scope), geo_cidr_location_hash("a"));
    for (uint32_t slot = 1; slot <= 5000; slot += 4999) {
        const struct geo_fetch fetch = geo_cidr_prefetch(third, slot, &address);
        geo_fetch_more(&fetch);
    }
    geo_cidr_unref(first);
    geo_cidr_unref(third);
    assert_int_equal(geo_cidr_with(NULL, GEO_CIDR_SLOTS_MAX, NULL, &first), ERR_LIMIT);
}

static void test_cidr_find_empty_collection_holds_nothing(void **state)
{
    (void)state;
    struct geo_cidr *cidr = cidr_of(NULL, 0);
    expect(cidr, "10.0.0.0/8", NULL, 0);
    expect(cidr, "::/0", NULL, 0);
    geo_cidr_unref(cidr);
    geo_cidr_unref(NULL);
    geo_cidr_collection_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_location_hash_never_changes),
        cmocka_unit_test(test_cidr_find_longest_block_counts),
        cmocka_unit_test(test_cidr_find_longer_blocks_than_known_do_not_match),
        cmocka_unit_test(test_cidr_find_halves_that_are_too_long_do_not_match_together),
        cmocka_unit_test(test_cidr_find_whole_space_and_single_addresses),
        cmocka_unit_test(test_cidr_collection_new_block_twice_is_refused),
        cmocka_unit_test(test_cidr_with_leaves_other_slots_and_the_old_version),
        cmocka_unit_test(test_cidr_find_empty_collection_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
