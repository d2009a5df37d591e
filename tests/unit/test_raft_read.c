/* Linearizable reads and leader transfer of raft/core.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/raft_bench.h"

static int read_at(struct bench *bench, uint32_t node, uint64_t read_id)
{
    return bench_step(bench, node,
                      (struct raft_event){.kind = RAFT_EVENT_READ, .read_id = read_id});
}

static int transfer(struct bench *bench, uint32_t node, raft_id to)
{
    return bench_step(bench, node, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = to});
}

/* read_round: §6.4 */
static void test_read_leader_waits_for_quorum(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    assert_int_equal(read_at(&bench, 0, 7), 0);
    assert_int_equal(read_at(&bench, 0, 8), 0); /* shares the next round */
    assert_int_equal(bench.nodes[0].read_count, 0);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[0].read_count, 2);
    assert_int_equal(bench.nodes[0].reads[0].read_id, 7);
    assert_int_equal(bench.nodes[0].reads[1].read_id, 8);
    assert_int_equal(bench.nodes[0].reads[1].index, 2);
    assert_int_equal(bench.nodes[0].reads[1].outcome, RAFT_READ_OK);
    bench_fini(&bench);
}

/* Who is alive since the read was asked? A reply that was on its way before it does not count. */
static void test_read_released_tells_who_answered_since(void **state)
{
    struct bench bench;
    struct raft_progress two, three;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_run(&bench, 2 * BENCH_HEARTBEAT_MS);
    bench_isolate(&bench, 1, true);
    read_at(&bench, 0, 7);
    bench_receive(&bench, 0, bench.last[1]); /* late */
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[0].read_count, 1);
    uint64_t round = raft_round_confirmed(bench.nodes[0].raft);
    raft_progress_of(bench.nodes[0].raft, 2, &two);
    raft_progress_of(bench.nodes[0].raft, 3, &three);
    assert_int_equal(two.last_contact_mono_ms, bench.now_mono_ms);
    assert_true(two.round_acked < round);
    assert_true(three.round_acked >= round);
    bench_fini(&bench);
}

static void test_read_single_voter_answers_at_once(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 0);
    bench_run(&bench, 5);
    read_at(&bench, 0, 7);
    assert_int_equal(bench.nodes[0].read_count, 1);
    bench_fini(&bench);
}

static void test_read_deposed_leader_fails_them(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    read_at(&bench, 0, 7);
    bench_run(&bench, 2 * BENCH_TIMEOUT_MS);
    assert_int_equal(bench.nodes[0].read_count, 1);
    assert_int_equal(bench.nodes[0].reads[0].outcome, RAFT_READ_NO_LEADER);
    read_at(&bench, 0, 8);
    assert_int_equal(bench.nodes[0].reads[1].outcome, RAFT_READ_NO_LEADER);
    bench_fini(&bench);
}

static void test_read_before_own_commit_waits(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 0);
    bench.nodes[0].holds_disk = true;
    bench_run(&bench, 5);
    bench_persist(&bench, 0);
    read_at(&bench, 0, 7);
    assert_int_equal(bench.nodes[0].read_count, 0);
    bench_persist(&bench, 0); /* the no-op */
    assert_int_equal(bench.nodes[0].read_count, 1);
    bench_fini(&bench);
}

/* A learner asks too; a lost ask is repeated; several reads make one ask. */
static void test_read_follower_asks_and_retries(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    bench.cut[3][0] = true;
    read_at(&bench, 3, 7);
    bench_run(&bench, 10);
    bench.cut[3][0] = false;
    read_at(&bench, 3, 8);
    bench_run(&bench, 50);
    assert_int_equal(bench.nodes[3].read_count, 2);
    assert_int_equal(bench.nodes[3].reads[0].outcome, RAFT_READ_OK);
    assert_int_equal(bench.nodes[3].reads[1].index, 2);
    uint32_t asks = bench.sent[RAFT_MSG_READ];
    for (uint64_t id = 10; id < 20; id++)
        read_at(&bench, 3, id);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[3].read_count, 12);
    assert_int_equal(bench.sent[RAFT_MSG_READ] - asks, 2); /* the first; the other nine */
    bench_fini(&bench);
}

static void test_read_ask_of_one_of_three_voters_needs_no_other(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    uint32_t appends = bench.sent[RAFT_MSG_APPEND];
    read_at(&bench, 1, 7);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[1].read_count, 1);
    assert_int_equal(bench.nodes[1].reads[0].outcome, RAFT_READ_OK);
    assert_int_equal(bench.nodes[1].reads[0].index, 2);
    assert_int_equal(bench.sent[RAFT_MSG_APPEND], appends); /* no heartbeat */
    bench_fini(&bench);
}

