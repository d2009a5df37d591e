/* links: geo base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/err.h"
#include "geo/table.h"
#include "geo/view.h"

#define ENTRIES_MAX 4096

static struct prefix parse(const char *text)
{
    struct prefix prefix;
    const char *reason = "";
    if (prefix_parse(text, &prefix, &reason) != 0)
        fail_msg("'%s' %s", text, reason);
    return prefix;
}

static struct geo_address address_of(const char *text)
{
    struct prefix prefix = parse(text);
    struct geo_address address = {.bits = prefix.len, .is_ipv6 = prefix.is_ipv6};
    memcpy(address.octets, prefix.octets, sizeof address.octets);
    return address;
}

struct row {
    const char *prefix;
    uint32_t value;
};

static struct geo_table *table_of(const struct row *rows, size_t count)
{
    struct geo_table_entry entries[64];
    struct geo_table *table = NULL;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct geo_table_entry){parse(rows[i].prefix), rows[i].value};
    assert_int_equal(geo__table_new(entries, count, &table), 0);
    return table;
}

static void expect(const struct geo_table *table, const char *text, uint32_t value, unsigned scope)
{
    const struct geo_address address = address_of(text);
    unsigned found_scope = 999;
    const uint32_t found = geo__table_find(table, &address, &found_scope);
    if (found != value || found_scope != scope)
        fail_msg("%s: value %u scope %u, not %u and %u", text, (unsigned)found, found_scope,
                 (unsigned)value, scope);
}

static void test_table_find_empty_table_has_none(void **state)
{
    (void)state;
    struct geo_table *table = table_of(NULL, 0);
    expect(table, "0.0.0.0", GEO_TABLE_NONE, 0);
    expect(table, "255.255.255.255", GEO_TABLE_NONE, 0);
    expect(table, "::", GEO_TABLE_NONE, 0);
    expect(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GEO_TABLE_NONE, 0);
    geo__table_free(table);
}

static void test_table_find_edges_of_ipv4_are_exact(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0.0.0.0/0", 1},       {"10.0.0.0/8", 2}, {"10.1.0.0/16", 3},       {"10.1.2.3/32", 4},
        {"255.255.255.255", 5}, {"0.0.0.0/32", 6}, {"10.255.255.128/25", 7},
    };
    struct geo_table *table = table_of(rows, sizeof rows / sizeof *rows);
    expect(table, "0.0.0.0", 6, 32);
    expect(table, "0.0.0.1", 1, 32);
    expect(table, "0.0.0.2", 1, 31);
    expect(table, "9.255.255.255", 1, 7);
    expect(table, "10.0.0.0", 2, 16);
    expect(table, "10.1.2.3", 4, 32);
    expect(table, "10.1.2.2", 3, 32);
    expect(table, "10.1.2.0", 3, 31);
    expect(table, "10.1.3.0", 3, 24);
    expect(table, "10.1.128.0", 3, 17);
    expect(table, "10.255.255.127", 2, 25);
    expect(table, "10.255.255.255", 7, 25);
    expect(table, "11.0.0.0", 1, 8);
    expect(table, "255.255.255.254", 1, 32);
    expect(table, "255.255.255.255", 5, 32);
    expect(table, "2001:db8::1", GEO_TABLE_NONE, 0);
    geo__table_free(table);
}

static void test_table_find_edges_of_ipv6_are_exact(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"2001:db8::/32", 1},
        {"2001:db8::1/128", 2},
        {"2001:db8:0:1::/64", 3},
        {"2001:db8:0:2::/65", 4},
        {"2001:db8:0:2:8000::/65", 5},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 6},
        {"::/128", 7},
        {"ffff:ffff:ffff:fffe::/64", 8},
    };
    struct geo_table *table = table_of(rows, sizeof rows / sizeof *rows);
    expect(table, "::", 7, 128);
    expect(table, "::1", GEO_TABLE_NONE, 128);
    expect(table, "::1:0:0:0", GEO_TABLE_NONE, 80);
    expect(table, "0:0:0:1::", GEO_TABLE_NONE, 64);
    expect(table, "2001:db8::", 1, 128);
    expect(table, "2001:db8::1", 2, 128);
    expect(table, "2001:db8::2", 1, 127);
    expect(table, "2001:db8:0:0:8000::", 1, 65);
    expect(table, "2001:db8:0:1::", 3, 64);
    expect(table, "2001:db8:0:2::9", 4, 65);
    expect(table, "2001:db8:0:2:ffff::", 5, 65);
    expect(table, "2001:db8:0:3::", 1, 64);
    expect(table, "2001:db8:8000::", 1, 33);
    expect(table, "2001:db9::", GEO_TABLE_NONE, 32);
    expect(table, "ffff:ffff:ffff:fffe::", 8, 64);
    expect(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, 128);
    expect(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", GEO_TABLE_NONE, 128);
    expect(table, "ffff:ffff:ffff:ffff::", GEO_TABLE_NONE, 65);
    expect(table, "192.0.2.1", GEO_TABLE_NONE, 0);
    geo__table_free(table);
}

static void test_table_find_equal_neighbours_are_merged(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.0/25", 1},
        {"192.0.2.128/25", 1},
        {"192.0.3.0/24", 1},
        {"192.0.4.0/24", 1},
        {"192.0.3.7/32", 1},
        {"2001:db8::/65", 9},
        {"2001:db8::8000:0:0:0/65", 9},
        {"2001:db8:0:1::/64", 9},
    };
    struct geo_table *table = table_of(rows, sizeof rows / sizeof *rows);
    expect(table, "192.0.2.5", 1, 23);
    expect(table, "192.0.3.7", 1, 23);
    expect(table, "192.0.4.7", 1, 24);
    expect(table, "2001:db8::5", 9, 63);
    geo__table_free(table);
}

static void test_table_find_known_bits_bound_the_scope(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.0/28", 1}, {"2001:db8::/60", 2}, {"10.0.0.0/20", 3}};
    struct geo_table *table = table_of(rows, sizeof rows / sizeof *rows);
    expect(table, "192.0.2.0/32", 1, 28);
    expect(table, "192.0.2.0/26", 1, 26);
    expect(table, "192.0.2.0/24", 1, 24);
    expect(table, "192.0.0.0/16", GEO_TABLE_NONE, 23);
    expect(table, "10.0.0.0/16", 3, 20); /* more has to be known */
    expect(table, "2001:db8::/48", 2, 48);
    expect(table, "2001:db8::/56", 2, 56);
    expect(table, "2001:db8::/128", 2, 60);
    geo__table_free(table);
}

