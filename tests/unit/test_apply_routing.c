/* links: cluster test_apply */
/* Record sets with routing in the state machine: identifiers, groups, aliases, what they name. */
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
#include "store/state_use.h"
#include "zone/routing.h"

enum { CREATE = 1, DELETE = 2, UPSERT = 3 };
enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28 };
#define ONE "01020304"
#define CHECK "00000001-0000-4000-8000-000000000000"
#define CIDR "00000002-0000-4000-8000-000000000000"

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
    return test_apply_one(&test, test_create_zone(&test, 1, "example."))->code;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

/* ---- commands ---- */

static char *text(const char *from)
{
    return test_apply_format(&test, "%s", from);
}

static Cmd__RecordSet *set(const char *name, uint16_t type, const char *identifier)
{
    Cmd__RecordSet *set = test_set(&test, name, type, 60, type == CNAME ? test_ns : ONE);

    set->set_identifier = text(identifier);
    set->routing = test_apply_alloc(&test, sizeof(*set->routing));
    cmd__routing__init(set->routing);
    return set;
}

static Cmd__RecordSet *weighted(const char *name, const char *identifier, unsigned weight)
{
    Cmd__RecordSet *out = set(name, A, identifier);

    out->routing->policy = CMD__POLICY__POLICY_WEIGHTED;
    out->routing->weight = weight;
    return out;
}

static Cmd__RecordSet *latency(const char *name, const char *identifier, const char *region)
{
    Cmd__RecordSet *out = set(name, A, identifier);

    out->routing->policy = CMD__POLICY__POLICY_LATENCY;
    out->routing->region = text(region);
    return out;
}

/* Make an alias of a set. */
static Cmd__RecordSet *to(Cmd__RecordSet *out, const char *target)
{
    uint8_t *wire = test_apply_alloc(&test, DNS_NAME_MAX);
    int len = dns_name_parse(target, NULL, wire);

    assert_true(len > 0);
    out->ttl_s = 0;
    out->n_rdata = 0;
    out->routing->alias = test_apply_alloc(&test, sizeof(*out->routing->alias));
    cmd__alias__init(out->routing->alias);
    out->routing->alias->target = (ProtobufCBinaryData){(size_t)len, wire};
    out->routing->alias->evaluate_target_health = true;
    return out;
}

static Cmd__RecordSet *alias(const char *name, const char *target)
{
    return to(set(name, A, ""), target);
}

static Cmd__RecordSet *with_ttl(Cmd__RecordSet *out, uint32_t ttl_s)
{
    out->ttl_s = ttl_s;
    return out;
}

static const struct apply_result *apply_to(unsigned zone, unsigned count, const int *actions,
                                           Cmd__RecordSet *const *sets)
{
    Cmd__Command *command = test_change(&test, zone, ++change_number, 0);
    Cmd__ChangeRecordSets *changes = command->change_record_sets;

    changes->n_changes = count;
    changes->changes = test_apply_alloc(&test, count * sizeof(*changes->changes));
    for (unsigned i = 0; i < count; i++) {
        changes->changes[i] = test_apply_alloc(&test, sizeof(Cmd__Change));
        cmd__change__init(changes->changes[i]);
        changes->changes[i]->action = (Cmd__Action)actions[i];
        changes->changes[i]->record_set = sets[i];
    }
    return test_apply_one(&test, command);
}

static void does(int action, Cmd__RecordSet *set)
{
    const struct apply_result *result = apply_to(1, 1, &action, &set);

    if (result->code != 0)
        print_message("message: %s\n", result->message);
    assert_int_equal(result->code, 0);
}

/* Refused with @code, and @words in the message. */
static void refuses(int action, Cmd__RecordSet *set, int code, const char *words)
{
    const struct apply_result *result = apply_to(1, 1, &action, &set);

    if (result->code != code || !strstr(result->message, words))
        print_message("message: %d %s\n", result->code, result->message);
    assert_int_equal(result->code, code);
    assert_non_null(strstr(result->message, words));
    assert_int_equal(test.effect_count, 0);
}

static const struct apply_result *does_two(int first, Cmd__RecordSet *a, int second,
                                           Cmd__RecordSet *b)
{
    return apply_to(1, 2, (int[]){first, second}, (Cmd__RecordSet *[]){a, b});
}

/* ---- what is stored ---- */

