/* When names are asked for, and what is served meanwhile, on a clock of our own.
 * links: resolve dns base */
#include "resolve/targets.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t name[] = "\1a\7example";

static struct resolve__moment at(uint64_t mono_ms, uint32_t draw)
{
    return (struct resolve__moment){mono_ms, 1000000 + mono_ms, draw};
}

static struct resolve_addresses answer_of(unsigned count, uint32_t ttl_s)
{
    struct resolve_addresses answer = {.count = (uint16_t)count, .ttl_s = ttl_s};

    for (unsigned i = 0; i < count; i++)
        answer.octets[i][3] = (uint8_t)(i + 1);
    return answer;
}

/* One name that is being asked for, at 0 ms. */
static struct resolve__target *asked(struct resolve__targets *targets)
{
    *targets = (struct resolve__targets){.ttl_floor_s = 5, .ttl_cap_s = 300};
    assert_int_equal(resolve__add(targets, name, DNS_TYPE_A, 0), 0);
    struct resolve__target *target = resolve__take_due(targets, 0);
    assert_non_null(target);
    return target;
}

static void test_answered_ttl_is_within_floor_and_cap(void **state)
{
    static const uint32_t table[][2] = {{0, 5}, {4, 5}, {60, 60}, {300, 300}, {86400, 300}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct resolve__targets targets;
        struct resolve__target *target = asked(&targets);
        const struct resolve_addresses answer = answer_of(2, table[i][0]);
        const struct resolve__moment now = at(1000, 0);

        assert_true(resolve__answered(&targets, target, &answer, &now));
        assert_int_equal(target->served_ttl_s, table[i][1]);
        assert_int_equal(target->expires_mono_ms, 1000 + table[i][1] * 1000);
        resolve__targets_fini(&targets);
    }
}

static void test_answered_asks_again_spread_before_expiry(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    for (uint32_t draw = 0; draw < 200000; draw += 77) {
        struct resolve__targets targets;
        struct resolve__target *target = asked(&targets);
        const struct resolve_addresses answer = answer_of(1, 100);
        const struct resolve__moment now = at(0, draw);

        resolve__answered(&targets, target, &answer, &now);
        const uint64_t due = resolve__next_ms(&targets);
        least = due < least ? due : least;
        most = due > most ? due : most;
        assert_null(resolve__take_due(&targets, due - 1));
        assert_ptr_equal(resolve__take_due(&targets, due), target);
        target->is_asking = false; /* so that it is freed */
        resolve__targets_fini(&targets);
    }
    assert_in_range(least, 75000, 76000);
    assert_in_range(most, 89000, 90000);
}

static void test_answered_alike_changes_nothing(void **state)
{
    struct resolve__targets targets;
    struct resolve__target *target = asked(&targets);
    struct resolve_addresses answer = answer_of(2, 60);
    struct resolve__moment now = at(0, 0);

    (void)state;
    assert_true(resolve__answered(&targets, target, &answer, &now));
    assert_ptr_equal(resolve__take_due(&targets, 60000), target);
    assert_false(resolve__answered(&targets, target, &answer, &now));
    assert_ptr_equal(resolve__take_due(&targets, 60000), target);
    answer.ttl_s = 59;
    assert_true(resolve__answered(&targets, target, &answer, &now));
    assert_ptr_equal(resolve__take_due(&targets, 60000), target);
    answer.octets[1][3] = 77;
    assert_true(resolve__answered(&targets, target, &answer, &now));
    resolve__targets_fini(&targets);
}

static void test_answered_nothing_takes_the_set_away(void **state)
{
    struct resolve__targets targets;
    struct resolve__target *target = asked(&targets);
    struct resolve_addresses answer = answer_of(2, 60);
    struct resolve__moment now = at(0, 0);

    (void)state;
    resolve__answered(&targets, target, &answer, &now);
    assert_ptr_equal(resolve__take_due(&targets, 60000), target);
    answer = answer_of(0, 30);
    assert_true(resolve__answered(&targets, target, &answer, &now));
    assert_null(target->addresses);
    assert_true(target->has_answer);
    assert_ptr_equal(resolve__take_due(&targets, 30000), target);
    assert_false(resolve__answered(&targets, target, &answer, &now));
    resolve__targets_fini(&targets);
}

static void test_failed_waits_longer_each_time(void **state)
{
    static const uint64_t gaps_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct resolve__targets targets;
    struct resolve__target *target = asked(&targets);
    uint64_t now_mono_ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof gaps_ms / sizeof *gaps_ms; i++) {
        const struct resolve__moment now = at(now_mono_ms, 25000); /* the middle */
        assert_false(resolve__failed(&targets, target, "no answer", &now));
        assert_int_equal(resolve__next_ms(&targets) - now_mono_ms, gaps_ms[i]);
        now_mono_ms = resolve__next_ms(&targets);
        assert_ptr_equal(resolve__take_due(&targets, now_mono_ms), target);
    }
    const struct resolve_addresses answer = answer_of(1, 60);
    const struct resolve__moment now = at(now_mono_ms, 0);
    assert_true(resolve__answered(&targets, target, &answer, &now));
    assert_string_equal(target->problem, "");
    assert_int_equal(target->failures, 0);
    resolve__targets_fini(&targets);
}

