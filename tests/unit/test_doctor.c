/* links: cluster store policy geo test_kv */
/* Each finding of the doctor: found where something is wrong, and not where nothing is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/doctor.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "policy/health.h"
#include "store/state_cidr.h"
#include "store/state_put.h"
#include "zone/routing.h"

#define DAY_MS (24ull * 3600 * 1000)
#define NOW_MS (1000 * DAY_MS)
#define CHECK_A "0a000000-0000-0000-0000-000000000001"
#define CHECK_B "1b000000-0000-0000-0000-000000000002"
#define GONE "ff000000-0000-0000-0000-00000000000f"
#define CONTENT 7
#define SET_TEXT(array, text) snprintf(array, sizeof(array), "%s", text)

static struct fixture {
    struct kv kv;
    struct overlay *overlay;
    struct doctor_facts facts;
    struct doctor_report *report;
} f;

static int setup(void **state)
{
    struct state_zone zone = {.id = "Z00000000000000000001", .content = CONTENT};

    (void)state;
    memset(&f, 0, sizeof(f));
    assert_int_equal(kv_memory_new(&f.kv), 0);
    f.overlay = overlay_new(&f.kv);
    assert_non_null(f.overlay);
    assert_true(dns_name_parse("example.", NULL, zone.name) > 0);
    state_put_zone(f.overlay, &zone);
    f.facts = (struct doctor_facts){.now_wall_ms = NOW_MS,
                                    .has_database = true,
                                    .database_built_wall_s = (NOW_MS - DAY_MS) / 1000,
                                    .database_path = "/geo.mmdb",
                                    .database_problem = "",
                                    .knows_regions = true,
                                    .region_count = 1};
    SET_TEXT(f.facts.regions[0], "here");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    doctor_report_free(f.report);
    overlay_free(f.overlay);
    kv_close(&f.kv);
    return 0;
}

/* Put a set of one A record, or an alias if @routing has a target; NULL: a plain one. */
static void put(const char *name, uint16_t type, const char *identifier,
                const struct zone_routing *routing)
{
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    uint8_t wire[DNS_NAME_MAX], octets[STATE_ROUTING_MAX];
    struct state_record_set set = {.name = wire,
                                   .type = type,
                                   .set_identifier = identifier,
                                   .set_identifier_len = strlen(identifier)};

    assert_true(dns_name_parse(name, NULL, wire) > 0);
    if (!routing || !routing->is_alias) {
        set.rdata_count = 1;
        set.ttl_s = 60;
        set.rdata = rdata;
        set.rdata_len = sizeof(rdata);
    }
    if (routing) {
        set.routing_len = state_routing_encode(routing, octets);
        set.routing = octets;
    }
    state_put_record_set(f.overlay, CONTENT, NULL, &set);
}

static void put_alias(const char *name, const char *target)
{
    uint8_t wire[DNS_NAME_MAX];
    struct zone_routing routing = {
        .is_alias = true, .evaluate_target_health = true, .alias_target = wire};

    assert_true(dns_name_parse(target, NULL, wire) > 0);
    put(name, DNS_TYPE_A, "", &routing);
}

static void put_check(const char *id, uint8_t octet, const struct state_check_config *config)
{
    static uint32_t slot;
    struct state_check check = {.version = 1, .slot = ++slot, .config = *config};
    struct state_check_status status = {.octet = octet};

    snprintf(check.id, sizeof(check.id), "%s", id);
    snprintf(check.caller_reference, sizeof(check.caller_reference), "reference %s", id);
    state_put_check(f.overlay, &check, NULL);
    state_put_check_status(f.overlay, id, &status);
}

static void put_up(const char *id)
{
    put_check(id, POLICY_HEALTH_HEALTHY | POLICY_HEALTHY_BIT,
              &(struct state_check_config){.type = STATE_CHECK_TCP});
}

