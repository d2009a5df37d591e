/* links: store test_kv */
/* Traffic policies and their instances as stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "store/state_put.h"
#include "store/state_traffic.h"
#include "store/state_value.h"

#define ZONE_A "Z0000000000000000000A"
#define ZONE_B "Z0000000000000000000B"

struct fixture {
    struct kv kv;
    struct overlay *overlay;
    struct state_applied point;
};

static int setup(void **state)
{
    struct fixture *test = calloc(1, sizeof(*test));

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&test->kv), 0);
    test->overlay = overlay_new(&test->kv);
    assert_non_null(test->overlay);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *test = *state;

    overlay_free(test->overlay);
    kv_close(&test->kv);
    free(test);
    return 0;
}

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    size_t *count = user;

    assert_int_equal(state_value_check(KV_OBJECTS, key, value), 0);
    ++*count;
    return 0;
}

/* Write what the overlay holds; every stored pair passes the check of verification. How many. */
static size_t commit(struct fixture *test)
{
    size_t count = 0;

    assert_int_equal(state_commit(test->overlay, &test->kv, &test->point), 0);
    overlay_reset(test->overlay, &test->kv);
    assert_int_equal(kv_scan(&test->kv, &(struct kv_range){.family = KV_OBJECTS}, on_pair, &count),
                     0);
    return count;
}

static void make_id(unsigned number, char out[STATE_UUID_SIZE])
{
    snprintf(out, STATE_UUID_SIZE, "%08x-0000-4000-8000-000000000000", number);
}

static void put_policy(struct fixture *test, unsigned id, uint64_t number, const char *name)
{
    struct state_traffic_policy policy = {
        .type = 1, .number = number, .latest_version = 1, .version_count = 1};
    struct state_traffic_version version = {.version = 1, .type = 28};

    make_id(id, policy.id);
    snprintf(policy.name, sizeof(policy.name), "%s", name);
    snprintf(version.comment, sizeof(version.comment), "first of %s", name);
    state_put_traffic_policy(test->overlay, &policy);
    state_put_traffic_version(test->overlay, policy.id, &version);
    state_put_traffic_document(test->overlay, policy.id, 1, kv_slice("{}", 2));
}

static int on_policy(void *user, const struct state_traffic_policy *policy)
{
    char *names = user;

    names[strlen(names)] = policy->name[0];
    return 0;
}

static int on_version(void *user, const struct state_traffic_version *version)
{
    unsigned *sum = user;

    *sum = *sum * 1000 + version->version;
    return 0;
}

static void test_policies_in_order_of_creation(void **state)
{
    struct fixture *test = *state;
    struct state_traffic_policy policy;
    struct state_traffic_version version = {.version = 300};
    struct state_traffic_counters counters = {9, 9, 9};
    struct kv_buffer document = {0};
    char names[16] = {0}, id[STATE_UUID_SIZE];
    unsigned sum = 0;

    assert_int_equal(state_get_traffic_counters(&test->kv, &counters), 0);
    assert_int_equal(counters.policy_count + counters.policy_number + counters.instance_count, 0);
    put_policy(test, 9, 1, "b");
    put_policy(test, 1, 2, "a");
    put_policy(test, 5, 300, "c");
    counters = (struct state_traffic_counters){3, 300, 0};
    state_put_traffic_counters(test->overlay, &counters);
    assert_int_equal(commit(test), 3 * 5 + 1);
    assert_int_equal(state_get_traffic_counters(&test->kv, &counters), 0);
    assert_int_equal(counters.policy_number, 300);
    assert_int_equal(state_list_traffic_policies(&test->kv, 0, on_policy, names), 0);
    assert_string_equal(names, "bac");
    memset(names, 0, sizeof(names));
    assert_int_equal(state_list_traffic_policies(&test->kv, 2, on_policy, names), 0);
    assert_string_equal(names, "ac");
    assert_int_equal(state_get_traffic_policy_by_name(&test->kv, "c", &policy), 0);
    make_id(5, id);
    assert_string_equal(policy.id, id);
    assert_int_equal(state_get_traffic_policy_by_name(&test->kv, "cc", &policy), ERR_NOT_FOUND);
    assert_int_equal(state_get_traffic_policy(&test->kv, "5", &policy), ERR_NOT_FOUND);

    state_put_traffic_version(test->overlay, id, &version);
    state_put_traffic_document(test->overlay, id, 300, kv_slice("[1]", 3));
    commit(test);
    assert_int_equal(state_list_traffic_versions(&test->kv, id, 0, on_version, &sum), 0);
    assert_int_equal(sum, 1300);
    sum = 0;
    assert_int_equal(state_list_traffic_versions(&test->kv, id, 2, on_version, &sum), 0);
    assert_int_equal(sum, 300);
    assert_int_equal(state_get_traffic_document(&test->kv, id, 300, &document), 0);
    assert_memory_equal(document.data, "[1]", 3);
    assert_int_equal(state_get_traffic_document(&test->kv, id, 2, &document), ERR_NOT_FOUND);
    assert_int_equal(state_get_traffic_document(&test->kv, id, 70000, &document), ERR_NOT_FOUND);
    assert_int_equal(state_get_traffic_version(&test->kv, id, 1, &version), 0);
    assert_string_equal(version.comment, "first of c");
    assert_int_equal(version.type, 28);
    kv_buffer_fini(&document);

    state_delete_traffic_version(test->overlay, id, 1);
    state_delete_traffic_version(test->overlay, id, 300);
    state_delete_traffic_policy(test->overlay, &policy);
    assert_int_equal(commit(test), 2 * 5 + 1);
}

