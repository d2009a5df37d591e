/* Going on from one survivor after the loss of the quorum (raft/core/recover.c): five voters, of
 * which three are lost; nodes 0 and 1 survive.
 * links: raft_core raft_bench */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/raft_bench.h"

#define GENERATION_1 ((UINT64_C(1) << RAFT_GENERATION_SHIFT) + (UINT64_C(77) << 24))

static void cut_between(struct bench *bench, uint32_t first, bool is_cut)
{
    for (uint32_t i = 0; i < first; i++) {
        for (uint32_t j = first; j < bench->count; j++)
            bench->cut[i][j] = bench->cut[j][i] = is_cut;
    }
}

/* Five voters with three entries on all, led by @leader; then nodes 0 and 1 are alone. */
static void lose_quorum(struct bench *bench, uint32_t leader)
{
    bench_init(bench, 5, 0);
    bench_elect(bench, leader);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(bench_propose(bench, leader, "kept"), 0);
    bench_deliver(bench);
    bench_run(bench, 50);
    cut_between(bench, 2, true);
}

/* @node goes on with the other survivor as a learner. */
static int recover(struct bench *bench, uint32_t node, uint64_t term)
{
    const struct raft_conf conf = {.count = 2,
                                   .members = {{1, node == 0 ? RAFT_VOTER : RAFT_LEARNER},
                                               {2, node == 1 ? RAFT_VOTER : RAFT_LEARNER}}};
    return bench_step(bench, node,
                      (struct raft_event){.kind = RAFT_EVENT_RECOVER, .term = term, .conf = &conf});
}

static void assert_same_log(const struct bench_node *a, const struct bench_node *b)
{
    assert_int_equal(a->count, b->count);
    for (uint64_t i = 0; i < a->count; i++)
        assert_true(a->entries[i].term == b->entries[i].term);
}

static void test_recover_survivor_leads_and_commits(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    bench_run(&bench, 1000);
    assert_int_not_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench_run(&bench, 100);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_true(raft_term(bench.nodes[0].raft) == GENERATION_1);
    assert_int_equal(bench_propose(&bench, 0, "new"), 0);
    bench_run(&bench, 100);
    assert_int_equal(bench.nodes[0].applied, raft_last_index(bench.nodes[0].raft));
    assert_int_equal(bench.nodes[1].applied,
                     bench.nodes[0].applied); /* the other survivor follows */
    assert_same_log(&bench.nodes[0], &bench.nodes[1]);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), 0);
    bench_run(&bench, 100);
    assert_int_equal(raft_conf_voters(raft_conf_of(bench.nodes[1].raft)), 2);
    bench_fini(&bench);
}

/* It leads only once that is durable, and again after a restart. */
static void test_recover_crash_once_durable_leads_again(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    bench.nodes[0].holds_disk = true;
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_CANDIDATE);
    assert_int_equal(bench.sent[RAFT_MSG_VOTE], 4); /* those of the first election */
    bench_crash(&bench, 0);
    bench.nodes[0].holds_disk = false;
    bench_restart(&bench, 0);
    bench_run(&bench, 300);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(raft_generation(raft_term(bench.nodes[0].raft)), 1);
    bench_fini(&bench);
}

static void test_recover_is_refused_where_it_makes_no_sense(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench, 2, 1);
    bench_elect(&bench, 0);
    assert_int_equal(recover(&bench, 0, GENERATION_1), RAFT_EBUSY); /* it leads */
    assert_int_equal(recover(&bench, 1, 9), RAFT_EINVALID);         /* no new generation */
    const struct raft_conf two = {.count = 2, .members = {{1, RAFT_VOTER}, {2, RAFT_VOTER}}};
    const struct raft_conf other = {.count = 2, .members = {{1, RAFT_VOTER}, {2, RAFT_LEARNER}}};
    const struct raft_conf stranger = {.count = 2, .members = {{2, RAFT_VOTER}, {9, RAFT_LEARNER}}};
    const struct raft_conf *const confs[] = {&two, &other, &stranger, NULL};
    for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
        int rc =
            bench_step(&bench, 1,
                       (struct raft_event){
                           .kind = RAFT_EVENT_RECOVER, .term = GENERATION_1, .conf = confs[i]});
        assert_int_equal(rc, RAFT_EINVALID);
    }
    assert_int_equal(bench_step(&bench, 1, (struct raft_event){.kind = RAFT_EVENT_NEED_SNAPSHOT}),
                     0);
    assert_int_equal(recover(&bench, 1, GENERATION_1), RAFT_EBUSY); /* quarantined */
    bench_fini(&bench);
}

