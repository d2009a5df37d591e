#include "zone/node.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/type.h"
#include "zone/group_build.h"
#include "zone/record_set.h"
#include "zone/wire.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct zone_wire_set) == 6, "sets follow one another on even offsets");

static size_t sets_offset(unsigned name_len)
{
    return zone__round_even(offsetof(struct zone_node, octets) + name_len);
}

static const struct zone_wire_set *first_set(const struct zone_node *node)
{
    return (const void *)((const uint8_t *)node + sets_offset(node->item.name_len));
}

/* Octets of the sets with a type below @type; *@count of them. */
static size_t measure_below(const struct zone_node *node, uint32_t type, uint16_t *count)
{
    const uint8_t *at = (const uint8_t *)first_set(node);
    size_t len = 0;

    *count = 0;
    while (*count < node->item.set_count) {
        const struct zone_wire_set *set = (const void *)(at + len);
        if (set->type >= type)
            break;
        len += zone__wire_size(set);
        (*count)++;
    }
    return len;
}

const struct zone_wire_set *zone_node_next_set(const struct zone_node *node,
                                               const struct zone_wire_set *previous)
{
    const uint8_t *end = (const uint8_t *)node + node->item.size;
    const struct zone_wire_set *next =
        previous ? (const void *)((const uint8_t *)previous + zone__wire_size(previous))
                 : first_set(node);
    return (const uint8_t *)next < end ? next : NULL;
}

const struct zone_wire_set *zone__node_find(const struct zone_node *node, uint16_t type)
{
    const struct zone_wire_set *set = first_set(node);

    for (unsigned i = 0; i < node->item.set_count; i++) {
        if (set->type == type)
            return set;
        set = (const void *)((const uint8_t *)set + zone__wire_size(set));
    }
    return NULL;
}

unsigned zone__node_flags(const struct zone_node *node)
{
    unsigned flags = 0;

    if (node->item.name_len > 0 && zone__node_find(node, DNS_TYPE_NS))
        flags |= ZONE_TRIE_CUT;
    if (zone__node_find(node, DNS_TYPE_DNAME))
        flags |= ZONE_TRIE_DNAME;
    return flags;
}

/* An empty frame for @sets_len octets of sets. */
static struct zone_node *node_new(struct zone_slab *slab, const uint8_t *name, unsigned name_len,
                                  unsigned set_count, size_t sets_len)
{
    size_t size = sets_offset(name_len) + sets_len;
    struct zone_node *node = zone__slab_alloc(slab, size);

    if (!node)
        return NULL;
    node->item = (struct zone_trie_item){
        .size = (uint32_t)size,
        .set_count = (uint16_t)set_count,
        .name_len = (uint8_t)name_len,
        .name_at = offsetof(struct zone_node, octets),
    };
    if (name_len > 0)
        memcpy(node->octets, name, name_len);
    return node;
}

/* All sets plain. */
static int node_of_plain(struct zone_slab *slab, unsigned name_len,
                         const struct zone_record_set *sets, size_t count, struct zone_node **out)
{
    size_t sets_len = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t wire_len = zone__wire_len(&sets[i]);
        if (wire_len > ZONE_WIRE_LEN_MAX)
            return ERR_LIMIT;
        if (sets[i].rdata_count == 0)
            return ERR_INVALID;
        sets_len += sizeof(struct zone_wire_set) + zone__round_even(wire_len);
    }
    if (count > UINT16_MAX || sets_len > UINT32_MAX - sets_offset(name_len))
        return ERR_LIMIT;
    struct zone_node *node = node_new(slab, sets->name, name_len, (unsigned)count, sets_len);
    if (!node)
        return ERR_NOMEM;
    uint8_t *at = (uint8_t *)node + sets_offset(name_len);
    for (size_t i = 0; i < count; i++) {
        ASSERT(i == 0 || sets[i - 1].type < sets[i].type);
        struct zone_wire_set *set = (struct zone_wire_set *)at;
        zone__wire_render(&sets[i], zone__wire_len(&sets[i]), set);
        at += zone__wire_size(set);
    }
    *out = node;
    return 0;
}

/* Groups are put together set by set. */
static int node_of_groups(struct zone_slab *slab, unsigned name_len,
                          const struct zone_record_set *sets, size_t count, struct zone_node **out)
{
    struct zone_node *node = NULL;

    for (size_t i = 0; i < count; i++) {
        struct zone_node *next;
        int err = zone__node_with(slab, node, name_len, &sets[i], &next);
        if (node)
            zone__node_free(slab, node);
        if (err != 0)
            return err;
        node = next;
    }
    *out = node;
    return 0;
}

