#include "store/kv_rocks.h"

#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"

/* Memory is bounded: one block cache for all families, and all write buffers together. */
#define CACHE_LEN (16u << 20)
#define WRITE_BUFFERS_LEN (256u << 20)
#define RECORD_SETS_BUFFER_LEN (64u << 20)
#define OTHER_BUFFER_LEN (16u << 20)
#define SETTLE_LEN (4u << 20)      /* in memtables: worth a file of its own */
#define READAHEAD_LEN (256u << 10) /* when all is read: fewer reads, no thrashing of the disk */
#define LOG_FILES_KEPT 4
#define RANGE_KEYS_MAX 1000u     /* ranges of up to so many keys are deleted key by key */
#define WAL_LEN_MAX (128u << 20) /* what a start after a kill reads again at most */

enum { RECOVER_POINT_IN_TIME = 2 }; /* rocksdb_point_in_time_recovery: the log has what is lost */
enum { INFO_LOG_FATAL = 4 };        /* rocksdb's InfoLogLevel, not named in its C header */

struct rocks {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[KV_FAMILIES];
    rocksdb_readoptions_t *read;
    rocksdb_readoptions_t *verifying;
    rocksdb_writeoptions_t *write;
    rocksdb_writebatch_t *batch;
};

/* RocksDB tells kinds of failure apart only by how its texts begin. Takes @text. */
static int translate(const char *what, char *text)
{
    int rc = ERR_IO;

    if (strncmp(text, "Corruption:", 11) == 0)
        rc = ERR_CORRUPT;
    else if (strstr(text, "lock ") && strstr(text, "IO error"))
        rc = ERR_BUSY;
    else if (strstr(text, "does not exist") && strncmp(text, "Invalid argument", 16) == 0)
        rc = ERR_NOT_FOUND;
    else if (strstr(text, "olumn famil"))
        rc = ERR_VERSION;
    log_error("store", "rocksdb_failed operation=%s reason=\"%s\"", what, text);
    rocksdb_free(text);
    return rc;
}

static int rocks_get(void *self, enum kv_family family, struct kv_slice key, struct kv_buffer *out)
{
    struct rocks *rocks = self;
    char *error = NULL;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        rocks->db, rocks->read, rocks->families[family], key.data, key.len, &error);

    if (error)
        return translate("get", error);
    if (!slice)
        return ERR_NOT_FOUND;
    size_t len;
    const char *value = rocksdb_pinnableslice_value(slice, &len);
    int rc = kv_buffer_set(out, value, len);
    rocksdb_pinnableslice_destroy(slice);
    return rc;
}

static int scan_from(rocksdb_iterator_t *iterator, const struct kv_range *range, kv_scan_cb cb,
                     void *user)
{
    struct kv_slice first = range->from.len > 0 ? range->from : range->prefix;
    char *error = NULL;

    rocksdb_iter_seek(iterator, first.data, first.len);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        struct kv_slice key, value;
        key.data = rocksdb_iter_key(iterator, &key.len);
        if (key.len < range->prefix.len ||
            (range->prefix.len > 0 && memcmp(key.data, range->prefix.data, range->prefix.len) != 0))
            break;
        value.data = rocksdb_iter_value(iterator, &value.len);
        int rc = cb(user, key, value);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    rocksdb_iter_get_error(iterator, &error);
    return error ? translate("scan", error) : 0;
}

static int rocks_scan(void *self, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    struct rocks *rocks = self;
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, range->is_verifying ? rocks->verifying : rocks->read,
                                   rocks->families[range->family]);
    int rc = scan_from(iterator, range, cb, user);

    rocksdb_iter_destroy(iterator);
    return rc;
}

static int compare(struct kv_slice a, struct kv_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Does a write of @writes put a key into the range that @range deletes? */
static bool puts_into(const struct kv_write *range, const struct kv_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].family == range->family && writes[i].op == KV_PUT &&
            compare(range->key, writes[i].key) <= 0 && compare(writes[i].key, range->value) < 0)
            return true;
    }
    return false;
}

