/* links: cluster store policy geo test_apply */
/* Health, CIDR collections and regions on their way from applied state to what DNS reads: by
 * effects, and as a whole. Both must come to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/geo_compile.h"
#include "cluster/health_view.h"
#include "geo/cidr.h"
#include "geo/region.h"
#include "geo/view.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "policy/health.h"
#include "store/state_cidr.h"
#include "store/state_put.h"

#define CHECKS 40u
#define MANY 10000u
#define STEPS 3000u

static struct test_apply test;
static struct policy_health *health;
static struct health_view *view;
static char changed[64];
static uint32_t seed;

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    health_view_effect(view, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    (void)result;
}

static void on_change(void *user, const char *id)
{
    (void)user;
    snprintf(changed, sizeof(changed), "%s", id ? id : "all");
}

static int setup(void **state)
{
    struct apply_sink sink = {NULL, on_effect, on_result};
    struct kv kv;

    (void)state;
    seed = 1;
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    apply_free(test.apply);
    assert_int_equal(policy_health_new(&health), 0);
    assert_int_equal(health_view_new(health, &view), 0);
    return apply_new(&test.kv, &sink, &test.apply);
}

static int teardown(void **state)
{
    (void)state;
    health_view_free(view);
    policy_health_free(health);
    test_apply_fini(&test);
    return 0;
}

static unsigned draw(unsigned below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

struct commands { /* storage for one command at a time */
    Cmd__Command command;
    Cmd__CreateHealthCheck create;
    Cmd__UpdateHealthCheck update;
    Cmd__DeleteHealthCheck delete;
    Cmd__PutVerdicts verdicts;
    Cmd__VerdictOf verdict, *verdict_at;
    Cmd__PutOverride override;
    Cmd__DeleteOverride clear;
    Cmd__HealthCheckConfig config;
    char *children[8], ids[8][STATE_UUID_SIZE], reference[32], id[STATE_UUID_SIZE];
};

static void name_id(unsigned number, char out[STATE_UUID_SIZE])
{
    snprintf(out, STATE_UUID_SIZE, "%08x-0000-4000-8000-000000000000", number);
}

/* Without the fixture's memory, which is bounded. */
static int run(struct commands *at)
{
    struct raft_entry entry;
    Cmd__Command *command = &at->command;

    command->client_id = test.client_id;
    command->sequence = ++test.sequence;
    command->done_below = test.sequence;
    command->time_wall_ms = 1000 + test.index;
    entry = test_entry(++test.index, &command, 1);
    int rc = apply_entry(test.apply, &entry);
    raft_buf_unref(entry.data);
    return rc;
}

static void begin(struct commands *at, unsigned number)
{
    memset(at, 0, sizeof(*at));
    cmd__command__init(&at->command);
    name_id(number, at->id);
}

static void fill_http(struct commands *at)
{
    cmd__health_check_config__init(&at->config);
    at->config.type = (char *)(uintptr_t) "TCP";
    at->config.ip_address = (char *)(uintptr_t) "127.0.0.1";
    at->config.port = 80;
    at->config.request_interval_s = 10;
    at->config.failure_threshold = 1;
    at->config.is_inverted = draw(4) == 0;
    at->config.is_disabled = draw(4) == 0;
}

static void fill_calculated(struct commands *at)
{
    cmd__health_check_config__init(&at->config);
    at->config.type = (char *)(uintptr_t) "CALCULATED";
    at->config.health_threshold = draw(6);
    at->config.is_inverted = draw(4) == 0;
    at->config.n_children = draw(6);
    at->config.children = at->children;
    unsigned first = draw(CHECKS / 2);
    for (unsigned i = 0; i < at->config.n_children; i++) {
        name_id((first + i) % (CHECKS / 2), at->ids[i]);
        at->children[i] = at->ids[i];
    }
}

/* The lower half of the numbers are endpoints, the others calculated. */
static void fill_config(struct commands *at, unsigned number)
{
    if (number < CHECKS / 2)
        fill_http(at);
    else
        fill_calculated(at);
}

static int create(unsigned number)
{
    struct commands at;

    begin(&at, number);
    fill_config(&at, number);
    cmd__create_health_check__init(&at.create);
    at.command.kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    at.command.create_health_check = &at.create;
    snprintf(at.reference, sizeof(at.reference), "r%u", number);
    at.create.health_check_id = at.id;
    at.create.caller_reference = at.reference;
    at.create.config = &at.config;
    return run(&at);
}

static int update(unsigned number)
{
    struct commands at;
    struct state_check check = {0};

    begin(&at, number);
    fill_config(&at, number);
    (void)state_get_check(&test.kv, at.id, &check);
    cmd__update_health_check__init(&at.update);
    at.command.kind_case = CMD__COMMAND__KIND_UPDATE_HEALTH_CHECK;
    at.command.update_health_check = &at.update;
    at.update.health_check_id = at.id;
    at.update.version = check.version;
    at.update.config = &at.config;
    return run(&at);
}

