/* links: health policy base
 * The rule by which opinions become a verdict: its tables, and a cluster in virtual time whose
 * nodes die, are cut off, are wrong, and lose messages. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health/verdict.h"

#define SETTLED_MS (VERDICT_SETTLE_MS + 1)

static struct verdict_table *table_of(unsigned members, uint64_t now_ms)
{
    struct verdict_check check = {.version = 1,
                                  .expected = members == 64 ? UINT64_MAX : (1ull << members) - 1,
                                  .interval_s = 1,
                                  .failure_threshold = 1};
    uint64_t ids[VERDICT_MEMBERS_MAX];
    struct verdict_table *table;

    for (unsigned i = 0; i < members; i++)
        ids[i] = 100 + i;
    assert_int_equal(verdict_new(&table), 0);
    verdict_lead(table, now_ms);
    assert_int_equal(verdict_set_members(table, ids, members), 0);
    assert_int_equal(verdict_set_check(table, "check", &check, now_ms), 0);
    return table;
}

static bool put(struct verdict_table *table, unsigned member, enum health_state state,
                uint64_t now_ms)
{
    struct verdict_opinion opinion = {.member = 100 + member,
                                      .version = 1,
                                      .state = state,
                                      .status = "s",
                                      .last_failure = "f",
                                      .last_failure_wall_ms = member};
    bool is_news;

    assert_int_equal(verdict_put(table, "check", &opinion, now_ms, &is_news), 0);
    return is_news;
}

static enum health_state judge(struct verdict_table *table, uint64_t now_ms)
{
    struct verdict_outcome outcome;

    assert_int_equal(verdict_judge(table, "check", now_ms, &outcome), 0);
    return outcome.verdict;
}

/* @opinions: 'h', 'u', 'n' (none yet), ' ' (nothing was said). */
static void expect(const char *opinions, bool is_settled, char verdict)
{
    uint64_t now_ms = 1000000 + (is_settled ? 1000000 : 100);
    struct verdict_table *table = table_of((unsigned)strlen(opinions), 1000000);

    for (unsigned i = 0; opinions[i]; i++) {
        if (opinions[i] != ' ')
            (void)put(table, i,
                      opinions[i] == 'h'   ? HEALTH_HEALTHY
                      : opinions[i] == 'u' ? HEALTH_UNHEALTHY
                                           : HEALTH_NONE,
                      now_ms);
    }
    char found = "?hu"[judge(table, now_ms)];
    if (found != verdict)
        fail_msg("'%s' settled %d: '%c', not '%c'", opinions, is_settled, found, verdict);
    verdict_free(table);
}

static void test_rule_truth_table(void **state)
{
    (void)state;
    expect("h", true, 'h');
    expect("u", true, 'u');
    expect(" ", true, '?');
    expect("n", true, '?');
    expect("hhhh", true, 'h');
    expect("huuu", true, 'h');   /* 25 % */
    expect("huuuu", true, 'h');  /* 20 % */
    expect("huuuuu", true, 'u'); /* 16.7 % */
    expect("uuuu", true, 'u');
    expect("hhuuuuuuuuu", true, 'h');                                        /* 18.2 % */
    expect("hhuuuuuuuuuu", true, 'u');                                       /* 16.7 % */
    expect("hhhhhhhhhuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu", true, 'u'); /* 18 % of 50 */
    expect("hhhhhhhhhhuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu", true, 'h'); /* 20 % of 50 */
    expect("hhhuuuuuuuuuuuuu", true, 'h'); /* Route 53's own example: 3 of 16 */
    expect("hhuuuuuuuuuuuuuu", true, 'u');
}

/* Silent members count for nothing once it is settled that they are silent; before, and members
 * that live but do not know yet, hold back what they could overturn. */
