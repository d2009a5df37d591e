/* links: cluster store test_apply */
/* Traffic policies and their instances in the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_put.h"
#include "store/state_traffic.h"
#include "zone/hidden.h"

#define POLICY "0a000000-0000-4000-8000-000000000001"
#define INSTANCE "1b000000-0000-4000-8000-000000000002"

static int setup(void **state)
{
    struct test_apply *test = calloc(1, sizeof(*test));
    struct kv kv;

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(test, kv);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    test_apply_fini(*state);
    free(*state);
    return 0;
}

static char *text(struct test_apply *test, const char *from)
{
    return test_apply_format(test, "%s", from);
}

static Cmd__Command *put_policy(struct test_apply *test, const char *id, uint32_t version,
                                const char *name, uint32_t type)
{
    Cmd__Command *command = test_command(test);
    Cmd__PutTrafficPolicy *put = test_apply_alloc(test, sizeof(*put));

    cmd__put_traffic_policy__init(put);
    put->policy_id = text(test, id);
    put->policy_version = version;
    put->name = text(test, name);
    put->type = type;
    put->document = text(test, "{}");
    command->kind_case = CMD__COMMAND__KIND_PUT_TRAFFIC_POLICY;
    command->put_traffic_policy = put;
    return command;
}

static Cmd__Command *delete_policy(struct test_apply *test, uint32_t version)
{
    Cmd__Command *command = test_command(test);
    Cmd__DeleteTrafficPolicy *deletion = test_apply_alloc(test, sizeof(*deletion));

    cmd__delete_traffic_policy__init(deletion);
    deletion->policy_id = text(test, POLICY);
    deletion->policy_version = version;
    command->kind_case = CMD__COMMAND__KIND_DELETE_TRAFFIC_POLICY;
    command->delete_traffic_policy = deletion;
    return command;
}

/* A hidden name of the instance in "a.example.". */
static ProtobufCBinaryData hidden(struct test_apply *test, unsigned number)
{
    uint8_t *name = test_apply_alloc(test, DNS_NAME_MAX);

    assert_int_equal(zone_hidden_name((const uint8_t *)"\1a\7example", INSTANCE, number, name), 0);
    return (ProtobufCBinaryData){dns_name_len(name), name};
}

/* A tree: an alias at @name to one plain hidden set of @rdata with number @number. */
static Cmd__Command *put_instance(struct test_apply *test, const char *name, unsigned number,
                                  const char *rdata, uint64_t change)
{
    Cmd__Command *command = test_command(test);
    Cmd__PutTrafficInstance *put = test_apply_alloc(test, sizeof(*put));
    Cmd__RecordSet **sets = test_apply_alloc(test, 2 * sizeof(Cmd__RecordSet *));
    Cmd__Routing *routing = test_apply_alloc(test, sizeof(*routing));
    Cmd__Alias *alias = test_apply_alloc(test, sizeof(*alias));

    cmd__put_traffic_instance__init(put);
    cmd__routing__init(routing);
    cmd__alias__init(alias);
    sets[0] = test_set(test, name, DNS_TYPE_A, 0, "");
    sets[1] = test_set(test, name, DNS_TYPE_A, 30, rdata);
    alias->target = sets[1]->name = hidden(test, number);
    alias->evaluate_target_health = true;
    routing->alias = alias;
    sets[0]->routing = routing;
    sets[1]->is_hidden = true;
    sets[0]->traffic_instance_id = sets[1]->traffic_instance_id = text(test, INSTANCE);
    put->instance_id = text(test, INSTANCE);
    put->is_new = true;
    put->zone_id = test_id(test, 'Z', 1);
    put->name = sets[0]->name;
    put->type = DNS_TYPE_A;
    put->ttl_s = 30;
    put->policy_id = text(test, POLICY);
    put->policy_version = 1;
    put->n_record_sets = 2;
    put->record_sets = sets;
    put->change_id = test_id(test, 'C', change);
    command->kind_case = CMD__COMMAND__KIND_PUT_TRAFFIC_INSTANCE;
    command->put_traffic_instance = put;
    return command;
}

static Cmd__Command *delete_instance(struct test_apply *test, uint64_t change)
{
    Cmd__Command *command = test_command(test);
    Cmd__DeleteTrafficInstance *deletion = test_apply_alloc(test, sizeof(*deletion));

    cmd__delete_traffic_instance__init(deletion);
    deletion->instance_id = text(test, INSTANCE);
    deletion->change_id = test_id(test, 'C', change);
    command->kind_case = CMD__COMMAND__KIND_DELETE_TRAFFIC_INSTANCE;
    command->delete_traffic_instance = deletion;
    return command;
}

