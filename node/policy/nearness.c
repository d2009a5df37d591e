#include "policy/internal.h"

#include "base/assert.h"
#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"

#include <stdlib.h>

#define TIE_MS 10u        /* round-trip times are equal within this, */
#define TIE_PART 10u      /* or within one part of so many of the least */
#define DISTANCE_BITS 31u /* 20,016 km with the strongest bias away: 2,001,508,680 m */
#define TIE_BITS (POLICY__RANK_BITS - DISTANCE_BITS)
#define TIER_BITS 7u /* 78 tiers at most: tiers_mark() */
#define METRES_NONE ((UINT32_C(1) << DISTANCE_BITS) - 1)
#define METRES_A_CENTIDEGREE 1111u /* of latitude: a little less than it is */

struct place {
    int16_t latitude_cdeg, longitude_cdeg;
};

/* Where a set of latency or geoproximity is; false: not known. */
static bool place_of(const struct policy_set *set, const struct policy_client *client,
                     struct place *out)
{
    if ((set->flags & POLICY_SET_HAS_COORDINATES) != 0) {
        *out = (struct place){set->latitude_cdeg, set->longitude_cdeg};
        return true;
    }
    if (client->regions == NULL || set->key >= GEO_REGIONS_MAX)
        return false;
    const struct geo_region *region = geo_regions_get(client->regions, set->key);
    if (region == NULL)
        return false;
    *out = (struct place){region->latitude_cdeg, region->longitude_cdeg};
    return true;
}

static bool client_has_place(const struct policy_client *client)
{
    return client->location != NULL && client->location->latitude_cdeg != GEO_COORDINATE_NONE &&
           client->location->longitude_cdeg != GEO_COORDINATE_NONE;
}

static double distance_km(const struct policy_client *client, struct place place)
{
    return geo_distance_km(client->location->latitude_cdeg, client->location->longitude_cdeg,
                           place.latitude_cdeg, place.longitude_cdeg);
}

/* At least so far, without a cosine: no place is nearer than its parallel of latitude. */
static uint32_t metres_least(const struct policy_client *client, struct place place)
{
    const int apart_cdeg = abs(place.latitude_cdeg - client->location->latitude_cdeg);
    return (uint32_t)apart_cdeg * METRES_A_CENTIDEGREE;
}

/* ---- geoproximity ---- */

/* From here on integers: machines may differ in the last bit of a cosine, but hardly in metres. */
static uint32_t metres_of(double km)
{
    return (uint32_t)(km * 1000.0 + 0.5);
}

static uint32_t metres_biased(uint32_t metres, int bias)
{
    if (bias >= 0)
        return (uint32_t)((uint64_t)metres * (unsigned)(100 - bias) / 100);
    return (uint32_t)((uint64_t)metres * 100 / (unsigned)(100 + bias));
}

/* METRES_NONE: not known, or further than @metres_max (biased) without having to be computed. */
static uint32_t metres_to(const struct policy_set *set, const struct policy_client *client,
                          uint32_t metres_max)
{
    struct place place;
    ASSERT(set->bias > -100 && set->bias < 100);
    if (!client_has_place(client) || !place_of(set, client, &place))
        return METRES_NONE;
    if (metres_biased(metres_least(client, place), set->bias) > metres_max)
        return METRES_NONE;
    return metres_biased(metres_of(distance_km(client, place)), set->bias);
}

static uint64_t proximity_key(const struct policy_ranking *ranking, unsigned index,
                              uint32_t metres_max)
{
    const struct policy_set *set = &ranking->group->sets[index];
    const uint32_t metres = metres_to(set, ranking->client, metres_max);
    if (metres > metres_max)
        return UINT64_MAX;
    const uint64_t tie = policy__hash(ranking->client->hash, set->id_hash) >> (64u - TIE_BITS);
    return policy__key((uint64_t)metres << TIE_BITS | tie, index);
}

unsigned policy__proximity_first(const struct policy_ranking *ranking)
{
    uint64_t least = UINT64_MAX;
    uint32_t metres_max = METRES_NONE;
    for (unsigned i = 0; i < ranking->group->count; i++) {
        const uint64_t key = proximity_key(ranking, i, metres_max);
        if (key < least) {
            least = key;
            metres_max = (uint32_t)(key >> (POLICY__INDEX_BITS + TIE_BITS));
        }
    }
    return policy__key_index(least);
}

void policy__proximity_rest(struct policy_ranking *ranking, unsigned first)
{
    const unsigned count = ranking->group->count;
    for (unsigned i = 0; i < count; i++)
        ranking->order[i] = proximity_key(ranking, i, METRES_NONE);
    policy__keys_begin(ranking, count);
    ASSERT(policy__key_index(policy__keys_take(ranking)) == first);
}

double policy_distance_km(const struct policy_set *set, const struct policy_client *client,
                          bool is_biased)
{
    struct place place;
    if (!client_has_place(client) || !place_of(set, client, &place))
        return -1;
    const uint32_t metres = metres_of(distance_km(client, place));
    return (is_biased ? metres_biased(metres, set->bias) : metres) / 1000.0;
}

