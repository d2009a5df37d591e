/* Membership: codec, single changes, roll-back, restart, leaving.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/raft_bench.h"
#include "raft/core/conf.h"

static const struct raft_conf three = {
    .members = {{1, RAFT_VOTER}, {5, RAFT_VOTER}, {9, RAFT_LEARNER}}, .count = 3};

static void test_conf_apply_table(void **state)
{
    static const struct {
        enum raft_conf_change_kind kind;
        raft_id id;
        int rc;
        uint32_t count, voters;
    } rows[] = {
        {RAFT_CONF_ADD_LEARNER, 3, 0, 4, 2},
        {RAFT_CONF_ADD_LEARNER, 5, RAFT_EINVALID, 0, 0},
        {RAFT_CONF_ADD_LEARNER, 0, RAFT_EINVALID, 0, 0},
        {RAFT_CONF_PROMOTE, 9, 0, 3, 3},
        {RAFT_CONF_PROMOTE, 5, RAFT_EINVALID, 0, 0},
        {RAFT_CONF_DEMOTE, 5, 0, 3, 1},
        {RAFT_CONF_DEMOTE, 9, RAFT_EINVALID, 0, 0},
        {RAFT_CONF_REMOVE, 1, 0, 2, 1},
        {RAFT_CONF_REMOVE, 9, 0, 2, 2},
        {RAFT_CONF_REMOVE, 7, RAFT_EINVALID, 0, 0},
        {RAFT_CONF_UPDATE, 9, 0, 3, 2},
        {RAFT_CONF_UPDATE, 7, RAFT_EINVALID, 0, 0},
        {(enum raft_conf_change_kind)6, 9, RAFT_EINVALID, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raft_conf out = {0};
        struct raft_conf_change change = {.kind = rows[i].kind, .id = rows[i].id};
        assert_int_equal(raft_conf_apply(&three, &change, &out), rows[i].rc);
        assert_int_equal(out.count, rows[i].count);
        assert_int_equal(raft_conf_voters(&out), rows[i].voters);
        assert_true(rows[i].rc != 0 || raft_conf_is_valid(&out));
    }
}

static void test_conf_apply_last_voter_stays(void **state)
{
    const struct raft_conf one = {.members = {{1, RAFT_VOTER}, {2, RAFT_LEARNER}}, .count = 2};
    struct raft_conf out;
    (void)state;
    for (int kind = RAFT_CONF_DEMOTE; kind <= RAFT_CONF_REMOVE; kind++) {
        struct raft_conf_change change = {.kind = (enum raft_conf_change_kind)kind, .id = 1};
        assert_int_equal(raft_conf_apply(&one, &change, &out), RAFT_EINVALID);
    }
}

static void test_conf_entry_round_trips(void **state)
{
    struct raft_buf *context = raft_buf_new("ns1 192.0.2.1", 13);
    struct raft_conf_change change = {RAFT_CONF_UPDATE, 5, context};
    struct raft_buf *data = raft_conf_entry_encode(&three, &change);
    struct raft_conf conf;
    struct raft_conf_change out;
    const uint8_t *got;
    size_t len;
    (void)state;
    assert_int_equal(raft_conf_entry_decode(data, &conf, &out, &got, &len), 0);
    assert_memory_equal(&conf, &three, sizeof(conf));
    assert_int_equal(out.kind, RAFT_CONF_UPDATE);
    assert_int_equal(out.id, 5);
    assert_int_equal(len, 13);
    assert_memory_equal(got, "ns1 192.0.2.1", 13);
    raft_buf_unref(data);
    raft_buf_unref(context);
}

/* Every cut and every changed octet is refused or decodes to a valid configuration. */
static void test_conf_entry_decode_hostile(void **state)
{
    struct raft_conf_change change = {.kind = RAFT_CONF_UPDATE, .id = 5};
    struct raft_buf *data = raft_conf_entry_encode(&three, &change);
    struct raft_conf conf;
    struct raft_conf_change out;
    const uint8_t *context;
    size_t len;
    (void)state;
    assert_int_equal(raft_conf_entry_decode(NULL, &conf, &out, &context, &len), RAFT_ECORRUPT);
    for (uint32_t cut = 0; cut < data->len; cut++) {
        struct raft_buf *part = raft_buf_new(data->data, cut);
        assert_int_equal(raft_conf_entry_decode(part, &conf, &out, &context, &len), RAFT_ECORRUPT);
        raft_buf_unref(part);
    }
    for (uint32_t at = 0; at < data->len; at++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            struct raft_buf *bad = raft_buf_new(data->data, data->len);
            bad->data[at] = (uint8_t)octet;
            if (raft_conf_entry_decode(bad, &conf, &out, &context, &len) == 0)
                assert_true(raft_conf_is_valid(&conf));
            raft_buf_unref(bad);
        }
    }
    raft_buf_unref(data);
}

