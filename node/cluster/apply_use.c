/* node/cluster/apply_use.c: do record sets use this collection, location or region? */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "zone/routing.h"

static bool uses_location(const struct apply__use *use, const struct zone_routing *routing)
{
    if (!use->locations)
        return true;
    for (size_t i = 0; i < use->location_count; i++) {
        if (strcmp(use->locations[i], routing->cidr_location) == 0)
            return true;
    }
    return false;
}

static int on_routed(void *user, uint64_t content, const struct state_record_set *set)
{
    struct apply__use *use = user;
    struct zone_routing routing;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);

    (void)content;
    if (rc != 0)
        return rc;
    if (use->collection_id) {
        if (strcmp(routing.cidr_collection_id, use->collection_id) != 0 ||
            !uses_location(use, &routing))
            return 0;
        use->found =
            arena_copy(use->apply->scratch, routing.cidr_location, strlen(routing.cidr_location));
    } else {
        if (strcmp(routing.region, use->region) != 0)
            return 0;
        use->found = use->region;
    }
    dns_name_format(set->name, use->name, sizeof(use->name));
    return use->found ? 1 : ERR_NOMEM;
}

int apply__find_use(struct apply *apply, struct apply__use *use)
{
    use->apply = apply;
    return state_list_routed(apply__kv(apply), 0, on_routed, use);
}
