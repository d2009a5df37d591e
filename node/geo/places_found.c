#include "geo/places_found.h"

#include "base/err.h"
#include "base/mix.h"
#include "geo/table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256u

/* Where @key is, or the free place where it belongs. At most half of the places are taken. */
static uint32_t place_of(const struct geo__hash *hash, uint64_t key)
{
    uint32_t at = (uint32_t)mix64(key) & (hash->capacity - 1);
    while (hash->keys[at] != 0 && hash->keys[at] != key)
        at = (at + 1) & (hash->capacity - 1);
    return at;
}

static int grow(struct geo__hash *hash)
{
    struct geo__hash grown = {.count = hash->count,
                              .capacity =
                                  hash->capacity == 0 ? FIRST_CAPACITY : 2 * hash->capacity};
    grown.keys = calloc(grown.capacity, sizeof grown.keys[0]);
    grown.values = malloc(grown.capacity * sizeof grown.values[0]);
    if (grown.keys == NULL || grown.values == NULL) {
        free(grown.keys);
        free(grown.values);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < hash->capacity; i++) {
        if (hash->keys[i] == 0)
            continue;
        const uint32_t at = place_of(&grown, hash->keys[i]);
        grown.keys[at] = hash->keys[i];
        grown.values[at] = hash->values[i];
    }
    free(hash->keys);
    free(hash->values);
    *hash = grown;
    return 0;
}

static int put(struct geo__hash *hash, uint64_t key, uint32_t value)
{
    if (2 * hash->count >= hash->capacity && grow(hash) != 0)
        return ERR_NOMEM;
    const uint32_t at = place_of(hash, key);
    hash->count += hash->keys[at] == 0;
    hash->keys[at] = key;
    hash->values[at] = value;
    return 0;
}

static bool get(const struct geo__hash *hash, uint64_t key, uint32_t *value)
{
    if (hash->capacity == 0)
        return false;
    const uint32_t at = place_of(hash, key);
    if (hash->keys[at] == 0)
        return false;
    *value = hash->values[at];
    return true;
}

static uint64_t content_hash(const struct geo_location *location)
{
    uint64_t hash = mix64((uint64_t)location->country_key << 32 | location->subdivision_key);
    hash =
        mix64(hash ^ ((uint64_t)location->continent_key << 33 |
                      (uint64_t)(uint16_t)location->latitude_cdeg << 17 |
                      (uint64_t)(uint16_t)location->longitude_cdeg << 1 | location->is_centroid));
    return hash == 0 ? 1 : hash;
}

static int append(struct geo__places *places, const struct geo_location *location)
{
    if (places->count == GEO__LOCATIONS_MAX)
        return ERR_LIMIT;
    if (places->count == places->capacity) {
        const uint32_t capacity = places->count == 0 ? FIRST_CAPACITY : 2 * places->count;
        struct geo_location *grown =
            realloc(places->locations, capacity * sizeof places->locations[0]);
        if (grown == NULL)
            return ERR_NOMEM;
        places->locations = grown;
        places->capacity = capacity;
    }
    places->locations[places->count++] = *location;
    return 0;
}

/* The index of an equal location, else of a new one. Two that hash alike are told apart by trying
 * the next hash. */
static int index_of(struct geo__places *places, const struct geo_location *location,
                    uint32_t *index)
{
    uint64_t hash = content_hash(location);
    while (get(&places->by_content, hash, index)) {
        if (memcmp(&places->locations[*index], location, sizeof *location) == 0)
            return 0;
        hash = hash == UINT64_MAX ? 1 : hash + 1;
    }
    int err = append(places, location);
    if (err != 0)
        return err;
    *index = places->count - 1;
    return put(&places->by_content, hash, *index);
}

bool geo__places_known(const struct geo__places *places, uint32_t offset, uint32_t *index)
{
    return get(&places->by_offset, (uint64_t)offset + 1, index);
}

int geo__places_add(struct geo__places *places, uint32_t offset,
                    const struct geo_location *location, uint32_t *index)
{
    uint32_t found = GEO_TABLE_NONE;
    int err = location == NULL ? 0 : index_of(places, location, &found);
    if (err == 0)
        err = put(&places->by_offset, (uint64_t)offset + 1, found);
    if (err == 0)
        *index = found;
    return err;
}

void geo__places_fini(struct geo__places *places)
{
    free(places->locations);
    free(places->by_content.keys);
    free(places->by_content.values);
    free(places->by_offset.keys);
    free(places->by_offset.values);
    *places = (struct geo__places){0};
}
