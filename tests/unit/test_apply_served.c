/* links: cluster store test_apply */
/* Several public zones of one name, caller references, limits, delegation sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dns/name.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_delegation.h"
#include "store/state_limit.h"
#include "store/state_value.h"
#include "store/state_zone.h"

#define NAME ((const uint8_t *)"\7example\0")
enum { A = 1, NS = 2, SOA = 6 };

static struct test_apply test;

static int start(void **state)
{
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

static void assert_done(Cmd__Command *command)
{
    const struct apply_result *result = test_apply_one(&test, command);

    if (result->code != 0)
        print_message("message: %s\n", result->message);
    assert_int_equal(result->code, 0);
}

static void assert_refused(Cmd__Command *command, int code, const char *error)
{
    const struct apply_result *result = test_apply_one(&test, command);

    assert_int_equal(result->outcome, APPLY_REFUSED);
    assert_int_equal(result->code, code);
    if (error)
        assert_string_equal(result->error, error);
    assert_int_equal(test.effect_count, 0);
}

static Cmd__Command *create(uint64_t number, const char *name)
{
    Cmd__Command *command = test_create_zone(&test, number, name);

    command->create_zone->may_repeat_name = command->create_zone->is_reference_unique = true;
    command->create_zone->caller_reference = test_apply_format(&test, "r%u", (unsigned)number);
    return command;
}

static Cmd__Command *create_private(uint64_t number, const char *name)
{
    Cmd__Command *command = create(number, name);

    command->create_zone->vpc = test_apply_alloc(&test, sizeof(Cmd__Vpc));
    cmd__vpc__init(command->create_zone->vpc);
    command->create_zone->vpc->id = test_apply_format(&test, "vpc-1");
    command->create_zone->vpc->region = test_apply_format(&test, "here");
    return command;
}

static Cmd__Command *activate(uint64_t number, uint64_t change)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_ACTIVATE_ZONE;
    command->activate_zone = test_apply_alloc(&test, sizeof(Cmd__ActivateZone));
    cmd__activate_zone__init(command->activate_zone);
    command->activate_zone->zone_id = test_id(&test, 'Z', number);
    command->activate_zone->change_id = test_id(&test, 'C', change);
    return command;
}

static Cmd__Command *delete_zone(uint64_t number, uint64_t change)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(&test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(&test, 'Z', number);
    command->delete_zone->change_id = test_id(&test, 'C', change);
    command->delete_zone->with_contents = true;
    return command;
}

static Cmd__Command *put_setting(const char *name, const char *value)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command->put_setting = test_apply_alloc(&test, sizeof(Cmd__PutSetting));
    cmd__put_setting__init(command->put_setting);
    command->put_setting->name = test_apply_format(&test, "%s", name);
    command->put_setting->value = test_apply_format(&test, "%s", value);
    return command;
}

static Cmd__Command *create_set(uint64_t number, uint64_t zone, const char *reference)
{
    Cmd__Command *command = test_command(&test);
    Cmd__CreateDelegationSet *set = test_apply_alloc(&test, sizeof(*set));

    command->kind_case = CMD__COMMAND__KIND_CREATE_DELEGATION_SET;
    command->create_delegation_set = set;
    cmd__create_delegation_set__init(set);
    set->delegation_set_id = test_id(&test, 'N', number);
    set->caller_reference = test_apply_format(&test, "%s", reference);
    if (zone != 0) {
        set->zone_id = test_id(&test, 'Z', zone);
        return command;
    }
    set->n_name_servers = 1;
    set->name_servers = test_apply_alloc(&test, sizeof(*set->name_servers));
    set->name_servers[0].len = 5;
    set->name_servers[0].data = test_apply_alloc(&test, 5);
    memcpy(set->name_servers[0].data, "\3NS1\0", 5);
    return command;
}

static Cmd__Command *delete_set(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_DELEGATION_SET;
    command->delete_delegation_set = test_apply_alloc(&test, sizeof(Cmd__DeleteDelegationSet));
    cmd__delete_delegation_set__init(command->delete_delegation_set);
    command->delete_delegation_set->delegation_set_id = test_id(&test, 'N', number);
    return command;
}

/* The number of the zone that has the name; 0: none. */
static unsigned served(void)
{
    struct state_zone zone;
    int rc = state_get_zone_by_name(&test.kv, NAME, &zone);

    if (rc == ERR_NOT_FOUND)
        return 0;
    assert_int_equal(rc, 0);
    assert_false(zone.is_not_served);
    assert_false(zone.is_private);
    return (unsigned)strtoul(zone.id + 1, NULL, 10);
}

