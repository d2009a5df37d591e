/* Response rate limiting on virtual time; threads are in test_rrl_threads. links: net base */
#include "net/rrl.h"

#include "base/err.h"
#include "base/prefix.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t WWW[] = "\003www\007example\003org";
static const uint8_t MAIL[] = "\004mail\007example\003org";
static const uint8_t APEX[] = "\007example\003org";

union client {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

struct tally {
    unsigned passed, slipped, dropped;
};

static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static union client client_of(const char *address)
{
    union client client;
    memset(&client, 0, sizeof client);
    client.any.sa_family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    void *octets = client.any.sa_family == AF_INET6 ? (void *)&client.ipv6.sin6_addr
                                                    : (void *)&client.ipv4.sin_addr;
    assert_int_equal(inet_pton(client.any.sa_family, address, octets), 1);
    return client;
}

/* The same secret in each run, so that no run is a lucky one. */
static struct rrl_secret secret_of(uint64_t seed)
{
    struct rrl_secret secret;
    for (unsigned i = 0; i < RRL_SECRET_WORDS; i++)
        secret.words[i] = (uint64_t)draw(&seed) << 33 ^ (uint64_t)draw(&seed) << 11 ^ draw(&seed);
    return secret;
}

static struct rrl *limiter(const struct rrl_options *options)
{
    struct rrl *rrl = NULL;
    struct rrl_secret secret = secret_of(1);
    assert_int_equal(rrl_new(options, &secret, &rrl), 0);
    return rrl;
}

static struct rrl_options only_names(uint32_t rate_s)
{
    struct rrl_options options;
    rrl_options_default(&options);
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        options.rates_s[i] = rate_s;
    options.prefix_rate_s = 0;
    return options;
}

static struct rrl_key key_of(const struct rrl *rrl, const char *address, enum rrl_class class,
                             const uint8_t *name)
{
    union client client = client_of(address);
    struct rrl_key key;
    unsigned len = class == RRL_ERROR ? 0 : (unsigned)strlen((const char *)name) + 1;
    rrl_key_make(rrl, &client.any, class, name, len, &key);
    return key;
}

static void ask(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms, struct tally *tally)
{
    enum rrl_verdict verdict = rrl_account(rrl, key, now_ms);
    tally->passed += verdict == RRL_PASS;
    tally->slipped += verdict == RRL_SLIP;
    tally->dropped += verdict == RRL_DROP;
}

static struct tally ask_times(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms,
                              unsigned times)
{
    struct tally tally = {0};
    for (unsigned i = 0; i < times; i++)
        ask(rrl, key, now_ms, &tally);
    return tally;
}

static void test_rrl_account_flood_passes_burst_then_rate(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate_s, burst_ms, burst;
    } cases[] = {{200, 1000, 200}, {200, 0, 1},   {200, 100, 20},     {1, 1000, 1},
                 {1, 100, 1},      {7, 2000, 14}, {5000, 1000, 5000}, {100000, 50, 5000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rrl_options options = only_names(cases[i].rate_s);
        options.burst_ms = cases[i].burst_ms;
        struct rrl *rrl = limiter(&options);
        struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
        const uint64_t start_ms = 5000000;
        struct tally tally = ask_times(rrl, &key, start_ms, cases[i].burst + 100);
        assert_int_equal(tally.passed, cases[i].burst);
        unsigned expected = cases[i].rate_s * 20; /* in 20 s, far more are asked */
        tally = (struct tally){0};
        for (unsigned ms = 1; ms <= 20000; ms++)
            for (unsigned n = 0; n < cases[i].rate_s / 500 + 2; n++)
                ask(rrl, &key, start_ms + ms, &tally);
        assert_in_range(tally.passed, expected - expected / 500 - 1, expected + expected / 500 + 1);
        rrl_free(rrl);
    }
}

static void test_rrl_account_client_under_its_rate_always_passes(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    struct rrl *rrl = limiter(&options);
    struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    struct tally tally = {0};
    for (uint64_t ms = 0; ms < 60000; ms += 5)
        ask(rrl, &key, ms, &tally);
    assert_int_equal(tally.passed, 12000);
    rrl_free(rrl);
}

static void test_rrl_account_rest_gives_the_burst_back(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    struct rrl *rrl = limiter(&options);
    struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    assert_int_equal(ask_times(rrl, &key, 1000, 1000).passed, 200);
    assert_int_equal(ask_times(rrl, &key, 1005, 1000).passed, 1);
    assert_int_equal(ask_times(rrl, &key, 1505, 1000).passed, 100);
    assert_int_equal(ask_times(rrl, &key, 9000, 1000).passed, 200);
    rrl_free(rrl);
}

static void test_rrl_account_slip_is_one_of_each_round(void **state)
{
    (void)state;
    for (uint32_t slip = 0; slip <= RRL_SLIP_MAX; slip++) {
        struct rrl_options options = only_names(1);
        options.slip = slip;
        struct rrl *rrl = limiter(&options);
        struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
        assert_int_equal(rrl_account(rrl, &key, 77), RRL_PASS);
        for (unsigned round = 0; round < 1000; round++) {
            struct tally tally = ask_times(rrl, &key, 77, slip == 0 ? 10 : slip);
            assert_int_equal(tally.passed, 0);
            assert_int_equal(tally.slipped, slip != 0);
        }
        rrl_free(rrl);
    }
}

/* Whatever the rhythm in which its queries fall between those of an attacker who shares its bucket,
 * a client gets its share of slips. */
static void test_rrl_account_victim_between_attackers_queries_gets_slips(void **state)
{
    (void)state;
    static const char *const victims[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1", "10.1.2.3"};
    for (unsigned period = 1; period <= 9; period++) {
        for (size_t v = 0; v < sizeof victims / sizeof *victims; v++) {
            struct rrl_options options = only_names(1);
            struct rrl *rrl = limiter(&options);
            struct rrl_key key = key_of(rrl, victims[v], RRL_ANSWER, WWW);
            struct tally attacker = {0}, victim = {0};
            for (unsigned i = 0; i < 20000; i++) {
                bool is_victim = i % period == period - 1;
                ask(rrl, &key, 1000 + i / 40, is_victim ? &victim : &attacker);
            }
            unsigned limited = victim.slipped + victim.dropped;
            assert_in_range(victim.slipped, limited * 3 / 10, limited * 7 / 10);
            rrl_free(rrl);
        }
    }
}

static void test_rrl_key_make_class_network_and_name_separate(void **state)
{
    (void)state;
    struct rrl_options options = only_names(5);
    struct rrl *rrl = limiter(&options);
    const struct rrl_key keys[] = {
        key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW),
        key_of(rrl, "192.0.2.1", RRL_ANSWER, MAIL),
        key_of(rrl, "192.0.2.1", RRL_ANSWER, APEX),
        key_of(rrl, "192.0.2.1", RRL_WILDCARD, APEX),
        key_of(rrl, "192.0.2.1", RRL_NODATA, APEX),
        key_of(rrl, "192.0.2.1", RRL_NXDOMAIN, APEX),
        key_of(rrl, "192.0.2.1", RRL_REFERRAL, APEX),
        key_of(rrl, "192.0.2.1", RRL_ERROR, NULL),
        key_of(rrl, "192.0.3.1", RRL_ANSWER, WWW),
        key_of(rrl, "2001:db8::1", RRL_ANSWER, WWW),
        key_of(rrl, "2001:db8:0:100::1", RRL_ANSWER, WWW),
        key_of(rrl, "::c0:0:2:0", RRL_ANSWER, WWW),
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(ask_times(rrl, &keys[i], 1, 50).passed, 5);
    rrl_free(rrl);
}

static void assert_same(const struct rrl_key *a, const struct rrl_key *b)
{
    assert_true(a->name_hash == b->name_hash);
    assert_true(a->prefix_hash == b->prefix_hash);
}

static void test_rrl_key_make_equal_replies_share(void **state)
{
    (void)state;
    static const uint8_t mixed_case[] = "\003wWw\007EXAMPLE\003orG";
    struct rrl_options options = only_names(5);
    struct rrl *rrl = limiter(&options);
    struct rrl_key first = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    struct rrl_key second = key_of(rrl, "192.0.2.254", RRL_ANSWER, mixed_case);
    struct rrl_key mapped = key_of(rrl, "::ffff:192.0.2.7", RRL_ANSWER, WWW);
    assert_same(&first, &second);
    assert_same(&first, &mapped);
    first = key_of(rrl, "2001:db8:0:aa00::1", RRL_NXDOMAIN, APEX);
    second = key_of(rrl, "2001:db8:0:aaff:1:2:3:4", RRL_NXDOMAIN, APEX);
    assert_same(&first, &second);
    rrl_free(rrl);
}

/* Only letters fold: octets that differ by 0x20 elsewhere stay apart, at each place of a word. */
static void test_rrl_key_make_folds_letters_alone(void **state)
{
    (void)state;
    struct rrl_options options = only_names(5);
    struct rrl *rrl = limiter(&options);
    for (unsigned place = 1; place < 40; place++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            uint8_t name[42] = {40};
            struct rrl_key keys[2];
            union client client = client_of("192.0.2.1");
            memset(name + 1, 'x', 40);
            for (unsigned i = 0; i < 2; i++) {
                name[place] = (uint8_t)(octet ^ (i * 0x20));
                rrl_key_make(rrl, &client.any, RRL_ANSWER, name, sizeof name, &keys[i]);
            }
            bool is_letter = (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
            assert_int_equal(keys[0].name_hash == keys[1].name_hash, is_letter);
        }
    }
    rrl_free(rrl);
}

static void test_rrl_key_make_longest_name_and_every_length(void **state)
{
    (void)state;
    struct rrl_options options = only_names(5);
    struct rrl *rrl = limiter(&options);
    union client client = client_of("192.0.2.1");
    uint64_t seen[256];
    for (unsigned len = 0; len < 256; len++) {
        uint8_t *name = calloc(1, len + 1); /* of exactly that size: the sanitizer watches */
        uint8_t *exact = realloc(name, len > 0 ? len : 1);
        struct rrl_key key;
        rrl_key_make(rrl, &client.any, RRL_ANSWER, exact, len, &key);
        for (unsigned i = 0; i < len; i++)
            assert_true(seen[i] != key.name_hash);
        seen[len] = key.name_hash;
        free(exact);
    }
    rrl_free(rrl);
}

static void test_rrl_key_make_depends_on_the_secret(void **state)
{
    (void)state;
    struct rrl_options options = only_names(5);
    unsigned same_set = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct rrl_secret secret = secret_of(seed);
        struct rrl *rrl;
        options.bucket_count = RRL_BUCKETS_MIN;
        assert_int_equal(rrl_new(&options, &secret, &rrl), 0);
        struct rrl_key a = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
        struct rrl_key b = key_of(rrl, "192.0.2.1", RRL_ANSWER, MAIL);
        same_set += (a.name_hash ^ b.name_hash) % (RRL_BUCKETS_MIN / 8) == 0;
        assert_true(a.name_hash != b.name_hash);
        rrl_free(rrl);
    }
    assert_in_range(same_set, 3, 40); /* 2000 / 128 by chance */
}

static void test_rrl_account_network_limit_covers_all_names(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    options.prefix_rate_s = 1000;
    struct rrl *rrl = limiter(&options);
    struct tally many = {0}, one = {0}, other = {0};
    struct rrl_key hot = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    for (unsigned i = 0; i < 50000; i++) {
        uint8_t name[8] = {6, (uint8_t)('a' + i % 10), (uint8_t)('a' + i / 10 % 10)};
        memset(name + 3, 'x', 4);
        struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, name);
        ask(rrl, &key, 1000 + i / 5, &many); /* 5,000 a second for 100 names: 50 each */
    }
    assert_in_range(many.passed, 10990, 11000); /* 1,000 at once, then 10 s */
    /* A flood for one name is cut by its own limit and leaves the network's to the others. */
    for (unsigned i = 0; i < 100000; i++) {
        ask(rrl, &hot, 30000 + i / 20, &one);
        if (i % 200 == 0) {
            uint8_t name[] = "\004calm\007example\003org";
            name[1] = (uint8_t)('a' + i / 200 % 20);
            struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, name);
            ask(rrl, &key, 30000 + i / 20, &other);
        }
    }
    assert_in_range(one.passed, 1195, 1201);
    assert_int_equal(other.passed, 500);
    rrl_free(rrl);
}

