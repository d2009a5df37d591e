/* links: cluster test_apply test_image
 * From applied state into the image: by effects, and as a whole. Both must serve the same, whatever
 * the size of a step, and nothing is seen before it is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "lib/test_image.h"
#include "store/state.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"

static struct test_apply test;
static struct publish *publish;
static bool is_deaf; /* effects do not reach the image */

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    if (!is_deaf)
        publish_effect(publish, &test.kv, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    assert_int_equal(result->code, 0);
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
    is_deaf = false;
    return apply_new(&test.kv, &sink, &test.apply) != 0 || publish_new(&publish) != 0 ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    publish_free(publish);
    test_apply_fini(&test);
    return 0;
}

static void run(Cmd__Command *command)
{
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    if (!is_deaf)
        publish_commit(publish, test.index);
}

/* Records of (name, type) that readers of @from see; -1: no zone of ours. */
static int seen_in(struct publish *from, const char *text, uint16_t type)
{
    return test_image_count(publish_image(from), text, type);
}

static int seen(const char *text)
{
    return seen_in(publish, text, DNS_TYPE_A);
}

static void rebuild(struct publish *into, unsigned sets_max)
{
    int rc;

    assert_int_equal(publish_rebuild_begin(into, &test.kv), 0);
    do
        rc = publish_rebuild_step(into, &test.kv, sets_max);
    while (rc == 1);
    assert_int_equal(rc, 0);
    assert_true(publish_index(into) == test.index);
}

static void fill(void)
{
    run(test_create_zone(&test, 1, "one.example."));
    run(test_create_zone(&test, 2, "two.example."));
    run(test_change(&test, 1, 1, 2, CMD__ACTION__ACTION_CREATE,
                    test_set(&test, "a.one.example.", DNS_TYPE_A, 60, "c0000201"),
                    CMD__ACTION__ACTION_CREATE,
                    test_set(&test, "b.one.example.", DNS_TYPE_A, 60, "c0000201 c0000202")));
}

static void test_effect_changes_seen_after_commit(void **state)
{
    (void)state;
    fill();
    assert_int_equal(seen("a.one.example."), 1);
    assert_int_equal(seen("b.one.example."), 2);
    assert_int_equal(seen_in(publish, "two.example.", DNS_TYPE_SOA), 1);
    assert_int_equal(seen("three.example."), -1);
    run(test_change(&test, 1, 2, 1, CMD__ACTION__ACTION_DELETE,
                    test_set(&test, "a.one.example.", DNS_TYPE_A, 60, "c0000201")));
    assert_int_equal(seen("a.one.example."), 0);
    assert_true(publish_index(publish) == test.index);
    assert_false(publish_is_frozen(publish));
}

static void test_import_unseen_until_commit(void **state)
{
    (void)state;
    fill();
    run(test_import_begin(&test, 1, 7));
    run(test_import_chunk(&test, 7, 3, test_set(&test, "one.example.", DNS_TYPE_SOA, 60, test_soa),
                          test_set(&test, "one.example.", DNS_TYPE_NS, 60, test_ns),
                          test_set(&test, "c.one.example.", DNS_TYPE_A, 60, "c0000203")));
    assert_int_equal(seen("c.one.example."), 0);
    assert_int_equal(seen("a.one.example."), 1);
    run(test_import_commit(&test, 7, 1));
    assert_int_equal(seen("c.one.example."), 1);
    assert_int_equal(seen("a.one.example."), 0);
    run(test_change(&test, 1, 8, 1, CMD__ACTION__ACTION_CREATE,
                    test_set(&test, "d.one.example.", DNS_TYPE_A, 60, "c0000204")));
    assert_int_equal(seen("d.one.example."), 1); /* changes go to the new content */
}

static void test_rebuild_any_step_serves_same(void **state)
{
    static const unsigned steps[] = {1, 2, 3, 1000};

    (void)state;
    fill();
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct publish *fresh;
        assert_int_equal(publish_new(&fresh), 0);
        rebuild(fresh, steps[i]);
        assert_int_equal(seen_in(fresh, "a.one.example.", DNS_TYPE_A), 1);
        assert_int_equal(seen_in(fresh, "b.one.example.", DNS_TYPE_A), 2);
        assert_int_equal(seen_in(fresh, "two.example.", DNS_TYPE_NS), 1);
        publish_free(fresh);
    }
}

