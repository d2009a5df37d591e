/* links: zone policy geo dns base */
/* What aliases lead to, names outside our zones among it, and what else routing finds in an image:
 * the view of clients, which goes by generations, and health, which does not. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/view.h"
#include "policy/health.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t APEX[] = "\007example";

static const uint8_t *name_of(const char *text)
{
    static uint8_t names[4][DNS_NAME_MAX];
    static unsigned turn;
    uint8_t *name = names[turn++ % 4];
    assert_true(dns_name_parse(text, APEX, name) > 0);
    return name;
}

/* One record of four octets, of which @octet is the last. */
struct one {
    uint8_t octets[4];
    struct zone_rdata rdata;
    struct zone_record_set set;
};

static const struct zone_record_set *make(struct one *one, const char *name, uint16_t type,
                                          uint8_t octet)
{
    *one = (struct one){.octets = {192, 0, 2, octet}};
    one->rdata = (struct zone_rdata){one->octets, 4};
    one->set = (struct zone_record_set){
        .name = name_of(name), .type = type, .rdata_count = 1, .ttl_s = 60, .rdatas = &one->rdata};
    return &one->set;
}

static void put(struct zone_publisher *publisher, const char *name, uint16_t type, uint8_t octet)
{
    struct one one;
    assert_int_equal(zone_change_put(publisher, APEX, make(&one, name, type, octet)), 0);
}

static void put_external(struct zone_publisher *publisher, const char *name, uint8_t octet)
{
    struct one one;
    assert_int_equal(zone_change_external_put(publisher, make(&one, name, DNS_TYPE_A, octet)), 0);
}

static struct zone_publisher *publisher_with_zone(void)
{
    struct zone_publisher *publisher;
    struct zone_content *content;

    assert_int_equal(zone_publisher_new(&publisher), 0);
    assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
    assert_int_equal(zone_change_serve(publisher, content), 0);
    return publisher;
}

static const struct zone_image *publish(struct zone_publisher *publisher)
{
    static uint64_t index;
    assert_int_equal(zone_publish(publisher, ++index), 0);
    const struct zone_image *image = zone_image_read_begin(publisher);
    zone_image_read_end(); /* the writer is here: nothing goes until it reclaims */
    return image;
}

/* @octet: last of the record found; 0: none is there. */
static void assert_target(const struct zone_image *image, const char *name, uint16_t type,
                          bool is_external, uint8_t octet)
{
    struct zone_target target;

    zone_find_target(image, name_of(name), type, &target);
    assert_int_equal(target.is_external, is_external);
    assert_int_equal(target.zone == NULL, is_external);
    assert_int_equal(target.set != NULL, octet != 0);
    if (target.set)
        assert_int_equal(target.set->wire[ZONE_WIRE_RDATA_OFFSET + 3], octet);
    if (target.zone)
        assert_memory_equal(zone_apex(target.zone), APEX, sizeof(APEX));
}

static void test_find_target_tells_where_each_name_leads(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();

    (void)state;
    put(publisher, "www", DNS_TYPE_A, 1);
    put(publisher, "*.wild", DNS_TYPE_A, 2);
    put(publisher, "chain", DNS_TYPE_CNAME, 3);
    put(publisher, "tree", DNS_TYPE_DNAME, 4);
    put(publisher, "cut", DNS_TYPE_NS, 5);
    put(publisher, "host.cut", DNS_TYPE_A, 6); /* glue */
    put_external(publisher, "www.other.", 7);
    put_external(publisher, "below.cut", 8);
    put_external(publisher, "www", 9);     /* ours: never looked at */
    put_external(publisher, "missing", 9); /* as well */
    const struct zone_image *image = publish(publisher);
    assert_target(image, "www", DNS_TYPE_A, false, 1);
    assert_target(image, "any.wild", DNS_TYPE_A, false, 2);
    assert_target(image, "*.wild", DNS_TYPE_A, false, 2);
    assert_target(image, "chain", DNS_TYPE_A, false, 0);
    assert_target(image, "chain", DNS_TYPE_CNAME, false, 3);
    assert_target(image, "below.tree", DNS_TYPE_A, false, 0);
    assert_target(image, "www", DNS_TYPE_AAAA, false, 0);
    assert_target(image, "missing", DNS_TYPE_A, false, 0);
    assert_target(image, "host.cut", DNS_TYPE_A, true, 0);
    assert_target(image, "below.cut", DNS_TYPE_A, true, 8);
    assert_target(image, "cut", DNS_TYPE_A, true, 0);
    assert_target(image, "www.other.", DNS_TYPE_A, true, 7);
    assert_target(image, "www.other.", DNS_TYPE_AAAA, true, 0);
    assert_target(image, "else.other.", DNS_TYPE_A, true, 0);
    assert_target(image, ".", DNS_TYPE_A, true, 0);
    zone_publisher_free(publisher);
}

