/* The reference itself, on cases small enough to be worked out by hand: whoever is held against it
 * should know that it is right.
 * links: test_reference dns base */
#include "lib/route_reference.h"

#include "dns/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define A DNS_TYPE_A

/* route53.md's worked example: latency between two regions, in each a weighted pair with checks 1
 * to 4; us-east-1 is nearer. */
static const struct reference_set regions[] = {
    {.identifier = "us", .region = 1, .target = "use.example.com.", .evaluates_target = true},
    {.identifier = "ap", .region = 2, .target = "aps.example.com.", .evaluates_target = true}};
static const struct reference_set blind[] = {
    {.identifier = "us", .region = 1, .target = "use.example.com."},
    {.identifier = "ap", .region = 2, .target = "aps.example.com.", .evaluates_target = true}};
static const struct reference_set use[] = {{.identifier = "u1", .weight = 1, .check_slot = 1},
                                           {.identifier = "u2", .weight = 1, .check_slot = 2}};
static const struct reference_set use_unchecked[] = {
    {.identifier = "u1", .weight = 1, .check_slot = 1}, {.identifier = "u2", .weight = 1}};
static const struct reference_set aps[] = {{.identifier = "a1", .weight = 1, .check_slot = 3},
                                           {.identifier = "a2", .weight = 1, .check_slot = 4}};

static const int latency_ms[REFERENCE_REGIONS_MAX] = {[1] = 20, [2] = 200};
static const struct reference_client client = {.has_address = true, .latency_ms = latency_ms};

#define GROUP(name_, kind_, sets_)                                                                 \
    {                                                                                              \
        .name = name_, .type = A, .kind = kind_, .sets = sets_, .count = COUNT_OF(sets_)           \
    }

/* All answers of 200 draws, as identifiers in their order of first sight. */
static void answers_of(const struct reference_zone *zone, const char *down, char *out, size_t size)
{
    struct reference_slot slots[10];
    const struct reference_world world = {
        .zones = zone, .zone_count = 1, .slots = slots, .slot_count = COUNT_OF(slots)};
    out[0] = '\0';
    for (unsigned i = 0; i < COUNT_OF(slots); i++) {
        const char *at = strchr(down, '0' + (int)i);
        slots[i] = (struct reference_slot){.is_healthy = at == NULL,
                                           .since = at != NULL ? 1u + (unsigned)(at - down) : 0};
    }
    for (uint64_t draw = 0; draw < 200; draw++) {
        struct reference_answer answer;
        const struct reference_group *group = reference_find(&world, "example.com.", A);
        assert_non_null(group);
        reference_resolve(&world, group, &client, draw * 0x9e3779b97f4a7c15u, &answer);
        const char *text = answer.outcome == REFERENCE_FOUND    ? answer.sets[0]->identifier
                           : answer.outcome == REFERENCE_NODATA ? "nodata"
                                                                : "loop";
        if (strstr(out, text) == NULL)
            snprintf(out + strlen(out), size - strlen(out), "%s ", text);
    }
}

/* Are the same words in both, in any order? */
static void check_answers(const struct reference_zone *zone, const char *down, const char *expected)
{
    char seen[200], copy[200], *rest;
    unsigned count = 0, seen_count = 0;
    answers_of(zone, down, seen, sizeof seen);
    snprintf(copy, sizeof copy, "%s", expected);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strstr(seen, word) == NULL)
            fail_msg("down %s: %s, not %s", down, seen, expected);
        count++;
    }
    for (const char *at = seen; *at != '\0'; at++)
        seen_count += *at == ' ';
    if (count != seen_count)
        fail_msg("down %s: %s, not %s", down, seen, expected);
}

static void test_reference_gives_the_worked_example(void **state)
{
    (void)state;
    static const struct reference_group groups[] = {
        GROUP("example.com.", POLICY_LATENCY, regions),
        GROUP("use.example.com.", POLICY_WEIGHTED, use),
        GROUP("aps.example.com.", POLICY_WEIGHTED, aps)};
    static const struct reference_zone zone = {
        .apex = "example.com.", .groups = groups, .group_count = COUNT_OF(groups)};
    check_answers(&zone, "", "u1 u2");
    check_answers(&zone, "1", "u2");
    check_answers(&zone, "12", "a1 a2"); /* backs out to the next region */
    check_answers(&zone, "123", "a2");
    check_answers(&zone, "1234", "u1 u2"); /* all: as if all were healthy */
}

static void test_reference_keeps_to_what_is_never_unhealthy(void **state)
{
    (void)state;
    static const struct reference_group unchecked[] = {
        GROUP("example.com.", POLICY_LATENCY, regions),
        GROUP("use.example.com.", POLICY_WEIGHTED, use_unchecked),
        GROUP("aps.example.com.", POLICY_WEIGHTED, aps)};
    static const struct reference_group unevaluated[] = {
        GROUP("example.com.", POLICY_LATENCY, blind),
        GROUP("use.example.com.", POLICY_WEIGHTED, use),
        GROUP("aps.example.com.", POLICY_WEIGHTED, aps)};
    struct reference_zone zone = {.apex = "example.com.", .groups = unchecked, .group_count = 3};
    check_answers(&zone, "12", "u2"); /* u2 has no check */
    zone.groups = unevaluated;
    check_answers(&zone, "12", "u1 u2"); /* not looked at */
    check_answers(&zone, "1", "u2");
}