/* A replica may be the survivor. */
static void test_recover_from_a_learner(void **state)
{
    struct bench bench;
    const struct raft_conf alone = {.count = 1, .members = {{4, RAFT_VOTER}}};
    (void)state;
    bench_init(&bench, 3, 1);
    bench_elect(&bench, 0);
    for (uint32_t i = 0; i < 3; i++)
        bench_crash(&bench, i);
    assert_int_equal(
        bench_step(
            &bench, 3,
            (struct raft_event){.kind = RAFT_EVENT_RECOVER, .term = GENERATION_1, .conf = &alone}),
        0);
    bench_run(&bench, 50);
    assert_int_equal(raft_role_of(bench.nodes[3].raft), RAFT_LEADER);
    assert_int_equal(bench_propose(&bench, 3, "new"), 0);
    bench_fini(&bench);
}

/* The lost three were not lost: they elect a leader and write. Neither side takes anything of the
 * other, and no old member ever learns a term of the new generation. */
static void test_recover_old_quorum_comes_back_and_disturbs_nobody(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench_run(&bench, 100);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_LEADER);
    assert_int_equal(bench_propose(&bench, 2, "split"), 0);
    cut_between(&bench, 2, false);
    bench_run(&bench, 2000);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_true(raft_term(bench.nodes[0].raft) == GENERATION_1); /* nobody deposed it */
    assert_int_equal(raft_leader(bench.nodes[1].raft), 1);
    for (uint32_t i = 2; i < 5; i++)
        assert_int_equal(raft_generation(bench.nodes[i].hard_state.term), 0);
    assert_same_log(&bench.nodes[0], &bench.nodes[1]);
    bench_fini(&bench);
}

/* The same with all of them started anew: each alone asks for votes, and is not even answered. */
static void test_recover_old_members_restart_and_are_not_answered(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    for (uint32_t i = 2; i < 5; i++)
        bench_crash(&bench, i);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench_run(&bench, 100);
    bench_restart(&bench, 3);
    cut_between(&bench, 2, false);
    bench_run(&bench, 1000);
    assert_int_equal(raft_role_of(bench.nodes[3].raft), RAFT_PRE_CANDIDATE);
    assert_int_equal(raft_generation(bench.nodes[3].hard_state.term), 0);
    assert_true(raft_term(bench.nodes[0].raft) == GENERATION_1);
    bench_fini(&bench);
}

/* The other survivor's own tail gives way; what it had not committed may be lost. */
static void test_recover_other_survivors_tail_is_truncated(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 1);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    bench.cut[0][1] = bench.cut[1][0] = true;
    for (unsigned i = 0; i < 5; i++) /* nobody has them, so they were never acknowledged */
        assert_int_equal(bench_propose(&bench, 1, "tail"), 0);
    bench_run(&bench, 300);
    bench_discard(&bench);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench.cut[0][1] = bench.cut[1][0] = false;
    bench_run(&bench, 300);
    assert_int_equal(bench.nodes[1].applied, bench.nodes[0].applied);
    assert_same_log(&bench.nodes[0], &bench.nodes[1]);
    bench_fini(&bench);
}

/* It was with the lost ones meanwhile and has committed what the survivor has not: it must say so
 * and stop, not take back what it has applied. */
