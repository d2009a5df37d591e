/* tests/lib/rocksdb_stub.c: the part of RocksDB's C interface that the log store uses, kept in
 * memory. Linked in place of librocksdb under ThreadSanitizer, which cannot see into it. A folder's
 * contents outlive rocksdb_close() within the process. */
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct slice {
    char *data;
    size_t len;
};
struct pair {
    struct slice key, value;
};
struct rocksdb_t {
    struct rocksdb_t *next; /* of all ever opened */
    char *dir;
    bool is_open;
    pthread_mutex_t lock;
    struct pair *pairs; /* ascending by key */
    size_t count, capacity;
};
struct op {
    bool is_put, is_range;
    struct slice key, value; /* of a range deletion: first, end */
};
struct rocksdb_writebatch_t {
    struct op *ops;
    size_t count, capacity;
};
struct rocksdb_iterator_t {
    rocksdb_t *db;
    bool is_valid;
    struct slice key, value;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static rocksdb_t *all;

static struct slice copy(const char *data, size_t len)
{
    struct slice out = {malloc(len + 1), len};
    if (len > 0)
        memcpy(out.data, data, len);
    return out;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* The first pair whose key is not less than @key. Locked. */
static size_t lower_bound(const rocksdb_t *db, const char *key, size_t len)
{
    size_t low = 0, high = db->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(db->pairs[middle].key.data, db->pairs[middle].key.len, key, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const rocksdb_t *db, size_t at, const char *key, size_t len)
{
    return at < db->count && compare(db->pairs[at].key.data, db->pairs[at].key.len, key, len) == 0;
}

static void put_locked(rocksdb_t *db, struct slice key, struct slice value)
{
    size_t at = lower_bound(db, key.data, key.len);
    if (is_at(db, at, key.data, key.len)) {
        free(db->pairs[at].value.data);
        db->pairs[at].value = copy(value.data, value.len);
        return;
    }
    if (db->count == db->capacity) {
        db->capacity = db->capacity > 0 ? db->capacity * 2 : 64;
        db->pairs = realloc(db->pairs, db->capacity * sizeof(*db->pairs));
    }
    memmove(db->pairs + at + 1, db->pairs + at, (db->count - at) * sizeof(*db->pairs));
    db->pairs[at] = (struct pair){copy(key.data, key.len), copy(value.data, value.len)};
    db->count++;
}

/* Remove pairs [from, to). Locked. */
static void remove_locked(rocksdb_t *db, size_t from, size_t to)
{
    if (to <= from)
        return;
    for (size_t i = from; i < to; i++) {
        free(db->pairs[i].key.data);
        free(db->pairs[i].value.data);
    }
    memmove(db->pairs + from, db->pairs + to, (db->count - to) * sizeof(*db->pairs));
    db->count -= to - from;
}

static void run_op(rocksdb_t *db, const struct op *op)
{
    if (op->is_put) {
        put_locked(db, op->key, op->value);
        return;
    }
    size_t from = lower_bound(db, op->key.data, op->key.len);
    if (op->is_range)
        remove_locked(db, from, lower_bound(db, op->value.data, op->value.len));
    else if (is_at(db, from, op->key.data, op->key.len))
        remove_locked(db, from, from + 1);
}

rocksdb_t *rocksdb_open(const rocksdb_options_t *options, const char *name, char **errptr)
{
    (void)options;
    mkdir(name, 0700);
    pthread_mutex_lock(&all_lock);
    rocksdb_t *db = all;
    while (db != NULL && strcmp(db->dir, name) != 0)
        db = db->next;
    if (db == NULL) {
        db = calloc(1, sizeof(*db));
        db->dir = strdup(name);
        pthread_mutex_init(&db->lock, NULL);
        db->next = all;
        all = db;
    }
    if (db->is_open) {
        if (asprintf(errptr, "IO error: lock %s/LOCK: held", name) < 0)
            abort();
        db = NULL;
    } else {
        db->is_open = true;
    }
    pthread_mutex_unlock(&all_lock);
    return db;
}

void rocksdb_close(rocksdb_t *db)
{
    pthread_mutex_lock(&all_lock);
    db->is_open = false;
    pthread_mutex_unlock(&all_lock);
}

void rocksdb_free(void *ptr)
{
    free(ptr);
}

char *rocksdb_get(rocksdb_t *db, const rocksdb_readoptions_t *options, const char *key,
                  size_t keylen, size_t *vallen, char **errptr)
{
    char *out = NULL;
    (void)options;
    (void)errptr;
    pthread_mutex_lock(&db->lock);
    size_t at = lower_bound(db, key, keylen);
    *vallen = 0;
    if (is_at(db, at, key, keylen)) {
        *vallen = db->pairs[at].value.len;
        out = copy(db->pairs[at].value.data, *vallen).data;
    }
    pthread_mutex_unlock(&db->lock);
    return out;
}

void rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options,
                   rocksdb_writebatch_t *batch, char **errptr)
{
    (void)options;
    (void)errptr;
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < batch->count; i++)
        run_op(db, &batch->ops[i]);
    pthread_mutex_unlock(&db->lock);
}

void rocksdb_put(rocksdb_t *db, const rocksdb_writeoptions_t *options, const char *key,
                 size_t keylen, const char *val, size_t vallen, char **errptr)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put(batch, key, keylen, val, vallen);
    rocksdb_write(db, options, batch, errptr);
    rocksdb_writebatch_destroy(batch);
}

