/* Truth tables of the routing policies. Each row can be checked against the table of decision rules
 * that the policies follow: sets by letters, who is unhealthy, who is chosen.
 * links: test_policy policy geo base */
#include "lib/test_policy.h"

#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SETS(...) ((const struct test_policy_set[]){__VA_ARGS__, {0}})
#define SET(letter_, key_)                                                                         \
    {                                                                                              \
        .letter = letter_, .key = key_                                                             \
    }
#define PLACE(letter_, latitude, longitude, bias_)                                                 \
    {                                                                                              \
        .letter = letter_, .latitude_deg = latitude, .longitude_deg = longitude, .bias = bias_,    \
        .has_place = true                                                                          \
    }
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- simple and failover ---- */

struct health_row {
    const char *unhealthy;
    char chosen;
};

static void check_health_rows(const struct policy_group *group, const struct policy_client *client,
                              const struct health_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (uint64_t draw = 0; draw < 50; draw++) {
            const unsigned index =
                test_policy_choose(group, client, test_policy_draw(1, draw), rows[i].unhealthy);
            const char chosen = index == POLICY_INDEX_NONE ? '-' : test_policy_letter(group, index);
            if (chosen != rows[i].chosen)
                fail_msg("row %u: %c chosen, not %c", i, chosen, rows[i].chosen);
        }
}

static void test_simple_gives_the_only_set(void **state)
{
    (void)state;
    const struct test_policy_spec spec = {POLICY_SIMPLE, .sets = SETS(SET('a', 0))};
    struct policy_group *group = test_policy_group(&spec);
    const struct policy_client client = {0};
    const struct health_row rows[] = {{"", 'a'}, {"a", 'a'}};
    check_health_rows(group, &client, rows, COUNT_OF(rows));
    free(group);
}

static void test_failover_prefers_a_healthy_primary(void **state)
{
    (void)state;
    const struct test_policy_spec spec = {POLICY_FAILOVER, .sets = SETS(SET('s', 1), SET('p', 0))};
    struct policy_group *group = test_policy_group(&spec);
    const struct policy_client client = {0};
    const struct health_row rows[] = {
        {"", 'p'}, {"s", 'p'}, {"p", 's'}, {"ps", 'p'}, /* both: the primary */
    };
    check_health_rows(group, &client, rows, COUNT_OF(rows));
    free(group);
}

static void test_failover_without_a_primary_gives_the_secondary(void **state)
{
    (void)state;
    const struct test_policy_spec spec = {POLICY_FAILOVER, .sets = SETS(SET('s', 1))};
    struct policy_group *group = test_policy_group(&spec);
    const struct policy_client client = {0};
    const struct health_row rows[] = {{"", 's'}, {"s", 's'}};
    check_health_rows(group, &client, rows, COUNT_OF(rows));
    free(group);
}

/* ---- weighted: which sets may be chosen at all; test_policy_shares.c: how often ---- */

struct weighted_row {
    const char *weights; /* letter=weight… */
    const char *unhealthy;
    const char *possible; /* each of them is chosen by some draw, others by none */
};

static struct policy_group *weighted_group(const char *text, bool is_sticky)
{
    struct test_policy_set sets[16] = {{0}};
    for (unsigned i = 0; *text != '\0'; i++) {
        char *end;
        sets[i].letter = text[0];
        sets[i].key = (uint32_t)strtoul(text + 2, &end, 10);
        text = *end == ' ' ? end + 1 : end;
    }
    const struct test_policy_spec spec = {POLICY_WEIGHTED, is_sticky, sets, 0};
    return test_policy_group(&spec);
}

