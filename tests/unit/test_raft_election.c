/* Terms, votes, pre-votes, check-quorum and learners of raft/core.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/raft_bench.h"

static struct raft_message from_2(enum raft_message_kind kind, uint64_t term, uint64_t log_index,
                                  uint64_t log_term)
{
    return (struct raft_message){.kind = kind,
                                 .from = 2,
                                 .to = 1,
                                 .term = term,
                                 .log_index = log_index,
                                 .log_term = log_term};
}

static void test_campaign_single_voter_leads_when_durable(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 1, 1);
    bench.nodes[0].holds_disk = true;
    bench_step(&bench, 0, (struct raft_event){.kind = RAFT_EVENT_TICK}); /* nobody to wait for */
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_CANDIDATE);
    bench_persist(&bench, 0); /* its own vote */
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 1);
    bench_persist(&bench, 0); /* the no-op */
    assert_int_equal(raft_commit_index(bench.nodes[0].raft), 2);
    bench_fini(&bench);
}

/* It follows with entries that are not durable, becomes the only voter by them, and leads in the
 * step that makes all of it durable: there is no leader left to acknowledge them to. */
static void test_campaign_only_voter_acknowledges_nothing(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 2, 0);
    bench_elect(&bench, 0);
    bench.nodes[1].holds_disk = true;
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_DEMOTE, 1), 0);
    bench_deliver(&bench);
    bench_isolate(&bench, 0, true);
    uint32_t replies = bench.sent[RAFT_MSG_APPEND_REPLY];
    bench_elect(&bench, 1);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_CANDIDATE);
    bench_persist(&bench, 1); /* the leader's entry, then its own vote */
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    assert_int_equal(bench.sent[RAFT_MSG_APPEND_REPLY], replies);
    bench_fini(&bench);
}

static void test_campaign_three_voters_elect_one(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 1);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    for (uint32_t i = 0; i < bench.count; i++) {
        assert_int_equal(raft_leader(bench.nodes[i].raft), 2);
        assert_int_equal(raft_commit_index(bench.nodes[i].raft), 2); /* told at once */
    }
    bench_fini(&bench);
}

/* pre_vote, check_quorum: a member that was cut off comes back and deposes nobody. */
static void test_campaign_after_partition_leaves_term(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    uint64_t term = raft_term(bench.nodes[0].raft);
    bench_isolate(&bench, 2, true);
    bench_run(&bench, 1000);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_PRE_CANDIDATE);
    bench_isolate(&bench, 2, false);
    bench_run(&bench, 300);
    assert_int_equal(raft_term(bench.nodes[0].raft), term);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(raft_leader(bench.nodes[2].raft), 1);
    bench_fini(&bench);
}

/* §3.6.1 and Figure 3.1, one row per rule; the voter's log ends at 1/1, its term is 1. */
static void test_receive_vote_table(void **state)
{
    static const struct {
        const char *what;
        raft_id voted_for;
        uint64_t term, log_index, log_term;
        bool is_granted;
    } rows[] = {
        {"equal log", 0, 2, 1, 1, true},
        {"longer log", 0, 2, 9, 1, true},
        {"newer term, shorter", 0, 2, 1, 2, true},
        {"shorter log", 0, 2, 0, 0, false},
        {"voted for it", 2, 1, 1, 1, true},
        {"voted for another", 3, 1, 1, 1, false},
        {"vote of an older term", 3, 2, 1, 1, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        bench_init(&bench, 3, 0);
        bench_crash(&bench, 0);
        bench.nodes[0].hard_state.voted_for = rows[i].voted_for;
        bench_restart(&bench, 0);
        bench_receive(&bench, 0,
                      from_2(RAFT_MSG_VOTE, rows[i].term, rows[i].log_index, rows[i].log_term));
        print_message("%s\n", rows[i].what);
        assert_int_equal(bench.last[0].kind, RAFT_MSG_VOTE_REPLY);
        assert_int_equal(bench.last[0].rejected, !rows[i].is_granted);
        assert_int_equal(bench.nodes[0].hard_state.term, rows[i].term);
        bench_fini(&bench);
    }
}

/* vote_durable */
static void test_receive_vote_replies_only_when_durable(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench.nodes[0].holds_disk = true;
    bench_receive(&bench, 0, from_2(RAFT_MSG_VOTE, 5, 1, 1));
    assert_int_equal(bench.sent[RAFT_MSG_VOTE_REPLY], 0);
    bench_persist(&bench, 0);
    assert_int_equal(bench.sent[RAFT_MSG_VOTE_REPLY], 1);
    assert_false(bench.last[0].rejected);
    bench_fini(&bench);
}

static void test_campaign_requests_votes_only_when_durable(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench.nodes[0].holds_disk = true;
    bench_elect(&bench, 0); /* pre-votes need nothing durable */
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_CANDIDATE);
    assert_int_equal(bench.sent[RAFT_MSG_VOTE], 0);
    bench_persist(&bench, 0);
    assert_int_equal(bench.sent[RAFT_MSG_VOTE], 2);
    bench_fini(&bench);
}

