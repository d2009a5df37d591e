/* Rankings of random groups for random clients against tests/lib/route_reference.h, which knows
 * only the words of policy/policy.h. QUARTET_SEED=N takes another seed.
 * links: test_policy test_reference policy geo base */
#include "lib/route_reference.h"
#include "lib/test_policy.h"

#include "geo/cidr.h"
#include "geo/latency.h"
#include "geo/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GROUPS 20000u
#define CLIENTS 10u /* of each group */
#define SETS_MAX 200u
#define TABLES 8u

struct chance {
    uint64_t seed, count;
};

/* 0 to @below - 1. */
static unsigned pick(struct chance *chance, unsigned below)
{
    return (unsigned)(test_policy_draw(chance->seed, chance->count++) % below);
}

static int pick_between(struct chance *chance, int low, int high)
{
    return low + (int)pick(chance, (unsigned)(high - low) + 1);
}

static const char *const continents[] = {"AF", "AS", "EU", "NA"};
static const char *const countries[] = {"FR", "US", "GB", "CA", "XK"};
static const char *const subdivisions[] = {"WA", "TX", "1"};
static const char *const cidr_locations[] = {"office", "plant", "*", "vpn"};

/* ---- the world ---- */

struct tables {
    struct geo_regions *regions;
    struct reference_place places[REFERENCE_REGIONS_MAX];
    int ms[TABLES][GEO_REGIONS_MAX];
    struct geo_latency *latency[TABLES];
};

static void tables_init(struct tables *tables, struct chance *chance)
{
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST];
    memset(own, 0, sizeof own);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(own[i].name, sizeof own[i].name, "own-%u", i);
        own[i].latitude_cdeg = (int16_t)pick_between(chance, -9000, 9000);
        own[i].longitude_cdeg = (int16_t)pick_between(chance, -18000, 18000);
    }
    own[3] = own[2]; /* twins */
    assert_int_equal(geo_regions_new(own, &tables->regions), 0);
    for (unsigned i = 0; i < REFERENCE_REGIONS_MAX; i++) {
        const struct geo_region *region = geo_regions_get(tables->regions, i);
        if (region != NULL)
            tables->places[i] =
                (struct reference_place){true, region->latitude_cdeg, region->longitude_cdeg};
    }
    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned k = 0; k < GEO_REGIONS_MAX; k++)
            tables->ms[i][k] = k == 0 || pick(chance, 4) < i / 2 ? -1
                               : i % 2 != 0                      ? (int)pick(chance, 500)
                                                                 : (int)pick(chance, 60);
        tables->latency[i] = test_policy_latency(tables->ms[i]);
    }
}

static void tables_fini(struct tables *tables)
{
    for (unsigned i = 0; i < TABLES; i++)
        geo_latency_unref(tables->latency[i]);
    geo_regions_unref(tables->regions);
}

/* ---- groups, first in the reference's form ---- */

struct model {
    struct reference_set sets[SETS_MAX];
    char identifiers[SETS_MAX][16];
    struct reference_group group;
};

static bool is_taken(const struct model *model, const struct reference_set *set)
{
    for (unsigned i = 0; i < model->group.count; i++) {
        const struct reference_set *other = &model->sets[i];
        if (model->group.kind == POLICY_LATENCY && other->region == set->region)
            return true;
        if (model->group.kind == POLICY_FAILOVER && other->is_secondary == set->is_secondary)
            return true;
        if (model->group.kind == POLICY_IP_BASED && other->cidr_location == set->cidr_location)
            return true;
        if (model->group.kind == POLICY_GEOLOCATION && other->continent == set->continent &&
            other->country == set->country && other->subdivision == set->subdivision)
            return true;
    }
    return model->group.kind == POLICY_SIMPLE && model->group.count > 0;
}

static void make_geolocation(struct chance *chance, struct reference_set *set)
{
    switch (pick(chance, 5)) {
    case 0: set->country = "*"; break;
    case 1: set->continent = continents[pick(chance, 4)]; break;
    case 2:
        set->country = countries[pick(chance, 5)];
        set->subdivision = subdivisions[pick(chance, 3)];
        break;
    default: set->country = countries[pick(chance, 5)]; break;
    }
}