static void test_rrl_account_rate_0_is_no_limit(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    options.rates_s[RRL_REFERRAL] = 0;
    struct rrl *rrl = limiter(&options);
    struct rrl_key free_key = key_of(rrl, "192.0.2.1", RRL_REFERRAL, APEX);
    struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_NODATA, APEX);
    assert_int_equal(ask_times(rrl, &free_key, 1, 100000).passed, 100000);
    assert_int_equal(ask_times(rrl, &key, 1, 100000).passed, 200);
    rrl_free(rrl);
}

static bool is_exempt(const struct rrl *rrl, const char *address)
{
    union client client = client_of(address);
    return rrl_is_exempt(rrl, &client.any);
}

static void test_rrl_is_exempt_follows_the_list(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    struct rrl *rrl = limiter(&options);
    assert_true(is_exempt(rrl, "127.0.53.1") && is_exempt(rrl, "::1"));
    assert_true(is_exempt(rrl, "::ffff:127.0.0.1"));
    assert_false(is_exempt(rrl, "192.0.2.1") || is_exempt(rrl, "::2"));
    rrl_free(rrl);

    const struct prefix exempt[] = {
        {.octets = {192, 0, 2}, .len = 24},
        {.octets = {0x20, 0x01, 0x0d, 0xb8}, .len = 32, .is_ipv6 = true},
    };
    options.exempt = exempt;
    options.exempt_count = 2;
    rrl = limiter(&options);
    assert_true(is_exempt(rrl, "192.0.2.255") && is_exempt(rrl, "2001:db8:ffff::1"));
    assert_false(is_exempt(rrl, "192.0.3.0") || is_exempt(rrl, "127.0.0.1"));
    rrl_free(rrl);
}