static void test_rebuild_old_image_until_end(void **state)
{
    (void)state;
    fill();
    is_deaf = true; /* what a snapshot brings did not come as effects */
    run(test_create_zone(&test, 3, "three.example."));
    Cmd__DeleteZone gone = CMD__DELETE_ZONE__INIT;
    Cmd__Command *command = test_command(&test);
    gone.zone_id = test_id(&test, 'Z', 2);
    gone.change_id = test_id(&test, 'C', 9);
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = &gone;
    run(command);
    is_deaf = false;
    assert_int_equal(publish_rebuild_begin(publish, &test.kv), 0);
    while (publish_rebuild_step(publish, &test.kv, 1) == 1) {
        assert_int_equal(seen_in(publish, "two.example.", DNS_TYPE_SOA), 1);
        assert_int_equal(seen("three.example."), -1);
    }
    assert_int_equal(seen("two.example."), -1);
    assert_int_equal(seen_in(publish, "three.example.", DNS_TYPE_SOA), 1);
    assert_int_equal(seen("a.one.example."), 1);
}

static void test_rebuild_amid_import_goes_on(void **state)
{
    (void)state;
    fill();
    run(test_import_begin(&test, 1, 7));
    run(test_import_chunk(&test, 7, 2, test_set(&test, "one.example.", DNS_TYPE_SOA, 60, test_soa),
                          test_set(&test, "one.example.", DNS_TYPE_NS, 60, test_ns)));
    rebuild(publish, 2);
    assert_int_equal(seen("a.one.example."), 1);
    run(test_import_chunk(&test, 7, 1,
                          test_set(&test, "c.one.example.", DNS_TYPE_A, 60, "c0000203")));
    assert_int_equal(seen("c.one.example."), 0);
    run(test_import_commit(&test, 7, 2));
    assert_int_equal(seen("c.one.example."), 1);
    assert_int_equal(seen("a.one.example."), 0);
    assert_false(publish_is_frozen(publish));
}

/* ---- many record sets, more than the reader may be ahead ---- */

#define MANY 20000u

static void put_stored(uint64_t content, const char *text)
{
    const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    uint8_t name[DNS_NAME_MAX], key[STATE_KEY_SET_MAX], value[STATE_SET_VALUE_MAX];
    struct state_record_set set = {
        .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .rdata = rdata, .rdata_len = 6};

    assert_true(dns_name_parse(text, NULL, name) > 0);
    struct kv_write write = {KV_RECORD_SETS,
                             KV_PUT,
                             {key, state_set_key(content, &set, key)},
                             {value, state_set_encode(&set, value)}};
    assert_int_equal(kv_write(&test.kv, &write, 1), 0);
}

static void fill_many(void)
{
    struct state_zone zone;
    char text[64];

    fill();
    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', 1), &zone), 0);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "n%05u.one.example.", i);
        put_stored(zone.content, text);
    }
}

static const struct kv_ops *whole; /* the storage … */
static struct kv_ops damaged;      /* … but for what a test breaks */
static unsigned pairs_left;

struct told {
    kv_scan_cb cb;
    void *user;
    bool is_broken;
};

static int on_pair_until(void *user, struct kv_slice key, struct kv_slice value)
{
    struct told *told = user;

    told->is_broken = pairs_left-- == 0;
    return told->is_broken ? 1 : told->cb(told->user, key, value);
}

static int broken_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    struct told told = {cb, user, false};

    if (range->family != KV_RECORD_SETS || !range->is_verifying)
        return whole->scan(self, range, cb, user);
    int rc = whole->scan(self, range, on_pair_until, &told);
    return told.is_broken ? ERR_CORRUPT : rc;
}

static int broken_verify(void *self, enum kv_family except, const atomic_bool *is_stopped)
{
    (void)self, (void)is_stopped;
    assert_int_equal(except, KV_RECORD_SETS); /* that one was read */
    return ERR_CORRUPT;
}