static int on_set(void *user, const struct state_record_set *set)
{
    char *out = user, name[DNS_NAME_TEXT_SIZE];
    size_t len = strlen(out);
    struct zone_routing routing = {0};

    if (set->type == SOA || set->type == NS)
        return 0;
    if (set->routing)
        assert_int_equal(state_routing_decode(kv_slice(set->routing, set->routing_len), &routing),
                         0);
    dns_name_format(set->name, name, sizeof(name));
    snprintf(out + len, 512 - len, "%.*s/%u/%.*s/%u/%u ", (int)strcspn(name, "."), name, set->type,
             (int)set->set_identifier_len, set->set_identifier ? set->set_identifier : "",
             set->ttl_s, routing.kind);
    return 0;
}

/* "label/type/identifier/ttl/policy …" */
static const char *contents(void)
{
    static char out[512];
    struct state_zone zone;
    uint64_t count = 0;

    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', 1), &zone), 0);
    out[0] = 0;
    assert_int_equal(state_list_record_sets(&test.kv, zone.content, NULL, on_set, out), 0);
    for (const char *at = out; (at = strchr(at, ' ')); at++)
        count++;
    assert_int_equal(zone.record_set_count, count + 2);
    return out;
}

static void create_check(void)
{
    Cmd__Command *command = test_command(&test);
    Cmd__CreateHealthCheck *create = test_apply_alloc(&test, sizeof(*create));

    cmd__create_health_check__init(create);
    command->kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    command->create_health_check = create;
    create->health_check_id = text(CHECK);
    create->caller_reference = text("r");
    create->config = test_apply_alloc(&test, sizeof(*create->config));
    cmd__health_check_config__init(create->config);
    create->config->type = text("TCP");
    create->config->ip_address = text("10.0.0.1");
    create->config->port = 80;
    create->config->request_interval_s = 30;
    create->config->failure_threshold = 3;
    assert_int_equal(test_apply_one(&test, command)->code, 0);
}

static int count_use(void *user, uint64_t content, uint64_t count)
{
    (void)content;
    *(unsigned *)user += (unsigned)count;
    return 0;
}

/* ---- identifiers ---- */

static void test_sets_are_keyed_by_identifier(void **state)
{
    (void)state;
    does(CREATE, weighted("w.example.", "b", 1));
    does(CREATE, weighted("w.example.", "a", 2));
    refuses(CREATE, weighted("W.example.", "a", 3), ERR_EXISTS,
            "Tried to create resource record set [name='w.example.', type='A', "
            "set-identifier='a'] but it already exists");
    does(UPSERT, weighted("w.example.", "a", 9));
    assert_string_equal(contents(), "w/1/a/60/1 w/1/b/60/1 ");
    refuses(DELETE, weighted("w.example.", "c", 1), ERR_NOT_FOUND,
            "set-identifier='c'] but it was not found");
    refuses(DELETE, weighted("w.example.", "a", 2), ERR_CONFLICT,
            "but the values provided do not match the current values");
    does(DELETE, weighted("w.example.", "a", 9));
    assert_int_equal(test.effect_count, 1);
    assert_int_equal(test.effects[0], APPLY_RECORD_SET_REMOVED);
    assert_string_equal(contents(), "w/1/b/60/1 ");
}

static void test_identifier_bad_refused(void **state)
{
    char longest[200];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[129] = 0;
    refuses(CREATE, weighted("w.example.", longest, 1), ERR_LIMIT, "128 octets");
    longest[128] = 0;
    does(CREATE, weighted("w.example.", longest, 1));
    refuses(CREATE, weighted("v.example.", "a\n", 1), ERR_INVALID, "control");
    refuses(CREATE, weighted("v.example.", "\xc0\xaf", 1), ERR_INVALID, "UTF-8");
    refuses(CREATE, weighted("v.example.", "\xe2\x82", 1), ERR_INVALID, "UTF-8");
    does(CREATE, weighted("v.example.", "\xe2\x82\xac \xf0\x9f\x98\x80", 1));
    refuses(CREATE, weighted("u.example.", "", 1), ERR_INVALID, "identifier");
    Cmd__RecordSet *simple = set("u.example.", A, "x");
    refuses(CREATE, simple, ERR_INVALID, "identifier");
}

static void test_routing_that_says_nothing_is_none(void **state)
{
    (void)state;
    does(CREATE, set("p.example.", A, ""));
    assert_int_equal(test.effect_count, 1);
    bool has_routed = true;
    assert_int_equal(state_has_routed(&test.kv, 0, &has_routed), 0);
    assert_false(has_routed);
}

