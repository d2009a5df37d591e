/* links: cluster
 * The pure rules of the cluster room: membership plans, advice, the majority of hashes, the form of
 * a Join, the apex of zones, the map of contents. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cluster/apex.h"
#include "cluster/change_plan.h"
#include "cluster/content_map.h"
#include "cluster/hash_check.h"
#include "cluster/join_check.h"
#include "cluster/status_advice.h"
#include "proto/admin.pb-c.h"

/* --- plans: L leader, V voter, D dead voter, R replica, C replica catching up, X dead replica; A
 * voter and a replica that have answered whether they live */

static const char *name_cb(void *user, uint64_t id)
{
    static char names[4][16];
    static unsigned next;
    (void)user;
    snprintf(names[next % 4], sizeof(names[0]), "ns%" PRIu64, id);
    return names[next++ % 4];
}

static unsigned fill_members(const char *text, struct autopilot_member members[8])
{
    unsigned count = 0;

    for (; text[count]; count++) {
        char c = text[count];
        members[count].id = count + 1;
        members[count].is_leader = c == 'L';
        members[count].is_voter = strchr("LVADQ", c) != NULL;
        members[count].has_answered = c == 'A' || c == 'a';
        members[count].is_quarantined = c == 'Q' || c == 'q';
        members[count].silent_ms = c == 'D' || c == 'X' ? 60000 : 10;
        members[count].lag_entries = c == 'C' ? 5000 : 0;
    }
    return count;
}

static int plan(const char *text, enum cluster_member_op op, uint64_t id, uint64_t other,
                struct change_plan *out)
{
    struct autopilot_member members[8] = {0};
    struct change_request request = {op, id, other, name_cb, NULL};

    return change_plan(members, fill_members(text, members), &request, out);
}

static void test_plan_table_as_expected(void **state)
{
    static const struct {
        const char *members;
        enum cluster_member_op op;
        uint64_t id, other;
        int rc;
        const char *steps; /* T transfer, P promote, D demote, R remove, each with its id */
    } rows[] = {
        {"L", CLUSTER_REMOVE, 1, 0, ERR_CONFLICT, ""}, /* the last voter */
        {"L", CLUSTER_DEMOTE, 1, 0, ERR_CONFLICT, ""},
        {"LR", CLUSTER_REMOVE, 2, 0, 0, "R2"},
        {"LR", CLUSTER_REMOVE, 1, 0, ERR_CONFLICT, ""},
        {"LVV", CLUSTER_REMOVE, 2, 0, 0, "R2"},
        {"LVV", CLUSTER_REMOVE, 1, 0, 0, "T0R1"},        /* the leader hands over */
        {"LVD", CLUSTER_REMOVE, 3, 0, 0, "R3"},          /* the dead one may go */
        {"LVD", CLUSTER_REMOVE, 2, 0, ERR_CONFLICT, ""}, /* a live one may not: 1 of 2 */
        {"LVD", CLUSTER_DEMOTE, 2, 0, ERR_CONFLICT, ""},
        {"LVD", CLUSTER_DEMOTE, 3, 0, 0, "D3"},
        {"LVV", CLUSTER_DEMOTE, 1, 0, 0, "T0D1"},
        {"LVVR", CLUSTER_DEMOTE, 4, 0, 0, ""}, /* nothing to do */
        {"LVVR", CLUSTER_PROMOTE, 4, 0, 0, "P4"},
        {"LVVC", CLUSTER_PROMOTE, 4, 0, ERR_CONFLICT, ""},
        {"LVVX", CLUSTER_PROMOTE, 4, 0, ERR_CONFLICT, ""},
        {"LVV", CLUSTER_PROMOTE, 2, 0, 0, ""},
        {"LVVVVR", CLUSTER_PROMOTE, 6, 0, ERR_CONFLICT, ""},
        {"LVDR", CLUSTER_REPLACE, 3, 0, 0, "P4R3"},
        {"LVDR", CLUSTER_REPLACE, 3, 4, 0, "P4R3"},
        {"LVDC", CLUSTER_REPLACE, 3, 0, ERR_CONFLICT, ""},
        {"LVD", CLUSTER_REPLACE, 3, 0, ERR_CONFLICT, ""},
        {"LVDR", CLUSTER_REPLACE, 3, 2, ERR_CONFLICT, ""},
        {"LVVR", CLUSTER_REPLACE, 1, 0, 0, "T0P4R1"},
        {"LVVX", CLUSTER_REPLACE, 4, 0, 0, "R4"},
        {"LVV", CLUSTER_TRANSFER, 2, 0, 0, "T2"},
        {"LVV", CLUSTER_TRANSFER, 0, 0, 0, "T0"},
        {"LVD", CLUSTER_TRANSFER, 3, 0, ERR_CONFLICT, ""},
        {"LVVR", CLUSTER_TRANSFER, 4, 0, ERR_CONFLICT, ""},
        {"LVV", CLUSTER_TRANSFER, 1, 0, 0, ""},
        {"L", CLUSTER_TRANSFER, 0, 0, ERR_CONFLICT, ""},
        {"LVV", CLUSTER_REMOVE, 9, 0, 0, ""},
        {"LVV", CLUSTER_DEMOTE, 9, 0, ERR_NOT_FOUND, ""},
        {"LVV", CLUSTER_TRANSFER, 9, 0, ERR_NOT_FOUND, ""},
        {"LVDR", CLUSTER_REPLACE, 3, 9, ERR_NOT_FOUND, ""},
        {"LVV", (enum cluster_member_op)77, 2, 0, ERR_INVALID, ""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct change_plan out;
        char steps[32] = "";
        int rc = plan(rows[i].members, rows[i].op, rows[i].id, rows[i].other, &out);
        for (unsigned s = 0; s < out.count; s++)
            snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%c%d",
                     "TPDR"[out.steps[s].kind], (int)out.steps[s].id);
        if (rc != rows[i].rc || strcmp(steps, rows[i].steps) != 0 || out.message[0] == '\0')
            fail_msg("row %u (%s): %d %s \"%s\"", i, rows[i].members, rc, steps, out.message);
    }
}

