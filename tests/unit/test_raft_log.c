/* Replication, durability and commitment of raft/core.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/raft_bench.h"

#define LEADER_TERM 5

/* APPEND of node 2, in LEADER_TERM, with entries of the terms in @terms (0-terminated). */
static void append(struct bench *bench, uint64_t prev, uint64_t prev_term, const uint64_t *terms,
                   uint64_t commit)
{
    struct raft_entry entries[8];
    struct raft_message message = {.kind = RAFT_MSG_APPEND,
                                   .from = 2,
                                   .to = 1,
                                   .term = LEADER_TERM,
                                   .log_index = prev,
                                   .log_term = prev_term,
                                   .commit = commit,
                                   .entries = entries};
    while (terms != NULL && terms[message.entry_count] != 0) {
        entries[message.entry_count] = (struct raft_entry){.index = prev + 1 + message.entry_count,
                                                           .term = terms[message.entry_count],
                                                           .kind = RAFT_ENTRY_NORMAL};
        message.entry_count++;
    }
    assert_int_equal(bench_receive(bench, 0, message), 0);
}

static void reply(struct bench *bench, raft_id from, uint64_t term, uint64_t match)
{
    bench_receive(bench, 0,
                  (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                        .from = from,
                                        .to = 1,
                                        .term = term,
                                        .log_index = match});
}

static void test_propose_reaches_all_and_applies(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    assert_int_equal(bench_propose(&bench, 0, "a"), 0);
    assert_int_equal(bench.nodes[0].proposed, 3);
    assert_int_equal(bench_propose(&bench, 1, "b"), RAFT_ENOTLEADER);
    bench_deliver(&bench); /* no tick: the commit index travels at once */
    for (uint32_t i = 0; i < bench.count; i++)
        assert_int_equal(bench.nodes[i].applied, 3);
    bench_fini(&bench);
}

static void test_propose_over_bounds_refused(void **state)
{
    struct bench bench;
    struct raft_buf *data[1] = {raft_buf_new(NULL, RAFT_ENTRY_LEN_MAX + 1)};
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE, .data = data, .data_count = 1};
    (void)state;
    bench_init(&bench, 1, 0);
    bench_run(&bench, 10);
    assert_int_equal(bench_step(&bench, 0, event), RAFT_ELIMIT);
    event.data_count = 0;
    assert_int_equal(bench_step(&bench, 0, event), RAFT_ELIMIT);
    raft_buf_unref(data[0]);
    bench.nodes[0].holds_disk = true;
    int rc = 0;
    data[0] = raft_buf_new(NULL, RAFT_ENTRY_LEN_MAX);
    event.data_count = 1;
    uint32_t taken = 0;
    for (; taken < 100 && rc == 0; taken++)
        rc = bench_step(&bench, 0, event);
    assert_int_equal(rc, RAFT_EBUSY);
    assert_in_range(taken, 30, 34); /* RAFT_UNSTORED_LEN_MAX */
    raft_buf_unref(data[0]);
    bench_fini(&bench);
}

/* ack_durable, follower and leader. */
static void test_append_acknowledged_when_durable(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench.nodes[1].holds_disk = true;
    bench_isolate(&bench, 2, true);
    bench_propose(&bench, 0, "a");
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 2);
    bench_persist(&bench, 1);
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3);
    bench.nodes[0].holds_disk = true;
    bench.nodes[1].holds_disk = false;
    bench_propose(&bench, 0, "b");
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3); /* one of three has it */
    bench_persist(&bench, 0);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 4);
    bench_fini(&bench);
}

/* ack_verified: the follower's tail 2/3 3/3 is not the leader's; a heartbeat at 1 vouches for 1. */
static void test_heartbeat_acknowledges_only_verified(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    append(&bench, 1, 1, (const uint64_t[]){3, 3, 0}, 1);
    assert_int_equal(bench.last[0].log_index, 3);
    bench_crash(&bench, 0);
    bench_restart(&bench, 0);
    append(&bench, 1, 1, NULL, 3);
    assert_int_equal(bench.last[0].kind, RAFT_MSG_APPEND_REPLY);
    assert_int_equal(bench.last[0].log_index, 1);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 1);
    bench_fini(&bench);
}