/* Times wrap after 2^40 ticks of 1/4096 ms. */
static void test_rrl_account_time_wraps_unnoticed(void **state)
{
    (void)state;
    const uint64_t wrap_ms = ((uint64_t)1 << 40) / 4096;
    struct rrl_options options = only_names(200);
    struct rrl *rrl = limiter(&options);
    for (unsigned turn = 1; turn <= 3; turn++) {
        struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
        uint64_t start_ms = turn * wrap_ms - 500;
        struct tally tally = {0};
        assert_int_equal(ask_times(rrl, &key, start_ms, 500).passed, 200);
        for (unsigned ms = 1; ms <= 10000; ms++)
            ask(rrl, &key, start_ms + ms, &tally);
        assert_in_range(tally.passed, 1999, 2001);
    }
    rrl_free(rrl);
}

/* A thread whose clock reading is behind another's neither resets a bucket nor gains from it. */
static void test_rrl_account_clock_behind_stays_limited(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    struct rrl *rrl = limiter(&options);
    struct rrl_key key = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    assert_int_equal(ask_times(rrl, &key, 10000, 300).passed, 200);
    for (uint64_t behind_ms = 1; behind_ms < 900; behind_ms++)
        assert_int_equal(ask_times(rrl, &key, 10000 - behind_ms, 3).passed, 0);
    assert_int_equal(ask_times(rrl, &key, 10100, 300).passed, 20);
    rrl_free(rrl);
}