/* ---- fields ---- */

static void test_field_out_of_bounds_refused_by_name(void **state)
{
    char longest[80];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[65] = 0;
    refuses(CREATE, weighted("w.example.", "a", 256), ERR_INVALID, "weight");
    refuses(CREATE, latency("w.example.", "a", longest), ERR_LIMIT, "region");
    Cmd__RecordSet *bad = set("w.example.", A, "a");
    bad->routing->policy = CMD__POLICY__POLICY_GEOPROXIMITY;
    bad->routing->has_coordinates = true;
    bad->routing->latitude_cdeg = 9001;
    refuses(CREATE, bad, ERR_INVALID, "latitude");
    bad->routing->latitude_cdeg = 0;
    bad->routing->bias = 100;
    refuses(CREATE, bad, ERR_INVALID, "bias");
    bad->routing->bias = 99;
    bad->routing->policy = (Cmd__Policy)9;
    refuses(CREATE, bad, ERR_INVALID, "policy");
    bad = alias("w.example.", "t.example.");
    bad->routing->alias->target.len--;
    refuses(CREATE, bad, ERR_INVALID, "alias target");
    bad = weighted("w.example.", "a", 1);
    bad->routing->fallback = bad->name;
    refuses(CREATE, bad, ERR_INVALID, "fallback");
    bad->routing->all_down = (Cmd__AllDown)4;
    refuses(CREATE, bad, ERR_INVALID, "all down");
}

static void test_names_of_what_is_not_there_refused(void **state)
{
    (void)state;
    Cmd__RecordSet *checked = set("c.example.", A, "");
    checked->routing->health_check_id = text(CHECK);
    refuses(CREATE, checked, ERR_NOT_FOUND, "does not exist.");
    create_check();
    does(CREATE, checked);
    refuses(CREATE, latency("l.example.", "a", "atlantis-1"), ERR_NOT_FOUND, "there is no region");
    does(CREATE, latency("l.example.", "a", "us-east-1"));
    Cmd__RecordSet *located = set("i.example.", A, "a");
    located->routing->policy = CMD__POLICY__POLICY_IP_BASED;
    located->routing->cidr_collection_id = text(CIDR);
    located->routing->cidr_location = text("*");
    refuses(CREATE, located, ERR_NOT_FOUND, "there is no CIDR collection");
}

/* A check may go while sets have it: they must be able to go, too. */
static void test_set_of_a_deleted_check_can_be_deleted(void **state)
{
    Cmd__Command *command = test_command(&test);
    Cmd__DeleteHealthCheck deletion = CMD__DELETE_HEALTH_CHECK__INIT;
    struct state_use use = {STATE_USE_CHECK, CHECK, NULL};
    unsigned count = 0;

    (void)state;
    Cmd__RecordSet *checked = set("c.example.", A, "");
    checked->routing->health_check_id = text(CHECK);
    create_check();
    does(CREATE, checked);
    command->kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    command->delete_health_check = &deletion;
    deletion.health_check_id = text(CHECK);
    assert_int_equal(test_apply_one(&test, command)->code, 0);
    refuses(UPSERT, checked, ERR_NOT_FOUND, "does not exist.");
    does(DELETE, checked);
    assert_string_equal(contents(), "");
    assert_int_equal(state_list_uses(&test.kv, &use, count_use, &count), 0);
    assert_int_equal(count, 0);
}

/* ---- groups ---- */

static void test_policies_do_not_mix(void **state)
{
    (void)state;
    does(CREATE, weighted("w.example.", "a", 1));
    refuses(CREATE, latency("w.example.", "b", "us-east-1"), ERR_INVALID,
            "a non latency rrset exists");
    refuses(CREATE, test_set(&test, "w.example.", A, 60, ONE), ERR_INVALID, "simple");
    refuses(UPSERT, test_set(&test, "w.example.", A, 60, ONE), ERR_INVALID, "simple");
    does(CREATE, test_set(&test, "w.example.", TXT, 60, "0161")); /* another type may */
    assert_string_equal(contents(), "w/1/a/60/1 w/16//60/0 ");
    does(CREATE, latency("l.example.", "a", "us-east-1"));
    refuses(CREATE, latency("l.example.", "b", "us-east-1"), ERR_INVALID, "us-east-1");
}