/* §3.5, Figure 3.6: log in, message, log out. */
/* The leader remembers more of this log than is there: it must not go on as if nothing had been. */
static void test_append_after_acknowledged_entries_are_lost_stops(void **state)
{
    struct bench bench;
    struct raft_message message = {.kind = RAFT_MSG_APPEND,
                                   .from = 2,
                                   .to = 1,
                                   .term = LEADER_TERM,
                                   .log_index = 4,
                                   .log_term = LEADER_TERM,
                                   .hint = 4};
    (void)state;
    bench_init(&bench, 3, 0);
    append(&bench, 1, 1, (const uint64_t[]){LEADER_TERM, LEADER_TERM, 0}, 1);
    assert_int_equal(bench_receive(&bench, 0, message), RAFT_ECORRUPT);
    message.hint = 3; /* and from then on nothing is taken */
    assert_int_equal(bench_receive(&bench, 0, message), RAFT_ECORRUPT);
    bench_fini(&bench);
}

static void test_append_table(void **state)
{
    static const struct {
        const char *what;
        uint64_t own[5], prev, prev_term, sent[5];
        bool is_rejected;
        uint64_t answer, hint, last;
    } rows[] = {
        {"continues", {2, 0}, 2, 2, {3, 0}, false, 3, 0, 3},
        {"gap", {2, 0}, 4, 2, {3, 0}, true, 4, 2, 2},
        {"older term there: whole terms skipped", {2, 3, 3, 0}, 4, 2, {4, 0}, true, 4, 2, 4},
        {"conflict cuts", {2, 2, 2, 0}, 2, 2, {4, 0}, false, 3, 0, 3},
        {"all known: nothing is cut", {2, 2, 2, 0}, 1, 1, {2, 0}, false, 2, 0, 4},
        {"half known", {2, 2, 0}, 2, 2, {2, 4, 0}, false, 4, 0, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        bench_init(&bench, 3, 0);
        append(&bench, 1, 1, rows[i].own, 1);
        bench_crash(&bench, 0);
        bench_restart(&bench, 0);
        append(&bench, rows[i].prev, rows[i].prev_term, rows[i].sent, 1);
        print_message("%s\n", rows[i].what);
        assert_int_equal(bench.last[0].rejected, rows[i].is_rejected);
        assert_int_equal(bench.last[0].log_index, rows[i].answer);
        assert_int_equal(bench.last[0].hint, rows[i].hint);
        assert_int_equal(raft_last_index(bench.nodes[0].raft), rows[i].last);
        assert_int_equal(bench.nodes[0].count, rows[i].last - 1);
        bench_fini(&bench);
    }
}

/* An entry that replaced another one is not durable because the first one is. */
static void test_persisted_replaced_entry_not_counted(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    append(&bench, 1, 1, NULL, 1); /* the term is durable */
    bench.nodes[0].holds_disk = true;
    append(&bench, 1, 1, (const uint64_t[]){3, 3, 0}, 1);
    uint64_t first_seq = bench.nodes[0].seq;
    struct raft_entry entry = {.index = 2, .term = 6, .kind = RAFT_ENTRY_NORMAL};
    bench_receive(&bench, 0,
                  (struct raft_message){.kind = RAFT_MSG_APPEND,
                                        .from = 3,
                                        .to = 1,
                                        .term = 6,
                                        .log_index = 1,
                                        .log_term = 1,
                                        .entries = &entry,
                                        .entry_count = 1});
    bench_step(&bench, 0, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .seq = first_seq});
    assert_int_equal(raft_persisted_index(bench.nodes[0].raft), 1);
    uint32_t replies = bench.sent[RAFT_MSG_APPEND_REPLY];
    bench_persist(&bench, 0);
    assert_int_equal(raft_persisted_index(bench.nodes[0].raft), 2);
    assert_int_equal(bench.sent[RAFT_MSG_APPEND_REPLY], replies + 1);
    assert_int_equal(bench.last[0].to, 3);
    bench_fini(&bench);
}

/* drop_old_acks */
static void test_append_reply_of_old_term_dropped(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    uint64_t term = raft_term(bench.nodes[0].raft);
    bench_isolate(&bench, 0, true);
    bench_propose(&bench, 0, "a");
    reply(&bench, 2, term - 1, 3);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 2);
    reply(&bench, 2, term, 3);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3);
    bench_fini(&bench);
}