/* Random keys fill the smallest table many times over. A key in debt keeps its bucket and stays
 * limited; no newcomer is limited for another's debt, but for the rare equal tags. */
static void test_rrl_account_full_table_keeps_heavy_and_spares_new(void **state)
{
    (void)state;
    struct rrl_options options = only_names(1);
    options.burst_ms = 20000; /* 20 at once */
    options.bucket_count = RRL_BUCKETS_MIN;
    struct rrl *rrl = limiter(&options);
    struct rrl_key heavy = key_of(rrl, "192.0.2.1", RRL_ANSWER, WWW);
    uint64_t seed = 3;
    struct tally heavy_tally = {0}, others = {0};
    for (unsigned i = 0; i < 1000000; i++) {
        union client client = {.ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = draw(&seed)}};
        struct rrl_key key;
        rrl_key_make(rrl, &client.any, RRL_ANSWER, WWW, sizeof WWW, &key);
        ask(rrl, &key, 1000, &others);
        ask(rrl, &heavy, 1000, &heavy_tally);
    }
    assert_int_equal(heavy_tally.passed, 20);
    assert_in_range(others.slipped + others.dropped, 0, 1000000 / 65536 * 8);
    rrl_free(rrl);
}

/* Two names whose buckets cannot be told apart: equal set and tag, found by search. */
static void find_collision(const struct rrl *rrl, struct rrl_key *first, struct rrl_key *second)
{
    enum { NAMES = 16384 };
    const uint64_t seen_bits = 0xffff000000000000u | (RRL_BUCKETS_MIN / 8 - 1);
    struct rrl_key *keys = calloc(NAMES, sizeof *keys);
    bool is_found = false;
    assert_non_null(keys);
    for (unsigned i = 0; i < NAMES && !is_found; i++) {
        uint8_t name[] = "\004aaaa\007example\003org";
        for (unsigned digit = 0; digit < 4; digit++)
            name[1 + digit] = (uint8_t)('a' + (i >> 4 * digit) % 16);
        keys[i] = key_of(rrl, "192.0.2.1", RRL_ANSWER, name);
        for (unsigned other = 0; other < i && !is_found; other++) {
            is_found = ((keys[i].name_hash ^ keys[other].name_hash) & seen_bits) == 0;
            *first = keys[other];
        }
        *second = keys[i];
    }
    free(keys);
    assert_true(is_found && first->name_hash != second->name_hash);
}