static void test_recover_member_with_other_commits_is_superseded(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    bench_isolate(&bench, 0, true);
    for (uint32_t i = 2; i < 5; i++)
        bench.cut[1][i] = bench.cut[i][1] = false; /* node 1 hears them again */
    bench_run(&bench, 500);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(bench_propose(&bench, 2, "split"), 0);
    bench_run(&bench, 100);
    uint64_t applied = bench.nodes[1].applied;
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench.cut[0][1] = bench.cut[1][0] = false;
    bench_run(&bench, 500);
    assert_true(bench.nodes[1].is_superseded);
    assert_int_equal(bench.nodes[1].applied, applied);
    assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    assert_int_equal(raft_role_of(bench.nodes[2].raft), RAFT_LEADER); /* of the three others */
    bench_fini(&bench);
}

/* A survivor that no message of the new leader has reached would not vote for anybody here. So it
 * gets no vote before it has answered; after that, the three elect without any one of them. */
static void test_recover_vote_only_for_who_has_answered(void **state)
{
    struct bench bench;
    const struct raft_conf three = {
        .count = 3, .members = {{1, RAFT_VOTER}, {2, RAFT_LEARNER}, {3, RAFT_LEARNER}}};
    (void)state;
    lose_quorum(&bench, 4);
    bench_isolate(&bench, 2, true);
    assert_int_equal(
        bench_step(
            &bench, 0,
            (struct raft_event){.kind = RAFT_EVENT_RECOVER, .term = GENERATION_1, .conf = &three}),
        0);
    bench_run(&bench, 100);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 2), 0);
    bench_run(&bench, 50);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 3), RAFT_ENOQUORUM);
    bench.cut[0][2] = bench.cut[2][0] = false;
    bench_run(&bench, 50);
    assert_int_equal(bench_change(&bench, 0, RAFT_CONF_PROMOTE, 3), 0);
    bench_run(&bench, 50);
    bench_crash(&bench, 1);
    bench_crash(&bench, 0);
    bench_restart(&bench, 0);
    bench_run(&bench, 1000);
    assert_true(raft_role_of(bench.nodes[0].raft) == RAFT_LEADER ||
                raft_role_of(bench.nodes[2].raft) == RAFT_LEADER);
    bench_fini(&bench);
}

/* Two operators at two survivors that do not see each other: each term still has one leader, so the
 * one with the lower term follows if it committed nothing of its own, and else stops. */
static void test_recover_twice_side_by_side_never_mixes(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    bench.cut[0][1] = bench.cut[1][0] = true;
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    assert_int_equal(recover(&bench, 1, GENERATION_1 + (UINT64_C(5) << 24)), 0);
    bench_run(&bench, 100);
    bench.cut[0][1] = bench.cut[1][0] = false;
    bench_run(&bench, 500);
    assert_true(bench.nodes[0].is_superseded);
    assert_false(bench.nodes[1].is_superseded);
    assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_LEADER);
    bench_fini(&bench);
}

/* A member of two clusters that were recovered side by side must not carry the terms of one into
 * the other, whose leader would then lead in them as well. */
static void test_recover_twice_terms_are_not_learnt_by_a_reply(void **state)
{
    struct bench bench;
    const uint64_t other = GENERATION_1 + (UINT64_C(5) << 24);
    const enum raft_message_kind kinds[] = {RAFT_MSG_APPEND_REPLY, RAFT_MSG_VOTE,
                                            RAFT_MSG_VOTE_REPLY, RAFT_MSG_READ_REPLY};
    (void)state;
    lose_quorum(&bench, 2);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench_run(&bench, 100);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct raft_message message = {.kind = kinds[i],
                                             .from = 2,
                                             .to = 1,
                                             .term = other,
                                             .log_index = 9,
                                             .log_term = other,
                                             .rejected = kinds[i] != RAFT_MSG_VOTE};
        assert_int_equal(bench_receive(&bench, 0, message), 0);
        bench_run(&bench, 300);
        assert_true(raft_term(bench.nodes[0].raft) == GENERATION_1);
        assert_int_equal(raft_role_of(bench.nodes[0].raft), RAFT_LEADER);
    }
    bench_fini(&bench);
}

