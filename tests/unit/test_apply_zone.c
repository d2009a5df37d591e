/* links: cluster test_apply */
/* Zones, changes of record sets and imports: what each command does, what it refuses. */
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

enum { CREATE = 1, DELETE = 2, UPSERT = 3 };
enum { A = 1, NS = 2, CNAME = 5, SOA = 6, TXT = 16, DS = 43 };

static struct test_apply test;

static int start(void **state)
{
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    return test_apply_one(&test, test_create_zone(&test, 1, "example."))->code;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

static void assert_result(const struct apply_result *result, enum apply_outcome outcome, int code)
{
    if (result->code != code)
        print_message("message: %s\n", result->message);
    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->code, code);
}

static void assert_done(Cmd__Command *command)
{
    assert_result(test_apply_one(&test, command), APPLY_DONE, 0);
}

static void assert_refused(Cmd__Command *command, int code)
{
    assert_result(test_apply_one(&test, command), APPLY_REFUSED, code);
    assert_int_equal(test.effect_count, 0);
    assert_true(test.results[0].message[0] != 0);
}

static struct state_zone zone_of(uint64_t number)
{
    struct state_zone zone;
    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', number), &zone), 0);
    return zone;
}

static int on_set(void *user, const struct state_record_set *set)
{
    char *out = user, text[DNS_NAME_TEXT_SIZE];
    size_t len = strlen(out);

    assert_true(dns_name_format(set->name, text, sizeof(text)) > 0);
    snprintf(out + len, 512 - len, "%s/%u/%u/%u ", text, set->type, set->ttl_s, set->rdata_count);
    return 0;
}

/* "name/type/ttl/count …" of zone @number. */
static const char *contents(uint64_t number)
{
    static char out[512];
    struct state_zone zone = zone_of(number);

    out[0] = 0;
    assert_int_equal(state_list_record_sets(&test.kv, zone.content, NULL, on_set, out), 0);
    return out;
}

#define APEX "example./2/172800/1 example./6/900/1 "

static Cmd__RecordSet *set(const char *name, uint16_t type, uint32_t ttl_s, const char *rdata)
{
    return test_set(&test, name, type, ttl_s, rdata);
}

static void test_create_zone_makes_it(void **state)
{
    uint64_t zones, generation, more;
    struct state_zone zone;
    struct state_change change;

    (void)state;
    assert_string_equal(contents(1), APEX);
    assert_int_equal(state_get_zone_by_name(&test.kv, (const uint8_t *)"\7EXAMPLE\0", &zone), 0);
    assert_int_equal(zone.record_set_count, 2);
    assert_int_equal(zone.created_wall_ms, 1000000);
    assert_int_equal(state_get_zone_counts(&test.kv, &zones, &generation), 0);
    assert_int_equal(zones, 1);
    assert_done(test_create_zone(&test, 2, "a.example."));
    assert_int_equal(test.effects[0], APPLY_ZONE_ADDED);
    assert_int_equal(test.effects[1], APPLY_RECORD_SET_PUT);
    assert_int_equal(test.effects[2], APPLY_RECORD_SET_PUT);
    assert_int_equal(state_get_zone_counts(&test.kv, &zones, &more), 0);
    assert_int_equal(zones, 2);
    assert_int_not_equal(generation, more);
    const char *id = test_id(&test, 'C', 1000002);
    assert_int_equal(state_get_change(&test.kv, id, &change, NULL, NULL), 0);
    assert_int_equal(change.kind, STATE_CHANGE_ZONE_CREATED);
    assert_int_equal(change.action_count, 2);
    assert_string_equal(change.actor, "tester");
    assert_string_equal(test.results[0].change_id, id);
}

static void test_create_zone_refused(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_refused(test_create_zone(&test, 1, "other."), ERR_EXISTS);
    assert_refused(test_create_zone(&test, 2, "Example."), ERR_EXISTS);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->zone_id = test_apply_format(&test, "Zabc");
    assert_refused(command, ERR_INVALID);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->change_id = test_id(&test, 'C', 1000001);
    assert_refused(command, ERR_EXISTS);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->n_record_sets = 1;
    assert_refused(command, ERR_INVALID);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->record_sets[1] = set("www.c.", A, 60, "01020304");
    assert_refused(command, ERR_INVALID);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->name.len = 2;
    assert_refused(command, ERR_INVALID);
    command = test_create_zone(&test, 3, "c.");
    command->create_zone->comment = test_apply_alloc(&test, 300);
    memset(command->create_zone->comment, 'x', 300);
    assert_refused(command, ERR_LIMIT);
    command = test_create_zone(&test, 3, "c.");
    command->actor = test_apply_alloc(&test, 300);
    memset(command->actor, 'x', 300);
    assert_refused(command, ERR_LIMIT);
    assert_done(test_create_zone(&test, 3, "c."));
}

