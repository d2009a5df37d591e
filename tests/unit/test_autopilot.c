/* links: cluster
 * Autopilot by table: each row is a cluster as the leader sees it and the one change expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "cluster/autopilot.h"

/* One letter a member, ids from 1: L leader, V voter, D dead voter (31 s), S voter silent for 5 s,
 * R ready replica, C replica catching up, X dead replica, Q quarantined replica. */
struct row {
    const char *members;
    uint32_t voters_max;
    enum autopilot_action action;
    uint64_t id;
};

static void fill(const char *text, struct autopilot_member *out)
{
    for (unsigned i = 0; text[i]; i++) {
        char c = text[i];
        out[i] = (struct autopilot_member){.id = i + 1};
        out[i].is_leader = c == 'L';
        out[i].is_voter = c == 'L' || c == 'V' || c == 'D' || c == 'S';
        out[i].is_quarantined = c == 'Q';
        out[i].silent_ms = c == 'D' || c == 'X' ? 31000 : c == 'S' ? 5000 : 50;
        out[i].lag_entries = c == 'C' || c == 'D' ? 5000 : 0;
    }
}

static unsigned length(const char *text)
{
    unsigned len = 0;
    while (text[len])
        len++;
    return len;
}

static const struct row rows[] = {
    {"L", 5, AUTOPILOT_NOTHING, 0},
    {"LR", 5, AUTOPILOT_NOTHING, 0},  /* two nodes: one voter */
    {"LRR", 5, AUTOPILOT_PROMOTE, 2}, /* the third node makes three */
    {"LRC", 5, AUTOPILOT_NOTHING, 0}, /* but not before it has caught up */
    {"LVR", 5, AUTOPILOT_PROMOTE, 3}, /* two in passing */
    {"LVC", 5, AUTOPILOT_NOTHING, 0}, /* waits for the one that comes */
    {"LVX", 5, AUTOPILOT_DEMOTE, 2},  /* nobody comes: back to one */
    {"LV", 5, AUTOPILOT_DEMOTE, 2},   /* the third was removed */
    {"LVV", 5, AUTOPILOT_NOTHING, 0},
    {"LVVR", 5, AUTOPILOT_NOTHING, 0},  /* four: three voters and a replica */
    {"LVVRR", 5, AUTOPILOT_PROMOTE, 4}, /* five */
    {"LVVRR", 3, AUTOPILOT_NOTHING, 0}, /* unless three are the most */
    {"LVVVR", 5, AUTOPILOT_PROMOTE, 5},
    {"LVVVV", 5, AUTOPILOT_NOTHING, 0},
    {"LVVVVR", 5, AUTOPILOT_NOTHING, 0},
    {"LVVVV", 3, AUTOPILOT_DEMOTE, 5}, /* the setting was lowered */
    {"LVVV", 3, AUTOPILOT_DEMOTE, 4},
    {"LVDR", 5, AUTOPILOT_PROMOTE, 4}, /* a dead voter: promote, … */
    {"LVDV", 5, AUTOPILOT_DEMOTE, 3},  /* … then demote the dead */
    {"LVSR", 5, AUTOPILOT_NOTHING, 0}, /* not before 30 s */
    {"LVDC", 5, AUTOPILOT_NOTHING, 0},
    {"LVDQ", 5, AUTOPILOT_NOTHING, 0},
    {"LVD", 5, AUTOPILOT_NOTHING, 0},  /* no replica: stays three */
    {"LDDR", 5, AUTOPILOT_NOTHING, 0}, /* no live quorum: hands off */
    {"LDVVVR", 5, AUTOPILOT_PROMOTE, 6},
    {"LD", 5, AUTOPILOT_DEMOTE, 2},
    {"LRRX", 5, AUTOPILOT_PROMOTE, 2},
    {"LXX", 5, AUTOPILOT_NOTHING, 0},
};

static void test_decide_table_as_expected(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct autopilot_member members[8];
        struct autopilot_settings settings = {true, 30000, rows[i].voters_max};
        struct autopilot_decision decision;
        fill(rows[i].members, members);
        autopilot_decide(members, length(rows[i].members), &settings, 60000, &decision);
        if (decision.action != rows[i].action || decision.id != rows[i].id)
            fail_msg("%s (max %u): action %d of %d", rows[i].members, rows[i].voters_max,
                     (int)decision.action, (int)decision.id);
    }
}

static void test_decide_off_nothing(void **state)
{
    struct autopilot_member members[3];
    struct autopilot_settings settings = {false, 30000, 5};
    struct autopilot_decision decision;

    (void)state;
    fill("LRR", members);
    autopilot_decide(members, 3, &settings, 60000, &decision);
    assert_int_equal(decision.action, AUTOPILOT_NOTHING);
}

static void test_decide_new_leader_waits_before_judging(void **state)
{
    struct autopilot_member members[4];
    struct autopilot_settings settings = {true, 30000, 5};
    struct autopilot_decision decision;

    (void)state;
    fill("LVDR", members);
    autopilot_decide(members, 4, &settings, 1000, &decision);
    assert_int_equal(decision.action, AUTOPILOT_NOTHING);
}

/* Whatever the start, following the advice ends, odd, and never leaves a live quorum. */
static void test_decide_followed_converges(void **state)
{
    static const char kinds[] = "VDSRCX";
    struct autopilot_settings settings = {true, 30000, 5};

    (void)state;
    for (unsigned seed = 0; seed < 6 * 6 * 6 * 6 * 6; seed++) {
        char text[7] = "L";
        unsigned rest = seed, count = 1 + seed % 6;
        for (unsigned i = 1; i < count; i++, rest /= 6)
            text[i] = kinds[rest % 6];
        struct autopilot_member members[8];
        struct autopilot_decision decision;
        fill(text, members);
        unsigned steps = 0;
        for (;; steps++) {
            autopilot_decide(members, count, &settings, 60000, &decision);
            if (decision.action == AUTOPILOT_NOTHING)
                break;
            assert_true(steps < 16);
            assert_true(autopilot_keeps_quorum(members, count, decision.id));
            for (unsigned i = 0; i < count; i++)
                members[i].is_voter ^= members[i].id == decision.id;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_table_as_expected),
        cmocka_unit_test(test_decide_off_nothing),
        cmocka_unit_test(test_decide_new_leader_waits_before_judging),
        cmocka_unit_test(test_decide_followed_converges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
