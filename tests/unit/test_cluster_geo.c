/* links: cluster test_apply
 * What routing knows of clients, from parts to what readers see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/geo_parts.h"
#include "cluster/geo_state.h"
#include "cluster/publish.h"
#include "geo/cidr.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "geo/view.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "zone/image.h"

static struct publish *publish;
static struct geo_parts *parts;

static int start(void **state)
{
    (void)state;
    return publish_new(&publish) != 0 || geo_parts_new(publish, &parts) != 0 ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    geo_parts_free(parts);
    publish_free(publish);
    return 0;
}

/* Valid while nothing is reclaimed. */
static const struct geo_view *seen(void)
{
    zone_reader_register();
    const struct geo_view *view = zone_image_geo(zone_image_read_begin(publish_image(publish)));
    zone_image_read_end();
    zone_reader_unregister();
    return view;
}

static struct geo_cidr *make_cidr(void)
{
    struct geo_cidr *cidr = NULL;
    assert_int_equal(geo_cidr_with(NULL, 1, NULL, &cidr), 0);
    return cidr;
}

static void test_geo_parts_begin_with_route53s_regions(void **state)
{
    (void)state;
    assert_null(seen());
    geo_parts_publish(parts);
    assert_ptr_equal(seen(), geo_parts_view(parts));
    assert_int_equal(geo_regions_find(seen()->regions, "eu-west-1"), 6);
    assert_null(seen()->database);
    assert_null(seen()->latency);
    assert_null(seen()->cidr);
}

static void test_geo_parts_set_keeps_the_other_parts(void **state)
{
    (void)state;
    struct geo_latency *latency = NULL;
    struct geo_cidr *cidr = make_cidr();
    struct geo_regions *regions = NULL;

    assert_int_equal(geo_parts_set_cidr(parts, cidr), 0);
    assert_int_equal(geo_latency_new(NULL, 0, 7, &latency), 0);
    assert_int_equal(geo_parts_set_latency(parts, latency), 0);
    assert_int_equal(geo_regions_new(NULL, &regions), 0);
    assert_int_equal(geo_parts_set_regions(parts, regions), 0);
    assert_int_equal(geo_parts_set_database(parts, NULL), 0);
    assert_null(seen());
    publish_commit(publish, 1); /* an entry's commit shows them, too */
    assert_ptr_equal(seen()->cidr, cidr);
    assert_ptr_equal(seen()->latency, latency);
    assert_ptr_equal(seen()->regions, regions);
    assert_int_equal(geo_parts_set_cidr(parts, NULL), 0);
    assert_ptr_equal(seen()->cidr, cidr);
    geo_parts_publish(parts);
    assert_null(seen()->cidr);
    assert_ptr_equal(seen()->latency, latency);
    assert_true(publish_index(publish) == 1);
}

/* A whole state becomes visible at once, and so not because a database was loaded meanwhile. */
static void test_geo_parts_publish_waits_for_a_rebuild(void **state)
{
    (void)state;
    struct test_apply test;
    struct kv kv;
    int rc;

    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    Cmd__Command *command = test_create_zone(&test, 1, "one.example.");
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    assert_int_equal(publish_rebuild_begin(publish, &test.kv), 0);
    geo_parts_publish(parts);
    assert_null(seen());
    do {
        rc = publish_rebuild_step(publish, &test.kv, 1);
        geo_parts_publish(parts);
        assert_true(rc == 0 || seen() == NULL);
    } while (rc == 1);
    assert_int_equal(rc, 0);
    assert_ptr_equal(seen(), geo_parts_view(parts));
    test_apply_fini(&test);
}

#define COLLECTION "00000001-0000-4000-8000-000000000000"

static int on_effect_rc;
static const struct geo_cidr *after_effects[8]; /* what routing knew after each of the last entry */
static unsigned effect_count;

static void on_effect(void *user, const struct apply_effect *effect)
{
    const struct test_apply *test = user;
    on_effect_rc |= geo_state_effect(parts, &test->kv, effect);
    if (effect_count < 8)
        after_effects[effect_count++] = geo_parts_view(parts)->cidr;
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    assert_int_equal(result->code, 0);
}

static void apply_all(struct test_apply *test, Cmd__Command *const *commands, unsigned count)
{
    effect_count = 0;
    assert_int_equal(test_apply_batch(test, commands, count), 0);
    assert_int_equal(on_effect_rc, 0);
    publish_commit(publish, test->index);
}

static void apply(struct test_apply *test, Cmd__Command *command)
{
    apply_all(test, &command, 1);
}

static void create_collection(struct test_apply *test)
{
    Cmd__Command *command = test_command(test);
    Cmd__CreateCidrCollection create = CMD__CREATE_CIDR_COLLECTION__INIT;
    create.collection_id = (char *)COLLECTION;
    create.name = (char *)"offices";
    create.caller_reference = (char *)"r";
    command->kind_case = CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION;
    command->create_cidr_collection = &create;
    apply(test, command);
}

