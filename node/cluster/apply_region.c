/* node/cluster/apply_region.c: the operator's regions. Numbers are one octet, so they are given out
 * in a circle, the one that was free for the longest first: a region that record sets use cannot be
 * deleted, and what is compiled by number is compiled anew when regions change. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "geo/region.h"
#include "proto/command.pb-c.h"

#define LATITUDE_MAX_CDEG 9000
#define LONGITUDE_MAX_CDEG 18000

_Static_assert(STATE_OWN_REGION_FIRST == GEO_REGION_OWN_FIRST, "the same numbers");
_Static_assert(STATE_OWN_REGION_LAST == GEO_REGIONS_MAX - 1, "the same numbers");

static int check_name(struct apply *apply, const char *name)
{
    size_t len = strlen(name);
    bool is_good = len >= 1 && len < STATE_SETTING_NAME_SIZE;

    for (size_t i = 0; is_good && i < len; i++)
        is_good = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                  name[i] == '-';
    if (is_good)
        return 0;
    return apply__refuse(apply, ERR_INVALID, "a region's name is 1 to %u of a-z, 0-9, '-'",
                         STATE_SETTING_NAME_SIZE - 1);
}

struct numbers {
    bool is_taken[GEO_REGIONS_MAX];
};

static int on_region(void *user, const struct state_region *region)
{
    struct numbers *numbers = user;

    numbers->is_taken[region->number] = true;
    return 0;
}

static int next_number(struct apply *apply, uint8_t *out)
{
    struct numbers numbers = {0};
    uint32_t last = apply->counters.region_number;
    int rc = state_list_regions(apply__kv(apply), on_region, &numbers);

    if (rc != 0)
        return rc;
    for (uint32_t i = STATE_OWN_REGION_FIRST; i <= STATE_OWN_REGION_LAST; i++) {
        last = last < STATE_OWN_REGION_FIRST || last >= STATE_OWN_REGION_LAST
                   ? STATE_OWN_REGION_FIRST
                   : last + 1;
        if (!numbers.is_taken[last]) {
            apply->counters.region_number = last;
            apply->has_new_counters = true;
            *out = (uint8_t)last;
            return 0;
        }
    }
    return apply__refuse(apply, ERR_LIMIT, "there are %u regions of your own: delete some",
                         STATE_OWN_REGION_LAST - STATE_OWN_REGION_FIRST + 1);
}

int apply__put_region(struct apply *apply, const struct Cmd__PutRegion *command)
{
    struct state_region region = {0};
    int rc = check_name(apply, command->name);

    if (rc == 0 && geo_region_builtin(command->name) != GEO_REGION_NONE)
        rc = apply__refuse(apply, ERR_EXISTS, "%s is one of Route 53's regions", command->name);
    if (rc == 0 && (command->latitude_cdeg < -LATITUDE_MAX_CDEG ||
                    command->latitude_cdeg > LATITUDE_MAX_CDEG ||
                    command->longitude_cdeg < -LONGITUDE_MAX_CDEG ||
                    command->longitude_cdeg > LONGITUDE_MAX_CDEG))
        rc = apply__refuse(apply, ERR_INVALID,
                           "coordinates are -90 to 90 degrees of latitude, -180 to 180 of "
                           "longitude");
    if (rc != 0)
        return rc;
    rc = state_get_region(apply__kv(apply), command->name, &region);
    if (rc == ERR_NOT_FOUND)
        rc = next_number(apply, &region.number);
    if (rc != 0)
        return rc;
    memcpy(region.name, command->name, strlen(command->name) + 1);
    region.latitude_cdeg = (int16_t)command->latitude_cdeg;
    region.longitude_cdeg = (int16_t)command->longitude_cdeg;
    state_put_region(apply->overlay, &region);
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_REGIONS_CHANGED});
}

int apply__delete_region(struct apply *apply, const struct Cmd__DeleteRegion *command)
{
    struct apply__use use = {.region = command->name};
    struct state_region region;
    int rc = state_get_region(apply__kv(apply), command->name, &region);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "you have no region %.64s", command->name);
    if (rc == 0)
        rc = apply__find_use(apply, &use);
    if (rc == 0 && use.found)
        rc = apply__refuse(apply, ERR_CONFLICT,
                           "region %s is used by record sets of %.100s: change them first",
                           region.name, use.name);
    if (rc != 0)
        return rc;
    state_delete_region(apply->overlay, region.name);
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_REGIONS_CHANGED});
}
