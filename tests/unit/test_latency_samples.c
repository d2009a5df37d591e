/* Round-trip times by client network: whose are taken, medians, order, the bound, and threads.
 * links: net */
#include "net/latency_samples.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct latency_samples *samples;
static struct latency_sample taken[LATENCY_NETWORKS_MAX];
static uint64_t left_out;

static int start(void **state)
{
    (void)state;
    return latency_samples_new(false, &samples);
}

static int stop(void **state)
{
    (void)state;
    latency_samples_free(samples);
    return 0;
}

static void add(struct latency_samples *to, const char *client, uint32_t rtt_us)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};

    if (strchr(client, ':')) {
        assert_int_equal(inet_pton(AF_INET6, client, &ipv6.sin6_addr), 1);
        latency_samples_add(to, (struct sockaddr *)&ipv6, rtt_us);
    } else {
        assert_int_equal(inet_pton(AF_INET, client, &ipv4.sin_addr), 1);
        latency_samples_add(to, (struct sockaddr *)&ipv4, rtt_us);
    }
}

static size_t take(size_t max)
{
    return latency_samples_take(samples, taken, max, &left_out);
}

static void assert_sample(size_t at, const char *prefix, uint32_t count, unsigned ms)
{
    char text[PREFIX_TEXT_SIZE];

    prefix_format(&taken[at].prefix, text);
    assert_string_equal(text, prefix);
    assert_int_equal(taken[at].count, count);
    assert_int_equal(taken[at].ms, ms);
}

static void test_take_gives_medians_busiest_first(void **state)
{
    (void)state;
    add(samples, "198.51.100.1", 40000);
    add(samples, "2001:db8:1:2::3", 7499);
    add(samples, "2001:db8:1:ffff::4", 7500);
    add(samples, "2001:db8:1::5", 900000);
    add(samples, "::ffff:198.51.100.2", 20000);
    add(samples, "203.0.113.9", 100);
    assert_int_equal(take(10), 3);
    assert_sample(0, "2001:db8:1::/48", 3, 8);
    assert_sample(1, "198.51.100.0/24", 2, 20);
    assert_sample(2, "203.0.113.0/24", 1, 1);
    assert_int_equal(left_out, 0);
    assert_int_equal(take(10), 0); /* a new window */
    add(samples, "203.0.113.9", 5000);
    assert_int_equal(take(10), 1); /* by the other table */
    assert_sample(0, "203.0.113.0/24", 1, 5);
    assert_int_equal(take(10), 0);
}

static void test_take_fewer_takes_the_busiest_and_ends_the_window(void **state)
{
    (void)state;
    add(samples, "198.51.100.1", 40000);
    add(samples, "203.0.113.9", 1000);
    add(samples, "203.0.113.9", 1000);
    assert_int_equal(take(1), 1);
    assert_sample(0, "203.0.113.0/24", 2, 1);
    assert_int_equal(take(1), 0);
}

static const struct {
    const char *client;
    bool is_taken;
} clients[] = {
    {"127.0.0.1", false},   {"10.255.0.1", false},      {"172.15.0.1", true},
    {"172.16.0.1", false},  {"172.31.9.9", false},      {"172.32.0.1", true},
    {"192.168.1.1", false}, {"192.167.1.1", true},      {"169.254.3.3", false},
    {"100.63.255.1", true}, {"100.64.0.1", false},      {"100.127.1.1", false},
    {"100.128.0.1", true},  {"0.1.2.3", false},         {"::1", false},
    {"::", false},          {"fe80::1", false},         {"febf::1", false},
    {"fec0::1", true},      {"fc00::1", false},         {"fdff::1", false},
    {"2001:db8::1", true},  {"::ffff:10.0.0.1", false}, {"::ffff:9.9.9.9", true},
};

static void test_add_takes_no_private_client_unless_told(void **state)
{
    struct latency_samples *all;

    (void)state;
    assert_int_equal(latency_samples_new(true, &all), 0);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        add(samples, clients[i].client, 1000);
        if (take(1) != clients[i].is_taken)
            fail_msg("%s", clients[i].client);
        add(all, clients[i].client, 1000);
        assert_int_equal(latency_samples_take(all, taken, 1, &left_out), 1);
        add(all, clients[i].client, 0); /* says nothing */
        assert_int_equal(latency_samples_take(all, taken, 1, &left_out), 0);
    }
    latency_samples_free(all);
}

/* Of a long window the median is that of all, roughly, whatever their order. */
static void test_median_of_many_is_near_the_true_one(void **state)
{
    unsigned near = 0;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        for (uint32_t i = 1; i <= 1000; i++)
            add(samples, "198.51.100.1", i * 1000);
        assert_int_equal(take(1), 1);
        assert_int_equal(taken[0].count, 1000);
        near += taken[0].ms > 250 && taken[0].ms < 750;
    }
    assert_in_range(near, 170, 200); /* 190 expected */
}

static void test_add_beyond_the_bound_is_counted(void **state)
{
    char client[40];

    (void)state;
    for (unsigned i = 0; i < LATENCY_NETWORKS_MAX + 10; i++) {
        snprintf(client, sizeof client, "2001:%x:%x::1", i >> 12, i & 0xfff);
        add(samples, client, 1000);
    }
    add(samples, "2001:0:1::1", 1000); /* known: still counted */
    assert_int_equal(take(LATENCY_NETWORKS_MAX), LATENCY_NETWORKS_MAX);
    assert_int_equal(left_out, 10);
    assert_sample(0, "2001:0:1::/48", 2, 1);
    add(samples, "2001:ffff:1::1", 1000);
    assert_int_equal(take(LATENCY_NETWORKS_MAX), 1);
    assert_int_equal(left_out, 0);
}

static void *add_many(void *user)
{
    char client[40];

    (void)user;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(client, sizeof client, "198.51.%u.1", i % 100);
        add(samples, client, 3000);
    }
    return NULL;
}

static void test_add_and_take_by_threads_lose_nothing(void **state)
{
    uint64_t total = 0;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, add_many, NULL), 0);
    for (unsigned i = 0; i < 50; i++) {
        const size_t count = take(LATENCY_NETWORKS_MAX);
        for (size_t k = 0; k < count; k++)
            total += taken[k].count;
    }
    pthread_join(thread, NULL);
    for (size_t k = take(LATENCY_NETWORKS_MAX); k > 0; k--)
        total += taken[k - 1].count;
    assert_int_equal(total, 20000);
}

#define RING(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING(test_take_gives_medians_busiest_first),
        RING(test_take_fewer_takes_the_busiest_and_ends_the_window),
        RING(test_add_takes_no_private_client_unless_told),
        RING(test_median_of_many_is_near_the_true_one),
        RING(test_add_beyond_the_bound_is_counted),
        RING(test_add_and_take_by_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