static Cmd__Command *delete_zone(uint64_t number, uint64_t change, bool with_contents)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(&test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(&test, 'Z', number);
    command->delete_zone->change_id = test_id(&test, 'C', change);
    command->delete_zone->with_contents = with_contents;
    return command;
}

static void test_delete_zone(void **state)
{
    struct state_zone zone = zone_of(1), gone;

    (void)state;
    assert_refused(delete_zone(9, 1, false), ERR_NOT_FOUND);
    assert_done(test_change(&test, 1, 1, 1, CREATE, set("a.example.", A, 60, "01020304")));
    assert_done(test_import_begin(&test, 1, 5));
    assert_refused(delete_zone(1, 2, false), ERR_CONFLICT);
    assert_done(delete_zone(1, 2, true));
    assert_int_equal(test.effects[0], APPLY_CONTENT_DROPPED);
    assert_int_equal(test.effects[1], APPLY_ZONE_REMOVED);
    assert_int_equal(state_get_zone(&test.kv, zone.id, &gone), ERR_NOT_FOUND);
    assert_int_equal(state_get_zone_by_name(&test.kv, zone.name, &gone), ERR_NOT_FOUND);
    char out[512] = "";
    assert_int_equal(state_list_record_sets(&test.kv, zone.content, NULL, on_set, out), 0);
    assert_string_equal(out, "");
    assert_done(test_create_zone(&test, 2, "example."));
}

static void test_change_actions(void **state)
{
    (void)state;
    assert_done(test_change(&test, 1, 1, 2, CREATE, set("a.example.", A, 60, "01020304"), UPSERT,
                            set("b.example.", TXT, 60, "0161")));
    assert_int_equal(test.effect_count, 2);
    assert_string_equal(contents(1), APEX "a.example./1/60/1 b.example./16/60/1 ");
    assert_int_equal(zone_of(1).record_set_count, 4);
    assert_done(test_change(&test, 1, 2, 1, UPSERT, set("A.example.", A, 70, "01020304 01020305")));
    assert_string_equal(contents(1), APEX "a.example./1/70/2 b.example./16/60/1 ");
    assert_done(test_change(&test, 1, 3, 1, DELETE, set("a.example.", A, 70, "01020305 01020304")));
    assert_int_equal(test.effects[0], APPLY_RECORD_SET_REMOVED);
    assert_string_equal(contents(1), APEX "b.example./16/60/1 ");
    assert_int_equal(zone_of(1).record_set_count, 3);
}

static void test_change_replaces_type_in_one_batch(void **state)
{
    (void)state;
    assert_done(test_change(&test, 1, 1, 1, CREATE, set("a.example.", A, 60, "01020304")));
    assert_done(test_change(&test, 1, 2, 2, DELETE, set("a.example.", A, 60, "01020304"), CREATE,
                            set("a.example.", CNAME, 60, test_ns)));
    assert_string_equal(contents(1), APEX "a.example./5/60/1 ");
    assert_done(test_change(&test, 1, 3, 2, CREATE, set("a.example.", A, 60, "01020304"), DELETE,
                            set("a.example.", CNAME, 60, test_ns)));
    assert_string_equal(contents(1), APEX "a.example./1/60/1 ");
}

