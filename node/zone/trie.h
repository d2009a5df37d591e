/* node/zone/trie.h: a copy-on-write QP-trie (after Tony Finch's) from names to items. A branch
 * tests one symbol of the key at some offset and holds a child for each symbol that occurs there,
 * found by counting bits; a path only has branches where keys differ, so it is short.
 *
 * What readers may see is never written. An edit carries an owner number; blocks made under that
 * number are still private and are changed in place, all others are copied first, so many changes
 * of one edit copy a block once. Internal to the room. */
#pragma once

#include "zone/key.h"
#include "zone/slab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start of what a trie holds: a zone by its apex, a node by its name relative to the apex. */
struct zone_trie_item {
    uint32_t size;      /* octets of the item's block */
    uint16_t set_count; /* of a node */
    uint8_t name_len;   /* octets of the name without the root label */
    uint8_t name_at;    /* where in the item the name begins */
};

static inline const uint8_t *zone__item_name(const struct zone_trie_item *item)
{
    return (const uint8_t *)item + item->name_at;
}

/* word of a branch: bit 63; offset (bits 46 to 55); symbols present (bits 0 to 45). ref: its twigs.
 * word of a leaf: owner (bits 8 to 62), flags (bits 0 to 7). ref: the item. Both 0: empty trie. */
struct zone_trie_node {
    uint64_t word;
    void *ref;
};

/* The children of a branch, in the order of their symbols. */
struct zone_trie_twigs {
    uint64_t owner : 56;
    uint64_t count : 8;
    struct zone_trie_node nodes[];
};

enum zone_trie_flag {
    ZONE_TRIE_CUT = 1,   /* the node holds NS below the apex */
    ZONE_TRIE_DNAME = 2, /* the node holds DNAME */
    ZONE_TRIE_ZONE = 4,  /* the item is a zone */
};
#define ZONE_TRIE_FLAGS 0xffu
#define ZONE_TRIE_OFFSET_SHIFT 46
#define ZONE_TRIE_OFFSET_MASK 0x3ffu

/* Blocks that readers may still see, to be freed later. */
struct zone_retired {
    void *block;
    size_t size;
};
struct zone_retired_list {
    struct zone_retired *entries;
    size_t count;
    size_t capacity;
};
/* Room for @count more, so that what follows cannot fail half way. 0 or ERR_NOMEM. */
int zone__retired_reserve(struct zone_retired_list *list, size_t count);
/* Most entries that one put or remove can add: a path, and the item itself. */
#define ZONE_TRIE_RETIRED_MAX (ZONE_KEY_LEN_MAX + 4)

struct zone_trie_edit {
    struct zone_slab *slab;
    struct zone_retired_list *retired;
    uint64_t owner;
};

/* Free a block of @owner at once when nobody else can see it, else retire it. Space is reserved. */
void zone__edit_dispose(const struct zone_trie_edit *edit, uint64_t owner, void *block,
                        size_t size);

static inline bool zone__trie_is_branch(const struct zone_trie_node *node)
{
    return node->word >> 63 != 0;
}
static inline unsigned zone__leaf_flags(const struct zone_trie_node *leaf)
{
    return (unsigned)(leaf->word & ZONE_TRIE_FLAGS);
}
static inline uint64_t zone__leaf_owner(const struct zone_trie_node *leaf)
{
    return leaf->word >> 8;
}

/* Put @item under @key. Whatever leaf was there is returned in *@old (ref NULL: none) for the
 * caller to dispose of. 0, or ERR_NOMEM without effect. The caller has reserved retired entries. */
int zone__trie_put(const struct zone_trie_edit *edit, struct zone_trie_node *root,
                   const struct zone_key *key, struct zone_trie_item *item, unsigned flags,
                   struct zone_trie_node *old);
/* Take the leaf of @key out, into *@old. 0; ERR_NOT_FOUND or ERR_NOMEM without effect. */
int zone__trie_remove(const struct zone_trie_edit *edit, struct zone_trie_node *root,
                      const struct zone_key *key, struct zone_trie_node *old);
