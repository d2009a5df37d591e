/* zone/change.c: the writer's side of image.h: what changes in the next generation. */
#include "zone/image.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/view.h"
#include "zone/group_build.h"
#include "zone/node.h"
#include "zone/publisher.h"
#include "zone/record_set.h"
#include "zone/view.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct zone_trie_edit edit_of(struct zone_publisher *publisher, uint64_t owner)
{
    return (struct zone_trie_edit){&publisher->slab, &publisher->retired, owner};
}

/* Where a zone is, or would be: the trie of the public ones or that of the private ones. */
struct site {
    struct zone_trie_node *root;
    struct zone_key key;
    uint8_t label[1 + ZONE_PRIVATE_ID_MAX]; /* what the key of a private zone points to */
};

static void site_of_apex(struct zone_publisher *publisher, const uint8_t *apex, struct site *site)
{
    site->root = &publisher->next.zones;
    zone__key_init(&site->key, apex, dns_name_len(apex) - 1);
}

static void site_of_id(struct zone_publisher *publisher, const char *id, struct site *site)
{
    const size_t len = strlen(id);

    ASSERT(len > 0 && len <= ZONE_PRIVATE_ID_MAX);
    site->root = &publisher->next.privates;
    site->label[0] = (uint8_t)len;
    memcpy(site->label + 1, id, len);
    zone__key_init(&site->key, site->label, (unsigned)len + 1);
}

/* Of a zone itself. */
static void site_of_zone(struct zone_publisher *publisher, const struct zone *zone,
                         struct site *site)
{
    site->root = zone->apex_at != 0 ? &publisher->next.privates : &publisher->next.zones;
    zone__key_init(&site->key, zone__item_name(&zone->item), zone->item.name_len);
}

/* Octets of @name left of @apex, or -1 when it is not within. */
static int relative_len(const uint8_t *name, const uint8_t *apex)
{
    return dns_name_is_within(name, apex) ? (int)(dns_name_len(name) - dns_name_len(apex)) : -1;
}

/* The least of the SOA's TTL and its last field (RFC 2308 5). */
static uint32_t negative_ttl_s(const struct zone_wire_set *soa)
{
    const uint8_t *ttl = soa->wire + 6;
    const uint8_t *minimum = soa->wire + soa->wire_len - 4;
    uint32_t a = (uint32_t)ttl[0] << 24 | (uint32_t)ttl[1] << 16 | (uint32_t)ttl[2] << 8 | ttl[3];
    uint32_t b = (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
                 (uint32_t)minimum[2] << 8 | minimum[3];
    return a < b ? a : b;
}

/* The node of the apex changed. */
static void note_apex(struct zone *zone, const struct zone_node *node)
{
    zone->soa = node ? zone__node_find(node, DNS_TYPE_SOA) : NULL;
    zone->negative_ttl_s = zone->soa ? negative_ttl_s(zone->soa) : 0;
}

/* @id NULL: a public zone. */
static struct zone *zone_new(struct zone_publisher *publisher, const uint8_t *apex, const char *id)
{
    const size_t apex_len = dns_name_len(apex), label_len = id ? 1 + strlen(id) : 0;
    const size_t size = offsetof(struct zone, octets) + label_len + apex_len;
    struct zone *zone = zone__slab_alloc(&publisher->slab, size);

    if (!zone)
        return NULL;
    *zone = (struct zone){
        .item = {.size = (uint32_t)size,
                 .name_len = (uint8_t)(id ? label_len : apex_len - 1),
                 .name_at = offsetof(struct zone, octets)},
        .apex_at = (uint8_t)label_len,
    };
    if (id) {
        zone->octets[0] = (uint8_t)(label_len - 1);
        memcpy(zone->octets + 1, id, label_len - 1);
    }
    memcpy(zone->octets + label_len, apex, apex_len);
    return zone;
}

/* The leaf of a served zone, or NULL. */
static const struct zone_trie_node *find_zone(const struct site *site)
{
    struct zone_trie_walk walk;

    zone__trie_walk(site->root, &site->key, 0, &walk);
    return walk.is_exact ? walk.leaf : NULL;
}

/* A served zone, made private to the change. ERR_NOT_FOUND, ERR_NOMEM. */
static int own_zone(struct zone_publisher *publisher, const struct site *site, struct zone **out)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone_trie_node old;

    const struct zone_trie_node *leaf = find_zone(site);
    if (!leaf)
        return ERR_NOT_FOUND;
    if (zone__leaf_owner(leaf) == publisher->owner) {
        *out = leaf->ref;
        return 0;
    }
    const struct zone *shared = leaf->ref;
    struct zone *copy = zone__slab_alloc(&publisher->slab, shared->item.size);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, shared, shared->item.size);
    int err = zone__trie_put(&edit, site->root, &site->key, &copy->item, ZONE_TRIE_ZONE, &old);
    if (err != 0) {
        zone__slab_free(&publisher->slab, copy, copy->item.size);
        return err;
    }
    zone__edit_dispose(&edit, zone__leaf_owner(&old), old.ref, copy->item.size);
    *out = copy;
    return 0;
}

