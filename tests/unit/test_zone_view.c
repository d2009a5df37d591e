/* links: zone test_image policy geo dns base */
/* Private zones in the image: who sees which, and what changes of views, links and zones do. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/view.h"
#include "lib/test_image.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/view.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BASE "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\n"

static int set_up(void **state)
{
    zone_reader_register();
    *state = test_image_new();
    return 0;
}

static int tear_down(void **state)
{
    test_image_free(*state);
    zone_reader_unregister();
    return 0;
}

static struct zone_view_network network(uint32_t view, const char *text)
{
    struct zone_view_network out = {.view = view};
    const char *reason;

    assert_int_equal(prefix_parse(text, &out.prefix, &reason), 0);
    return out;
}

static void link_zone(struct zone_publisher *publisher, uint32_t view, const char *apex,
                      const char *id)
{
    uint8_t name[DNS_NAME_MAX];

    assert_true(dns_name_parse(apex, NULL, name) > 0);
    assert_int_equal(zone_view_link(publisher, view, name, id), 0);
}

static int unlink_zone(struct zone_publisher *publisher, uint32_t view, const char *apex,
                       const char *id)
{
    uint8_t name[DNS_NAME_MAX];

    assert_true(dns_name_parse(apex, NULL, name) > 0);
    return zone_view_unlink(publisher, view, name, id);
}

static struct geo_address address_of(const char *text)
{
    struct geo_address out = {.is_ipv6 = strchr(text, ':') != NULL};

    out.bits = out.is_ipv6 ? 128 : 32;
    assert_int_equal(inet_pton(out.is_ipv6 ? AF_INET6 : AF_INET, text, out.octets), 1);
    return out;
}

/* What @client gets for @name: "OUTCOME[ ID][ last octet of the first address]". */
static const char *see(struct zone_publisher *publisher, const char *client, const char *name,
                       uint16_t type)
{
    static const char *const outcomes[] = {"none",       "answer", "cname",   "dname",
                                           "delegation", "nodata", "nxdomain"};
    static char text[128];
    const struct geo_address address = address_of(client);
    uint8_t wire[DNS_NAME_MAX];
    char id[ZONE_PRIVATE_ID_SIZE] = "";
    struct zone_match match;

    assert_true(dns_name_parse(name, NULL, wire) > 0);
    const struct zone_image *image = zone_image_read_begin(publisher);
    zone_view_lookup(image, zone_view_find(image, &address), wire, type, &match);
    if (match.zone)
        zone_private_id(match.zone, id);
    int len = snprintf(text, sizeof(text), "%s%s%s", outcomes[match.outcome], id[0] ? " " : "", id);
    if (match.set && match.set->type == DNS_TYPE_A)
        snprintf(text + len, sizeof(text) - (size_t)len, " %u",
                 match.set->wire[ZONE_WIRE_RDATA_OFFSET + 3]);
    zone_image_read_end();
    return text;
}

#define A(client, name) see(*state, client, name, DNS_TYPE_A)

/* Clients of 10.1 see Z1 (example.com) and Z2 (in.example.com); those of 10.1.2 Z3 (example.com);
 * example.com, pub.example.com and example.net are public. */
static void set_up_world(struct zone_publisher *publisher)
{
    const struct zone_view_network networks[] = {
        network(0, "10.1.0.0/16"), network(5, "10.1.2.0/24"), network(0, "2001:db8::/32")};

    test_image_serve(publisher, "example.com.", BASE "www 60 A 192.0.2.1\nall 60 A 192.0.2.2\n");
    test_image_serve(publisher, "pub.example.com.", BASE "www 60 A 192.0.2.3\n");
    test_image_serve(publisher, "example.net.", BASE "www 60 A 192.0.2.4\n");
    test_image_serve_private(publisher, "Z1", "example.com.", BASE "www 60 A 10.0.0.11\n");
    test_image_serve_private(publisher, "Z2", "in.example.com.", BASE "www 60 A 10.0.0.12\n");
    test_image_serve_private(publisher, "Z3", "example.com.", BASE "www 60 A 10.0.0.13\n");
    assert_int_equal(zone_view_set_networks(publisher, networks, 3), 0);
    link_zone(publisher, 0, "example.com.", "Z1");
    link_zone(publisher, 0, "in.example.com.", "Z2");
    link_zone(publisher, 5, "example.com.", "Z3");
    test_image_publish(publisher);
}