static void damage(void)
{
    whole = test.kv.ops;
    damaged = *whole;
    test.kv.ops = &damaged;
}

static void assert_refused_then_whole(void)
{
    assert_int_equal(publish_rebuild_all(publish, &test.kv), ERR_CORRUPT);
    assert_true(publish_is_frozen(publish));
    assert_int_equal(seen("a.one.example."), 1); /* readers have the old image */
    assert_int_equal(seen("n00000.one.example."), 0);
    test.kv.ops = whole;
    rebuild(publish, 100000);
    assert_false(publish_is_frozen(publish));
    assert_int_equal(seen("n00000.one.example."), 1);
    assert_int_equal(seen("n19999.one.example."), 1);
    assert_int_equal(seen_in(publish, "two.example.", DNS_TYPE_SOA), 1);
}

static void test_rebuild_damage_amid_sets_is_told(void **state)
{
    (void)state;
    fill_many();
    damage();
    damaged.scan = broken_scan;
    pairs_left = MANY - 100;
    assert_refused_then_whole();
}

static void test_rebuild_damage_elsewhere_is_told(void **state)
{
    (void)state;
    fill_many();
    damage();
    damaged.verify = broken_verify;
    assert_refused_then_whole();
}

static void test_rebuild_malformed_set_is_told(void **state)
{
    struct state_zone zone;
    uint8_t key[16] = {0};
    struct kv_write write = {KV_RECORD_SETS, KV_PUT, {key, sizeof(key)}, {"x", 1}};

    (void)state;
    fill_many();
    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', 2), &zone), 0);
    state_key_u64(zone.content, key);
    memset(key + 8, 'X', 8);
    assert_int_equal(kv_write(&test.kv, &write, 1), 0);
    assert_int_equal(publish_rebuild_all(publish, &test.kv), ERR_CORRUPT);
    assert_int_equal(seen("a.one.example."), 1);
}

static void test_rebuild_leaves_out_what_no_zone_has(void **state)
{
    (void)state;
    fill();
    put_stored(1000000, "left.one.example."); /* a dropped content's, still on the disk */
    put_stored(1, "a.one.example.");
    rebuild(publish, 3);
    assert_int_equal(seen("left.one.example."), 0);
    assert_int_equal(seen("a.one.example."), 1);
}

static void test_rebuild_cancel_anywhere(void **state)
{
    (void)state;
    fill_many();
    for (unsigned steps = 0; steps < 40; steps += 13) {
        assert_int_equal(publish_rebuild_begin(publish, &test.kv), 0);
        for (unsigned i = 0; i < steps; i++)
            assert_int_equal(publish_rebuild_step(publish, &test.kv, 500), 1);
        publish_rebuild_cancel(publish);
        assert_int_equal(seen("a.one.example."), 1);
        assert_int_equal(seen("n00000.one.example."), 0);
    }
    assert_int_equal(publish_rebuild_begin(publish, &test.kv), 0);
    assert_int_equal(publish_rebuild_step(publish, &test.kv, 1), 1); /* publish_free() stops it */
    publish_rebuild_cancel(NULL); /* of a node that had no memory to begin with */
}

/* ---- groups ---- */

static Cmd__RecordSet *weighted(const char *identifier, unsigned weight, const char *rdata)
{
    Cmd__RecordSet *set = test_set(&test, "w.one.example.", DNS_TYPE_A, 60, rdata);

    set->set_identifier = test_apply_format(&test, "%s", identifier);
    set->routing = test_apply_alloc(&test, sizeof(*set->routing));
    cmd__routing__init(set->routing);
    set->routing->policy = CMD__POLICY__POLICY_WEIGHTED;
    set->routing->weight = weight;
    return set;
}

static void change(unsigned number, Cmd__Action action, Cmd__RecordSet *set)
{
    run(test_change(&test, 1, number, 1, action, set));
}

