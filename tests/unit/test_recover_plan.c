/* May the cluster go on from one survivor? cluster/recover_plan.c.
 * links: cluster raft_core base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/recover_plan.h"
#include "raft/core/entry.h"

#define GENERATION_1 (UINT64_C(1) << RAFT_GENERATION_SHIFT)

/* Five voters; ns1 (self) and ns2 are left, their logs end alike. */
static void fill(struct recover_member members[5])
{
    static const char *const names[] = {"ns1", "ns2", "ns3", "ns4", "ns5"};

    for (unsigned i = 0; i < 5; i++) {
        members[i] = (struct recover_member){.id = i + 1,
                                             .name = names[i],
                                             .admin_address = "192.0.2.1:5302",
                                             .is_self = i == 0,
                                             .is_voter = true,
                                             .answers = i < 2,
                                             .term = 7,
                                             .last_term = 6,
                                             .last_index = 100,
                                             .applied_index = 98};
    }
}

static void assert_refused(const struct recover_member *members, const char *words)
{
    struct recover_plan plan;

    assert_int_equal(recover_plan(members, 5, &plan), ERR_CONFLICT);
    assert_non_null(strstr(plan.refusal, words));
    assert_string_equal(plan.loss, "");
}

static void test_plan_equal_logs_may_go_on(void **state)
{
    struct recover_member members[5];
    struct recover_plan plan;

    (void)state;
    fill(members);
    assert_int_equal(recover_plan(members, 5, &plan), 0);
    assert_string_equal(plan.refusal, "");
    assert_int_equal(plan.generation, 1);
    assert_non_null(strstr(plan.loss, "only on ns3, ns4, ns5 is lost"));
    assert_non_null(strstr(plan.loss, "behind entry 100,"));
    assert_non_null(strstr(plan.loss, "behind entry 98 (2 entries)"));
    members[0].term = members[1].term = GENERATION_1 + 3;
    assert_int_equal(recover_plan(members, 5, &plan), 0);
    assert_int_equal(plan.generation, 2);
}

static void test_plan_a_quorum_is_left_alone(void **state)
{
    struct recover_member members[5];

    (void)state;
    fill(members);
    members[2].answers = true;
    assert_refused(members, "3 of 5 voters answer");
    fill(members);
    members[1].leader = 4;
    assert_refused(members, "ns4 leads, as ns2 hears");
    fill(members);
    for (unsigned i = 1; i < 5; i++)
        members[i].is_voter = false; /* alone, and enough */
    assert_refused(members, "1 of 1 voters answer");
}

/* The rule of votes: the term of the last entry comes first, then the length. */
static void test_plan_the_newest_log_must_go_on(void **state)
{
    struct recover_member members[5];
    struct recover_plan plan;

    (void)state;
    fill(members);
    members[1].last_index = 101;
    assert_refused(members, "ns2 has more of the log (entry 101, here 100)");
    members[1].is_quarantined = true; /* it cannot be the one, so what it has more is lost */
    assert_int_equal(recover_plan(members, 5, &plan), 0);
    assert_non_null(strstr(plan.loss, "only on ns2, ns3, ns4, ns5 is lost"));
    fill(members);
    members[1].last_term = 7;
    members[1].last_index = 50;
    assert_refused(members, "ns2 has more");
    fill(members);
    members[1].last_term = 5;
    members[1].last_index = 500;
    assert_int_equal(recover_plan(members, 5, &plan), 0);
    members[4].last_index = 900; /* it does not answer, so this is nobody's word */
    assert_int_equal(recover_plan(members, 5, &plan), 0);
}

static void test_plan_unfit_survivors_are_refused(void **state)
{
    struct recover_member members[5];

    (void)state;
    fill(members);
    members[0].is_quarantined = true;
    assert_refused(members, "not to be trusted");
    fill(members);
    members[1].term = GENERATION_1;
    assert_refused(members, "recovered by ns2 already");
    fill(members);
    members[0].answers = false;
    assert_refused(members, "member of no cluster");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_equal_logs_may_go_on),
        cmocka_unit_test(test_plan_a_quorum_is_left_alone),
        cmocka_unit_test(test_plan_the_newest_log_must_go_on),
        cmocka_unit_test(test_plan_unfit_survivors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