/* Good until it expires, then stale with the TTL of RFC 8767, then good again. */
static void test_failed_keeps_the_answer(void **state)
{
    struct resolve__targets targets;
    struct resolve__target *target = asked(&targets);
    struct resolve_addresses answer = answer_of(2, 60);
    struct resolve__moment now = at(0, 0);

    (void)state;
    assert_true(resolve__answered(&targets, target, &answer, &now));
    now = at(59500, 25000);
    assert_ptr_equal(resolve__take_due(&targets, now.mono_ms), target);
    assert_false(resolve__failed(&targets, target, "no answer", &now));
    assert_false(target->is_stale);
    assert_int_equal(resolve__next_ms(&targets), 60000); /* and not 60500 */

    now = at(60000, 25000);
    assert_ptr_equal(resolve__take_due(&targets, now.mono_ms), target);
    assert_true(resolve__failed(&targets, target, "no answer", &now));
    assert_true(target->is_stale);
    assert_int_equal(target->served_ttl_s, RESOLVE_STALE_TTL_S);
    assert_int_equal(target->addresses->count, 2);

    now = at(90000, 0);
    assert_ptr_equal(resolve__take_due(&targets, now.mono_ms), target);
    assert_false(resolve__failed(&targets, target, "no answer", &now));
    assert_ptr_equal(resolve__take_due(&targets, now.mono_ms + 10000), target);
    assert_true(resolve__answered(&targets, target, &answer, &now));
    assert_false(target->is_stale);
    assert_int_equal(target->served_ttl_s, 60);
    resolve__targets_fini(&targets);
}

static void test_remove_while_asking_frees_at_the_end(void **state)
{
    struct resolve__targets targets;
    struct resolve__target *target = asked(&targets);
    const struct resolve_addresses answer = answer_of(2, 60);
    const struct resolve__moment now = at(0, 0);

    (void)state;
    resolve__remove(&targets, target);
    assert_null(resolve__find(&targets, name, DNS_TYPE_A));
    assert_int_equal(resolve__add(&targets, name, DNS_TYPE_A, 0), 0); /* again, meanwhile */
    assert_ptr_not_equal(resolve__find(&targets, name, DNS_TYPE_A), target);
    assert_false(resolve__answered(&targets, target, &answer, &now));
    assert_false(resolve__find(&targets, name, DNS_TYPE_A)->has_answer);
    resolve__targets_fini(&targets);
}

static void test_many_come_in_order_of_time(void **state)
{
    struct resolve__targets targets = {.ttl_floor_s = 5, .ttl_cap_s = 300};
    struct resolve__target *target;
    uint8_t many[DNS_NAME_MAX];
    char text[32];
    uint64_t before = 0;
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "n%u.example.", i * 7919 % 3000);
        dns_name_parse(text, NULL, many);
        assert_int_equal(resolve__add(&targets, many, DNS_TYPE_AAAA, i * 104729 % 3001), 0);
        assert_int_equal(resolve__add(&targets, many, DNS_TYPE_AAAA, 0), ERR_EXISTS);
    }
    for (unsigned i = 0; i < 3000; i += 2) {
        snprintf(text, sizeof text, "N%u.example.", i);
        dns_name_parse(text, NULL, many);
        resolve__remove(&targets, resolve__find(&targets, many, DNS_TYPE_AAAA));
    }
    while ((target = resolve__take_due(&targets, UINT64_MAX - 1))) {
        assert_true(target->due_mono_ms >= before);
        before = target->due_mono_ms;
        resolve__remove(&targets, target);
        const struct resolve__moment now = at(0, 0);
        resolve__failed(&targets, target, "", &now);
        taken++;
    }
    assert_int_equal(taken, 1500);
    assert_int_equal(targets.count, 0);
    resolve__targets_fini(&targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_ttl_is_within_floor_and_cap),
        cmocka_unit_test(test_answered_asks_again_spread_before_expiry),
        cmocka_unit_test(test_answered_alike_changes_nothing),
        cmocka_unit_test(test_answered_nothing_takes_the_set_away),
        cmocka_unit_test(test_failed_waits_longer_each_time),
        cmocka_unit_test(test_failed_keeps_the_answer),
        cmocka_unit_test(test_remove_while_asking_frees_at_the_end),
        cmocka_unit_test(test_many_come_in_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