static void put_down(const char *id)
{
    put_check(id, POLICY_HEALTH_UNHEALTHY, &(struct state_check_config){.type = STATE_CHECK_TCP});
}

static struct zone_routing routing_of(enum policy_kind kind, const char *check)
{
    struct zone_routing routing = {.kind = kind};

    snprintf(routing.health_check_id, sizeof(routing.health_check_id), "%s", check);
    return routing;
}

static void examine(void)
{
    doctor_report_free(f.report);
    f.report = NULL;
    assert_int_equal(doctor_examine(overlay_kv(f.overlay), &f.facts, &f.report), 0);
}

static void assert_nothing(void)
{
    examine();
    if (doctor_finding_count(f.report) > 0)
        print_message("%s\n", doctor_finding_at(f.report, 0)->text);
    assert_int_equal(doctor_finding_count(f.report), 0);
}

/* That is the only finding. */
static void assert_one(enum doctor_severity severity, const char *subject, const char *text)
{
    examine();
    for (unsigned i = 0; i < doctor_finding_count(f.report); i++)
        print_message("%s: %s\n", doctor_finding_at(f.report, i)->subject,
                      doctor_finding_at(f.report, i)->text);
    assert_int_equal(doctor_finding_count(f.report), 1);
    const struct doctor_finding *finding = doctor_finding_at(f.report, 0);
    assert_int_equal(finding->severity, severity);
    assert_string_equal(finding->subject, subject);
    assert_non_null(strstr(finding->text, text));
    assert_true(strlen(finding->advice) > 0);
}

static void test_nothing_wrong_nothing_found(void **state)
{
    struct zone_routing first = routing_of(POLICY_FAILOVER, CHECK_A);
    struct zone_routing second = routing_of(POLICY_FAILOVER, "");

    (void)state;
    put_up(CHECK_A);
    put("www.example.", DNS_TYPE_A, "first", &first);
    second.is_secondary = true;
    put("www.example.", DNS_TYPE_A, "second", &second);
    put("*.wild.example.", DNS_TYPE_A, "", NULL);
    put("cut.example.", DNS_TYPE_NS, "", NULL);
    put_alias("a.example.", "www.example.");
    put_alias("b.example.", "any.wild.example.");
    put_alias("c.example.", "below.cut.example.");
    put_alias("d.example.", "elsewhere.test.");
    assert_nothing();
}

static void test_target_missing(void **state)
{
    (void)state;
    put("x.t.example.", DNS_TYPE_A, "", NULL);
    put("*.example.", DNS_TYPE_A, "", NULL);
    put_alias("a.example.", "t.example."); /* exists without records, so no wildcard stands in */
    assert_one(DOCTOR_ERROR, "a.example. A", "target t.example. has no records");
}

static void test_target_of_another_type_is_missing(void **state)
{
    (void)state;
    put("t.example.", DNS_TYPE_AAAA, "", NULL);
    put_alias("a.example.", "t.example.");
    assert_one(DOCTOR_ERROR, "a.example. A", "target t.example. has no records");
}

static void test_fallback_missing(void **state)
{
    uint8_t wire[DNS_NAME_MAX];
    struct zone_routing routing = routing_of(POLICY_MULTIVALUE, "");

    (void)state;
    assert_true(dns_name_parse("t.example.", NULL, wire) > 0);
    routing.all_down = POLICY_ALL_DOWN_FALLBACK;
    routing.fallback = wire;
    put("a.example.", DNS_TYPE_A, "x", &routing);
    assert_one(DOCTOR_ERROR, "a.example. A", "fallback t.example. has no records");
}

static void test_target_never_resolved(void **state)
{
    struct doctor_outside outside = {.type = DNS_TYPE_AAAA};

    (void)state;
    assert_true(dns_name_parse("elsewhere.test.", NULL, outside.name) > 0);
    put_alias("a.example.", "elsewhere.test.");
    assert_nothing();
    f.facts.unresolved = &outside;
    f.facts.unresolved_count = 1;
    assert_nothing();
    outside.type = DNS_TYPE_A;
    assert_one(DOCTOR_ERROR, "a.example. A", "never was resolved");
}

