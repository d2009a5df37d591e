/* The part of publish.h about views: which networks they have and which private zones they see. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/publish_internal.h"
#include "store/state_vpc.h"
#include "zone/view.h"

_Static_assert(STATE_VIEWS_MAX <= ZONE_VIEWS_MAX, "a view's slot is its number in the image");
_Static_assert(STATE_ID_SIZE <= ZONE_PRIVATE_ID_SIZE, "a zone's id is its label in the image");

struct loading {
    struct publish *publish;
    const struct kv *kv;
    uint32_t slot;
    struct zone_view_network *networks;
    size_t network_count;
    bool with_zones;
};

static void add_network(struct loading *loading, const struct state_view *view,
                        const struct state_network *from)
{
    struct zone_view_network *network = &loading->networks[loading->network_count++];

    *network = (struct zone_view_network){.view = view->slot};
    network->prefix.len = from->octets[0];
    network->prefix.is_ipv6 = from->len > 5;
    memcpy(network->prefix.octets, from->octets + 1, from->len - 1u);
}

static int link_zone(void *user, const char *zone_id)
{
    const struct loading *loading = user;
    struct state_zone zone;
    int rc = state_get_zone(loading->kv, zone_id, &zone);

    if (rc != 0)
        return rc;
    return zone_view_link(loading->publish->image, loading->slot, zone.name, zone.id);
}

static int link_zones(struct loading *loading, const char *vpc_id, uint32_t slot)
{
    loading->slot = slot;
    return state_list_vpc_zones(loading->kv, vpc_id, "", link_zone, loading);
}

static int add_view(void *user, const struct state_view *view)
{
    struct loading *loading = user;

    if (view->network_count > STATE_NETWORKS_MAX - loading->network_count)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < view->network_count; i++)
        add_network(loading, view, &view->networks[i]);
    return loading->with_zones ? link_zones(loading, view->vpc_id, view->slot) : 0;
}

static int load(struct loading *loading)
{
    loading->networks = malloc(STATE_NETWORKS_MAX * sizeof(*loading->networks));
    if (!loading->networks)
        return ERR_NOMEM;
    int rc = state_list_views(loading->kv, add_view, loading);
    if (rc == 0)
        rc = zone_view_set_networks(loading->publish->image, loading->networks,
                                    loading->network_count);
    free(loading->networks);
    return rc;
}

int publish__view_effect(struct publish *publish, const struct kv *kv,
                         const struct apply_effect *effect)
{
    struct loading loading = {.publish = publish, .kv = kv};
    int rc;

    switch (effect->kind) {
    case APPLY_ZONE_LINKED:
        return zone_view_link(publish->image, effect->slot, effect->name, effect->zone_id);
    case APPLY_ZONE_UNLINKED:
        rc = zone_view_unlink(publish->image, effect->slot, effect->name, effect->zone_id);
        return rc == ERR_NOT_FOUND ? 0 : rc;
    case APPLY_VIEW_ADDED:
        rc = load(&loading);
        return rc != 0 ? rc : link_zones(&loading, effect->setting, effect->slot);
    default: return load(&loading);
    }
}

int publish__load_views(struct publish *publish, const struct kv *kv)
{
    struct loading loading = {.publish = publish, .kv = kv, .with_zones = true};
    int rc = 0;

    for (uint32_t slot = 0; slot < STATE_VIEWS_MAX && rc == 0; slot++)
        rc = zone_view_clear(publish->image, slot);
    return rc != 0 ? rc : load(&loading);
}
