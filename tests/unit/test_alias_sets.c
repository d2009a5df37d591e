/* What record sets lead to: counts by target, over changes, contents that go, and a state that is
 * read anew, against a plain list. links: cluster */
#include "cluster/alias_sets.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "store/state_set.h"
#include "store/state_set_routing.h"
#include "zone/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct alias_sets *sets;

static int start(void **state)
{
    (void)state;
    sets = alias_sets_new();
    return sets ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    alias_sets_free(sets);
    return 0;
}

struct stored {
    struct state_record_set set;
    uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX], fallback[DNS_NAME_MAX];
    uint8_t routing[STATE_ROUTING_MAX];
};

/* @target, @fallback: text; NULL: none. */
static void fill(struct stored *stored, const char *name, const char *target, const char *fallback)
{
    struct zone_routing routing = {.kind = POLICY_SIMPLE};

    memset(stored, 0, sizeof *stored);
    dns_name_parse(name, NULL, stored->name);
    stored->set.name = stored->name;
    stored->set.type = DNS_TYPE_A;
    if (target) {
        dns_name_parse(target, NULL, stored->target);
        routing.is_alias = true;
        routing.alias_target = stored->target;
    }
    if (fallback) {
        dns_name_parse(fallback, NULL, stored->fallback);
        routing.all_down = POLICY_ALL_DOWN_FALLBACK;
        routing.fallback = stored->fallback;
    }
    stored->set.routing_len = state_routing_encode(&routing, stored->routing);
    stored->set.routing = stored->routing;
}

static void put(uint64_t content, const char *name, const char *target, const char *fallback)
{
    struct stored stored;

    fill(&stored, name, target, fallback);
    assert_int_equal(alias_sets_put(sets, content, &stored.set), 0);
}

static unsigned used(const char *name)
{
    uint8_t octets[DNS_NAME_MAX];

    dns_name_parse(name, NULL, octets);
    const struct alias_target *target = alias_sets_find(sets, octets, DNS_TYPE_A);
    return target ? target->used_by_count : 0;
}

static void test_put_counts_aliases_and_fallbacks(void **state)
{
    struct stored stored;

    (void)state;
    put(1, "a.", "x.", NULL);
    put(1, "b.", "x.", "y.");
    put(2, "a.", "x.", NULL);
    assert_int_equal(used("x."), 3);
    assert_int_equal(used("y."), 1);
    put(1, "b.", "x.", NULL); /* the same set, changed */
    assert_int_equal(used("x."), 3);
    assert_int_equal(used("y."), 0);
    put(1, "a.", NULL, NULL);
    assert_int_equal(used("x."), 2);
    fill(&stored, "b.", NULL, NULL);
    alias_sets_remove(sets, 1, &stored.set);
    alias_sets_remove(sets, 1, &stored.set);
    assert_int_equal(used("x."), 1);
}

static void test_put_without_routing_forgets(void **state)
{
    struct stored stored;

    (void)state;
    put(1, "a.", "x.", NULL);
    fill(&stored, "a.", NULL, NULL);
    stored.set.routing = NULL;
    stored.set.routing_len = 0;
    assert_int_equal(alias_sets_put(sets, 1, &stored.set), 0);
    assert_int_equal(used("x."), 0);
}

static void test_put_broken_routing_is_refused(void **state)
{
    struct stored stored;

    (void)state;
    fill(&stored, "a.", "x.", NULL);
    stored.set.routing_len /= 2;
    assert_int_equal(alias_sets_put(sets, 1, &stored.set), ERR_CORRUPT);
    assert_int_equal(used("x."), 0);
}

static void test_drop_takes_one_content(void **state)
{
    (void)state;
    put(1, "a.", "x.", NULL);
    put(1, "b.", "y.", NULL);
    put(2, "a.", "x.", NULL);
    alias_sets_drop(sets, 1);
    alias_sets_drop(sets, 1);
    assert_int_equal(used("x."), 1);
    assert_int_equal(used("y."), 0);
}

static void test_changed_hands_each_out_once(void **state)
{
    (void)state;
    put(1, "a.", "x.", NULL);
    put(1, "b.", "x.", NULL);
    put(1, "c.", "y.", NULL);
    struct alias_target *x = alias_sets_next_changed(sets);
    struct alias_target *y = alias_sets_next_changed(sets);
    assert_int_equal(x->used_by_count, 2);
    assert_int_equal(y->used_by_count, 1);
    assert_null(alias_sets_next_changed(sets));
    alias_sets_drop(sets, 1); /* the set that came last goes first */
    assert_ptr_equal(alias_sets_next_changed(sets), y);
    put(1, "a.", "y.", NULL);
    assert_ptr_equal(alias_sets_next_changed(sets), x);
    assert_ptr_equal(alias_sets_next_changed(sets), y);
    assert_int_equal(y->used_by_count, 1);
    assert_null(alias_sets_next_changed(sets));
    alias_sets_settle(sets, x);
    assert_int_equal(alias_sets_target_count(sets), 1);
    assert_ptr_equal(alias_sets_target(sets, 0), y);
}

static void test_sweep_drops_what_is_not_read_again(void **state)
{
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%u.", i);
        put(1 + i % 7, name, i % 2 ? "odd." : "even.", NULL);
    }
    alias_sets_begin(sets);
    for (unsigned i = 0; i < 20000; i += 4) {
        snprintf(name, sizeof name, "n%u.", i);
        put(1 + i % 7, name, "even.", NULL);
    }
    put(9, "meanwhile.", "odd.", NULL);
    while (alias_sets_sweep(sets)) {
    }
    assert_int_equal(used("even."), 5000);
    assert_int_equal(used("odd."), 1);
}

/* Random changes, with every count compared to those of a plain array. */
static void test_any_changes_count_as_a_plain_list_does(void **state)
{
    enum { CONTENTS = 3, NAMES = 20, TARGETS = 5 };
    int leads[CONTENTS][NAMES] = {{0}}; /* 0: nowhere, else target + 1 */
    uint64_t draw = 42;
    char name[32], target[32];

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct alias_target *changed;
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        const unsigned content = (unsigned)(draw >> 33) % CONTENTS;
        const unsigned which = (unsigned)(draw >> 40) % NAMES;
        const int to = (int)((draw >> 50) % (TARGETS + 1));
        snprintf(name, sizeof name, "n%u.", which);
        snprintf(target, sizeof target, "t%d.", to);
        if ((draw >> 60) == 0) {
            alias_sets_drop(sets, content + 1);
            memset(leads[content], 0, sizeof leads[content]);
        } else {
            put(content + 1, name, to > 0 ? target : NULL, NULL);
            leads[content][which] = to;
        }
        if (round % 3 == 0 && (changed = alias_sets_next_changed(sets)) &&
            changed->used_by_count == 0)
            alias_sets_settle(sets, changed);
        for (int t = 1; t <= TARGETS; t++) {
            unsigned count = 0;
            for (unsigned i = 0; i < CONTENTS * NAMES; i++)
                count += leads[i / NAMES][i % NAMES] == t;
            snprintf(target, sizeof target, "t%d.", t);
            assert_int_equal(used(target), count);
        }
    }
}

#define RING(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING(test_put_counts_aliases_and_fallbacks),
        RING(test_put_without_routing_forgets),
        RING(test_put_broken_routing_is_refused),
        RING(test_drop_takes_one_content),
        RING(test_changed_hands_each_out_once),
        RING(test_sweep_drops_what_is_not_read_again),
        RING(test_any_changes_count_as_a_plain_list_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