static const struct weighted_row weighted_rows[] = {
    {"a=1", "", "a"},
    {"a=1", "a", "a"},
    {"a=0", "", "a"},
    {"a=3 b=1", "", "ab"},
    {"a=3 b=1", "a", "b"},
    {"a=3 b=1", "ab", "ab"}, /* all unhealthy: as if all were healthy */
    {"a=3 b=0", "", "a"},    /* weight 0 is not chosen while one above 0 is healthy */
    {"a=3 b=0", "b", "a"},
    {"a=3 b=0", "a", "b"},
    {"a=3 b=0", "ab", "a"}, /* all unhealthy: among those above 0 */
    {"a=3 b=1 c=0 d=0", "a", "b"},
    {"a=3 b=1 c=0 d=0", "ab", "cd"},
    {"a=3 b=1 c=0 d=0", "abc", "d"},
    {"a=3 b=1 c=0 d=0", "abcd", "ab"},
    {"a=0 b=0 c=0", "", "abc"}, /* all 0: equal chance */
    {"a=0 b=0 c=0", "b", "ac"},
    {"a=0 b=0 c=0", "abc", "abc"},
    {"a=255 b=255 c=1", "ab", "c"},
};

static void check_weighted_row(const struct weighted_row *row, bool is_sticky)
{
    struct policy_group *group = weighted_group(row->weights, is_sticky);
    unsigned seen[128] = {0};
    for (unsigned i = 0; i < 2000; i++) {
        const struct policy_client client = {.hash = test_policy_draw(2, i)};
        const unsigned index =
            test_policy_choose(group, &client, test_policy_draw(3, i), row->unhealthy);
        seen[(unsigned char)test_policy_letter(group, index)]++;
    }
    for (unsigned letter = 'a'; letter <= 'd'; letter++)
        if ((seen[letter] > 0) != (strchr(row->possible, (int)letter) != NULL))
            fail_msg("%s, unhealthy '%s', sticky %d: %c chosen %u times", row->weights,
                     row->unhealthy, is_sticky, letter, seen[letter]);
    free(group);
}

static void test_weighted_chooses_among_healthy_weights(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(weighted_rows); i++) {
        check_weighted_row(&weighted_rows[i], false);
        check_weighted_row(&weighted_rows[i], true);
    }
}

/* ---- geolocation ---- */

struct geolocation_row {
    const char *place; /* CONTINENT[-COUNTRY[-SUBDIVISION]], or "" for an address nobody knows */
    const char *unhealthy;
    const char *order;
    char chosen;
};

static struct geo_location located(const char *text)
{
    char continent[3] = "", country[3] = "", subdivision[4] = "";
    sscanf(text, "%2[A-Z]-%2[A-Z]-%3[A-Z0-9]", continent, country, subdivision);
    return (struct geo_location){
        .continent_key = continent[0] != '\0' ? geo_continent_key(continent) : GEO_KEY_NONE,
        .country_key = country[0] != '\0' ? geo_country_key(country) : GEO_KEY_NONE,
        .subdivision_key =
            subdivision[0] != '\0' ? geo_subdivision_key(country, subdivision) : GEO_KEY_NONE,
        .latitude_cdeg = GEO_COORDINATE_NONE,
        .longitude_cdeg = GEO_COORDINATE_NONE,
    };
}

static void check_geolocation_rows(const struct policy_group *group,
                                   const struct geolocation_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct geo_location location = located(rows[i].place);
        const struct policy_client client = {.location =
                                                 rows[i].place[0] != '\0' ? &location : NULL};
        char order[POLICY_SETS_MAX + 1];
        test_policy_order(group, &client, 0, order);
        if (strcmp(order, rows[i].order) != 0)
            fail_msg("%s: order %s, not %s", rows[i].place, order, rows[i].order);
        const struct health_row row = {rows[i].unhealthy, rows[i].chosen};
        check_health_rows(group, &client, &row, 1);
    }
}