static void test_aliases_in_a_circle(void **state)
{
    (void)state;
    put_alias("a.example.", "b.example.");
    put_alias("b.example.", "a.example.");
    examine();
    assert_int_equal(doctor_finding_count(f.report), 2);
    assert_non_null(strstr(doctor_finding_at(f.report, 0)->text, "lead back"));
    assert_string_equal(doctor_finding_at(f.report, 0)->subject, "a.example. A");
    assert_string_equal(doctor_finding_at(f.report, 1)->subject, "b.example. A");
}

static void put_chain(unsigned count)
{
    char name[32], target[32];

    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        snprintf(target, sizeof(target), "n%u.example.", i + 1);
        put_alias(name, target);
    }
    put(target, DNS_TYPE_A, "", NULL);
}

static void test_aliases_of_sixteen_levels_are_fine(void **state)
{
    (void)state;
    put_chain(16);
    assert_nothing();
}

static void test_aliases_too_deep(void **state)
{
    (void)state;
    put_chain(17);
    assert_one(DOCTOR_ERROR, "n0.example. A", "past 16 names");
}

static void test_check_gone(void **state)
{
    struct zone_routing routing = routing_of(POLICY_MULTIVALUE, GONE);

    (void)state;
    put("a.example.", DNS_TYPE_A, "x", &routing);
    assert_one(DOCTOR_ERROR, "a.example. A, set 'x'", "health check " GONE " is gone");
}

static void test_geolocation_without_default(void **state)
{
    struct zone_routing routing = routing_of(POLICY_GEOLOCATION, "");

    (void)state;
    SET_TEXT(routing.country, "FR");
    put("a.example.", DNS_TYPE_A, "fr", &routing);
    assert_one(DOCTOR_WARNING, "a.example. A", "no default");
    SET_TEXT(routing.country, "*");
    put("a.example.", DNS_TYPE_A, "rest", &routing);
    assert_nothing();
}

static void test_no_database(void **state)
{
    struct zone_routing routing = routing_of(POLICY_GEOLOCATION, "");

    (void)state;
    f.facts.has_database = false;
    f.facts.database_path = "";
    assert_nothing();
    SET_TEXT(routing.country, "*");
    put("a.example.", DNS_TYPE_A, "rest", &routing);
    put("b.example.", DNS_TYPE_A, "rest", &routing);
    assert_one(DOCTOR_ERROR, "location database", "counts for 2 names");
    assert_non_null(strstr(doctor_finding_at(f.report, 0)->text, "a.example. A"));
}

static void test_database_old_or_broken(void **state)
{
    (void)state;
    f.facts.database_built_wall_s = (NOW_MS - 90 * DAY_MS) / 1000;
    assert_nothing();
    f.facts.database_built_wall_s -= 24ull * 3600;
    assert_one(DOCTOR_WARNING, "location database", "/geo.mmdb is 91 days old");
    f.facts.database_built_wall_s = NOW_MS / 1000;
    f.facts.database_problem = "it is no database";
    assert_one(DOCTOR_ERROR, "location database", "failed: it is no database");
}

static void test_region_unknown(void **state)
{
    struct zone_routing routing = routing_of(POLICY_LATENCY, "");
    struct state_region region = {.name = "cellar", .number = 128};

    (void)state;
    SET_TEXT(routing.region, "eu-west-1");
    put("a.example.", DNS_TYPE_A, "built-in", &routing);
    SET_TEXT(routing.region, "cellar");
    put("a.example.", DNS_TYPE_A, "own", &routing);
    assert_one(DOCTOR_ERROR, "a.example. A, set 'own'", "region cellar are not known");
    state_put_region(f.overlay, &region);
    assert_nothing();
}