static int delete_check(unsigned number)
{
    struct commands at;

    begin(&at, number);
    cmd__delete_health_check__init(&at.delete);
    at.command.kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    at.command.delete_health_check = &at.delete;
    at.delete.health_check_id = at.id;
    return run(&at);
}

static int judge(unsigned number, Cmd__Verdict verdict)
{
    struct commands at;
    struct state_check check = {0};

    begin(&at, number);
    (void)state_get_check(&test.kv, at.id, &check);
    cmd__put_verdicts__init(&at.verdicts);
    cmd__verdict_of__init(&at.verdict);
    at.command.kind_case = CMD__COMMAND__KIND_PUT_VERDICTS;
    at.command.put_verdicts = &at.verdicts;
    at.verdict_at = &at.verdict;
    at.verdicts.verdicts = &at.verdict_at;
    at.verdicts.n_verdicts = 1;
    at.verdict.health_check_id = at.id;
    at.verdict.version = check.version;
    at.verdict.verdict = verdict;
    return run(&at);
}

static int force(unsigned number)
{
    struct commands at;

    begin(&at, number);
    cmd__put_override__init(&at.override);
    at.command.kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    at.command.put_override = &at.override;
    at.override.health_check_id = at.id;
    at.override.reason = (char *)(uintptr_t) "test";
    at.override.mode = (Cmd__OverrideMode)(1 + draw(3));
    return run(&at);
}

static int clear(unsigned number)
{
    struct commands at;

    begin(&at, number);
    cmd__delete_override__init(&at.clear);
    at.command.kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    at.command.delete_override = &at.clear;
    at.clear.health_check_id = at.id;
    return run(&at);
}

static int step(void)
{
    unsigned number = draw(CHECKS);

    switch (draw(9)) {
    case 0:
    case 1: return create(number);
    case 2: return update(number);
    case 3: return delete_check(number);
    case 4: return force(number);
    case 5: return clear(number);
    default: return judge(number, (Cmd__Verdict)draw(3));
    }
}

/* A second view, read from the stored state alone, has the same octets and the same flips. */
static void check_loaded(void)
{
    struct policy_health *other;
    struct health_view *other_view;
    struct state_counters counters;

    assert_int_equal(policy_health_new(&other), 0);
    assert_int_equal(health_view_new(other, &other_view), 0);
    assert_int_equal(health_view_load(other_view, &test.kv), 0);
    assert_int_equal(state_get_counters(&test.kv, &counters), 0);
    for (uint32_t slot = 1; slot <= counters.slot; slot++) {
        uint8_t octet = policy_health_get(health, slot);
        assert_int_equal(policy_health_get(other, slot), octet);
        if (octet != POLICY_HEALTHY_BIT) /* gone: nobody asks since when */
            assert_int_equal(policy_health_since(other, slot), policy_health_since(health, slot));
    }
    health_view_free(other_view);
    policy_health_free(other);
}

static bool is_child_healthy(const char *id)
{
    struct state_check_status status;

    if (state_get_check_status(&test.kv, id, &status) != 0)
        return true;
    return policy_is_healthy(status.octet) || status.octet == POLICY_HEALTH_DISABLED;
}

static int on_check(void *user, const struct state_check *check)
{
    struct state_check_status status;
    unsigned healthy = 0;

    ++*(unsigned *)user;
    assert_int_equal(state_get_check_status(&test.kv, check->id, &status), 0);
    assert_int_equal(policy_health_get(health, check->slot), status.octet);
    for (uint32_t i = 0; i < check->config.child_count; i++)
        healthy += is_child_healthy(check->config.children[i]);
    assert_int_equal(status.healthy_children, healthy);
    return 0;
}

static void test_random_commands_by_effects_or_as_a_whole(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        assert_int_equal(step(), 0);
        if (i % 100 != 0)
            continue;
        check_loaded();
        seen = 0;
        assert_int_equal(state_list_checks(&test.kv, "", on_check, &seen), 0);
    }
    assert_true(seen > CHECKS / 4);
}

static void test_load_takes_the_place_of_what_was_known(void **state)
{
    struct kv empty;

    (void)state;
    assert_int_equal(create(1), 0);
    assert_int_equal(force(1), 0);
    assert_int_equal(judge(1, CMD__VERDICT__VERDICT_UNHEALTHY), 0);
    health_view_watch(view, on_change, NULL);
    assert_true(policy_health_get(health, 1) != POLICY_HEALTHY_BIT);
    assert_int_equal(kv_memory_new(&empty), 0);
    assert_int_equal(health_view_load(view, &empty), 0);
    assert_string_equal(changed, "all");
    assert_int_equal(policy_health_get(health, 1), POLICY_HEALTHY_BIT);
    kv_close(&empty);
    assert_int_equal(clear(1), 0);
    assert_string_equal(changed, "00000001-0000-4000-8000-000000000000");
}