static void test_lookup_in_a_view_takes_the_most_specific_private_zone(void **state)
{
    set_up_world(*state);
    assert_string_equal(A("10.1.0.1", "www.example.com."), "answer Z1 11");
    assert_string_equal(A("10.1.0.1", "example.com."), "nodata Z1");
    assert_string_equal(A("10.1.0.1", "www.in.example.com."), "answer Z2 12");
    assert_string_equal(A("2001:db8::1", "www.in.example.com."), "answer Z2 12");
    /* the longest network counts */
    assert_string_equal(A("10.1.2.9", "www.example.com."), "answer Z3 13");
    assert_string_equal(A("10.1.2.9", "www.in.example.com."), "nxdomain Z3");
    assert_string_equal(A("10.2.0.1", "www.example.com."), "answer 1");
    assert_string_equal(A("2001:db9::1", "www.in.example.com."), "nxdomain");
}

static void test_lookup_in_a_view_does_not_fall_through(void **state)
{
    set_up_world(*state);
    assert_string_equal(A("10.1.0.1", "all.example.com."), "nxdomain Z1");
    /* nor to a public zone that is more specific */
    assert_string_equal(A("10.1.0.1", "www.pub.example.com."), "nxdomain Z1");
    assert_string_equal(A("10.1.0.1", "www.example.net."), "answer 4");
    assert_string_equal(A("10.1.0.1", "www.example.org."), "none");
}

static void test_lookup_of_ds_asks_the_parent_in_the_view(void **state)
{
    set_up_world(*state);
    assert_string_equal(see(*state, "10.1.0.1", "in.example.com.", DNS_TYPE_DS), "nxdomain Z1");
    assert_string_equal(see(*state, "10.1.0.1", "example.com.", DNS_TYPE_DS), "nodata Z1");
}

static void test_find_target_and_set_follow_the_view(void **state)
{
    const struct geo_address client = address_of("10.1.0.1");
    const uint8_t *name = (const uint8_t *)"\3www\7example\3com";
    struct zone_target target;
    const struct zone *zone;

    set_up_world(*state);
    const struct zone_image *image = zone_image_read_begin(*state);
    const struct zone_view *view = zone_view_find(image, &client);
    zone_view_find_target(image, view, name, DNS_TYPE_A, &target);
    assert_true(target.set && zone_is_private(target.zone));
    assert_ptr_equal(zone_view_find_record_set(image, view, name, DNS_TYPE_A, &zone), target.set);
    assert_ptr_equal(zone, target.zone);
    zone_view_find_target(image, NULL, name, DNS_TYPE_A, &target);
    assert_true(target.set && !zone_is_private(target.zone));
    assert_ptr_equal(zone_find_record_set(image, name, DNS_TYPE_A), target.set);
    zone_image_read_end();
}

static void test_link_changes_show_with_the_next_generation(void **state)
{
    set_up_world(*state);
    assert_int_equal(unlink_zone(*state, 0, "example.com.", "Z3"), ERR_NOT_FOUND);
    assert_int_equal(unlink_zone(*state, 7, "example.com.", "Z1"), ERR_NOT_FOUND);
    assert_int_equal(unlink_zone(*state, 0, "example.com.", "Z1"), 0);
    assert_string_equal(A("10.1.0.1", "www.example.com."), "answer Z1 11");
    test_image_publish(*state);
    assert_string_equal(A("10.1.0.1", "www.example.com."), "answer 1");
    assert_string_equal(A("10.1.0.1", "www.in.example.com."), "answer Z2 12");
    link_zone(*state, 5, "example.com.", "Z1"); /* instead of Z3 */
    test_image_publish(*state);
    assert_string_equal(A("10.1.2.1", "www.example.com."), "answer Z1 11");
    assert_int_equal(zone_view_clear(*state, 0), 0);
    test_image_publish(*state);
    assert_string_equal(A("10.1.0.1", "www.in.example.com."), "nxdomain");
    assert_int_equal(zone_view_set_networks(*state, NULL, 0), 0);
    test_image_publish(*state);
    assert_string_equal(A("10.1.2.1", "www.example.com."), "answer 1");
}