/* Whoever shares a bucket with a flood by chance is never cut off: half of its replies come
 * truncated, and TCP has no such limit; when the flood ends it has its rate again at once. */
static void test_rrl_account_collision_with_flood_still_gets_slips(void **state)
{
    (void)state;
    struct rrl_options options = only_names(200);
    options.bucket_count = RRL_BUCKETS_MIN;
    struct rrl *rrl = limiter(&options);
    struct rrl_key flood, client;
    struct tally flooded = {0}, during = {0}, after = {0};
    find_collision(rrl, &flood, &client);
    for (uint64_t ms = 1000; ms < 21000; ms++) {
        for (unsigned i = 0; i < 10; i++)
            ask(rrl, &flood, ms, &flooded);
        if (ms % 100 == 0)
            ask(rrl, &client, ms, &during);
    }
    assert_in_range(flooded.passed, 4000, 4201);
    assert_in_range(during.passed + during.slipped, 70, 130);
    for (uint64_t ms = 21005; ms < 31000; ms += 10)
        ask(rrl, &client, ms, &after);
    assert_int_equal(after.slipped + after.dropped, 0);
    rrl_free(rrl);
}

/* The plain truth: one exact bucket a key, nothing shared, nothing forgotten. */
struct reference {
    uint64_t empty_at; /* ticks of 1/4096 ms */
    unsigned limited, slipped;
};

static bool reference_passes(struct reference *bucket, uint64_t now_ms, uint32_t rate_s,
                             uint32_t burst_ms)
{
    uint64_t now = now_ms * 4096, cost = (1000 * 4096 + rate_s / 2) / rate_s;
    uint64_t start = bucket->empty_at > now ? bucket->empty_at : now;
    uint64_t replies = (uint64_t)burst_ms * rate_s / 1000;
    if (start + cost > now + cost * (replies > 0 ? replies : 1))
        return false;
    bucket->empty_at = start + cost;
    return true;
}

