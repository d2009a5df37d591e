/* node/cluster/apply_use.c: do record sets use this collection, location or region? They are
 * counted (store/state_use.h), so there are any number of them. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "store/state_use.h"
#include "store/state_zone.h"
#include "zone/routing.h"

#define LOOKED_MAX 1000u /* sets of the content, to name one of them */

struct look {
    const struct state_use *use;
    struct apply__use *found;
    uint64_t content; /* with a set that uses it */
    unsigned count;
};

static int on_use(void *user, uint64_t content, uint64_t count)
{
    struct look *look = user;

    (void)count;
    look->content = content;
    return 1;
}

static bool is_user(const struct state_use *use, const struct zone_routing *routing)
{
    if (use->kind == STATE_USE_REGION)
        return strcmp(routing->region, use->id) == 0;
    return strcmp(routing->cidr_collection_id, use->id) == 0 &&
           (!use->location || strcmp(routing->cidr_location, use->location) == 0);
}

/* Name the set; if it is not among the first, then the zone. */
static int on_routed(void *user, uint64_t content, const struct state_record_set *set)
{
    struct look *look = user;
    struct zone_routing routing;
    struct state_zone zone;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);

    if (rc != 0)
        return rc;
    if (is_user(look->use, &routing)) {
        dns_name_format(set->name, look->found->name, sizeof(look->found->name));
        return 1;
    }
    if (++look->count < LOOKED_MAX)
        return 0;
    rc = state_get_zone_of_content(apply__kv(look->found->apply), content, set->name, &zone);
    dns_name_format(rc == 0 ? zone.name : set->name, look->found->name, sizeof(look->found->name));
    return rc == 0 || rc == ERR_NOT_FOUND ? 1 : rc;
}

static int find(struct apply__use *found, const struct state_use *use, const char *text)
{
    struct look look = {.use = use, .found = found};
    const struct kv *kv = apply__kv(found->apply);
    int rc = state_list_uses(kv, use, on_use, &look);

    if (rc != 0 || look.content == 0)
        return rc;
    found->found = text;
    return state_list_routed(kv, look.content, on_routed, &look);
}

int apply__find_use(struct apply *apply, struct apply__use *use)
{
    struct state_use wanted = {.kind = use->collection_id ? STATE_USE_CIDR : STATE_USE_REGION};
    int rc = 0;

    use->apply = apply;
    wanted.id = use->collection_id ? use->collection_id : use->region;
    if (!use->locations)
        return find(use, &wanted, wanted.id);
    for (size_t i = 0; i < use->location_count && rc == 0 && !use->found; i++) {
        wanted.location = use->locations[i];
        rc = find(use, &wanted, wanted.location);
    }
    return rc;
}