/* What it has committed with the lost ones is more than the survivor's whole log, and is out of its
 * log already: that must not pass for an acknowledgement of what the survivor has there. */
static void test_recover_member_with_trimmed_commits_is_superseded(void **state)
{
    struct bench bench;
    (void)state;
    lose_quorum(&bench, 2);
    bench_isolate(&bench, 0, true);
    for (uint32_t i = 2; i < 5; i++)
        bench.cut[1][i] = bench.cut[i][1] = false;
    bench_run(&bench, 500);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(bench_propose(&bench, 2, "split"), 0);
    bench_run(&bench, 100);
    uint64_t applied = bench.nodes[1].applied;
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    assert_true(raft_last_index(bench.nodes[0].raft) < applied);
    assert_int_equal(
        bench_step(&bench, 1, (struct raft_event){.kind = RAFT_EVENT_TRIMMED, .index = applied}),
        0);
    bench.cut[0][1] = bench.cut[1][0] = false;
    bench_run(&bench, 500);
    assert_true(bench.nodes[1].is_superseded);
    bench_fini(&bench);
}

/* Brought into the recovered cluster by a heartbeat, without an entry: it knows only the members of
 * before, so it does not stand, and it vouches for nothing of its log, after a restart neither. */
static void test_recover_member_without_an_entry_waits_for_one(void **state)
{
    struct bench bench;
    const struct raft_message heartbeat = {
        .kind = RAFT_MSG_APPEND, .from = 1, .to = 2, .term = GENERATION_1};
    (void)state;
    lose_quorum(&bench, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(bench_receive(&bench, 1, heartbeat), 0);
        assert_true(raft_term(bench.nodes[1].raft) == GENERATION_1);
        assert_int_equal(bench.last[1].kind, RAFT_MSG_APPEND_REPLY);
        assert_int_equal(bench.last[1].log_index, 0);
        bench_run(&bench, 1000);
        assert_int_equal(raft_role_of(bench.nodes[1].raft), RAFT_FOLLOWER);
        assert_int_equal(raft_leader(bench.nodes[1].raft), 0);
        bench_crash(&bench, 1);
        bench_restart(&bench, 1);
    }
    bench_fini(&bench);
}

/* It was installing what the lost ones had sent when the recovered leader brought it in. That must
 * not pass for an acknowledgement of what this leader has there. */
static void test_recover_snapshot_of_the_lost_is_not_acknowledged(void **state)
{
    struct bench bench;
    struct raft_progress progress;
    (void)state;
    lose_quorum(&bench, 2);
    struct bench_node *node = &bench.nodes[1];
    struct raft_snapshot snapshot = {.index = raft_last_index(node->raft) + 1,
                                     .term = raft_term(node->raft),
                                     .conf = *raft_conf_of(node->raft)};
    const struct raft_message offer = {.kind = RAFT_MSG_SNAPSHOT,
                                       .from = 3,
                                       .to = 2,
                                       .term = snapshot.term,
                                       .snapshot = &snapshot};
    assert_int_equal(bench_receive(&bench, 1, offer), 0);
    assert_int_equal(node->install.index, snapshot.index);
    assert_int_equal(recover(&bench, 0, GENERATION_1), 0);
    bench_run(&bench, 50);
    assert_int_equal(raft_leader(node->raft), 1);
    assert_true(raft_last_index(bench.nodes[0].raft) >= snapshot.index);
    while (node->count > 0)
        raft_buf_unref(node->entries[--node->count].data);
    node->base = snapshot;
    node->applied = snapshot.index;
    assert_int_equal(
        bench_step(&bench, 1,
                   (struct raft_event){.kind = RAFT_EVENT_INSTALLED, .snapshot = &snapshot}),
        0);
    bench_run(&bench, 500);
    assert_true(node->is_superseded);
    assert_int_equal(raft_progress_of(bench.nodes[0].raft, 2, &progress), 0);
    assert_true(progress.match_index < snapshot.index);
    bench_fini(&bench);
}