static void test_find_target_of_group_is_the_group(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    const struct zone_routing routing = {.kind = POLICY_MULTIVALUE};
    struct zone_target target;
    struct one one;

    (void)state;
    make(&one, "many", DNS_TYPE_A, 1);
    one.set.routing = &routing;
    one.set.set_identifier = "a";
    one.set.set_identifier_len = 1;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    assert_int_equal(zone_change_external_put(publisher, &one.set), ERR_INVALID);
    zone_find_target(publish(publisher), name_of("many"), DNS_TYPE_A, &target);
    assert_true(zone_set_is_group(target.set));
    assert_int_equal(zone_set_group(target.set)->kind, POLICY_MULTIVALUE);
    zone_publisher_free(publisher);
}

/* No question finds an external name, with a zone above it or without. */
static void test_externals_are_out_of_reach_of_questions(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    struct zone_match match;

    (void)state;
    put_external(publisher, "www.other.", 1);
    put_external(publisher, "new", 2);
    const struct zone_image *image = publish(publisher);
    zone_lookup(image, name_of("www.other."), DNS_TYPE_A, &match);
    assert_int_equal(match.outcome, ZONE_OUTCOME_NONE);
    zone_lookup(image, name_of("new"), DNS_TYPE_A, &match);
    assert_int_equal(match.outcome, ZONE_OUTCOME_NXDOMAIN);
    assert_null(zone_find_record_set(image, name_of("new"), DNS_TYPE_A));
    assert_non_null(zone_find_external(image, name_of("new"), DNS_TYPE_A));
    zone_publisher_free(publisher);
}

static void assert_all_reclaimed(struct zone_publisher *publisher)
{
    struct zone_memory memory;

    for (unsigned i = 0; i < 5000; i++) {
        zone_image_reclaim(publisher, 50);
        zone_image_memory(publisher, &memory);
        if (memory.used_octets == 0 && memory.retired_blocks == 0)
            break;
        usleep(1000); /* the grace period is over some time */
    }
    assert_int_equal(memory.used_octets, 0);
    assert_int_equal(memory.reserved_octets, 0);
}

static void test_externals_go_by_generations_and_give_memory_back(void **state)
{
    struct zone_publisher *publisher;
    struct zone_memory memory;

    (void)state;
    assert_int_equal(zone_publisher_new(&publisher), 0);
    for (uint8_t round = 1; round < 200; round++) {
        put_external(publisher, "www.other.", round);
        put_external(publisher, round % 2 ? "a.other." : "b.other.", round);
        publish(publisher);
        const struct zone_image *held = zone_image_read_begin(publisher);
        put_external(publisher, "www.other.", 255);
        publish(publisher);
        zone_image_reclaim(publisher, 1000);
        assert_target(held, "www.other.", DNS_TYPE_A, true, round);
        zone_image_read_end();
    }
    zone_image_memory(publisher, &memory);
    assert_int_equal(memory.names, 0);
    assert_int_equal(zone_change_external_remove(publisher, name_of("www.other."), DNS_TYPE_A), 0);
    assert_int_equal(zone_change_external_remove(publisher, name_of("www.other."), DNS_TYPE_A),
                     ERR_NOT_FOUND);
    assert_int_equal(zone_change_external_remove(publisher, name_of("a.other."), DNS_TYPE_AAAA),
                     ERR_NOT_FOUND);
    assert_int_equal(zone_change_external_remove(publisher, name_of("a.other."), DNS_TYPE_A), 0);
    assert_int_equal(zone_change_external_remove(publisher, name_of("b.other."), DNS_TYPE_A), 0);
    assert_target(publish(publisher), "a.other.", DNS_TYPE_A, true, 0);
    assert_all_reclaimed(publisher);
    zone_publisher_free(publisher);
}

