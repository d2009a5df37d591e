#include "zone/trie.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define BRANCH_BIT (UINT64_C(1) << 63)
#define SYMBOLS_MASK ((UINT64_C(1) << ZONE_KEY_SYMBOL_COUNT) - 1)

static size_t twigs_size(size_t count)
{
    return sizeof(struct zone_trie_twigs) + count * sizeof(struct zone_trie_node);
}

static struct zone_trie_twigs *twigs_new(const struct zone_trie_edit *edit, size_t count)
{
    struct zone_trie_twigs *twigs = zone__slab_alloc(edit->slab, twigs_size(count));
    if (twigs) {
        twigs->owner = edit->owner & ((UINT64_C(1) << 56) - 1);
        twigs->count = (uint8_t)count;
    }
    return twigs;
}

static void twigs_dispose(const struct zone_trie_edit *edit, struct zone_trie_twigs *twigs)
{
    zone__edit_dispose(edit, twigs->owner, twigs, twigs_size(twigs->count));
}

static uint64_t branch_word(unsigned offset, uint64_t symbols)
{
    return BRANCH_BIT | (uint64_t)offset << ZONE_TRIE_OFFSET_SHIFT | symbols;
}

static struct zone_trie_node leaf_node(const struct zone_trie_edit *edit,
                                       struct zone_trie_item *item, unsigned flags)
{
    return (struct zone_trie_node){edit->owner << 8 | flags, item};
}

int zone__retired_reserve(struct zone_retired_list *list, size_t count)
{
    if (list->capacity - list->count >= count)
        return 0;
    size_t capacity =
        list->capacity * 2 > list->count + count ? list->capacity * 2 : list->count + count;
    struct zone_retired *entries = realloc(list->entries, capacity * sizeof(*entries));
    if (!entries)
        return ERR_NOMEM;
    list->entries = entries;
    list->capacity = capacity;
    return 0;
}

void zone__edit_dispose(const struct zone_trie_edit *edit, uint64_t owner, void *block, size_t size)
{
    if (owner == edit->owner) {
        zone__slab_free(edit->slab, block, size);
        return;
    }
    ASSERT(edit->retired->count < edit->retired->capacity);
    edit->retired->entries[edit->retired->count++] = (struct zone_retired){block, size};
}

/* Down to a leaf, by the key where it leads and by the first child where it does not: the leaf that
 * shares the longest prefix with the key, or one of several that do. */
static const struct zone_trie_node *find_nearest(const struct zone_trie_node *node,
                                                 const struct zone_key *key)
{
    while (zone__trie_is_branch(node)) {
        const struct zone_trie_twigs *twigs = node->ref;
        unsigned symbol = zone__key_symbol(key, zone__branch_offset(node));
        node = &twigs->nodes[zone__branch_has(node, symbol) ? zone__branch_index(node, symbol) : 0];
    }
    return node;
}

static bool has_name(const struct zone_trie_item *item, const struct zone_key *key)
{
    return item->name_len == key->offsets[0] &&
           memcmp(zone__item_name(item), key->name, item->name_len) == 0;
}

/* Where two different keys part. */
static unsigned find_difference(const struct zone_trie_item *item, const struct zone_key *key,
                                unsigned *item_symbol)
{
    struct zone_key other;
    unsigned at = 0;

    zone__key_init(&other, zone__item_name(item), item->name_len);
    while (zone__key_symbol(&other, at) == zone__key_symbol(key, at)) {
        ASSERT(at < ZONE_KEY_LEN_MAX);
        at++;
    }
    *item_symbol = zone__key_symbol(&other, at);
    return at;
}

/* Make the children of a branch private to this edit. 0 or ERR_NOMEM. */
static int own_twigs(const struct zone_trie_edit *edit, struct zone_trie_node *node)
{
    struct zone_trie_twigs *twigs = node->ref;

    if (twigs->owner == edit->owner)
        return 0;
    struct zone_trie_twigs *copy = twigs_new(edit, twigs->count);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy->nodes, twigs->nodes, twigs->count * sizeof(twigs->nodes[0]));
    node->ref = copy;
    twigs_dispose(edit, twigs);
    return 0;
}

/* Down along the key to the first node that is a leaf or tests at @offset or beyond, making the
 * path private; NULL when there is no memory (what was copied is equal to what it replaced).
 * *@parent is the branch above, or NULL. */
static struct zone_trie_node *own_path(const struct zone_trie_edit *edit,
                                       struct zone_trie_node *root, const struct zone_key *key,
                                       unsigned offset, struct zone_trie_node **parent)
{
    struct zone_trie_node *node = root;

    *parent = NULL;
    while (zone__trie_is_branch(node) && zone__branch_offset(node) < offset) {
        unsigned symbol = zone__key_symbol(key, zone__branch_offset(node));
        ASSERT(zone__branch_has(node, symbol));
        if (own_twigs(edit, node) != 0)
            return NULL;
        *parent = node;
        node = &((struct zone_trie_twigs *)node->ref)->nodes[zone__branch_index(node, symbol)];
    }
    return node;
}

