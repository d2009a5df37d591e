/* node/geo/region.h: regions by number: Route 53's own (numbers fixed for ever, 1 to 127, in the
 * order of this room's table) and the operator's (128 to 255, given out by the replicated state),
 * each with coordinates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_REGION_NONE 0u
#define GEO_REGION_OWN_FIRST 128u
#define GEO_REGIONS_MAX 256u /* numbers are below */
#define GEO_REGION_NAME_SIZE 65u

struct geo_region {
    char name[GEO_REGION_NAME_SIZE];
    int16_t latitude_cdeg, longitude_cdeg;
};
struct geo_regions; /* immutable, reference-counted */

/* Number of one of Route 53's regions; GEO_REGION_NONE: not one. Static data. */
unsigned geo_region_builtin(const char *name);
const struct geo_region *geo_region_builtin_at(unsigned number); /* NULL: no such number */

/* All built-in ones and @own (by number; an entry with an empty name is
 * none; NULL: none at all). ERR_NOMEM. */
int geo_regions_new(const struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST],
                    struct geo_regions **out);
struct geo_regions *geo_regions_ref(struct geo_regions *regions);
void geo_regions_unref(struct geo_regions *regions); /* accepts NULL */
/* NULL: no such region. */
const struct geo_region *geo_regions_get(const struct geo_regions *regions, unsigned number);
unsigned geo_regions_find(const struct geo_regions *regions, const char *name);
