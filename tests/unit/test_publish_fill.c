/* links: cluster test_apply test_image
 * A zone that takes the name from another one is read into the image in bounded steps. Until it is
 * complete the other one is shown and no index is told that it does not have; whatever comes
 * meanwhile, the image ends up with what is stored.
 * wraps: zone_change_serve zone_publish loader_start */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "cluster/loader.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "lib/test_image.h"
#include "store/state.h"
#include "store/state_zone.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"

#define STEP 9 /* one record set, with what a zone costs */
#define HOSTS 40u

static struct test_apply test;
static struct publish *publish;
static uint64_t change_number;
static enum { SERVE, PUBLISH, LOADER } failing;
static unsigned failures_left; /* of that, for want of memory */

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    publish_effect(publish, &test.kv, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    assert_int_equal(result->code, 0);
}

/* ---- storage that counts, or fails ---- */

static const struct kv_ops *storage;
static struct kv_ops counting;
static unsigned sets_told; /* since it was set to 0 */
static int scan_code;

struct told {
    kv_scan_cb cb;
    void *user;
};

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    struct told *told = user;

    sets_told++;
    return told->cb(told->user, key, value);
}

static int count_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    struct told told = {cb, user};

    if (range->family != KV_RECORD_SETS)
        return storage->scan(self, range, cb, user);
    return scan_code != 0 ? scan_code : storage->scan(self, range, on_pair, &told);
}

/* ---- memory that is missing ---- */

int __real_zone_change_serve(struct zone_publisher *publisher, struct zone_content *content);
int __wrap_zone_change_serve(struct zone_publisher *publisher, struct zone_content *content);
int __real_zone_publish(struct zone_publisher *publisher, uint64_t index);
int __wrap_zone_publish(struct zone_publisher *publisher, uint64_t index);
int __real_loader_start(const struct kv *kv, struct loader **out);
int __wrap_loader_start(const struct kv *kv, struct loader **out);

static bool is_failing(unsigned what)
{
    if (failures_left == 0 || what != failing)
        return false;
    failures_left--;
    return true;
}

int __wrap_zone_change_serve(struct zone_publisher *publisher, struct zone_content *content)
{
    return is_failing(SERVE) ? ERR_NOMEM : __real_zone_change_serve(publisher, content);
}

int __wrap_zone_publish(struct zone_publisher *publisher, uint64_t index)
{
    return is_failing(PUBLISH) ? ERR_NOMEM : __real_zone_publish(publisher, index);
}

int __wrap_loader_start(const struct kv *kv, struct loader **out)
{
    return is_failing(LOADER) ? ERR_NOMEM : __real_loader_start(kv, out);
}

/* ---- the fixture ---- */

static int start(void **state)
{
    struct apply_sink sink = {NULL, on_effect, on_result};
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    apply_free(test.apply);
    change_number = 1000;
    scan_code = 0;
    failures_left = 0;
    storage = test.kv.ops;
    counting = *storage;
    counting.scan = count_scan;
    test.kv.ops = &counting;
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
    publish_commit(publish, test.index);
    assert_false(publish_is_frozen(publish));
}

/* Go on to the end; returns the steps that it took. */
static unsigned finish(unsigned sets_max)
{
    unsigned steps = 0;
    int rc;

    do {
        rc = publish_fill_step(publish, &test.kv, sets_max);
        steps++;
    } while (rc == 1);
    assert_int_equal(rc, 0);
    assert_false(publish_is_frozen(publish));
    assert_false(publish_is_filling(publish));
    assert_true(publish_index(publish) == test.index);
    return steps;
}

static void step(unsigned steps)
{
    while (steps-- > 0)
        assert_int_equal(publish_fill_step(publish, &test.kv, STEP), 1);
}

/* Records of the A set of @text that readers of @from see; -1: no zone of ours. */
static int seen_in(struct publish *from, const char *text)
{
    return test_image_count(publish_image(from), text, DNS_TYPE_A);
}

static int seen(const char *text)
{
    return seen_in(publish, text);
}

/* ---- commands ---- */

static char *host(unsigned number)
{
    return test_apply_format(&test, "h%02u.example.", number);
}

static void create(uint64_t number, const char *name)
{
    Cmd__Command *command = test_create_zone(&test, number, name);

    command->create_zone->change_id = test_id(&test, 'C', ++change_number);
    command->create_zone->may_repeat_name = true;
    run(command);
}

static Cmd__Command *activation(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_ACTIVATE_ZONE;
    command->activate_zone = test_apply_alloc(&test, sizeof(Cmd__ActivateZone));
    cmd__activate_zone__init(command->activate_zone);
    command->activate_zone->zone_id = test_id(&test, 'Z', number);
    command->activate_zone->change_id = test_id(&test, 'C', ++change_number);
    return command;
}