/* A commit index that is held goes out with the next entries, or by a tick. */
static void test_commit_held_until_append_or_tick(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench.holds_commit = true;
    bench_propose(&bench, 0, "a");
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3);
    assert_int_equal(raft_commit_index(bench.nodes[1].raft), 2);
    bench_propose(&bench, 0, "b");
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 4);
    assert_int_equal(raft_commit_index(bench.nodes[1].raft), 3);
    bench_step(&bench, 0, (struct raft_event){.kind = RAFT_EVENT_TICK});
    bench_deliver(&bench);
    assert_int_equal(raft_commit_index(bench.nodes[1].raft), 4);
    bench_fini(&bench);
}

/* Figure 3.7 (figure 8 of the paper): an entry of an older term on a majority is not committed
 * before one of the leader's own term is. */
static void test_commit_figure_8(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 5, 0);
    append(&bench, 1, 1, (const uint64_t[]){2, 0}, 1);
    bench_crash(&bench, 0);
    bench_restart(&bench, 0);
    for (uint32_t i = 0; i < 5; i++)
        bench.cut[0][i] = true;
    bench_elect(&bench, 0);
    uint64_t term = raft_term(bench.nodes[0].raft);
    for (raft_id id = 2; id <= 3; id++)
        bench_receive(&bench, 0,
                      (struct raft_message){
                          .kind = RAFT_MSG_PRE_VOTE_REPLY, .from = id, .to = 1, .term = term + 1});
    for (raft_id id = 2; id <= 3; id++)
        bench_receive(&bench, 0,
                      (struct raft_message){
                          .kind = RAFT_MSG_VOTE_REPLY, .from = id, .to = 1, .term = term + 1});
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    reply(&bench, 2, term + 1, 2);
    reply(&bench, 3, term + 1, 2);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 1); /* 2/2 is on three of five */
    reply(&bench, 2, term + 1, 3);
    reply(&bench, 3, term + 1, 3);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 3); /* the no-op, and with it 2/2 */
    bench_fini(&bench);
}

/* inflight_bounds: a silent follower gets RAFT_INFLIGHT_MAX appends, and heartbeats without any. */
static void test_flush_silent_peer_bounded(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench.cut[1][0] = true;
    bench.cut[0][1] = true;
    bench.cut[0][2] = true;
    uint32_t before = bench.sent[RAFT_MSG_APPEND];
    for (int i = 0; i < 100; i++)
        bench_propose(&bench, 0, "entry");
    assert_int_equal(bench.sent[RAFT_MSG_APPEND] - before, 2 * RAFT_INFLIGHT_MAX);
    bench_isolate(&bench, 0, false);
    bench_run(&bench, 100); /* the heartbeat finds the loss, one probe, then the rest in one go */
    assert_int_equal(raft_commit_index(bench.nodes[2].raft), 102);
    bench_fini(&bench);
}

static void test_restart_recovers_log_and_reapplies(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    for (int i = 0; i < 10; i++)
        bench_propose(&bench, 0, "entry");
    bench_deliver(&bench);
    bench_crash(&bench, 1);
    bench.nodes[1].applied = 5; /* its state machine was behind its log */
    bench_restart(&bench, 1);
    assert_int_equal(raft_last_index(bench.nodes[1].raft), 12);
    bench_run(&bench, 50);
    assert_int_equal(bench.nodes[1].applied, 12);
    bench_fini(&bench);
}

static void test_new_broken_start_refused(void **state)
{
    struct raft *raft = NULL;
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 0);
    struct raft_options options = {
        .id = 1, .election_timeout_ms = 100, .heartbeat_ms = 10, .reader = {0}};
    struct raft_start start = {.hard_state = {.term = 9}};
    assert_int_equal(raft_new(&options, &start, &raft), RAFT_EINVALID); /* no reader */
    bench_fini(&bench);
    assert_null(raft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_propose_reaches_all_and_applies),
        cmocka_unit_test(test_propose_over_bounds_refused),
        cmocka_unit_test(test_append_acknowledged_when_durable),
        cmocka_unit_test(test_heartbeat_acknowledges_only_verified),
        cmocka_unit_test(test_append_after_acknowledged_entries_are_lost_stops),
        cmocka_unit_test(test_append_table),
        cmocka_unit_test(test_persisted_replaced_entry_not_counted),
        cmocka_unit_test(test_append_reply_of_old_term_dropped),
        cmocka_unit_test(test_commit_held_until_append_or_tick),
        cmocka_unit_test(test_commit_figure_8),
        cmocka_unit_test(test_flush_silent_peer_bounded),
        cmocka_unit_test(test_restart_recovers_log_and_reapplies),
        cmocka_unit_test(test_new_broken_start_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