static const struct geolocation_row geolocation_rows[] = {
    /* w: US-WA, u: US, f: FR, n: continent NA, e: continent EU, d: default */
    {"NA-US-WA", "", "wund", 'w'},
    {"NA-US-WA", "w", "wund", 'u'}, /* falls through on unhealthy */
    {"NA-US-WA", "wu", "wund", 'n'},
    {"NA-US-WA", "wun", "wund", 'd'},
    {"NA-US-WA", "wund", "wund", 'w'}, /* all unhealthy: the most specific */
    {"NA-US-TX", "", "und", 'u'},      /* a state that has no set */
    {"NA-US", "", "und", 'u'},         /* no state known: the country's */
    {"NA-US", "und", "und", 'u'},
    {"NA-CA", "", "nd", 'n'},
    {"NA", "", "nd", 'n'},
    {"EU-FR", "", "fed", 'f'},
    {"EU-FR", "f", "fed", 'e'},
    {"EU-FR-WA", "", "fed", 'f'}, /* WA of France is not that of the US */
    {"EU-DE", "e", "ed", 'd'},
    {"AS-JP", "", "d", 'd'},
    {"AS-JP", "d", "d", 'd'},
    {"", "", "d", 'd'}, /* cannot be located: the default only */
};

static struct policy_group *geolocation_group(bool has_default)
{
    const struct test_policy_spec spec = {
        POLICY_GEOLOCATION,
        .sets = SETS(SET('w', geo_subdivision_key("US", "WA")), SET('u', geo_country_key("US")),
                     SET('f', geo_country_key("FR")), SET('n', geo_continent_key("NA")),
                     SET('e', geo_continent_key("EU")), SET('d', GEO_KEY_NONE)),
        .count = has_default ? 6 : 5,
    };
    return test_policy_group(&spec);
}

static void test_geolocation_goes_from_specific_to_default(void **state)
{
    (void)state;
    struct policy_group *group = geolocation_group(true);
    check_geolocation_rows(group, geolocation_rows, COUNT_OF(geolocation_rows));
    free(group);
}

static void test_geolocation_without_default_may_have_no_answer(void **state)
{
    (void)state;
    struct policy_group *group = geolocation_group(false);
    const struct geolocation_row rows[] = {
        {"NA-US-WA", "wun", "wun", 'w'},
        {"EU-PL", "", "e", 'e'},
        {"AS-JP", "", "", '-'},
        {"", "", "", '-'},
    };
    check_geolocation_rows(group, rows, COUNT_OF(rows));
    free(group);
}

/* ---- IP-based ---- */

static void test_ip_based_takes_the_location_then_the_default(void **state)
{
    (void)state;
    const struct {
        uint32_t location; /* of the client; 0: in no block */
        const char *unhealthy, *order;
        char chosen;
        bool has_default;
    } rows[] = {
        {100, "", "xd", 'x', true},  {100, "x", "xd", 'd', true}, {100, "xd", "xd", 'x', true},
        {300, "", "zd", 'z', true},  {150, "", "d", 'd', true}, /* no set for the location */
        {0, "", "d", 'd', true},     {0, "d", "d", 'd', true},    {200, "", "y", 'y', false},
        {200, "y", "y", 'y', false}, {150, "", "", '-', false}, /* no default: no answer */
        {0, "", "", '-', false},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct test_policy_spec spec = {
            POLICY_IP_BASED, .sets = SETS(SET('z', 300), SET('x', 100), SET('y', 200), SET('d', 0)),
            .count = rows[i].has_default ? 4 : 3};
        struct policy_group *group = test_policy_group(&spec);
        const struct policy_client client = {.cidr_location = rows[i].location};
        char order[POLICY_SETS_MAX + 1];
        test_policy_order(group, &client, 0, order);
        assert_string_equal(order, rows[i].order);
        const struct health_row row = {rows[i].unhealthy, rows[i].chosen};
        check_health_rows(group, &client, &row, 1);
        free(group);
    }
}

/* ---- latency ---- */

struct latency_row {
    int ms[4];         /* of regions 1 to 4, sets a to d; -1: not known */
    const char *tiers; /* groups of equals, parted by spaces */
};