static void test_table_new_same_prefix_twice_is_refused(void **state)
{
    (void)state;
    const struct geo_table_entry entries[] = {
        {parse("192.0.2.0/24"), 1}, {parse("10.0.0.0/8"), 1}, {parse("192.0.2.0/24"), 2}};
    struct geo_table *table = NULL;
    assert_int_equal(geo__table_new(entries, 3, &table), ERR_EXISTS);
    assert_null(table);
}

/* What the answers are compared with: every entry is looked at for each address. */
static bool has_prefix(const struct prefix *prefix, const uint8_t *octets)
{
    for (unsigned bit = 0; bit < prefix->len; bit++)
        if (((prefix->octets[bit / 8] ^ octets[bit / 8]) & (0x80 >> bit % 8)) != 0)
            return false;
    return true;
}

static uint32_t slow_value(const struct geo_table_entry *entries, size_t count,
                           const struct geo_address *address)
{
    int best_len = -1;
    uint32_t value = GEO_TABLE_NONE;
    for (size_t i = 0; i < count; i++) {
        const struct prefix *prefix = &entries[i].prefix;
        if (prefix->is_ipv6 == address->is_ipv6 && prefix->len > best_len &&
            has_prefix(prefix, address->octets)) {
            best_len = prefix->len;
            value = entries[i].value;
        }
    }
    return value;
}

/* Does every address of @prefix have @value? All entries that begin within it, or hold it, and the
 * places right behind the former are looked at: values change nowhere else. */
static bool is_uniform(const struct geo_table_entry *entries, size_t count,
                       const struct prefix *prefix, uint32_t value)
{
    struct geo_address address = {.bits = prefix->is_ipv6 ? 128 : 32, .is_ipv6 = prefix->is_ipv6};
    memcpy(address.octets, prefix->octets, 16);
    if (slow_value(entries, count, &address) != value)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct prefix *inner = &entries[i].prefix;
        if (inner->is_ipv6 != prefix->is_ipv6 || inner->len <= prefix->len ||
            !has_prefix(prefix, inner->octets))
            continue;
        memcpy(address.octets, inner->octets, 16);
        if (slow_value(entries, count, &address) != value)
            return false;
        unsigned at = inner->len; /* the first address behind it */
        while (at > 0 && (address.octets[(at - 1) / 8] & (0x80 >> (at - 1) % 8)) != 0) {
            address.octets[(at - 1) / 8] &= (uint8_t) ~(0x80 >> (at - 1) % 8);
            at--;
        }
        if (at == 0)
            continue;
        address.octets[(at - 1) / 8] |= (uint8_t)(0x80 >> (at - 1) % 8);
        if (has_prefix(prefix, address.octets) && slow_value(entries, count, &address) != value)
            return false;
    }
    return true;
}

