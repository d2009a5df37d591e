/* links: store test_kv */
/* What routing needs of the state: checks, overrides, CIDR collections, regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "store/state_cidr.h"
#include "store/state_put.h"
#include "store/state_routing.h"
#include "store/state_value.h"

#define ID_A "0a000000-0000-0000-0000-000000000001"
#define ID_B "1b000000-0000-0000-0000-000000000002"
#define ID_C "f0000000-0000-0000-0000-000000000003"
#define ZONE "Z00000000000000000001"

struct fixture {
    struct kv kv;
    struct overlay *overlay;
    struct state_applied point;
};

static int setup(void **state)
{
    struct fixture *test = calloc(1, sizeof(*test));

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&test->kv), 0);
    test->overlay = overlay_new(&test->kv);
    assert_non_null(test->overlay);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *test = *state;

    overlay_free(test->overlay);
    kv_close(&test->kv);
    free(test);
    return 0;
}

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    const enum kv_family *family = user;

    assert_int_equal(state_value_check(*family, key, value), 0);
    return 0;
}

/* Write what the overlay holds; every stored pair passes the check of verification. */
static void commit(struct fixture *test)
{
    test->point.index++;
    test->point.term = 1;
    assert_int_equal(state_commit(test->overlay, &test->kv, &test->point), 0);
    overlay_reset(test->overlay, &test->kv);
    for (enum kv_family family = 0; family < KV_FAMILIES; family++) {
        struct kv_range range = {.family = family};
        assert_int_equal(kv_scan(&test->kv, &range, on_pair, &family), 0);
    }
}

static struct state_check check_of(const char *id, uint32_t slot)
{
    struct state_check check = {.version = 1, .slot = slot, .created_index = 3};

    snprintf(check.id, sizeof(check.id), "%s", id);
    snprintf(check.caller_reference, sizeof(check.caller_reference), "reference %s", id);
    check.config.type = STATE_CHECK_HTTPS_STR_MATCH;
    check.config.port = 8443;
    check.config.is_inverted = check.config.enable_sni = true;
    check.config.request_interval_s = 30;
    check.config.failure_threshold = 3;
    snprintf(check.config.ip_address, sizeof(check.config.ip_address), "2001:db8::1");
    snprintf(check.config.search_string, sizeof(check.config.search_string), "ready");
    check.config.region_count = 2;
    snprintf(check.config.regions[1], sizeof(check.config.regions[1]), "eu-west-1");
    return check;
}

static void test_check_round_trip(void **state)
{
    struct fixture *test = *state;
    struct state_check check = check_of(ID_A, 7), read;
    struct state_check_status status = {.verdict = STATE_VERDICT_UNHEALTHY, .octet = 0x83}, got;
    uint32_t slot = 0;

    status.since_index = UINT64_MAX;
    memset(status.reason, 'x', sizeof(status.reason) - 1);
    state_put_check(test->overlay, &check, NULL);
    state_put_check_status(test->overlay, ID_A, &status);
    commit(test);
    assert_int_equal(state_get_check(&test->kv, ID_A, &read), 0);
    assert_string_equal(read.id, check.id);
    assert_int_equal(read.created_index, 3);
    assert_int_equal(read.config.type, STATE_CHECK_HTTPS_STR_MATCH);
    assert_int_equal(read.config.port, 8443);
    assert_true(read.config.is_inverted && read.config.enable_sni && !read.config.is_disabled);
    assert_string_equal(read.config.ip_address, "2001:db8::1");
    assert_string_equal(read.config.search_string, "ready");
    assert_int_equal(read.config.region_count, 2);
    assert_string_equal(read.config.regions[0], "");
    assert_string_equal(read.config.regions[1], "eu-west-1");
    assert_int_equal(state_get_check_status(&test->kv, ID_A, &got), 0);
    assert_int_equal(got.verdict, STATE_VERDICT_UNHEALTHY);
    assert_int_equal(got.octet, 0x83);
    assert_int_equal(got.since_index, UINT64_MAX);
    assert_string_equal(got.reason, status.reason);
    assert_int_equal(state_find_check_slot(&test->kv, ID_A, &slot), 0);
    assert_int_equal(slot, 7);
    assert_int_equal(state_find_check_slot(&test->kv, ID_B, &slot), ERR_NOT_FOUND);
    assert_int_equal(state_find_check_slot(&test->kv, "reference:reference " ID_A, &slot),
                     ERR_NOT_FOUND);
    assert_int_equal(state_get_check_by_reference(&test->kv, "reference " ID_A, &read), 0);
    state_delete_check(test->overlay, &check);
    commit(test);
    assert_int_equal(state_get_check(&test->kv, ID_A, &read), ERR_NOT_FOUND);
    assert_int_equal(state_get_check_by_reference(&test->kv, "reference " ID_A, &read),
                     ERR_NOT_FOUND);
}

