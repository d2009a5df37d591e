#include "store/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"

#define LEVELS_MAX 14

enum node_state {
    NODE_ABSENT, /* undone, or never written: the base answers */
    NODE_VALUE,
    NODE_DELETED,
};

/* A key of a skip list (Pugh 1990). Levels come from a hash of the key, so chance plays no part. */
struct node {
    struct kv_slice key;
    struct kv_slice value;
    enum node_state state;
    uint8_t levels;
    struct node *next[];
};
struct list {
    struct node *heads[LEVELS_MAX];
    struct node *last[LEVELS_MAX]; /* greatest node of each level: keys often come in order */
};
struct undo {
    struct node *node;
    struct kv_slice value;
    enum node_state state;
};

struct overlay {
    const struct kv *base;
    struct kv kv; /* whose self is this */
    struct arena *arena;
    struct list lists[KV_FAMILIES];
    struct undo *undos;
    size_t undo_count, undo_capacity;
    struct kv_write *ranges;
    size_t range_count, range_capacity;
    struct kv_write *writes;
    size_t node_count, write_capacity;
    int failure; /* 0, or the first error since the reset */
};

static int compare(struct kv_slice a, struct kv_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static uint8_t levels_of(struct kv_slice key)
{
    const uint8_t *octets = key.data;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ octets[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    uint8_t levels = 1;
    while (levels < LEVELS_MAX && (hash & 3) == 3) {
        levels++;
        hash >>= 2;
    }
    return levels;
}

/* First node ≥ @key; @links gets the pointers that lead past the nodes before it. */
static struct node *find(struct list *list, struct kv_slice key, struct node **links[LEVELS_MAX])
{
    struct node **heads = list->heads;

    for (int level = LEVELS_MAX - 1; level >= 0; level--) {
        while (heads[level] && compare(heads[level]->key, key) < 0)
            heads = heads[level]->next;
        links[level] = &heads[level];
    }
    return *links[0];
}

static const struct node *find_first(const struct overlay *overlay, enum kv_family family,
                                     struct kv_slice key)
{
    struct node **links[LEVELS_MAX];
    return find((struct list *)&overlay->lists[family], key, links);
}

static struct node *node_new(struct overlay *overlay, struct kv_slice key)
{
    uint8_t levels = levels_of(key);
    struct node *node =
        arena_alloc(overlay->arena, sizeof(*node) + levels * sizeof(struct node *) + key.len);
    if (!node)
        return NULL;
    uint8_t *copy = (uint8_t *)&node->next[levels];
    memcpy(copy, key.data, key.len);
    *node = (struct node){.key = {copy, key.len}, .state = NODE_ABSENT, .levels = levels};
    return node;
}

static void append(struct list *list, struct node *node)
{
    for (unsigned level = 0; level < node->levels; level++) {
        node->next[level] = NULL;
        if (list->last[level])
            list->last[level]->next[level] = node;
        else
            list->heads[level] = node;
        list->last[level] = node;
    }
}

static void insert(struct list *list, struct node *node, struct node **links[LEVELS_MAX])
{
    for (unsigned level = 0; level < node->levels; level++) {
        node->next[level] = *links[level];
        *links[level] = node;
        if (!node->next[level])
            list->last[level] = node;
    }
}

/* The node of @key, made if missing. NULL: no memory, which is noted. */
static struct node *node_of(struct overlay *overlay, enum kv_family family, struct kv_slice key)
{
    struct list *list = &overlay->lists[family];
    struct node **links[LEVELS_MAX];
    bool is_last = !list->last[0] || compare(list->last[0]->key, key) < 0;

    ASSERT(family < KV_FAMILIES && key.len > 0);
    if (!is_last) {
        struct node *found = find(list, key, links);
        if (found && compare(found->key, key) == 0)
            return found;
    }
    struct node *node = node_new(overlay, key);
    if (!node) {
        overlay->failure = arena_is_full(overlay->arena) ? ERR_LIMIT : ERR_NOMEM;
        return NULL;
    }
    overlay->node_count++;
    if (is_last)
        append(list, node);
    else
        insert(list, node, links);
    return node;
}

/* Make room for one more element of @size in *@array. */
static bool grow(struct overlay *overlay, void *array, size_t count, size_t *capacity, size_t size)
{
    void **storage = array;

    if (count < *capacity)
        return true;
    size_t larger = *capacity == 0 ? 256 : *capacity * 2;
    void *grown = realloc(*storage, larger * size);
    if (!grown) {
        overlay->failure = ERR_NOMEM;
        return false;
    }
    *storage = grown;
    *capacity = larger;
    return true;
}

static void set_node(struct overlay *overlay, struct node *node, enum node_state state,
                     struct kv_slice value)
{
    if (!grow(overlay, &overlay->undos, overlay->undo_count, &overlay->undo_capacity,
              sizeof(*overlay->undos)))
        return;
    overlay->undos[overlay->undo_count++] = (struct undo){node, node->value, node->state};
    node->state = state;
    node->value = value;
}

uint8_t *overlay_put_space(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                           size_t len)
{
    struct node *node = node_of(overlay, family, key);
    if (!node)
        return NULL;
    uint8_t *space = arena_alloc(overlay->arena, len + 1); /* never empty, so never NULL */
    if (!space) {
        overlay->failure = arena_is_full(overlay->arena) ? ERR_LIMIT : ERR_NOMEM;
        return NULL;
    }
    set_node(overlay, node, NODE_VALUE, kv_slice(space, len));
    return space;
}

void overlay_put(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                 struct kv_slice value)
{
    uint8_t *space = overlay_put_space(overlay, family, key, value.len);
    if (space && value.len > 0)
        memcpy(space, value.data, value.len);
}

void overlay_delete(struct overlay *overlay, enum kv_family family, struct kv_slice key)
{
    struct node *node = node_of(overlay, family, key);
    if (node)
        set_node(overlay, node, NODE_DELETED, kv_slice(NULL, 0));
}

void overlay_delete_range(struct overlay *overlay, enum kv_family family, struct kv_slice first,
                          struct kv_slice end)
{
    struct node **links[LEVELS_MAX];

    ASSERT(family < KV_FAMILIES && compare(first, end) < 0);
    if (overlay->range_count == OVERLAY_RANGES_MAX) {
        overlay->failure = ERR_LIMIT;
        return;
    }
    if (!grow(overlay, &overlay->ranges, overlay->range_count, &overlay->range_capacity,
              sizeof(*overlay->ranges)))
        return;
    void *first_copy = arena_copy(overlay->arena, first.data, first.len);
    void *end_copy = arena_copy(overlay->arena, end.data, end.len);
    if (!first_copy || !end_copy) {
        overlay->failure = arena_is_full(overlay->arena) ? ERR_LIMIT : ERR_NOMEM;
        return;
    }
    overlay->ranges[overlay->range_count++] =
        (struct kv_write){family, KV_DELETE_RANGE, {first_copy, first.len}, {end_copy, end.len}};
    struct node *node = find(&overlay->lists[family], first, links);
    for (; node && compare(node->key, end) < 0; node = node->next[0]) {
        if (node->state == NODE_VALUE)
            set_node(overlay, node, NODE_DELETED, kv_slice(NULL, 0));
    }
}

struct overlay_mark overlay_mark(const struct overlay *overlay)
{
    return (struct overlay_mark){overlay->undo_count, overlay->range_count};
}

void overlay_rollback(struct overlay *overlay, struct overlay_mark mark)
{
    ASSERT(mark.undo_count <= overlay->undo_count && mark.range_count <= overlay->range_count);
    while (overlay->undo_count > mark.undo_count) {
        const struct undo *undo = &overlay->undos[--overlay->undo_count];
        undo->node->state = undo->state;
        undo->node->value = undo->value;
    }
    overlay->range_count = mark.range_count;
}

static bool is_in_range(const struct overlay *overlay, enum kv_family family, struct kv_slice key)
{
    for (size_t i = 0; i < overlay->range_count; i++) {
        const struct kv_write *range = &overlay->ranges[i];
        if (range->family == family && compare(range->key, key) <= 0 &&
            compare(key, range->value) < 0)
            return true;
    }
    return false;
}

static int overlay_get(void *self, enum kv_family family, struct kv_slice key,
                       struct kv_buffer *out)
{
    struct overlay *overlay = self;
    const struct node *node = find_first(overlay, family, key);

    if (node && compare(node->key, key) == 0 && node->state != NODE_ABSENT)
        return node->state == NODE_VALUE ? kv_buffer_set(out, node->value.data, node->value.len)
                                         : ERR_NOT_FOUND;
    if (is_in_range(overlay, family, key))
        return ERR_NOT_FOUND;
    return kv_get(overlay->base, family, key, out);
}

/* A scan merges what the base has with the nodes. */
struct merge {
    const struct overlay *overlay;
    const struct kv_range *range;
    const struct node *node; /* next one to tell */
    kv_scan_cb cb;
    void *user;
    bool is_stopped;
};

static bool has_prefix(struct kv_slice key, struct kv_slice prefix)
{
    return key.len >= prefix.len &&
           (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

static int tell(struct merge *merge, struct kv_slice key, struct kv_slice value)
{
    int rc = merge->cb(merge->user, key, value);
    if (rc != 0)
        merge->is_stopped = true;
    return rc;
}

/* Tell the nodes below @limit (NULL: all of the prefix). */
static int tell_nodes(struct merge *merge, const struct kv_slice *limit)
{
    for (; merge->node; merge->node = merge->node->next[0]) {
        const struct node *node = merge->node;
        if ((limit && compare(node->key, *limit) >= 0) ||
            !has_prefix(node->key, merge->range->prefix))
            return 0;
        if (node->state != NODE_VALUE)
            continue;
        int rc = tell(merge, node->key, node->value);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int on_base_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    struct merge *merge = user;
    int rc = tell_nodes(merge, &key);

    if (rc != 0)
        return rc;
    if (merge->node && compare(merge->node->key, key) == 0 && merge->node->state != NODE_ABSENT)
        return 0; /* told, or deleted, when the nodes go on */
    if (is_in_range(merge->overlay, merge->range->family, key))
        return 0;
    return tell(merge, key, value);
}

static int overlay_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    struct overlay *overlay = self;
    struct kv_slice first = range->from.len > 0 ? range->from : range->prefix;
    struct merge merge = {.overlay = overlay,
                          .range = range,
                          .node = find_first(overlay, range->family, first),
                          .cb = cb,
                          .user = user};
    int rc = kv_scan(overlay->base, range, on_base_pair, &merge);

    if (rc == 0 && !merge.is_stopped)
        rc = tell_nodes(&merge, NULL);
    return rc < 0 ? rc : 0;
}

static const struct kv_ops overlay_ops = {.get = overlay_get, .scan = overlay_scan};

struct overlay *overlay_new(const struct kv *base)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    if (!overlay)
        return NULL;
    overlay->arena = arena_new(OVERLAY_LEN_MAX);
    if (!overlay->arena) {
        free(overlay);
        return NULL;
    }
    overlay->base = base;
    overlay->kv = (struct kv){&overlay_ops, overlay};
    return overlay;
}

void overlay_free(struct overlay *overlay)
{
    if (!overlay)
        return;
    arena_free(overlay->arena);
    free(overlay->undos);
    free(overlay->ranges);
    free(overlay->writes);
    free(overlay);
}

void overlay_reset(struct overlay *overlay, const struct kv *base)
{
    arena_reset(overlay->arena);
    memset(overlay->lists, 0, sizeof(overlay->lists));
    overlay->base = base;
    overlay->undo_count = overlay->range_count = overlay->node_count = 0;
    overlay->failure = 0;
}

const struct kv *overlay_kv(const struct overlay *overlay)
{
    return &overlay->kv;
}

int overlay_writes(struct overlay *overlay, struct kv_write **writes, size_t *count)
{
    size_t wanted = overlay->range_count + overlay->node_count + 1, filled = overlay->range_count;

    if (overlay->failure != 0)
        return overlay->failure;
    if (wanted > overlay->write_capacity) {
        struct kv_write *grown = realloc(overlay->writes, wanted * sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        overlay->writes = grown;
        overlay->write_capacity = wanted;
    }
    if (overlay->range_count > 0)
        memcpy(overlay->writes, overlay->ranges, overlay->range_count * sizeof(*overlay->writes));
    for (unsigned family = 0; family < KV_FAMILIES; family++) {
        for (const struct node *node = overlay->lists[family].heads[0]; node;
             node = node->next[0]) {
            if (node->state == NODE_ABSENT)
                continue;
            enum kv_op op = node->state == NODE_VALUE ? KV_PUT : KV_DELETE;
            overlay->writes[filled++] =
                (struct kv_write){(enum kv_family)family, op, node->key, node->value};
        }
    }
    *writes = overlay->writes;
    *count = filled;
    return 0;
}