static const struct latency_row latency_rows[] = {
    {{20, 40, 60, 80}, "a b c d"},        {{80, 60, 40, 20}, "d c b a"},
    {{20, 30, 60, 80}, "ab c d"},     /* 10 ms are equal */
    {{20, 31, 60, 80}, "a b c d"},    /* 11 are not */
    {{20, 30, 40, 80}, "ab c d"},     /* of the least, not of the neighbour */
    {{20, 31, 41, 80}, "a bc d"},     /* the others likewise among themselves */
    {{200, 220, 222, 500}, "ab c d"}, /* 10 % of 200 */
    {{200, 221, 243, 500}, "a bc d"}, /* 10 % of 221, rounded down */
    {{0, 10, 11, 22}, "ab c d"},          {{0, 0, 0, 0}, "abcd"},
    {{30, -1, 300, -1}, "a c bd"},        /* what is not known comes last */
    {{65534, -1, 65534, 60000}, "acd b"}, /* and is equal to nothing that is */
    {{-1, -1, -1, -1}, "abcd"},
};

static struct policy_group *latency_group(void)
{
    const struct test_policy_spec spec = {
        POLICY_LATENCY, .sets = SETS(SET('a', 1), SET('b', 2), SET('c', 3), SET('d', 4))};
    return test_policy_group(&spec);
}

/* Is @order the tiers one after the other, each in any order? */
static bool is_of_tiers(const char *order, const char *tiers)
{
    char left[8] = "";
    for (; *order != '\0'; order++) {
        if (left[0] == '\0') {
            const size_t len = strcspn(tiers, " ");
            memcpy(left, tiers, len);
            left[len] = '\0';
            tiers += tiers[len] == ' ' ? len + 1 : len;
        }
        char *place = strchr(left, *order);
        if (place == NULL)
            return false;
        memmove(place, place + 1, strlen(place));
    }
    return left[0] == '\0' && *tiers == '\0';
}

static void check_latency_row(const struct policy_group *group, const struct latency_row *row)
{
    int ms[GEO_REGIONS_MAX];
    char order[POLICY_SETS_MAX + 1];
    unsigned firsts[128] = {0};
    const size_t best = strcspn(row->tiers, " ");
    for (unsigned i = 0; i < GEO_REGIONS_MAX; i++)
        ms[i] = i >= 1 && i <= 4 ? row->ms[i - 1] : -1;
    struct geo_latency *latency = test_policy_latency(ms);
    for (unsigned i = 0; i < 400; i++) {
        const struct policy_client client = {.hash = test_policy_draw(4, i),
                                             .latency = test_policy_row(latency)};
        test_policy_order(group, &client, i, order);
        if (!is_of_tiers(order, row->tiers))
            fail_msg("order %s, not %s", order, row->tiers);
        firsts[(unsigned char)order[0]]++;
    }
    for (size_t i = 0; i < best; i++) /* equals share the clients */
        assert_in_range(firsts[(unsigned char)row->tiers[i]], 400 / best * 7 / 10,
                        400 / best * 13 / 10);
    geo_latency_unref(latency);
}

static void test_latency_orders_by_time_and_shares_ties(void **state)
{
    (void)state;
    struct policy_group *group = latency_group();
    for (unsigned i = 0; i < COUNT_OF(latency_rows); i++)
        check_latency_row(group, &latency_rows[i]);
    free(group);
}

/* Own regions 128 to 131: Paris, New York, Sydney, and one that nobody placed. */
static struct geo_regions *regions_new(void)
{
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST] = {
        {"paris", 4886, 235}, {"new-york", 4071, -7401}, {"sydney", -3387, 15121}};
    struct geo_regions *regions;
    assert_int_equal(geo_regions_new(own, &regions), 0);
    return regions;
}

/* Round-trip times of two regions. */
static struct geo_latency *latency_of(unsigned region, int ms, unsigned other, int other_ms)
{
    int table[GEO_REGIONS_MAX];
    for (unsigned i = 0; i < GEO_REGIONS_MAX; i++)
        table[i] = i == region ? ms : i == other ? other_ms : -1;
    return test_policy_latency(table);
}

static const struct geo_location london = {.latitude_cdeg = 5151, .longitude_cdeg = -13};

