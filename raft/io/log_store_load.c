/* raft/io/log_store_load.c: verify the whole log when it is opened. What cannot be proven whole
 * refuses to start: a node that forgot what it acknowledged can undo a commit. */
#include "raft/io/log_store_internal.h"

#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/io/log_store_record.h"

#define ENTRIES_FIRST_CAPACITY 1024
#define MESSAGE_PATH_MAX 200

/* "DIR: what. What to do." */
__attribute__((format(printf, 4, 5))) static int damaged(const struct log_store *store, int code,
                                                         char *message, const char *format, ...)
{
    char what[240];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    const char *advice =
        code == RAFT_EVERSION
            ? "Start the program version that wrote it, or a newer one."
            : "This node's log is damaged: remove its data directory and join again with a new "
              "token; the rest of the cluster is unaffected.";
    snprintf(message, LOG_STORE_MESSAGE_LEN, "%.*s: %s. %s", MESSAGE_PATH_MAX, store->dir, what,
             advice);
    return code;
}

static int taken(const struct log_store *store, char *text, char *message)
{
    char error[200];
    int code = rocks_error_take(text, error, sizeof(error));
    return damaged(store, code, message, "cannot be read: %s", error);
}

/* Value of a meta key; *@out NULL when absent; freed by rocksdb_free(). */
static int get_meta(struct log_store *store, const char *key, uint8_t **out, size_t *len,
                    char *message)
{
    char *text = NULL;
    char *value = rocksdb_get(store->db, store->verified, key, LOG_RECORD_META_LEN, len, &text);
    if (text != NULL)
        return taken(store, text, message);
    *out = (uint8_t *)value;
    return 0;
}

static bool is_empty(struct log_store *store)
{
    rocksdb_iterator_t *it = rocksdb_create_iterator(store->db, store->verified);
    rocksdb_iter_seek_to_first(it);
    bool empty = !rocksdb_iter_valid(it);
    rocksdb_iter_destroy(it);
    return empty;
}

static int create(struct log_store *store, char *message)
{
    const uint8_t version = LOG_STORE_FORMAT_VERSION;
    const struct raft_snapshot base = {0};
    const struct raft_hard_state state = {0};
    rocksdb_writebatch_put(store->batch, log_record_version_key, LOG_RECORD_META_LEN,
                           (const char *)&version, 1);
    log_store__put_base(store, &base);
    log_store__put_hard_state(store, &state);
    return log_store__commit(store, message);
}

static int check_version(struct log_store *store, char *message)
{
    uint8_t *value = NULL;
    size_t len = 0;
    int code = get_meta(store, log_record_version_key, &value, &len, message);
    if (code != 0)
        return code;
    if (value == NULL) {
        if (is_empty(store))
            return create(store, message);
        return damaged(store, RAFT_ECORRUPT, message, "has entries but no format version");
    }
    uint8_t version = len == 1 ? value[0] : 0;
    rocksdb_free(value);
    if (version != LOG_STORE_FORMAT_VERSION)
        return damaged(store, RAFT_EVERSION, message, "has format version %u, known is %d", version,
                       LOG_STORE_FORMAT_VERSION);
    return 0;
}

static int load_hard_state(struct log_store *store, struct raft_hard_state *out, char *message)
{
    uint8_t *value = NULL;
    size_t len = 0;
    int code = get_meta(store, log_record_hard_state_key, &value, &len, message);
    if (code != 0)
        return code;
    if (value == NULL || log_record_hard_state_decode(value, len, out) != 0)
        code = damaged(store, RAFT_ECORRUPT, message,
                       "term and vote are missing or fail their checksum");
    rocksdb_free(value);
    return code;
}

static int load_base(struct log_store *store, struct raft_snapshot *out, char *message)
{
    uint8_t *value = NULL;
    size_t len = 0;
    int code = get_meta(store, log_record_base_key, &value, &len, message);
    if (code != 0)
        return code;
    if (value == NULL || log_record_base_decode(value, len, out) != 0)
        code = damaged(store, RAFT_ECORRUPT, message,
                       "the record of where the log begins is missing or fails its checksum");
    rocksdb_free(value);
    return code;
}