static void test_reference_does_as_told_when_all_are_down(void **state)
{
    (void)state;
    static const struct reference_set spare[] = {{.identifier = "spare"}};
    struct reference_group groups[] = {GROUP("example.com.", POLICY_WEIGHTED, use),
                                       GROUP("spare.example.com.", POLICY_SIMPLE, spare)};
    const struct reference_zone zone = {.apex = "example.com.", .groups = groups, .group_count = 2};
    groups[0].all_down = POLICY_ALL_DOWN_CLOSED;
    check_answers(&zone, "12", "nodata");
    check_answers(&zone, "1", "u2");
    groups[0].all_down = POLICY_ALL_DOWN_LAST_GOOD; /* the later in the text went down later */
    check_answers(&zone, "12", "u2");
    check_answers(&zone, "21", "u1");
    groups[0].all_down = POLICY_ALL_DOWN_FALLBACK;
    groups[0].fallback = "spare.example.com.";
    check_answers(&zone, "12", "spare");
    groups[0].fallback = "nothing.example.com.";
    check_answers(&zone, "12", "nodata");
    groups[0].fallback = "example.com.";
    check_answers(&zone, "12", "loop");
}

static void test_reference_knows_loops_from_nothing(void **state)
{
    (void)state;
    static const struct reference_set to_b[] = {
        {.identifier = "b", .target = "b.example.com.", .evaluates_target = true}};
    static const struct reference_set to_top[] = {
        {.identifier = "t", .target = "example.com.", .evaluates_target = true}};
    static const struct reference_set either[] = {
        {.identifier = "x", .weight = 1, .target = "example.com.", .evaluates_target = true},
        {.identifier = "y", .weight = 1}};
    static const struct reference_set to_none[] = {
        {.identifier = "n", .target = "none.example.com."}};
    struct reference_group groups[] = {GROUP("example.com.", POLICY_SIMPLE, to_b),
                                       GROUP("b.example.com.", POLICY_SIMPLE, to_top)};
    const struct reference_zone zone = {.apex = "example.com.", .groups = groups, .group_count = 2};
    check_answers(&zone, "", "loop");
    groups[1] = (struct reference_group)GROUP("b.example.com.", POLICY_WEIGHTED, either);
    check_answers(&zone, "", "y"); /* a loop is only a branch without answer */
    groups[1] = (struct reference_group)GROUP("b.example.com.", POLICY_SIMPLE, to_none);
    check_answers(&zone, "", "nodata"); /* an alias that does not evaluate ends the search */
}

static void test_reference_finds_names_as_zones_do(void **state)
{
    (void)state;
    static const struct reference_set one[] = {{.identifier = "one"}};
    static const char *const delegations[] = {"sub.example.com."};
    static const struct reference_group outer[] = {GROUP("*.example.com.", POLICY_SIMPLE, one),
                                                   GROUP("x.y.example.com.", POLICY_SIMPLE, one)};
    static const struct reference_group inner[] = {GROUP("in.example.com.", POLICY_SIMPLE, one)};
    static const struct reference_group externals[] = {
        GROUP("host.sub.example.com.", POLICY_SIMPLE, one), GROUP("cdn.net.", POLICY_SIMPLE, one)};
    static const struct reference_zone zones[] = {
        {.apex = "example.com.",
         .groups = outer,
         .group_count = 2,
         .delegations = delegations,
         .delegation_count = 1},
        {.apex = "in.example.com.", .groups = inner, .group_count = 1}};
    const struct reference_world world = {
        .zones = zones, .zone_count = 2, .externals = externals, .external_count = 2};
    const struct {
        const char *name;
        const struct reference_group *found;
    } rows[] = {
        {"a.example.com.", &outer[0]},
        {"a.b.example.com.", &outer[0]},
        {"x.y.example.com.", &outer[1]},
        {"y.example.com.", NULL}, /* empty, but there */
        {"z.y.example.com.", NULL},
        {"example.com.", NULL},
        {"in.example.com.", &inner[0]},
        {"a.in.example.com.", NULL},
        {"host.sub.example.com.", &externals[0]},
        {"sub.example.com.", NULL},
        {"cdn.net.", &externals[1]},
        {"www.cdn.net.", NULL},
        {"myexample.com.", NULL},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        if (reference_find(&world, rows[i].name, A) != rows[i].found)
            fail_msg("%s", rows[i].name);
    assert_null(reference_find(&world, "a.example.com.", DNS_TYPE_AAAA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_gives_the_worked_example),
        cmocka_unit_test(test_reference_keeps_to_what_is_never_unhealthy),
        cmocka_unit_test(test_reference_does_as_told_when_all_are_down),
        cmocka_unit_test(test_reference_knows_loops_from_nothing),
        cmocka_unit_test(test_reference_finds_names_as_zones_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