static void test_policy_changes_in_one_batch(void **state)
{
    (void)state;
    does(CREATE, weighted("w.example.", "a", 1));
    does(CREATE, weighted("w.example.", "b", 1));
    assert_int_equal(does_two(UPSERT, latency("w.example.", "a", "us-east-1"), DELETE,
                              weighted("w.example.", "b", 1))
                         ->code,
                     0);
    assert_string_equal(contents(), "w/1/a/60/2 ");
    assert_int_equal(test.effect_count, 2); /* what goes, first */
    assert_int_equal(test.effects[0], APPLY_RECORD_SET_REMOVED);
    assert_int_equal(test.effects[1], APPLY_RECORD_SET_PUT);
    assert_int_equal(does_two(CREATE, test_set(&test, "w.example.", A, 60, ONE), DELETE,
                              latency("w.example.", "a", "us-east-1"))
                         ->code,
                     0);
    assert_string_equal(contents(), "w/1//60/0 ");
    assert_int_equal(does_two(UPSERT, weighted("w.example.", "a", 1), DELETE,
                              test_set(&test, "w.example.", A, 60, ONE))
                         ->code,
                     0);
    assert_string_equal(contents(), "w/1/a/60/1 ");
    /* There and back: nothing is lost, and the image hears the last word alone. */
    assert_int_equal(does_two(UPSERT, latency("w.example.", "a", "us-east-1"), UPSERT,
                              weighted("w.example.", "a", 4))
                         ->code,
                     0);
    assert_int_equal(test.effect_count, 1);
    assert_string_equal(contents(), "w/1/a/60/1 ");
}

static int on_action(void *user, const struct state_record_set *before,
                     const struct state_record_set *after)
{
    char *out = user;
    size_t len = strlen(out);

    snprintf(out + len, 256 - len, "%.*s:%u>%u ", (int)after->set_identifier_len,
             after->set_identifier, before ? before->ttl_s : 0, after->ttl_s);
    return 0;
}

static void test_weighted_ttl_is_that_of_the_last_written(void **state)
{
    struct state_change change;
    char out[256] = "";

    (void)state;
    does(CREATE, weighted("w.example.", "a", 1));
    does(CREATE, weighted("w.example.", "b", 1));
    does(CREATE, test_set(&test, "t.example.", A, 5, ONE));
    does(CREATE, to(weighted("w.example.", "z", 1), "t.example."));
    does(UPSERT, with_ttl(weighted("w.example.", "b", 1), 300));
    assert_string_equal(contents(), "t/1//5/0 w/1/a/300/1 w/1/b/300/1 w/1/z/0/1 ");
    assert_int_equal(test.effect_count, 2);
    assert_int_equal(
        state_get_change(&test.kv, test_id(&test, 'C', change_number), &change, on_action, out), 0);
    assert_string_equal(out, "b:60>300 a:60>300 ");
    assert_int_equal(does_two(UPSERT, with_ttl(weighted("w.example.", "a", 7), 10), UPSERT,
                              with_ttl(weighted("w.example.", "b", 7), 20))
                         ->code,
                     0);
    assert_string_equal(contents(), "t/1//5/0 w/1/a/20/1 w/1/b/20/1 w/1/z/0/1 ");
    does(DELETE, with_ttl(weighted("w.example.", "a", 7), 20));
}

/* The fixture's memory has an end. */
static void forget_commands(void)
{
    for (unsigned i = 0; i < test.piece_count; i++)
        free(test.pieces[i]);
    test.piece_count = 0;
}

static void test_group_is_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < POLICY_SETS_MAX; i++) {
        test_apply_one(&test,
                       test_change(&test, 1, ++change_number, 1, CREATE,
                                   weighted("w.example.", test_apply_format(&test, "%u", i), 1)));
        assert_int_equal(test.results[0].code, 0);
        forget_commands();
    }
    refuses(CREATE, weighted("w.example.", "more", 1), ERR_LIMIT, "1000");
    does(UPSERT, weighted("w.example.", "7", 9));
}

static void test_cname_group_stands_alone(void **state)
{
    Cmd__RecordSet *cname = set("c.example.", CNAME, "a"), *other = set("c.example.", CNAME, "b");

    (void)state;
    cname->routing->policy = other->routing->policy = CMD__POLICY__POLICY_WEIGHTED;
    does(CREATE, cname);
    does(CREATE, other);
    refuses(CREATE, test_set(&test, "c.example.", A, 60, ONE), ERR_INVALID, "CNAME");
    refuses(CREATE, weighted("c.example.", "x", 1), ERR_INVALID, "CNAME");
    does(DELETE, cname);
    refuses(CREATE, test_set(&test, "c.example.", A, 60, ONE), ERR_INVALID, "CNAME");
    does(DELETE, other);
    does(CREATE, test_set(&test, "c.example.", A, 60, ONE));
    refuses(CREATE, cname, ERR_INVALID, "CNAME");
}

