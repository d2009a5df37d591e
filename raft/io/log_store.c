/* raft/io/log_store.c: writes, reads, trims and resets the log. */
#include "raft/io/log_store_internal.h"

#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/core/assert.h"
#include "raft/io/log_store_record.h"

#define SINGLE_DELETES_MAX 1024 /* a longer tail goes by one range deletion */

static int open_failed(const struct log_store *store, int code, const char *error, char *message)
{
    const char *advice = "Check the disk and the folder's owner and mode.";
    if (code == RAFT_EBUSY)
        advice = "Another quartetd is running on this data directory.";
    else if (code == RAFT_ECORRUPT)
        advice = "This node's log is damaged: remove its data directory and join again with a new "
                 "token; the rest of the cluster is unaffected.";
    snprintf(message, LOG_STORE_MESSAGE_LEN, "%.200s: cannot be opened: %s. %s", store->dir, error,
             advice);
    return code;
}

static struct log_store *new_store(const char *dir)
{
    struct log_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return NULL;
    snprintf(store->dir, sizeof(store->dir), "%s", dir);
    pthread_mutex_init(&store->lock, NULL);
    store->options = rocks_log_options();
    store->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->synced, 1);
    store->verified = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(store->verified, 1);
    rocksdb_readoptions_set_fill_cache(store->verified, 0);
    store->batch = rocksdb_writebatch_create();
    return store;
}

int log_store_open(const char *dir, struct log_store_start *start, char *message,
                   struct log_store **out)
{
    char error[280];
    struct log_store *store = new_store(dir);
    if (store == NULL) {
        snprintf(message, LOG_STORE_MESSAGE_LEN, "out of memory");
        return RAFT_ENOMEM;
    }
    int code = rocks_open(store->options, dir, &store->db, error, sizeof(error));
    if (code != 0)
        code = open_failed(store, code, error, message);
    else
        code = log_store__load(store, start, message);
    if (code != 0) {
        log_store_close(store);
        return code;
    }
    *out = store;
    return 0;
}

