/* node/zone/node.h: one name of a zone in the image: its record sets, rendered, in one block that
 * is never written once it is made. Internal to the room. */
#pragma once

#include "zone/lookup.h"
#include "zone/trie.h"

struct zone_record_set;

struct zone_node {
    struct zone_trie_item item; /* item.set_count sets in order of type */
    uint8_t octets[];           /* name without apex; padding to 2; struct zone_wire_set … */
};

/* A node with @count (1 or more) sets of one name in order of type; the name is the first @name_len
 * octets of theirs. ERR_LIMIT as below, ERR_NOMEM. */
int zone__node_of(struct zone_slab *slab, unsigned name_len, const struct zone_record_set *sets,
                  size_t count, struct zone_node **out);
/* @old (or NULL) with @set in place of its set of that type; the name is the first @name_len octets
 * of set->name. ERR_LIMIT: more than ZONE_WIRE_LEN_MAX or 65,535 sets. ERR_NOMEM. */
int zone__node_with(struct zone_slab *slab, const struct zone_node *old, unsigned name_len,
                    const struct zone_record_set *set, struct zone_node **out);
/* @old without its set of @type; *@out NULL when that was the last one. ERR_NOT_FOUND, ERR_NOMEM.
 */
int zone__node_without(struct zone_slab *slab, const struct zone_node *old, uint16_t type,
                       struct zone_node **out);
void zone__node_free(struct zone_slab *slab, struct zone_node *node);

/* Flags of the node's leaf: cut, DNAME. */
unsigned zone__node_flags(const struct zone_node *node);
/* The set of @type, or NULL. */
const struct zone_wire_set *zone__node_find(const struct zone_node *node, uint16_t type);
