/* Response rate limiting by several threads on one table; meant for ThreadSanitizer as well.
 * links: net base */
#include "net/rrl.h"

#include "base/prefix.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4u
#define ASKED 200000u   /* by each thread */
#define ALLOWED 400000u /* of them all */
#define NOW_MS 1000u

struct shared {
    struct rrl *rrl;
    struct rrl_key hot;
    pthread_barrier_t start;
    atomic_uint passed, slipped, dropped, bystanders_limited;
};

static void make_key(const struct rrl *rrl, uint32_t address, struct rrl_key *key)
{
    static const uint8_t name[] = "\007example\003org";
    struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    rrl_key_make(rrl, (const struct sockaddr *)&client, RRL_NXDOMAIN, name, sizeof name, key);
}

/* All ask under one key; between, each under keys that nobody else uses, and only once. */
static void *ask_on(void *user)
{
    static atomic_uint next_network;
    struct shared *shared = user;
    unsigned counts[3] = {0}, bystanders_limited = 0;
    pthread_barrier_wait(&shared->start);
    for (unsigned i = 0; i < ASKED; i++) {
        counts[rrl_account(shared->rrl, &shared->hot, NOW_MS)]++;
        if (i % 16 == 0) {
            struct rrl_key key;
            make_key(shared->rrl, 0x0a000000u + (atomic_fetch_add(&next_network, 1) << 8), &key);
            bystanders_limited += rrl_account(shared->rrl, &key, NOW_MS) != RRL_PASS;
        }
    }
    atomic_fetch_add(&shared->passed, counts[RRL_PASS]);
    atomic_fetch_add(&shared->slipped, counts[RRL_SLIP]);
    atomic_fetch_add(&shared->dropped, counts[RRL_DROP]);
    atomic_fetch_add(&shared->bystanders_limited, bystanders_limited);
    return NULL;
}

/* A reply may go unrecorded only after the others changed its bucket under it four times: seldom,
 * though more often where the threads are slow and many: up to 1.1 times what is allowed was seen
 * under ThreadSanitizer on a busy machine. Plain stores would let 1.6 times as many through. */
static void test_rrl_account_threads_share_one_limit(void **state)
{
    (void)state;
    struct shared shared = {.rrl = NULL};
    struct rrl_options options;
    struct rrl_secret secret;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < RRL_SECRET_WORDS; i++)
        secret.words[i] = (i + 1) * 0xd1342543de82ef95u;
    rrl_options_default(&options);
    options.rates_s[RRL_NXDOMAIN] = 100000;
    options.burst_ms = ALLOWED / 100;
    options.prefix_rate_s = 0;
    assert_int_equal(rrl_new(&options, &secret, &shared.rrl), 0);
    make_key(shared.rrl, 0xc0000201u, &shared.hot);
    assert_int_equal(pthread_barrier_init(&shared.start, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &shared), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(atomic_load(&shared.passed), ALLOWED, ALLOWED + ALLOWED * 3 / 10);
    unsigned limited = THREADS * ASKED - atomic_load(&shared.passed);
    assert_in_range(atomic_load(&shared.slipped), limited * 4 / 10, limited * 6 / 10);
    assert_in_range(atomic_load(&shared.dropped), limited * 4 / 10, limited * 6 / 10);
    assert_in_range(atomic_load(&shared.bystanders_limited), 0, 10);
    pthread_barrier_destroy(&shared.start);
    rrl_free(shared.rrl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rrl_account_threads_share_one_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
