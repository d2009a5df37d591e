/* links: geo base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/location.h"
#include "geo/places.h"
#include "geo/region.h"

static void assert_text(uint32_t key, const char *wanted)
{
    char text[GEO_KEY_TEXT_SIZE];
    geo_key_format(key, text);
    assert_string_equal(text, wanted);
}

static void test_key_format_names_every_kind(void **state)
{
    (void)state;
    assert_text(geo_continent_key("EU"), "continent EU");
    assert_text(geo_continent_key("sa"), "continent SA");
    assert_text(geo_country_key("FR"), "country FR");
    assert_text(geo_country_key("aa"), "country AA");
    assert_text(geo_country_key("ZZ"), "country ZZ");
    assert_text(geo_subdivision_key("US", "WA"), "US-WA");
    assert_text(geo_subdivision_key("gb", "eng"), "GB-ENG");
    assert_text(geo_subdivision_key("FR", "2"), "FR-2");
    assert_text(geo_subdivision_key("ZZ", "zzz"), "ZZ-ZZZ");
    assert_text(geo_subdivision_key("AA", "0"), "AA-0");
    assert_text(GEO_KEY_NONE, "default");
    assert_text(0x10000009u, "unknown 10000009");
}

static void test_keys_of_other_forms_are_none(void **state)
{
    (void)state;
    static const char *const countries[] = {"", "F", "FRA", "F1", "--", "\xc3\x84"};
    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++) {
        assert_int_equal(geo_country_key(countries[i]), GEO_KEY_NONE);
        assert_int_equal(geo_subdivision_key(countries[i], "WA"), GEO_KEY_NONE);
    }
    static const char *const subdivisions[] = {"", "ABCD", "W ", "\xc3\x84", "-"};
    for (size_t i = 0; i < sizeof subdivisions / sizeof *subdivisions; i++)
        assert_int_equal(geo_subdivision_key("US", subdivisions[i]), GEO_KEY_NONE);
    static const char *const continents[] = {"", "E", "EUR", "XX"};
    for (size_t i = 0; i < sizeof continents / sizeof *continents; i++)
        assert_int_equal(geo_continent_key(continents[i]), GEO_KEY_NONE);
}

static int compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void test_keys_are_all_different(void **state)
{
    (void)state;
    static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static uint32_t keys[26 * 26 * (1 + 36 + 36 * 36) + 7];
    size_t count = 0;
    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++) {
            const char country[] = {a, b, '\0'};
            keys[count++] = geo_country_key(country);
            for (size_t i = 0; i < 36 * 37; i++) {
                const char code[] = {DIGITS[i % 36], i < 36 ? '\0' : DIGITS[i / 36 - 1], '\0'};
                keys[count++] = geo_subdivision_key(country, code);
            }
        }
    }
    static const char *const continents[] = {"AF", "AN", "AS", "EU", "OC", "NA", "SA"};
    for (size_t i = 0; i < 7; i++)
        keys[count++] = geo_continent_key(continents[i]);
    assert_int_equal(count, sizeof keys / sizeof *keys);
    qsort(keys, count, sizeof *keys, compare);
    assert_int_not_equal(keys[0], GEO_KEY_NONE);
    for (size_t i = 1; i < count; i++)
        assert_int_not_equal(keys[i - 1], keys[i]);
}

/* As the developer guide of Route 53 lists them. */
static void test_country_continent_is_route53s(void **state)
{
    (void)state;
    static const char *const lists[][2] = {
        {"AF", "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG ER ET GA GH GM GN GQ GW KE KM LR LS LY "
               "MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT "
               "ZA ZM ZW"},
        {"AN", "AQ GS TF"},
        {"AS", "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA "
               "LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TW UZ VN YE"},
        {"EU", "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS "
               "IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM TR UA VA XK"},
        {"NA", "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ "
               "MS MX NI PA PM PR SV SX TC TT US VC VG VI"},
        {"OC", "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS"},
        {"SA", "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_non_null(geo_continent_name(lists[i][0]));
        for (const char *at = lists[i][1]; *at != '\0'; at += at[2] == ' ' ? 3 : 2, count++) {
            const char country[] = {at[0], at[1], '\0'};
            assert_non_null(geo_country_continent(country));
            assert_string_equal(geo_country_continent(country), lists[i][0]);
        }
    }
    assert_int_equal(count, geo__country_count);
    static const char *const missing[] = {"BV", "CX", "EH", "HM", "ZZ", "", "FRA"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        assert_null(geo_country_continent(missing[i]));
        assert_null(geo_country_name(missing[i]));
    }
}

static void test_tables_are_sorted_and_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < geo__country_count; i++) {
        const struct geo__country *country = &geo__countries[i];
        int16_t latitude = 0, longitude = 0;
        assert_true(i == 0 || strcmp(geo__countries[i - 1].code, country->code) < 0);
        assert_string_equal(geo_country_name(country->code), country->name);
        assert_true(geo_country_centroid(country->code, &latitude, &longitude));
        assert_in_range(latitude + 9000, 0, 18000);
        assert_in_range(longitude + 18000, 0, 36000);
    }
    int16_t untouched = 42;
    assert_false(geo_country_centroid("ZZ", &untouched, &untouched));
    assert_int_equal(untouched, 42);
    assert_int_equal(geo__state_count, 51);
    for (size_t i = 0; i < geo__state_count; i++) {
        assert_true(i == 0 || strcmp(geo__states[i - 1].code, geo__states[i].code) < 0);
        assert_string_equal(geo_subdivision_name("US", geo__states[i].code), geo__states[i].name);
        assert_string_equal(geo__state_code(geo__states[i].name), geo__states[i].code);
    }
}