/* Delete the stored keys of a small range one by one. false: they are too many, or cannot be read;
 * nothing was added then. */
static bool add_deletes(struct rocks *rocks, const struct kv_write *range)
{
    rocksdb_column_family_handle_t *family = rocks->families[range->family];
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(rocks->db, rocks->read, family);
    unsigned count = 0;
    char *error = NULL;
    bool is_end = false;

    rocksdb_writebatch_set_save_point(rocks->batch);
    rocksdb_iter_seek(iterator, range->key.data, range->key.len);
    for (; !is_end && rocksdb_iter_valid(iterator) && count <= RANGE_KEYS_MAX;) {
        struct kv_slice key;
        key.data = rocksdb_iter_key(iterator, &key.len);
        is_end = compare(key, range->value) >= 0;
        if (!is_end) {
            count++;
            rocksdb_writebatch_delete_cf(rocks->batch, family, key.data, key.len);
            rocksdb_iter_next(iterator);
        }
    }
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    bool is_done = !error && count <= RANGE_KEYS_MAX;
    char *ignored = NULL; /* there is a save point */
    if (is_done)
        rocksdb_writebatch_pop_save_point(rocks->batch, &ignored);
    else
        rocksdb_writebatch_rollback_to_save_point(rocks->batch, &ignored);
    rocksdb_free(ignored);
    rocksdb_free(error);
    return is_done;
}

static void batch_add(struct rocks *rocks, const struct kv_write *writes, size_t at)
{
    const struct kv_write *write = &writes[at];
    rocksdb_column_family_handle_t *family = rocks->families[write->family];
    const struct kv_slice *key = &write->key, *value = &write->value;

    switch (write->op) {
    case KV_PUT:
        rocksdb_writebatch_put_cf(rocks->batch, family, key->data, key->len, value->data,
                                  value->len);
        break;
    case KV_DELETE: rocksdb_writebatch_delete_cf(rocks->batch, family, key->data, key->len); break;
    case KV_DELETE_RANGE:
        /* Each iterator sorts all range deletions that are still in memory: thousands of them, of
         * as many small zones, make every read slow. */
        if (!puts_into(write, writes, at) && add_deletes(rocks, write))
            break;
        rocksdb_writebatch_delete_range_cf(rocks->batch, family, key->data, key->len, value->data,
                                           value->len);
        break;
    }
}

static int rocks_write(void *self, const struct kv_write *writes, size_t count)
{
    struct rocks *rocks = self;
    char *error = NULL;

    rocksdb_writebatch_clear(rocks->batch);
    for (size_t i = 0; i < count; i++) {
        ASSERT(writes[i].family < KV_FAMILIES);
        batch_add(rocks, writes, i);
    }
    rocksdb_write(rocks->db, rocks->write, rocks->batch, &error);
    return error ? translate("write", error) : 0;
}

static int rocks_flush(void *self)
{
    struct rocks *rocks = self;
    char *error = NULL;

    rocksdb_flush_wal(rocks->db, 1, &error);
    return error ? translate("flush", error) : 0;
}

static int rocks_checkpoint(void *self, const char *target)
{
    struct rocks *rocks = self;
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &error);

    if (error)
        return translate("checkpoint", error);
    rocksdb_checkpoint_create(checkpoint, target, 0, &error); /* 0: flush, so no WAL is copied */
    rocksdb_checkpoint_object_destroy(checkpoint);
    return error ? translate("checkpoint", error) : 0;
}

static int verify_family(struct rocks *rocks, enum kv_family family, const atomic_bool *is_stopped)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, rocks->verifying, rocks->families[family]);
    char *error = NULL;

    bool is_ended = false;

    for (rocksdb_iter_seek_to_first(iterator); !is_ended && rocksdb_iter_valid(iterator);) {
        rocksdb_iter_next(iterator);
        is_ended = is_stopped && atomic_load_explicit(is_stopped, memory_order_relaxed);
    }
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    if (error)
        return translate("verify", error);
    return is_ended ? ERR_CLOSED : 0;
}