static struct geo_view *new_view(void)
{
    const struct geo_view parts = {.database = NULL};
    struct geo_view *view = geo_view_new(&parts);
    assert_non_null(view);
    return view;
}

static void reclaim_until_alone(struct zone_publisher *publisher, const struct geo_view *view)
{
    for (unsigned i = 0; i < 5000 && __atomic_load_n(&view->references, __ATOMIC_ACQUIRE) > 1;
         i++) {
        zone_image_reclaim(publisher, 10);
        usleep(1000);
    }
    assert_int_equal(view->references, 1);
}

static void test_change_geo_is_seen_with_next_generation_and_let_go_after_last(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    struct geo_view *first = geo_view_ref(new_view()), *second = geo_view_ref(new_view());

    (void)state;
    assert_null(zone_image_geo(publish(publisher)));
    zone_change_geo(publisher, first);
    const struct zone_image *old = zone_image_read_begin(publisher);
    assert_null(zone_image_geo(old));
    assert_ptr_equal(zone_image_geo(publish(publisher)), first);
    assert_null(zone_image_geo(old));
    zone_image_read_end();

    const struct zone_image *held = zone_image_read_begin(publisher);
    zone_change_geo(publisher, new_view()); /* never seen: goes at once */
    zone_change_geo(publisher, geo_view_ref(first));
    zone_change_geo(publisher, second);
    assert_int_equal(first->references, 2);
    assert_ptr_equal(zone_image_geo(publish(publisher)), second);
    usleep(20000);
    zone_image_reclaim(publisher, 1000);
    assert_int_equal(first->references, 2); /* a reader has it */
    assert_ptr_equal(zone_image_geo(held), first);
    zone_image_read_end();
    reclaim_until_alone(publisher, first);

    zone_change_geo(publisher, NULL);
    assert_null(zone_image_geo(publish(publisher)));
    reclaim_until_alone(publisher, second);
    zone_change_geo(publisher, second); /* goes with the publisher */
    zone_publisher_free(publisher);
    geo_view_unref(first);
}

static void test_health_is_seen_at_once_by_all_generations(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    struct policy_health *health = zone_publisher_health(publisher);
    const struct zone_image *first = zone_image_read_begin(publisher);

    (void)state;
    const struct zone_image *second = publish(publisher);
    assert_ptr_equal(zone_image_health(first), health);
    assert_ptr_equal(zone_image_health(second), health);
    assert_true(policy_is_healthy(policy_health_get(zone_image_health(first), 7)));
    assert_int_equal(policy_health_set(health, 7, POLICY_HEALTH_UNHEALTHY, 3), 0);
    assert_false(policy_is_healthy(policy_health_get(zone_image_health(first), 7)));
    assert_false(policy_is_healthy(policy_health_get(zone_image_health(second), 7)));
    zone_image_read_end();
    zone_publisher_free(publisher);
}

static int set_up(void **state)
{
    (void)state;
    zone_reader_register();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zone_reader_unregister();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_target_tells_where_each_name_leads),
        cmocka_unit_test(test_find_target_of_group_is_the_group),
        cmocka_unit_test(test_externals_are_out_of_reach_of_questions),
        cmocka_unit_test(test_externals_go_by_generations_and_give_memory_back),
        cmocka_unit_test(test_change_geo_is_seen_with_next_generation_and_let_go_after_last),
        cmocka_unit_test(test_health_is_seen_at_once_by_all_generations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