static void test_change_refused_changes_nothing(void **state)
{
    Cmd__RecordSet *good = set("g.example.", A, 60, "01020304");
    struct state_change change;

    (void)state;
    assert_done(test_change(&test, 1, 1, 1, CREATE, set("a.example.", A, 60, "01020304")));
    struct {
        int action;
        Cmd__RecordSet *set;
        int code;
    } cases[] = {
        {CREATE, set("a.example.", A, 60, "01020305"), ERR_EXISTS},
        {DELETE, set("b.example.", A, 60, "01020304"), ERR_NOT_FOUND},
        {DELETE, set("a.example.", A, 61, "01020304"), ERR_CONFLICT},
        {DELETE, set("a.example.", A, 60, "01020305"), ERR_CONFLICT},
        {CREATE, set("a.example.", CNAME, 60, test_ns), ERR_INVALID},
        {CREATE, set("example.", CNAME, 60, test_ns), ERR_INVALID},
        {CREATE, set("other.", A, 60, "01020304"), ERR_INVALID},
        {CREATE, set("c.example.", A, 60, "010203"), ERR_INVALID},
        {CREATE, set("c.example.", A, 60, ""), ERR_INVALID},
        {CREATE, set("c.example.", A, 60, "01020304 01020304"), ERR_INVALID},
        {CREATE,
         set("c.example.", DS, 60,
             "000108020102030405060708091011121314151617181920"
             "21222324252627282930313200"),
         ERR_INVALID},
        {DELETE, set("example.", SOA, 900, test_soa), ERR_INVALID},
        {DELETE, set("example.", NS, 172800, test_ns), ERR_INVALID},
        {0, set("c.example.", A, 60, "01020304"), ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %zu\n", i);
        assert_refused(
            test_change(&test, 1, 50 + i, 2, CREATE, good, cases[i].action, cases[i].set),
            cases[i].code);
        assert_string_equal(contents(1), APEX "a.example./1/60/1 ");
        assert_int_equal(zone_of(1).record_set_count, 3);
        assert_int_equal(
            state_get_change(&test.kv, test_id(&test, 'C', 50 + i), &change, NULL, NULL),
            ERR_NOT_FOUND);
    }
    assert_refused(test_change(&test, 9, 2, 1, CREATE, good), ERR_NOT_FOUND);
    assert_refused(test_change(&test, 1, 1, 1, CREATE, good), ERR_EXISTS);
    assert_refused(test_change(&test, 1, 2, 0), ERR_INVALID);
    good->set_identifier = test_apply_format(&test, "eu");
    assert_refused(test_change(&test, 1, 2, 1, CREATE, good), ERR_INVALID);
    good->set_identifier = test_apply_format(&test, "%s", "");
    good->type = 70000;
    assert_refused(test_change(&test, 1, 2, 1, CREATE, good), ERR_INVALID);
    good->type = A;
    good->name.len = 3;
    assert_refused(test_change(&test, 1, 2, 1, CREATE, good), ERR_INVALID);
}

static int on_action(void *user, const struct state_record_set *before,
                     const struct state_record_set *after)
{
    char *out = user;
    size_t len = strlen(out);

    snprintf(out + len, 256 - len, "%u>%u ", before ? before->ttl_s : 0, after ? after->ttl_s : 0);
    return 0;
}

static void test_change_is_in_the_journal(void **state)
{
    struct state_change change;
    char out[256] = "";

    (void)state;
    assert_done(test_change(&test, 1, 1, 1, CREATE, set("a.example.", A, 60, "01020304")));
    assert_done(test_change(&test, 1, 2, 3, UPSERT, set("a.example.", A, 61, "01020304"), DELETE,
                            set("a.example.", A, 61, "01020304"), CREATE,
                            set("a.example.", A, 62, "01020304")));
    assert_int_equal(state_get_change(&test.kv, test_id(&test, 'C', 2), &change, on_action, out),
                     0);
    assert_string_equal(out, "60>61 61>0 0>62 ");
    assert_int_equal(change.kind, STATE_CHANGE_RECORD_SETS);
    assert_int_equal(change.index, test.index);
    assert_int_equal(change.time_wall_ms, 1000000);
}

static void test_commands_of_one_entry_see_each_other(void **state)
{
    Cmd__Command *commands[] = {
        test_create_zone(&test, 2, "b."),
        test_change(&test, 2, 1, 1, CREATE, set("a.b.", A, 60, "01020304")),
        test_change(&test, 2, 2, 1, CREATE, set("a.b.", A, 60, "01020304")),
        test_change(&test, 2, 3, 1, DELETE, set("a.b.", A, 60, "01020304")),
    };
    (void)state;
    assert_int_equal(test_apply_batch(&test, commands, 4), 0);
    assert_int_equal(test.results[1].code, 0);
    assert_int_equal(test.results[2].code, ERR_EXISTS);
    assert_int_equal(test.results[3].code, 0);
    assert_string_equal(contents(2), "b./2/172800/1 b./6/900/1 ");
}

static Cmd__RecordSet *apex(uint16_t type)
{
    return set("example.", type, 900, type == SOA ? test_soa : test_ns);
}

static void test_import_switches_at_commit(void **state)
{
    struct state_change change;
    uint64_t old_content = zone_of(1).content;

    (void)state;
    assert_done(test_change(&test, 1, 1, 1, CREATE, set("old.example.", A, 60, "01020304")));
    assert_done(test_import_begin(&test, 1, 5));
    assert_int_equal(test.effects[0], APPLY_CONTENT_STARTED);
    assert_done(test_import_chunk(&test, 5, 3, set("b.example.", A, 60, "01020304"), apex(NS),
                                  set("b.example.", TXT, 60, "0161")));
    assert_int_equal(test.effect_count, 3);
    assert_done(test_import_chunk(&test, 5, 2, apex(SOA), set("a.example.", A, 60, "01020304")));
    assert_string_equal(contents(1), APEX "old.example./1/60/1 ");
    assert_done(test_import_commit(&test, 5, 2));
    assert_int_equal(test.effects[0], APPLY_CONTENT_SWITCHED);
    assert_int_equal(test.last_effect.old_content, old_content);
    assert_int_equal(test.last_effect.content, zone_of(1).content);
    assert_string_equal(contents(1), "example./2/900/1 example./6/900/1 a.example./1/60/1 "
                                     "b.example./1/60/1 b.example./16/60/1 ");
    assert_int_equal(zone_of(1).record_set_count, 5);
    char out[512] = "";
    assert_int_equal(state_list_record_sets(&test.kv, old_content, NULL, on_set, out), 0);
    assert_string_equal(out, "");
    assert_int_equal(state_get_change(&test.kv, test_id(&test, 'C', 5), &change, NULL, NULL), 0);
    assert_int_equal(change.kind, STATE_CHANGE_IMPORTED);
    assert_refused(test_import_commit(&test, 5, 2), ERR_NOT_FOUND);
}

static void test_import_merges_sets_in_any_order(void **state)
{
    static const char *const parts[] = {"01020304 01020305", "01020305 01020306", "01020307"};
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}};

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        uint64_t change = 10 + round;
        assert_done(test_import_begin(&test, 1, change));
        assert_done(test_import_chunk(&test, change, 2, apex(SOA), apex(NS)));
        for (unsigned i = 0; i < 3; i++) {
            unsigned part = orders[round][i];
            assert_done(
                test_import_chunk(&test, change, 1, set("m.example.", A, 60 + part, parts[part])));
        }
        assert_done(test_import_commit(&test, change, 4));
        assert_string_equal(contents(1), "example./2/900/1 example./6/900/1 m.example./1/60/4 ");
        assert_int_equal(zone_of(1).record_set_count, 3);
    }
}