static void test_names_are_found_in_either_case(void **state)
{
    (void)state;
    assert_string_equal(geo_country_name("fr"), "France");
    assert_string_equal(geo_country_name("XK"), "Kosovo");
    assert_string_equal(geo_continent_name("oc"), "Oceania");
    assert_string_equal(geo_subdivision_name("us", "dc"), "District of Columbia");
    assert_null(geo_subdivision_name("US", "PR")); /* a country of its own */
    assert_null(geo_subdivision_name("CA", "ON"));
    assert_string_equal(geo__state_code("new york"), "NY");
    assert_null(geo__state_code("Ontario"));
}

static void assert_km(double km, double wanted)
{
    if (km < wanted * 0.995 - 0.01 || km > wanted * 1.005 + 0.01)
        fail_msg("%.3f km, not %.3f", km, wanted);
}

static void test_distance_km_known_distances(void **state)
{
    (void)state;
    assert_km(geo_distance_km(5151, -13, 5151, -13), 0);
    assert_km(geo_distance_km(0, 0, 0, 9000), 10007.56);        /* a quarter of the equator */
    assert_km(geo_distance_km(9000, 0, -9000, 12345), 20015.1); /* pole to pole */
    assert_km(geo_distance_km(0, 0, 0, 18000), 20015.1);        /* opposite points */
    assert_km(geo_distance_km(0, 17999, 0, -17999), 2.22);      /* across the date line */
    assert_km(geo_distance_km(5151, -13, 4886, 235), 343.6);    /* London to Paris */
    assert_km(geo_distance_km(4071, -7401, 5151, -13), 5570);   /* New York to London */
    assert_km(geo_distance_km(-3387, 15121, 135, 10382), 6307); /* Sydney to Singapore */
}

static void test_distance_ms_follows_its_formula(void **state)
{
    (void)state;
    assert_int_equal(geo_distance_ms(0), 2);
    assert_int_equal(geo_distance_ms(100), 4); /* 3.5, rounded */
    assert_int_equal(geo_distance_ms(1000), 17);
    assert_int_equal(geo_distance_ms(5570), 86);
    assert_int_equal(geo_distance_ms(20015.1), 302);
}

static void test_regions_builtin_numbers_never_change(void **state)
{
    (void)state;
    static const char *const names[] = {
        "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "ca-central-1",
        "eu-west-1",      "eu-west-2",      "eu-west-3",      "eu-central-1",   "eu-central-2",
        "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-northeast-1", "ap-northeast-2",
        "ap-northeast-3", "eu-north-1",     "sa-east-1",      "cn-north-1",     "cn-northwest-1",
        "ap-east-1",      "me-south-1",     "me-central-1",   "ap-south-1",     "ap-south-2",
        "af-south-1",     "eu-south-1",     "eu-south-2",     "ap-southeast-4", "il-central-1",
        "ca-west-1",      "ap-southeast-5", "mx-central-1",   "ap-southeast-7", "us-gov-east-1",
        "us-gov-west-1",  "ap-east-2",      "ap-southeast-6", "eusc-de-east-1"};
    const unsigned count = sizeof names / sizeof *names;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(geo_region_builtin(names[i]), i + 1);
        assert_string_equal(geo_region_builtin_at(i + 1)->name, names[i]);
    }
    assert_null(geo_region_builtin_at(0));
    assert_null(geo_region_builtin_at(count + 1));
    assert_int_equal(geo_region_builtin("eu-west-9"), GEO_REGION_NONE);
    assert_int_equal(geo_region_builtin(""), GEO_REGION_NONE);
}