/* ---- aliases ---- */

static void test_alias_target_in_the_zone_must_be_there(void **state)
{
    (void)state;
    refuses(CREATE, alias("a.example.", "t.example."), ERR_NOT_FOUND,
            "Tried to create an alias that targets t.example., type A in zone");
    assert_int_equal(does_two(CREATE, alias("a.example.", "t.example."), CREATE,
                              test_set(&test, "t.example.", A, 60, ONE))
                         ->code,
                     0);
    Cmd__RecordSet *other_type = to(set("b.example.", AAAA, ""), "t.example.");
    refuses(CREATE, other_type, ERR_NOT_FOUND, "that target was not found");
    does(CREATE, test_set(&test, "*.w.example.", A, 60, ONE));
    does(CREATE, alias("c.example.", "x.y.w.example."));
    does(CREATE, test_set(&test, "y.w.example.", TXT, 60, "0161"));
    refuses(CREATE, alias("d.example.", "x.y.w.example."), ERR_NOT_FOUND, "not found");
}

static void test_alias_out_of_the_zone_may_be_missing(void **state)
{
    (void)state;
    assert_int_equal(test_apply_one(&test, test_create_zone(&test, 2, "b."))->code, 0);
    does(CREATE, alias("a.example.", "nowhere.b."));
    does(CREATE, alias("b.example.", "www.outside.test."));
    does(CREATE, test_set(&test, "sub.example.", NS, 60, test_ns));
    does(CREATE, alias("c.example.", "www.sub.example."));
}

static void test_alias_loops_are_refused(void **state)
{
    Cmd__RecordSet *sets[4];
    int actions[4] = {CREATE, CREATE, CREATE, CREATE};

    (void)state;
    refuses(CREATE, alias("a.example.", "a.example."), ERR_INVALID, "own name");
    sets[0] = alias("a.example.", "b.example.");
    sets[1] = alias("b.example.", "c.example.");
    sets[2] = to(weighted("c.example.", "x", 1), "a.example.");
    const struct apply_result *result = apply_to(1, 3, actions, sets);
    assert_int_equal(result->code, ERR_INVALID);
    assert_non_null(strstr(result->message, "b.example. -> c.example."));
    sets[2] = weighted("c.example.", "x", 1);
    assert_int_equal(apply_to(1, 3, actions, sets)->code, 0);
    refuses(CREATE, to(weighted("c.example.", "y", 1), "a.example."), ERR_INVALID,
            "c.example. -> a.example. -> b.example. -> c.example.");
    /* through another zone, and through a wildcard */
    assert_int_equal(test_apply_one(&test, test_create_zone(&test, 2, "b."))->code, 0);
    does(CREATE, alias("o.example.", "x.wild.b."));
    sets[0] = alias("*.wild.b.", "o.example.");
    result = apply_to(2, 1, actions, sets);
    assert_int_equal(result->code, ERR_INVALID);
    assert_non_null(strstr(result->message, "\\052.wild.b. -> o.example. -> \\052.wild.b."));
}

static void test_fallback_loop_is_refused(void **state)
{
    Cmd__RecordSet *closing = weighted("f.example.", "a", 1);

    (void)state;
    does(CREATE, weighted("g.example.", "a", 1));
    closing->routing->all_down = CMD__ALL_DOWN__ALL_DOWN_FALLBACK;
    closing->routing->fallback = weighted("g.example.", "", 1)->name;
    does(CREATE, closing);
    refuses(UPSERT, to(weighted("g.example.", "a", 1), "f.example."), ERR_INVALID,
            "back to itself");
}

static void test_alias_chain_is_bounded(void **state)
{
    (void)state;
    does(CREATE, test_set(&test, "n0.example.", A, 60, ONE));
    for (unsigned i = 1; i < 16; i++)
        does(CREATE, alias(test_apply_format(&test, "n%u.example.", i),
                           test_apply_format(&test, "n%u.example.", i - 1)));
    refuses(CREATE, alias("n16.example.", "n15.example."), ERR_LIMIT, "16 levels");
    does(CREATE, alias("m.example.", "n14.example."));
}