/* "a." and "A." as data of NS: one record (RFC 4034 6.2), also when they come by two chunks. */
static void test_record_in_other_case_is_the_same(void **state)
{
    (void)state;
    assert_refused(test_change(&test, 1, 1, 1, CREATE, set("n.example.", NS, 60, "016100 014100")),
                   ERR_INVALID);
    assert_done(test_change(&test, 1, 2, 1, CREATE, set("n.example.", NS, 60, "016100")));
    assert_done(test_change(&test, 1, 3, 1, DELETE, set("n.example.", NS, 60, "014100")));
    assert_done(test_import_begin(&test, 1, 5));
    assert_done(test_import_chunk(&test, 5, 3, apex(SOA), apex(NS),
                                  set("n.example.", NS, 60, "016100 016200")));
    assert_done(test_import_chunk(&test, 5, 1, set("n.example.", NS, 60, "014100 016300")));
    assert_done(test_import_commit(&test, 5, 2));
    assert_string_equal(contents(1), "example./2/900/1 example./6/900/1 n.example./2/60/3 ");
}

static void test_import_merges_within_a_chunk(void **state)
{
    (void)state;
    assert_done(test_import_begin(&test, 1, 5));
    assert_done(test_import_chunk(
        &test, 5, 6, apex(SOA), apex(NS), set("m.example.", A, 60, "01020304"),
        set("m.example.", A, 50, "01020305"), set("a.example.", A, 60, "01020304"),
        set("m.example.", A, 70, "01020306")));
    assert_done(test_import_commit(&test, 5, 1));
    assert_string_equal(contents(1), "example./2/900/1 example./6/900/1 a.example./1/60/1 "
                                     "m.example./1/50/3 ");
}

