/* Snapshots, trimming, and messages that no correct member sends.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/raft_bench.h"

static struct raft_snapshot snapshot_of(struct bench *bench, uint32_t node, uint64_t index)
{
    struct raft_snapshot snapshot = {.index = index,
                                     .conf = *raft_conf_of(bench->nodes[node].raft)};
    const struct bench_node *from = &bench->nodes[node];
    snapshot.term = from->entries[index - from->base.index - 1].term;
    return snapshot;
}

static int step_snapshot(struct bench *bench, uint32_t node, enum raft_event_kind kind,
                         raft_id peer, const struct raft_snapshot *snapshot)
{
    return bench_step(bench, node,
                      (struct raft_event){.kind = kind, .peer = peer, .snapshot = snapshot});
}

/* What a storage does on install: the log stands on the snapshot and is empty. */
static void install(struct bench *bench, uint32_t i)
{
    struct bench_node *node = &bench->nodes[i];
    while (node->count > 0)
        raft_buf_unref(node->entries[--node->count].data);
    node->base = node->install;
    node->applied = node->install.index;
    node->install.index = 0;
    assert_int_equal(step_snapshot(bench, i, RAFT_EVENT_INSTALLED, 0, &node->base), 0);
}

/* Node 2 misses 20 entries, which its leader trims. */
static void fall_behind(struct bench *bench)
{
    bench_init(bench, 3, 0);
    bench_elect(bench, 0);
    bench_isolate(bench, 2, true);
    for (int i = 0; i < 20; i++)
        bench_propose(bench, 0, "entry");
    bench_deliver(bench);
    assert_int_equal(
        bench_step(bench, 0, (struct raft_event){.kind = RAFT_EVENT_TRIMMED, .index = 20}), 0);
    assert_int_equal(raft_first_index(bench->nodes[0].raft), 21);
    bench_isolate(bench, 2, false);
    bench_run(bench, 50);
    assert_int_equal(bench->nodes[0].wanted, 3);
}

static void test_snapshot_brings_laggard_back(void **state)
{
    struct bench bench;
    struct raft_progress progress;
    (void)state;
    fall_behind(&bench);
    assert_int_equal(raft_progress_of(bench.nodes[0].raft, 3, &progress), 0);
    assert_true(progress.is_snapshotting);
    struct raft_snapshot snapshot = snapshot_of(&bench, 0, 20);
    assert_int_equal(step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_READY, 3, &snapshot), 0);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[2].install.index, 20);
    bench_run(&bench, 300); /* installing takes long: no election by it, reads go on */
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    install(&bench, 2);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[2].applied, 22);
    raft_progress_of(bench.nodes[0].raft, 3, &progress);
    assert_false(progress.is_snapshotting);
    assert_int_equal(progress.match_index, 22);
    bench_fini(&bench);
}

/* A new leader that has trimmed its log cannot reach a node that is hardly behind. */
static void test_unreachable_under_new_leader_needs_no_snapshot(void **state)
{
    struct bench bench;
    struct raft_progress progress;
    struct raft_event unreachable = {.kind = RAFT_EVENT_UNREACHABLE, .peer = 3};
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    for (int i = 0; i < 20; i++)
        bench_propose(&bench, 0, "entry");
    bench_run(&bench, 50);
    assert_int_equal(
        bench_step(&bench, 1, (struct raft_event){.kind = RAFT_EVENT_TRIMMED, .index = 15}), 0);
    bench_isolate(&bench, 2, true);
    bench_step(&bench, 0, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 2});
    bench_deliver(&bench);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    assert_int_equal(bench_step(&bench, 1, unreachable), 0);
    bench_isolate(&bench, 2, false);
    bench_run(&bench, 100);
    assert_int_equal(bench.nodes[1].wanted, 0);
    assert_int_equal(raft_progress_of(bench.nodes[1].raft, 3, &progress), 0);
    assert_int_equal(progress.match_index, bench.nodes[1].applied);
    bench_fini(&bench);
}

static void test_snapshot_installing_never_campaigns(void **state)
{
    struct bench bench;
    (void)state;
    fall_behind(&bench);
    struct raft_snapshot snapshot = snapshot_of(&bench, 0, 20);
    step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_READY, 3, &snapshot);
    bench_deliver(&bench);
    bench_isolate(&bench, 2, true);
    bench_run(&bench, 1000);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_FOLLOWER);
    assert_int_equal(raft_leader(bench.nodes[2].raft), 0);
    bench_fini(&bench);
}