/* One more child for a branch. */
static int add_twig(const struct zone_trie_edit *edit, struct zone_trie_node *node, unsigned symbol,
                    struct zone_trie_node leaf)
{
    struct zone_trie_twigs *twigs = node->ref;
    unsigned index = zone__branch_index(node, symbol);
    struct zone_trie_twigs *grown = twigs_new(edit, (size_t)twigs->count + 1);

    if (!grown)
        return ERR_NOMEM;
    memcpy(grown->nodes, twigs->nodes, index * sizeof(leaf));
    grown->nodes[index] = leaf;
    memcpy(&grown->nodes[index + 1], &twigs->nodes[index], (twigs->count - index) * sizeof(leaf));
    node->word |= UINT64_C(1) << symbol;
    node->ref = grown;
    twigs_dispose(edit, twigs);
    return 0;
}

/* A new branch in the place of @node, over it and the leaf. */
static int add_branch(const struct zone_trie_edit *edit, struct zone_trie_node *node,
                      unsigned offset, unsigned node_symbol, unsigned leaf_symbol,
                      struct zone_trie_node leaf)
{
    struct zone_trie_twigs *twigs = twigs_new(edit, 2);

    if (!twigs)
        return ERR_NOMEM;
    twigs->nodes[node_symbol > leaf_symbol] = *node;
    twigs->nodes[leaf_symbol > node_symbol] = leaf;
    node->word = branch_word(offset, UINT64_C(1) << node_symbol | UINT64_C(1) << leaf_symbol);
    node->ref = twigs;
    return 0;
}

int zone__trie_put(const struct zone_trie_edit *edit, struct zone_trie_node *root,
                   const struct zone_key *key, struct zone_trie_item *item, unsigned flags,
                   struct zone_trie_node *old)
{
    const struct zone_trie_node leaf = leaf_node(edit, item, flags);
    struct zone_trie_node *parent;
    unsigned nearest_symbol;

    *old = (struct zone_trie_node){0};
    if (!root->ref) {
        *root = leaf;
        return 0;
    }
    const struct zone_trie_item *nearest = find_nearest(root, key)->ref;
    if (has_name(nearest, key)) {
        struct zone_trie_node *place = own_path(edit, root, key, ZONE_TRIE_OFFSET_MASK, &parent);
        if (!place)
            return ERR_NOMEM;
        *old = *place;
        *place = leaf;
        return 0;
    }
    unsigned offset = find_difference(nearest, key, &nearest_symbol);
    unsigned symbol = zone__key_symbol(key, offset);
    struct zone_trie_node *place = own_path(edit, root, key, offset, &parent);
    if (!place)
        return ERR_NOMEM;
    if (zone__trie_is_branch(place) && zone__branch_offset(place) == offset)
        return add_twig(edit, place, symbol, leaf);
    return add_branch(edit, place, offset, nearest_symbol, symbol, leaf);
}

/* One child less. A branch of one child gives way to that child. */
static int remove_twig(const struct zone_trie_edit *edit, struct zone_trie_node *branch,
                       unsigned symbol)
{
    struct zone_trie_twigs *twigs = branch->ref;
    unsigned index = zone__branch_index(branch, symbol);
    const size_t size = sizeof(twigs->nodes[0]);

    if (twigs->count == 2) {
        *branch = twigs->nodes[1 - index];
        twigs_dispose(edit, twigs);
        return 0;
    }
    struct zone_trie_twigs *shrunk = twigs_new(edit, (size_t)twigs->count - 1);
    if (!shrunk)
        return ERR_NOMEM;
    memcpy(shrunk->nodes, twigs->nodes, index * size);
    memcpy(&shrunk->nodes[index], &twigs->nodes[index + 1], (twigs->count - index - 1) * size);
    branch->word &= ~(UINT64_C(1) << symbol);
    branch->ref = shrunk;
    twigs_dispose(edit, twigs);
    return 0;
}

int zone__trie_remove(const struct zone_trie_edit *edit, struct zone_trie_node *root,
                      const struct zone_key *key, struct zone_trie_node *old)
{
    struct zone_trie_node *parent;

    if (!root->ref || !has_name(find_nearest(root, key)->ref, key))
        return ERR_NOT_FOUND;
    struct zone_trie_node *place = own_path(edit, root, key, ZONE_TRIE_OFFSET_MASK, &parent);
    if (!place)
        return ERR_NOMEM;
    struct zone_trie_node leaf = *place;
    if (parent) {
        int err = remove_twig(edit, parent, zone__key_symbol(key, zone__branch_offset(parent)));
        if (err != 0)
            return err;
    } else {
        *root = (struct zone_trie_node){0};
    }
    *old = leaf;
    return 0;
}