static Cmd__Command *change_of_block(struct test_apply *test, uint8_t last, bool is_delete)
{
    uint8_t octets[] = {24, 192, 0, last, 0};
    Cmd__Command *command = test_command(test);
    Cmd__ChangeCidrCollection *body = test_apply_alloc(test, sizeof(*body));
    Cmd__CidrChange *change = test_apply_alloc(test, sizeof(*change));
    cmd__change_cidr_collection__init(body);
    cmd__cidr_change__init(change);
    change->location = (char *)"berlin";
    change->is_delete = is_delete;
    change->n_blocks = 1;
    change->blocks = test_apply_alloc(test, sizeof(*change->blocks));
    *change->blocks = (ProtobufCBinaryData){sizeof(octets), test_apply_alloc(test, sizeof(octets))};
    memcpy(change->blocks->data, octets, sizeof(octets));
    body->collection_id = (char *)COLLECTION;
    body->n_changes = 1;
    body->changes = test_apply_alloc(test, sizeof(change));
    body->changes[0] = change;
    command->kind_case = CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION;
    command->change_cidr_collection = body;
    return command;
}

static void change_collection(struct test_apply *test, bool is_delete)
{
    apply(test, change_of_block(test, 2, is_delete));
}

static void put_region(struct test_apply *test)
{
    Cmd__Command *command = test_command(test);
    Cmd__PutRegion put = CMD__PUT_REGION__INIT;
    put.name = (char *)"dc-berlin";
    put.latitude_cdeg = 5252;
    put.longitude_cdeg = 1340;
    command->kind_case = CMD__COMMAND__KIND_PUT_REGION;
    command->put_region = &put;
    apply(test, command);
}

/* The location of 192.0.2.1, in whichever slot; 0: in none. */
static uint32_t location_seen(void)
{
    const struct geo_address address = {.octets = {192, 0, 2, 1}, .bits = 32};
    unsigned scope_bits;
    for (uint32_t slot = 0; seen()->cidr && slot < 16; slot++) {
        const uint32_t found = geo_cidr_find(seen()->cidr, slot, &address, &scope_bits);
        if (found != 0)
            return found;
    }
    return 0;
}

static void test_geo_state_follows_effects_and_loads_the_same(void **state)
{
    (void)state;
    struct test_apply test;
    struct apply_sink sink = {&test, on_effect, on_result};
    struct kv kv;

    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    apply_free(test.apply);
    assert_int_equal(apply_new(&test.kv, &sink, &test.apply), 0);
    create_collection(&test);
    assert_int_equal(location_seen(), 0);
    change_collection(&test, false);
    assert_int_equal(location_seen(), geo_cidr_location_hash("berlin"));
    assert_int_equal(geo_regions_find(seen()->regions, "dc-berlin"), GEO_REGION_NONE);
    put_region(&test);
    const unsigned number = geo_regions_find(seen()->regions, "dc-berlin");
    assert_int_equal(number, GEO_REGION_OWN_FIRST);
    assert_int_equal(geo_regions_get(seen()->regions, number)->latitude_cdeg, 5252);

    assert_int_equal(geo_parts_set_cidr(parts, NULL), 0); /* as a node that starts */
    assert_int_equal(geo_parts_set_regions(parts, NULL), 0);
    assert_int_equal(geo_state_load(parts, &test.kv), 0);
    geo_parts_publish(parts);
    assert_int_equal(location_seen(), geo_cidr_location_hash("berlin"));
    assert_int_equal(geo_regions_find(seen()->regions, "dc-berlin"), number);

    change_collection(&test, true);
    assert_int_equal(location_seen(), 0);
    test_apply_fini(&test);
}

/* Compiling ten thousand blocks takes a while, and an entry may have a thousand commands. */
static void test_collection_is_compiled_once_for_an_entry(void **state)
{
    (void)state;
    struct test_apply test;
    struct apply_sink sink = {&test, on_effect, on_result};
    struct kv kv;

    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    apply_free(test.apply);
    assert_int_equal(apply_new(&test.kv, &sink, &test.apply), 0);
    create_collection(&test);
    Cmd__Command *commands[] = {change_of_block(&test, 1, false), change_of_block(&test, 2, false)};
    apply_all(&test, commands, 2);
    assert_int_equal(effect_count, 2);
    assert_ptr_equal(after_effects[0], after_effects[1]);
    assert_int_equal(location_seen(), geo_cidr_location_hash("berlin"));
    change_collection(&test, true);
    assert_int_equal(location_seen(), 0);
    test_apply_fini(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_geo_parts_begin_with_route53s_regions, start, stop),
        cmocka_unit_test_setup_teardown(test_geo_parts_set_keeps_the_other_parts, start, stop),
        cmocka_unit_test_setup_teardown(test_geo_parts_publish_waits_for_a_rebuild, start, stop),
        cmocka_unit_test_setup_teardown(test_geo_state_follows_effects_and_loads_the_same, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_collection_is_compiled_once_for_an_entry, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
