/* node/geo/places_found.h: the different locations of a database while it is read, and which of
 * them each record stands for. Internal to the room. */
#pragma once

#include "geo/location.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO__LOCATIONS_MAX (1u << 25)

struct geo__hash { /* from a key that is not 0 to a value */
    uint64_t *keys;
    uint32_t *values;
    uint32_t count, capacity; /* capacity: a power of two, or 0 */
};

struct geo__places {                /* starts as {0} */
    struct geo_location *locations; /* all different */
    uint32_t count, capacity;
    struct geo__hash by_content; /* hash of the content → index */
    struct geo__hash by_offset;  /* offset of a record + 1 → index, or GEO_TABLE_NONE */
};

void geo__places_fini(struct geo__places *places);
/* The index that record @offset stands for; false: it was not read before. */
bool geo__places_known(const struct geo__places *places, uint32_t offset, uint32_t *index);
/* Record @offset stands for @location (padding 0; NULL: for none). ERR_LIMIT, ERR_NOMEM. */
int geo__places_add(struct geo__places *places, uint32_t offset,
                    const struct geo_location *location, uint32_t *index);