static void test_snapshot_failed_is_wanted_again(void **state)
{
    struct bench bench;
    (void)state;
    fall_behind(&bench);
    bench.nodes[0].wanted = 0;
    step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_FAILED, 3, NULL);
    bench_run(&bench, 30);
    assert_int_equal(bench.nodes[0].wanted, 3);
    struct raft_snapshot old = snapshot_of(&bench, 0, 10); /* behind the log: of no use */
    bench.nodes[0].wanted = 0;
    assert_int_equal(step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_READY, 3, &old), 0);
    bench_run(&bench, 30);
    assert_int_equal(bench.nodes[0].wanted, 3);
    struct raft_snapshot good = snapshot_of(&bench, 0, 20);
    step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_READY, 3, &good);
    bench_deliver(&bench);
    bench.nodes[0].wanted = 0;
    assert_int_equal(step_snapshot(&bench, 2, RAFT_EVENT_INSTALL_FAILED, 0, NULL), 0);
    bench_run(&bench, 50); /* the follower says so */
    assert_int_equal(bench.nodes[0].wanted, 3);
    bench_fini(&bench);
}

/* snapshot_not_behind: nothing committed or stored is taken back. */
static void test_snapshot_behind_commit_not_installed(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    for (int i = 0; i < 10; i++)
        bench_propose(&bench, 0, "entry");
    bench_deliver(&bench);
    struct raft_snapshot snapshot = snapshot_of(&bench, 0, 5);
    bench_receive(&bench, 1,
                  (struct raft_message){.kind = RAFT_MSG_SNAPSHOT,
                                        .from = 1,
                                        .to = 2,
                                        .term = raft_term(bench.nodes[0].raft),
                                        .snapshot = &snapshot});
    assert_int_equal(bench.nodes[1].install.index, 0);
    assert_int_equal(bench.last[1].kind, RAFT_MSG_APPEND_REPLY);
    assert_int_equal(raft_last_index(bench.nodes[1].raft), 12);
    bench_fini(&bench);
}

/* A quarantined follower asks although its log matches, and installs one that covers its log. */
static void test_need_snapshot_replaces_state(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_propose(&bench, 0, "a");
    bench_deliver(&bench);
    bench_step(&bench, 2, (struct raft_event){.kind = RAFT_EVENT_NEED_SNAPSHOT});
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[0].wanted, 3);
    bench_propose(&bench, 0, "b"); /* the cluster goes on */
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 4);
    struct raft_snapshot snapshot = snapshot_of(&bench, 0, 4);
    step_snapshot(&bench, 0, RAFT_EVENT_SNAPSHOT_READY, 3, &snapshot);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[2].install.index, 4);
    install(&bench, 2);
    bench_propose(&bench, 0, "c");
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[2].applied, 5);
    bench_fini(&bench);
}

/* It asks again and again; that must not keep it from standing when only its log is complete. */
static void test_need_snapshot_repeated_still_leads_alone(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 1, true);
    bench_propose(&bench, 0, "a");
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3);
    bench_isolate(&bench, 0, true);
    bench.cut[1][2] = bench.cut[2][1] = false;
    for (int i = 0; i < 20; i++) { /* every 1.5 election time-outs, as its owner does */
        bench_step(&bench, 2, (struct raft_event){.kind = RAFT_EVENT_NEED_SNAPSHOT});
        bench_run(&bench, 3 * BENCH_TIMEOUT_MS / 2);
        if (raft_role_of(bench.nodes[2].raft) == RAFT_LEADER)
            break;
    }
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_LEADER);
    bench_fini(&bench);
}

static struct raft_snapshot bad_snapshot = {.index = 5, .term = 2};
static struct raft_entry gap = {.index = 9, .term = 2, .kind = RAFT_ENTRY_NORMAL};
static struct raft_entry newer = {.index = 2, .term = 99, .kind = RAFT_ENTRY_NORMAL};
static struct raft_entry no_kind = {.index = 2, .term = 2, .kind = 9};
static struct raft_entry no_conf = {.index = 2, .term = 2, .kind = RAFT_ENTRY_CONF};