/* ---- latency ---- */

static unsigned measured_ms(const struct policy_set *set, const struct policy_client *client)
{
    if (client->latency == NULL || set->key >= GEO_REGIONS_MAX)
        return GEO_LATENCY_NONE;
    return geo_latency_ms(client->latency, set->key);
}

static unsigned distance_ms(double km)
{
    const unsigned ms = geo_distance_ms(km);
    return ms < GEO_LATENCY_NONE ? ms : GEO_LATENCY_NONE - 1;
}

/* GEO_LATENCY_NONE: not known, or more than @max_ms without having to be computed. */
static unsigned estimated_ms(const struct policy_set *set, const struct policy_client *client,
                             unsigned max_ms)
{
    struct place place;
    if (!client_has_place(client) || !place_of(set, client, &place))
        return GEO_LATENCY_NONE;
    if (distance_ms(metres_least(client, place) / 1000.0) > max_ms)
        return GEO_LATENCY_NONE;
    return distance_ms(distance_km(client, place));
}

int policy_latency_ms(const struct policy_set *set, const struct policy_client *client,
                      bool *is_measured)
{
    unsigned ms = measured_ms(set, client);
    *is_measured = ms != GEO_LATENCY_NONE;
    if (!*is_measured)
        ms = estimated_ms(set, client, GEO_LATENCY_NONE);
    return ms != GEO_LATENCY_NONE ? (int)ms : -1;
}

static unsigned key_ms(uint64_t key)
{
    return (unsigned)(key >> POLICY__INDEX_BITS);
}

unsigned policy_latency_tie_ms(unsigned least_ms)
{
    if (least_ms == GEO_LATENCY_NONE)
        return GEO_LATENCY_NONE;
    const unsigned part_ms = least_ms / TIE_PART;
    const unsigned max_ms = least_ms + (part_ms > TIE_MS ? part_ms : TIE_MS);
    return max_ms < GEO_LATENCY_NONE ? max_ms : GEO_LATENCY_NONE - 1;
}

/* Keys of milliseconds into ranking->order; GEO_LATENCY_NONE, above all others: not known, or
 * (@is_first) not among the best. Returns the least time. */
static unsigned latency_keys(struct policy_ranking *ranking, bool is_first)
{
    unsigned least_ms = GEO_LATENCY_NONE;
    for (unsigned i = 0; i < ranking->group->count; i++) {
        const struct policy_set *set = &ranking->group->sets[i];
        unsigned ms = measured_ms(set, ranking->client);
        if (ms == GEO_LATENCY_NONE)
            ms = estimated_ms(set, ranking->client,
                              is_first ? policy_latency_tie_ms(least_ms) : GEO_LATENCY_NONE);
        ranking->order[i] = policy__key(ms, i);
        least_ms = ms < least_ms ? ms : least_ms;
    }
    return least_ms;
}

static uint64_t tie_hash(const struct policy_ranking *ranking, unsigned index)
{
    return policy__hash(ranking->client->hash, ranking->group->sets[index].key) >>
           (64u - (POLICY__RANK_BITS - TIER_BITS));
}

unsigned policy__latency_first(struct policy_ranking *ranking)
{
    const unsigned max_ms = policy_latency_tie_ms(latency_keys(ranking, true));
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < ranking->group->count; i++) {
        if (key_ms(ranking->order[i]) > max_ms)
            continue;
        const uint64_t key = policy__key(tie_hash(ranking, i), i);
        if (key < best)
            best = key;
    }
    return policy__key_index(best);
}

/* Turn sorted keys of milliseconds into keys of tier and hash. A tier begins with the least time
 * that is left: 77 fill the milliseconds to the brim, one is for what is not known. */
static void tiers_mark(struct policy_ranking *ranking)
{
    uint64_t tier = 0;
    unsigned max_ms = policy_latency_tie_ms(key_ms(ranking->order[0]));
    for (unsigned i = 0; i < ranking->group->count; i++) {
        const unsigned ms = key_ms(ranking->order[i]);
        const unsigned index = policy__key_index(ranking->order[i]);
        if (ms > max_ms) {
            tier++;
            max_ms = policy_latency_tie_ms(ms);
        }
        const uint64_t rank = tier << (POLICY__RANK_BITS - TIER_BITS) | tie_hash(ranking, index);
        ranking->order[i] = policy__key(rank, index);
    }
    ASSERT(tier < 1u << TIER_BITS);
}

void policy__latency_rest(struct policy_ranking *ranking, unsigned first)
{
    const unsigned count = ranking->group->count;
    latency_keys(ranking, false);
    policy__keys_sort(ranking, count);
    tiers_mark(ranking);
    policy__keys_begin(ranking, count);
    ASSERT(policy__key_index(policy__keys_take(ranking)) == first);
}