static void activate(uint64_t number)
{
    run(activation(number));
}

static void delete_zone(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(&test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(&test, 'Z', number);
    command->delete_zone->change_id = test_id(&test, 'C', ++change_number);
    command->delete_zone->with_contents = true;
    run(command);
}

static void put(uint64_t zone, const char *name, const char *addresses)
{
    run(test_change(&test, zone, ++change_number, 1, CMD__ACTION__ACTION_UPSERT,
                    test_set(&test, name, DNS_TYPE_A, 60, addresses)));
}

static void remove_host(uint64_t zone, unsigned number, const char *addresses)
{
    run(test_change(&test, zone, ++change_number, 1, CMD__ACTION__ACTION_DELETE,
                    test_set(&test, host(number), DNS_TYPE_A, 60, addresses)));
}

/* Zone 1 is shown, with one record for each host; 2 has two for each. 3 has three for one. */
static void create_zones(void)
{
    for (uint64_t zone = 1; zone <= 3; zone++)
        create(zone, "example.");
    for (unsigned i = 0; i < HOSTS; i++) {
        put(1, host(i), "c0000201");
        put(2, host(i), "c0000201 c0000202");
    }
    put(3, host(0), "c0000201 c0000202 c0000203");
    create(4, "other.test.");
    assert_true(publish_index(publish) == test.index);
}

/* Everything that readers see is what a whole reading of the state shows. */
static void compare(void)
{
    struct publish *whole;

    assert_int_equal(publish_new(&whole), 0);
    assert_int_equal(publish_rebuild_all(whole, &test.kv), 0);
    for (unsigned i = 0; i < HOSTS; i++)
        assert_int_equal(seen(host(i)), seen_in(whole, host(i)));
    assert_int_equal(seen("new.example."), seen_in(whole, "new.example."));
    assert_int_equal(seen("a.other.test."), seen_in(whole, "a.other.test."));
    publish_free(whole);
}

/* ---- one zone ---- */

static void test_no_step_reads_more_than_its_bound(void **state)
{
    const unsigned sets = HOSTS + 2;

    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    sets_told = 0;
    activate(2);
    assert_int_equal(sets_told, 0);                /* nothing in the turn of the entry */
    for (unsigned done = 0; done < sets; done++) { /* each step one set: */
        assert_int_equal(seen("h00.example."), 1); /* the old zone, whole … */
        assert_int_equal(seen("h39.example."), 1);
        assert_true(publish_index(publish) == told); /* … and it is not said to be the new one */
        sets_told = 0;
        assert_int_equal(publish_fill_step(publish, &test.kv, STEP), done + 1 < sets);
        assert_in_range(sets_told, 1, 2); /* the second is looked at, no more */
    }
    assert_int_equal(seen("h00.example."), 2);
    assert_int_equal(seen("h39.example."), 2);
    assert_true(publish_index(publish) == test.index);
    assert_int_equal(publish_fill_step(publish, &test.kv, STEP), 0);
    activate(1);
    assert_in_range(finish(STEP + 9), (sets + 9) / 10, (sets + 9) / 10 + 1);
}

/* A set of many records counts as more than one. */
static void test_large_sets_make_short_steps(void **state)
{
    char text[6 * (1 + 2 * 251) + 1];
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, " fa"); /* 250 octets */
        for (unsigned j = 0; j < 250; j++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x", 'a' + i);
    }
    create(1, "example.");
    create(2, "example.");
    for (unsigned i = 0; i < 20; i++)
        run(test_change(&test, 2, ++change_number, 1, CMD__ACTION__ACTION_CREATE,
                        test_set(&test, host(i), DNS_TYPE_TXT, 60, text + 1)));
    activate(2);
    assert_in_range(finish(8 + 4), 10, 12); /* 22 sets, of which 20 count twice */
}

static void test_other_changes_are_seen_meanwhile(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    activate(2);
    step(3);
    put(4, "a.other.test.", "c0000201");
    assert_int_equal(seen("a.other.test."), 1);  /* at once … */
    assert_true(publish_index(publish) == told); /* … but with the whole entry only, in sync */
    put(1, host(0), "c0000201 c0000202 c0000203");
    assert_int_equal(seen("h00.example."), 3); /* the one shown still follows its changes */
    finish(STEP);
    assert_int_equal(seen("h00.example."), 2);
    compare();
}

/* ---- changes of the zone that is being read ---- */

