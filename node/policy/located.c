#include "policy/internal.h"

#include "geo/location.h"

#include <stddef.h>

#define DEFAULT_KEY 0u

/* Sets lie in order of their keys, each key once: the index of @key or POLICY_INDEX_NONE. Halving
 * without a branch on what was read, as that would be guessed wrong half the time. */
static unsigned find_key(const struct policy_group *group, uint32_t key)
{
    const struct policy_set *base = group->sets;
    size_t count = group->count;
    while (count > 1) {
        const size_t half = count / 2;
        base += base[half].key <= key ? half : 0;
        count -= half;
    }
    return base->key == key ? (unsigned)(base - group->sets) : POLICY_INDEX_NONE;
}

/* Step 0, 1, 2: what is tried before the default, most specific first; DEFAULT_KEY: nothing. */
static uint32_t key_of_step(const struct policy_ranking *ranking, unsigned step)
{
    const struct policy_client *client = ranking->client;
    if (ranking->group->kind == POLICY_IP_BASED)
        return step == 0 ? client->cidr_location : DEFAULT_KEY;
    if (client->location == NULL)
        return DEFAULT_KEY;
    switch (step) {
    case 0: return client->location->subdivision_key;
    case 1: return client->location->country_key;
    default: return client->location->continent_key;
    }
}

unsigned policy__located_next(struct policy_ranking *ranking)
{
    while (ranking->step < 3) {
        const uint32_t key = key_of_step(ranking, ranking->step++);
        if (key == DEFAULT_KEY)
            continue;
        const unsigned index = find_key(ranking->group, key);
        if (index != POLICY_INDEX_NONE)
            return index;
    }
    if (ranking->step++ == 3 && ranking->group->sets[0].key == DEFAULT_KEY)
        return 0;
    ranking->step = 4; /* stays there however often it is asked */
    return POLICY_INDEX_NONE;
}