static void test_location_without_blocks(void **state)
{
    struct zone_routing routing = routing_of(POLICY_IP_BASED, "");

    (void)state;
    SET_TEXT(routing.cidr_collection_id, CHECK_A);
    SET_TEXT(routing.cidr_location, "office");
    put("a.example.", DNS_TYPE_A, "o", &routing);
    SET_TEXT(routing.cidr_location, "*");
    put("a.example.", DNS_TYPE_A, "rest", &routing);
    assert_one(DOCTOR_WARNING, "a.example. A, set 'o'", "location office has no blocks");
    state_put_cidr_location(f.overlay, CHECK_A, "office", 3);
    assert_nothing();
}

static void test_all_down(void **state)
{
    struct zone_routing down = routing_of(POLICY_MULTIVALUE, CHECK_A);
    struct zone_routing up = routing_of(POLICY_MULTIVALUE, CHECK_B);

    (void)state;
    put_down(CHECK_A);
    put_up(CHECK_B);
    put("a.example.", DNS_TYPE_A, "x", &down);
    put("a.example.", DNS_TYPE_A, "y", &up);
    assert_nothing();
    put("b.example.", DNS_TYPE_A, "x", &down);
    assert_one(DOCTOR_ERROR, "b.example. A", "all of its record sets are unhealthy");
}

static void test_all_down_below_an_alias(void **state)
{
    uint8_t wire[DNS_NAME_MAX];
    struct zone_routing down = routing_of(POLICY_MULTIVALUE, CHECK_A);
    struct zone_routing alias = routing_of(POLICY_WEIGHTED, "");

    (void)state;
    put_down(CHECK_A);
    put("down.example.", DNS_TYPE_A, "x", &down);
    assert_true(dns_name_parse("down.example.", NULL, wire) > 0);
    alias.weight = 1;
    alias.is_alias = true;
    alias.alias_target = wire;
    put("ignores.example.", DNS_TYPE_A, "x", &alias);
    assert_one(DOCTOR_ERROR, "down.example. A", "unhealthy");
    alias.evaluate_target_health = true;
    put("cares.example.", DNS_TYPE_A, "x", &alias);
    examine();
    assert_int_equal(doctor_finding_count(f.report), 2);
    assert_string_equal(doctor_finding_at(f.report, 0)->subject, "cares.example. A");
}

static void test_all_down_by_an_override(void **state)
{
    uint8_t wire[DNS_NAME_MAX];
    struct zone_routing up = routing_of(POLICY_MULTIVALUE, "");
    const struct state_record_set set = {
        .name = wire, .type = DNS_TYPE_A, .set_identifier = "x", .set_identifier_len = 1};
    const struct state_override_key key = {.zone_id = "Z00000000000000000001", .set = &set};
    struct state_override override = {
        .mode = STATE_OVERRIDE_DRAIN, .slot = 9, .expires_wall_ms = NOW_MS + 1};

    (void)state;
    assert_true(dns_name_parse("a.example.", NULL, wire) > 0);
    put("a.example.", DNS_TYPE_A, "x", &up);
    assert_nothing();
    state_put_override(f.overlay, &key, &override);
    assert_one(DOCTOR_ERROR, "a.example. A", "unhealthy");
}

static void test_weights_all_zero(void **state)
{
    struct zone_routing routing = routing_of(POLICY_WEIGHTED, "");

    (void)state;
    put("a.example.", DNS_TYPE_A, "x", &routing);
    put("a.example.", DNS_TYPE_A, "y", &routing);
    assert_one(DOCTOR_WARNING, "a.example. A", "all weights are 0");
    routing.weight = 1;
    put("a.example.", DNS_TYPE_A, "z", &routing);
    assert_nothing();
}