void rocksdb_delete(rocksdb_t *db, const rocksdb_writeoptions_t *options, const char *key,
                    size_t keylen, char **errptr)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete(batch, key, keylen);
    rocksdb_write(db, options, batch, errptr);
    rocksdb_writebatch_destroy(batch);
}

rocksdb_writebatch_t *rocksdb_writebatch_create(void)
{
    return calloc(1, sizeof(rocksdb_writebatch_t));
}

void rocksdb_writebatch_clear(rocksdb_writebatch_t *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->ops[i].key.data);
        free(batch->ops[i].value.data);
    }
    batch->count = 0;
}

void rocksdb_writebatch_destroy(rocksdb_writebatch_t *batch)
{
    rocksdb_writebatch_clear(batch);
    free(batch->ops);
    free(batch);
}

static void add_op(rocksdb_writebatch_t *batch, struct op op)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity > 0 ? batch->capacity * 2 : 16;
        batch->ops = realloc(batch->ops, batch->capacity * sizeof(*batch->ops));
    }
    batch->ops[batch->count++] = op;
}

void rocksdb_writebatch_put(rocksdb_writebatch_t *batch, const char *key, size_t klen,
                            const char *val, size_t vlen)
{
    add_op(batch, (struct op){.is_put = true, .key = copy(key, klen), .value = copy(val, vlen)});
}

void rocksdb_writebatch_putv(rocksdb_writebatch_t *batch, int num_keys,
                             const char *const *keys_list, const size_t *keys_list_sizes,
                             int num_values, const char *const *values_list,
                             const size_t *values_list_sizes)
{
    size_t len = 0, at = 0;
    if (num_keys != 1)
        abort();
    for (int i = 0; i < num_values; i++)
        len += values_list_sizes[i];
    struct slice value = {malloc(len + 1), len};
    for (int i = 0; i < num_values; i++) {
        memcpy(value.data + at, values_list[i], values_list_sizes[i]);
        at += values_list_sizes[i];
    }
    add_op(
        batch,
        (struct op){.is_put = true, .key = copy(keys_list[0], keys_list_sizes[0]), .value = value});
}

void rocksdb_writebatch_delete(rocksdb_writebatch_t *batch, const char *key, size_t klen)
{
    add_op(batch, (struct op){.key = copy(key, klen)});
}

void rocksdb_writebatch_delete_range(rocksdb_writebatch_t *batch, const char *start_key,
                                     size_t start_key_len, const char *end_key, size_t end_key_len)
{
    add_op(batch, (struct op){.is_range = true,
                              .key = copy(start_key, start_key_len),
                              .value = copy(end_key, end_key_len)});
}

rocksdb_iterator_t *rocksdb_create_iterator(rocksdb_t *db, const rocksdb_readoptions_t *options)
{
    rocksdb_iterator_t *iter = calloc(1, sizeof(*iter));
    (void)options;
    iter->db = db;
    return iter;
}

static void drop_pair(rocksdb_iterator_t *iter)
{
    free(iter->key.data);
    free(iter->value.data);
    iter->key = iter->value = (struct slice){0};
}

void rocksdb_iter_destroy(rocksdb_iterator_t *iter)
{
    drop_pair(iter);
    free(iter);
}

static void take_pair(rocksdb_iterator_t *iter, size_t at)
{
    drop_pair(iter);
    iter->is_valid = at < iter->db->count;
    if (!iter->is_valid)
        return;
    const struct pair *pair = &iter->db->pairs[at];
    iter->key = copy(pair->key.data, pair->key.len);
    iter->value = copy(pair->value.data, pair->value.len);
}

void rocksdb_iter_seek(rocksdb_iterator_t *iter, const char *k, size_t klen)
{
    pthread_mutex_lock(&iter->db->lock);
    take_pair(iter, lower_bound(iter->db, k, klen));
    pthread_mutex_unlock(&iter->db->lock);
}

void rocksdb_iter_seek_to_first(rocksdb_iterator_t *iter)
{
    rocksdb_iter_seek(iter, "", 0);
}

void rocksdb_iter_next(rocksdb_iterator_t *iter)
{
    pthread_mutex_lock(&iter->db->lock);
    size_t at = lower_bound(iter->db, iter->key.data, iter->key.len);
    at += is_at(iter->db, at, iter->key.data, iter->key.len) ? 1 : 0;
    take_pair(iter, at);
    pthread_mutex_unlock(&iter->db->lock);
}

