/* Who may connect by TCP and who is to go: quotas of networks, ages, memory, time limits.
 * links: net */
#include "net/tcp_table.h"

#include "base/err.h"
#include "net/net.h"
#include "net/tcp_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 4711 };

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage address;
    assert_int_equal(net_address_parse(text, &address), 0);
    return address;
}

static bool has_room(struct tcp_quota *quota, const char *client)
{
    struct sockaddr_storage address = address_of(client);
    return tcp_quota_has_room(quota, (struct sockaddr *)&address);
}

static uint32_t take(struct tcp_quota *quota, const char *client)
{
    struct sockaddr_storage address = address_of(client);
    return tcp_quota_take(quota, (struct sockaddr *)&address);
}

static void test_quota_counts_networks(void **state)
{
    (void)state;
    struct tcp_quota *quota;
    assert_int_equal(tcp_quota_new(100, 2, SEED, &quota), 0);
    uint32_t first = take(quota, "192.0.2.1");
    take(quota, "192.0.2.255:1000");
    assert_false(has_room(quota, "192.0.2.7"));
    assert_true(has_room(quota, "192.0.3.1"));
    assert_true(has_room(quota, "192.0.1.255"));
    take(quota, "[2001:db8:0:100::1]");
    take(quota, "[2001:db8:0:1ff:ffff::1]");
    assert_false(has_room(quota, "[2001:db8:0:180::]"));
    assert_true(has_room(quota, "[2001:db8:0:200::]"));
    assert_true(has_room(quota, "[2001:db8:0:0ff::]"));
    assert_true(has_room(quota, "[::c000:0201]")); /* not the IPv4 network */
    tcp_quota_give(quota, first);
    assert_true(has_room(quota, "192.0.2.7"));
    tcp_quota_free(quota);
    tcp_quota_free(NULL);
}

/* xorshift64 (Marsaglia) */
static unsigned draw(uint64_t *state, unsigned below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state % below);
}

/* Random takes and gives against plain counters, with more networks than buckets at times. */
static void test_quota_agrees_with_plain_counting(void **state)
{
    (void)state;
    enum { NETWORKS = 64, PLACES = 48, EACH = 3, STEPS = 20000 };
    struct tcp_quota *quota;
    unsigned counts[NETWORKS] = {0}, networks[PLACES], open_count = 0;
    uint32_t tickets[PLACES];
    uint64_t chance = SEED;
    assert_int_equal(tcp_quota_new(PLACES, EACH, SEED, &quota), 0);
    for (unsigned step = 0; step < STEPS; step++) {
        char client[32];
        unsigned network = draw(&chance, NETWORKS);
        snprintf(client, sizeof client, "10.0.%u.1", network);
        assert_int_equal(has_room(quota, client), counts[network] < EACH);
        if (draw(&chance, 2) == 0 && open_count < PLACES && counts[network] < EACH) {
            networks[open_count] = network;
            tickets[open_count++] = take(quota, client);
            counts[network]++;
        } else if (open_count > 0) {
            unsigned gone = draw(&chance, open_count--);
            tcp_quota_give(quota, tickets[gone]);
            counts[networks[gone]]--;
            tickets[gone] = tickets[open_count];
            networks[gone] = networks[open_count];
        }
    }
    tcp_quota_free(quota);
}

static void join(struct tcp_table *table, struct tcp_member *member, uint64_t now_ms)
{
    struct sockaddr_storage client = address_of("192.0.2.1");
    assert_true(tcp_table_has_share(table, (struct sockaddr *)&client));
    tcp_table_join(table, member, (struct sockaddr *)&client, now_ms);
}

static struct tcp_table make_table(unsigned connections_max, size_t memory_max)
{
    struct tcp_table table;
    struct tcp_limits limits = {.connections_max = connections_max,
                                .per_prefix = connections_max,
                                .idle_ms = 10000,
                                .memory_max = memory_max};
    assert_int_equal(tcp_table_init(&table, &limits, SEED), 0);
    return table;
}

