#include "lib/test_policy.h"

#include "base/assert.h"
#include "base/siphash.h"
#include "geo/latency.h"
#include "geo/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct policy_set *out, const struct test_policy_set *set)
{
    *out = (struct policy_set){
        .key = set->key,
        .id_hash = (uint32_t)test_policy_draw(0x1d, (unsigned char)set->letter),
        .latitude_cdeg = (int16_t)(set->latitude_deg * 100),
        .longitude_cdeg = (int16_t)(set->longitude_deg * 100),
        .bias = (int8_t)set->bias,
        .flags = set->has_place ? POLICY_SET_HAS_COORDINATES : 0,
        .body_at = (unsigned char)set->letter,
    };
}

struct policy_group *test_policy_group(const struct test_policy_spec *spec)
{
    unsigned count = spec->count;
    while (spec->count == 0 && spec->sets[count].letter != '\0')
        count++;
    ASSERT(count > 0 && count <= POLICY_SETS_MAX);
    struct policy_group *group =
        calloc(1, sizeof *group + count * sizeof group->sets[0]); /* exactly, for sanitizers */
    ASSERT(group != NULL);
    group->kind = (uint8_t)spec->kind;
    group->is_sticky = spec->is_sticky;
    for (unsigned i = 0; i < count; i++) {
        struct policy_set set;
        fill(&set, &spec->sets[i]);
        unsigned at = group->count++;
        for (; at > 0 && policy_set_compare(spec->kind, &group->sets[at - 1], &set) > 0; at--)
            group->sets[at] = group->sets[at - 1];
        group->sets[at] = set;
        if (spec->kind == POLICY_WEIGHTED)
            group->weight_sum += set.key;
    }
    return group;
}

char test_policy_letter(const struct policy_group *group, unsigned index)
{
    ASSERT(index < group->count);
    return (char)group->sets[index].body_at;
}

void test_policy_order(const struct policy_group *group, const struct policy_client *client,
                       uint64_t draw, char out[POLICY_SETS_MAX + 1])
{
    static struct policy_ranking ranking;
    unsigned len = 0, index;
    memset(&ranking, 0xa5, sizeof ranking); /* as a caller's storage is */
    policy_rank_begin(&ranking, group, client, draw);
    while ((index = policy_rank_next(&ranking)) != POLICY_INDEX_NONE) {
        ASSERT(len < group->count);
        out[len++] = test_policy_letter(group, index);
    }
    ASSERT(policy_rank_next(&ranking) == POLICY_INDEX_NONE);
    out[len] = '\0';
}

unsigned test_policy_choose(const struct policy_group *group, const struct policy_client *client,
                            uint64_t draw, const char *unhealthy)
{
    static struct policy_ranking ranking;
    policy_rank_begin(&ranking, group, client, draw);
    const unsigned first = policy_rank_next(&ranking);
    for (unsigned index = first; index != POLICY_INDEX_NONE; index = policy_rank_next(&ranking))
        if (strchr(unhealthy, test_policy_letter(group, index)) == NULL)
            return index;
    return first;
}

uint64_t test_policy_draw(uint64_t seed, uint64_t n)
{
    uint8_t key[SIPHASH_KEY_LEN] = {0}, octets[8];
    memcpy(key, &seed, sizeof seed);
    memcpy(octets, &n, sizeof octets);
    return siphash_24(key, octets, sizeof octets);
}

double test_policy_chi_square_max(unsigned freedom)
{
    /* Wilson and Hilferty (1931): the cube root is nearly normal. 3.719 deviations: 1 in 10,000. */
    const double part = 2.0 / (9.0 * freedom);
    return freedom * pow(1 - part + 3.719 * sqrt(part), 3);
}

struct geo_latency *test_policy_latency(const int ms[GEO_REGIONS_MAX])
{
    struct geo_latency_entry entries[GEO_REGIONS_MAX];
    struct geo_latency *latency = NULL;
    size_t count = 0;
    for (unsigned region = 0; region < GEO_REGIONS_MAX; region++)
        if (ms[region] >= 0)
            entries[count++] =
                (struct geo_latency_entry){.prefix = {.octets = {192, 0, 2}, .len = 24},
                                           .region = (uint8_t)region,
                                           .source = GEO_LATENCY_IMPORTED,
                                           .ms = (uint16_t)ms[region]};
    ASSERT(geo_latency_new(entries, count, 1, &latency) == 0);
    return latency;
}

const struct geo_latency_row *test_policy_row(const struct geo_latency *latency)
{
    const struct geo_address address = {.octets = {192, 0, 2, 1}, .bits = 32};
    unsigned scope_bits;
    return geo_latency_find(latency, &address, &scope_bits);
}