static void expect(struct test_apply *test, Cmd__Command *command, int code, const char *error)
{
    const struct apply_result *result = test_apply_one(test, command);

    if (result->code != code)
        print_message("%d: %s\n", result->code, result->message);
    assert_int_equal(result->code, code);
    if (error) {
        assert_non_null(result->error);
        assert_string_equal(result->error, error);
    }
}

static void good(struct test_apply *test, Cmd__Command *command)
{
    expect(test, command, 0, NULL);
}

static void test_policy_versions_come_and_go(void **state)
{
    struct test_apply *test = *state;
    struct state_traffic_policy policy;
    struct state_traffic_counters counters;

    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A));
    expect(test, put_policy(test, INSTANCE, 1, "web", DNS_TYPE_A), ERR_EXISTS,
           "TrafficPolicyAlreadyExists");
    expect(test, put_policy(test, INSTANCE, 2, "", DNS_TYPE_A), ERR_NOT_FOUND,
           "NoSuchTrafficPolicy");
    expect(test, put_policy(test, POLICY, 3, "", DNS_TYPE_A), ERR_CONFLICT,
           "ConcurrentModification");
    good(test, put_policy(test, POLICY, 2, "", DNS_TYPE_AAAA));
    good(test, delete_policy(test, 1));
    expect(test, delete_policy(test, 1), ERR_NOT_FOUND, "NoSuchTrafficPolicy");
    assert_int_equal(state_get_traffic_policy(&test->kv, POLICY, &policy), 0);
    assert_int_equal(policy.latest_version, 2);
    assert_int_equal(policy.version_count, 1);
    good(test, delete_policy(test, 2));
    assert_int_equal(state_get_traffic_policy(&test->kv, POLICY, &policy), ERR_NOT_FOUND);
    assert_int_equal(state_get_traffic_counters(&test->kv, &counters), 0);
    assert_int_equal(counters.policy_count, 0);
    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A)); /* the name is free again */
}

static int count_set(void *user, const struct state_record_set *set)
{
    unsigned *counts = user;

    counts[set->is_hidden]++;
    return 0;
}

/* Sets of zone 1 in all: those that are seen and, times 100, those that are not. */
static unsigned sets_of(struct test_apply *test)
{
    unsigned counts[2] = {0};
    struct state_zone zone;

    assert_int_equal(state_get_zone(&test->kv, test_id(test, 'Z', 1), &zone), 0);
    assert_int_equal(state_list_record_sets(&test->kv, zone.content, NULL, count_set, counts), 0);
    assert_int_equal(zone.record_set_count, counts[0]);
    return counts[0] + 100 * counts[1];
}

static void test_instance_swaps_its_tree(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *command;

    good(test, test_create_zone(test, 1, "a.example."));
    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A));
    good(test, put_instance(test, "www.a.example.", 0, "c0000201", 1));
    assert_int_equal(sets_of(test), 103);
    expect(test, put_instance(test, "www.a.example.", 0, "c0000201", 2), ERR_EXISTS,
           "TrafficPolicyInstanceAlreadyExists");
    command = put_instance(test, "www.a.example.", 7, "c0000202", 3);
    command->put_traffic_instance->is_new = false;
    good(test, command);
    assert_int_equal(sets_of(test), 103); /* number 0 is gone, 7 is there */
    expect(test, delete_policy(test, 1), ERR_CONFLICT, "TrafficPolicyInUse");
    good(test, put_policy(test, POLICY, 2, "", DNS_TYPE_AAAA));
    command = put_instance(test, "www.a.example.", 7, "c0000202", 4);
    command->put_traffic_instance->is_new = false;
    command->put_traffic_instance->type = DNS_TYPE_AAAA;
    command->put_traffic_instance->policy_version = 2;
    expect(test, command, ERR_CONFLICT, "ConflictingTypes");
    test_apply_restart(test);
    good(test, delete_instance(test, 5));
    assert_int_equal(sets_of(test), 2);
    expect(test, delete_instance(test, 6), ERR_NOT_FOUND, "NoSuchTrafficPolicyInstance");
    good(test, delete_policy(test, 1));
}