void log_store_close(struct log_store *store)
{
    if (store == NULL)
        return;
    if (store->db != NULL)
        rocksdb_close(store->db);
    rocksdb_writebatch_destroy(store->batch);
    rocksdb_readoptions_destroy(store->verified);
    rocksdb_writeoptions_destroy(store->synced);
    rocksdb_options_destroy(store->options);
    log_marks_fini(&store->marks);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

int log_store__commit(struct log_store *store, char *message)
{
    char *text = NULL;
    rocksdb_write(store->db, store->synced, store->batch, &text);
    rocksdb_writebatch_clear(store->batch);
    if (text == NULL)
        return 0;
    char error[280];
    rocks_error_take(text, error, sizeof(error));
    snprintf(message, LOG_STORE_MESSAGE_LEN,
             "%.200s: a write failed: %s. What is on disk is unknown, so this node must stop; "
             "check the disk and its free space, then start it again.",
             store->dir, error);
    return RAFT_EIO;
}

void log_store__put_base(struct log_store *store, const struct raft_snapshot *base)
{
    uint8_t value[LOG_RECORD_BASE_LEN_MAX];
    size_t len = log_record_base(base, value);
    rocksdb_writebatch_put(store->batch, log_record_base_key, LOG_RECORD_META_LEN,
                           (const char *)value, len);
}

void log_store__put_hard_state(struct log_store *store, const struct raft_hard_state *state)
{
    uint8_t value[LOG_RECORD_HARD_STATE_LEN];
    log_record_hard_state(state, value);
    rocksdb_writebatch_put(store->batch, log_record_hard_state_key, LOG_RECORD_META_LEN,
                           (const char *)value, sizeof(value));
}

static void put_entry(struct log_store *store, const struct raft_entry *entry)
{
    uint8_t key[LOG_RECORD_KEY_LEN], header[LOG_RECORD_HEADER_LEN];
    log_record_key(entry->index, key);
    log_record_entry_header(entry, header);
    const char *keys[] = {(const char *)key};
    const size_t key_lens[] = {sizeof(key)};
    const char *parts[] = {(const char *)header, NULL};
    size_t part_lens[] = {sizeof(header), 0};
    int part_count = 1;
    if (entry->data != NULL) {
        parts[1] = (const char *)entry->data->data;
        part_lens[1] = entry->data->len;
        part_count = 2;
    }
    rocksdb_writebatch_putv(store->batch, 1, keys, key_lens, part_count, parts, part_lens);
}

static void delete_entries(struct log_store *store, uint64_t first, uint64_t last)
{
    uint8_t key[LOG_RECORD_KEY_LEN], end[LOG_RECORD_KEY_LEN];
    if (last < first)
        return;
    if (last - first < SINGLE_DELETES_MAX) {
        for (uint64_t index = first; index <= last; index++) {
            log_record_key(index, key);
            rocksdb_writebatch_delete(store->batch, (const char *)key, sizeof(key));
        }
        return;
    }
    log_record_key(first, key);
    log_record_key(last + 1, end);
    rocksdb_writebatch_delete_range(store->batch, (const char *)key, sizeof(key), (const char *)end,
                                    sizeof(end));
}

/* Put one update's entries into the batch and the marks. */
static void replace_tail(struct log_store *store, const struct log_write *write)
{
    const struct raft_entry *entries = write->entries;
    uint64_t last = store->marks.last.index;
    uint64_t new_last = entries[0].index + write->entry_count - 1;
    RAFT_ASSERT(entries[0].index > store->base.index && entries[0].index <= last + 1);
    if (last > new_last)
        delete_entries(store, new_last + 1, last);
    log_marks_cut(&store->marks, entries[0].index - 1);
    for (uint32_t i = 0; i < write->entry_count; i++) {
        RAFT_ASSERT(entries[i].index == entries[0].index + i);
        put_entry(store, &entries[i]);
        size_t len = entries[i].data != NULL ? entries[i].data->len : 0;
        log_marks_add(&store->marks, entries[i].index, LOG_RECORD_HEADER_LEN + len);
    }
}

int log_store_write(struct log_store *store, const struct log_write *writes, uint32_t count,
                    char *message)
{
    pthread_mutex_lock(&store->lock);
    for (uint32_t i = 0; i < count; i++) {
        if (writes[i].entry_count > 0)
            replace_tail(store, &writes[i]);
        if (writes[i].hard_state != NULL)
            log_store__put_hard_state(store, writes[i].hard_state);
    }
    pthread_mutex_unlock(&store->lock);
    return log_store__commit(store, message);
}

/* Give the space of the entries up to the base back: whole files at once, the rest by compaction.
 * A file that goes takes its tombstones with it, and what they hid in a larger file is seen again:
 * harmless up to the base, behind which reading begins, but never to be done beyond it. Only hints;
 * a failure shows in the next write. */
static void release_space(struct log_store *store)
{
    uint8_t key[LOG_RECORD_KEY_LEN], end[LOG_RECORD_KEY_LEN];
    char *text = NULL;
    log_record_key(1, key);
    log_record_key(store->base.index, end);
    rocksdb_delete_file_in_range(store->db, (const char *)key, sizeof(key), (const char *)end,
                                 sizeof(end), &text);
    rocksdb_free(text);
    text = NULL;
    rocksdb_suggest_compact_range(store->db, (const char *)key, sizeof(key), (const char *)end,
                                  sizeof(end), &text);
    rocksdb_free(text);
}

int log_store_trim(struct log_store *store, const struct raft_snapshot *base, char *message)
{
    uint64_t before = store->base.index;
    RAFT_ASSERT(base->index >= before && base->index <= store->marks.last.index);
    /* The bounds first: a reader that comes late is told RAFT_ECOMPACTED, not shown a gap. */
    pthread_mutex_lock(&store->lock);
    store->base = *base;
    log_marks_trim(&store->marks, base->index);
    pthread_mutex_unlock(&store->lock);
    delete_entries(store, before + 1, base->index);
    log_store__put_base(store, base);
    int code = log_store__commit(store, message);
    if (code == 0)
        release_space(store);
    return code;
}

int log_store_reset(struct log_store *store, const struct raft_snapshot *base, char *message)
{
    uint64_t before = store->base.index, last = store->marks.last.index, term = 0;
    RAFT_ASSERT(base->index >= before);
    if (base->index <= last && log_store_term(store, base->index, &term) == 0 && term == base->term)
        return log_store_trim(store, base, message);
    pthread_mutex_lock(&store->lock);
    store->base = *base;
    log_marks_reset(&store->marks, base->index);
    pthread_mutex_unlock(&store->lock);
    delete_entries(store, before + 1, last);
    log_store__put_base(store, base);
    int code = log_store__commit(store, message);
    if (code == 0)
        release_space(store);
    return code;
}

static int check_bounds(struct log_store *store, uint64_t index)
{
    pthread_mutex_lock(&store->lock);
    uint64_t base = store->base.index, last = store->marks.last.index;
    pthread_mutex_unlock(&store->lock);
    if (index <= base)
        return RAFT_ECOMPACTED;
    return index <= last ? 0 : RAFT_ENOENT;
}

/* What a missing or broken record under @index means now: trimmed meanwhile, or the disk. */
static int read_failed(struct log_store *store, uint64_t index)
{
    return check_bounds(store, index) == RAFT_ECOMPACTED ? RAFT_ECOMPACTED : RAFT_EIO;
}

static int read_at(struct log_store *store, rocksdb_iterator_t *it, uint64_t index,
                   struct raft_entry *out)
{
    size_t key_len, len;
    const char *why = NULL;
    if (!rocksdb_iter_valid(it))
        return read_failed(store, index);
    const char *key = rocksdb_iter_key(it, &key_len);
    const uint8_t *value = (const uint8_t *)rocksdb_iter_value(it, &len);
    if (key_len != LOG_RECORD_KEY_LEN || log_record_index((const uint8_t *)key) != index)
        return read_failed(store, index);
    int code = log_record_entry_decode(index, value, len, out, &why);
    return code == 0 || code == RAFT_ENOMEM ? code : RAFT_EIO;
}

int log_store_read(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                   uint32_t *count)
{
    struct log_store *store = user;
    int code = check_bounds(store, first);
    if (code != 0)
        return code;
    uint8_t key[LOG_RECORD_KEY_LEN];
    uint32_t done = 0;
    size_t total = 0;
    log_record_key(first, key);
    rocksdb_iterator_t *it = rocksdb_create_iterator(store->db, store->verified);
    for (rocksdb_iter_seek(it, (const char *)key, sizeof(key)); done < *count;
         rocksdb_iter_next(it)) {
        if (done > 0 && !rocksdb_iter_valid(it))
            break;
        code = read_at(store, it, first + done, &out[done]);
        if (code != 0)
            break;
        size_t len = out[done].data != NULL ? out[done].data->len : 0;
        if (done > 0 && total + len > len_max) {
            raft_buf_unref(out[done].data);
            break;
        }
        total += len;
        done++;
    }
    rocksdb_iter_destroy(it);
    if (code != 0) {
        for (uint32_t i = 0; i < done; i++)
            raft_buf_unref(out[i].data);
        return code;
    }
    *count = done;
    return 0;
}

int log_store_term(void *user, uint64_t index, uint64_t *out)
{
    struct log_store *store = user;
    pthread_mutex_lock(&store->lock);
    struct log_mark base = {.index = store->base.index, .total = store->base.term};
    pthread_mutex_unlock(&store->lock);
    if (index == base.index) {
        *out = base.total;
        return 0;
    }
    int code = check_bounds(store, index);
    if (code != 0)
        return code;
    uint8_t key[LOG_RECORD_KEY_LEN];
    size_t len = 0;
    char *text = NULL;
    log_record_key(index, key);
    char *value =
        rocksdb_get(store->db, store->verified, (const char *)key, sizeof(key), &len, &text);
    if (text != NULL || value == NULL ||
        log_record_entry_term((const uint8_t *)value, len, out) != 0)
        code = read_failed(store, index);
    rocksdb_free(value);
    rocksdb_free(text);
    return code;
}

uint64_t log_store_trim_target(struct log_store *store, uint64_t keep_entries, uint64_t keep_len)
{
    pthread_mutex_lock(&store->lock);
    struct log_mark base = store->marks.base, last = store->marks.last;
    uint64_t target = last.index > keep_entries ? last.index - keep_entries : 0;
    struct log_mark by_len = log_marks_before(&store->marks, keep_len);
    if (by_len.index > target)
        target = by_len.index;
    /* An eighth more than asked for stays before it is worth a flush and a synced write. */
    bool is_worth = target >= base.index + keep_entries / 8 + 1 ||
                    by_len.total >= base.total + keep_len / 8 + 1;
    pthread_mutex_unlock(&store->lock);
    return is_worth && target > base.index ? target : 0;
}

void log_store_status(struct log_store *store, struct log_store_status *out)
{
    pthread_mutex_lock(&store->lock);
    *out = (struct log_store_status){.first_index = store->base.index + 1,
                                     .last_index = store->marks.last.index,
                                     .entries_len = log_marks_len(&store->marks)};
    pthread_mutex_unlock(&store->lock);
}

static uint64_t property(const struct log_store *store, const char *name)
{
    uint64_t value = 0;
    return rocksdb_property_int(store->db, name, &value) == 0 ? value : 0;
}

void log_store_memory(struct log_store *store, struct log_store_memory *out)
{
    *out = (struct log_store_memory){
        .block_cache = property(store, "rocksdb.block-cache-usage"),
        .memtables = property(store, "rocksdb.size-all-mem-tables"),
        .table_readers = property(store, "rocksdb.estimate-table-readers-mem"),
    };
}

int log_store_copy(struct log_store *store, const char *dir, char *message)
{
    char error[280], *text = NULL;

    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->db, &text);
    if (text == NULL) {
        rocksdb_checkpoint_create(checkpoint, dir, 0, &text); /* 0: flush, so no WAL is copied */
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    if (text == NULL)
        return 0;
    int code = rocks_error_take(text, error, sizeof(error));
    snprintf(message, LOG_STORE_MESSAGE_LEN, "%.200s: the log cannot be copied there: %s", dir,
             error);
    return code;
}
