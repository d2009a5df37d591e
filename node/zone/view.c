/* node/zone/view.c: the writer's side of view.h: networks, and which zones are linked where. */
#include "zone/view.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "geo/cidr.h"
#include "geo/view.h"
#include "zone/image.h"
#include "zone/publisher.h"

#include <stdlib.h>
#include <string.h>

void zone__views_free(struct zone_views *views)
{
    if (!views)
        return;
    geo_cidr_unref(views->networks);
    free(views);
}

static struct zone_views *views_copy(const struct zone_views *from, uint32_t count)
{
    struct zone_views *views = calloc(1, sizeof(*views) + count * sizeof(views->views[0]));

    if (!views)
        return NULL;
    views->count = count;
    if (!from)
        return views;
    ASSERT(from->count <= count);
    memcpy(views->views, from->views, from->count * sizeof(from->views[0]));
    views->networks = from->networks ? geo_cidr_ref(from->networks) : NULL;
    return views;
}

/* The views of the next generation, which nobody sees, with room for @count. ERR_NOMEM. */
static int own_views(struct zone_publisher *publisher, uint32_t count, struct zone_views **out)
{
    struct zone_views *old = publisher->next.views;
    struct zone_views *views;

    if (old && count < old->count)
        count = old->count;
    if (publisher->are_views_changed && old && old->count == count) {
        *out = old;
        return 0;
    }
    views = views_copy(old, count);
    if (!views)
        return ERR_NOMEM;
    if (publisher->are_views_changed)
        zone__views_free(old);
    else
        publisher->retired_views = old;
    publisher->are_views_changed = true;
    publisher->next.views = *out = views;
    return 0;
}

/* All networks as one collection. */
static int compile(const struct zone_view_network *networks, size_t count, struct geo_cidr **out)
{
    struct geo_cidr_collection *collection = NULL;
    struct geo_cidr_block *blocks = malloc((count + 1) * sizeof(*blocks));

    if (!blocks)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        blocks[i] = (struct geo_cidr_block){networks[i].prefix, networks[i].view + 1};
    int err = geo_cidr_collection_new(blocks, count, &collection);
    if (err == 0)
        err = geo_cidr_with(NULL, 0, collection, out);
    geo_cidr_collection_unref(collection);
    free(blocks);
    return err;
}

int zone_view_set_networks(struct zone_publisher *publisher,
                           const struct zone_view_network *networks, size_t count)
{
    struct zone_views *views;
    struct geo_cidr *compiled = NULL;
    uint32_t view_count = 0;
    int err = 0;

    for (size_t i = 0; i < count; i++) {
        if (networks[i].view >= ZONE_VIEWS_MAX)
            return ERR_LIMIT;
        if (networks[i].view >= view_count)
            view_count = networks[i].view + 1;
    }
    if (count == 0 && !publisher->next.views)
        return 0;
    if (count > 0)
        err = compile(networks, count, &compiled);
    if (err == 0)
        err = own_views(publisher, view_count, &views);
    if (err != 0) {
        geo_cidr_unref(compiled);
        return err;
    }
    geo_cidr_unref(views->networks);
    views->networks = compiled;
    return 0;
}

static struct zone_link *link_new(struct zone_publisher *publisher, const uint8_t *apex,
                                  const char *id)
{
    const size_t id_len = strlen(id), apex_len = dns_name_len(apex) - 1u;
    const size_t size = sizeof(struct zone_link) + 1 + id_len + apex_len;

    ASSERT(id_len > 0 && id_len <= ZONE_PRIVATE_ID_MAX);
    struct zone_link *link = zone__slab_alloc(&publisher->slab, size);
    if (!link)
        return NULL;
    link->item = (struct zone_trie_item){.size = (uint32_t)size,
                                         .name_len = (uint8_t)apex_len,
                                         .name_at = (uint8_t)(sizeof(*link) + 1 + id_len)};
    link->octets[0] = (uint8_t)id_len;
    memcpy(link->octets + 1, id, id_len);
    memcpy(link->octets + 1 + id_len, apex, apex_len);
    return link;
}