unsigned char rocksdb_iter_valid(const rocksdb_iterator_t *iter)
{
    return iter->is_valid;
}

const char *rocksdb_iter_key(const rocksdb_iterator_t *iter, size_t *klen)
{
    *klen = iter->key.len;
    return iter->key.data;
}

const char *rocksdb_iter_value(const rocksdb_iterator_t *iter, size_t *vlen)
{
    *vlen = iter->value.len;
    return iter->value.data;
}

void rocksdb_iter_get_error(const rocksdb_iterator_t *iter, char **errptr)
{
    (void)iter;
    (void)errptr;
}

/* Tuning and hints mean nothing here. */
#define OBJECT(type, create, destroy)                                                              \
    type *create(void)                                                                             \
    {                                                                                              \
        return calloc(1, 1);                                                                       \
    }                                                                                              \
    void destroy(type *object)                                                                     \
    {                                                                                              \
        free(object);                                                                              \
    }
#define IGNORED(type, set, value)                                                                  \
    void set(type *object, value ignored)                                                          \
    {                                                                                              \
        (void)object;                                                                              \
        (void)ignored;                                                                             \
    }
OBJECT(rocksdb_options_t, rocksdb_options_create, rocksdb_options_destroy)
OBJECT(rocksdb_writeoptions_t, rocksdb_writeoptions_create, rocksdb_writeoptions_destroy)
OBJECT(rocksdb_readoptions_t, rocksdb_readoptions_create, rocksdb_readoptions_destroy)
OBJECT(rocksdb_block_based_table_options_t, rocksdb_block_based_options_create,
       rocksdb_block_based_options_destroy)
IGNORED(rocksdb_options_t, rocksdb_options_set_create_if_missing, unsigned char)
IGNORED(rocksdb_options_t, rocksdb_options_set_paranoid_checks, unsigned char)
IGNORED(rocksdb_options_t, rocksdb_options_set_wal_recovery_mode, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_write_buffer_size, size_t)
IGNORED(rocksdb_options_t, rocksdb_options_set_max_write_buffer_number, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_max_total_wal_size, uint64_t)
IGNORED(rocksdb_options_t, rocksdb_options_set_target_file_size_base, uint64_t)
IGNORED(rocksdb_options_t, rocksdb_options_set_compression, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_max_background_jobs, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_max_open_files, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_info_log_level, int)
IGNORED(rocksdb_options_t, rocksdb_options_set_max_log_file_size, size_t)
IGNORED(rocksdb_options_t, rocksdb_options_set_keep_log_file_num, size_t)
IGNORED(rocksdb_options_t, rocksdb_options_set_stats_dump_period_sec, unsigned int)
IGNORED(rocksdb_options_t, rocksdb_options_set_stats_persist_period_sec, unsigned int)
IGNORED(rocksdb_options_t, rocksdb_options_set_block_based_table_factory,
        rocksdb_block_based_table_options_t *)
IGNORED(rocksdb_block_based_table_options_t, rocksdb_block_based_options_set_block_cache,
        rocksdb_cache_t *)
IGNORED(rocksdb_readoptions_t, rocksdb_readoptions_set_verify_checksums, unsigned char)
IGNORED(rocksdb_readoptions_t, rocksdb_readoptions_set_fill_cache, unsigned char)
IGNORED(rocksdb_writeoptions_t, rocksdb_writeoptions_set_sync, unsigned char)

rocksdb_cache_t *rocksdb_cache_create_lru(size_t capacity)
{
    (void)capacity;
    return calloc(1, 1);
}

void rocksdb_cache_destroy(rocksdb_cache_t *cache)
{
    free(cache);
}

void rocksdb_delete_file_in_range(rocksdb_t *db, const char *start_key, size_t start_key_len,
                                  const char *limit_key, size_t limit_key_len, char **errptr)
{
    (void)db, (void)start_key, (void)start_key_len;
    (void)limit_key, (void)limit_key_len, (void)errptr;
}

void rocksdb_suggest_compact_range(rocksdb_t *db, const char *start_key, size_t start_key_len,
                                   const char *limit_key, size_t limit_key_len, char **errptr)
{
    (void)db, (void)start_key, (void)start_key_len;
    (void)limit_key, (void)limit_key_len, (void)errptr;
}

int rocksdb_property_int(rocksdb_t *db, const char *name, uint64_t *out)
{
    (void)db, (void)name, (void)out;
    return -1; /* no such property */
}

rocksdb_checkpoint_t *rocksdb_checkpoint_object_create(rocksdb_t *db, char **errptr)
{
    (void)db;
    *errptr = strdup("no checkpoints here");
    return NULL;
}

void rocksdb_checkpoint_create(rocksdb_checkpoint_t *checkpoint, const char *dir, uint64_t log_size,
                               char **errptr)
{
    (void)checkpoint, (void)dir, (void)log_size, (void)errptr;
}

void rocksdb_checkpoint_object_destroy(rocksdb_checkpoint_t *checkpoint)
{
    (void)checkpoint;
}