static void test_latency_falls_back_to_distance(void **state)
{
    (void)state;
    struct geo_regions *regions = regions_new();
    const struct test_policy_spec spec = {
        POLICY_LATENCY, .sets = SETS(SET('p', 128), SET('n', 129), SET('s', 130), SET('?', 131))};
    struct policy_group *group = test_policy_group(&spec);
    struct geo_latency *latency = latency_of(1, 1000, 0, -1);
    char order[POLICY_SETS_MAX + 1];
    struct policy_client client = {.location = &london, .regions = regions};

    test_policy_order(group, &client, 0, order); /* no row of the table at all */
    assert_string_equal(order, "pns?");
    client.latency = test_policy_row(latency); /* a row that knows nothing of these regions */
    test_policy_order(group, &client, 0, order);
    assert_string_equal(order, "pns?");
    geo_latency_unref(latency);
    latency = latency_of(130, 1000, 131, 500); /* what was measured is believed */
    client.latency = test_policy_row(latency);
    test_policy_order(group, &client, 0, order);
    assert_string_equal(order, "pn?s");
    geo_latency_unref(latency);
    free(group);
    geo_regions_unref(regions);
}

static int latency_of_region(unsigned region, const struct policy_client *client, bool *is_measured)
{
    const struct policy_set set = {.key = region};
    return policy_latency_ms(&set, client, is_measured);
}

static void test_latency_ms_tells_where_it_is_from(void **state)
{
    (void)state;
    struct geo_regions *regions = regions_new();
    struct geo_latency *latency = latency_of(128, 17, 0, -1);
    const struct policy_client client = {
        .location = &london, .regions = regions, .latency = test_policy_row(latency)};
    bool is_measured = false;
    assert_int_equal(latency_of_region(128, &client, &is_measured), 17);
    assert_true(is_measured);
    assert_int_equal(latency_of_region(129, &client, &is_measured),
                     geo_distance_ms(geo_distance_km(5151, -13, 4071, -7401)));
    assert_false(is_measured);
    assert_int_equal(latency_of_region(131, &client, &is_measured), -1);
    assert_int_equal(latency_of_region(9999, &client, &is_measured), -1);
    geo_latency_unref(latency);
    geo_regions_unref(regions);
}

/* ---- geoproximity ---- */

struct proximity_row {
    int latitude_deg, longitude_deg;
    int bias[3]; /* of a at 0,0; b at 0,20; c at 0,60 */
    const char *order;
};

static const struct proximity_row proximity_rows[] = {
    {0, 1, {0, 0, 0}, "abc"},    {0, 12, {0, 0, 0}, "bac"},
    {0, 50, {0, 0, 0}, "cba"},   {0, 12, {40, 0, 0}, "abc"}, /* 12 (1 - .40) = 7.2 < 8 */
    {0, 12, {30, 0, 0}, "bac"},                              /* 12 (1 - .30) = 8.4 > 8 */
    {0, 8, {0, 40, 0}, "bac"},                               /* 12 (1 - .40) = 7.2 < 8 */
    {0, 9, {-20, 0, 0}, "bac"},                              /* 9 / (1 - .20) = 11.25 > 11 */
    {0, 9, {-18, 0, 0}, "abc"},                              /* 9 / (1 - .18) = 10.98 < 11 */
    {0, 1, {0, 0, 99}, "cab"},                               /* 59 (1 - .99) = .59 < 1 */
    {0, 1, {-99, 0, 0}, "bca"},                              /* 1 / (1 - .99) = 100 > 59 */
    {0, 0, {-99, 0, 0}, "abc"},                              /* nowhere is nearer than here */
    {0, -165, {0, 0, 0}, "cab"}, /* round the back: c is 135 away, a 165, b 175 */
};

