/* The health view, also under several readers; meant for ThreadSanitizer as well.
 * links: policy geo base */
#include "policy/health.h"

#include "base/err.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#define UP ((uint8_t)(POLICY_HEALTHY_BIT | POLICY_HEALTH_HEALTHY))
#define DOWN ((uint8_t)POLICY_HEALTH_UNHEALTHY)
#define UNWRITTEN ((uint8_t)(POLICY_HEALTHY_BIT | POLICY_HEALTH_NONE))

static int setup(void **state)
{
    struct policy_health *health = NULL;
    assert_int_equal(policy_health_new(&health), 0);
    *state = health;
    return 0;
}

static int teardown(void **state)
{
    policy_health_free(*state);
    return 0;
}

static void test_health_get_unwritten_is_healthy(void **state)
{
    static const uint32_t slots[] = {0,         1, 4095, 4096, POLICY_SLOT_MAX - 1, POLICY_SLOT_MAX,
                                     UINT32_MAX};
    for (unsigned i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        assert_int_equal(policy_health_get(*state, slots[i]), UNWRITTEN);
        assert_true(policy_is_healthy(policy_health_get(*state, slots[i])));
        assert_int_equal(policy_health_since(*state, slots[i]), 0);
    }
}

static void test_health_set_touches_one_slot(void **state)
{
    static const uint32_t slots[] = {1, 4095, 4096, 4097, 100000, POLICY_SLOT_MAX - 1};
    for (unsigned i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        const uint32_t slot = slots[i];
        assert_int_equal(policy_health_set(*state, slot, DOWN, 10), 0);
        assert_int_equal(policy_health_get(*state, slot), DOWN);
        if (slot + 1 < POLICY_SLOT_MAX)
            assert_int_equal(policy_health_get(*state, slot + 1), UNWRITTEN);
        assert_int_equal(policy_health_set(*state, slot, UP, 11), 0);
        assert_int_equal(policy_health_get(*state, slot), UP);
        if (slot > 1)
            assert_int_equal(policy_health_get(*state, slot - 1) & POLICY_HEALTHY_BIT,
                             POLICY_HEALTHY_BIT);
    }
}

static void test_health_since_is_the_last_flip(void **state)
{
    static const struct {
        uint8_t octet;
        uint64_t index, since;
    } steps[] = {
        {UP, 5, 0}, /* what was never written is healthy already */
        {POLICY_HEALTHY_BIT | POLICY_HEALTH_UNKNOWN, 6, 0},
        {DOWN, 7, 7},
        {POLICY_HEALTH_FORCED_DOWN, 9, 7}, /* another reason, no flip */
        {POLICY_HEALTHY_BIT | POLICY_HEALTH_FORCED_UP, 12, 12},
        {UP, 13, 12},
        {POLICY_HEALTH_DRAINING, UINT64_C(1) << 60, UINT64_C(1) << 60},
    };
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(policy_health_set(*state, 77, steps[i].octet, steps[i].index), 0);
        assert_int_equal(policy_health_get(*state, 77), steps[i].octet);
        assert_true(policy_health_since(*state, 77) == steps[i].since);
    }
    assert_int_equal(policy_health_since(*state, 78), 0);
}

static void test_health_set_out_of_range_is_refused(void **state)
{
    assert_int_equal(policy_health_set(*state, POLICY_SLOT_NONE, DOWN, 1), ERR_LIMIT);
    assert_int_equal(policy_health_set(*state, POLICY_SLOT_MAX, DOWN, 1), ERR_LIMIT);
    assert_int_equal(policy_health_set(*state, UINT32_MAX, DOWN, 1), ERR_LIMIT);
    assert_int_equal(policy_health_get(*state, POLICY_SLOT_NONE), UNWRITTEN);
}

static void test_health_free_accepts_null(void **state)
{
    (void)state;
    policy_health_free(NULL);
}

/* ---- threads ---- */

#define READERS 3u
#define SLOTS 20000u /* several chunks, made while others read */
#define LAST_INDEX 40u

struct shared {
    struct policy_health *health;
    pthread_barrier_t start;
    atomic_bool is_over;
    atomic_uint wrong;
};

/* At index i the slot is down if i is odd. Whoever sees it down finds an index of a flip that is
 * not older than what was seen before. */
static void *read_on(void *user)
{
    struct shared *shared = user;
    uint64_t *newest = calloc(SLOTS, sizeof *newest);
    unsigned wrong = newest == NULL;
    pthread_barrier_wait(&shared->start);
    while (newest != NULL && !atomic_load(&shared->is_over)) {
        for (uint32_t slot = 1; slot < SLOTS; slot++) {
            const uint8_t octet = policy_health_get(shared->health, slot);
            const uint64_t since = policy_health_since(shared->health, slot);
            wrong += octet != UNWRITTEN && octet != UP && octet != DOWN;
            wrong += octet != UNWRITTEN && since == 0;
            wrong += since > LAST_INDEX || since < newest[slot];
            newest[slot] = since;
        }
    }
    atomic_fetch_add(&shared->wrong, wrong);
    free(newest);
    return NULL;
}

static void test_health_readers_see_octets_with_their_index(void **state)
{
    struct shared shared = {.health = *state};
    pthread_t readers[READERS];
    assert_int_equal(pthread_barrier_init(&shared.start, NULL, READERS + 1), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &shared), 0);
    pthread_barrier_wait(&shared.start);
    for (uint64_t index = 1; index <= LAST_INDEX; index++)
        for (uint32_t slot = 1; slot < SLOTS; slot++)
            assert_int_equal(
                policy_health_set(shared.health, slot, index % 2 != 0 ? DOWN : UP, index), 0);
    atomic_store(&shared.is_over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_barrier_destroy(&shared.start);
    assert_int_equal(atomic_load(&shared.wrong), 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_health_get_unwritten_is_healthy),
        CASE(test_health_set_touches_one_slot),
        CASE(test_health_since_is_the_last_flip),
        CASE(test_health_set_out_of_range_is_refused),
        CASE(test_health_readers_see_octets_with_their_index),
        cmocka_unit_test(test_health_free_accepts_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