static struct state_zone zone_of(uint64_t number)
{
    struct state_zone zone;

    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', number), &zone), 0);
    return zone;
}

static int check_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    assert_int_equal(state_value_check(*(enum kv_family *)user, key, value), 0);
    return 0;
}

/* All that is stored passes its check. */
static void check_stored(void)
{
    for (enum kv_family family = 0; family < KV_FAMILIES; family++) {
        struct kv_range range = {.family = family};
        assert_int_equal(kv_scan(&test.kv, &range, check_pair, &family), 0);
    }
}

static void test_first_of_a_name_is_served(void **state)
{
    struct state_name_zones zones;

    (void)state;
    assert_done(create(2, "example."));
    assert_int_equal(test.effects[0], APPLY_ZONE_ADDED);
    assert_done(create(1, "Example."));
    assert_int_equal(test.effects[0], APPLY_RECORD_SET_PUT); /* nobody shows it */
    assert_int_equal(served(), 2);
    assert_true(zone_of(1).is_not_served);
    assert_done(create_private(3, "example."));
    assert_int_equal(served(), 2);
    assert_int_equal(state_count_zones_of_name(&test.kv, NAME, &zones), 0);
    assert_int_equal(zones.public_count, 2);
    assert_int_equal(zones.private_count, 1);
    test_apply_restart(&test);
    assert_int_equal(served(), 2);
    check_stored();
    assert_refused(test_create_zone(&test, 4, "example."), ERR_EXISTS, NULL);
}

static void test_private_zone_has_no_public_name(void **state)
{
    (void)state;
    assert_done(create_private(1, "example."));
    assert_int_equal(served(), 0);
    assert_done(create(2, "example."));
    assert_int_equal(test.effects[0], APPLY_ZONE_ADDED);
    assert_int_equal(served(), 2);
    assert_refused(activate(1, 1), ERR_CONFLICT, "InvalidInput");
    assert_done(delete_zone(1, 2));
    assert_int_equal(served(), 2);
    assert_done(delete_zone(2, 3));
    assert_int_equal(served(), 0);
    check_stored();
}

static void test_activate_switches(void **state)
{
    struct state_change change;

    (void)state;
    assert_done(create(1, "example."));
    assert_done(create(2, "example."));
    uint64_t old_content = zone_of(1).content;
    assert_done(activate(2, 1));
    assert_int_equal(test.effect_count, 1);
    assert_int_equal(test.last_effect.kind, APPLY_ZONE_SERVED);
    assert_int_equal(test.last_effect.old_content, old_content);
    assert_int_equal(test.last_effect.content, zone_of(2).content);
    assert_int_equal(served(), 2);
    assert_true(zone_of(1).is_not_served);
    assert_int_equal(state_get_change(&test.kv, test_id(&test, 'C', 1), &change, NULL, NULL), 0);
    assert_int_equal(change.kind, STATE_CHANGE_ZONE_ACTIVATED);
    assert_done(activate(2, 2)); /* again: nothing to show */
    assert_int_equal(test.effect_count, 0);
    assert_refused(activate(9, 3), ERR_NOT_FOUND, NULL);
    assert_refused(activate(1, 2), ERR_EXISTS, NULL);
    test_apply_restart(&test);
    assert_int_equal(served(), 2);
    check_stored();
}

static void test_oldest_takes_over(void **state)
{
    (void)state;
    assert_done(create(5, "example."));
    assert_done(create(9, "example."));
    assert_done(create(3, "example."));
    assert_done(delete_zone(5, 1));
    assert_int_equal(test.effects[0], APPLY_ZONE_SERVED);
    assert_int_equal(test.effects[1], APPLY_CONTENT_DROPPED);
    assert_int_equal(served(), 9);
    assert_done(delete_zone(3, 2)); /* not served */
    assert_int_equal(test.effect_count, 1);
    assert_int_equal(test.last_effect.kind, APPLY_CONTENT_DROPPED);
    assert_int_equal(served(), 9);
    assert_done(delete_zone(9, 3));
    assert_int_equal(test.last_effect.kind, APPLY_ZONE_REMOVED);
    assert_int_equal(served(), 0);
    check_stored();
}

