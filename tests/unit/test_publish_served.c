/* links: cluster test_apply test_image
 * Several public zones of one name in the image: it shows the one that is served, whole and at
 * once, whether it got there by effects or is read as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mix.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "lib/test_image.h"
#include "store/state.h"
#include "zone/image.h"
#include "zone/lookup.h"

#define STEP 9 /* one record set */
#define ZONES 4
#define HOSTS 5
#define NAME ((const uint8_t *)"\7example\0")

static struct test_apply test;
static struct publish *publish;
static uint64_t change_number;
static uint64_t import_id, import_steps;
static bool is_committing;
static uint64_t drawn;

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    publish_effect(publish, &test.kv, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    (void)result;
}

static int start(void **state)
{
    struct apply_sink sink = {NULL, on_effect, on_result};
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    apply_free(test.apply);
    change_number = 100;
    is_committing = true;
    return apply_new(&test.kv, &sink, &test.apply) != 0 || publish_new(&publish) != 0 ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    publish_free(publish);
    test_apply_fini(&test);
    return 0;
}

/* The entry is published, and zones that are activated are read to the end. */
static void commit(void)
{
    int rc;

    publish_commit(publish, test.index);
    do
        rc = publish_fill_step(publish, &test.kv, STEP);
    while (rc == 1);
    assert_int_equal(rc, 0);
    assert_false(publish_is_frozen(publish));
    assert_true(publish_index(publish) == test.index);
}

static void run(Cmd__Command *command)
{
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    if (is_committing)
        commit();
}

/* Records of (name, type) that readers see; -1: no zone of ours. */
static int seen_in(struct publish *from, const char *text, uint16_t type)
{
    return test_image_count(publish_image(from), text, type);
}

static int seen(const char *text)
{
    return seen_in(publish, text, DNS_TYPE_A);
}

static Cmd__Command *create(uint64_t number)
{
    Cmd__Command *command = test_create_zone(&test, number, "example.");

    command->create_zone->change_id = test_id(&test, 'C', ++change_number);
    command->create_zone->may_repeat_name = true;
    return command;
}

static Cmd__Command *activate(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_ACTIVATE_ZONE;
    command->activate_zone = test_apply_alloc(&test, sizeof(Cmd__ActivateZone));
    cmd__activate_zone__init(command->activate_zone);
    command->activate_zone->zone_id = test_id(&test, 'Z', number);
    command->activate_zone->change_id = test_id(&test, 'C', ++change_number);
    return command;
}