static void test_receive_malformed_dropped_and_counted(void **state)
{
    static const struct raft_message rows[] = {
        {.kind = 0, .from = 2, .to = 1, .term = 2},
        {.kind = 11, .from = 2, .to = 1, .term = 2},
        {.kind = RAFT_MSG_VOTE, .from = 1, .to = 1, .term = 2},
        {.kind = RAFT_MSG_VOTE, .from = 0, .to = 1, .term = 2},
        {.kind = RAFT_MSG_VOTE, .from = 2, .to = 3, .term = 2},
        {.kind = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = 0},
        {.kind = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = UINT64_MAX},
        {.kind = RAFT_MSG_VOTE, .from = 2, .to = 1, .term = 2, .entries = &gap, .entry_count = 1},
        {.kind = RAFT_MSG_APPEND, .from = 2, .to = 1, .term = 2, .log_index = UINT64_MAX},
        {.kind = RAFT_MSG_APPEND, .from = 2, .to = 1, .term = 2, .log_index = 1, .log_term = 3},
        {.kind = RAFT_MSG_APPEND, .from = 2, .to = 1, .term = 2, .entry_count = 1},
        {.kind = RAFT_MSG_APPEND, .from = 2, .to = 1, .term = 2, .entry_count = 5000},
        {.kind = RAFT_MSG_APPEND,
         .from = 2,
         .to = 1,
         .term = 2,
         .log_index = 1,
         .log_term = 1,
         .entries = &gap,
         .entry_count = 1},
        {.kind = RAFT_MSG_APPEND,
         .from = 2,
         .to = 1,
         .term = 2,
         .log_index = 1,
         .log_term = 1,
         .entries = &newer,
         .entry_count = 1},
        {.kind = RAFT_MSG_APPEND,
         .from = 2,
         .to = 1,
         .term = 2,
         .log_index = 1,
         .log_term = 1,
         .entries = &no_kind,
         .entry_count = 1},
        {.kind = RAFT_MSG_APPEND,
         .from = 2,
         .to = 1,
         .term = 2,
         .log_index = 1,
         .log_term = 1,
         .entries = &no_conf,
         .entry_count = 1},
        {.kind = RAFT_MSG_SNAPSHOT, .from = 2, .to = 1, .term = 2},
        {.kind = RAFT_MSG_SNAPSHOT, .from = 2, .to = 1, .term = 2, .snapshot = &bad_snapshot},
    };
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(bench_receive(&bench, 0, rows[i]), 0);
        assert_int_equal(raft_malformed_count(bench.nodes[0].raft), i + 1);
        assert_int_equal(raft_term(bench.nodes[0].raft), 1);
    }
    bench_fini(&bench);
}

/* Random fields in every kind, to a leader and to a follower: no assertion, no lost invariant. */
static void test_receive_random_fields_survives(void **state)
{
    struct bench bench;
    uint64_t random = 42;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t draw[8];
        for (int k = 0; k < 8; k++)
            draw[k] = (random = random * UINT64_C(6364136223846793005) + 1442695040888963407) >> 40;
        uint32_t node = i % 2;
        struct raft_message message = {.kind = (enum raft_message_kind)(1 + draw[0] % 10),
                                       .from = 1 + draw[1] % 5,
                                       .to = node + 1,
                                       .term = raft_term(bench.nodes[node].raft) + draw[2] % 3 / 2,
                                       .log_index = draw[3] % 6,
                                       .log_term = draw[4] % 4,
                                       .commit = draw[5] % 8,
                                       .hint = draw[6] % 8, /* of an APPEND: see below */
                                       .round = draw[7] % 3,
                                       .rejected = draw[7] & 4,
                                       .transfer = draw[7] & 8,
                                       .wants_snapshot = draw[7] & 16};
        if (message.kind == RAFT_MSG_APPEND) /* more than is here would rightly stop the member */
            message.hint = message.log_index < 2 ? message.hint : 0;
        assert_int_equal(bench_receive(&bench, node, message), 0);
        if (i % 50 == 0)
            bench.now_mono_ms += 5;
        bench_step(&bench, node, (struct raft_event){.kind = RAFT_EVENT_TICK});
        bench_discard(&bench);
    }
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_brings_laggard_back),
        cmocka_unit_test(test_unreachable_under_new_leader_needs_no_snapshot),
        cmocka_unit_test(test_snapshot_installing_never_campaigns),
        cmocka_unit_test(test_snapshot_failed_is_wanted_again),
        cmocka_unit_test(test_snapshot_behind_commit_not_installed),
        cmocka_unit_test(test_need_snapshot_replaces_state),
        cmocka_unit_test(test_need_snapshot_repeated_still_leads_alone),
        cmocka_unit_test(test_receive_malformed_dropped_and_counted),
        cmocka_unit_test(test_receive_random_fields_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
