/* links: zone policy geo dns base */
/* The rules of routing as truth tables: one row a rule, and what is said when it is broken. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECK "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
#define COLLECTION "9a0c3f25-4f89-41d3-04e0-0305e82c3301"

static const uint8_t APEX[] = "\007example";
static const uint8_t NAME[] = "\003www\007example";
static const uint8_t TARGET[] = "\005other\003net";
static const uint8_t CAPITAL[] = "\005Other\003net";
static const uint8_t ROOT[] = "";

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

/* ---- one set ---- */

struct row {
    const char *needle;     /* of what is said; NULL: accepted */
    const char *identifier; /* NULL: none */
    uint16_t type;          /* 0: A */
    uint32_t ttl_s;
    bool has_records; /* an alias has, or a set of records has none */
    struct zone_routing routing;
};

static const uint8_t ADDRESS[] = {192, 0, 2, 1};
static const struct zone_rdata ADDRESS_RDATA = {ADDRESS, 4};
static const struct zone_rdata NAME_RDATA = {TARGET, sizeof(TARGET)};

static void make_set(const struct row *row, struct zone_record_set *out)
{
    *out = (struct zone_record_set){
        .name = NAME,
        .type = row->type ? row->type : DNS_TYPE_A,
        .ttl_s = row->ttl_s,
        .rdata_count = row->routing.is_alias == row->has_records,
        .set_identifier = row->identifier,
        .set_identifier_len = (uint8_t)(row->identifier ? strlen(row->identifier) : 0),
        .routing = &row->routing,
    };
    out->rdatas = out->type == DNS_TYPE_A ? &ADDRESS_RDATA : &NAME_RDATA;
}

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct zone_record_set set;
        struct zone_problem problem = {"accepted"};
        make_set(&rows[i], &set);
        const int err = zone_rules_check_set(APEX, &set, &problem);
        if (err != (rows[i].needle ? ERR_INVALID : 0) ||
            (rows[i].needle && !strstr(problem.text, rows[i].needle)))
            fail_msg("row %zu: %d, \"%s\", not \"%s\"", i, err, problem.text,
                     rows[i].needle ? rows[i].needle : "accepted");
    }
}

static void test_identifier_stands_with_every_policy_but_simple(void **state)
{
    static const struct row TABLE[] = {
        {NULL, NULL, .routing = {.kind = POLICY_SIMPLE}},
        {NULL, NULL, .routing = {.kind = POLICY_SIMPLE, .health_check_id = CHECK}},
        {NULL, "a", .routing = {.kind = POLICY_WEIGHTED}},
        {NULL, "a", .routing = {.kind = POLICY_MULTIVALUE}},
        {NULL, "gr\303\274n, blau", .routing = {.kind = POLICY_MULTIVALUE}},
        {"needs a routing policy", "a", .routing = {.kind = POLICY_SIMPLE}},
        {"a weighted set needs a set id", NULL, .routing = {.kind = POLICY_WEIGHTED}},
        {"a multivalue set needs a set id", NULL, .routing = {.kind = POLICY_MULTIVALUE}},
        {"set 'a\\010': the set identifier has a control", "a\n",
         .routing = {.kind = POLICY_WEIGHTED}},
        {"policy is not known", "a", .routing = {.kind = POLICY_KIND_COUNT}},
    };
    struct zone_record_set plain = {.name = NAME, .type = DNS_TYPE_A, .set_identifier = "a"};
    struct zone_problem problem;
    char longest[ZONE_SET_IDENTIFIER_MAX + 2];
    struct row row = {.identifier = longest, .routing = {.kind = POLICY_WEIGHTED}};

    (void)state;
    assert_rows(ROWS(TABLE));
    plain.set_identifier_len = 1;
    assert_int_equal(zone_rules_check_set(APEX, &plain, &problem), ERR_INVALID);
    assert_string_equal(problem.text,
                        "www.example. A: set 'a': a set with an identifier needs a routing policy");
    memset(longest, 'x', sizeof(longest));
    longest[ZONE_SET_IDENTIFIER_MAX + 1] = '\0';
    row.needle = "longer than 128";
    assert_rows(&row, 1);
    longest[ZONE_SET_IDENTIFIER_MAX] = '\0';
    row.needle = NULL;
    assert_rows(&row, 1);
}