static void test_import_chunk_refused_leaves_the_others(void **state)
{
    (void)state;
    assert_done(test_import_begin(&test, 1, 5));
    assert_done(test_import_chunk(&test, 5, 2, apex(SOA), apex(NS)));
    assert_done(test_import_chunk(&test, 5, 2, set("c.example.", CNAME, 60, test_ns),
                                  set("a.example.", A, 60, "01020304")));
    assert_refused(test_import_chunk(&test, 5, 2, set("n.example.", A, 60, "01020304"),
                                     set("c.example.", A, 60, "01020304")),
                   ERR_INVALID);
    assert_refused(test_import_chunk(&test, 5, 1, set("a.example.", CNAME, 60, test_ns)),
                   ERR_INVALID);
    assert_refused(test_import_chunk(&test, 5, 2, set("z.example.", CNAME, 60, test_ns),
                                     set("z.example.", A, 60, "01020304")),
                   ERR_INVALID);
    assert_refused(test_import_chunk(&test, 5, 1, set("c.example.", CNAME, 60, "016100")),
                   ERR_INVALID);
    assert_refused(test_import_chunk(&test, 5, 1, set("c.other.", A, 60, "01020304")), ERR_INVALID);
    assert_refused(test_import_chunk(&test, 6, 1, apex(SOA)), ERR_NOT_FOUND);
    assert_refused(test_import_commit(&test, 5, 3), ERR_CONFLICT);
    assert_done(test_import_commit(&test, 5, 2));
    assert_string_equal(contents(1), "example./2/900/1 example./6/900/1 a.example./1/60/1 "
                                     "c.example./5/60/1 ");
}

static void test_import_commit_needs_apex(void **state)
{
    (void)state;
    assert_done(test_import_begin(&test, 1, 5));
    assert_refused(test_import_commit(&test, 5, 0), ERR_INVALID);
    assert_done(test_import_chunk(&test, 5, 1, apex(SOA)));
    assert_refused(test_import_commit(&test, 5, 1), ERR_INVALID);
    assert_done(test_import_chunk(&test, 5, 1, apex(NS)));
    assert_done(test_import_commit(&test, 5, 2));
}

static void test_import_begin_refused(void **state)
{
    (void)state;
    assert_refused(test_import_begin(&test, 9, 5), ERR_NOT_FOUND);
    assert_refused(test_import_begin(&test, 1, 1000001), ERR_EXISTS);
    for (unsigned i = 0; i < STATE_IMPORTS_MAX; i++)
        assert_done(test_import_begin(&test, 1, 100 + i));
    assert_refused(test_import_begin(&test, 1, 100), ERR_BUSY);
    assert_refused(test_import_begin(&test, 1, 200), ERR_BUSY);
}

static int (*plain_scan)(void *self, const struct kv_range *range, kv_scan_cb cb, void *user);
static unsigned import_scans;

static int counting_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    import_scans += range->family == KV_IMPORTS;
    return plain_scan(self, range, cb, user);
}

/* RocksDB keeps deleted keys for a while, and a scan reads over them: 100,000 imported zones took
 * 20 ms for each further one. */
static void test_import_many_no_scan(void **state)
{
    struct kv_ops counting = *test.kv.ops;
    const struct kv_ops *plain = test.kv.ops;

    (void)state;
    plain_scan = plain->scan;
    counting.scan = counting_scan;
    test.kv.ops = &counting;
    import_scans = 0;
    for (unsigned i = 0; i < 3 * STATE_IMPORTS_MAX; i++) {
        unsigned id = 500 - i; /* also when ids do not come in order */
        assert_done(test_import_begin(&test, 1, id));
        if (i % 3 == 0) {
            assert_done(test_import_chunk(&test, id, 2, apex(SOA), apex(NS)));
            assert_done(test_import_commit(&test, id, 1));
            continue;
        }
        Cmd__Command *command = test_command(&test);
        command->kind_case = CMD__COMMAND__KIND_IMPORT_ABORT;
        command->import_abort = test_apply_alloc(&test, sizeof(Cmd__ImportAbort));
        cmd__import_abort__init(command->import_abort);
        command->import_abort->change_id = test_id(&test, 'C', id);
        assert_done(command);
    }
    assert_int_equal(import_scans, 0);
    test.kv.ops = plain;
    for (unsigned i = 0; i < STATE_IMPORTS_MAX; i++) {
        if (i == STATE_IMPORTS_MAX / 2)
            test_apply_restart(&test); /* those that are under way are known again */
        assert_done(test_import_begin(&test, 1, 600 + (i * 7) % STATE_IMPORTS_MAX));
    }
    assert_refused(test_import_begin(&test, 1, 700), ERR_BUSY);
}