static struct zone_trie_node find_node(const struct zone_trie_node *names,
                                       const struct zone_key *key)
{
    struct zone_trie_walk walk;

    zone__trie_walk(names, key, 0, &walk);
    return walk.is_exact ? *walk.leaf : (struct zone_trie_node){0};
}

static void dispose_item(const struct zone_trie_edit *edit, const struct zone_trie_node *leaf)
{
    struct zone_trie_item *item = leaf->ref;
    if (item)
        zone__edit_dispose(edit, zone__leaf_owner(leaf), item, item->size);
}

/* Put a node in place of whatever has its name; on error it is freed. Returns 1 when the name is
 * new, 0, or ERR_NOMEM. */
static int put_node(const struct zone_trie_edit *edit, struct zone_trie_node *names,
                    const struct zone_key *key, struct zone_node *node)
{
    struct zone_trie_node old;
    int err = zone__trie_put(edit, names, key, &node->item, zone__node_flags(node), &old);

    if (err != 0) {
        zone__node_free(edit->slab, node);
        return err;
    }
    dispose_item(edit, &old);
    return old.ref == NULL;
}

/* Put a set at its name, whose node is then *@out. Returns as put_node, or ERR_INVALID, ERR_LIMIT.
 */
static int put_set(const struct zone_trie_edit *edit, struct zone_trie_node *names,
                   unsigned name_len, const struct zone_record_set *set, struct zone_node **out)
{
    struct zone_key key;

    zone__key_init(&key, set->name, name_len);
    struct zone_trie_node leaf = find_node(names, &key);
    int err = zone__node_with(edit->slab, leaf.ref, name_len, set, out);
    return err != 0 ? err : put_node(edit, names, &key, *out);
}

/* Take a set out. Returns 1 when the name is gone with it, 0 with the name's node in *@out,
 * ERR_NOT_FOUND or ERR_NOMEM. */
static int remove_set(const struct zone_trie_edit *edit, struct zone_trie_node *names,
                      const struct zone_key *key, const struct zone_set_id *id,
                      struct zone_node **out)
{
    struct zone_trie_node leaf = find_node(names, key);

    if (!leaf.ref)
        return ERR_NOT_FOUND;
    int err = zone__node_without(edit->slab, leaf.ref, id, out);
    if (err != 0)
        return err;
    if (*out)
        return put_node(edit, names, key, *out);
    err = zone__trie_remove(edit, names, key, &leaf);
    if (err != 0)
        return err;
    dispose_item(edit, &leaf);
    return 1;
}

static int zone_put_set(const struct zone_trie_edit *edit, struct zone *zone, unsigned name_len,
                        const struct zone_record_set *set)
{
    struct zone_node *node;
    int rc = put_set(edit, &zone->names, name_len, set, &node);

    if (rc < 0)
        return rc;
    if (name_len == 0)
        note_apex(zone, node);
    zone->name_count += (uint32_t)rc;
    return 0;
}

static int zone_remove_set(const struct zone_trie_edit *edit, struct zone *zone,
                           const struct zone_key *key, const struct zone_set_id *id)
{
    struct zone_node *node;
    int rc = remove_set(edit, &zone->names, key, id, &node);

    if (rc < 0)
        return rc;
    if (key->symbol_count == 0)
        note_apex(zone, node);
    zone->name_count -= (uint32_t)rc;
    return 0;
}