static void make_set(struct chance *chance, enum policy_kind kind, struct reference_set *set)
{
    static const uint32_t weights[] = {0, 0, 1, 1, 2, 128, 254, 255};
    static const int biases[] = {0, 0, 1, -1, 50, -50, 99, -99};
    set->weight = pick(chance, 2) != 0 ? weights[pick(chance, 8)] : pick(chance, 256);
    set->region =
        pick(chance, 3) != 0 ? (unsigned)pick_between(chance, 128, 191) : 1 + pick(chance, 45);
    set->bias = pick(chance, 2) != 0 ? biases[pick(chance, 8)] : pick_between(chance, -99, 99);
    set->has_coordinates = kind == POLICY_GEOPROXIMITY && pick(chance, 2) != 0;
    if (set->has_coordinates) {
        set->region = 0;
        set->latitude_cdeg = pick_between(chance, -90, 90) * 100;
        set->longitude_cdeg = pick_between(chance, -180, 180) * 100;
    }
    set->is_secondary = pick(chance, 2) != 0;
    set->cidr_location = cidr_locations[pick(chance, 4)];
    make_geolocation(chance, set);
}

static void model_make(struct model *model, struct chance *chance)
{
    const unsigned tries = pick(chance, 50) == 0 ? 1 + pick(chance, SETS_MAX) : 1 + pick(chance, 7);
    const uint32_t hash_mask = pick(chance, 8) == 0 ? 3 : UINT32_MAX; /* equal ones too */
    memset(model, 0, sizeof *model);
    model->group.kind = (enum policy_kind)pick(chance, POLICY_KIND_COUNT);
    model->group.is_sticky = model->group.kind == POLICY_WEIGHTED && pick(chance, 2) != 0;
    model->group.sets = model->sets;
    for (unsigned i = 0; i < tries; i++) {
        struct reference_set set = {
            .id_hash = (uint32_t)test_policy_draw(chance->seed ^ 1, chance->count) & hash_mask};
        make_set(chance, model->group.kind, &set);
        if (is_taken(model, &set))
            continue;
        const unsigned at = model->group.count++;
        snprintf(model->identifiers[at], sizeof model->identifiers[at], "%u",
                 pick(chance, 1000) * SETS_MAX + at);
        set.identifier = model->identifiers[at];
        model->sets[at] = set;
    }
}

/* ---- the same in the room's form ---- */

static uint32_t key_of(enum policy_kind kind, const struct reference_set *set)
{
    switch (kind) {
    case POLICY_WEIGHTED: return set->weight;
    case POLICY_LATENCY:
    case POLICY_GEOPROXIMITY: return set->region;
    case POLICY_FAILOVER: return set->is_secondary;
    case POLICY_IP_BASED:
        return strcmp(set->cidr_location, "*") == 0 ? 0
                                                    : geo_cidr_location_hash(set->cidr_location);
    case POLICY_GEOLOCATION: break;
    default: return 0;
    }
    if (set->continent != NULL)
        return geo_continent_key(set->continent);
    if (strcmp(set->country, "*") == 0)
        return GEO_KEY_NONE;
    return set->subdivision != NULL ? geo_subdivision_key(set->country, set->subdivision)
                                    : geo_country_key(set->country);
}

static int compare(const struct model *model, const struct policy_set *a,
                   const struct policy_set *b)
{
    const int order = policy_set_compare(model->group.kind, a, b);
    return order != 0 ? order
                      : strcmp(model->identifiers[a->body_at], model->identifiers[b->body_at]);
}

static struct policy_group *room_group(const struct model *model)
{
    const unsigned count = model->group.count;
    struct policy_group *group = calloc(1, sizeof *group + count * sizeof group->sets[0]);
    assert_non_null(group);
    group->kind = (uint8_t)model->group.kind;
    group->is_sticky = model->group.is_sticky;
    for (unsigned i = 0; i < count; i++) {
        const struct reference_set *from = &model->sets[i];
        const struct policy_set set = {
            .key = key_of(model->group.kind, from),
            .id_hash = from->id_hash,
            .latitude_cdeg = (int16_t)from->latitude_cdeg,
            .longitude_cdeg = (int16_t)from->longitude_cdeg,
            .bias = (int8_t)from->bias,
            .flags = from->has_coordinates ? POLICY_SET_HAS_COORDINATES : 0,
            .body_at = i,
        };
        unsigned at = group->count++;
        for (; at > 0 && compare(model, &group->sets[at - 1], &set) > 0; at--)
            group->sets[at] = group->sets[at - 1];
        group->sets[at] = set;
        group->weight_sum += from->weight;
    }
    return group;
}

/* ---- clients in both forms ---- */