static void test_geoproximity_orders_by_biased_distance(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(proximity_rows); i++) {
        const struct proximity_row *row = &proximity_rows[i];
        const struct test_policy_spec spec = {POLICY_GEOPROXIMITY,
                                              .sets = SETS(PLACE('a', 0, 0, row->bias[0]),
                                                           PLACE('b', 0, 20, row->bias[1]),
                                                           PLACE('c', 0, 60, row->bias[2]))};
        struct policy_group *group = test_policy_group(&spec);
        const struct geo_location location = {.latitude_cdeg = (int16_t)(row->latitude_deg * 100),
                                              .longitude_cdeg =
                                                  (int16_t)(row->longitude_deg * 100)};
        const struct policy_client client = {.location = &location};
        char order[POLICY_SETS_MAX + 1];
        test_policy_order(group, &client, 0, order);
        if (strcmp(order, row->order) != 0)
            fail_msg("row %u: order %s, not %s", i, order, row->order);
        const char nearest_down[] = {order[0], '\0'};
        assert_int_equal(
            test_policy_letter(group, test_policy_choose(group, &client, 0, nearest_down)),
            row->order[1]); /* the next-nearest healthy */
        free(group);
    }
}

static void test_geoproximity_knows_regions_beside_coordinates(void **state)
{
    (void)state;
    struct geo_regions *regions = regions_new();
    const struct test_policy_spec spec = {
        POLICY_GEOPROXIMITY,
        .sets = SETS(SET('n', 129), SET('?', 131), SET('s', 130), PLACE('d', 53, -6, 0))};
    struct policy_group *group = test_policy_group(&spec);
    const struct policy_client client = {.location = &london, .regions = regions};
    char order[POLICY_SETS_MAX + 1];
    test_policy_order(group, &client, 0, order);
    assert_string_equal(order, "dns?");
    free(group);
    geo_regions_unref(regions);
}

/* Nowhere: clients are spread by their hash, each always to the same. */
static void test_geoproximity_of_unknown_clients_goes_by_hash(void **state)
{
    (void)state;
    const struct geo_location nowhere = {.latitude_cdeg = GEO_COORDINATE_NONE,
                                         .longitude_cdeg = GEO_COORDINATE_NONE};
    const struct test_policy_spec spec = {
        POLICY_GEOPROXIMITY,
        .sets = SETS(PLACE('a', 0, 0, 0), PLACE('b', 0, 20, 0), PLACE('c', 9, 9, 0))};
    struct policy_group *group = test_policy_group(&spec);
    unsigned firsts[128] = {0};
    for (unsigned i = 0; i < 900; i++) {
        char order[POLICY_SETS_MAX + 1], again[POLICY_SETS_MAX + 1];
        const struct policy_client client = {.hash = test_policy_draw(5, i),
                                             .location = i % 2 != 0 ? &nowhere : NULL};
        test_policy_order(group, &client, i, order);
        test_policy_order(group, &client, i + 1, again);
        assert_string_equal(order, again);
        assert_int_equal(strlen(order), 3);
        firsts[(unsigned char)order[0]]++;
    }
    for (unsigned letter = 'a'; letter <= 'c'; letter++)
        assert_in_range(firsts[letter], 230, 370);
    free(group);
}

static void test_distance_km_is_biased_as_documented(void **state)
{
    (void)state;
    const struct geo_location here = {.latitude_cdeg = 0, .longitude_cdeg = 0};
    const struct policy_client client = {.location = &here}, unknown = {0};
    struct policy_set set = {.longitude_cdeg = 9000, .flags = POLICY_SET_HAS_COORDINATES};
    const double quarter_km = 10007.557; /* of the mean sphere's great circle, to the metre */
    assert_true(policy_distance_km(&set, &client, false) == quarter_km);
    assert_true(policy_distance_km(&set, &client, true) == quarter_km);
    set.bias = 50;
    assert_true(policy_distance_km(&set, &client, true) == 5003.778);
    assert_true(policy_distance_km(&set, &client, false) == quarter_km);
    set.bias = -50;
    assert_true(policy_distance_km(&set, &client, true) == 20015.114);
    set.bias = -99;
    assert_true(policy_distance_km(&set, &client, true) == 1000755.7);
    assert_true(policy_distance_km(&set, &unknown, true) < 0);
    set.flags = 0; /* a region then, and there are none */
    assert_true(policy_distance_km(&set, &client, true) < 0);
}

/* ---- multivalue, and what all have in common ---- */