static void test_missing_opinions_truth_table(void **state)
{
    (void)state;
    expect("uuu ", true, 'u');
    expect("uuu ", false, '?');
    expect("uuun", false, '?');
    expect("huu ", false, 'h'); /* 25 % at least */
    expect("huuu", false, 'h');
    expect("h   ", false, 'h');
    expect("h    ", false, 'h'); /* 20 % at least */
    expect("h     ", false, '?');
    expect("uuuuu ", false, 'u'); /* 16.7 % at most */
    expect("uuuu", false, 'u');
    expect("    ", false, '?');
}

static void test_live_member_without_opinion_is_waited_for_a_while(void **state)
{
    struct verdict_table *table = table_of(4, 0);
    uint64_t now_ms = 100000;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)put(table, i, HEALTH_UNHEALTHY, now_ms);
    assert_int_equal(judge(table, now_ms), HEALTH_UNHEALTHY);
    verdict_heard(table, 103, now_ms); /* it has started again */
    assert_int_equal(judge(table, now_ms), HEALTH_NONE);
    assert_true(put(table, 3, HEALTH_NONE, now_ms));
    assert_int_equal(judge(table, now_ms), HEALTH_NONE);
    assert_true(put(table, 3, HEALTH_UNHEALTHY, now_ms));
    assert_int_equal(judge(table, now_ms), HEALTH_UNHEALTHY);
    assert_true(put(table, 3, HEALTH_NONE, now_ms));
    uint64_t patience_ms = VERDICT_SETTLE_MS + 1000 + VERDICT_RUN_MS;
    for (uint64_t ms = 0; ms <= patience_ms; ms += 1000) {
        for (unsigned i = 0; i < 4; i++)
            (void)put(table, i, i < 3 ? HEALTH_UNHEALTHY : HEALTH_NONE, now_ms + ms);
        assert_int_equal(judge(table, now_ms + ms),
                         ms < patience_ms ? HEALTH_NONE : HEALTH_UNHEALTHY);
    }
    verdict_free(table);
}

static void test_opinions_age_out(void **state)
{
    struct verdict_table *table = table_of(2, 0);
    struct verdict_opinion list[4];
    uint64_t now_ms = 50000;

    (void)state;
    (void)put(table, 0, HEALTH_HEALTHY, now_ms);
    (void)put(table, 1, HEALTH_UNHEALTHY, now_ms);
    assert_int_equal(judge(table, now_ms), HEALTH_HEALTHY);
    assert_int_equal(verdict_list(table, "check", now_ms, list, 4), 2);
    assert_false(put(table, 1, HEALTH_UNHEALTHY, now_ms + 6000));
    assert_int_equal(judge(table, now_ms + 6000), HEALTH_HEALTHY);
    assert_false(put(table, 1, HEALTH_UNHEALTHY, now_ms + 6001));
    assert_int_equal(judge(table, now_ms + 6001), HEALTH_UNHEALTHY);
    /* A member that is heard, but no more about this, is not heard about this. */
    for (uint64_t ms = 6001; ms <= 13000; ms += 500)
        verdict_heard(table, 101, now_ms + ms);
    assert_int_equal(judge(table, now_ms + 13000), HEALTH_NONE);
    assert_int_equal(verdict_list(table, "check", now_ms + 13000, list, 4), 0);
    verdict_free(table);
}

static void test_only_the_version_at_hand_counts(void **state)
{
    struct verdict_table *table = table_of(1, 0);
    struct verdict_check check = {
        .version = 2, .expected = 1, .interval_s = 1, .failure_threshold = 1};

    (void)state;
    (void)put(table, 0, HEALTH_UNHEALTHY, SETTLED_MS);
    assert_int_equal(judge(table, SETTLED_MS), HEALTH_UNHEALTHY);
    assert_int_equal(verdict_set_check(table, "check", &check, SETTLED_MS), 0);
    assert_int_equal(judge(table, SETTLED_MS), HEALTH_NONE);
    verdict_free(table);
}