static void test_types_that_dns_stands_on_have_no_routing(void **state)
{
    static const struct row TABLE[] = {
        {NULL, NULL, DNS_TYPE_NS, .routing = {.kind = POLICY_SIMPLE}},
        {NULL, "a", DNS_TYPE_CNAME, .routing = {.kind = POLICY_WEIGHTED}},
        {"no routing", "a", DNS_TYPE_NS, .routing = {.kind = POLICY_WEIGHTED}},
        {"no routing", "a", DNS_TYPE_DS, .routing = {.kind = POLICY_WEIGHTED}},
        {"no routing", "a", DNS_TYPE_DNAME, .routing = {.kind = POLICY_WEIGHTED}},
        {"no routing", NULL, DNS_TYPE_NS, .routing = {.health_check_id = CHECK}},
        {"no routing", NULL, DNS_TYPE_NS, .routing = {.is_alias = true, .alias_target = TARGET}},
    };
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_each_policy_has_its_own_fields_only(void **state)
{
    static const struct row TABLE[] = {
        {"simple set has no use for a weight", NULL, .routing = {.weight = 1}},
        {"simple set has no use for sticky", NULL, .routing = {.is_sticky = true}},
        {"simple set has no use for a region", NULL, .routing = {.region = "us-east-1"}},
        {"simple set has no use for a location", NULL, .routing = {.continent = "EU"}},
        {"simple set has no use for coordinates", NULL, .routing = {.has_coordinates = true}},
        {"simple set has no use for a bias", NULL, .routing = {.bias = 1}},
        {"simple set has no use for a secondary", NULL, .routing = {.is_secondary = true}},
        {"simple set has no use for a CIDR", NULL, .routing = {.cidr_location = "*"}},
        {"weighted set has no use for a region", "a",
         .routing = {.kind = POLICY_WEIGHTED, .region = "us-east-1"}},
        {"latency set has no use for a bias", "a",
         .routing = {.kind = POLICY_LATENCY, .region = "us-east-1", .bias = 1}},
        {"latency set has no use for coordinates", "a",
         .routing = {.kind = POLICY_LATENCY, .region = "us-east-1", .longitude_cdeg = 1}},
        {"latency set has no use for sticky", "a",
         .routing = {.kind = POLICY_LATENCY, .region = "us-east-1", .is_sticky = true}},
        {"geolocation set has no use for a region", "a",
         .routing = {.kind = POLICY_GEOLOCATION, .country = "*", .region = "us-east-1"}},
        {"geoproximity set has no use for a location", "a",
         .routing = {.kind = POLICY_GEOPROXIMITY, .country = "*", .region = "us-east-1"}},
        {"failover set has no use for a weight", "a",
         .routing = {.kind = POLICY_FAILOVER, .is_secondary = true, .weight = 1}},
        {"multivalue set has no use for a secondary", "a",
         .routing = {.kind = POLICY_MULTIVALUE, .is_secondary = true}},
        {"IP-based set has no use for a location", "a",
         .routing = {.kind = POLICY_IP_BASED,
                     .cidr_collection_id = COLLECTION,
                     .cidr_location = "*",
                     .subdivision = "WA"}},
        {NULL, "a", .routing = {.kind = POLICY_WEIGHTED, .weight = 255, .is_sticky = true}},
        {NULL, "a", .routing = {.kind = POLICY_LATENCY, .region = "own-1"}},
        {"latency set needs a region", "a", .routing = {.kind = POLICY_LATENCY}},
        {"not printable", "a", .routing = {.kind = POLICY_LATENCY, .region = "a b"}},
        {"not printable", "a", .routing = {.kind = POLICY_LATENCY, .region = "\303\244"}},
        {"too long", "a", .routing = {.kind = POLICY_GEOLOCATION, .country = {'D', 'E', 'E'}}},
    };
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_geolocation_is_continent_country_or_subdivision(void **state)
{
#define AT(...) .routing = {.kind = POLICY_GEOLOCATION, __VA_ARGS__ }
    static const struct row TABLE[] = {
        {NULL, "a", AT(.continent = "EU")},
        {NULL, "a", AT(.country = "FR")},
        {NULL, "a", AT(.country = "*")},
        {NULL, "a", AT(.country = "US", .subdivision = "WA")},
        {NULL, "a", AT(.country = "FR", .subdivision = "75")},
        {"needs a continent, a country", "a", .routing = {.kind = POLICY_GEOLOCATION}},
        {"not both", "a", AT(.continent = "EU", .country = "FR")},
        {"not both", "a", AT(.continent = "EU", .country = "*")},
        {"not both", "a", AT(.continent = "NA", .subdivision = "WA")},
        {"needs the country", "a", AT(.subdivision = "WA")},
        {"needs the country", "a", AT(.country = "*", .subdivision = "WA")},
        {"there is no continent XX", "a", AT(.continent = "XX")},
        {"capital letters", "a", AT(.continent = "eu")},
        {"capital letters", "a", AT(.country = "fr")},
        {"capital letters", "a", AT(.country = "US", .subdivision = "wa")},
        {"country of two letters", "a", AT(.country = "F")},
        {"country of two letters", "a", AT(.country = "F1")},
    };
#undef AT
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_geoproximity_is_at_region_or_coordinates(void **state)
{
#define AT(...) .routing = {.kind = POLICY_GEOPROXIMITY, __VA_ARGS__ }
    static const struct row TABLE[] = {
        {NULL, "a", AT(.region = "us-east-1")},
        {NULL, "a", AT(.region = "us-east-1", .bias = -99)},
        {NULL, "a", AT(.region = "us-east-1", .bias = 99)},
        {NULL, "a", AT(.has_coordinates = true)},
        {NULL, "a", AT(.has_coordinates = true, .latitude_cdeg = -9000, .longitude_cdeg = 18000)},
        {"one of them", "a", .routing = {.kind = POLICY_GEOPROXIMITY}},
        {"one of them", "a", AT(.region = "us-east-1", .has_coordinates = true)},
        {"one of them", "a", AT(.latitude_cdeg = 1)},
        {"at a region has no coordinates", "a", AT(.region = "us-east-1", .latitude_cdeg = 1)},
        {"the latitude is", "a", AT(.has_coordinates = true, .latitude_cdeg = 9001)},
        {"the latitude is", "a", AT(.has_coordinates = true, .longitude_cdeg = -18001)},
        {"the latitude is", "a", AT(.has_coordinates = true, .latitude_cdeg = INT16_MIN)},
        {"the bias is -99 to 99", "a", AT(.region = "us-east-1", .bias = 100)},
        {"the bias is -99 to 99", "a", AT(.region = "us-east-1", .bias = INT8_MIN)},
    };
#undef AT
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_failover_primary_can_fail_over(void **state)
{
#define IS(...) .routing = {.kind = POLICY_FAILOVER, __VA_ARGS__ }
    static const struct row TABLE[] = {
        {NULL, "a", IS(.is_secondary = true)},
        {NULL, "a", IS(.health_check_id = CHECK)},
        {NULL, "a", IS(.is_alias = true, .alias_target = TARGET, .evaluate_target_health = true)},
        {NULL, "a", IS(.is_alias = true, .alias_target = TARGET, .health_check_id = CHECK)},
        {NULL, "a", IS(.is_alias = true, .alias_target = TARGET, .is_secondary = true)},
        {"a primary needs a health check", "a", .routing = {.kind = POLICY_FAILOVER}},
        {"primary that is an alias", "a", IS(.is_alias = true, .alias_target = TARGET)},
    };
#undef IS
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_cidr_needs_collection_and_location(void **state)
{
#define IN(collection, location)                                                                   \
    .routing = {                                                                                   \
        .kind = POLICY_IP_BASED,                                                                   \
        .cidr_collection_id = collection,                                                          \
        .cidr_location = location                                                                  \
    }
    static const struct row TABLE[] = {
        {NULL, "a", IN(COLLECTION, "home_1-x")},
        {NULL, "a", IN(COLLECTION, "*")},
        {"needs a CIDR collection", "a", IN("", "home")},
        {"a CIDR location is named", "a", IN(COLLECTION, "")},
        {"a CIDR location is named", "a", IN(COLLECTION, "**")},
        {"a CIDR location is named", "a", IN(COLLECTION, "home*")},
        {"a CIDR location is named", "a", IN(COLLECTION, "a.b")},
    };
#undef IN
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_multivalue_excludes_cname_and_alias(void **state)
{
    static const struct row TABLE[] = {
        {NULL, "a", .routing = {.kind = POLICY_MULTIVALUE, .health_check_id = CHECK}},
        {"CNAME cannot be multivalue", "a", DNS_TYPE_CNAME, .routing = {.kind = POLICY_MULTIVALUE}},
        {"alias cannot be multivalue", "a",
         .routing = {.kind = POLICY_MULTIVALUE, .is_alias = true, .alias_target = TARGET}},
    };
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_alias_has_target_and_nothing_of_its_own(void **state)
{
#define TO(...) .routing = {.is_alias = true, __VA_ARGS__ }
    static const struct row TABLE[] = {
        {NULL, NULL, TO(.alias_target = TARGET)},
        {NULL, NULL, TO(.alias_target = APEX, .hosted_zone_id = "Z2FDTNDATAQYW2")},
        {NULL, NULL, DNS_TYPE_CNAME, TO(.alias_target = TARGET)},
        {"needs a target", NULL, .routing = {.is_alias = true}},
        {"no records of its own", NULL, .has_records = true, TO(.alias_target = TARGET)},
        {"an alias has no TTL", NULL, .ttl_s = 60, TO(.alias_target = TARGET)},
        {"target is not in lower case", NULL, TO(.alias_target = CAPITAL)},
        {"target is empty", NULL, TO(.alias_target = ROOT)},
        {"target is the set's own name", NULL, TO(.alias_target = NAME)},
        {"hosted zone's id", NULL, TO(.alias_target = TARGET, .hosted_zone_id = "z1")},
        {"records has no alias target", NULL, .routing = {.alias_target = TARGET}},
        {"records has no alias target", NULL, .routing = {.evaluate_target_health = true}},
        {"records has no alias target", NULL, .routing = {.hosted_zone_id = "Z1"}},
        {"at least one record", NULL, .has_records = true, .routing = {.weight = 0}},
    };
#undef TO
    (void)state;
    assert_rows(ROWS(TABLE));
}

static void test_extensions_stand_where_they_mean_something(void **state)
{
#define WEIGHTED(...) .routing = {.kind = POLICY_WEIGHTED, __VA_ARGS__ }
#define ALIAS(...) .routing = {.is_alias = true, .alias_target = TARGET, __VA_ARGS__}
    static const struct row TABLE[] = {
        {NULL, "a", WEIGHTED(.answers_max = POLICY_ANSWERS_MAX)},
        {"at most 16", "a", WEIGHTED(.answers_max = POLICY_ANSWERS_MAX + 1)},
        {"no use for a number of answers", NULL, .routing = {.answers_max = 1}},
        {NULL, "a", DNS_TYPE_CNAME, WEIGHTED(.answers_max = 1)},
        {"one CNAME only", "a", DNS_TYPE_CNAME, WEIGHTED(.answers_max = 2)},
        {NULL, "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_LAST_GOOD)},
        {NULL, "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = TARGET)},
        {"all are down is not known", "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK + 1)},
        {"only a fallback has", "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK)},
        {"only a fallback has", "a", WEIGHTED(.fallback = TARGET)},
        {"fallback is not in lower case", "a",
         WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = CAPITAL)},
        {"fallback is the set's own name", "a",
         WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = NAME)},
        {"it is never down", NULL, .routing = {.all_down = POLICY_ALL_DOWN_CLOSED}},
        {"it is never down", NULL, ALIAS(.all_down = POLICY_ALL_DOWN_CLOSED)},
        {NULL, NULL, ALIAS(.all_down = POLICY_ALL_DOWN_CLOSED, .evaluate_target_health = true)},
    };
#undef WEIGHTED
#undef ALIAS
    (void)state;
    assert_rows(ROWS(TABLE));
}

/* ---- groups ---- */

struct pair {
    const char *text; /* all that is said; NULL: accepted */
    struct row a, b;
};

static void assert_pairs(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct zone_record_set a, b;
        const struct zone_record_set *const sets[] = {&a, &b};
        struct zone_problem problem = {"accepted"};
        make_set(&pairs[i].a, &a);
        make_set(&pairs[i].b, &b);
        assert_int_equal(zone_rules_check_set(APEX, &a, &problem), 0);
        assert_int_equal(zone_rules_check_set(APEX, &b, &problem), 0);
        const int err = zone_rules_check_group(sets, 2, &problem);
        if (err != (pairs[i].text ? ERR_INVALID : 0) ||
            (pairs[i].text && strcmp(problem.text, pairs[i].text) != 0))
            fail_msg("row %zu: %d, \"%s\", not \"%s\"", i, err, problem.text,
                     pairs[i].text ? pairs[i].text : "accepted");
    }
}

#define WEIGHTED(...) .routing = {.kind = POLICY_WEIGHTED, __VA_ARGS__}
#define LATENCY(name) .routing = {.kind = POLICY_LATENCY, .region = name}
#define LOCATION(...) .routing = {.kind = POLICY_GEOLOCATION, __VA_ARGS__}
#define NEAR(...) .routing = {.kind = POLICY_GEOPROXIMITY, __VA_ARGS__}
#define CIDR(collection, location)                                                                 \
    .routing = {                                                                                   \
        .kind = POLICY_IP_BASED, .cidr_collection_id = collection, .cidr_location = location}
#define PRIMARY .routing = {.kind = POLICY_FAILOVER, .health_check_id = CHECK}
#define SECONDARY .routing = {.kind = POLICY_FAILOVER, .is_secondary = true}

static void test_group_has_one_policy(void **state)
{
    static const struct pair TABLE[] = {
        {NULL, {NULL, "a", WEIGHTED(.weight = 1)}, {NULL, "b", WEIGHTED(.weight = 1)}},
        {NULL, {NULL, "a", LATENCY("x")}, {NULL, "b", LATENCY("y")}},
        {"www.example. A: set 'b' is latency, but set 'a' is weighted: all sets of a name and type "
         "have the same routing policy",
         {NULL, "a", WEIGHTED(.weight = 1)},
         {NULL, "b", LATENCY("x")}},
        {"www.example. A: set 'b' is IP-based, but the simple set is simple: all sets of a name "
         "and type have the same routing policy",
         {.needle = NULL},
         {NULL, "b", CIDR(COLLECTION, "x")}},
        {"www.example. A: the simple set is there, but the simple set is too: there is one simple "
         "set of a name and type",
         {.needle = NULL},
         {.needle = NULL}},
    };
    (void)state;
    assert_pairs(ROWS(TABLE));
}

static void test_group_has_each_identifier_and_place_once(void **state)
{
    static const struct pair TABLE[] = {
        {"www.example. A: set 'a' is there, but set 'a' is too: each set of a group has an "
         "identifier of its own",
         {NULL, "a", WEIGHTED(.weight = 1)},
         {NULL, "a", WEIGHTED(.weight = 2)}},
        {"www.example. A: set 'b' is for region x, but set 'a' is too: only one set of a group "
         "can be",
         {NULL, "b", LATENCY("x")},
         {NULL, "a", LATENCY("x")}},
        {"www.example. A: set 'b' is for location EU, but set 'a' is too: only one set of a group "
         "can be",
         {NULL, "a", LOCATION(.continent = "EU")},
         {NULL, "b", LOCATION(.continent = "EU")}},
        {"www.example. A: set 'b' is for location US-WA, but set 'a' is too: only one set of a "
         "group can be",
         {NULL, "a", LOCATION(.country = "US", .subdivision = "WA")},
         {NULL, "b", LOCATION(.country = "US", .subdivision = "WA")}},
        {"www.example. A: set 'b' is for location *, but set 'a' is too: only one set of a group "
         "can be",
         {NULL, "a", LOCATION(.country = "*")},
         {NULL, "b", LOCATION(.country = "*")}},
        {NULL,
         {NULL, "a", LOCATION(.country = "US")},
         {NULL, "b", LOCATION(.country = "US", .subdivision = "WA")}},
        {NULL, {NULL, "a", LOCATION(.continent = "AS")}, {NULL, "b", LOCATION(.country = "AS")}},
        {"www.example. A: set 'b' is for region x, but set 'a' is too: only one set of a group "
         "can be",
         {NULL, "a", NEAR(.region = "x")},
         {NULL, "b", NEAR(.region = "x", .bias = 3)}},
        {"www.example. A: set 'b' is at 50.10,-8.68, but set 'a' is too: only one set of a group "
         "can be",
         {NULL, "a", NEAR(.has_coordinates = true, .latitude_cdeg = 5010, .longitude_cdeg = -868)},
         {NULL, "b", NEAR(.has_coordinates = true, .latitude_cdeg = 5010, .longitude_cdeg = -868)}},
        {NULL, {NULL, "a", NEAR(.has_coordinates = true)}, {NULL, "b", NEAR(.region = "x")}},
        {NULL, {NULL, "a", PRIMARY}, {NULL, "b", SECONDARY}},
        {"www.example. A: set 'b' is primary, but set 'a' is too: only one set of a group can be",
         {NULL, "a", PRIMARY},
         {NULL, "b", PRIMARY}},
        {"www.example. A: set 'b' is secondary, but set 'a' is too: only one set of a group can be",
         {NULL, "a", SECONDARY},
         {NULL, "b", SECONDARY}},
        {NULL, {NULL, "a", CIDR(COLLECTION, "x")}, {NULL, "b", CIDR(COLLECTION, "*")}},
        {"www.example. A: set 'b' is for CIDR location x, but set 'a' is too: only one set of a "
         "group can be",
         {NULL, "a", CIDR(COLLECTION, "x")},
         {NULL, "b", CIDR(COLLECTION, "x")}},
    };
    (void)state;
    assert_pairs(ROWS(TABLE));
}

static void test_group_says_one_thing_as_a_whole(void **state)
{
    static const struct pair TABLE[] = {
        {"www.example. A: set 'b' is of CIDR collection " COLLECTION ", but set 'a' of " CHECK
         ": the sets of a group share one collection",
         {NULL, "a", CIDR(CHECK, "x")},
         {NULL, "b", CIDR(COLLECTION, "y")}},
        {"www.example. A: set 'b' is sticky, but set 'a' is not: a group is sticky as a whole",
         {NULL, "a", WEIGHTED(.weight = 1)},
         {NULL, "b", WEIGHTED(.is_sticky = true)}},
        {"www.example. A: set 'b' says 2 answers, but set 'a' says 0: a group has one number of "
         "answers",
         {NULL, "a", WEIGHTED(.weight = 1)},
         {NULL, "b", WEIGHTED(.answers_max = 2)}},
        {"www.example. A: set 'b' says closed when all are down, but set 'a' says open: a group "
         "does one thing then",
         {NULL, "a", WEIGHTED(.weight = 1)},
         {NULL, "b", WEIGHTED(.all_down = POLICY_ALL_DOWN_CLOSED)}},
        {"www.example. A: set 'b' has a fallback, but set 'a' has another: a group has one "
         "fallback",
         {NULL, "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = TARGET)},
         {NULL, "b", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = APEX)}},
        {NULL,
         {NULL, "a", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = TARGET)},
         {NULL, "b", WEIGHTED(.all_down = POLICY_ALL_DOWN_FALLBACK, .fallback = TARGET)}},
        {"www.example. A: set 'b' has TTL 60, but set 'a' has 30: the sets of a weighted group "
         "have one TTL",
         {NULL, "a", .ttl_s = 30, WEIGHTED(.weight = 1)},
         {NULL, "b", .ttl_s = 60, WEIGHTED(.weight = 1)}},
        {NULL,
         {NULL, "a", .ttl_s = 30, WEIGHTED(.weight = 1)},
         {NULL, "b", WEIGHTED(.is_alias = true, .alias_target = TARGET)}},
        {NULL,
         {NULL, "a", WEIGHTED(.is_alias = true, .alias_target = TARGET)},
         {NULL, "b", .ttl_s = 60, WEIGHTED(.weight = 1)}},
        {NULL, {NULL, "a", .ttl_s = 30, LATENCY("x")}, {NULL, "b", .ttl_s = 60, LATENCY("y")}},
    };
    (void)state;
    assert_pairs(ROWS(TABLE));
}

/* The offenders are found among many, wherever they stand. */
static void test_group_of_many_names_the_two_in_conflict(void **state)
{
    enum { COUNT = POLICY_SETS_MAX };
    static struct row rows[COUNT];
    static struct zone_record_set sets[COUNT];
    static char identifiers[COUNT][8];
    const struct zone_record_set *pointers[COUNT + 1];
    struct zone_problem problem;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(identifiers[i], sizeof(identifiers[i]), "%u", i);
        rows[i] = (struct row){.identifier = identifiers[i], .routing = {.kind = POLICY_LATENCY}};
        snprintf(rows[i].routing.region, ZONE_REGION_SIZE, "region-%u", i * 7 % COUNT);
        make_set(&rows[i], &sets[i]);
        pointers[i] = &sets[i];
    }
    assert_int_equal(zone_rules_check_group(pointers, 0, &problem), 0);
    assert_int_equal(zone_rules_check_group(pointers, 1, &problem), 0);
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), 0);
    memcpy(rows[17].routing.region, rows[903].routing.region, ZONE_REGION_SIZE);
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), ERR_INVALID);
    assert_string_equal(problem.text, "www.example. A: set '903' is for region region-321, but set "
                                      "'17' is too: only one set of a group can be");
    memcpy(identifiers[500], "77", 3);
    sets[500].set_identifier_len = 2;
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "set '77' is there"));
    pointers[COUNT] = &sets[0];
    assert_int_equal(zone_rules_check_group(pointers, COUNT + 1, &problem), ERR_LIMIT);
    assert_string_equal(problem.text, "www.example. A: a name has at most 1000 sets of one type");
}