static int rocks_verify(void *self, enum kv_family except, const atomic_bool *is_stopped)
{
    struct rocks *rocks = self;
    int rc = 0;

    for (unsigned i = 0; i < KV_FAMILIES && rc == 0; i++) {
        if (i != except)
            rc = verify_family(rocks, (enum kv_family)i, is_stopped);
    }
    return rc;
}

static rocksdb_readoptions_t *verifying_options(void)
{
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();

    rocksdb_readoptions_set_verify_checksums(read, 1);
    rocksdb_readoptions_set_fill_cache(read, 0);
    rocksdb_readoptions_set_readahead_size(read, READAHEAD_LEN);
    /* Else RocksDB 7.8 passes over a file of level 1 or below whose first block is damaged as if it
     * were empty: the error is lost where it puts the file's end in for its range deletions. */
    rocksdb_readoptions_set_ignore_range_deletions(read, 1);
    return read;
}

/* The WAL has everything, should this fail. */
static void flush_memtables(struct rocks *rocks, bool is_awaited)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *error = NULL;

    rocksdb_flushoptions_set_wait(options, is_awaited);
    for (unsigned i = 0; i < KV_FAMILIES && !error; i++)
        rocksdb_flush_cf(rocks->db, options, rocks->families[i], &error);
    rocksdb_flushoptions_destroy(options);
    if (error)
        translate("flush_memtables", error);
}

static void rocks_close(void *self)
{
    struct rocks *rocks = self;

    for (unsigned i = 0; i < KV_FAMILIES; i++) {
        if (rocks->families[i])
            rocksdb_column_family_handle_destroy(rocks->families[i]);
    }
    if (rocks->db)
        rocksdb_close(rocks->db);
    if (rocks->batch)
        rocksdb_writebatch_destroy(rocks->batch);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_readoptions_destroy(rocks->verifying);
    rocksdb_writeoptions_destroy(rocks->write);
    free(rocks);
}

static const struct kv_ops rocks_ops = {
    .get = rocks_get,
    .scan = rocks_scan,
    .write = rocks_write,
    .flush = rocks_flush,
    .checkpoint = rocks_checkpoint,
    .verify = rocks_verify,
    .close = rocks_close,
};

static rocksdb_options_t *database_options(bool is_new)
{
    rocksdb_options_t *options = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(options, is_new);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, RECOVER_POINT_IN_TIME);
    rocksdb_options_set_max_total_wal_size(options, WAL_LEN_MAX);
    /* Not a write() for each entry: kv_rocks_write_out() and kv_flush() do it for many. */
    rocksdb_options_set_manual_wal_flush(options, 1);
    rocksdb_options_set_db_write_buffer_size(options, WRITE_BUFFERS_LEN);
    rocksdb_options_set_max_background_jobs(options, 2);
    /* Its information log must be silent: on a full disk RocksDB 7.8 as Debian builds it aborts at
     * the second line of it that cannot be written, before we can say why. */
    rocksdb_options_set_info_log_level(options, INFO_LOG_FATAL);
    rocksdb_options_set_keep_log_file_num(options, LOG_FILES_KEPT);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0); /* there is one writer */
    return options;
}

/* Options of one family; they share @cache. */
static rocksdb_options_t *family_options(enum kv_family family, rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    bool is_large = family == KV_RECORD_SETS;

    rocksdb_block_based_options_set_block_cache(table, cache);
    /* Index blocks stay with their open file, all of which are open (about 2 MiB for 1,000,000
     * record sets), so they are checked when the state is opened. In the cache they would be read
     * when needed, and RocksDB 7.8 passes over a file whose index block fails its checksum as if
     * the file were empty. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0);
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table); /* the factory has copied it */
    rocksdb_options_set_compression(options,
                                    is_large ? rocksdb_lz4_compression : rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(options,
                                          is_large ? RECORD_SETS_BUFFER_LEN : OTHER_BUFFER_LEN);
    rocksdb_options_set_max_write_buffer_number(options, is_large ? 4 : 2);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, is_large ? 0.05 : 0.02);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    return options;
}