static void test_many_aliases_to_one_tree(void **state)
{
    Cmd__RecordSet *sets[64];
    int actions[64];

    (void)state;
    does(CREATE, weighted("t.example.", "a", 1));
    for (unsigned i = 0; i < 64; i++) {
        actions[i] = CREATE;
        sets[i] =
            to(weighted(i < 32 ? "x.example." : "y.example.", test_apply_format(&test, "%u", i), 1),
               i < 32 ? "y.example." : "t.example.");
    }
    assert_int_equal(apply_to(1, 64, actions, sets)->code, 0);
}

/* Five groups, each of which leads to 1,000 names: a walk through all of them is too long. */
static void test_walk_is_bounded(void **state)
{
    enum { CHUNK = 250 };
    Cmd__RecordSet *sets[CHUNK];
    int actions[CHUNK];

    (void)state;
    for (unsigned i = 0; i < 2 * 5 * POLICY_SETS_MAX; i += CHUNK) {
        bool is_target = i < 5 * POLICY_SETS_MAX;
        for (unsigned j = 0; j < CHUNK; j++) {
            unsigned number = (i + j) % (5 * POLICY_SETS_MAX);
            char *target = test_apply_format(&test, "t%u.example.", number);
            actions[j] = CREATE;
            sets[j] = is_target ? test_set(&test, target, A, 60, ONE)
                                : to(weighted(test_apply_format(&test, "g%u.example.",
                                                                number / POLICY_SETS_MAX),
                                              target, 1),
                                     target);
        }
        assert_int_equal(apply_to(1, CHUNK, actions, sets)->code, 0);
        forget_commands();
    }
    for (unsigned i = 0; i < 4; i++) {
        char *group = test_apply_format(&test, "g%u.example.", i);
        does(CREATE, to(weighted("top.example.", group, 1), group));
    }
    refuses(CREATE, to(weighted("top.example.", "last", 1), "g4.example."), ERR_LIMIT,
            "more than 4096 record sets");
}

/* ---- the rest of the state machine ---- */

static void test_import_has_no_routing_and_replaces_groups(void **state)
{
    bool has_routed;

    (void)state;
    does(CREATE, weighted("w.example.", "a", 1));
    assert_int_equal(test_apply_one(&test, test_import_begin(&test, 1, 900))->code, 0);
    Cmd__Command *chunk = test_import_chunk(&test, 900, 1, weighted("w.example.", "a", 1));
    assert_int_equal(test_apply_one(&test, chunk)->code, ERR_UNSUPPORTED);
    chunk = test_import_chunk(&test, 900, 3, test_set(&test, "example.", SOA, 900, test_soa),
                              test_set(&test, "example.", NS, 900, test_ns),
                              test_set(&test, "w.example.", A, 60, ONE));
    assert_int_equal(test_apply_one(&test, chunk)->code, 0);
    assert_int_equal(test_apply_one(&test, test_import_commit(&test, 900, 1))->code, 0);
    assert_string_equal(contents(), "w/1//60/0 ");
    assert_int_equal(state_has_routed(&test.kv, 0, &has_routed), 0);
    assert_false(has_routed);
}

static void test_routing_survives_a_restart(void **state)
{
    (void)state;
    does(CREATE, weighted("w.example.", "a", 1));
    test_apply_restart(&test);
    refuses(CREATE, test_set(&test, "w.example.", A, 60, ONE), ERR_INVALID, "simple");
    does(CREATE, weighted("w.example.", "b", 1));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(test_sets_are_keyed_by_identifier),
        CASE(test_identifier_bad_refused),
        CASE(test_routing_that_says_nothing_is_none),
        CASE(test_field_out_of_bounds_refused_by_name),
        CASE(test_names_of_what_is_not_there_refused),
        CASE(test_set_of_a_deleted_check_can_be_deleted),
        CASE(test_policies_do_not_mix),
        CASE(test_policy_changes_in_one_batch),
        CASE(test_weighted_ttl_is_that_of_the_last_written),
        CASE(test_group_is_bounded),
        CASE(test_cname_group_stands_alone),
        CASE(test_alias_target_in_the_zone_must_be_there),
        CASE(test_alias_out_of_the_zone_may_be_missing),
        CASE(test_alias_loops_are_refused),
        CASE(test_fallback_loop_is_refused),
        CASE(test_alias_chain_is_bounded),
        CASE(test_many_aliases_to_one_tree),
        CASE(test_walk_is_bounded),
        CASE(test_import_has_no_routing_and_replaces_groups),
        CASE(test_routing_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