static void test_import_abort_and_expire(void **state)
{
    Cmd__Command *command = test_command(&test);

    (void)state;
    assert_done(test_import_begin(&test, 1, 5));
    assert_refused(test_import_begin(&test, 1, 5), ERR_EXISTS);
    assert_done(test_import_begin(&test, 1, 6));
    command = test_command(&test);
    command->kind_case = CMD__COMMAND__KIND_IMPORT_ABORT;
    command->import_abort = test_apply_alloc(&test, sizeof(Cmd__ImportAbort));
    cmd__import_abort__init(command->import_abort);
    command->import_abort->change_id = test_id(&test, 'C', 5);
    assert_done(command);
    assert_int_equal(test.effects[0], APPLY_CONTENT_DROPPED);
    command->sequence = ++test.sequence;
    assert_refused(command, ERR_NOT_FOUND);
    for (unsigned i = 0; i < 2; i++) {
        command = test_command(&test);
        command->kind_case = CMD__COMMAND__KIND_IMPORT_EXPIRE;
        command->import_expire = test_apply_alloc(&test, sizeof(Cmd__ImportExpire));
        cmd__import_expire__init(command->import_expire);
        command->import_expire->before_wall_ms = 1000000 + i;
        assert_done(command);
        assert_int_equal(test.effect_count, i);
    }
}

static Cmd__Command *keep_changes(const char *value)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command->put_setting = test_apply_alloc(&test, sizeof(Cmd__PutSetting));
    cmd__put_setting__init(command->put_setting);
    command->put_setting->name = test_apply_format(&test, "%s", STATE_SETTING_CHANGES_KEPT);
    command->put_setting->value = test_apply_format(&test, "%s", value);
    return command;
}

static int on_change(void *user, const struct state_change *change)
{
    (void)change;
    ++*(unsigned *)user;
    return 0;
}

static void test_journal_is_bounded(void **state)
{
    struct state_change change;
    unsigned count = 0;

    (void)state;
    assert_done(keep_changes("10"));
    for (unsigned i = 0; i < 150; i++) {
        assert_done(test_change(&test, 1, i, 1, UPSERT, set("a.example.", A, i, "01020304")));
        if (i == 100) { /* fixture memory is bounded */
            while (test.piece_count > 1)
                free(test.pieces[--test.piece_count]);
        }
    }
    assert_int_equal(state_list_changes(&test.kv, 0, on_change, &count), 0);
    assert_in_range(count, 10, 10 + 64);
    assert_int_equal(state_get_change(&test.kv, test_id(&test, 'C', 0), &change, NULL, NULL),
                     ERR_NOT_FOUND);
    assert_int_equal(state_get_change(&test.kv, test_id(&test, 'C', 149), &change, NULL, NULL), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_create_zone_makes_it),
        CASE(test_create_zone_refused),
        CASE(test_delete_zone),
        CASE(test_change_actions),
        CASE(test_change_replaces_type_in_one_batch),
        CASE(test_change_refused_changes_nothing),
        CASE(test_change_is_in_the_journal),
        CASE(test_commands_of_one_entry_see_each_other),
        CASE(test_import_switches_at_commit),
        CASE(test_import_merges_sets_in_any_order),
        CASE(test_record_in_other_case_is_the_same),
        CASE(test_import_merges_within_a_chunk),
        CASE(test_import_chunk_refused_leaves_the_others),
        CASE(test_import_commit_needs_apex),
        CASE(test_import_begin_refused),
        CASE(test_import_many_no_scan),
        CASE(test_import_abort_and_expire),
        CASE(test_journal_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
