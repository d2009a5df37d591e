#include "zone/node.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_set.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct zone_wire_set) == 6, "sets follow one another on even offsets");

static size_t round_even(size_t len)
{
    return len + (len & 1);
}

static size_t sets_offset(unsigned name_len)
{
    return round_even(offsetof(struct zone_node, octets) + name_len);
}

static size_t set_size(const struct zone_wire_set *set)
{
    return sizeof(*set) + round_even(set->wire_len);
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
        len += set_size(set);
        (*count)++;
    }
    return len;
}

const struct zone_wire_set *zone_node_next_set(const struct zone_node *node,
                                               const struct zone_wire_set *previous)
{
    const uint8_t *end = (const uint8_t *)node + node->item.size;
    const struct zone_wire_set *next =
        previous ? (const void *)((const uint8_t *)previous + set_size(previous)) : first_set(node);
    return (const uint8_t *)next < end ? next : NULL;
}

const struct zone_wire_set *zone__node_find(const struct zone_node *node, uint16_t type)
{
    const struct zone_wire_set *set = first_set(node);

    for (unsigned i = 0; i < node->item.set_count; i++) {
        if (set->type == type)
            return set;
        set = (const void *)((const uint8_t *)set + set_size(set));
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

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Octets that @set takes once rendered, without the header of a set. */
static size_t measure_wire(const struct zone_record_set *set)
{
    size_t len = 0;

    for (unsigned i = 0; i < set->rdata_count; i++)
        len += ZONE_WIRE_RDATA_OFFSET + (size_t)set->rdatas[i].len;
    return len;
}

static void render(const struct zone_record_set *set, size_t wire_len, struct zone_wire_set *out)
{
    uint8_t *at = out->wire;

    *out = (struct zone_wire_set){set->type, set->rdata_count, (uint16_t)wire_len};
    for (unsigned i = 0; i < set->rdata_count; i++) {
        at = put_u16(at, 0xc000 | DNS_HEADER_LEN); /* the question's name (RFC 1035 4.1.4) */
        at = put_u16(at, set->type);
        at = put_u16(at, DNS_CLASS_IN);
        at = put_u16(at, set->ttl_s >> 16);
        at = put_u16(at, set->ttl_s & 0xffff);
        at = put_u16(at, set->rdatas[i].len);
        if (set->rdatas[i].len > 0)
            memcpy(at, set->rdatas[i].data, set->rdatas[i].len);
        at += set->rdatas[i].len;
    }
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

int zone__node_of(struct zone_slab *slab, unsigned name_len, const struct zone_record_set *sets,
                  size_t count, struct zone_node **out)
{
    size_t sets_len = 0;

    ASSERT(count > 0);
    for (size_t i = 0; i < count; i++) {
        const size_t wire_len = measure_wire(&sets[i]);
        if (wire_len > ZONE_WIRE_LEN_MAX)
            return ERR_LIMIT;
        sets_len += sizeof(struct zone_wire_set) + round_even(wire_len);
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
        render(&sets[i], measure_wire(&sets[i]), set);
        at += set_size(set);
    }
    *out = node;
    return 0;
}

int zone__node_with(struct zone_slab *slab, const struct zone_node *old, unsigned name_len,
                    const struct zone_record_set *set, struct zone_node **out)
{
    const size_t wire_len = measure_wire(set);
    const size_t added = sizeof(struct zone_wire_set) + round_even(wire_len);
    size_t below = 0, upto = 0, total = 0;
    uint16_t count_below = 0, count_upto = 0;
    const uint8_t *sets = NULL;
    unsigned count = 0;

    if (wire_len > ZONE_WIRE_LEN_MAX)
        return ERR_LIMIT;
    if (old) {
        sets = (const uint8_t *)first_set(old);
        below = measure_below(old, set->type, &count_below);
        upto = measure_below(old, (uint32_t)set->type + 1, &count_upto);
        total = old->item.size - sets_offset(old->item.name_len);
        count = old->item.set_count;
    }
    count = count - (unsigned)(count_upto - count_below) + 1;
    size_t sets_len = total - (upto - below) + added;
    if (count > UINT16_MAX || sets_len > UINT32_MAX - sets_offset(name_len))
        return ERR_LIMIT;
    struct zone_node *node = node_new(slab, set->name, name_len, count, sets_len);
    if (!node)
        return ERR_NOMEM;
    uint8_t *at = (uint8_t *)node + sets_offset(name_len);
    if (old)
        memcpy(at, sets, below);
    render(set, wire_len, (struct zone_wire_set *)(at + below));
    if (old)
        memcpy(at + below + added, sets + upto, total - upto);
    *out = node;
    return 0;
}

int zone__node_without(struct zone_slab *slab, const struct zone_node *old, uint16_t type,
                       struct zone_node **out)
{
    const uint8_t *sets = (const uint8_t *)first_set(old);
    const size_t total = old->item.size - sets_offset(old->item.name_len);
    uint16_t count_below, count_upto;
    size_t below = measure_below(old, type, &count_below);
    size_t upto = measure_below(old, (uint32_t)type + 1, &count_upto);

    if (count_upto == count_below)
        return ERR_NOT_FOUND;
    if (old->item.set_count == 1) {
        *out = NULL;
        return 0;
    }
    struct zone_node *node = node_new(slab, zone__item_name(&old->item), old->item.name_len,
                                      old->item.set_count - 1u, total - (upto - below));
    if (!node)
        return ERR_NOMEM;
    uint8_t *at = (uint8_t *)node + sets_offset(old->item.name_len);
    memcpy(at, sets, below);
    memcpy(at + below, sets + upto, total - upto);
    *out = node;
    return 0;
}

void zone__node_free(struct zone_slab *slab, struct zone_node *node)
{
    zone__slab_free(slab, node, node->item.size);
}