/* Free one block of a trie that nobody sees any more: true while there was one. Leaves are freed
 * with their items. Takes the trie apart from the highest leaf down. */
bool zone__trie_free_step(struct zone_slab *slab, struct zone_trie_node *root);

static inline unsigned zone__branch_offset(const struct zone_trie_node *node)
{
    return (unsigned)(node->word >> ZONE_TRIE_OFFSET_SHIFT) & ZONE_TRIE_OFFSET_MASK;
}
static inline bool zone__branch_has(const struct zone_trie_node *node, unsigned symbol)
{
    return node->word >> symbol & 1;
}
/* Children with lower symbols than @symbol. */
static inline unsigned zone__branch_index(const struct zone_trie_node *node, unsigned symbol)
{
    return (unsigned)__builtin_popcountll(node->word & ((UINT64_C(1) << symbol) - 1));
}

/* What one walk finds. Labels are counted from the root of the DNS, also where a walk starts below.
 */
struct zone_trie_walk {
    const struct zone_trie_node *leaf; /* of the name, or one as near as any; NULL: empty trie */
    uint16_t base_symbols;             /* of the key, which the names of the trie do not have */
    uint8_t base_labels;
    uint8_t passed_labels; /* that the branches passed so far lie behind */
    bool is_exact;
    uint8_t label_count;    /* labels that the name has in common with the leaf: as many as with any
                             * leaf, so this is the closest encloser, also an empty non-terminal */
    uint8_t ancestor_count; /* flagged leaves strictly above the name, from the top down */
    struct zone_trie_ancestor {
        const struct zone_trie_node *leaf;
        uint8_t label_count;
    } ancestors[DNS_NAME_LABELS_MAX + 1];
};

/* A walk to @key without its first @base_labels labels, which the trie's names do not have, goes by
 * begin, steps until one returns false, and end. Each step reads one place of memory, which the
 * step before has asked the processor to fetch: whoever has several walks to do takes their steps
 * in turn, and none of them waits. */
static inline void zone__trie_walk_begin(struct zone_trie_walk *walk,
                                         const struct zone_trie_node *root,
                                         const struct zone_key *key, unsigned base_labels)
{
    walk->leaf = root;
    walk->base_symbols = key->ends[base_labels];
    walk->base_labels = walk->passed_labels = (uint8_t)base_labels;
    walk->ancestor_count = 0;
}

/* Past one branch; false: there was none, and the leaf's item is being fetched. */
static inline bool zone__trie_walk_step(struct zone_trie_walk *walk, const struct zone_key *key)
{
    const struct zone_trie_node *node = walk->leaf;
    const struct zone_trie_twigs *twigs = node->ref;

    if (!zone__trie_is_branch(node)) {
        __builtin_prefetch(node->ref);
        __builtin_prefetch((const void *)((uintptr_t)node->ref + 64));
        return false;
    }
    const unsigned at = walk->base_symbols + zone__branch_offset(node);
    const unsigned symbol = zone__key_symbol(key, at);
    unsigned labels = walk->passed_labels;
    while (labels < key->label_count && key->ends[labels] < at)
        labels++;
    walk->passed_labels = (uint8_t)labels;
    /* The branch tests right after a label of the name: the child "ends here" is above it. Whether
     * it is a leaf, and flagged, is for the end to see. */
    if (key->ends[labels] == at && labels < key->label_count &&
        zone__branch_has(node, ZONE_KEY_END)) {
        walk->ancestors[walk->ancestor_count++] =
            (struct zone_trie_ancestor){&twigs->nodes[0], (uint8_t)labels};
        __builtin_prefetch(&twigs->nodes[0]);
    }
    walk->leaf =
        &twigs->nodes[zone__branch_has(node, symbol) ? zone__branch_index(node, symbol) : 0];
    __builtin_prefetch(walk->leaf);
    return true;
}

/* See how far the names agree, and which of the places noted on the way are flagged ancestors. */
void zone__trie_walk_end(struct zone_trie_walk *walk, const struct zone_key *key);

/* All of it. */
void zone__trie_walk(const struct zone_trie_node *root, const struct zone_key *key,
                     unsigned base_labels, struct zone_trie_walk *walk);
