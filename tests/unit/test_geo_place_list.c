/* links: geo
 * The list of places as Route 53 has it: order, where a page begins, what is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "geo/place_list.h"

static const char *text_at(size_t index)
{
    static char out[64];
    struct geo_place place;

    geo_place_at(index, &place);
    if (place.continent)
        snprintf(out, sizeof(out), "%s (%s)", place.continent, place.continent_name);
    else
        snprintf(out, sizeof(out), "%s%s%s (%s)", place.country, place.subdivision ? "-" : "",
                 place.subdivision ? place.subdivision : "",
                 place.subdivision ? place.subdivision_name : place.country_name);
    return out;
}

static void test_order(void **state)
{
    (void)state;
    assert_string_equal(text_at(0), "* (Default)");
    assert_string_equal(text_at(1), "AD (Andorra)");
    size_t at = geo_place_from(NULL, "US", NULL);
    assert_string_equal(text_at(at), "US (United States of America)");
    assert_string_equal(text_at(at - 1), "UM (United States Minor Outlying Islands)");
    assert_string_equal(text_at(at + 1), "US-AK (Alaska)");
    assert_string_equal(text_at(at + 51), "US-WY (Wyoming)");
    assert_string_equal(text_at(at + 52), "UY (Uruguay)");
    assert_string_equal(text_at(geo_place_count() - 7), "AF (Africa)");
    assert_string_equal(text_at(geo_place_count() - 1), "SA (South America)");
    assert_string_equal(text_at(geo_place_count() - 8), "ZW (Zimbabwe)");
}

static void test_all_are_in_order_and_found(void **state)
{
    struct geo_place place, found;

    (void)state;
    for (size_t i = 0; i < geo_place_count(); i++) {
        geo_place_at(i, &place);
        assert_int_equal(geo_place_from(place.continent, place.country, place.subdivision), i);
        assert_true(geo_place_find(place.continent, place.country, place.subdivision, &found));
    }
}

static void test_begin_between(void **state)
{
    (void)state;
    assert_int_equal(geo_place_from(NULL, NULL, NULL), 0);
    assert_string_equal(text_at(geo_place_from(NULL, "A", NULL)), "AD (Andorra)");
    assert_string_equal(text_at(geo_place_from(NULL, "US", "B")), "US-CA (California)");
    assert_string_equal(text_at(geo_place_from(NULL, "US", "ZZ")), "UY (Uruguay)");
    assert_string_equal(text_at(geo_place_from(NULL, "ZZ", NULL)), "AF (Africa)");
    assert_string_equal(text_at(geo_place_from("B", NULL, NULL)), "EU (Europe)");
    assert_int_equal(geo_place_from("ZZ", NULL, NULL), geo_place_count());
}

static void test_unknown_is_not_found(void **state)
{
    struct geo_place place;

    (void)state;
    assert_false(geo_place_find(NULL, NULL, NULL, &place));
    assert_false(geo_place_find("XX", NULL, NULL, &place));
    assert_false(geo_place_find("ZZ", NULL, NULL, &place));
    assert_false(geo_place_find(NULL, "QQ", NULL, &place));
    assert_false(geo_place_find(NULL, "FR", "75", &place));
    assert_false(geo_place_find(NULL, "US", "ZZ", &place));
    assert_false(geo_place_find("EU", "FR", NULL, &place));
    assert_true(geo_place_find(NULL, "*", NULL, &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_all_are_in_order_and_found),
        cmocka_unit_test(test_begin_between),
        cmocka_unit_test(test_unknown_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