static void test_failover_with_one_half(void **state)
{
    struct zone_routing routing = routing_of(POLICY_FAILOVER, "");

    (void)state;
    put("a.example.", DNS_TYPE_A, "x", &routing);
    assert_one(DOCTOR_WARNING, "a.example. A", "no secondary");
    routing.is_secondary = true;
    put("a.example.", DNS_TYPE_A, "y", &routing);
    assert_nothing();
    put("b.example.", DNS_TYPE_A, "y", &routing);
    assert_one(DOCTOR_WARNING, "b.example. A", "no primary");
}

static void test_check_that_nobody_runs(void **state)
{
    struct state_check_config config = {.type = STATE_CHECK_TCP, .region_count = 1};

    (void)state;
    SET_TEXT(config.regions[0], "there");
    put_check(CHECK_A, POLICY_HEALTH_HEALTHY | POLICY_HEALTHY_BIT, &config);
    assert_one(DOCTOR_ERROR, "health check " CHECK_A, "nobody checks");
    f.facts.knows_regions = false; /* without a leader that is not known */
    assert_nothing();
    f.facts.knows_regions = true;
    SET_TEXT(f.facts.regions[f.facts.region_count++], "there");
    assert_nothing();
}

static void test_child_gone(void **state)
{
    struct state_check_config config = {.type = STATE_CHECK_CALCULATED, .child_count = 2};

    (void)state;
    put_up(CHECK_A);
    SET_TEXT(config.children[0], CHECK_A);
    SET_TEXT(config.children[1], GONE);
    put_check(CHECK_B, POLICY_HEALTH_HEALTHY | POLICY_HEALTHY_BIT, &config);
    assert_one(DOCTOR_ERROR, "health check " CHECK_B, "child " GONE " is gone");
}

static void test_override_without_end(void **state)
{
    const struct state_override_key key = {.health_check_id = CHECK_A};
    struct state_override override = {.mode = STATE_OVERRIDE_FORCE_DOWN,
                                      .reason = "moving",
                                      .actor = "me",
                                      .set_wall_ms = NOW_MS,
                                      .expires_wall_ms = NOW_MS + 1};

    (void)state;
    put_up(CHECK_A);
    state_put_override(f.overlay, &key, &override);
    assert_nothing();
    override.expires_wall_ms = 0;
    state_put_override(f.overlay, &key, &override);
    assert_one(DOCTOR_WARNING, "health check " CHECK_A, "down without an end");
    assert_non_null(strstr(doctor_finding_at(f.report, 0)->text, "by me: \"moving\""));
}

static void test_findings_past_the_bound_are_counted(void **state)
{
    struct zone_routing routing = routing_of(POLICY_MULTIVALUE, GONE);
    char name[32];

    (void)state;
    for (unsigned i = 0; i < DOCTOR_FINDINGS_MAX + 3; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        put(name, DNS_TYPE_A, "x", &routing);
    }
    examine();
    assert_int_equal(doctor_finding_count(f.report), DOCTOR_FINDINGS_MAX);
    assert_int_equal(doctor_left_out(f.report), 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_wrong_nothing_found),
        TEST(test_target_missing),
        TEST(test_target_of_another_type_is_missing),
        TEST(test_fallback_missing),
        TEST(test_target_never_resolved),
        TEST(test_aliases_in_a_circle),
        TEST(test_aliases_of_sixteen_levels_are_fine),
        TEST(test_aliases_too_deep),
        TEST(test_check_gone),
        TEST(test_geolocation_without_default),
        TEST(test_no_database),
        TEST(test_database_old_or_broken),
        TEST(test_region_unknown),
        TEST(test_location_without_blocks),
        TEST(test_all_down),
        TEST(test_all_down_below_an_alias),
        TEST(test_all_down_by_an_override),
        TEST(test_weights_all_zero),
        TEST(test_failover_with_one_half),
        TEST(test_check_that_nobody_runs),
        TEST(test_child_gone),
        TEST(test_override_without_end),
        TEST(test_findings_past_the_bound_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