static void test_drop_of_a_private_zone_leaves_the_public_one(void **state)
{
    struct zone_memory before, after;

    set_up_world(*state);
    zone_image_memory(*state, &before);
    assert_int_equal(zone_private_drop(*state, "Z9"), ERR_NOT_FOUND);
    assert_int_equal(zone_private_drop(*state, "Z1"), 0);
    test_image_publish(*state);
    assert_string_equal(A("10.1.0.1", "www.example.com."), "answer 1"); /* linked, not served */
    zone_image_memory(*state, &after);
    assert_int_equal(after.zones, before.zones - 1);
    test_image_serve_private(*state, "Z1", "example.com.", BASE "new 60 A 10.0.0.9\n");
    assert_string_equal(A("10.1.0.1", "new.example.com."), "answer Z1 9");
    assert_int_equal(zone_change_drop(*state, (const uint8_t *)"\7example\3com"), 0);
    test_image_publish(*state);
    assert_string_equal(A("10.9.0.1", "www.example.com."), "none");
    assert_string_equal(A("10.1.0.1", "new.example.com."), "answer Z1 9");
}

static void test_private_changes_touch_one_zone(void **state)
{
    static const uint8_t rdata_octets[] = {10, 0, 0, 77};
    const struct zone_rdata rdata = {rdata_octets, 4};
    const uint8_t *name = (const uint8_t *)"\3new\7example\3com";
    const struct zone_record_set set = {
        .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 60, .rdatas = &rdata};

    set_up_world(*state);
    assert_int_equal(zone_private_put(*state, "Z9", &set), ERR_NOT_FOUND);
    assert_int_equal(zone_private_put(*state, "Z2", &set), ERR_INVALID);
    assert_int_equal(zone_private_put(*state, "Z3", &set), 0);
    test_image_publish(*state);
    assert_string_equal(A("10.1.2.1", "new.example.com."), "answer Z3 77");
    assert_string_equal(A("10.1.0.1", "new.example.com."), "nxdomain Z1");
    assert_string_equal(A("10.9.0.1", "new.example.com."), "nxdomain");
    assert_int_equal(zone_private_remove(*state, "Z3", name, DNS_TYPE_A, NULL, 0), 0);
    assert_int_equal(zone_private_remove(*state, "Z3", name, DNS_TYPE_A, NULL, 0), ERR_NOT_FOUND);
    test_image_publish(*state);
    assert_string_equal(A("10.1.2.1", "new.example.com."), "nxdomain Z3");
}

static void test_set_networks_refuses_equal_ones_and_bad_numbers(void **state)
{
    const struct zone_view_network equal[] = {network(0, "10.1.0.0/16"), network(1, "10.1.0.0/16")};
    const struct zone_view_network high[] = {network(ZONE_VIEWS_MAX, "10.1.0.0/16")};

    set_up_world(*state);
    assert_int_equal(zone_view_set_networks(*state, equal, 2), ERR_EXISTS);
    assert_int_equal(zone_view_set_networks(*state, high, 1), ERR_LIMIT);
    test_image_publish(*state);
    assert_string_equal(A("10.1.0.1", "www.example.com."), "answer Z1 11");
}

