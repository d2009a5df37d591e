/* The rankings of route_reference.h. */
#include "lib/route_reference.h"

#include "base/assert.h"
#include "geo/location.h"

#include <math.h>
#include <string.h>

typedef unsigned __int128 wide;

struct entry { /* tried by rank, then score, then place in the group's order; the least first */
    unsigned set;
    uint64_t rank, score;
    unsigned place;
};

static uint64_t hash(uint64_t seed, uint64_t n)
{
    uint64_t x = seed + n * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t part(uint64_t draw, uint64_t n)
{
    return (uint64_t)(((wide)draw * n) >> 64);
}

static uint64_t logarithm(unsigned i)
{
    return (uint64_t)roundl(ldexpl(log2l(1 + i / 256.0L), 31));
}

static uint64_t race(uint64_t h, uint32_t weight)
{
    if (weight == 0)
        return ((uint64_t)1 << 53) + h / 2048;
    if (h < 2)
        h = 2;
    unsigned e = 0;
    while (h >> e > 1)
        e++;
    /* h / 2^e - 1, times 256 * 2^32, rounded down: i and t in one number */
    const uint64_t cells = (uint64_t)((((wide)h - ((wide)1 << e)) << 40) >> e);
    const unsigned i = (unsigned)(cells >> 32);
    const uint64_t t = cells & 0xffffffffu, one = (uint64_t)1 << 32;
    const uint64_t log2 = e * ((uint64_t)1 << 31) + logarithm(i) +
                          (logarithm(i + 1) - logarithm(i)) * t / one +
                          (2 * logarithm(i + 1) - logarithm(i) - logarithm(i + 2)) *
                              (t * (one - t) / one) / (2 * one);
    return (64 * ((uint64_t)1 << 31) - log2) * 65536 / weight;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* ---- the order of sets in their group ---- */

static int compare_sets(enum policy_kind kind, const struct reference_set *a,
                        const struct reference_set *b)
{
    int order = 0;
    if (kind == POLICY_WEIGHTED)
        order = compare_numbers(b->weight, a->weight);
    else if (kind == POLICY_LATENCY || kind == POLICY_GEOPROXIMITY)
        order = compare_numbers(a->region, b->region);
    else if (kind == POLICY_FAILOVER)
        order = compare_numbers(a->is_secondary, b->is_secondary);
    else if (kind == POLICY_GEOLOCATION || kind == POLICY_IP_BASED)
        order = compare_numbers(a->place_key, b->place_key);
    if (order == 0)
        order = compare_numbers(a->id_hash, b->id_hash);
    return order != 0 ? order : strcmp(a->identifier, b->identifier);
}

void reference_sort(const struct reference_group *group, unsigned sorted[POLICY_SETS_MAX])
{
    for (unsigned i = 0; i < group->count; i++) {
        unsigned before = 0;
        for (unsigned k = 0; k < group->count; k++)
            before += compare_sets(group->kind, &group->sets[k], &group->sets[i]) < 0;
        sorted[before] = i;
    }
}

/* ---- policies: fill in rank and score ---- */

static void rank_weighted(const struct reference_group *group, uint64_t draw, uint64_t sticky_hash,
                          struct entry *entries)
{
    uint64_t sum = 0, before = 0;
    unsigned first = 0;
    for (unsigned i = 0; i < group->count; i++)
        sum += group->sets[i].weight;
    for (unsigned i = 0; i < group->count; i++) {
        const struct reference_set *set = &group->sets[entries[i].set];
        entries[i].rank = 1;
        entries[i].score = race(
            group->is_sticky ? hash(sticky_hash, set->id_hash) : hash(draw, i + 1), set->weight);
    }
    if (group->is_sticky)
        return;
    if (sum == 0) {
        first = (unsigned)part(draw, group->count);
    } else {
        while ((before += group->sets[entries[first].set].weight) <= part(draw, sum))
            first++;
    }
    entries[first].rank = 0;
}

static void rank_multivalue(const struct reference_group *group, uint64_t draw,
                            struct entry *entries)
{
    unsigned row[POLICY_SETS_MAX];
    for (unsigned i = 0; i < group->count; i++)
        row[i] = i;
    for (unsigned k = 0; k < group->count; k++) {
        const uint64_t d = k == 0 ? draw : hash(draw, k);
        const unsigned place = k + (unsigned)part(d, group->count - k);
        const unsigned chosen = row[place];
        row[place] = row[k];
        entries[chosen].rank = k;
    }
}

/* Kilometres between two places in hundredths of a degree (haversine). */
static double distance_km(struct reference_place a, struct reference_place b)
{
    const double radian = acos(-1.0) / 18000;
    const double up = sin((b.latitude_cdeg - a.latitude_cdeg) * radian / 2);
    const double along = sin((b.longitude_cdeg - a.longitude_cdeg) * radian / 2);
    const double h =
        up * up + cos(a.latitude_cdeg * radian) * cos(b.latitude_cdeg * radian) * along * along;
    return 2 * 6371.0088 * asin(sqrt(h > 1 ? 1 : h));
}

static struct reference_place place_of(const struct reference_world *world,
                                       const struct reference_set *set)
{
    if (set->has_coordinates)
        return (struct reference_place){true, set->latitude_cdeg, set->longitude_cdeg};
    if (world->regions == NULL || set->region >= REFERENCE_REGIONS_MAX)
        return (struct reference_place){.is_known = false};
    return world->regions[set->region];
}

static void rank_geoproximity(const struct reference_world *world,
                              const struct reference_group *group,
                              const struct reference_client *client, uint64_t proximity_hash,
                              struct entry *entries)
{
    for (unsigned i = 0; i < group->count; i++) {
        const struct reference_set *set = &group->sets[entries[i].set];
        const struct reference_place place = place_of(world, set);
        entries[i].score = hash(proximity_hash, set->id_hash) >> 41;
        entries[i].rank = UINT64_MAX;
        if (!place.is_known || !client->place.is_known)
            continue;
        const uint64_t metres = (uint64_t)floor(distance_km(client->place, place) * 1000 + 0.5);
        entries[i].rank = set->bias >= 0 ? metres * (uint64_t)(100 - set->bias) / 100
                                         : metres * 100 / (uint64_t)(100 + set->bias);
    }
}

/* Milliseconds to a set, UINT64_MAX: not known. */
static uint64_t latency_of(const struct reference_world *world, const struct reference_set *set,
                           const struct reference_client *client)
{
    const struct reference_place place = place_of(world, set);
    if (client->latency_ms != NULL && client->latency_ms[set->region] >= 0)
        return (uint64_t)client->latency_ms[set->region];
    if (!place.is_known || !client->place.is_known)
        return UINT64_MAX;
    return geo_distance_ms(distance_km(client->place, place));
}

static void rank_latency(const struct reference_world *world, const struct reference_group *group,
                         const struct reference_client *client, uint64_t latency_hash,
                         struct entry *entries)
{
    bool is_ranked[POLICY_SETS_MAX] = {false};
    for (unsigned ranked = 0, rank = 0; ranked < group->count; rank++) {
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i < group->count; i++) {
            const uint64_t ms = latency_of(world, &group->sets[entries[i].set], client);
            if (!is_ranked[i] && ms < least)
                least = ms;
        }
        const uint64_t tie_ms = least / 10 > 10 ? least / 10 : 10;
        for (unsigned i = 0; i < group->count; i++) {
            const struct reference_set *set = &group->sets[entries[i].set];
            const uint64_t ms = latency_of(world, set, client);
            if (is_ranked[i] || (ms == UINT64_MAX) != (least == UINT64_MAX) ||
                (ms != UINT64_MAX && ms > least + tie_ms))
                continue;
            entries[i].rank = rank;
            entries[i].score = hash(latency_hash, set->region) >> 17;
            is_ranked[i] = true;
            ranked++;
        }
    }
}

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* How far from specific a set is that fits the client; 4: it does not fit. */
static unsigned geolocation_rank(const struct reference_set *set,
                                 const struct reference_client *client)
{
    if (is_same(set->country, "*"))
        return 3;
    if (set->continent != NULL)
        return is_same(set->continent, client->continent) ? 2 : 4;
    if (!is_same(set->country, client->country))
        return 4;
    if (set->subdivision == NULL)
        return 1;
    return is_same(set->subdivision, client->subdivision) ? 0 : 4;
}

static unsigned cidr_rank(const struct reference_group *group, const struct reference_set *set,
                          const struct reference_client *client)
{
    const char *location = group->cidr_slot < client->cidr_location_count
                               ? client->cidr_locations[group->cidr_slot]
                               : NULL;
    if (is_same(set->cidr_location, "*"))
        return 3;
    return is_same(set->cidr_location, location) ? 0 : 4;
}

static void rank_located(const struct reference_group *group, const struct reference_client *client,
                         struct entry *entries)
{
    for (unsigned i = 0; i < group->count; i++) {
        const struct reference_set *set = &group->sets[entries[i].set];
        entries[i].rank = group->kind == POLICY_IP_BASED ? cidr_rank(group, set, client)
                                                         : geolocation_rank(set, client);
    }
}

static void rank_entries(const struct reference_world *world, const struct reference_group *group,
                         const struct reference_client *client, uint64_t draw,
                         struct entry *entries)
{
    switch (group->kind) {
    case POLICY_WEIGHTED:
        rank_weighted(group, draw, client->has_address ? client->sticky_hash : draw, entries);
        break;
    case POLICY_MULTIVALUE: rank_multivalue(group, draw, entries); break;
    case POLICY_LATENCY:
        rank_latency(world, group, client, client->has_address ? client->latency_hash : draw,
                     entries);
        break;
    case POLICY_GEOPROXIMITY:
        rank_geoproximity(world, group, client, client->has_address ? client->proximity_hash : draw,
                          entries);
        break;
    case POLICY_GEOLOCATION:
    case POLICY_IP_BASED: rank_located(group, client, entries); break;
    default: break; /* as they lie */
    }
}

static bool goes_before(const struct entry *a, const struct entry *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->score != b->score)
        return a->score < b->score;
    return a->place < b->place;
}

unsigned reference_rank(const struct reference_world *world, const struct reference_group *group,
                        const struct reference_client *client, uint64_t draw,
                        unsigned order[POLICY_SETS_MAX])
{
    const bool is_looked_up = group->kind == POLICY_GEOLOCATION || group->kind == POLICY_IP_BASED;
    struct entry entries[POLICY_SETS_MAX];
    unsigned sorted[POLICY_SETS_MAX];
    unsigned given = 0;
    ASSERT(group->count > 0 && group->count <= POLICY_SETS_MAX);
    reference_sort(group, sorted);
    for (unsigned i = 0; i < group->count; i++)
        entries[i] = (struct entry){.set = sorted[i], .place = i};
    rank_entries(world, group, client, draw, entries);
    for (unsigned i = 0; i < group->count; i++) {
        unsigned before = 0;
        if (is_looked_up && entries[i].rank == 4)
            continue;
        for (unsigned k = 0; k < group->count; k++)
            before += goes_before(&entries[k], &entries[i]);
        order[before] = entries[i].set;
        given++;
    }
    return given;
}