/* Wherever the reading is, before and behind it: what is put, put again, and removed. */
static void test_changes_meanwhile_are_in_the_zone(void **state)
{
    (void)state;
    create_zones();
    for (unsigned steps = 0; steps < HOSTS; steps += 9) {
        activate(2);
        step(steps);
        put(2, host(steps), "c0000201 c0000202 c0000203");
        remove_host(2, 1, "c0000201 c0000202");
        remove_host(2, 38, "c0000201 c0000202");
        put(2, "new.example.", "c0000201");
        remove_host(2, 20, "c0000201 c0000202");
        put(2, host(20), "c0000209");
        assert_int_equal(seen("new.example."), 0);
        finish(STEP);
        compare();
        assert_int_equal(seen("h01.example."), 0);
        assert_int_equal(seen("h38.example."), 0);
        assert_int_equal(seen("h20.example."), 1);
        assert_int_equal(seen("new.example."), 1);
        activate(1); /* and back */
        put(2, host(1), "c0000201 c0000202");
        put(2, host(38), "c0000201 c0000202");
        put(2, host(20), "c0000201 c0000202");
        run(test_change(&test, 2, ++change_number, 1, CMD__ACTION__ACTION_DELETE,
                        test_set(&test, "new.example.", DNS_TYPE_A, 60, "c0000201")));
        finish(100);
        compare();
    }
}

static Cmd__RecordSet *weighted(const char *identifier, unsigned weight)
{
    Cmd__RecordSet *set = test_set(&test, "w.example.", DNS_TYPE_A, 60, "c0000201");

    set->set_identifier = test_apply_format(&test, "%s", identifier);
    set->routing = test_apply_alloc(&test, sizeof(*set->routing));
    cmd__routing__init(set->routing);
    set->routing->policy = CMD__POLICY__POLICY_WEIGHTED;
    set->routing->weight = weight;
    return set;
}

static void change_weighted(Cmd__Action action, const char *identifier, unsigned weight)
{
    run(test_change(&test, 2, ++change_number, 1, action, weighted(identifier, weight)));
}

static void override(const char *identifier)
{
    Cmd__PutOverride put = CMD__PUT_OVERRIDE__INIT;
    Cmd__Command *command = test_command(&test);

    put.mode = CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN;
    put.zone_id = test_id(&test, 'Z', 2);
    put.name = weighted(identifier, 0)->name;
    put.type = DNS_TYPE_A;
    put.set_identifier = test_apply_format(&test, "%s", identifier);
    put.reason = test_apply_format(&test, "drill");
    command->kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command->put_override = &put;
    run(command);
}

/* "identifier:weight" of all sets of the group, by identifier; "!": overridden. */
static const char *group(void)
{
    static char out[256];
    struct zone_match match;
    uint8_t name[DNS_NAME_MAX];

    out[0] = '\0';
    assert_true(dns_name_parse("w.example.", NULL, name) > 0);
    zone_reader_register();
    zone_lookup(zone_image_read_begin(publish_image(publish)), name, DNS_TYPE_A, &match);
    for (char id = 'a'; match.outcome == ZONE_OUTCOME_ANSWER && id <= 'e'; id++) {
        const struct policy_group *sets = zone_set_group(match.set);
        for (unsigned i = 0; i < sets->count; i++) {
            size_t len, at = strlen(out);
            const char *identifier = zone_group_identifier(sets, i, &len);
            if (identifier[0] == id)
                snprintf(out + at, sizeof(out) - at, "%c:%u%s ", id, sets->sets[i].key,
                         sets->sets[i].override_slot ? "!" : "");
        }
    }
    zone_image_read_end();
    zone_reader_unregister();
    return out;
}

static void test_groups_change_while_they_are_read(void **state)
{
    (void)state;
    create(1, "example.");
    create(2, "example.");
    for (unsigned steps = 0; steps < 5; steps++) {
        change_weighted(CMD__ACTION__ACTION_CREATE, "a", 1);
        change_weighted(CMD__ACTION__ACTION_CREATE, "b", 2);
        change_weighted(CMD__ACTION__ACTION_CREATE, "d", 4);
        activate(2);
        step(steps); /* SOA, NS, then one of the group in each */
        change_weighted(CMD__ACTION__ACTION_UPSERT, "a", 7);
        change_weighted(CMD__ACTION__ACTION_DELETE, "b", 2);
        change_weighted(CMD__ACTION__ACTION_CREATE, "c", 3);
        change_weighted(CMD__ACTION__ACTION_UPSERT, "d", 8);
        override("d");
        finish(STEP);
        assert_string_equal(group(), "a:7 c:3 d:8! ");
        activate(1);
        finish(STEP);
        change_weighted(CMD__ACTION__ACTION_DELETE, "a", 7);
        change_weighted(CMD__ACTION__ACTION_DELETE, "c", 3);
        change_weighted(CMD__ACTION__ACTION_DELETE, "d", 8);
    }
}