static void test_members_and_checks_come_and_go(void **state)
{
    struct verdict_table *table = table_of(3, 0);
    struct verdict_check check = {
        .version = 1, .expected = 3, .interval_s = 1, .failure_threshold = 1};
    struct verdict_opinion opinion = {.member = 9, .status = "", .last_failure = ""};
    struct verdict_outcome outcome;
    uint64_t now_ms = 100000;
    bool is_news;

    (void)state;
    (void)put(table, 0, HEALTH_HEALTHY, now_ms);
    (void)put(table, 2, HEALTH_UNHEALTHY, now_ms);
    assert_int_equal(verdict_set_members(table, (uint64_t[]){102, 105}, 2), 0);
    assert_int_equal(verdict_set_check(table, "check", &check, now_ms), 0);
    assert_int_equal(verdict_judge(table, "check", now_ms, &outcome), 0);
    assert_int_equal(outcome.verdict, HEALTH_UNHEALTHY);
    assert_int_equal(outcome.checkers, 1);
    assert_string_equal(outcome.reason, "f");
    assert_int_equal(verdict_put(table, "check", &opinion, now_ms, &is_news), ERR_NOT_FOUND);
    opinion.member = 105;
    assert_int_equal(verdict_put(table, "other", &opinion, now_ms, &is_news), ERR_NOT_FOUND);
    assert_int_equal(verdict_check_count(table), 1);
    verdict_remove_check(table, "check");
    verdict_remove_check(table, "check");
    assert_int_equal(verdict_check_count(table), 0);
    assert_int_equal(verdict_judge(table, "check", now_ms, &outcome), ERR_NOT_FOUND);
    uint64_t many[VERDICT_MEMBERS_MAX + 1] = {0};
    assert_int_equal(verdict_set_members(table, many, VERDICT_MEMBERS_MAX + 1), ERR_LIMIT);
    verdict_free(table);
}

/* ---- a cluster in virtual time ---- */

#define NODES_MAX 6
#define STEP_MS 25
#define MESSAGES_MAX 4096
#define MEMORY_MS 10000 /* what was true so long ago may count: ages, losses, settling */

struct message {
    uint64_t at_ms;
    unsigned from, to;
    enum health_state state;
};
struct world {
    uint64_t seed, now_ms;
    unsigned nodes, leader; /* NODES_MAX: none */
    uint64_t leaderless_until_ms;
    bool truth, is_wrong[NODES_MAX], is_cut[NODES_MAX], is_dead[NODES_MAX];
    enum health_state opinion[NODES_MAX];
    uint64_t turns_ms[NODES_MAX], sent_ms[NODES_MAX];
    struct verdict_table *tables[NODES_MAX];
    struct message messages[MESSAGES_MAX];
    unsigned message_count;
    enum health_state verdict; /* in the log */
    unsigned flips;
    uint64_t held_ms[NODES_MAX][3]; /* when each node last held each opinion, by enum; NONE: also
                                     * when it was last not connected */
};

