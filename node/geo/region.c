/* node/geo/region.c: Route 53's regions with the coordinates of their cities. */
#include "geo/region.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

/* A region's number is its place here, from 1, and is stored in rules: only ever append. */
static const struct geo_region BUILTIN[] = {
    {"us-east-1", 3904, -7749},       /* Ashburn */
    {"us-east-2", 3996, -8300},       /* Columbus */
    {"us-west-1", 3734, -12189},      /* San Jose */
    {"us-west-2", 4584, -11970},      /* Boardman */
    {"ca-central-1", 4550, -7357},    /* Montreal */
    {"eu-west-1", 5335, -626},        /* Dublin */
    {"eu-west-2", 5151, -13},         /* London */
    {"eu-west-3", 4886, 235},         /* Paris */
    {"eu-central-1", 5011, 868},      /* Frankfurt */
    {"eu-central-2", 4738, 854},      /* Zurich */
    {"ap-southeast-1", 135, 10382},   /* Singapore */
    {"ap-southeast-2", -3387, 15121}, /* Sydney */
    {"ap-southeast-3", -621, 10685},  /* Jakarta */
    {"ap-northeast-1", 3568, 13969},  /* Tokyo */
    {"ap-northeast-2", 3757, 12698},  /* Seoul */
    {"ap-northeast-3", 3469, 13550},  /* Osaka */
    {"eu-north-1", 5933, 1807},       /* Stockholm */
    {"sa-east-1", -2355, -4663},      /* São Paulo */
    {"cn-north-1", 3990, 11641},      /* Beijing */
    {"cn-northwest-1", 3751, 10519},  /* Zhongwei */
    {"ap-east-1", 2232, 11417},       /* Hong Kong */
    {"me-south-1", 2623, 5059},       /* Manama */
    {"me-central-1", 2520, 5527},     /* Dubai */
    {"ap-south-1", 1908, 7288},       /* Mumbai */
    {"ap-south-2", 1739, 7849},       /* Hyderabad */
    {"af-south-1", -3392, 1842},      /* Cape Town */
    {"eu-south-1", 4546, 919},        /* Milan */
    {"eu-south-2", 4165, -89},        /* Zaragoza */
    {"ap-southeast-4", -3781, 14496}, /* Melbourne */
    {"il-central-1", 3209, 3478},     /* Tel Aviv */
    {"ca-west-1", 5104, -11407},      /* Calgary */
    {"ap-southeast-5", 314, 10169},   /* Kuala Lumpur */
    {"mx-central-1", 2059, -10039},   /* Querétaro */
    {"ap-southeast-7", 1376, 10050},  /* Bangkok */
    {"us-gov-east-1", 3996, -8300},   /* Columbus */
    {"us-gov-west-1", 4584, -11970},  /* Boardman */
    {"ap-east-2", 2503, 12157},       /* Taipei */
    {"ap-southeast-6", -3685, 17476}, /* Auckland */
    {"eusc-de-east-1", 5241, 1253},   /* Brandenburg */
};
#define BUILTIN_COUNT (sizeof BUILTIN / sizeof BUILTIN[0])
_Static_assert(BUILTIN_COUNT < GEO_REGION_OWN_FIRST, "numbers from 128 are the operator's");

struct geo_regions {
    uint32_t references;
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST];
};

unsigned geo_region_builtin(const char *name)
{
    for (unsigned i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(name, BUILTIN[i].name) == 0)
            return i + 1;
    return GEO_REGION_NONE;
}

const struct geo_region *geo_region_builtin_at(unsigned number)
{
    return number >= 1 && number <= BUILTIN_COUNT ? &BUILTIN[number - 1] : NULL;
}

int geo_regions_new(const struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST],
                    struct geo_regions **out)
{
    struct geo_regions *regions = calloc(1, sizeof *regions);
    if (regions == NULL)
        return ERR_NOMEM;
    regions->references = 1;
    if (own != NULL)
        memcpy(regions->own, own, sizeof regions->own);
    *out = regions;
    return 0;
}

struct geo_regions *geo_regions_ref(struct geo_regions *regions)
{
    const uint32_t before = __atomic_fetch_add(&regions->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return regions;
}

void geo_regions_unref(struct geo_regions *regions)
{
    if (regions != NULL && __atomic_sub_fetch(&regions->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(regions);
}

const struct geo_region *geo_regions_get(const struct geo_regions *regions, unsigned number)
{
    if (number < GEO_REGION_OWN_FIRST || number >= GEO_REGIONS_MAX)
        return geo_region_builtin_at(number);
    const struct geo_region *region = &regions->own[number - GEO_REGION_OWN_FIRST];
    return region->name[0] != '\0' ? region : NULL;
}

unsigned geo_regions_find(const struct geo_regions *regions, const char *name)
{
    const unsigned number = geo_region_builtin(name);
    if (number != GEO_REGION_NONE || name[0] == '\0')
        return number;
    for (unsigned i = 0; i < GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST; i++)
        if (strcmp(name, regions->own[i].name) == 0)
            return GEO_REGION_OWN_FIRST + i;
    return GEO_REGION_NONE;
}