static void test_rrl_account_random_traffic_agrees_with_reference(void **state)
{
    (void)state;
    enum { KEYS = 300, STEPS = 400000 };
    for (uint64_t run = 1; run <= 8; run++) {
        uint64_t seed = run, now_ms = (uint64_t)draw(&seed) << 10;
        struct rrl_options options = only_names(200);
        struct reference buckets[KEYS] = {0};
        struct rrl_key keys[KEYS];
        unsigned passes = 0;
        for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
            options.rates_s[i] = 1 + draw(&seed) % 1000;
        options.burst_ms = draw(&seed) % 3000;
        options.slip = 1 + draw(&seed) % RRL_SLIP_MAX;
        struct rrl *rrl = limiter(&options);
        for (unsigned i = 0; i < KEYS; i++) {
            uint8_t name[] = "\004name\007example\003org";
            char address[20];
            name[2] = (uint8_t)('a' + i % 7);
            snprintf(address, sizeof address, "10.%u.%u.%u", i / 256, i % 256, draw(&seed) % 256);
            keys[i] = key_of(rrl, address, i % RRL_CLASS_COUNT, name);
        }
        for (unsigned step = 0; step < STEPS; step++) {
            /* Few keys are asked for much, many for little. */
            unsigned i = draw(&seed) % (1 + draw(&seed) % KEYS) % (1 + draw(&seed) % KEYS);
            struct reference *bucket = &buckets[i];
            now_ms += draw(&seed) % 4000 == 0 ? draw(&seed) % 50 : 0;
            enum rrl_verdict verdict = rrl_account(rrl, &keys[i], now_ms);
            bool expected =
                reference_passes(bucket, now_ms, options.rates_s[keys[i].class], options.burst_ms);
            assert_int_equal(verdict == RRL_PASS, expected);
            passes += expected;
            bucket->limited += !expected;
            bucket->slipped += verdict == RRL_SLIP;
        }
        assert_in_range(passes, STEPS / 50, STEPS - STEPS / 50);
        for (unsigned i = 0; i < KEYS; i++) {
            unsigned rounds = buckets[i].limited / options.slip;
            assert_in_range(buckets[i].slipped, rounds, rounds + 1);
        }
        rrl_free(rrl);
    }
}

static void test_rrl_new_options_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct rrl_options good = only_names(200), cases[12];
    struct rrl_secret secret = secret_of(1);
    for (size_t i = 0; i < 12; i++)
        cases[i] = good;
    cases[0].rates_s[RRL_ERROR] = RRL_RATE_MAX + 1;
    cases[1].prefix_rate_s = RRL_RATE_MAX + 1;
    cases[2].burst_ms = RRL_BURST_MAX_MS + 1;
    cases[3].slip = RRL_SLIP_MAX + 1;
    cases[4].ipv4_len = 33;
    cases[5].ipv4_len = 0;
    cases[6].ipv6_len = 65;
    cases[7].ipv6_len = 0;
    cases[8].bucket_count = 0;
    cases[9].bucket_count = RRL_BUCKETS_MIN / 2;
    cases[10].bucket_count = RRL_BUCKETS_MAX * 2;
    cases[11].bucket_count = RRL_BUCKETS_MIN + 8;
    for (size_t i = 0; i < 12; i++) {
        struct rrl *rrl = NULL;
        assert_int_equal(rrl_new(&cases[i], &secret, &rrl), ERR_INVALID);
        assert_null(rrl);
    }
    good.ipv4_len = 32;
    good.ipv6_len = 64;
    rrl_free(limiter(&good));
    rrl_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rrl_account_flood_passes_burst_then_rate),
        cmocka_unit_test(test_rrl_account_client_under_its_rate_always_passes),
        cmocka_unit_test(test_rrl_account_rest_gives_the_burst_back),
        cmocka_unit_test(test_rrl_account_slip_is_one_of_each_round),
        cmocka_unit_test(test_rrl_account_victim_between_attackers_queries_gets_slips),
        cmocka_unit_test(test_rrl_key_make_class_network_and_name_separate),
        cmocka_unit_test(test_rrl_key_make_equal_replies_share),
        cmocka_unit_test(test_rrl_key_make_folds_letters_alone),
        cmocka_unit_test(test_rrl_key_make_longest_name_and_every_length),
        cmocka_unit_test(test_rrl_key_make_depends_on_the_secret),
        cmocka_unit_test(test_rrl_account_network_limit_covers_all_names),
        cmocka_unit_test(test_rrl_account_rate_0_is_no_limit),
        cmocka_unit_test(test_rrl_is_exempt_follows_the_list),
        cmocka_unit_test(test_rrl_account_time_wraps_unnoticed),
        cmocka_unit_test(test_rrl_account_clock_behind_stays_limited),
        cmocka_unit_test(test_rrl_account_full_table_keeps_heavy_and_spares_new),
        cmocka_unit_test(test_rrl_account_collision_with_flood_still_gets_slips),
        cmocka_unit_test(test_rrl_account_random_traffic_agrees_with_reference),
        cmocka_unit_test(test_rrl_new_options_out_of_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