/* one_change, change_after_commit */
static void test_propose_conf_one_at_a_time(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    assert_true(raft_can_change_conf(bench.nodes[0].raft));
    assert_int_equal(bench_change(&bench, 1, RAFT_CONF_REMOVE, 4), RAFT_ENOTLEADER);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 4), 0);
    assert_int_equal(raft_conf_voters(raft_conf_of(bench.nodes[0].raft)), 4); /* at once, §4.1 */
    assert_false(raft_can_change_conf(bench.nodes[0].raft));
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_DEMOTE, 2), RAFT_EBUSY);
    bench_deliver(&bench);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_DEMOTE, 2), 0);
    bench_fini(&bench);
}

static void test_propose_conf_before_own_commit_refused(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 1);
    bench.nodes[0].holds_disk = true;
    bench_run(&bench, 5);
    bench_persist(&bench, 0); /* leads; its no-op is not durable yet */
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), RAFT_EBUSY);
    bench_persist(&bench, 0);
    bench_deliver(&bench); /* the learner answers */
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), 0);
    bench_fini(&bench);
}

/* One of three voters is silent: without the other there would be two of which one answers. */
static void test_propose_conf_without_new_quorum_refused(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 1, true);
    bench_run(&bench, 2 * BENCH_TIMEOUT_MS);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    uint64_t last = raft_last_index(bench.nodes[0].raft);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_DEMOTE, 3), RAFT_ENOQUORUM);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_REMOVE, 3), RAFT_ENOQUORUM);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_REMOVE, 1), RAFT_ENOQUORUM);
    assert_int_equal(raft_last_index(bench.nodes[0].raft), last);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_REMOVE, 2), 0);
    bench_deliver(&bench);
    assert_true(raft_can_change_conf(bench.nodes[0].raft)); /* it is committed */
    bench_fini(&bench);
}

/* With the vote of a silent learner the only voter would need it, and get nothing done. */
static void test_propose_conf_promote_of_the_silent(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 1);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 1, true);
    bench_run(&bench, 2 * BENCH_TIMEOUT_MS);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), RAFT_ENOQUORUM);
    bench_isolate(&bench, 1, false);
    bench_run(&bench, BENCH_TIMEOUT_MS);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), 0);
    bench_deliver(&bench);
    assert_true(raft_can_change_conf(bench.nodes[0].raft));
    bench_fini(&bench);
}

/* An uncommitted change is in force after a restart, and gone when its entry is overwritten. */
static void test_conf_survives_restart_and_rolls_back(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    bench_change(&bench, 0, RAFT_CONF_PROMOTE, 4);
    bench_crash(&bench, 0);
    bench_restart(&bench, 0);
    assert_int_equal(raft_conf_voters(raft_conf_of(bench.nodes[0].raft)), 4);
    bench_run(&bench, 4 * BENCH_TIMEOUT_MS); /* the others elect a leader and commit */
    bench_isolate(&bench, 0, false);
    bench_run(&bench, 4 * BENCH_TIMEOUT_MS);
    assert_int_equal(raft_conf_voters(raft_conf_of(bench.nodes[0].raft)), 3);
    assert_true(raft_commit_index(bench.nodes[0].raft) >= 3);
    bench_fini(&bench);
}