static void test_instance_is_out_of_reach_by_hand(void **state)
{
    struct test_apply *test = *state;
    Cmd__RecordSet *set;
    Cmd__Command *command;

    good(test, test_create_zone(test, 1, "a.example."));
    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A));
    good(test, put_instance(test, "www.a.example.", 0, "c0000201", 1));
    set = test_set(test, "www.a.example.", DNS_TYPE_A, 60, "c0000209");
    expect(test, test_change(test, 1, 2, 1, CMD__ACTION__ACTION_UPSERT, set), ERR_CONFLICT, NULL);
    set = test_set(test, "x.a.example.", DNS_TYPE_A, 30, "c0000201");
    set->name = hidden(test, 0);
    expect(test, test_change(test, 1, 3, 1, CMD__ACTION__ACTION_DELETE, set), ERR_CONFLICT, NULL);
    expect(test, test_import_begin(test, 1, 4), ERR_CONFLICT, NULL);
    command = test_command(test);
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(test, 'Z', 1);
    command->delete_zone->change_id = test_id(test, 'C', 5);
    command->delete_zone->with_contents = true;
    expect(test, command, ERR_CONFLICT, "HostedZoneNotEmpty");
    assert_int_equal(sets_of(test), 103);
}

/* A name below a hidden one sorts between it and the next: what is there is left alone, and what is
 * behind it is found. */
static void test_instance_goes_whole_around_what_is_below_its_names(void **state)
{
    struct test_apply *test = *state;
    Cmd__RecordSet **sets = test_apply_alloc(test, 3 * sizeof(Cmd__RecordSet *));
    uint8_t *below = test_apply_alloc(test, DNS_NAME_MAX);

    good(test, test_create_zone(test, 1, "a.example."));
    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A));
    Cmd__Command *command = put_instance(test, "www.a.example.", 0, "c0000201", 1);
    memcpy(sets, command->put_traffic_instance->record_sets, 2 * sizeof(sets[0]));
    sets[2] = test_set(test, "x.a.example.", DNS_TYPE_A, 30, "c0000202");
    sets[2]->name = hidden(test, 1);
    sets[2]->is_hidden = true;
    sets[2]->traffic_instance_id = text(test, INSTANCE);
    command->put_traffic_instance->n_record_sets = 3;
    command->put_traffic_instance->record_sets = sets;
    good(test, command);
    assert_int_equal(sets_of(test), 203);
    Cmd__RecordSet *set = test_set(test, "x.a.example.", DNS_TYPE_A, 30, "c0000209");
    ProtobufCBinaryData first = hidden(test, 0);
    memcpy(below, "\1a", 2);
    memcpy(below + 2, first.data, first.len);
    set->name = (ProtobufCBinaryData){first.len + 2, below};
    good(test, test_change(test, 1, 2, 1, CMD__ACTION__ACTION_CREATE, set));
    good(test, delete_instance(test, 3));
    assert_int_equal(sets_of(test), 3);
}

static void test_instance_with_foreign_sets_refused(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *command;

    good(test, test_create_zone(test, 1, "a.example."));
    good(test, put_policy(test, POLICY, 1, "web", DNS_TYPE_A));
    command = put_instance(test, "www.a.example.", 0, "c0000201", 1);
    command->put_traffic_instance->record_sets[1]->is_hidden = false;
    expect(test, command, ERR_INVALID, NULL);
    command = put_instance(test, "www.a.example.", 0, "c0000201", 2);
    command->put_traffic_instance->record_sets[1]->traffic_instance_id = text(test, POLICY);
    expect(test, command, ERR_INVALID, NULL);
    command = put_instance(test, "www.a.example.", 0, "c0000201", 3);
    command->put_traffic_instance->policy_version = 2;
    expect(test, command, ERR_NOT_FOUND, "NoSuchTrafficPolicy");
    good(test, test_change(test, 1, 4, 1, CMD__ACTION__ACTION_CREATE,
                           test_set(test, "www.a.example.", DNS_TYPE_A, 60, "c0000209")));
    expect(test, put_instance(test, "www.a.example.", 0, "c0000201", 5), ERR_EXISTS,
           "InvalidInput");
    assert_int_equal(sets_of(test), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_policy_versions_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_swaps_its_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_is_out_of_reach_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_goes_whole_around_what_is_below_its_names,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_with_foreign_sets_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