struct clients {
    struct reference_client plain;
    const char *cidr_location;
    struct geo_location location;
    struct policy_client room;
};

static void clients_make(struct clients *out, const struct tables *tables, struct chance *chance)
{
    const unsigned table = pick(chance, TABLES + 3);
    const bool is_placed = pick(chance, 4) != 0;
    memset(out, 0, sizeof *out);
    struct reference_client *plain = &out->plain;
    plain->has_address = true;
    plain->sticky_hash = plain->latency_hash = plain->proximity_hash =
        test_policy_draw(chance->seed ^ 2, chance->count);
    plain->continent = pick(chance, 4) != 0 ? continents[pick(chance, 4)] : NULL;
    plain->country = pick(chance, 4) != 0 ? countries[pick(chance, 5)] : NULL;
    plain->subdivision =
        plain->country != NULL && pick(chance, 2) != 0 ? subdivisions[pick(chance, 3)] : NULL;
    plain->place = (struct reference_place){is_placed, pick_between(chance, -9000, 9000),
                                            pick_between(chance, -18000, 18000)};
    plain->latency_ms = table < TABLES ? tables->ms[table] : NULL;
    static const char *const found[] = {"office", "plant", "vpn", "elsewhere"};
    out->cidr_location = pick(chance, 4) != 0 ? found[pick(chance, 4)] : NULL;
    plain->cidr_locations = &out->cidr_location;
    plain->cidr_location_count = 1;

    out->location = (struct geo_location){
        .continent_key = plain->continent != NULL ? geo_continent_key(plain->continent) : 0,
        .country_key = plain->country != NULL ? geo_country_key(plain->country) : 0,
        .subdivision_key = plain->subdivision != NULL
                               ? geo_subdivision_key(plain->country, plain->subdivision)
                               : 0,
        .latitude_cdeg = is_placed ? (int16_t)plain->place.latitude_cdeg : GEO_COORDINATE_NONE,
        .longitude_cdeg = is_placed ? (int16_t)plain->place.longitude_cdeg : GEO_COORDINATE_NONE,
    };
    const bool is_nowhere =
        plain->continent == NULL && plain->country == NULL && !plain->place.is_known;
    out->room = (struct policy_client){
        .hash = plain->sticky_hash,
        .location = is_nowhere ? NULL : &out->location,
        .latency = table < TABLES ? test_policy_row(tables->latency[table]) : NULL,
        .regions = tables->regions,
        .cidr_location =
            out->cidr_location != NULL ? geo_cidr_location_hash(out->cidr_location) : 0,
    };
}

/* ---- the comparison ---- */

static void check_same(const struct reference_world *world, const struct model *model,
                       const struct policy_group *group, const struct clients *clients,
                       uint64_t draw)
{
    static struct policy_ranking ranking;
    unsigned order[POLICY_SETS_MAX];
    const unsigned count = reference_rank(world, &model->group, &clients->plain, draw, order);
    policy_rank_begin(&ranking, group, &clients->room, draw);
    for (unsigned i = 0; i <= count; i++) {
        const unsigned index = policy_rank_next(&ranking);
        const unsigned given =
            index == POLICY_INDEX_NONE ? POLICY_INDEX_NONE : group->sets[index].body_at;
        const unsigned expected = i < count ? order[i] : POLICY_INDEX_NONE;
        if (given != expected)
            fail_msg("policy %u%s of %u sets: candidate %u is %u, not %u", group->kind,
                     group->is_sticky ? " (sticky)" : "", group->count, i, given, expected);
    }
}

static void test_rank_is_what_the_words_say(void **state)
{
    (void)state;
    static struct tables tables;
    static struct model model;
    const char *text = getenv("QUARTET_SEED");
    struct chance chance = {.seed = text != NULL ? strtoull(text, NULL, 10) : 1};
    print_message("seed %llu\n", (unsigned long long)chance.seed);
    tables_init(&tables, &chance);
    const struct reference_world world = {.regions = tables.places};
    for (unsigned i = 0; i < GROUPS; i++) {
        model_make(&model, &chance);
        struct policy_group *group = room_group(&model);
        for (unsigned k = 0; k < CLIENTS; k++) {
            struct clients clients;
            clients_make(&clients, &tables, &chance);
            check_same(&world, &model, group, &clients,
                       test_policy_draw(chance.seed ^ 3, chance.count));
        }
        free(group);
    }
    tables_fini(&tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_is_what_the_words_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