/* Room for one more entry. */
static int grow(struct log_store_start *start, uint64_t *capacity)
{
    if (start->entry_count < *capacity)
        return 0;
    uint64_t larger = *capacity > 0 ? *capacity * 2 : ENTRIES_FIRST_CAPACITY;
    struct raft_entry *entries = realloc(start->entries, larger * sizeof(*entries));
    if (entries == NULL)
        return RAFT_ENOMEM;
    start->entries = entries;
    *capacity = larger;
    return 0;
}

/* The record under the iterator must be entry @index and follow one of term @term_min. */
static int load_entry(struct log_store *store, rocksdb_iterator_t *it, uint64_t index,
                      const struct log_store_start *start, struct raft_entry *out, char *message)
{
    size_t key_len, len;
    const char *key = rocksdb_iter_key(it, &key_len);
    const uint8_t *value = (const uint8_t *)rocksdb_iter_value(it, &len);
    if (key_len != LOG_RECORD_KEY_LEN)
        return damaged(store, RAFT_ECORRUPT, message, "there is a key of %zu octets", key_len);
    uint64_t found = log_record_index((const uint8_t *)key);
    if (found != index)
        return damaged(store, RAFT_ECORRUPT, message,
                       "entries %" PRIu64 " to %" PRIu64 " are missing", index, found - 1);
    const char *why = NULL;
    struct raft_entry entry;
    int code = log_record_entry_decode(index, value, len, &entry, &why);
    if (code != 0)
        return damaged(store, code, message, "entry %" PRIu64 ": %s", index, why);
    uint64_t before =
        start->entry_count > 0 ? start->entries[start->entry_count - 1].term : start->base.term;
    if (entry.term < before || entry.term > start->hard_state.term) {
        raft_buf_unref(entry.data);
        return damaged(store, RAFT_ECORRUPT, message,
                       "entry %" PRIu64 " has term %" PRIu64 ", not within %" PRIu64 "…%" PRIu64,
                       index, entry.term, before, start->hard_state.term);
    }
    log_marks_add(&store->marks, index, len);
    *out = entry;
    return 0;
}

static int load_entries(struct log_store *store, struct log_store_start *start, char *message)
{
    uint8_t first[LOG_RECORD_KEY_LEN];
    uint64_t capacity = 0;
    int code = 0;
    log_record_key(start->base.index + 1, first);
    rocksdb_iterator_t *it = rocksdb_create_iterator(store->db, store->verified);
    /* Seek to where the log begins: over a deleted range seek_to_first is slow. */
    for (rocksdb_iter_seek(it, (const char *)first, sizeof(first));
         code == 0 && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        uint64_t index = start->base.index + 1 + start->entry_count;
        code = grow(start, &capacity);
        if (code != 0)
            snprintf(message, LOG_STORE_MESSAGE_LEN, "out of memory while reading the log");
        else
            code =
                load_entry(store, it, index, start, &start->entries[start->entry_count], message);
        if (code == 0)
            start->entry_count++;
    }
    char *text = NULL;
    rocksdb_iter_get_error(it, &text);
    if (text != NULL && code == 0)
        code = taken(store, text, message);
    else
        rocksdb_free(text);
    rocksdb_iter_destroy(it);
    return code;
}

int log_store__load(struct log_store *store, struct log_store_start *start, char *message)
{
    *start = (struct log_store_start){0};
    int code = check_version(store, message);
    if (code == 0)
        code = load_hard_state(store, &start->hard_state, message);
    if (code == 0)
        code = load_base(store, &start->base, message);
    if (code != 0)
        return code;
    if (start->base.term > start->hard_state.term)
        return damaged(store, RAFT_ECORRUPT, message, "its own term is behind where it begins");
    store->base = start->base;
    log_marks_reset(&store->marks, start->base.index);
    code = load_entries(store, start, message);
    if (code != 0)
        log_store_start_fini(start);
    return code;
}

void log_store_start_fini(struct log_store_start *start)
{
    for (uint64_t i = 0; i < start->entry_count; i++)
        raft_buf_unref(start->entries[i].data);
    free(start->entries);
    *start = (struct log_store_start){0};
}