/* V and R may answer yet; D and X will not. */
static void test_judge_goes_by_who_answered(void **state)
{
    enum { GO, WAIT, NO = ERR_CONFLICT };
    static const struct {
        const char *members;
        enum change_step_kind kind;
        uint64_t id;
        int early, late;  /* while answers may come, and after */
        const char *word; /* of the message when it is late */
    } rows[] = {
        {"LAA", CHANGE_STEP_REMOVE, 3, GO, GO, ""},
        {"LAV", CHANGE_STEP_REMOVE, 3, GO, GO, ""},           /* who goes need not answer */
        {"LVA", CHANGE_STEP_REMOVE, 3, WAIT, NO, "1 answer"}, /* heard a moment ago: not enough */
        {"LDA", CHANGE_STEP_REMOVE, 3, NO, NO, "1 answer"},
        {"LDA", CHANGE_STEP_REMOVE, 2, GO, GO, ""},
        {"LAAVV", CHANGE_STEP_DEMOTE, 3, WAIT, NO, "2 answer"},
        {"LAADV", CHANGE_STEP_DEMOTE, 3, WAIT, NO, "2 answer"},
        {"LAADD", CHANGE_STEP_DEMOTE, 3, NO, NO, "2 answer"},
        {"LAADD", CHANGE_STEP_DEMOTE, 4, GO, GO, ""},
        {"LAAAD", CHANGE_STEP_DEMOTE, 3, GO, GO, ""},
        {"LAA", CHANGE_STEP_DEMOTE, 1, GO, GO, ""}, /* once another leads */
        {"LAV", CHANGE_STEP_DEMOTE, 1, WAIT, NO, "1 answer"},
        {"LVV", CHANGE_STEP_REMOVE, 2, WAIT, NO, "1 answer"}, /* a new leader, nobody heard yet */
        {"LAAa", CHANGE_STEP_PROMOTE, 4, GO, GO, ""},
        {"LAAR", CHANGE_STEP_PROMOTE, 4, WAIT, NO, "gets no vote"},
        {"LAAX", CHANGE_STEP_PROMOTE, 4, WAIT, NO, "gets no vote"},
        {"La", CHANGE_STEP_PROMOTE, 2, GO, GO, ""},
        {"LR", CHANGE_STEP_PROMOTE, 2, WAIT, NO, "1 answer"},
        {"LX", CHANGE_STEP_PROMOTE, 2, NO, NO, "1 answer"},
        {"LADa", CHANGE_STEP_PROMOTE, 4, GO, GO, ""},
        {"LVDa", CHANGE_STEP_PROMOTE, 4, WAIT, NO, "2 answer"},
        {"LAAR", CHANGE_STEP_REMOVE, 4, GO, GO, ""}, /* it had no vote */
        {"LAR", CHANGE_STEP_REMOVE, 3, GO, GO, ""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct autopilot_member members[8] = {0};
        struct change_step step = {rows[i].kind, rows[i].id};
        char early[512] = "", late[512] = "";
        unsigned count = fill_members(rows[i].members, members);
        int is = change_plan_judge(members, count, &step, false, early, sizeof(early));
        int then = change_plan_judge(members, count, &step, true, late, sizeof(late));
        if (is != rows[i].early || then != rows[i].late || !strstr(late, rows[i].word) ||
            (early[0] != '\0') != (is < 0) || (late[0] != '\0') != (then < 0))
            fail_msg("row %u (%s): %d \"%s\" %d \"%s\"", i, rows[i].members, is, early, then, late);
    }
}

static void test_next_vote_passes_over_transfers(void **state)
{
    struct change_plan plan = {
        {{CHANGE_STEP_TRANSFER, 0}, {CHANGE_STEP_PROMOTE, 4}, {CHANGE_STEP_REMOVE, 1}}, 3, ""};

    (void)state;
    assert_ptr_equal(change_plan_next_vote(&plan, 0), &plan.steps[1]);
    assert_ptr_equal(change_plan_next_vote(&plan, 2), &plan.steps[2]);
    assert_null(change_plan_next_vote(&plan, 3));
    plan.count = 1;
    assert_null(change_plan_next_vote(&plan, 0));
}

static void test_plan_hand_over_as_expected(void **state)
{
    static const struct {
        const char *members; /* and Q quarantined voter, q quarantined replica */
        int rc;
        const char *steps;
    } rows[] = {
        {"L", ERR_CONFLICT, ""},    {"LV", 0, "T2"},          {"LQV", 0, "T3"},
        {"LDV", 0, "T3"},           {"LR", 0, "P2T2"},        {"LqR", 0, "P3T3"},
        {"LC", ERR_CONFLICT, ""},   {"LX", ERR_CONFLICT, ""}, {"LDR", 0, "P3T3"},
        {"LDDR", ERR_CONFLICT, ""}, {"Lq", ERR_CONFLICT, ""}, {"LQQR", 0, "P4T4"},
        {"LRCV", 0, "T4"},          {"LQ", ERR_CONFLICT, ""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct autopilot_member members[8] = {0};
        struct change_plan out;
        char steps[32] = "";
        unsigned count = fill_members(rows[i].members, members);
        int rc = change_plan_hand_over(members, count, &out);
        for (unsigned s = 0; s < out.count; s++)
            snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%c%d",
                     "TPDR"[out.steps[s].kind], (int)out.steps[s].id);
        if (rc != rows[i].rc || strcmp(steps, rows[i].steps) != 0)
            fail_msg("row %u (%s): %d %s", i, rows[i].members, rc, steps);
    }
}

/* --- advice */

static void make_status(const char *text, struct cluster_status *out)
{
    memset(out, 0, sizeof(*out));
    out->phase = CLUSTER_MEMBER;
    for (; text[out->member_count]; out->member_count++) {
        struct cluster_member_status *member = &out->members[out->member_count];
        char c = text[out->member_count];
        snprintf(member->name, sizeof(member->name), "ns%u", out->member_count + 1);
        member->role = c == 'V' || c == 'D' ? CLUSTER_ROLE_VOTER : CLUSTER_ROLE_REPLICA;
        member->is_alive = member->is_known = c != 'D' && c != 'X';
        member->lag_entries = c == 'C' ? 5000 : 0;
        member->is_quarantined = c == 'Q';
    }
}

static void test_judge_table_as_expected(void **state)
{
    static const struct {
        const char *members;
        bool has_leader;
        enum cluster_health health;
        unsigned quorum, can_lose;
        const char *advice; /* part of it */
    } rows[] = {
        {"V", true, CLUSTER_HEALTHY, 1, 0, "Add nodes"},
        {"VVV", true, CLUSTER_HEALTHY, 2, 1, ""},
        {"VVVR", true, CLUSTER_HEALTHY, 2, 1, ""},
        {"VVVVV", true, CLUSTER_HEALTHY, 3, 2, ""},
        {"VVD", true, CLUSTER_DEGRADED, 2, 0, "ns3 is not answering"},
        {"VVVC", true, CLUSTER_DEGRADED, 2, 1, "ns4 lags"},
        {"VVVQ", true, CLUSTER_DEGRADED, 2, 1, "ns4"},
        {"VDD", true, CLUSTER_NO_QUORUM, 2, 0, "No leader"},
        {"VVV", false, CLUSTER_NO_QUORUM, 2, 0, "No leader"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cluster_status status;
        make_status(rows[i].members, &status);
        status_judge(&status, rows[i].has_leader);
        if (status.health != rows[i].health || status.quorum != rows[i].quorum ||
            status.can_lose != rows[i].can_lose || !strstr(status.advice, rows[i].advice) ||
            (rows[i].advice[0] == '\0' && status.advice[0] != '\0'))
            fail_msg("row %u (%s): health %d, can lose %u, \"%s\"", i, rows[i].members,
                     (int)status.health, status.can_lose, status.advice);
    }
}

/* --- hashes */

static void test_majority_of_hashes_found(void **state)
{
    const struct state_hash a = {1, 1}, b = {1, 2}, c = {2, 1};
    const struct state_hash odd[] = {a, b, a}, tie[] = {b, a}, all[] = {a, a, a, c};

    (void)state;
    assert_int_equal(hash_check_majority(odd, 3, 1), 0);
    assert_int_equal(hash_check_majority(tie, 2, 1), 1); /* the leader's counts */
    assert_int_equal(hash_check_majority(tie, 2, 0), 0);
    assert_int_equal(hash_check_majority(all, 4, 3), 0);
    assert_int_equal(hash_check_majority(all, 1, 0), -1);
}

/* --- the form of a Join */

static void test_join_check_hostile_refused(void **state)
{
    uint8_t octets[64] = {1};
    ProtobufCBinaryData dns[9] = {{4, octets}, {16, octets}};
    Adm__Join good = ADM__JOIN__INIT;
    const char *why;

    (void)state;
    good.cluster_id = (ProtobufCBinaryData){16, octets};
    good.token_id = (ProtobufCBinaryData){8, octets};
    good.secret = (ProtobufCBinaryData){32, octets};
    good.id = 7;
    good.name = (char *)(uintptr_t) "ns-1";
    good.peer_address = (char *)(uintptr_t) "127.0.0.1:5301";
    good.admin_address = (char *)(uintptr_t) "[::1]:5302";
    good.snapshot_address = (char *)(uintptr_t) "host.example:5303";
    good.n_dns_addresses = 2;
    good.dns_addresses = dns;
    assert_int_equal(join_check(&good, &why), 0);

    static const char *const names[] = {"", "-a", "a-", "A", "a.b", "a b", "a\n"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Adm__Join bad = good;
        bad.name = (char *)(uintptr_t)names[i];
        assert_int_equal(join_check(&bad, &why), ERR_INVALID);
    }
    static const char *const addresses[] = {
        "", "host", ":53", "host:", "host:0", "host:65536", "ho st:53", "host:53x", "host:-1"};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        Adm__Join bad = good;
        bad.admin_address = (char *)(uintptr_t)addresses[i];
        assert_int_equal(join_check(&bad, &why), ERR_INVALID);
    }
    Adm__Join bad = good;
    bad.id = 0;
    assert_int_equal(join_check(&bad, &why), ERR_INVALID);
    bad = good;
    bad.secret.len = 31;
    assert_int_equal(join_check(&bad, &why), ERR_INVALID);
    bad = good;
    bad.n_dns_addresses = 9;
    assert_int_equal(join_check(&bad, &why), ERR_INVALID);
    dns[1].len = 5;
    assert_int_equal(join_check(&good, &why), ERR_INVALID);
}

/* --- the apex */

static void test_apex_make_four_names_at_most(void **state)
{
    const char *names[] = {"ns1", "NS2", "ns3", "ns4", "ns5"};
    struct apex apex;

    (void)state;
    assert_int_equal(apex_make(names, 5, "Example.org.", &apex), 0);
    assert_int_equal(apex.ns_count, 4);
    assert_memory_equal(apex.ns[1], "\3ns2\7example\3org", 17);
    assert_int_equal(apex.soa_len, 17 + 24 + 20);
    assert_memory_equal(apex.soa + 17, "\12hostmaster\7example", 19);
    names[0] = "a.b";
    assert_int_equal(apex_make(names, 1, "example.org.", &apex), ERR_INVALID);
    assert_int_equal(apex_make(names, 0, "example.org.", &apex), ERR_INVALID);
}

/* --- the map of contents, against a plain array */

static void test_content_map_random_steps_as_array(void **state)
{
    enum { NUMBERS = 3000 };
    static bool is_there[NUMBERS + 1];
    struct content_map map = {0};
    uint64_t seed = 42, count = 0;

    (void)state;
    memset(is_there, 0, sizeof(is_there));
    for (unsigned step = 0; step < 100000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        uint64_t number = 1 + (seed >> 33) % NUMBERS;
        if (seed >> 63) {
            assert_int_equal(content_map_put(&map, number, (const uint8_t *)"\1a", NULL, NULL), 0);
            count += !is_there[number];
            is_there[number] = true;
        } else {
            content_map_remove(&map, number);
            count -= is_there[number];
            is_there[number] = false;
        }
        assert_true(map.count == count);
        uint64_t other = 1 + (seed >> 20) % NUMBERS;
        assert_int_equal(content_map_find(&map, other) != NULL, is_there[other]);
    }
    content_map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_table_as_expected),
        cmocka_unit_test(test_plan_hand_over_as_expected),
        cmocka_unit_test(test_judge_goes_by_who_answered),
        cmocka_unit_test(test_next_vote_passes_over_transfers),
        cmocka_unit_test(test_judge_table_as_expected),
        cmocka_unit_test(test_majority_of_hashes_found),
        cmocka_unit_test(test_join_check_hostile_refused),
        cmocka_unit_test(test_apex_make_four_names_at_most),
        cmocka_unit_test(test_content_map_random_steps_as_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