static int on_check(void *user, const struct state_check *check)
{
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%.2s ", check->id);
    return 0;
}

static int on_parent(void *user, const char *id)
{
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%.2s ", id);
    return 0;
}

static const char *parents(struct fixture *test, const char *id)
{
    static char out[256];

    out[0] = 0;
    assert_int_equal(state_list_parents(&test->kv, id, on_parent, out), 0);
    return out;
}

static void test_list_checks_and_parents(void **state)
{
    struct fixture *test = *state;
    struct state_check parent = check_of(ID_C, 3), before;
    char out[256] = "";

    parent.config.type = STATE_CHECK_CALCULATED;
    parent.config.child_count = 2;
    memcpy(parent.config.children[0], ID_A, STATE_UUID_SIZE);
    memcpy(parent.config.children[1], ID_B, STATE_UUID_SIZE);
    state_put_check(test->overlay, &parent, NULL);
    struct state_check a = check_of(ID_A, 1), b = check_of(ID_B, 2);
    state_put_check(test->overlay, &b, NULL);
    state_put_check(test->overlay, &a, NULL);
    commit(test);
    assert_int_equal(state_list_checks(&test->kv, "", on_check, out), 0);
    assert_string_equal(out, "0a 1b f0 ");
    out[0] = 0;
    assert_int_equal(state_list_checks(&test->kv, ID_B, on_check, out), 0);
    assert_string_equal(out, "1b f0 ");
    assert_string_equal(parents(test, ID_A), "f0 ");
    assert_string_equal(parents(test, ID_C), "");
    before = parent;
    memcpy(parent.config.children[0], ID_B, STATE_UUID_SIZE);
    parent.config.child_count = 1;
    state_put_check(test->overlay, &parent, &before);
    commit(test);
    assert_string_equal(parents(test, ID_A), "");
    assert_string_equal(parents(test, ID_B), "f0 ");
}

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    char *out = user;

    if (key->health_check_id)
        snprintf(out + strlen(out), 256 - strlen(out), "%.2s=%d ", key->health_check_id,
                 override->mode);
    else
        snprintf(out + strlen(out), 256 - strlen(out), "%s/%s/%u/%.*s=%d ", key->zone_id,
                 (const char *)key->set->name + 1, key->set->type,
                 (int)key->set->set_identifier_len, key->set->set_identifier, override->mode);
    return 0;
}

static void test_override_of_check_and_of_set(void **state)
{
    struct fixture *test = *state;
    struct state_record_set set = {.name = (const uint8_t *)"\1a",
                                   .type = 28,
                                   .set_identifier = "blue",
                                   .set_identifier_len = 4};
    struct state_override_key of_set = {.zone_id = ZONE, .set = &set};
    struct state_override_key of_check = {.health_check_id = ID_A};
    struct state_override override = {.mode = STATE_OVERRIDE_DRAIN, .slot = 9}, read;
    char out[256] = "";
    uint32_t slot = 0;

    state_put_override(test->overlay, &of_set, &override);
    override.mode = STATE_OVERRIDE_FORCE_UP;
    override.slot = 0;
    state_put_override(test->overlay, &of_check, &override);
    commit(test);
    assert_int_equal(state_find_override_slot(&test->kv, ZONE, &set, &slot), 0);
    assert_int_equal(slot, 9);
    assert_int_equal(state_get_override(&test->kv, &of_check, &read), 0);
    assert_int_equal(read.mode, STATE_OVERRIDE_FORCE_UP);
    assert_int_equal(read.slot, 0);
    assert_int_equal(state_list_overrides(&test->kv, on_override, out), 0);
    assert_string_equal(out, "0a=1 " ZONE "/a/28/blue=3 ");
    set.set_identifier_len = 3;
    assert_int_equal(state_find_override_slot(&test->kv, ZONE, &set, &slot), ERR_NOT_FOUND);
    set.set_identifier_len = 4;
    state_delete_override(test->overlay, &of_set);
    commit(test);
    assert_int_equal(state_find_override_slot(&test->kv, ZONE, &set, &slot), ERR_NOT_FOUND);
}

static int on_block(void *user, const struct state_cidr_block *block)
{
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%u:%u/%u@%s ", block->octets[1],
             block->octets[2], block->octets[0], block->location);
    return 0;
}

static int on_location(void *user, const char *location, uint64_t block_count)
{
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%s=%u ", location,
             (unsigned)block_count);
    return 0;
}