static void test_regions_are_where_their_countries_are(void **state)
{
    (void)state;
    static const char *const places[][2] = {
        {"us-east-1", "US"},      {"ca-central-1", "CA"},   {"eu-west-1", "IE"},
        {"eu-west-2", "GB"},      {"eu-west-3", "FR"},      {"eu-central-1", "DE"},
        {"eu-central-2", "CH"},   {"sa-east-1", "BR"},      {"eu-north-1", "SE"},
        {"ap-southeast-1", "SG"}, {"ap-southeast-2", "AU"}, {"ap-southeast-3", "ID"},
        {"ap-northeast-1", "JP"}, {"ap-northeast-2", "KR"}, {"cn-north-1", "CN"},
        {"cn-northwest-1", "CN"}, {"ap-east-1", "HK"},      {"me-south-1", "BH"},
        {"me-central-1", "AE"},   {"ap-south-1", "IN"},     {"ap-south-2", "IN"},
        {"af-south-1", "ZA"},     {"eu-south-1", "IT"},     {"eu-south-2", "ES"},
        {"il-central-1", "IL"},   {"ca-west-1", "CA"},      {"ap-southeast-5", "MY"},
        {"mx-central-1", "MX"},   {"ap-southeast-7", "TH"}, {"ap-east-2", "TW"},
        {"ap-southeast-6", "NZ"}, {"eusc-de-east-1", "DE"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int16_t latitude, longitude;
        const struct geo_region *region = geo_region_builtin_at(geo_region_builtin(places[i][0]));
        assert_true(geo_country_centroid(places[i][1], &latitude, &longitude));
        const double km =
            geo_distance_km(region->latitude_cdeg, region->longitude_cdeg, latitude, longitude);
        if (km > 3000)
            fail_msg("%s is %.0f km from %s", places[i][0], km, places[i][1]);
    }
}

static void test_regions_own_ones_are_found_beside_route53s(void **state)
{
    (void)state;
    static struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST] = {
        [0] = {"dc-berlin", 5252, 1340}, [127] = {"dc-last", -100, 200}};
    struct geo_regions *regions = NULL;
    assert_int_equal(geo_regions_new(own, &regions), 0);
    assert_int_equal(geo_regions_find(regions, "dc-berlin"), 128);
    assert_int_equal(geo_regions_find(regions, "dc-last"), 255);
    assert_int_equal(geo_regions_find(regions, "eu-west-1"), 6);
    assert_int_equal(geo_regions_find(regions, ""), GEO_REGION_NONE);
    assert_int_equal(geo_regions_find(regions, "dc-paris"), GEO_REGION_NONE);
    assert_int_equal(geo_regions_get(regions, 128)->latitude_cdeg, 5252);
    assert_string_equal(geo_regions_get(regions, 6)->name, "eu-west-1");
    assert_null(geo_regions_get(regions, 129));
    assert_null(geo_regions_get(regions, 0));
    assert_null(geo_regions_get(regions, 127));
    assert_null(geo_regions_get(regions, GEO_REGIONS_MAX));
    geo_regions_unref(geo_regions_ref(regions));
    geo_regions_unref(regions);
    assert_int_equal(geo_regions_new(NULL, &regions), 0);
    assert_null(geo_regions_get(regions, 128));
    geo_regions_unref(regions);
    geo_regions_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_format_names_every_kind),
        cmocka_unit_test(test_keys_of_other_forms_are_none),
        cmocka_unit_test(test_keys_are_all_different),
        cmocka_unit_test(test_country_continent_is_route53s),
        cmocka_unit_test(test_tables_are_sorted_and_complete),
        cmocka_unit_test(test_names_are_found_in_either_case),
        cmocka_unit_test(test_distance_km_known_distances),
        cmocka_unit_test(test_distance_ms_follows_its_formula),
        cmocka_unit_test(test_regions_builtin_numbers_never_change),
        cmocka_unit_test(test_regions_are_where_their_countries_are),
        cmocka_unit_test(test_regions_own_ones_are_found_beside_route53s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