/* §4.2.2: a leader that is removed leads until that is committed, and then hands over. */
static void test_remove_leader_hands_over(void **state)
{
    static const enum raft_conf_change_kind kinds[] = {RAFT_CONF_REMOVE, RAFT_CONF_DEMOTE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_init(&bench, 3, 0);
        bench_elect(&bench, 0);
        assert_int_equal(bench_change(&bench, 0, kinds[i], 1), 0);
        assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
        bench_deliver(&bench); /* no election time-out has to pass */
        assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_FOLLOWER);
        assert_true(raft_role_of(bench.nodes[1].raft) == RAFT_LEADER ||
                    raft_role_of(bench.nodes[2].raft) == RAFT_LEADER);
        bench_fini(&bench);
    }
}

/* Figure 4.6: only the demoted leader has the entry that demotes it, and both of two voters are
 * needed to go on. */
static void test_demoted_leader_stands_until_committed(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 2, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_DEMOTE, 1), 0);
    bench_crash(&bench, 0);
    bench_restart(&bench, 0);
    bench_isolate(&bench, 0, false);
    bench_run(&bench, 10 * BENCH_TIMEOUT_MS);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    assert_int_equal(raft_conf_voters(raft_conf_of(bench.nodes[1].raft)), 1);
    bench_fini(&bench);
}

/* A joiner starts with nothing and gets all; it votes once it is promoted. */
static void test_join_empty_learner_catches_up(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    bench_crash(&bench, 3);
    bench_change(&bench, 0, RAFT_CONF_REMOVE, 4);
    for (int i = 0; i < 50; i++)
        bench_propose(&bench, 0, "entry");
    bench_deliver(&bench);
    for (uint64_t i = 0; i < bench.nodes[3].count; i++)
        raft_buf_unref(bench.nodes[3].entries[i].data);
    bench.nodes[3].count = bench.nodes[3].applied = 0;
    bench.nodes[3].hard_state = (struct raft_hard_state){0};
    bench.nodes[3].base = (struct raft_snapshot){0};
    bench_restart(&bench, 3);
    bench_run(&bench, 500); /* alone it does nothing */
    assert_int_equal(raft_term(bench.nodes[3].raft), 0);
    bench_change(&bench, 0, RAFT_CONF_ADD_LEARNER, 4);
    bench_deliver(&bench);
    /* The leader's log begins behind index 1, so the joiner begins with a snapshot. */
    assert_int_equal(bench.nodes[0].wanted, 4);
    struct raft_snapshot snapshot = bench.nodes[0].base;
    bench_step(
        &bench, 0,
        (struct raft_event){.kind = RAFT_EVENT_SNAPSHOT_READY, .peer = 4, .snapshot = &snapshot});
    bench_deliver(&bench);
    bench.nodes[3].base = bench.nodes[3].install;
    bench.nodes[3].applied = 1;
    bench_step(&bench, 3, (struct raft_event){.kind = RAFT_EVENT_INSTALLED, .snapshot = &snapshot});
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[3].applied, 54);
    bench_change(&bench, 0, RAFT_CONF_PROMOTE, 4);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[3].applied, 55);
    bench_isolate(&bench, 1, true);
    bench_propose(&bench, 0, "with three of four");
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[3].applied, 56);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_apply_table),
        cmocka_unit_test(test_conf_apply_last_voter_stays),
        cmocka_unit_test(test_conf_entry_round_trips),
        cmocka_unit_test(test_conf_entry_decode_hostile),
        cmocka_unit_test(test_propose_conf_one_at_a_time),
        cmocka_unit_test(test_propose_conf_before_own_commit_refused),
        cmocka_unit_test(test_propose_conf_without_new_quorum_refused),
        cmocka_unit_test(test_propose_conf_promote_of_the_silent),
        cmocka_unit_test(test_conf_survives_restart_and_rolls_back),
        cmocka_unit_test(test_remove_leader_hands_over),
        cmocka_unit_test(test_demoted_leader_stands_until_committed),
        cmocka_unit_test(test_join_empty_learner_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