static void test_renew_keeps_the_order_of_ages(void **state)
{
    (void)state;
    struct tcp_member members[4] = {{0}};
    struct tcp_table table = make_table(4, 1000);
    for (unsigned i = 0; i < 4; i++) {
        assert_false(tcp_table_is_full(&table));
        join(&table, &members[i], i);
    }
    assert_true(tcp_table_is_full(&table));
    assert_ptr_equal(table.idle.oldest, &members[0]);
    tcp_table_renew(&table, &members[0], false, 10);
    assert_ptr_equal(table.idle.oldest, &members[1]);
    assert_ptr_equal(table.idle.newest, &members[0]);
    tcp_table_renew(&table, &members[1], true, 11);
    tcp_table_renew(&table, &members[3], true, 12);
    assert_ptr_equal(table.idle.oldest, &members[2]);
    assert_ptr_equal(table.busy.oldest, &members[1]);
    assert_int_equal(table.busy.oldest->since_ms, 11);
    tcp_table_leave(&table, &members[1]);
    tcp_table_leave(&table, &members[1]); /* again: nothing happens */
    assert_ptr_equal(table.busy.oldest, &members[3]);
    assert_int_equal(table.open_count, 3);
    tcp_table_leave(&table, &members[2]);
    tcp_table_leave(&table, &members[3]);
    tcp_table_leave(&table, &members[0]);
    assert_null(table.idle.oldest);
    assert_null(table.busy.newest);
    assert_int_equal(table.open_count, 0);
    tcp_table_fini(&table);
}

static void test_find_excess_names_the_largest(void **state)
{
    (void)state;
    struct tcp_member members[3] = {{0}};
    struct tcp_table table = make_table(3, 1000);
    for (unsigned i = 0; i < 3; i++)
        join(&table, &members[i], i);
    tcp_table_hold(&table, &members[0], 300);
    tcp_table_hold(&table, &members[1], 400);
    tcp_table_renew(&table, &members[1], true, 5);
    tcp_table_hold(&table, &members[2], 300);
    assert_null(tcp_table_find_excess(&table)); /* 1000 in all */
    tcp_table_hold(&table, &members[2], 301);
    assert_ptr_equal(tcp_table_find_excess(&table), &members[1]);
    tcp_table_leave(&table, &members[1]);
    assert_null(tcp_table_find_excess(&table));
    assert_int_equal(table.held_len, 601);
    tcp_table_hold(&table, &members[0], 0);
    tcp_table_hold(&table, &members[2], 0);
    assert_int_equal(table.held_len, 0);
    tcp_table_fini(&table);
}

static void test_wait_ms_falls_in_the_upper_half(void **state)
{
    (void)state;
    static const struct {
        uint32_t calm_ms, full_ms;
        unsigned open_count, connections_max;
        uint32_t expected_ms;
    } cases[] = {
        {10000, 200, 0, 1000, 10000},    {10000, 200, 500, 1000, 10000},
        {10000, 200, 501, 1000, 9981},   {10000, 200, 750, 1000, 5100},
        {10000, 200, 999, 1000, 220},    {10000, 200, 1000, 1000, 200},
        {10000, 200, 2000, 1000, 200},   {100, 200, 1000, 1000, 100},
        {200, 200, 1000, 1000, 200},     {10000, 200, 0, 1, 10000},
        {10000, 200, 1, 1, 200},         {10000, 200, 1, 2, 10000},
        {UINT32_MAX, 0, 3, 4, 1u << 31},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tcp_table_wait_ms(cases[i].calm_ms, cases[i].full_ms, cases[i].open_count,
                                           cases[i].connections_max),
                         cases[i].expected_ms);
}

static void test_limits_follow_the_number_open(void **state)
{
    (void)state;
    struct tcp_member members[4] = {{0}};
    struct tcp_table table = make_table(4, 1000);
    static const uint32_t idle_ms[] = {10000, 10000, 5100, TCP_IDLE_FULL_MS};
    static const uint32_t stall_ms[] = {10000, 10000, 6000, TCP_STALL_FULL_MS};
    for (unsigned i = 0; i < 4; i++) {
        join(&table, &members[i], i);
        assert_int_equal(tcp_table_idle_limit_ms(&table), idle_ms[i]);
        assert_int_equal(tcp_table_stall_limit_ms(&table), stall_ms[i]);
    }
    tcp_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota_counts_networks),
        cmocka_unit_test(test_quota_agrees_with_plain_counting),
        cmocka_unit_test(test_renew_keeps_the_order_of_ages),
        cmocka_unit_test(test_find_excess_names_the_largest),
        cmocka_unit_test(test_wait_ms_falls_in_the_upper_half),
        cmocka_unit_test(test_limits_follow_the_number_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