static uint64_t draw(struct world *world)
{
    uint64_t z = world->seed += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool is_connected(const struct world *world, unsigned node)
{
    return !world->is_cut[node] && !world->is_dead[node];
}

static enum health_state rule(const struct world *world)
{
    unsigned healthy = 0, all = 0;

    for (unsigned i = 0; i < world->nodes; i++) {
        if (is_connected(world, i) && world->opinion[i] != HEALTH_NONE) {
            all++;
            healthy += world->opinion[i] == HEALTH_HEALTHY;
        }
    }
    if (all == 0)
        return HEALTH_NONE;
    return 100 * healthy > 18 * all ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;
}

static void send_opinion(struct world *world, unsigned node)
{
    world->sent_ms[node] = world->now_ms;
    if (!is_connected(world, node) || world->leader == NODES_MAX || draw(world) % 50 == 0 ||
        world->message_count == MESSAGES_MAX)
        return;
    world->messages[world->message_count++] = (struct message){
        world->now_ms + draw(world) % 150, node, world->leader, world->opinion[node]};
}

static void check_endpoint(struct world *world, unsigned node)
{
    enum health_state seen =
        world->truth != world->is_wrong[node] ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;

    if (seen == world->opinion[node])
        world->turns_ms[node] = UINT64_MAX;
    else if (world->turns_ms[node] == UINT64_MAX)
        world->turns_ms[node] = world->now_ms + draw(world) % 1000; /* its next run */
    if (world->turns_ms[node] > world->now_ms)
        return;
    world->opinion[node] = seen;
    send_opinion(world, node);
}

static void elect(struct world *world)
{
    if (world->leader != NODES_MAX || world->now_ms < world->leaderless_until_ms)
        return;
    unsigned node = (unsigned)(draw(world) % world->nodes);
    if (!is_connected(world, node))
        return;
    world->leader = node;
    verdict_lead(world->tables[node], world->now_ms);
    for (unsigned i = 0; i < world->nodes; i++)
        send_opinion(world, i);
}

static void deliver(struct world *world)
{
    for (unsigned i = 0; i < world->message_count;) {
        struct message message = world->messages[i];
        if (message.at_ms > world->now_ms) {
            i++;
            continue;
        }
        world->messages[i] = world->messages[--world->message_count];
        if (message.to == world->leader && is_connected(world, message.from))
            (void)put(world->tables[message.to], message.from, message.state, world->now_ms);
    }
}

/* Could a leader that hears of everything late, and of some things never, see @verdict? Each node
 * counts by the opinion, of those it had lately, that speaks most for it. */
static bool has_cause(const struct world *world, enum health_state verdict)
{
    enum health_state other = verdict == HEALTH_HEALTHY ? HEALTH_UNHEALTHY : HEALTH_HEALTHY;
    unsigned counts[3] = {0};

    for (unsigned i = 0; i < world->nodes; i++) {
        enum health_state order[] = {verdict, HEALTH_NONE, other};
        for (unsigned k = 0; k < 3; k++) {
            if (world->now_ms - world->held_ms[i][order[k]] <= MEMORY_MS) {
                counts[order[k]]++;
                break;
            }
        }
    }
    unsigned all = counts[HEALTH_HEALTHY] + counts[HEALTH_UNHEALTHY];
    return (100 * counts[HEALTH_HEALTHY] > 18 * all) == (verdict == HEALTH_HEALTHY);
}

static void lead(struct world *world)
{
    if (world->leader == NODES_MAX)
        return;
    enum health_state verdict = judge(world->tables[world->leader], world->now_ms);
    if (verdict == HEALTH_NONE || verdict == world->verdict)
        return;
    if (world->verdict != HEALTH_NONE) {
        world->flips++;
        if (!has_cause(world, verdict))
            fail_msg("seed %" PRIu64 ": at %" PRIu64 " ms the verdict flips to %d without a cause",
                     world->seed, world->now_ms, (int)verdict);
    }
    world->verdict = verdict;
}

static void step(struct world *world)
{
    world->now_ms += STEP_MS;
    elect(world);
    for (unsigned i = 0; i < world->nodes; i++) {
        if (world->is_dead[i])
            continue;
        check_endpoint(world, i);
        if (world->now_ms - world->sent_ms[i] >= VERDICT_HEARTBEAT_MS)
            send_opinion(world, i);
    }
    for (unsigned i = 0; i < world->nodes; i++)
        world->held_ms[i][is_connected(world, i) ? world->opinion[i] : HEALTH_NONE] = world->now_ms;
    deliver(world);
    lead(world);
}

static void run_for(struct world *world, uint64_t ms)
{
    for (uint64_t end_ms = world->now_ms + ms; world->now_ms < end_ms;)
        step(world);
}

static void kill_leader(struct world *world)
{
    world->leader = NODES_MAX;
    world->leaderless_until_ms = world->now_ms + 500 + draw(world) % 1000;
}

static void begin(struct world *world, unsigned nodes, uint64_t seed)
{
    *world = (struct world){.seed = seed, .nodes = nodes, .now_ms = 1000000, .truth = true};
    world->leader = NODES_MAX;
    for (unsigned i = 0; i < nodes; i++) {
        world->tables[i] = table_of(nodes, world->now_ms);
        world->turns_ms[i] = UINT64_MAX;
    }
    run_for(world, 5000);
    assert_int_equal(world->verdict, HEALTH_HEALTHY);
}

static void end(struct world *world)
{
    for (unsigned i = 0; i < world->nodes; i++)
        verdict_free(world->tables[i]);
}

/* Leaders die again and again while nothing happens: nothing flips, also when the opinions of a
 * single node decide. */
static void test_new_leaders_invent_nothing(void **state)
{
    static struct world world;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        begin(&world, 4, seed);
        for (unsigned i = 0; i < 3; i++)
            world.is_wrong[i] = true; /* the endpoint is healthy for one of four */
        for (unsigned i = 0; i < 20; i++) {
            run_for(&world, draw(&world) % 5000);
            kill_leader(&world);
        }
        assert_int_equal(world.flips, 0);
        end(&world);
    }
}