/* ---- zones that come and go ---- */

static void test_activating_the_shown_one_again_ends_it(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
    put(1, host(0), "c0000201 c0000202 c0000203");
    sets_told = 0;
    activate(1);
    assert_false(publish_is_filling(publish));
    assert_int_equal(sets_told, 0);
    assert_true(publish_index(publish) == test.index);
    assert_int_equal(seen("h00.example."), 3);
    compare();
    activate(2); /* as if nothing had been */
    finish(STEP);
    compare();
}

static void test_a_third_one_takes_its_turn(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    activate(2);
    step(5);
    activate(3);
    assert_true(publish_index(publish) == told); /* not even that 2 was served */
    assert_int_equal(seen("h00.example."), 1);
    step(2);
    put(2, host(1), "c0000201"); /* nobody's now */
    finish(STEP);
    assert_int_equal(seen("h00.example."), 3);
    assert_int_equal(seen("h01.example."), 0);
    compare();
}

static void test_deleted_while_it_is_read(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
    delete_zone(2); /* the oldest follows: the one shown */
    assert_false(publish_is_filling(publish));
    assert_true(publish_index(publish) == test.index);
    compare();
    activate(3);
    step(1);
    delete_zone(1); /* what is shown is stored no more … */
    assert_int_equal(seen("h05.example."), 1);
    delete_zone(3); /* … nor what was to follow */
    assert_false(publish_is_filling(publish));
    assert_int_equal(seen("h05.example."), -1);
    create(5, "example.");
    assert_int_equal(seen("h05.example."), 0);
    compare();
}

static void test_a_successor_of_a_deleted_zone_is_read_in_steps(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    sets_told = 0;
    delete_zone(1);
    assert_int_equal(seen("h05.example."), 1);
    assert_true(publish_index(publish) == told);
    assert_in_range(finish(STEP), HOSTS, HOSTS + 3);
    assert_int_equal(seen("h05.example."), 2);
    compare();
}

static void import(uint64_t zone, uint64_t change)
{
    run(test_import_begin(&test, zone, change));
    run(test_import_chunk(&test, change, 3, test_set(&test, "example.", DNS_TYPE_SOA, 60, test_soa),
                          test_set(&test, "example.", DNS_TYPE_NS, 60, test_ns),
                          test_set(&test, "new.example.", DNS_TYPE_A, 60, "c0000201")));
    run(test_import_commit(&test, change, 1));
}

static void test_an_import_into_it_is_shown_at_once(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
    import(2, 1);
    assert_false(publish_is_filling(publish));
    assert_true(publish_index(publish) == test.index);
    assert_int_equal(seen("new.example."), 1);
    compare();
}

static void test_an_import_into_the_one_shown_waits_for_its_turn(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
    import(1, 1);
    assert_int_equal(seen("h05.example."), 1);
    activate(1);
    assert_true(publish_is_filling(publish)); /* it is another content now */
    step(1);
    finish(STEP);
    assert_int_equal(seen("new.example."), 1);
    compare();
}

static void test_zones_wait_in_turn(void **state)
{
    (void)state;
    create_zones();
    create(5, "other.test.");
    put(5, "a.other.test.", "c0000201");
    activate(2);
    const uint64_t first = test.index;
    activate(5);
    const uint64_t second = test.index;
    while (seen("h00.example.") == 1)
        step(1);
    assert_true(publish_index(publish) == second - 1);
    assert_true(first < second && seen("a.other.test.") == 0);
    finish(STEP);
    assert_int_equal(seen("a.other.test."), 1);
    activate(1);
    activate(4);
    assert_int_equal(finish(100), 1); /* one step is enough for both */
    compare();
}

/* ---- a whole state, and failures ---- */

static void test_a_whole_state_ends_it(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
    assert_int_equal(publish_rebuild_begin(publish, &test.kv), 0);
    assert_false(publish_is_filling(publish));
    publish_rebuild_cancel(publish); /* once it was begun in vain */
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_true(publish_index(publish) == test.index);
    assert_int_equal(seen("h05.example."), 2);
    compare();
    activate(1);
    finish(STEP);
    compare();
}

/* The snapshot has no zone of the name, nor has the map one that is shown. */
static void test_a_whole_state_without_the_name_drops_what_was_shown(void **state)
{
    struct publish *shown;

    (void)state;
    create_zones();
    activate(2);
    step(5);
    delete_zone(1);
    shown = publish;
    assert_int_equal(publish_new(&publish), 0); /* does not know what the other one knows */
    delete_zone(2);
    delete_zone(3);
    publish_free(publish);
    publish = shown;
    assert_int_equal(seen("h05.example."), 1);
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_int_equal(seen("h05.example."), -1);
    compare();
}

