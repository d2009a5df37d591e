/* A sorted array of pairs per family. Pairs are immutable and shared with clones and with the undo
 * log, which holds what unflushed batches replaced. */
#include "lib/kv_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"

struct pair {
    unsigned refs;
    size_t key_len, value_len;
    uint8_t octets[]; /* key, value */
};
struct table {
    struct pair **pairs;
    size_t count, capacity;
};
struct undo {
    enum kv_family family;
    struct pair *before; /* NULL: was not there; then `key` is what to remove */
    struct pair *key;
    bool is_batch_start;
};
struct memory {
    struct table tables[KV_FAMILIES];
    struct undo *undos;
    size_t undo_count, undo_capacity;
    size_t batch_count;
    int fail_next;
};

static void *must(void *memory)
{
    ASSERT(memory); /* a test that has no memory has no result */
    return memory;
}

static struct pair *pair_new(struct kv_slice key, struct kv_slice value)
{
    struct pair *pair = must(malloc(sizeof(*pair) + key.len + value.len));

    *pair = (struct pair){.refs = 1, .key_len = key.len, .value_len = value.len};
    memcpy(pair->octets, key.data, key.len);
    if (value.len > 0)
        memcpy(pair->octets + key.len, value.data, value.len);
    return pair;
}

static struct pair *pair_ref(struct pair *pair)
{
    pair->refs++;
    return pair;
}

static void pair_unref(struct pair *pair)
{
    if (pair && --pair->refs == 0)
        free(pair);
}

static int compare(const struct pair *pair, struct kv_slice key)
{
    size_t len = pair->key_len < key.len ? pair->key_len : key.len;
    int order = len > 0 ? memcmp(pair->octets, key.data, len) : 0;

    return order != 0 ? order : (pair->key_len > key.len) - (pair->key_len < key.len);
}

/* Place of the first pair ≥ @key. */
static size_t find(const struct table *table, struct kv_slice key)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(table->pairs[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct table *table, size_t place, struct kv_slice key)
{
    return place < table->count && compare(table->pairs[place], key) == 0;
}

static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    return must(realloc(array, *capacity * size));
}

/* Put @pair_take, or with NULL remove @key; returns what was there, which the caller then owns. */
static struct pair *replace(struct table *table, struct kv_slice key, struct pair *pair_take)
{
    size_t place = find(table, key);
    bool is_there = is_at(table, place, key);
    struct pair *before = is_there ? table->pairs[place] : NULL;

    if (is_there && pair_take) {
        table->pairs[place] = pair_take;
    } else if (is_there) {
        table->count--;
        memmove(table->pairs + place, table->pairs + place + 1,
                (table->count - place) * sizeof(*table->pairs));
    } else if (pair_take) {
        table->pairs = grow(table->pairs, table->count, &table->capacity, sizeof(*table->pairs));
        memmove(table->pairs + place + 1, table->pairs + place,
                (table->count - place) * sizeof(*table->pairs));
        table->pairs[place] = pair_take;
        table->count++;
    }
    return before;
}

static void change(struct memory *memory, enum kv_family family, struct kv_slice key,
                   struct pair *pair_take)
{
    struct pair *mark = pair_take ? pair_ref(pair_take) : pair_new(key, kv_slice(NULL, 0));
    struct pair *before = replace(&memory->tables[family], key, pair_take);

    memory->undos =
        grow(memory->undos, memory->undo_count, &memory->undo_capacity, sizeof(*memory->undos));
    memory->undos[memory->undo_count++] = (struct undo){family, before, mark, false};
}

static void delete_range(struct memory *memory, const struct kv_write *write)
{
    struct table *table = &memory->tables[write->family];

    for (;;) {
        size_t place = find(table, write->key);
        if (place == table->count || compare(table->pairs[place], write->value) >= 0)
            return;
        struct pair *pair = pair_ref(table->pairs[place]);
        change(memory, write->family, kv_slice(pair->octets, pair->key_len), NULL);
        pair_unref(pair);
    }
}

static int memory_write(void *self, const struct kv_write *writes, size_t count)
{
    struct memory *memory = self;
    size_t start = memory->undo_count;
    int rc = memory->fail_next;

    memory->fail_next = 0;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        const struct kv_write *write = &writes[i];
        switch (write->op) {
        case KV_PUT:
            change(memory, write->family, write->key, pair_new(write->key, write->value));
            break;
        case KV_DELETE: change(memory, write->family, write->key, NULL); break;
        case KV_DELETE_RANGE: delete_range(memory, write); break;
        }
    }
    if (memory->undo_count > start) {
        memory->undos[start].is_batch_start = true;
        memory->batch_count++;
    }
    return 0;
}