static void test_flips_go_on_under_the_next_leader(void **state)
{
    static struct world world;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        begin(&world, 4, seed);
        for (unsigned i = 1; i <= 6; i++) {
            world.truth = !world.truth;
            run_for(&world, draw(&world) % 500);
            kill_leader(&world);
            run_for(&world, 8000);
            assert_int_equal(world.verdict, world.truth ? HEALTH_HEALTHY : HEALTH_UNHEALTHY);
            assert_int_equal(world.flips, i);
        }
        end(&world);
    }
}

static void test_node_that_is_cut_off_stops_to_count(void **state)
{
    static struct world world;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        begin(&world, 4, seed);
        unsigned node = (world.leader + 1) % 4;
        world.is_cut[node] = true; /* its last word: healthy */
        world.truth = false;
        run_for(&world, 3000);
        assert_int_equal(world.verdict, HEALTH_HEALTHY);
        run_for(&world, 7000);
        assert_int_equal(world.verdict, HEALTH_UNHEALTHY);
        world.is_cut[node] = false;
        run_for(&world, 10000);
        assert_int_equal(world.flips, 1);
        end(&world);
    }
}

/* Everything at once; in the end quiet, and the verdict is the rule's. */
static void test_random_histories_flip_only_with_cause(void **state)
{
    static struct world world;

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        begin(&world, 3 + (unsigned)(seed % 4), seed * 1000003);
        for (unsigned i = 0; i < 40; i++) {
            unsigned node = (unsigned)(draw(&world) % world.nodes);
            switch (draw(&world) % 6) {
            case 0: kill_leader(&world); break;
            case 1:
                if (node != world.leader)
                    world.is_cut[node] = !world.is_cut[node];
                break;
            case 2: world.is_wrong[node] = !world.is_wrong[node]; break;
            case 3: world.truth = !world.truth; break;
            case 4: /* starts again, and knows nothing */
                world.opinion[node] = HEALTH_NONE;
                world.turns_ms[node] = UINT64_MAX;
                break;
            default: break;
            }
            run_for(&world, draw(&world) % 4000);
        }
        if (world.leader == NODES_MAX || world.is_cut[world.leader])
            memset(world.is_cut, 0, sizeof(world.is_cut));
        run_for(&world, 30000);
        assert_int_equal(world.verdict, rule(&world));
        end(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_truth_table),
        cmocka_unit_test(test_missing_opinions_truth_table),
        cmocka_unit_test(test_live_member_without_opinion_is_waited_for_a_while),
        cmocka_unit_test(test_opinions_age_out),
        cmocka_unit_test(test_only_the_version_at_hand_counts),
        cmocka_unit_test(test_members_and_checks_come_and_go),
        cmocka_unit_test(test_new_leaders_invent_nothing),
        cmocka_unit_test(test_flips_go_on_under_the_next_leader),
        cmocka_unit_test(test_node_that_is_cut_off_stops_to_count),
        cmocka_unit_test(test_random_histories_flip_only_with_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