struct seen {
    char text[256];
};

static int on_instance(void *user, const struct state_traffic_instance *instance)
{
    struct seen *seen = user;
    size_t len = strlen(seen->text);

    snprintf(seen->text + len, sizeof(seen->text) - len, " %c%c%u", instance->zone_id[20],
             instance->name[1], instance->type);
    return 0;
}

static struct state_traffic_instance instance_of(unsigned id, const char *zone_id, char letter,
                                                 uint16_t type, unsigned policy)
{
    struct state_traffic_instance instance = {.type = type, .policy_version = 2, .ttl_s = 60};

    make_id(id, instance.id);
    make_id(policy, instance.policy_id);
    snprintf(instance.zone_id, sizeof(instance.zone_id), "%s", zone_id);
    instance.name[0] = 1;
    instance.name[1] = (uint8_t)letter;
    return instance;
}

static const char *list(struct fixture *test, const struct state_traffic_range *range,
                        struct seen *seen)
{
    seen->text[0] = '\0';
    assert_int_equal(state_list_traffic_instances(&test->kv, range, on_instance, seen), 0);
    return seen->text;
}

static void test_instances_by_zone_name_and_type(void **state)
{
    struct fixture *test = *state;
    struct state_traffic_instance list_of[] = {
        instance_of(1, ZONE_B, 'x', 28, 7), instance_of(2, ZONE_B, 'x', 1, 7),
        instance_of(3, ZONE_A, 'z', 1, 8), instance_of(4, ZONE_B, 'a', 1, 8)};
    struct state_traffic_instance found, moved = list_of[3];
    struct seen seen;
    uint32_t count;
    bool has;
    char policy[STATE_UUID_SIZE];

    for (size_t i = 0; i < 4; i++)
        state_put_traffic_instance(test->overlay, NULL, &list_of[i]);
    assert_int_equal(commit(test), 12);
    assert_string_equal(list(test, &(struct state_traffic_range){0}, &seen), " Az1 Ba1 Bx1 Bx28");
    assert_string_equal(list(test, &(struct state_traffic_range){.zone_id = ZONE_A}, &seen),
                        " Az1");
    assert_string_equal(list(test,
                             &(struct state_traffic_range){.from_zone_id = ZONE_B,
                                                           .from_name = (const uint8_t *)"\1x",
                                                           .from_type = 28},
                             &seen),
                        " Bx28");
    assert_string_equal(list(test,
                             &(struct state_traffic_range){.from_zone_id = ZONE_B,
                                                           .from_name = (const uint8_t *)"\1b"},
                             &seen),
                        " Bx1 Bx28");
    make_id(8, policy);
    assert_string_equal(
        list(test, &(struct state_traffic_range){.policy_id = policy, .policy_version = 2}, &seen),
        " Az1 Ba1");
    assert_string_equal(
        list(test, &(struct state_traffic_range){.policy_id = policy, .policy_version = 1}, &seen),
        "");
    moved.policy_version = 1;
    state_put_traffic_instance(test->overlay, &list_of[3], &moved);
    state_delete_traffic_instance(test->overlay, &list_of[2]);
    assert_int_equal(commit(test), 9);
    assert_string_equal(
        list(test, &(struct state_traffic_range){.policy_id = policy, .policy_version = 1}, &seen),
        " Ba1");
    assert_int_equal(state_count_traffic_instances(&test->kv, policy, 0, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(state_count_traffic_instances(&test->kv, policy, 2, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(state_has_traffic_instance(&test->kv, ZONE_A, &has), 0);
    assert_false(has);
    assert_int_equal(state_has_traffic_instance(&test->kv, ZONE_B, &has), 0);
    assert_true(has);
    assert_int_equal(
        state_find_traffic_instance(&test->kv, ZONE_B, (const uint8_t *)"\1x", 28, &found), 0);
    assert_string_equal(found.id, list_of[0].id);
    assert_int_equal(
        state_find_traffic_instance(&test->kv, ZONE_B, (const uint8_t *)"\1x", 5, &found),
        ERR_NOT_FOUND);
}

static void test_check_malformed_is_corrupt(void **state)
{
    static const char *const keys[] = {
        "P",  "Pi",        "Px",
        "Pn", "Po1234567", "I",
        "Iz", "Ip123",     "Iq12345678901234567890123456789012345678",
        "?"};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(
            state_value_check(KV_OBJECTS, kv_slice(keys[i], strlen(keys[i])), kv_slice("", 0)),
            ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_policies_in_order_of_creation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_by_zone_name_and_type, setup, teardown),
        cmocka_unit_test(test_check_malformed_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