static void test_import_of_unserved_is_stored(void **state)
{
    (void)state;
    assert_done(create(1, "example."));
    assert_done(create(2, "example."));
    assert_done(test_import_begin(&test, 2, 7));
    assert_done(test_import_chunk(&test, 7, 2, test_set(&test, "example.", SOA, 60, test_soa),
                                  test_set(&test, "example.", NS, 60, test_ns)));
    assert_done(test_import_commit(&test, 7, 1));
    assert_int_equal(test.effects[0], APPLY_CONTENT_SWITCHED);
    assert_true(test.last_effect.is_not_served);
    assert_int_equal(served(), 1);
}

static void test_alias_in_unserved_means_itself(void **state)
{
    Cmd__RecordSet *alias = test_set(&test, "www.example.", A, 0, "");

    (void)state;
    assert_done(create(1, "example."));
    assert_done(create(2, "example."));
    alias->n_rdata = 0;
    alias->routing = test_apply_alloc(&test, sizeof(Cmd__Routing));
    cmd__routing__init(alias->routing);
    alias->routing->alias = test_apply_alloc(&test, sizeof(Cmd__Alias));
    cmd__alias__init(alias->routing->alias);
    alias->routing->alias->target = (ProtobufCBinaryData){11, (uint8_t *)"\1b\7example\0"};
    assert_refused(test_change(&test, 2, 1, 1, CMD__ACTION__ACTION_CREATE, alias), ERR_NOT_FOUND,
                   NULL);
    assert_done(test_change(&test, 2, 2, 1, CMD__ACTION__ACTION_CREATE,
                            test_set(&test, "b.example.", A, 60, "c0000201")));
    assert_done(test_change(&test, 2, 3, 1, CMD__ACTION__ACTION_CREATE, alias));
}

static void test_reference_names_one_zone_for_ever(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_done(create(1, "example."));
    command = create(2, "other.");
    command->create_zone->caller_reference = test_apply_format(&test, "r1");
    assert_refused(command, ERR_EXISTS, "HostedZoneAlreadyExists");
    assert_done(delete_zone(1, 1));
    command = create(2, "other.");
    command->create_zone->caller_reference = test_apply_format(&test, "r1");
    assert_refused(command, ERR_EXISTS, "HostedZoneAlreadyExists");
    command = create(2, "other.");
    command->create_zone->caller_reference = test_apply_format(&test, "%s", "");
    assert_refused(command, ERR_INVALID, "InvalidInput");
    command = test_create_zone(&test, 2, "other."); /* as old entries say it */
    command->create_zone->caller_reference = test_apply_format(&test, "r1");
    assert_done(command);
    check_stored();
}

static void test_limits_refuse(void **state)
{
    uint64_t limit;

    (void)state;
    assert_int_equal(state_get_limit(&test.kv, STATE_LIMIT_ZONES, &limit), 0);
    assert_int_equal(limit, 1000000);
    assert_int_equal(state_get_limit(&test.kv, "MAX_NOTHING", &limit), ERR_NOT_FOUND);
    assert_refused(put_setting("limit.MAX_NOTHING", "1"), ERR_INVALID, "InvalidInput");
    assert_refused(put_setting("limit." STATE_LIMIT_ZONES, "1x"), ERR_INVALID, "InvalidInput");
    assert_refused(put_setting("limit." STATE_LIMIT_ZONES, "99999999999999999999"), ERR_INVALID,
                   "InvalidInput");
    assert_done(put_setting("limit." STATE_LIMIT_ZONES, "1"));
    assert_int_equal(state_get_limit(&test.kv, STATE_LIMIT_ZONES, &limit), 0);
    assert_int_equal(limit, 1);
    assert_done(create(1, "example."));
    assert_refused(create(2, "other."), ERR_LIMIT, "TooManyHostedZones");
    assert_done(put_setting("limit." STATE_LIMIT_ZONES, ""));
    assert_done(create(2, "other."));
    assert_done(put_setting("limit." STATE_LIMIT_DELEGATION_SETS, "0"));
    assert_refused(create_set(1, 0, "a"), ERR_LIMIT, "LimitsExceeded");
}

static void test_names_have_a_bound(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 100; i++)
        assert_done(create(i, "example."));
    assert_refused(create(101, "example."), ERR_LIMIT, "DelegationSetNotAvailable");
    assert_done(create_private(101, "example."));
    assert_int_equal(served(), 1);
}

static int count_zone(void *user, const struct state_zone *zone)
{
    (void)zone;
    ++*(unsigned *)user;
    return 0;
}