static void test_checked_by_region(void **state)
{
    struct state_check_config config = {.type = STATE_CHECK_TCP};

    (void)state;
    assert_true(health_view_is_checked(&config, "eu-west-1"));
    config.region_count = 1;
    snprintf(config.regions[0], sizeof(config.regions[0]), "eu-west-1");
    assert_true(health_view_is_checked(&config, "eu-west-1"));
    assert_false(health_view_is_checked(&config, "eu-west"));
    assert_false(health_view_is_checked(&config, ""));
    config.is_disabled = true;
    assert_false(health_view_is_checked(&config, "eu-west-1"));
    config = (struct state_check_config){.type = STATE_CHECK_CALCULATED};
    assert_false(health_view_is_checked(&config, ""));
}

/* The cost of a verdict does not grow with the checks there are. */
static void test_many_checks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        struct commands at;
        begin(&at, i);
        fill_http(&at);
        at.config.is_inverted = at.config.is_disabled = false;
        cmd__create_health_check__init(&at.create);
        at.command.kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
        at.command.create_health_check = &at.create;
        snprintf(at.reference, sizeof(at.reference), "r%u", i);
        at.create.health_check_id = at.id;
        at.create.caller_reference = at.reference;
        at.create.config = &at.config;
        assert_int_equal(run(&at), 0);
    }
    uint64_t begin_ns = clock_mono_ns();
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(judge(draw(MANY), i % 2 ? CMD__VERDICT__VERDICT_HEALTHY
                                                 : CMD__VERDICT__VERDICT_UNHEALTHY),
                         0);
    print_message("# %u checks: %.1f us for a verdict in an entry of its own\n", MANY,
                  (double)(clock_mono_ns() - begin_ns) / 1e6);
    begin_ns = clock_mono_ns();
    check_loaded();
    print_message("# all loaded in %.1f ms\n", (double)(clock_mono_ns() - begin_ns) / 1e6);
}

static void put_block(struct overlay *overlay, const char *id, uint8_t first, uint8_t bits,
                      const char *location)
{
    struct state_cidr_block block = {{bits, first}, 5, ""};

    snprintf(block.location, sizeof(block.location), "%s", location);
    state_put_cidr_block(overlay, id, &block);
}

static void test_cidr_and_regions_are_compiled(void **state)
{
    struct state_cidr_collection collection = {.version = 1, .slot = 3, .block_count = 2};
    struct state_region region = {"our-dc", 130, 1, 2};
    struct overlay *overlay = overlay_new(&test.kv);
    struct geo_address address = {.octets = {10, 1, 2, 3}, .bits = 32};
    struct geo_regions *regions;
    struct geo_cidr *cidr, *changed_cidr;
    unsigned scope;

    (void)state;
    name_id(5, collection.id);
    snprintf(collection.name, sizeof(collection.name), "offices");
    state_put_cidr(overlay, &collection);
    put_block(overlay, collection.id, 10, 8, "paris");
    put_block(overlay, collection.id, 11, 8, "lab");
    state_put_region(overlay, &region);
    struct state_applied point = {test.index + 1, 1, {0, 0}};
    assert_int_equal(state_commit(overlay, &test.kv, &point), 0);
    assert_int_equal(geo_compile_cidr(&test.kv, &cidr), 0);
    assert_int_equal(geo_cidr_find(cidr, 3, &address, &scope), geo_cidr_location_hash("paris"));
    assert_int_equal(geo_cidr_find(cidr, 2, &address, &scope), 0);
    overlay_reset(overlay, &test.kv);
    put_block(overlay, collection.id, 10, 8, "lyon");
    point.index++;
    assert_int_equal(state_commit(overlay, &test.kv, &point), 0);
    assert_int_equal(geo_compile_collection(&test.kv, collection.id, 3, cidr, &changed_cidr), 0);
    assert_int_equal(geo_cidr_find(changed_cidr, 3, &address, &scope),
                     geo_cidr_location_hash("lyon"));
    geo_cidr_unref(cidr);
    geo_cidr_unref(changed_cidr);
    assert_int_equal(geo_compile_regions(&test.kv, &regions), 0);
    assert_int_equal(geo_regions_find(regions, "our-dc"), 130);
    assert_int_equal(geo_regions_get(regions, 130)->longitude_cdeg, 2);
    assert_true(geo_regions_find(regions, "eu-west-1") != GEO_REGION_NONE);
    geo_regions_unref(regions);
    overlay_free(overlay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_commands_by_effects_or_as_a_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_load_takes_the_place_of_what_was_known, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_checked_by_region, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cidr_and_regions_are_compiled, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