/* check_quorum: near a live leader a vote is ignored, unless it is a transfer's. */
static void test_receive_vote_near_leader_ignored(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 2);
    uint64_t term = raft_term(bench.nodes[0].raft);
    bench_receive(&bench, 0, from_2(RAFT_MSG_VOTE, term + 3, 9, term));
    assert_int_equal(raft_term(bench.nodes[0].raft), term);
    struct raft_message transfer = from_2(RAFT_MSG_VOTE, term + 3, 9, term);
    transfer.transfer = true;
    bench_receive(&bench, 0, transfer);
    assert_int_equal(raft_term(bench.nodes[0].raft), term + 3);
    assert_false(bench.last[0].rejected);
    bench_fini(&bench);
}

static void test_tick_leader_unheard_steps_down(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    bench_run(&bench, 2 * BENCH_TIMEOUT_MS);
    assert_int_not_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(raft_leader(bench.nodes[0].raft), 0);
    bench_fini(&bench);
}

/* A process that stood still does not take its own silence for the leader's. */
static void test_tick_after_stall_does_not_campaign(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_run(&bench, 50);
    bench.now_mono_ms += 10 * BENCH_TIMEOUT_MS;
    bench_step(&bench, 1, (struct raft_event){.kind = RAFT_EVENT_TICK});
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_FOLLOWER);
    bench_fini(&bench);
}

/* learner_no_vote */
static void test_learner_neither_asked_nor_counted(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 2);
    bench_isolate(&bench, 1, true);
    bench_isolate(&bench, 2, true);
    bench_run(&bench, 1000); /* one voter and two learners are no majority */
    for (uint32_t i = 0; i < bench.count; i++)
        assert_int_not_equal(raft_role_of(bench.nodes[i].raft), RAFT_LEADER);
    assert_int_equal(raft_role_of(bench.nodes[3].raft), RAFT_FOLLOWER);
    bench_fini(&bench);
}

/* drop_old_acks: a vote of an earlier campaign does not elect in this one. */
static void test_receive_vote_reply_of_old_term_dropped(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 3, 0);
    bench_elect(&bench, 0);
    bench_isolate(&bench, 0, true);
    bench_run(&bench, 500);
    uint64_t term = raft_term(bench.nodes[0].raft);
    struct raft_message pre = from_2(RAFT_MSG_PRE_VOTE_REPLY, term + 1, 0, 0);
    bench_receive(&bench, 0, pre);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_CANDIDATE);
    bench_receive(&bench, 0, from_2(RAFT_MSG_VOTE_REPLY, term, 0, 0));
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_CANDIDATE);
    bench_receive(&bench, 0, from_2(RAFT_MSG_VOTE_REPLY, term + 1, 0, 0));
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaign_single_voter_leads_when_durable),
        cmocka_unit_test(test_campaign_only_voter_acknowledges_nothing),
        cmocka_unit_test(test_campaign_three_voters_elect_one),
        cmocka_unit_test(test_campaign_after_partition_leaves_term),
        cmocka_unit_test(test_receive_vote_table),
        cmocka_unit_test(test_receive_vote_replies_only_when_durable),
        cmocka_unit_test(test_campaign_requests_votes_only_when_durable),
        cmocka_unit_test(test_receive_vote_near_leader_ignored),
        cmocka_unit_test(test_tick_leader_unheard_steps_down),
        cmocka_unit_test(test_tick_after_stall_does_not_campaign),
        cmocka_unit_test(test_learner_neither_asked_nor_counted),
        cmocka_unit_test(test_receive_vote_reply_of_old_term_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