/* Entries of the state that came must not be taken for changes of the one that is shown. */
static void test_a_whole_state_that_is_not_begun_freezes_the_image(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    activate(2);
    step(5);
    failing = LOADER;
    failures_left = 1;
    assert_int_equal(publish_rebuild_begin(publish, &test.kv), ERR_NOMEM);
    assert_true(publish_is_frozen(publish));
    assert_int_equal(test_apply_batch(&test, &(Cmd__Command *){activation(1)}, 1), 0);
    publish_commit(publish, test.index);
    assert_true(publish_index(publish) == told);
    assert_int_equal(publish_fill_step(publish, &test.kv, STEP), 0);
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_false(publish_is_frozen(publish));
    compare();
}

static void fail_then_finish(void)
{
    create_zones();
    const uint64_t told = publish_index(publish);
    activate(2);
    failures_left = 4; /* each is tried twice, if there is anything to free */
    assert_int_equal(publish_fill_step(publish, &test.kv, 1000), ERR_NOMEM);
    assert_int_equal(publish_fill_step(publish, &test.kv, 1000), ERR_NOMEM);
    assert_true(publish_is_filling(publish));
    assert_false(publish_is_frozen(publish));
    assert_true(publish_index(publish) == told);
    assert_int_equal(seen("h05.example."), 1);
    failures_left = 0;
    put(2, host(5), "c0000201 c0000202 c0000203");
    finish(STEP);
    assert_int_equal(seen("h05.example."), 3);
    compare();
}

static void test_without_memory_to_serve_it_goes_on_later(void **state)
{
    (void)state;
    failing = SERVE;
    fail_then_finish();
}

static void test_without_memory_to_publish_it_goes_on_later(void **state)
{
    (void)state;
    failing = PUBLISH;
    fail_then_finish();
}

static void test_what_cannot_be_read_freezes_the_image(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    activate(2);
    step(5);
    scan_code = ERR_IO;
    assert_int_equal(publish_fill_step(publish, &test.kv, STEP), ERR_IO);
    assert_true(publish_is_frozen(publish));
    assert_false(publish_is_filling(publish));
    assert_true(publish_index(publish) == told);
    assert_int_equal(seen("h05.example."), 1);
    scan_code = 0;
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_int_equal(seen("h05.example."), 2);
    compare();
}

/* As where the state cannot be written out: what was noted is not to be seen, by no way. */
static void test_frozen_from_outside_shows_no_more(void **state)
{
    (void)state;
    create_zones();
    const uint64_t told = publish_index(publish);
    Cmd__Command *command =
        test_change(&test, 1, ++change_number, 1, CMD__ACTION__ACTION_UPSERT,
                    test_set(&test, host(5), DNS_TYPE_A, 60, "c0000201 c0000202"));
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    publish_freeze(publish, "it is not written");
    publish_refresh(publish);
    publish_commit(publish, test.index);
    assert_true(publish_index(publish) == told);
    assert_int_equal(seen("h05.example."), 1);
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    compare();
}

static void test_freed_while_it_is_read(void **state)
{
    (void)state;
    create_zones();
    activate(2);
    step(5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_no_step_reads_more_than_its_bound),
        CASE(test_large_sets_make_short_steps),
        CASE(test_other_changes_are_seen_meanwhile),
        CASE(test_changes_meanwhile_are_in_the_zone),
        CASE(test_groups_change_while_they_are_read),
        CASE(test_activating_the_shown_one_again_ends_it),
        CASE(test_a_third_one_takes_its_turn),
        CASE(test_deleted_while_it_is_read),
        CASE(test_a_successor_of_a_deleted_zone_is_read_in_steps),
        CASE(test_an_import_into_it_is_shown_at_once),
        CASE(test_an_import_into_the_one_shown_waits_for_its_turn),
        CASE(test_zones_wait_in_turn),
        CASE(test_a_whole_state_ends_it),
        CASE(test_a_whole_state_without_the_name_drops_what_was_shown),
        CASE(test_a_whole_state_that_is_not_begun_freezes_the_image),
        CASE(test_without_memory_to_serve_it_goes_on_later),
        CASE(test_without_memory_to_publish_it_goes_on_later),
        CASE(test_what_cannot_be_read_freezes_the_image),
        CASE(test_frozen_from_outside_shows_no_more),
        CASE(test_freed_while_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