static int open_families(struct rocks *rocks, const char *folder, const rocksdb_options_t *options)
{
    const char *names[KV_FAMILIES + 1];
    const rocksdb_options_t *each[KV_FAMILIES + 1];
    rocksdb_options_t *owned[KV_FAMILIES];
    rocksdb_column_family_handle_t *handles[KV_FAMILIES + 1] = {NULL};
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(CACHE_LEN);
    char *error = NULL;

    names[KV_FAMILIES] = "default"; /* RocksDB insists on it; unused */
    each[KV_FAMILIES] = options;
    for (unsigned i = 0; i < KV_FAMILIES; i++) {
        names[i] = kv_family_name((enum kv_family)i);
        each[i] = owned[i] = family_options((enum kv_family)i, cache);
    }
    rocks->db = rocksdb_open_column_families(options, folder, KV_FAMILIES + 1, names, each, handles,
                                             &error);
    for (unsigned i = 0; i < KV_FAMILIES; i++) {
        rocks->families[i] = error ? NULL : handles[i];
        rocksdb_options_destroy(owned[i]);
    }
    if (!error)
        rocksdb_column_family_handle_destroy(handles[KV_FAMILIES]);
    rocksdb_cache_destroy(cache);
    return error ? translate("open", error) : 0;
}

int kv_rocks_open(const char *folder, bool is_new, struct kv *out)
{
    struct rocks *rocks = calloc(1, sizeof(*rocks));
    if (!rocks)
        return ERR_NOMEM;
    rocks->read = rocksdb_readoptions_create();
    rocks->verifying = verifying_options();
    rocks->write = rocksdb_writeoptions_create(); /* WAL on, sync off: kv_flush() syncs */
    rocks->batch = rocksdb_writebatch_create();
    rocksdb_options_t *options = database_options(is_new);
    int rc = open_families(rocks, folder, options);

    rocksdb_options_destroy(options);
    if (rc != 0) {
        rocks->db = NULL;
        rocks_close(rocks);
        return rc;
    }
    *out = (struct kv){&rocks_ops, rocks};
    return 0;
}

int kv_rocks_write_out(const struct kv *kv)
{
    struct rocks *rocks = kv->self;
    char *error = NULL;

    ASSERT(kv->ops == &rocks_ops);
    rocksdb_flush_wal(rocks->db, 0, &error);
    return error ? translate("write_out", error) : 0;
}

static uint64_t property(struct rocks *rocks, unsigned family, const char *name)
{
    uint64_t value = 0;

    return rocksdb_property_int_cf(rocks->db, rocks->families[family], name, &value) == 0 ? value
                                                                                          : 0;
}

void kv_rocks_memory(const struct kv *kv, struct kv_rocks_memory *out)
{
    struct rocks *rocks = kv->self;

    ASSERT(kv->ops == &rocks_ops);
    /* The families share one cache. */
    *out = (struct kv_rocks_memory){.block_cache = property(rocks, 0, "rocksdb.block-cache-usage")};
    for (unsigned i = 0; i < KV_FAMILIES; i++) {
        out->memtables += property(rocks, i, "rocksdb.size-all-mem-tables");
        out->table_readers += property(rocks, i, "rocksdb.estimate-table-readers-mem");
    }
}

void kv_rocks_settle(const struct kv *kv)
{
    struct kv_rocks_memory memory;

    kv_rocks_memory(kv, &memory);
    if (memory.memtables >= SETTLE_LEN)
        flush_memtables(kv->self, false);
}

void kv_rocks_write_memtables(const struct kv *kv)
{
    ASSERT(kv->ops == &rocks_ops);
    flush_memtables(kv->self, true);
}