static void test_delegation_set_lives(void **state)
{
    struct state_delegation_set set;
    Cmd__Command *command;
    unsigned count = 0;
    const char *id = test_id(&test, 'N', 1);

    (void)state;
    assert_done(create_set(1, 0, "a"));
    assert_string_equal(test.results[0].object_id, id);
    assert_refused(create_set(2, 0, "a"), ERR_EXISTS, "DelegationSetAlreadyCreated");
    assert_refused(create_set(1, 0, "b"), ERR_EXISTS, NULL);
    command = create(1, "example.");
    command->create_zone->delegation_set_id = test_id(&test, 'N', 1);
    assert_done(command);
    assert_int_equal(state_get_delegation_set(&test.kv, id, &set), 0);
    assert_int_equal(set.zone_count, 1);
    assert_int_equal(set.server_count, 1);
    assert_memory_equal(set.servers[0], "\3ns1\0", 5);
    command = create(2, "example.");
    command->create_zone->delegation_set_id = test_id(&test, 'N', 1);
    assert_refused(command, ERR_CONFLICT, "ConflictingDomainExists");
    command = create(2, "other.");
    command->create_zone->delegation_set_id = test_id(&test, 'N', 9);
    assert_refused(command, ERR_NOT_FOUND, "NoSuchDelegationSet");
    command = create_private(2, "other.");
    command->create_zone->delegation_set_id = test_id(&test, 'N', 1);
    assert_refused(command, ERR_INVALID, "InvalidInput");
    assert_done(put_setting("limit." STATE_LIMIT_ZONES_OF_SET, "1"));
    command = create(2, "other.");
    command->create_zone->delegation_set_id = test_id(&test, 'N', 1);
    assert_refused(command, ERR_LIMIT, "TooManyHostedZones");
    assert_int_equal(state_list_zones_of_set(&test.kv, id, "", count_zone, &count), 0);
    assert_int_equal(count, 1);
    assert_refused(delete_set(1), ERR_CONFLICT, "DelegationSetInUse");
    assert_done(delete_zone(1, 1));
    assert_done(delete_set(1));
    assert_refused(delete_set(1), ERR_NOT_FOUND, "NoSuchDelegationSet");
    assert_refused(create_set(1, 0, "a"), ERR_EXISTS, "DelegationSetAlreadyCreated");
    check_stored();
}

static void test_delegation_set_of_zone(void **state)
{
    (void)state;
    assert_done(create(1, "example."));
    assert_done(create_private(2, "example."));
    assert_refused(create_set(1, 9, "a"), ERR_NOT_FOUND, "HostedZoneNotFound");
    assert_refused(create_set(1, 2, "a"), ERR_CONFLICT, "InvalidArgument");
    assert_done(create_set(1, 1, "a"));
    assert_string_equal(zone_of(1).delegation_set_id, test_id(&test, 'N', 1));
    assert_refused(create_set(2, 1, "b"), ERR_CONFLICT, "DelegationSetAlreadyReusable");
    assert_refused(delete_set(1), ERR_CONFLICT, "DelegationSetInUse");
    assert_done(delete_zone(1, 1));
    assert_done(delete_set(1));
}

static void test_update_zone(void **state)
{
    Cmd__Command *command = test_command(&test);

    (void)state;
    command->kind_case = CMD__COMMAND__KIND_UPDATE_ZONE;
    command->update_zone = test_apply_alloc(&test, sizeof(Cmd__UpdateZone));
    cmd__update_zone__init(command->update_zone);
    command->update_zone->zone_id = test_id(&test, 'Z', 1);
    command->update_zone->has_comment = true;
    command->update_zone->comment = test_apply_format(&test, "new");
    assert_refused(command, ERR_NOT_FOUND, NULL);
    assert_done(create(1, "example."));
    command->sequence = ++test.sequence;
    assert_done(command);
    assert_string_equal(zone_of(1).comment, "new");
    command->sequence = ++test.sequence;
    command->update_zone->has_comment = false;
    command->update_zone->has_accelerated_recovery = true;
    command->update_zone->accelerated_recovery = true;
    assert_done(command);
    assert_string_equal(zone_of(1).comment, "new");
    assert_true(zone_of(1).accelerated_recovery);
    assert_int_equal(served(), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_first_of_a_name_is_served),
        CASE(test_private_zone_has_no_public_name),
        CASE(test_activate_switches),
        CASE(test_oldest_takes_over),
        CASE(test_import_of_unserved_is_stored),
        CASE(test_alias_in_unserved_means_itself),
        CASE(test_reference_names_one_zone_for_ever),
        CASE(test_limits_refuse),
        CASE(test_names_have_a_bound),
        CASE(test_delegation_set_lives),
        CASE(test_delegation_set_of_zone),
        CASE(test_update_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