static int memory_get(void *self, enum kv_family family, struct kv_slice key, struct kv_buffer *out)
{
    const struct memory *memory = self;
    const struct table *table = &memory->tables[family];
    size_t place = find(table, key);

    if (!is_at(table, place, key))
        return ERR_NOT_FOUND;
    const struct pair *pair = table->pairs[place];
    return kv_buffer_set(out, pair->octets + pair->key_len, pair->value_len);
}

static int memory_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    const struct memory *memory = self;
    const struct table *table = &memory->tables[range->family];
    size_t prefix_len = range->prefix.len;
    size_t place = find(table, range->from.len > 0 ? range->from : range->prefix);

    for (; place < table->count; place++) {
        const struct pair *pair = table->pairs[place];
        if (pair->key_len < prefix_len ||
            (prefix_len > 0 && memcmp(pair->octets, range->prefix.data, prefix_len) != 0))
            return 0;
        int rc = cb(user, kv_slice(pair->octets, pair->key_len),
                    kv_slice(pair->octets + pair->key_len, pair->value_len));
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return 0;
}

static void drop_undo(struct undo *undo)
{
    pair_unref(undo->before);
    pair_unref(undo->key);
}

static int memory_flush(void *self)
{
    struct memory *memory = self;

    while (memory->undo_count > 0)
        drop_undo(&memory->undos[--memory->undo_count]);
    memory->batch_count = 0;
    return 0;
}

static int memory_checkpoint(void *self, const char *target)
{
    (void)self, (void)target;
    return ERR_UNSUPPORTED; /* kv_memory_clone() */
}

static int memory_verify(void *self, enum kv_family except, const atomic_bool *is_stopped)
{
    (void)except;
    (void)self;
    return is_stopped && atomic_load(is_stopped) ? ERR_CLOSED : 0;
}

static void memory_close(void *self)
{
    struct memory *memory = self;

    memory_flush(memory);
    for (unsigned family = 0; family < KV_FAMILIES; family++) {
        for (size_t i = 0; i < memory->tables[family].count; i++)
            pair_unref(memory->tables[family].pairs[i]);
        free(memory->tables[family].pairs);
    }
    free(memory->undos);
    free(memory);
}

static const struct kv_ops memory_ops = {
    .get = memory_get,
    .scan = memory_scan,
    .write = memory_write,
    .flush = memory_flush,
    .checkpoint = memory_checkpoint,
    .verify = memory_verify,
    .close = memory_close,
};

static struct memory *memory_of(const struct kv *kv)
{
    ASSERT(kv->ops == &memory_ops);
    return kv->self;
}

int kv_memory_new(struct kv *out)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return ERR_NOMEM;
    *out = (struct kv){&memory_ops, memory};
    return 0;
}

int kv_memory_clone(const struct kv *kv, struct kv *out)
{
    const struct memory *from = memory_of(kv);
    int rc = kv_memory_new(out);

    for (unsigned family = 0; rc == 0 && family < KV_FAMILIES; family++) {
        struct table *table = &memory_of(out)->tables[family];
        const struct table *source = &from->tables[family];
        table->count = table->capacity = source->count;
        table->pairs = must(malloc(source->count * sizeof(*table->pairs) + 1));
        for (size_t i = 0; i < source->count; i++)
            table->pairs[i] = pair_ref(source->pairs[i]);
    }
    return rc;
}

size_t kv_memory_unflushed(const struct kv *kv)
{
    return memory_of(kv)->batch_count;
}

void kv_memory_crash(const struct kv *kv, size_t batches)
{
    struct memory *memory = memory_of(kv);

    while (batches > 0 && memory->undo_count > 0) {
        struct undo *undo = &memory->undos[--memory->undo_count];
        struct pair *now = replace(&memory->tables[undo->family],
                                   kv_slice(undo->key->octets, undo->key->key_len), undo->before);
        batches -= undo->is_batch_start;
        undo->before = now; /* the table owns the old one again */
        drop_undo(undo);
    }
    memory_flush(memory);
}

void kv_memory_fail_next(const struct kv *kv, int rc)
{
    memory_of(kv)->fail_next = rc;
}