static unsigned slow_scope(const struct geo_table_entry *entries, size_t count,
                           const struct geo_address *address, uint32_t value)
{
    for (unsigned len = 0; len < address->bits; len++) {
        struct prefix prefix = {.len = (uint8_t)len, .is_ipv6 = address->is_ipv6};
        for (unsigned bit = 0; bit < len; bit++)
            prefix.octets[bit / 8] |= address->octets[bit / 8] & (uint8_t)(0x80 >> bit % 8);
        if (is_uniform(entries, count, &prefix, value))
            return len;
    }
    return address->bits;
}

static uint64_t draw(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Few different octets, so that prefixes nest and touch. */
static struct geo_address draw_address(uint64_t *seed, bool is_ipv6)
{
    static const uint8_t OCTETS[] = {0, 0, 0, 1, 0x7f, 0x80, 0xff, 0xff};
    struct geo_address address = {.bits = is_ipv6 ? 128 : 32, .is_ipv6 = is_ipv6};
    for (unsigned i = 0; i < address.bits / 8u; i++)
        address.octets[i] = OCTETS[draw(seed) % 8];
    return address;
}

static size_t draw_entries(uint64_t *seed, struct geo_table_entry *entries, size_t wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < wanted; i++) {
        const bool is_ipv6 = draw(seed) % 2;
        const struct geo_address address = draw_address(seed, is_ipv6);
        struct prefix prefix = {.len = (uint8_t)(draw(seed) % (is_ipv6 ? 129 : 33)),
                                .is_ipv6 = is_ipv6};
        for (unsigned bit = 0; bit < prefix.len; bit++)
            prefix.octets[bit / 8] |= address.octets[bit / 8] & (uint8_t)(0x80 >> bit % 8);
        bool is_new = true;
        for (size_t j = 0; j < count; j++)
            is_new = is_new && memcmp(&entries[j].prefix, &prefix, sizeof prefix) != 0;
        if (is_new)
            entries[count++] = (struct geo_table_entry){prefix, (uint32_t)(draw(seed) % 3)};
    }
    return count;
}

static void compare_with_slow(uint64_t *seed, const struct geo_table_entry *entries, size_t count,
                              unsigned rounds)
{
    struct geo_table *table = NULL;
    assert_int_equal(geo__table_new(entries, count, &table), 0);
    for (unsigned i = 0; i < rounds; i++) {
        struct geo_address address = draw_address(seed, i % 2);
        if (i % 4 < 2 && count > 0) { /* at a place where something changes */
            const struct prefix *prefix = &entries[draw(seed) % count].prefix;
            address.is_ipv6 = prefix->is_ipv6;
            address.bits = prefix->is_ipv6 ? 128 : 32;
            memcpy(address.octets, prefix->octets, 16);
        }
        unsigned scope = 999;
        const uint32_t value = geo__table_find(table, &address, &scope);
        assert_int_equal(value, slow_value(entries, count, &address));
        assert_int_equal(scope, slow_scope(entries, count, &address, value));
    }
    geo__table_free(table);
}

static void test_table_find_random_sets_agree_with_slow_search(void **state)
{
    (void)state;
    uint64_t seed = 20260704;
    static struct geo_table_entry entries[ENTRIES_MAX];
    for (unsigned round = 0; round < 150; round++) {
        const size_t count = draw_entries(&seed, entries, 1 + draw(&seed) % 60);
        compare_with_slow(&seed, entries, count, 60);
    }
}

static void test_table_find_large_sets_agree_with_slow_search(void **state)
{
    (void)state;
    uint64_t seed = 7;
    static struct geo_table_entry entries[ENTRIES_MAX];
    for (unsigned round = 0; round < 2; round++) { /* roots and several tree levels are in use */
        const size_t count = draw_entries(&seed, entries, ENTRIES_MAX);
        struct geo_table *table = NULL;
        assert_int_equal(geo__table_new(entries, count, &table), 0);
        for (unsigned i = 0; i < 5000; i++) {
            const struct geo_address address = draw_address(&seed, i % 2);
            unsigned scope;
            assert_int_equal(geo__table_find(table, &address, &scope),
                             slow_value(entries, count, &address));
        }
        geo__table_free(table);
        compare_with_slow(&seed, entries, 1200, 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_find_empty_table_has_none),
        cmocka_unit_test(test_table_find_edges_of_ipv4_are_exact),
        cmocka_unit_test(test_table_find_edges_of_ipv6_are_exact),
        cmocka_unit_test(test_table_find_equal_neighbours_are_merged),
        cmocka_unit_test(test_table_find_known_bits_bound_the_scope),
        cmocka_unit_test(test_table_new_same_prefix_twice_is_refused),
        cmocka_unit_test(test_table_find_random_sets_agree_with_slow_search),
        cmocka_unit_test(test_table_find_large_sets_agree_with_slow_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