static int change_put(struct zone_publisher *publisher, const struct site *site,
                      const struct zone_record_set *set)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone *zone;

    if (zone__retired_reserve(&publisher->retired, 2 * ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    int err = own_zone(publisher, site, &zone);
    if (err != 0)
        return err;
    int name_len = relative_len(set->name, zone__apex(zone));
    if (name_len < 0)
        return ERR_INVALID;
    uint32_t name_count = zone->name_count;
    err = zone_put_set(&edit, zone, (unsigned)name_len, set);
    publisher->next.name_count += zone->name_count - name_count;
    return err;
}

int zone_change_put(struct zone_publisher *publisher, const uint8_t *apex,
                    const struct zone_record_set *set)
{
    struct site site;

    if (relative_len(set->name, apex) < 0)
        return ERR_INVALID;
    site_of_apex(publisher, apex, &site);
    return change_put(publisher, &site, set);
}

int zone_private_put(struct zone_publisher *publisher, const char *id,
                     const struct zone_record_set *set)
{
    struct site site;

    site_of_id(publisher, id, &site);
    return change_put(publisher, &site, set);
}

static int change_remove(struct zone_publisher *publisher, const struct site *site,
                         const uint8_t *name, const struct zone_set_id *id)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone_key key;
    struct zone *zone;

    if (zone__retired_reserve(&publisher->retired, 2 * ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    int err = own_zone(publisher, site, &zone);
    if (err != 0)
        return err;
    int name_len = relative_len(name, zone__apex(zone));
    if (name_len < 0)
        return ERR_NOT_FOUND;
    zone__key_init(&key, name, (unsigned)name_len);
    uint32_t name_count = zone->name_count;
    err = zone_remove_set(&edit, zone, &key, id);
    publisher->next.name_count -= name_count - zone->name_count;
    return err;
}

int zone_change_remove(struct zone_publisher *publisher, const uint8_t *apex, const uint8_t *name,
                       uint16_t type, const char *identifier, size_t identifier_len)
{
    const struct zone_set_id id = {type, identifier, identifier_len};
    struct site site;

    if (relative_len(name, apex) < 0)
        return ERR_NOT_FOUND;
    site_of_apex(publisher, apex, &site);
    return change_remove(publisher, &site, name, &id);
}

int zone_private_remove(struct zone_publisher *publisher, const char *id, const uint8_t *name,
                        uint16_t type, const char *identifier, size_t identifier_len)
{
    const struct zone_set_id set_id = {type, identifier, identifier_len};
    struct site site;

    site_of_id(publisher, id, &site);
    return change_remove(publisher, &site, name, &set_id);
}

int zone_change_log(struct zone_publisher *publisher, const uint8_t *apex, uint16_t slot)
{
    struct site site;
    struct zone *zone;

    site_of_apex(publisher, apex, &site);
    if (zone__retired_reserve(&publisher->retired, 2 * ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    int err = own_zone(publisher, &site, &zone);
    if (err == 0)
        zone->slots.log = slot;
    return err;
}

void zone_content_log(struct zone_content *content, uint16_t slot)
{
    content->zone->slots.log = slot;
}

void zone_content_count(struct zone_content *content, uint16_t slot)
{
    ASSERT(slot < ZONE_COUNT_SLOTS);
    content->zone->slots.count = slot;
}

/* The leaf of a whole zone went out of the next generation. */
static void retire_zone(struct zone_publisher *publisher, const struct zone_trie_node *leaf)
{
    struct zone *zone = leaf->ref;

    zone->next_dead = publisher->retired_zones;
    publisher->retired_zones = zone;
    publisher->next.name_count -= zone->name_count;
}

int zone__retire_trie(struct zone_publisher *publisher, const struct zone_trie_node *root)
{
    static const uint8_t root_name[1] = {0};
    struct zone *shell = zone_new(publisher, root_name, NULL);

    if (!shell)
        return ERR_NOMEM;
    shell->names = *root;
    shell->next_dead = publisher->retired_zones;
    publisher->retired_zones = shell;
    return 0;
}

int zone_change_serve(struct zone_publisher *publisher, struct zone_content *content_take)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone *zone = content_take->zone;
    struct zone_trie_node old;
    struct site site;

    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    site_of_zone(publisher, zone, &site);
    int err = zone__trie_put(&edit, site.root, &site.key, &zone->item, ZONE_TRIE_ZONE, &old);
    if (err != 0)
        return err;
    if (old.ref)
        retire_zone(publisher, &old);
    else
        publisher->next.zone_count++;
    publisher->next.name_count += zone->name_count;
    free(content_take);
    return 0;
}

static int drop(struct zone_publisher *publisher, const struct site *site)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone_trie_node old;

    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    int err = zone__trie_remove(&edit, site->root, &site->key, &old);
    if (err != 0)
        return err;
    retire_zone(publisher, &old);
    publisher->next.zone_count--;
    return 0;
}

int zone_change_drop(struct zone_publisher *publisher, const uint8_t *apex)
{
    struct site site;

    site_of_apex(publisher, apex, &site);
    return drop(publisher, &site);
}

int zone_private_drop(struct zone_publisher *publisher, const char *id)
{
    struct site site;

    site_of_id(publisher, id, &site);
    return drop(publisher, &site);
}

static int content_new(struct zone_publisher *publisher, const uint8_t *apex, const char *id,
                       struct zone_content **out)
{
    struct zone_content *content = malloc(sizeof(*content));

    if (!content)
        return ERR_NOMEM;
    content->zone = zone_new(publisher, apex, id);
    if (!content->zone) {
        free(content);
        return ERR_NOMEM;
    }
    content->owner = ++publisher->owner_last;
    *out = content;
    return 0;
}

int zone_content_new(struct zone_publisher *publisher, const uint8_t *apex,
                     struct zone_content **out)
{
    return content_new(publisher, apex, NULL, out);
}

int zone_private_content_new(struct zone_publisher *publisher, const uint8_t *apex, const char *id,
                             struct zone_content **out)
{
    ASSERT(id[0] != '\0' && strlen(id) <= ZONE_PRIVATE_ID_MAX);
    return content_new(publisher, apex, id, out);
}

int zone_content_put(struct zone_publisher *publisher, struct zone_content *content,
                     const struct zone_record_set *set)
{
    const struct zone_trie_edit edit = edit_of(publisher, content->owner);
    int name_len = relative_len(set->name, zone__apex(content->zone));

    if (name_len < 0)
        return ERR_INVALID;
    return zone_put_set(&edit, content->zone, (unsigned)name_len, set);
}

int zone_content_remove(struct zone_publisher *publisher, struct zone_content *content,
                        const struct zone_record_set *set)
{
    const struct zone_trie_edit edit = edit_of(publisher, content->owner);
    const struct zone_set_id id = {set->type, set->set_identifier, set->set_identifier_len};
    int name_len = relative_len(set->name, zone__apex(content->zone));
    struct zone_key key;

    if (name_len < 0)
        return ERR_NOT_FOUND;
    zone__key_init(&key, set->name, (unsigned)name_len);
    return zone_remove_set(&edit, content->zone, &key, &id);
}

int zone_content_put_name(struct zone_publisher *publisher, struct zone_content *content,
                          const struct zone_record_set *sets, size_t count)
{
    const struct zone_trie_edit edit = edit_of(publisher, content->owner);
    int name_len = relative_len(sets->name, zone__apex(content->zone));
    struct zone_node *node;
    struct zone_key key;

    if (name_len < 0)
        return ERR_INVALID;
    zone__key_init(&key, sets->name, (unsigned)name_len);
    if (find_node(&content->zone->names, &key).ref)
        return ERR_EXISTS;
    int rc = zone__node_of(edit.slab, (unsigned)name_len, sets, count, &node);
    if (rc == 0)
        rc = put_node(&edit, &content->zone->names, &key, node);
    if (rc < 0)
        return rc;
    if (name_len == 0)
        note_apex(content->zone, node);
    content->zone->name_count += (uint32_t)rc;
    return 0;
}

void zone_content_drop(struct zone_publisher *publisher, struct zone_content *content)
{
    if (!content)
        return;
    content->zone->next_dead = publisher->dead_zones;
    publisher->dead_zones = content->zone;
    free(content);
}

void zone_change_geo(struct zone_publisher *publisher, struct geo_view *view_take)
{
    struct zone_image *next = &publisher->next;

    if (publisher->is_geo_changed)
        geo_view_unref(next->geo); /* nobody has seen it */
    else
        publisher->retired_geo = next->geo;
    publisher->is_geo_changed = true;
    next->geo = view_take;
}

struct policy_health *zone_publisher_health(struct zone_publisher *publisher)
{
    return publisher->health;
}

int zone_change_external_put(struct zone_publisher *publisher, const struct zone_record_set *set)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    struct zone_node *node;

    if (zone__set_is_grouped(set))
        return ERR_INVALID;
    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    int rc = put_set(&edit, &publisher->next.externals, dns_name_len(set->name) - 1, set, &node);
    return rc < 0 ? rc : 0;
}

int zone_change_external_remove(struct zone_publisher *publisher, const uint8_t *name,
                                uint16_t type)
{
    const struct zone_trie_edit edit = edit_of(publisher, publisher->owner);
    const struct zone_set_id id = {.type = type};
    struct zone_node *node;
    struct zone_key key;

    if (zone__retired_reserve(&publisher->retired, ZONE_TRIE_RETIRED_MAX) != 0)
        return ERR_NOMEM;
    zone__key_init(&key, name, dns_name_len(name) - 1);
    int rc = remove_set(&edit, &publisher->next.externals, &key, &id, &node);
    return rc < 0 ? rc : 0;
}