static void test_no_views_is_seen_at_once(void **state)
{
    test_image_serve_private(*state, "Z1", "example.com.", BASE "www 60 A 10.0.0.11\n");
    const struct zone_image *image = zone_image_read_begin(*state);
    assert_false(zone_image_has_views(image));
    zone_image_read_end();
    assert_string_equal(A("10.1.0.1", "www.example.com."), "none");
}

/* ---- readers beside the writer ---- */

enum { GENERATIONS = 2000 };

struct shared {
    struct zone_publisher *publisher;
    atomic_bool is_over;
    atomic_uint bad;
};

/* Even generations: the client sees Z1 alone; odd ones: Z2 and, below it, nothing of Z1. */
static void *read_on(void *user)
{
    struct shared *shared = user;
    const struct geo_address client = address_of("10.1.0.1");
    const uint8_t *names[] = {(const uint8_t *)"\3www\1a", (const uint8_t *)"\3www\1b"};

    zone_reader_register();
    while (!atomic_load(&shared->is_over)) {
        char ids[2][ZONE_PRIVATE_ID_SIZE] = {"", ""};
        const struct zone_image *image = zone_image_read_begin(shared->publisher);
        const struct zone_view *view = zone_view_find(image, &client);
        for (unsigned i = 0; i < 2; i++) {
            struct zone_match match;
            zone_view_lookup(image, view, names[i], DNS_TYPE_A, &match);
            if (match.zone)
                zone_private_id(match.zone, ids[i]);
        }
        const bool is_even = zone_image_index(image) % 2 == 0;
        zone_image_read_end();
        if (strcmp(ids[0], is_even ? "Z1" : "") != 0 || strcmp(ids[1], is_even ? "" : "Z2") != 0)
            atomic_fetch_add(&shared->bad, 1);
    }
    zone_reader_unregister();
    return NULL;
}

static void test_readers_see_whole_generations_of_views(void **state)
{
    struct shared shared = {.publisher = *state};
    const struct zone_view_network networks[] = {network(0, "10.0.0.0/8"),
                                                 network(1, "10.1.0.0/16")};
    pthread_t reader;

    test_image_serve_private(*state, "Z1", "a.", BASE "www 60 A 10.0.0.1\n");
    test_image_serve_private(*state, "Z2", "b.", BASE "www 60 A 10.0.0.2\n");
    uint64_t index = zone_image_index(zone_image_read_begin(*state));
    zone_image_read_end();
    index += index % 2;
    assert_int_equal(zone_view_set_networks(*state, networks, 2), 0);
    link_zone(*state, 1, "a.", "Z1");
    assert_int_equal(zone_publish(*state, index), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_on, &shared), 0);
    for (unsigned i = 0; i < GENERATIONS; i++) {
        const bool is_even = ++index % 2 == 0;
        assert_int_equal(unlink_zone(*state, 1, is_even ? "b." : "a.", is_even ? "Z2" : "Z1"), 0);
        link_zone(*state, 1, is_even ? "a." : "b.", is_even ? "Z1" : "Z2");
        if (i % 7 == 0)
            assert_int_equal(zone_view_set_networks(*state, networks, 2), 0);
        assert_int_equal(zone_publish(*state, index), 0);
        zone_image_reclaim(*state, 100);
    }
    atomic_store(&shared.is_over, true);
    pthread_join(reader, NULL);
    assert_int_equal(atomic_load(&shared.bad), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_lookup_in_a_view_takes_the_most_specific_private_zone),
        TEST(test_lookup_in_a_view_does_not_fall_through),
        TEST(test_lookup_of_ds_asks_the_parent_in_the_view),
        TEST(test_find_target_and_set_follow_the_view),
        TEST(test_link_changes_show_with_the_next_generation),
        TEST(test_drop_of_a_private_zone_leaves_the_public_one),
        TEST(test_private_changes_touch_one_zone),
        TEST(test_set_networks_refuses_equal_ones_and_bad_numbers),
        TEST(test_no_views_is_seen_at_once),
        TEST(test_readers_see_whole_generations_of_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