static void test_group_octets_are_limited(void **state)
{
    enum { COUNT = 16 };
    struct zone_record_set sets[COUNT];
    const struct zone_record_set *pointers[COUNT];
    const struct zone_routing routing = {.kind = POLICY_MULTIVALUE};
    struct zone_rdata rdata = {.len = ZONE_WIRE_LEN_MAX - 12};
    struct zone_problem problem;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        sets[i] = (struct zone_record_set){.name = NAME,
                                           .type = 65280,
                                           .rdata_count = 1,
                                           .rdatas = &rdata,
                                           .set_identifier = &"0123456789abcdef"[i],
                                           .set_identifier_len = 1,
                                           .routing = &routing};
        pointers[i] = &sets[i];
    }
    assert_int_equal(zone_rules_check_group(pointers, 15, &problem), 0);
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), ERR_LIMIT);
    rdata.len = ZONE_GROUP_OCTETS_MAX / COUNT - 64 - 1 - 12;
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), 0);
    rdata.len++;
    assert_int_equal(zone_rules_check_group(pointers, COUNT, &problem), ERR_LIMIT);
    assert_string_equal(problem.text, "www.example. TYPE65280: the sets of this type are more than "
                                      "1000000 octets together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifier_stands_with_every_policy_but_simple),
        cmocka_unit_test(test_types_that_dns_stands_on_have_no_routing),
        cmocka_unit_test(test_each_policy_has_its_own_fields_only),
        cmocka_unit_test(test_geolocation_is_continent_country_or_subdivision),
        cmocka_unit_test(test_geoproximity_is_at_region_or_coordinates),
        cmocka_unit_test(test_failover_primary_can_fail_over),
        cmocka_unit_test(test_cidr_needs_collection_and_location),
        cmocka_unit_test(test_multivalue_excludes_cname_and_alias),
        cmocka_unit_test(test_alias_has_target_and_nothing_of_its_own),
        cmocka_unit_test(test_extensions_stand_where_they_mean_something),
        cmocka_unit_test(test_group_has_one_policy),
        cmocka_unit_test(test_group_has_each_identifier_and_place_once),
        cmocka_unit_test(test_group_says_one_thing_as_a_whole),
        cmocka_unit_test(test_group_of_many_names_the_two_in_conflict),
        cmocka_unit_test(test_group_octets_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