bool zone__trie_free_step(struct zone_slab *slab, struct zone_trie_node *root)
{
    struct zone_trie_node *node = root;
    struct zone_trie_node *parent = NULL;

    if (!node->ref)
        return false;
    while (zone__trie_is_branch(node) && (node->word & SYMBOLS_MASK) != 0) {
        parent = node;
        node = &((struct zone_trie_twigs *)node->ref)
                    ->nodes[__builtin_popcountll(node->word & SYMBOLS_MASK) - 1];
    }
    if (zone__trie_is_branch(node)) {
        struct zone_trie_twigs *twigs = node->ref;
        zone__slab_free(slab, twigs, twigs_size(twigs->count));
    } else {
        struct zone_trie_item *item = node->ref;
        zone__slab_free(slab, item, item->size);
    }
    if (parent)
        parent->word &= ~(UINT64_C(1) << (63 - __builtin_clzll(parent->word & SYMBOLS_MASK)));
    else
        *root = (struct zone_trie_node){0};
    return true;
}

/* Labels that the name of a leaf has in common with the key, from the root of the trie. */
static unsigned count_common(const struct zone_trie_item *item, const struct zone_key *key,
                             unsigned base_labels)
{
    const uint8_t *name = zone__item_name(item);
    uint8_t starts[DNS_NAME_LABELS_MAX];
    unsigned left = 0;
    unsigned common = base_labels;

    for (unsigned at = 0; at < item->name_len; at += 1u + name[at])
        starts[left++] = (uint8_t)at;
    while (left > 0 && common < key->label_count) {
        const uint8_t *label = name + starts[left - 1];
        const uint8_t *wanted = key->name + key->offsets[common + 1];
        if (label[0] != wanted[0] || memcmp(label, wanted, 1u + label[0]) != 0)
            break;
        left--;
        common++;
    }
    return common;
}

/* The same, quickly where the leaf is the name itself or above it, as it mostly is: one comparison.
 */
static unsigned count_agreed(const struct zone_trie_item *item, const struct zone_key *key,
                             unsigned base_labels)
{
    const unsigned base_at = key->offsets[base_labels];
    unsigned labels = base_labels;

    while (labels < key->label_count && base_at - key->offsets[labels] < item->name_len)
        labels++;
    if (base_at - key->offsets[labels] == item->name_len &&
        memcmp(zone__item_name(item), key->name + key->offsets[labels], item->name_len) == 0)
        return labels;
    return count_common(item, key, base_labels);
}

/* Keep those of the places noted on the way that are flagged leaves above the name: the walk did
 * not test every symbol, so the name may agree less far than it got. */
static void keep_ancestors(struct zone_trie_walk *walk)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < walk->ancestor_count; i++) {
        const struct zone_trie_ancestor *noted = &walk->ancestors[i];
        if (noted->label_count <= walk->label_count && !zone__trie_is_branch(noted->leaf) &&
            zone__leaf_flags(noted->leaf) != 0)
            walk->ancestors[kept++] = *noted;
    }
    walk->ancestor_count = (uint8_t)kept;
}

/* The leaf where the walk ended may itself be above the name. */
static void note_leaf(struct zone_trie_walk *walk, unsigned name_len)
{
    const struct zone_trie_item *item = walk->leaf->ref;
    const struct zone_trie_ancestor *last = &walk->ancestors[walk->ancestor_count];

    if (item->name_len != name_len || zone__leaf_flags(walk->leaf) == 0 ||
        (walk->ancestor_count > 0 && last[-1].leaf == walk->leaf))
        return;
    walk->ancestors[walk->ancestor_count++] =
        (struct zone_trie_ancestor){walk->leaf, walk->label_count};
}

void zone__trie_walk_end(struct zone_trie_walk *walk, const struct zone_key *key)
{
    const struct zone_trie_item *item = walk->leaf->ref;
    const unsigned base_labels = walk->base_labels;

    walk->is_exact = false;
    walk->label_count = (uint8_t)base_labels;
    if (!item) {
        walk->leaf = NULL;
        return;
    }
    walk->label_count = (uint8_t)count_agreed(item, key, base_labels);
    walk->is_exact =
        walk->label_count == key->label_count && item->name_len == key->offsets[base_labels];
    keep_ancestors(walk);
    if (!walk->is_exact)
        note_leaf(walk, key->offsets[base_labels] - key->offsets[walk->label_count]);
}

void zone__trie_walk(const struct zone_trie_node *root, const struct zone_key *key,
                     unsigned base_labels, struct zone_trie_walk *walk)
{
    zone__trie_walk_begin(walk, root, key, base_labels);
    while (zone__trie_walk_step(walk, key))
        ;
    zone__trie_walk_end(walk, key);
}
