/* links: test_apply
 * A batch of changes as Route 53 judges it (route53.md 4.1, 4.3): its literal messages, all of them
 * at once; what DELETE must say; each set once; requests that come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dns/name.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state.h"
#include "store/state_limit.h"
#include "store/state_routing.h"
#include "zone/routing.h"

#define CREATE CMD__ACTION__ACTION_CREATE
#define DELETE CMD__ACTION__ACTION_DELETE
#define UPSERT CMD__ACTION__ACTION_UPSERT
enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28 };
#define ONE "01020304"
#define TWO "01020305"
#define NAME_A "047465737400" /* test. */
#define CHANGES_MAX 8

static struct test_apply test;
static unsigned change_number;

static int start(void **state)
{
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    change_number = 0;
    return test_apply_one(&test, test_create_zone(&test, 1, "example."))->code |
           test_apply_one(&test, test_create_zone(&test, 2, "other."))->code;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

/* ---- sets ---- */

static Cmd__RecordSet *plain(const char *name, uint16_t type, const char *rdata)
{
    return test_set(&test, name, type, 60, rdata);
}

static Cmd__Routing *routing_of(Cmd__RecordSet *set)
{
    if (!set->routing) {
        set->routing = test_apply_alloc(&test, sizeof(*set->routing));
        cmd__routing__init(set->routing);
    }
    return set->routing;
}

static Cmd__RecordSet *weighted(const char *name, const char *identifier, unsigned weight)
{
    Cmd__RecordSet *set = plain(name, A, ONE);

    set->set_identifier = test_apply_format(&test, "%s", identifier);
    routing_of(set)->policy = CMD__POLICY__POLICY_WEIGHTED;
    set->routing->weight = weight;
    return set;
}

static Cmd__RecordSet *multivalue(const char *name, const char *identifier)
{
    Cmd__RecordSet *set = weighted(name, identifier, 0);

    set->routing->policy = CMD__POLICY__POLICY_MULTIVALUE;
    return set;
}

static Cmd__RecordSet *alias(const char *name, const char *target, unsigned zone)
{
    Cmd__RecordSet *set = plain(name, A, "");
    uint8_t *wire = test_apply_alloc(&test, DNS_NAME_MAX);

    assert_true(dns_name_parse(target, NULL, wire) > 0);
    set->ttl_s = 0;
    routing_of(set)->alias = test_apply_alloc(&test, sizeof(Cmd__Alias));
    cmd__alias__init(set->routing->alias);
    set->routing->alias->target = (ProtobufCBinaryData){dns_name_len(wire), wire};
    if (zone > 0)
        set->routing->alias->hosted_zone_id = test_id(&test, 'Z', zone);
    return set;
}

/* ---- batches ---- */

struct change {
    Cmd__Action action;
    Cmd__RecordSet *set;
};

static Cmd__Command *batch(const struct change *changes)
{
    Cmd__Command *command = test_change(&test, 1, ++change_number, 0);
    Cmd__ChangeRecordSets *out = command->change_record_sets;

    out->changes = test_apply_alloc(&test, CHANGES_MAX * sizeof(*out->changes));
    out->by_route53 = true;
    for (; changes[out->n_changes].set; out->n_changes++) {
        Cmd__Change *change = test_apply_alloc(&test, sizeof(*change));
        assert_true(out->n_changes < CHANGES_MAX);
        cmd__change__init(change);
        change->action = changes[out->n_changes].action;
        change->record_set = changes[out->n_changes].set;
        out->changes[out->n_changes] = change;
    }
    return command;
}

static void does(const struct change *changes)
{
    const struct apply_result *result = test_apply_one(&test, batch(changes));

    if (result->code != 0)
        print_message("refused: %s\n", result->message);
    assert_int_equal(result->code, 0);
    assert_int_equal(result->message_count, 0);
}

static void refuses(const struct change *changes, const char *problems)
{
    const struct apply_result *result = test_apply_one(&test, batch(changes));

    assert_int_equal(result->outcome, APPLY_REFUSED);
    assert_string_equal(result->error, "InvalidChangeBatch");
    assert_string_equal(test.problems, problems);
    assert_int_equal(test.effect_count, 0);
}

#define DOES(...) does((struct change[CHANGES_MAX + 1]){__VA_ARGS__})
#define REFUSES(problems, ...) refuses((struct change[CHANGES_MAX + 1]){__VA_ARGS__}, problems)

/* ---- the messages ---- */

static void test_messages_are_route_53s(void **state)
{
    (void)state;
    DOES({CREATE, plain("a.example.", A, ONE)}, {CREATE, plain("c.example.", CNAME, NAME_A)},
         {CREATE, weighted("w.example.", "Default", 1)});
    REFUSES("Tried to create resource record set [name='a.example.', type='A'] but it already "
            "exists",
            {CREATE, plain("A.example.", A, TWO)});
    REFUSES("Tried to create resource record set [name='w.example.', type='A', "
            "set-identifier='Default'] but it already exists",
            {CREATE, weighted("w.example.", "Default", 2)});
    REFUSES("Tried to delete resource record set [name='\\052.example.', type='A'] but it was not "
            "found",
            {DELETE, plain("*.example.", A, ONE)});
    REFUSES("Tried to delete resource record set [name='a.example.', type='A'] but the values "
            "provided do not match the current values",
            {DELETE, plain("a.example.", A, TWO)});
    REFUSES("RRSet with DNS name x.other.org. is not permitted in zone example.",
            {UPSERT, plain("x.other.org.", A, ONE)});
    REFUSES("RRSet of type CNAME with DNS name example. is not permitted at apex in zone example.",
            {UPSERT, plain("example.", CNAME, NAME_A)});
    REFUSES("RRSet of type A with DNS name c.example. is not permitted because a conflicting RRSet "
            "of type CNAME with the same DNS name already exists in zone example.",
            {CREATE, plain("c.example.", A, ONE)});
    REFUSES("RRSet of type CNAME with DNS name a.example. is not permitted as it conflicts with "
            "other records with the same DNS name in zone example.",
            {UPSERT, plain("a.example.", CNAME, NAME_A)});
    REFUSES("A HostedZone must contain exactly one SOA record.",
            {DELETE, test_set(&test, "example.", SOA, 900, test_soa)});
    REFUSES("A HostedZone must contain at least one NS record for the zone itself.",
            {DELETE, test_set(&test, "example.", NS, 172800, test_ns)});
    REFUSES("RRSet with DNS name a.example., type A, SetIdentifier \"t\" cannot be created because "
            "a non multivalue answer rrset exists with the same name and type.",
            {CREATE, multivalue("a.example.", "t")});
    REFUSES("RRSet with DNS name w.example., type A cannot be created because a non simple rrset "
            "exists with the same name and type.",
            {CREATE, plain("w.example.", A, ONE)});
}

static void test_all_problems_are_told(void **state)
{
    (void)state;
    DOES({CREATE, plain("a.example.", A, ONE)}, {CREATE, plain("c.example.", CNAME, NAME_A)});
    REFUSES("Tried to create resource record set [name='a.example.', type='A'] but it already "
            "exists; "
            "RRSet with DNS name x.org. is not permitted in zone example.; "
            "Tried to delete resource record set [name='d.example.', type='A'] but it was not "
            "found; "
            "RRSet of type A with DNS name c.example. is not permitted because a conflicting RRSet "
            "of type CNAME with the same DNS name already exists in zone example.; "
            "Tried to create an alias that targets none.example., type A in zone "
            "Z00000000000000000001, but that target was not found",
            {CREATE, plain("a.example.", A, ONE)}, {CREATE, plain("x.org.", A, ONE)},
            {CREATE, plain("good.example.", A, ONE)}, {DELETE, plain("d.example.", A, ONE)},
            {CREATE, plain("c.example.", A, ONE)},
            {CREATE, alias("e.example.", "none.example.", 1)});
    REFUSES("Tried to delete resource record set [name='good.example.', type='A'] but it was not "
            "found", /* nothing of the batch above was made */
            {DELETE, plain("good.example.", A, ONE)});
}

static void test_missing_check_stops_alone(void **state)
{
    Cmd__RecordSet *set = weighted("w.example.", "a", 1);

    (void)state;
    set->routing->health_check_id =
        test_apply_format(&test, "%s", "00000001-0000-4000-8000-000000000000");
    const struct apply_result *result = test_apply_one(
        &test, batch((struct change[]){{CREATE, plain("x.org.", A, ONE)}, {CREATE, set}, {0}}));
    assert_string_equal(result->error, "NoSuchHealthCheck");
    assert_string_equal(result->message, "A health check with id "
                                         "00000001-0000-4000-8000-000000000000 does not exist.");
    assert_int_equal(result->message_count, 0);
    assert_int_equal(result->code, ERR_INVALID); /* of the first problem, as ever */
}

/* ---- each set once ---- */

static void test_one_set_twice_is_refused(void **state)
{
    static const char *const twice = "The request contains an invalid set of changes for a "
                                     "resource record set 'A a.example.'";

    (void)state;
    REFUSES(twice, {CREATE, plain("a.example.", A, ONE)}, {CREATE, plain("A.example.", A, TWO)});
    REFUSES(twice, {UPSERT, plain("a.example.", A, ONE)}, {UPSERT, plain("a.example.", A, ONE)});
    REFUSES(twice, {CREATE, plain("a.example.", A, ONE)}, {DELETE, plain("a.example.", A, ONE)});
    DOES({CREATE, plain("a.example.", A, ONE)},
         {CREATE, plain("a.example.", AAAA, "00000000000000000000000000000001")});
    REFUSES(twice, {DELETE, plain("a.example.", A, ONE)}, {DELETE, plain("a.example.", A, ONE)});
    REFUSES(twice, {DELETE, plain("a.example.", A, ONE)}, {CREATE, plain("a.example.", A, ONE)},
            {UPSERT, plain("a.example.", A, ONE)});
    DOES({DELETE, plain("a.example.", A, ONE)}, {CREATE, plain("a.example.", A, TWO)});
    DOES({DELETE, plain("a.example.", A, TWO)}, {UPSERT, plain("a.example.", A, ONE)});
    DOES({CREATE, weighted("w.example.", "a", 1)}, {CREATE, weighted("w.example.", "b", 1)});
}

static void test_one_set_twice_is_for_others(void **state)
{
    Cmd__Command *command = batch((struct change[]){
        {UPSERT, plain("a.example.", A, ONE)}, {UPSERT, plain("a.example.", A, TWO)}, {0}});

    (void)state;
    command->change_record_sets->by_route53 = false; /* as entries of old logs are */
    assert_int_equal(test_apply_one(&test, command)->code, 0);
}

/* ---- DELETE ---- */

static void test_delete_may_leave_routing_out(void **state)
{
    Cmd__RecordSet *wrong = weighted("w.example.", "a", 2);
    Cmd__RecordSet *without = weighted("w.example.", "a", 0);

    (void)state;
    without->routing = NULL;
    DOES({CREATE, weighted("w.example.", "a", 1)});
    REFUSES("Tried to delete resource record set [name='w.example.', type='A', "
            "set-identifier='a'] but the values provided do not match the current values",
            {DELETE, wrong});
    DOES({DELETE, without});
    DOES({CREATE, weighted("w.example.", "a", 1)}, {CREATE, weighted("w.example.", "b", 1)});
    DOES({DELETE, weighted("w.example.", "a", 1)}, {DELETE, weighted("w.example.", "b", 1)});
}

static void test_delete_alias_by_its_target(void **state)
{
    (void)state;
    DOES({CREATE, plain("t.example.", A, ONE)}, {CREATE, alias("a.example.", "t.example.", 1)});
    REFUSES("Tried to delete resource record set [name='a.example.', type='A'] but the values "
            "provided do not match the current values",
            {DELETE, alias("a.example.", "u.example.", 1)});
    REFUSES("Tried to delete resource record set [name='a.example.', type='A'] but the values "
            "provided do not match the current values",
            {DELETE, plain("a.example.", A, ONE)});
    DOES({DELETE, alias("a.example.", "T.example.", 1)});
}

static void test_values_in_any_order_match(void **state)
{
    (void)state;
    DOES({CREATE, plain("a.example.", A, ONE " " TWO)});
    DOES({DELETE, plain("a.example.", A, TWO " " ONE)});
}

static void test_zone_takes_no_more_than_its_limit(void **state)
{
    Cmd__Command *command = test_command(&test);

    (void)state;
    command->kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command->put_setting = test_apply_alloc(&test, sizeof(Cmd__PutSetting));
    cmd__put_setting__init(command->put_setting);
    command->put_setting->name = test_apply_format(&test, "limit." STATE_LIMIT_RECORD_SETS);
    command->put_setting->value = test_apply_format(&test, "3"); /* SOA and NS are two */
    assert_int_equal(test_apply_one(&test, command)->code, 0);
    DOES({CREATE, plain("a.example.", A, ONE)});
    const struct change more[] = {{CREATE, plain("b.a.example.", A, ONE)}, {.set = NULL}};
    const struct apply_result *result = test_apply_one(&test, batch(more));
    assert_int_equal(result->outcome, APPLY_REFUSED);
    assert_int_equal(result->code, ERR_LIMIT);
    assert_int_equal(result->message_count, 1);
    DOES({UPSERT, plain("a.example.", A, TWO)});
    DOES({DELETE, plain("a.example.", A, TWO)}, {CREATE, plain("b.a.example.", A, ONE)});
}

/* ---- aliases ---- */

static void test_alias_targets_at_the_end(void **state)
{
    (void)state;
    DOES({CREATE, alias("a.example.", "t.example.", 1)}, {CREATE, plain("t.example.", A, ONE)});
    REFUSES("Tried to create an alias that targets t.other., type A in zone Z00000000000000000001, "
            "but the alias target name does not lie within the target zone; "
            "Tried to create an alias that targets t.other., type A in zone Z00000000000000000001, "
            "but that target was not found",
            {CREATE, alias("b.example.", "t.other.", 1)});
    REFUSES("Tried to create an alias that targets t.other., type A in zone Z00000000000000000002, "
            "but that target was not found",
            {CREATE, alias("b.example.", "t.other.", 2)});
    DOES({CREATE, alias("b.example.", "lb.elsewhere.", 0)});
    DOES({CREATE, alias("c.example.", "lb.elsewhere.", 77)}); /* a service's own zone */
}

/* ---- what Route 53 has no words for ---- */

static int note_routing(void *user, const struct state_record_set *set)
{
    assert_non_null(set->routing);
    return state_routing_decode(kv_slice(set->routing, set->routing_len), user);
}

static struct zone_routing stored_routing(const char *identifier)
{
    static const uint8_t name[] = "\1w\7example";
    struct state_record_set which = {.name = name,
                                     .type = A,
                                     .set_identifier = identifier,
                                     .set_identifier_len = strlen(identifier)};
    struct zone_routing out = {0};
    struct state_zone zone;

    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', 1), &zone), 0);
    assert_int_equal(state_get_record_set(&test.kv, zone.content, &which, note_routing, &out), 0);
    return out;
}

static void test_extensions_stay(void **state)
{
    Cmd__RecordSet *sticky = weighted("w.example.", "a", 1);

    (void)state;
    sticky->routing->is_sticky = true;
    sticky->routing->answers_max = 2;
    DOES({CREATE, sticky});
    DOES({UPSERT, weighted("w.example.", "a", 7)}, {CREATE, weighted("w.example.", "b", 3)});
    assert_int_equal(stored_routing("a").weight, 7);
    assert_true(stored_routing("a").is_sticky);
    assert_true(stored_routing("b").is_sticky);
    assert_int_equal(stored_routing("b").answers_max, 2);
    DOES({DELETE, weighted("w.example.", "a", 7)}, {DELETE, weighted("w.example.", "b", 3)});
}

static int note_texts(void *user, const struct state_record_set *set)
{
    char *out = user;

    if (set->texts)
        memcpy(out, set->texts, set->texts_len);
    return 0;
}

static void test_texts_of_values_stay(void **state)
{
    static const uint8_t name[] = "\1c\7example";
    struct state_record_set which = {.name = name, .type = CNAME};
    char *texts[] = {test_apply_format(&test, "Test")};
    char kept[16] = "";
    struct state_zone zone;

    (void)state;
    Cmd__RecordSet *set = plain("c.example.", CNAME, NAME_A);
    set->value_texts = texts;
    set->n_value_texts = 1;
    DOES({CREATE, set});
    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', 1), &zone), 0);
    assert_int_equal(state_get_record_set(&test.kv, zone.content, &which, note_texts, kept), 0);
    assert_memory_equal(kept, "\0\4Test", 6);
    set->n_value_texts = 0;
    DOES({UPSERT, set}); /* as it is written out */
    memset(kept, 0, sizeof(kept));
    assert_int_equal(state_get_record_set(&test.kv, zone.content, &which, note_texts, kept), 0);
    assert_string_equal(kept, "");
    set->n_value_texts = 1;
    DOES({UPSERT, set});
    set->n_value_texts = 0;
    DOES({DELETE, set});
}

/* ---- requests that come again ---- */

static Cmd__Command *request(unsigned number, Cmd__RecordSet *set, unsigned zone)
{
    Cmd__Command *command = batch((struct change[]){{CREATE, set}, {0}});

    command->change_record_sets->change_id = test_id(&test, 'C', number);
    command->change_record_sets->zone_id = test_id(&test, 'Z', zone);
    command->change_record_sets->is_request = true;
    return command;
}

static void test_request_again_is_done_once(void **state)
{
    (void)state;
    assert_int_equal(test_apply_one(&test, request(900, plain("a.example.", A, ONE), 1))->code, 0);
    DOES({DELETE, plain("a.example.", A, ONE)});
    const struct apply_result *result =
        test_apply_one(&test, request(900, plain("a.example.", A, ONE), 1));
    assert_int_equal(result->code, 0);
    assert_int_equal(result->outcome, APPLY_REPEATED);
    assert_string_equal(result->change_id, test_id(&test, 'C', 900));
    assert_int_equal(test.effect_count, 0);
    REFUSES("Tried to delete resource record set [name='a.example.', type='A'] but it was not "
            "found",
            {DELETE, plain("a.example.", A, ONE)});
    result = test_apply_one(&test, request(900, plain("a.other.", A, ONE), 2));
    assert_int_equal(result->code, ERR_EXISTS);
}

static void test_refused_request_is_judged_again(void **state)
{
    (void)state;
    DOES({CREATE, plain("a.example.", A, ONE)});
    assert_int_equal(test_apply_one(&test, request(901, plain("a.example.", A, ONE), 1))->code,
                     ERR_EXISTS);
    DOES({DELETE, plain("a.example.", A, ONE)});
    assert_int_equal(test_apply_one(&test, request(901, plain("a.example.", A, ONE), 1))->code, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(test_messages_are_route_53s),
        CASE(test_all_problems_are_told),
        CASE(test_missing_check_stops_alone),
        CASE(test_one_set_twice_is_refused),
        CASE(test_one_set_twice_is_for_others),
        CASE(test_delete_may_leave_routing_out),
        CASE(test_delete_alias_by_its_target),
        CASE(test_values_in_any_order_match),
        CASE(test_zone_takes_no_more_than_its_limit),
        CASE(test_alias_targets_at_the_end),
        CASE(test_extensions_stay),
        CASE(test_texts_of_values_stay),
        CASE(test_request_again_is_done_once),
        CASE(test_refused_request_is_judged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
