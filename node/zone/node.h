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

/* A node with @count (1 or more) sets of one name in order of type, those of a group in any order;
 * the name is the first @name_len octets of theirs. Errors as below. */
int zone__node_of(struct zone_slab *slab, unsigned name_len, const struct zone_record_set *sets,
                  size_t count, struct zone_node **out);
/* @old (or NULL) with @set in place of what it has of that type, or in the group it has of it; the
 * name is the first @name_len octets of set->name. ERR_LIMIT: a set of more than ZONE_WIRE_LEN_MAX,
 * a group of more than POLICY_SETS_MAX sets or ZONE_GROUP_SIZE_MAX, or 65,535 sets. ERR_INVALID: no
 * records, or what no group can hold (zone/group_build.h). ERR_NOMEM. */
int zone__node_with(struct zone_slab *slab, const struct zone_node *old, unsigned name_len,
                    const struct zone_record_set *set, struct zone_node **out);

struct zone_set_id { /* which set of a name */
    uint16_t type;
    const char *identifier; /* NULL with length 0: the simple one */
    size_t identifier_len;
};
/* @old without one set; *@out NULL when that was the last one. ERR_NOT_FOUND, ERR_NOMEM. */
int zone__node_without(struct zone_slab *slab, const struct zone_node *old,
                       const struct zone_set_id *id, struct zone_node **out);
void zone__node_free(struct zone_slab *slab, struct zone_node *node);

/* Flags of the node's leaf: cut, DNAME. */
unsigned zone__node_flags(const struct zone_node *node);
/* The set of @type, which may be a group, or NULL. */
const struct zone_wire_set *zone__node_find(const struct zone_node *node, uint16_t type);