static Cmd__Command *delete_zone(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(&test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(&test, 'Z', number);
    command->delete_zone->change_id = test_id(&test, 'C', ++change_number);
    command->delete_zone->with_contents = true;
    return command;
}

static Cmd__Command *put(uint64_t number, const char *name, const char *addresses)
{
    return test_change(&test, number, ++change_number, 1, CMD__ACTION__ACTION_UPSERT,
                       test_set(&test, name, DNS_TYPE_A, 60, addresses));
}

static void test_switch_is_one_generation(void **state)
{
    (void)state;
    run(create(1));
    run(create(2));
    run(put(1, "a.example.", "c0000201"));
    run(put(2, "a.example.", "c0000201 c0000202"));
    run(put(2, "b.example.", "c0000203"));
    assert_int_equal(seen("a.example."), 1);
    assert_int_equal(seen("b.example."), 0);
    is_committing = false;
    run(activate(2));
    assert_int_equal(seen("a.example."), 1); /* as before, until … */
    assert_int_equal(seen_in(publish, "example.", DNS_TYPE_SOA), 1);
    commit();
    assert_int_equal(seen("a.example."), 2);
    assert_int_equal(seen("b.example."), 1);
    is_committing = true;
    run(put(1, "a.example.", "c0000201 c0000202 c0000203")); /* stored, not shown */
    assert_int_equal(seen("a.example."), 2);
    run(put(2, "c.example.", "c0000203"));
    assert_int_equal(seen("c.example."), 1);
    run(delete_zone(2));
    assert_int_equal(seen("a.example."), 3);
    assert_int_equal(seen("b.example."), 0);
    run(delete_zone(1));
    assert_int_equal(seen("a.example."), -1);
}

static void test_import_follows_its_zone(void **state)
{
    (void)state;
    run(create(1));
    run(create(2));
    for (uint64_t zone = 1; zone <= 2; zone++) { /* each gets one, while the other one is served */
        run(test_import_begin(&test, zone, zone));
        run(test_import_chunk(&test, zone, 3,
                              test_set(&test, "example.", DNS_TYPE_SOA, 60, test_soa),
                              test_set(&test, "example.", DNS_TYPE_NS, 60, test_ns),
                              test_set(&test, "i.example.", DNS_TYPE_A, 60,
                                       zone == 1 ? "c0000201" : "c0000201 c0000202")));
    }
    run(activate(2));
    run(test_import_commit(&test, 1, 1));
    assert_int_equal(seen("i.example."), 0);
    run(test_import_commit(&test, 2, 1));
    assert_int_equal(seen("i.example."), 2);
    run(activate(1));
    assert_int_equal(seen("i.example."), 1);
}

/* In one entry: the effects come when all of it is stored. */
static void test_switches_of_one_entry(void **state)
{
    (void)state;
    run(create(1));
    run(create(2));
    run(create(3));
    run(put(3, "a.example.", "c0000201 c0000202 c0000203"));
    Cmd__Command *commands[] = {activate(2), put(2, "a.example.", "c0000201"), delete_zone(1),
                                delete_zone(2), put(3, "b.example.", "c0000201")};
    assert_int_equal(test_apply_batch(&test, commands, 5), 0);
    commit();
    assert_int_equal(seen("a.example."), 3);
    assert_int_equal(seen("b.example."), 1);
}

static uint64_t draw(void)
{
    return mix64(drawn += MIX64_STEP) >> 8;
}

/* The next step of an import, into whichever zone the first one drew. */
static Cmd__Command *any_import(uint64_t number)
{
    switch (import_steps++ % 3) {
    case 0: return test_import_begin(&test, number, import_id = ++change_number);
    case 1:
        return test_import_chunk(&test, import_id, 3,
                                 test_set(&test, "example.", DNS_TYPE_SOA, 60, test_soa),
                                 test_set(&test, "example.", DNS_TYPE_NS, 60, test_ns),
                                 test_set(&test, "b.example.", DNS_TYPE_A, 60, "c0000201"));
    default: return test_import_commit(&test, import_id, 1);
    }
}

static Cmd__Command *any_command(void)
{
    uint64_t number = 1 + draw() % ZONES;
    const char *addresses[] = {"c0000201", "c0000201 c0000202", "c0000201 c0000202 c0000203"};
    char name[] = "a.example.";

    name[0] = (char)('a' + draw() % HOSTS);
    switch (draw() % 12) {
    case 0:
    case 1: return create(number);
    case 2: return delete_zone(number);
    case 3:
    case 4: return activate(number);
    case 5:
        return test_change(&test, number, ++change_number, 1, CMD__ACTION__ACTION_DELETE,
                           test_set(&test, name, DNS_TYPE_A, 60, addresses[draw() % 3]));
    case 10:
    case 11: return any_import(number);
    default: return put(number, name, addresses[draw() % 3]);
    }
}

static int note_count(void *user, const struct state_record_set *set)
{
    *(int *)user = set->rdata_count;
    return 0;
}

/* What is stored of the zone that is served. */
static int stored(const char *text)
{
    struct state_zone zone;
    uint8_t name[DNS_NAME_MAX];
    struct state_record_set which = {.name = name, .type = DNS_TYPE_A};
    int count = 0;

    if (state_get_zone_by_name(&test.kv, NAME, &zone) == ERR_NOT_FOUND)
        return -1;
    assert_true(dns_name_parse(text, NULL, name) > 0);
    int rc = state_get_record_set(&test.kv, zone.content, &which, note_count, &count);
    assert_true(rc == 0 || rc == ERR_NOT_FOUND);
    return count;
}

static void compare(struct publish *with)
{
    char name[] = "a.example.";

    for (name[0] = 'a'; name[0] < 'a' + HOSTS; name[0]++)
        assert_int_equal(seen_in(with, name, DNS_TYPE_A), stored(name));
}

/* Some steps, or as many as it takes. */
static void step(uint64_t steps_max)
{
    while (steps_max-- > 0 && publish_is_filling(publish))
        assert_true(publish_fill_step(publish, &test.kv, STEP) >= 0);
    assert_false(publish_is_frozen(publish));
    assert_int_equal(publish_index(publish) == test.index, !publish_is_filling(publish));
}

static void test_any_history_shows_what_is_stored(void **state)
{
    struct publish *whole;

    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        Cmd__Command *commands[6];
        for (unsigned i = 0; i < 6; i++)
            commands[i] = any_command();
        assert_int_equal(test_apply_batch(&test, commands, 1 + (unsigned)draw() % 6), 0);
        test.sequence = commands[0]->sequence + 5;
        publish_commit(publish, test.index);
        step(draw() % 8);
        if (draw() % 20 == 0) /* a snapshot */
            assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
        if (draw() % 8 == 0)
            step(UINT64_MAX);
        if (publish_index(publish) == test.index)
            compare(publish);
        assert_int_equal(publish_new(&whole), 0);
        assert_int_equal(publish_rebuild_all(whole, &test.kv), 0);
        compare(whole);
        publish_free(whole);
    }
    step(UINT64_MAX);
    compare(publish);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_switch_is_one_generation),
        CASE(test_import_follows_its_zone),
        CASE(test_switches_of_one_entry),
        CASE(test_any_history_shows_what_is_stored),
        CASE(test_any_history_shows_what_is_stored),
        CASE(test_any_history_shows_what_is_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