static void test_multivalue_gives_each_set_once(void **state)
{
    (void)state;
    struct test_policy_set sets[12] = {{0}};
    for (unsigned i = 0; i < 12; i++)
        sets[i].letter = (char)('a' + i);
    for (unsigned count = 1; count <= 12; count++) {
        const struct test_policy_spec spec = {POLICY_MULTIVALUE, false, sets, count};
        struct policy_group *group = test_policy_group(&spec);
        const struct policy_client client = {0};
        for (unsigned i = 0; i < 100; i++) {
            char order[POLICY_SETS_MAX + 1];
            test_policy_order(group, &client, test_policy_draw(6, i), order);
            assert_int_equal(strlen(order), count);
            for (unsigned k = 0; k < count; k++)
                assert_non_null(strchr(order, 'a' + (int)k));
        }
        free(group);
    }
}

static void test_answers_wanted_is_the_policys_or_the_groups_own(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < POLICY_KIND_COUNT; kind++) {
        struct policy_group group = {.kind = (uint8_t)kind};
        assert_int_equal(policy_answers_wanted(&group), kind == POLICY_MULTIVALUE ? 8 : 1);
        group.answers_max = 3;
        assert_int_equal(policy_answers_wanted(&group), 3);
        group.answers_max = POLICY_ANSWERS_MAX;
        assert_int_equal(policy_answers_wanted(&group), POLICY_ANSWERS_MAX);
    }
}

static void test_needs_location_is_true_of_those_that_look(void **state)
{
    (void)state;
    static const bool needs[POLICY_KIND_COUNT] = {
        [POLICY_LATENCY] = true,
        [POLICY_GEOLOCATION] = true,
        [POLICY_GEOPROXIMITY] = true,
        [POLICY_IP_BASED] = true,
    };
    for (unsigned kind = 0; kind < POLICY_KIND_COUNT; kind++)
        assert_int_equal(policy_needs_location((enum policy_kind)kind), needs[kind]);
}

static void test_set_compare_orders_by_key_then_hash(void **state)
{
    (void)state;
    const struct policy_set low = {.key = 1, .id_hash = 9}, high = {.key = 2, .id_hash = 3},
                            twin = {.key = 2, .id_hash = 4};
    assert_true(policy_set_compare(POLICY_GEOLOCATION, &low, &high) < 0);
    assert_true(policy_set_compare(POLICY_GEOLOCATION, &high, &low) > 0);
    assert_true(policy_set_compare(POLICY_WEIGHTED, &low, &high) > 0);
    assert_true(policy_set_compare(POLICY_WEIGHTED, &high, &twin) < 0);
    assert_true(policy_set_compare(POLICY_WEIGHTED, &twin, &high) > 0);
    assert_int_equal(policy_set_compare(POLICY_WEIGHTED, &high, &high), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_gives_the_only_set),
        cmocka_unit_test(test_failover_prefers_a_healthy_primary),
        cmocka_unit_test(test_failover_without_a_primary_gives_the_secondary),
        cmocka_unit_test(test_weighted_chooses_among_healthy_weights),
        cmocka_unit_test(test_geolocation_goes_from_specific_to_default),
        cmocka_unit_test(test_geolocation_without_default_may_have_no_answer),
        cmocka_unit_test(test_ip_based_takes_the_location_then_the_default),
        cmocka_unit_test(test_latency_orders_by_time_and_shares_ties),
        cmocka_unit_test(test_latency_falls_back_to_distance),
        cmocka_unit_test(test_latency_ms_tells_where_it_is_from),
        cmocka_unit_test(test_geoproximity_orders_by_biased_distance),
        cmocka_unit_test(test_geoproximity_knows_regions_beside_coordinates),
        cmocka_unit_test(test_geoproximity_of_unknown_clients_goes_by_hash),
        cmocka_unit_test(test_distance_km_is_biased_as_documented),
        cmocka_unit_test(test_multivalue_gives_each_set_once),
        cmocka_unit_test(test_answers_wanted_is_the_policys_or_the_groups_own),
        cmocka_unit_test(test_needs_location_is_true_of_those_that_look),
        cmocka_unit_test(test_set_compare_orders_by_key_then_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