static void test_cidr_blocks_order_by_address(void **state)
{
    struct fixture *test = *state;
    struct state_cidr_collection collection = {ID_B, "offices", "r", 1, 4, 3}, read;
    struct state_cidr_block blocks[] = {
        {{48, 0x20, 1, 0xd}, 17, "paris"}, {{24, 192, 0, 2}, 5, "paris"}, {{8, 10}, 5, "lab"}};
    char out[256] = "";
    uint64_t count = 9;
    uint32_t slot;

    state_put_cidr(test->overlay, &collection);
    for (size_t i = 0; i < 3; i++)
        state_put_cidr_block(test->overlay, ID_B, &blocks[i]);
    state_put_cidr_location(test->overlay, ID_B, "paris", 2);
    state_put_cidr_location(test->overlay, ID_B, "lab", 1);
    commit(test);
    assert_int_equal(state_list_cidr_blocks(&test->kv, ID_B, NULL, on_block, out), 0);
    assert_string_equal(out, "10:0/8@lab 192:0/24@paris 32:1/48@paris ");
    out[0] = 0;
    assert_int_equal(state_list_cidr_blocks(&test->kv, ID_B, &blocks[1], on_block, out), 0);
    assert_string_equal(out, "192:0/24@paris 32:1/48@paris ");
    out[0] = 0;
    assert_int_equal(state_list_cidr_locations(&test->kv, ID_B, "", on_location, out), 0);
    assert_string_equal(out, "lab=1 paris=2 ");
    out[0] = 0;
    assert_int_equal(state_list_cidr_locations(&test->kv, ID_B, "lac", on_location, out), 0);
    assert_string_equal(out, "paris=2 ");
    assert_int_equal(state_get_cidr_location(&test->kv, ID_B, "pari", &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(state_get_cidr_by_name(&test->kv, "offices", &read), 0);
    assert_string_equal(read.id, ID_B);
    assert_int_equal(read.block_count, 3);
    assert_int_equal(state_find_cidr_slot(&test->kv, ID_B, &slot), 0);
    assert_int_equal(slot, 4);
    assert_int_equal(state_find_cidr_slot(&test->kv, ID_A, &slot), ERR_NOT_FOUND);
}

static void test_region_round_trip(void **state)
{
    struct fixture *test = *state;
    struct state_region region = {"our-dc", 200, -3389, 15121}, read = {0};
    uint8_t number;

    state_put_region(test->overlay, &region);
    commit(test);
    assert_int_equal(state_get_region(&test->kv, "our-dc", &read), 0);
    assert_int_equal(read.latitude_cdeg, -3389);
    assert_int_equal(read.longitude_cdeg, 15121);
    assert_int_equal(state_find_region_number(&test->kv, "our-dc", &number), 0);
    assert_int_equal(number, 200);
    assert_int_equal(state_find_region_number(&test->kv, "our", &number), ERR_NOT_FOUND);
}

/* As written before there was any routing. */
static void test_counters_of_older_state_have_no_slots(void **state)
{
    static const uint8_t old[] = {0x08, 1, 0x10, 5, 0x18, 2, 0x20, 1, 0x28, 3, 0x32, 12,
                                  0,    0, 0,    0, 0,    0, 0,    0, 0,    0, 0,    0};
    struct state_counters counters = {.slot = 1};

    (void)state;
    assert_int_equal(state_value_counters(kv_slice(old, sizeof(old)), &counters), 0);
    assert_int_equal(counters.content, 5);
    assert_int_equal(counters.zone_generation, 3);
    assert_int_equal(counters.slot, 0);
    assert_int_equal(counters.region_number, 0);
}

static void test_malformed_values_refused(void **state)
{
    static const uint8_t no_config[] = {0x08, 1, 0x18, 1}, newer[] = {0x08, 2};
    static const uint8_t override_without_mode[] = {0x08, 1, 0x1a, 1, 'x'};
    static const uint8_t builtin_region[] = {0x08, 1, 0x10, 5};

    (void)state;
    struct kv_slice id = kv_slice(ID_A, 36);
    assert_int_equal(state_value_check(KV_HEALTH_CHECKS, id, kv_slice(no_config, 4)), ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_HEALTH_CHECKS, id, kv_slice(newer, 2)), ERR_VERSION);
    assert_int_equal(state_value_check(KV_VERDICTS, kv_slice(ID_A, 35), kv_slice(no_config, 2)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OVERRIDES, id, kv_slice(override_without_mode, 5)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OVERRIDES, kv_slice(ZONE, 21), kv_slice(newer, 2)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_REGIONS, kv_slice("x", 1), kv_slice(builtin_region, 4)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_CIDR_BLOCKS, kv_slice(ID_A "4abcd", 41), id),
                     ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_check_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_checks_and_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_override_of_check_and_of_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cidr_blocks_order_by_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_region_round_trip, setup, teardown),
        cmocka_unit_test(test_counters_of_older_state_have_no_slots),
        cmocka_unit_test(test_malformed_values_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