static void test_read_ask_of_one_of_five_voters_is_one_vote(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 5, 0);
    bench_elect(&bench, 0);
    for (uint32_t node = 2; node < 5; node++)
        bench_isolate(&bench, node, true);
    read_at(&bench, 1, 7);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[1].read_count, 0); /* the leader and the asker are two */
    bench_isolate(&bench, 2, false);
    bench_run(&bench, 2 * BENCH_HEARTBEAT_MS);
    assert_int_equal(bench.nodes[1].read_count, 1);
    bench_fini(&bench);
}

static void test_read_ask_of_a_learner_is_no_vote(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 1, true);
    bench_isolate(&bench, 2, true);
    read_at(&bench, 3, 7);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[3].read_count, 0);
    bench_fini(&bench);
}

/* It may have been on its way for long when the leader's own read began. */
static void test_read_late_ask_confirms_no_read_of_others(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    read_at(&bench, 1, 7);
    struct raft_message ask = bench.last[1];
    assert_int_equal(ask.kind, RAFT_MSG_READ);
    bench_discard(&bench);
    read_at(&bench, 0, 8); /* the first round */
    bench_isolate(&bench, 0, true);
    bench_receive(&bench, 0, ask);
    read_at(&bench, 0, 9);
    const struct raft_message acked = {.kind = RAFT_MSG_APPEND_REPLY,
                                       .from = 2,
                                       .to = 1,
                                       .term = ask.term,
                                       .log_index = 2,
                                       .round = raft_round_confirmed(bench.nodes[0].raft) + 1};
    bench_receive(&bench, 0, acked); /* the second begins, of the ask and of 9 */
    assert_int_equal(bench.nodes[0].read_count, 1);
    assert_int_equal(bench.nodes[0].reads[0].read_id, 8);
    bench_fini(&bench);
}

static void test_read_over_bound_refused(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    for (uint64_t id = 0; id < RAFT_READS_MAX; id++)
        assert_int_equal(read_at(&bench, 0, id), 0);
    assert_int_equal(read_at(&bench, 0, 1), RAFT_EBUSY);
    bench_fini(&bench);
}

static void test_transfer_hands_over(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    assert_int_equal(transfer(&bench, 0, 1), RAFT_EINVALID); /* itself */
    assert_int_equal(transfer(&bench, 0, 4), RAFT_EINVALID); /* a learner */
    assert_int_equal(transfer(&bench, 0, 9), RAFT_EINVALID);
    assert_int_equal(transfer(&bench, 1, 3), RAFT_ENOTLEADER);
    assert_int_equal(transfer(&bench, 0, 3), 0);
    bench_deliver(&bench);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_LEADER);
    assert_int_equal(bench.nodes[0].transfer, RAFT_TRANSFER_DONE);
    bench_fini(&bench);
}

/* Nothing was written since it fell silent, so its log is as long as any. */
static void test_transfer_to_the_best_passes_over_the_silent(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 1, true);
    bench_run(&bench, 2 * BENCH_TIMEOUT_MS);
    assert_int_equal(transfer(&bench, 0, 0), 0);
    bench_deliver(&bench);
    assert_int_equal(bench.nodes[0].transfer, RAFT_TRANSFER_DONE);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_LEADER);
    bench_fini(&bench);
}

/* transfer_catch_up */
static void test_transfer_waits_for_log_and_times_out(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 2, true);
    bench_propose(&bench, 0, "a");
    bench_deliver(&bench);
    assert_int_equal(transfer(&bench, 0, 3), 0);
    assert_int_equal(bench.sent[RAFT_MSG_TIMEOUT_NOW], 0);
    assert_int_equal(bench_propose(&bench, 0, "b"), RAFT_EBUSY);
    assert_int_equal(transfer(&bench, 0, 2), RAFT_EBUSY);
    bench_run(&bench, BENCH_TIMEOUT_MS + 10);
    assert_int_equal(bench.nodes[0].transfer, RAFT_TRANSFER_TIMEOUT);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(bench_propose(&bench, 0, "b"), 0);
    assert_int_equal(transfer(&bench, 0, 0), 0); /* the best one is the other */
    bench_deliver(&bench);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_leader_waits_for_quorum),
        cmocka_unit_test(test_read_released_tells_who_answered_since),
        cmocka_unit_test(test_read_single_voter_answers_at_once),
        cmocka_unit_test(test_read_deposed_leader_fails_them),
        cmocka_unit_test(test_read_before_own_commit_waits),
        cmocka_unit_test(test_read_follower_asks_and_retries),
        cmocka_unit_test(test_read_ask_of_one_of_three_voters_needs_no_other),
        cmocka_unit_test(test_read_ask_of_one_of_five_voters_is_one_vote),
        cmocka_unit_test(test_read_ask_of_a_learner_is_no_vote),
        cmocka_unit_test(test_read_late_ask_confirms_no_read_of_others),
        cmocka_unit_test(test_read_over_bound_refused),
        cmocka_unit_test(test_transfer_hands_over),
        cmocka_unit_test(test_transfer_to_the_best_passes_over_the_silent),
        cmocka_unit_test(test_transfer_waits_for_log_and_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