static int read_nothing(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                        uint32_t *count)
{
    (void)user, (void)first, (void)len_max, (void)out, (void)count;
    return RAFT_ECOMPACTED;
}

static int term_of_nothing(void *user, uint64_t index, uint64_t *out)
{
    (void)user, (void)index, (void)out;
    return RAFT_ECOMPACTED;
}

/* Storage is trimmed by another thread, and the core told after that. An append from before must
 * not be compared with where the log began till then. */
static void test_recover_trimmed_before_it_is_told_is_no_contradiction(void **state)
{
    enum { COUNT = 20, SEEN = 10 };
    const size_t len = RAFT_CACHE_LEN_MAX / 2 + 1; /* so large that none stays in memory */
    const struct raft_options options = {.id = 1,
                                         .election_timeout_ms = BENCH_TIMEOUT_MS,
                                         .heartbeat_ms = BENCH_HEARTBEAT_MS,
                                         .now_mono_ms = 1000,
                                         .reader = {NULL, read_nothing, term_of_nothing}};
    struct raft_entry entries[COUNT] = {0};
    struct raft_start start = {
        .hard_state = {.term = GENERATION_1},
        .base = {.index = 1,
                 .term = 1,
                 .conf = {.count = 2, .members = {{1, RAFT_LEARNER}, {2, RAFT_VOTER}}}},
        .entries = entries,
        .entry_count = COUNT,
        .applied = 1 + COUNT};
    struct raft_message message = {.kind = RAFT_MSG_APPEND,
                                   .from = 2,
                                   .to = 1,
                                   .term = GENERATION_1,
                                   .log_index = SEEN,
                                   .log_term = GENERATION_1};
    struct raft_event event = {
        .kind = RAFT_EVENT_MESSAGE, .now_mono_ms = 1000, .message = &message};
    struct raft_update update;
    struct raft *raft;
    (void)state;
    void *octets = calloc(1, len);
    assert_non_null(octets);
    for (unsigned i = 0; i < COUNT; i++)
        entries[i] =
            (struct raft_entry){.index = 2 + i, .term = GENERATION_1, .kind = RAFT_ENTRY_NORMAL};
    entries[COUNT - 1].data = raft_buf_new(octets, len);
    assert_non_null(entries[COUNT - 1].data);
    assert_int_equal(raft_new(&options, &start, &raft), 0);
    assert_int_equal(raft_step(raft, &event, &update), 0);
    message.log_term = GENERATION_1 + 1; /* later than anything here */
    message.term = GENERATION_1 + 1;
    assert_int_equal(raft_step(raft, &event, &update), RAFT_ESUPERSEDED);
    raft_free(raft);
    raft_buf_unref(entries[COUNT - 1].data);
    free(octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_survivor_leads_and_commits),
        cmocka_unit_test(test_recover_crash_once_durable_leads_again),
        cmocka_unit_test(test_recover_is_refused_where_it_makes_no_sense),
        cmocka_unit_test(test_recover_from_a_learner),
        cmocka_unit_test(test_recover_old_quorum_comes_back_and_disturbs_nobody),
        cmocka_unit_test(test_recover_old_members_restart_and_are_not_answered),
        cmocka_unit_test(test_recover_other_survivors_tail_is_truncated),
        cmocka_unit_test(test_recover_member_with_other_commits_is_superseded),
        cmocka_unit_test(test_recover_vote_only_for_who_has_answered),
        cmocka_unit_test(test_recover_twice_side_by_side_never_mixes),
        cmocka_unit_test(test_recover_twice_terms_are_not_learnt_by_a_reply),
        cmocka_unit_test(test_recover_member_with_trimmed_commits_is_superseded),
        cmocka_unit_test(test_recover_member_without_an_entry_waits_for_one),
        cmocka_unit_test(test_recover_snapshot_of_the_lost_is_not_acknowledged),
        cmocka_unit_test(test_recover_trimmed_before_it_is_told_is_no_contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