int zone_view_link(struct zone_publisher *publisher, uint32_t view, const uint8_t *apex,
                   const char *id)
{
    const struct zone_trie_edit edit = {&publisher->slab, &publisher->retired, publisher->owner};
    struct zone_views *views;
    struct zone_trie_node old;
    struct zone_key key;

    if (view >= ZONE_VIEWS_MAX)
        return ERR_LIMIT;
    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0 ||
        own_views(publisher, view + 1, &views) != 0)
        return ERR_NOMEM;
    struct zone_link *link = link_new(publisher, apex, id);
    if (!link)
        return ERR_NOMEM;
    zone__key_init(&key, apex, dns_name_len(apex) - 1u);
    int err =
        zone__trie_put(&edit, &views->views[view].links, &key, &link->item, ZONE_TRIE_ZONE, &old);
    if (err != 0) {
        zone__slab_free(&publisher->slab, link, link->item.size);
        return err;
    }
    const struct zone_link *replaced = old.ref;
    if (replaced)
        zone__edit_dispose(&edit, zone__leaf_owner(&old), old.ref, replaced->item.size);
    return 0;
}

static bool is_link_to(const struct zone_link *link, const char *id)
{
    return link->octets[0] == strlen(id) && memcmp(link->octets + 1, id, link->octets[0]) == 0;
}

int zone_view_unlink(struct zone_publisher *publisher, uint32_t view, const uint8_t *apex,
                     const char *id)
{
    const struct zone_trie_edit edit = {&publisher->slab, &publisher->retired, publisher->owner};
    struct zone_views *views = publisher->next.views;
    struct zone_trie_walk walk;
    struct zone_trie_node old;
    struct zone_key key;

    if (!views || view >= views->count)
        return ERR_NOT_FOUND;
    zone__key_init(&key, apex, dns_name_len(apex) - 1u);
    zone__trie_walk(&views->views[view].links, &key, 0, &walk);
    if (!walk.is_exact || !is_link_to(walk.leaf->ref, id))
        return ERR_NOT_FOUND;
    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0 ||
        own_views(publisher, 0, &views) != 0)
        return ERR_NOMEM;
    int err = zone__trie_remove(&edit, &views->views[view].links, &key, &old);
    if (err != 0)
        return err;
    const struct zone_link *removed = old.ref;
    zone__edit_dispose(&edit, zone__leaf_owner(&old), old.ref, removed->item.size);
    return 0;
}

int zone_view_clear(struct zone_publisher *publisher, uint32_t view)
{
    struct zone_views *views = publisher->next.views;

    if (!views || view >= views->count || !views->views[view].links.ref)
        return 0;
    if (own_views(publisher, 0, &views) != 0)
        return ERR_NOMEM;
    int err = zone__retire_trie(publisher, &views->views[view].links);
    if (err == 0)
        views->views[view].links = (struct zone_trie_node){0};
    return err;
}

bool zone_image_has_views(const struct zone_image *image)
{
    return image->views != NULL;
}

const struct zone_view *zone_view_find(const struct zone_image *image,
                                       const struct geo_address *client)
{
    const struct zone_views *views = image->views;
    unsigned scope_bits;

    if (!views || !views->networks)
        return NULL;
    const uint32_t number = geo_cidr_find(views->networks, 0, client, &scope_bits);
    if (number == 0 || number > views->count)
        return NULL;
    const struct zone_view *view = &views->views[number - 1];
    return view->links.ref ? view : NULL;
}

bool zone_is_private(const struct zone *zone)
{
    return zone->apex_at != 0;
}

void zone_private_id(const struct zone *zone, char out[ZONE_PRIVATE_ID_SIZE])
{
    const size_t len = zone->apex_at != 0 ? zone->octets[0] : 0;

    memcpy(out, zone->octets + 1, len);
    out[len] = '\0';
}