/* Its sets as "identifier:weight …", or "plain", or "". */
static const char *group_in(struct publish *from)
{
    static char out[256];
    struct zone_match match;
    uint8_t name[DNS_NAME_MAX];

    out[0] = 0;
    assert_true(dns_name_parse("w.one.example.", NULL, name) > 0);
    zone_reader_register();
    zone_lookup(zone_image_read_begin(publish_image(from)), name, DNS_TYPE_A, &match);
    if (match.outcome == ZONE_OUTCOME_ANSWER && !zone_set_is_group(match.set))
        snprintf(out, sizeof(out), "plain");
    else if (match.outcome == ZONE_OUTCOME_ANSWER) {
        const struct policy_group *group = zone_set_group(match.set);
        for (unsigned i = 0; i < group->count; i++) {
            size_t len, at = strlen(out);
            const char *identifier = zone_group_identifier(group, i, &len);
            snprintf(out + at, sizeof(out) - at, "%.*s:%u%s ", (int)len, identifier,
                     group->sets[i].key, group->sets[i].override_slot ? "!" : "");
        }
    }
    zone_image_read_end();
    zone_reader_unregister();
    return out;
}

/* Both words of a group of two, in any order. */
static void assert_group(const char *a, const char *b)
{
    struct publish *fresh;
    const char *seen_now = group_in(publish);

    assert_int_equal(strlen(seen_now), strlen(a) + strlen(b));
    assert_non_null(strstr(seen_now, a));
    assert_non_null(strstr(seen_now, b));
    assert_int_equal(publish_new(&fresh), 0);
    rebuild(fresh, 1);
    seen_now = group_in(fresh);
    assert_int_equal(strlen(seen_now), strlen(a) + strlen(b));
    assert_non_null(strstr(seen_now, a));
    assert_non_null(strstr(seen_now, b));
    publish_free(fresh);
}

static void test_groups_come_by_effects_and_by_rebuild(void **state)
{
    (void)state;
    fill();
    change(20, CMD__ACTION__ACTION_CREATE, weighted("a", 1, "c0000201"));
    change(21, CMD__ACTION__ACTION_CREATE, weighted("b", 2, "c0000202"));
    assert_group("a:1 ", "b:2 ");
    change(22, CMD__ACTION__ACTION_UPSERT, weighted("b", 7, "c0000202"));
    assert_group("a:1 ", "b:7 ");
    change(23, CMD__ACTION__ACTION_DELETE, weighted("a", 1, "c0000201"));
    assert_group("b:7 ", "");
    Cmd__Command *command =
        test_change(&test, 1, 24, 2, CMD__ACTION__ACTION_CREATE,
                    test_set(&test, "w.one.example.", DNS_TYPE_A, 60, "c0000203"),
                    CMD__ACTION__ACTION_DELETE, weighted("b", 7, "c0000202"));
    run(command);
    assert_group("plain", "");
    assert_false(publish_is_frozen(publish));
}

static void test_override_of_a_set_reaches_its_group(void **state)
{
    Cmd__PutOverride put = CMD__PUT_OVERRIDE__INIT;
    Cmd__RecordSet *set = weighted("a", 1, "c0000201");
    Cmd__Command *command;

    (void)state;
    fill();
    change(20, CMD__ACTION__ACTION_CREATE, set);
    command = test_command(&test);
    put.mode = CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN;
    put.zone_id = test_id(&test, 'Z', 1);
    put.name = set->name;
    put.type = DNS_TYPE_A;
    put.set_identifier = set->set_identifier;
    put.reason = test_apply_format(&test, "drill");
    command->kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command->put_override = &put;
    run(command);
    assert_group("a:1! ", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_effect_changes_seen_after_commit, start, stop),
        cmocka_unit_test_setup_teardown(test_import_unseen_until_commit, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_any_step_serves_same, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_old_image_until_end, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_amid_import_goes_on, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_damage_amid_sets_is_told, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_damage_elsewhere_is_told, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_malformed_set_is_told, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_leaves_out_what_no_zone_has, start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_cancel_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(test_groups_come_by_effects_and_by_rebuild, start, stop),
        cmocka_unit_test_setup_teardown(test_override_of_a_set_reaches_its_group, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
