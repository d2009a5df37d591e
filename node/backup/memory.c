#include "backup/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

struct pair {
    const uint8_t *octets; /* key, value */
    uint32_t key_len, value_len;
};
#define PAIR_COST (2 * sizeof(struct pair)) /* it, and what the arena rounds up its octets by */
struct family {
    struct pair *pairs;
    size_t count, capacity;
};
struct memory {
    struct arena *arena;
    uint64_t len, len_max;
    struct family families[KV_FAMILIES];
};

static int compare(struct kv_slice a, struct kv_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static struct kv_slice key_of(const struct pair *pair)
{
    return kv_slice(pair->octets, pair->key_len);
}

static struct kv_slice value_of(const struct pair *pair)
{
    return kv_slice(pair->octets + pair->key_len, pair->value_len);
}

/* The first pair at or behind @key; the count: there is none. */
static size_t seek(const struct family *family, struct kv_slice key)
{
    size_t first = 0, end = family->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (compare(key_of(&family->pairs[middle]), key) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static int memory_get(void *self, enum kv_family name, struct kv_slice key, struct kv_buffer *out)
{
    const struct family *family = &((struct memory *)self)->families[name];
    size_t at = seek(family, key);

    if (at == family->count || compare(key_of(&family->pairs[at]), key) != 0)
        return ERR_NOT_FOUND;
    struct kv_slice value = value_of(&family->pairs[at]);
    return kv_buffer_set(out, value.data, value.len);
}

static int memory_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    const struct family *family = &((struct memory *)self)->families[range->family];
    size_t at = seek(family, range->from.len > 0 ? range->from : range->prefix);

    for (; at < family->count; at++) {
        struct kv_slice key = key_of(&family->pairs[at]);
        if (key.len < range->prefix.len ||
            (range->prefix.len > 0 && memcmp(key.data, range->prefix.data, range->prefix.len) != 0))
            break;
        int rc = cb(user, key, value_of(&family->pairs[at]));
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return 0;
}

static int add(struct memory *memory, const struct kv_write *write)
{
    struct family *family = &memory->families[write->family];
    size_t len = write->key.len + write->value.len;
    uint64_t cost = len + PAIR_COST;

    if (write->op != KV_PUT || write->key.len > UINT32_MAX || write->value.len > UINT32_MAX ||
        (family->count > 0 && compare(key_of(&family->pairs[family->count - 1]), write->key) >= 0))
        return ERR_INVALID;
    if (cost > memory->len_max - memory->len)
        return ERR_LIMIT;
    if (family->count == family->capacity) {
        size_t capacity = family->capacity > 0 ? 2 * family->capacity : 64;
        struct pair *grown = realloc(family->pairs, capacity * sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        family->pairs = grown;
        family->capacity = capacity;
    }
    uint8_t *octets = arena_alloc(memory->arena, len);
    if (!octets)
        return ERR_NOMEM;
    memcpy(octets, write->key.data, write->key.len);
    if (write->value.len > 0)
        memcpy(octets + write->key.len, write->value.data, write->value.len);
    family->pairs[family->count++] =
        (struct pair){octets, (uint32_t)write->key.len, (uint32_t)write->value.len};
    memory->len += cost;
    return 0;
}

static int memory_write(void *self, const struct kv_write *writes, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add(self, &writes[i]);
    return rc;
}

static int memory_flush(void *self)
{
    (void)self;
    return 0;
}

static void memory_close(void *self)
{
    struct memory *memory = self;

    for (unsigned i = 0; i < KV_FAMILIES; i++)
        free(memory->families[i].pairs);
    arena_free(memory->arena);
    free(memory);
}

int backup_memory_new(uint64_t len_max, struct kv *out)
{
    static const struct kv_ops ops = {.get = memory_get,
                                      .scan = memory_scan,
                                      .write = memory_write,
                                      .flush = memory_flush,
                                      .close = memory_close};
    struct memory *memory = calloc(1, sizeof(*memory));

    if (memory)
        memory->arena = arena_new(SIZE_MAX);
    if (!memory || !memory->arena) {
        free(memory);
        return ERR_NOMEM;
    }
    memory->len_max = len_max;
    *out = (struct kv){&ops, memory};
    return 0;
}
