/* links: cluster test_apply
 * What routing knows of clients, from parts to what readers see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "cluster/geo_parts.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_geo_parts_begin_with_route53s_regions, start, stop),
        cmocka_unit_test_setup_teardown(test_geo_parts_set_keeps_the_other_parts, start, stop),
        cmocka_unit_test_setup_teardown(test_geo_parts_publish_waits_for_a_rebuild, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