int zone__node_of(struct zone_slab *slab, unsigned name_len, const struct zone_record_set *sets,
                  size_t count, struct zone_node **out)
{
    ASSERT(count > 0);
    for (size_t i = 0; i < count; i++)
        if (zone__set_is_grouped(&sets[i]))
            return node_of_groups(slab, name_len, sets, count, out);
    return node_of_plain(slab, name_len, sets, count, out);
}

/* The place of a type among the sets of a node. */
struct place {
    const uint8_t *name; /* of the node */
    unsigned name_len;
    const uint8_t *sets; /* NULL: there is no node */
    size_t below, upto;  /* octets of the sets of lower types; with those of this type */
    size_t total;
    unsigned count;                  /* sets */
    const struct zone_wire_set *set; /* of this type, or NULL */
};

static struct place find_place(const struct zone_node *node, const uint8_t *name, unsigned name_len,
                               uint16_t type)
{
    struct place place = {.name = name, .name_len = name_len};
    uint16_t count_below;

    if (!node)
        return place;
    place.sets = (const uint8_t *)first_set(node);
    place.total = node->item.size - sets_offset(node->item.name_len);
    place.count = node->item.set_count;
    place.below = place.upto = measure_below(node, type, &count_below);
    const struct zone_wire_set *set = (const void *)(place.sets + place.below);
    if (count_below < place.count && set->type == type) {
        place.set = set;
        place.upto += zone__wire_size(set);
    }
    return place;
}

/* A node with all of the old one's sets, and @added octets in @place, where *@at points. */
static int node_with_gap(struct zone_slab *slab, const struct place *place, size_t added,
                         struct zone_wire_set **at, struct zone_node **out)
{
    const unsigned count = place->count - (place->set != NULL) + (added > 0);
    const size_t sets_len = place->total - (place->upto - place->below) + added;

    if (count > UINT16_MAX || sets_len > UINT32_MAX - sets_offset(place->name_len))
        return ERR_LIMIT;
    struct zone_node *node = node_new(slab, place->name, place->name_len, count, sets_len);
    if (!node)
        return ERR_NOMEM;
    uint8_t *to = (uint8_t *)node + sets_offset(place->name_len);
    if (place->sets) {
        memcpy(to, place->sets, place->below);
        memcpy(to + place->below + added, place->sets + place->upto, place->total - place->upto);
    }
    *at = (struct zone_wire_set *)(to + place->below);
    *out = node;
    return 0;
}

static const struct policy_group *group_at(const struct place *place)
{
    return place->set && zone_set_is_group(place->set) ? zone_set_group(place->set) : NULL;
}

static int node_with_group(struct zone_slab *slab, const struct place *place,
                           const struct zone_record_set *set, struct zone_node **out)
{
    struct zone_group_plan plan;
    struct zone_wire_set *at;

    int err = zone__group_plan_put(group_at(place), set, &plan);
    if (err == 0)
        err = node_with_gap(slab, place, sizeof(*at) + plan.size, &at, out);
    if (err == 0)
        zone__group_build(&plan, set->type, at);
    return err;
}

int zone__node_with(struct zone_slab *slab, const struct zone_node *old, unsigned name_len,
                    const struct zone_record_set *set, struct zone_node **out)
{
    const size_t wire_len = zone__wire_len(set);
    const struct place place = find_place(old, set->name, name_len, set->type);
    struct zone_wire_set *at;

    if (wire_len > ZONE_WIRE_LEN_MAX)
        return ERR_LIMIT;
    if (zone__set_is_grouped(set))
        return node_with_group(slab, &place, set, out);
    if (set->rdata_count == 0)
        return ERR_INVALID;
    int err = node_with_gap(slab, &place, sizeof(*at) + zone__round_even(wire_len), &at, out);
    if (err == 0)
        zone__wire_render(set, wire_len, at);
    return err;
}

int zone__node_without(struct zone_slab *slab, const struct zone_node *old,
                       const struct zone_set_id *id, struct zone_node **out)
{
    const struct place place =
        find_place(old, zone__item_name(&old->item), old->item.name_len, id->type);
    const struct policy_group *group = group_at(&place);
    struct zone_group_plan plan = {.size = 0};
    struct zone_wire_set *at;
    int err = 0;

    if (group)
        err = zone__group_plan_remove(group, id->identifier, id->identifier_len, &plan);
    else if (!place.set || id->identifier_len > 0)
        err = ERR_NOT_FOUND;
    if (err != 0)
        return err;
    if (plan.size == 0 && place.count == 1) {
        *out = NULL;
        return 0;
    }
    const size_t added = plan.size > 0 ? sizeof(*at) + plan.size : 0;
    err = node_with_gap(slab, &place, added, &at, out);
    if (err == 0 && added > 0)
        zone__group_build(&plan, id->type, at);
    return err;
}

void zone__node_free(struct zone_slab *slab, struct zone_node *node)
{
    zone__slab_free(slab, node, node->item.size);
}
