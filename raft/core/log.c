/* raft/core/log.c: the log in memory, with storage behind it. */
#include "raft/core/log.h"

#include <stdlib.h>

#include "raft/core/assert.h"

#define CAPACITY_MIN 256u

static size_t entry_cost(const struct raft_entry *entry)
{
    return sizeof(struct raft_log_slot) + (entry->data != NULL ? entry->data->len : 0);
}

static struct raft_log_slot *log_slot(const struct raft_log *log, uint64_t index)
{
    return &log->slots[index & (log->capacity - 1)];
}

bool raft_log_is_cached(const struct raft_log *log, uint64_t index)
{
    return index >= log->cache_first && index <= log->last_index;
}

/* Release the oldest cached entry. */
static void log_evict(struct raft_log *log)
{
    struct raft_entry *entry = &log_slot(log, log->cache_first)->entry;

    RAFT_ASSERT(log->cache_first <= log->persisted_index);
    log->cache_len -= entry_cost(entry);
    raft_buf_unref(entry->data);
    log->cache_first++;
}

static void log_shrink_cache(struct raft_log *log)
{
    while (log->cache_len > RAFT_CACHE_LEN_MAX && log->cache_first <= log->persisted_index)
        log_evict(log);
}

static int log_grow(struct raft_log *log)
{
    uint64_t capacity = log->capacity == 0 ? CAPACITY_MIN : 2 * log->capacity;
    struct raft_log_slot *slots = malloc(capacity * sizeof(*slots));

    if (slots == NULL)
        return RAFT_ENOMEM;
    for (uint64_t i = log->cache_first; i <= log->last_index; i++)
        slots[i & (capacity - 1)] = *log_slot(log, i);
    free(log->slots);
    log->slots = slots;
    log->capacity = capacity;
    return 0;
}

int raft_log_append(struct raft_log *log, const struct raft_entry *entry, uint64_t seq)
{
    RAFT_ASSERT(entry->index == log->last_index + 1 && entry->term >= log->last_term);
    if (entry->index - log->cache_first >= log->capacity) {
        int rc = log_grow(log);
        if (rc != 0)
            return rc;
    }
    struct raft_log_slot *slot = log_slot(log, entry->index);
    slot->entry = *entry;
    raft_buf_ref(entry->data);
    slot->seq = seq;
    log->last_index = entry->index;
    log->last_term = entry->term;
    log->cache_len += entry_cost(entry);
    log->unstored_len += entry_cost(entry);
    if (log->unsent_first == 0)
        log->unsent_first = entry->index;
    log_shrink_cache(log);
    return 0;
}

/* The first of @entries to keep in memory. */
static uint64_t start_cached(const struct raft_start *start)
{
    uint64_t first = start->entry_count;
    size_t len = 0;

    while (first > 0) {
        len += entry_cost(&start->entries[first - 1]);
        if (len > RAFT_CACHE_LEN_MAX / 2)
            break;
        first--;
    }
    return first;
}

int raft_log_init(struct raft_log *log, const struct raft_log_reader *reader,
                  const struct raft_start *start)
{
    uint64_t first = start_cached(start);

    *log = (struct raft_log){.reader = *reader,
                             .base_index = start->base.index,
                             .base_term = start->base.term,
                             .cache_first = start->base.index + first + 1,
                             .last_index = start->base.index + first,
                             .last_term =
                                 first > 0 ? start->entries[first - 1].term : start->base.term};
    log->persisted_index = log->last_index;
    for (uint64_t i = first; i < start->entry_count; i++) {
        int rc = raft_log_append(log, &start->entries[i], 0);
        if (rc != 0) {
            raft_log_fini(log);
            return rc;
        }
    }
    log->persisted_index = log->last_index;
    log->unstored_len = 0;
    log->unsent_first = 0;
    return 0;
}

void raft_log_fini(struct raft_log *log)
{
    for (uint64_t i = log->cache_first; i <= log->last_index; i++)
        raft_buf_unref(log_slot(log, i)->entry.data);
    free(log->slots);
    log->slots = NULL;
    log->capacity = 0;
    log->cache_first = log->last_index + 1;
}

int raft_log_truncate(struct raft_log *log, uint64_t first)
{
    uint64_t term;

    RAFT_ASSERT(first > log->base_index && first <= log->last_index);
    int rc = raft_log_term(log, first - 1, &term);
    if (rc != 0)
        return rc;
    while (log->last_index >= first && log->last_index >= log->cache_first) {
        struct raft_entry *entry = &log_slot(log, log->last_index)->entry;
        log->cache_len -= entry_cost(entry);
        if (log->last_index > log->persisted_index)
            log->unstored_len -= entry_cost(entry);
        raft_buf_unref(entry->data);
        log->last_index--;
    }
    log->last_index = first - 1;
    log->last_term = term;
    if (log->cache_first > first)
        log->cache_first = first;
    if (log->persisted_index > log->last_index)
        log->persisted_index = log->last_index;
    if (log->unsent_first > log->last_index)
        log->unsent_first = 0;
    return 0;
}

int raft_log_term(const struct raft_log *log, uint64_t index, uint64_t *out)
{
    if (index > log->last_index)
        return RAFT_ENOENT;
    if (index < log->base_index)
        return RAFT_ECOMPACTED;
    if (index == log->last_index)
        *out = log->last_term;
    else if (index == log->base_index)
        *out = log->base_term;
    else if (raft_log_is_cached(log, index))
        *out = log_slot(log, index)->entry.term;
    else
        return log->reader.term(log->reader.user, index, out);
    return 0;
}

static int log_read_stored(const struct raft_log *log, uint64_t first, size_t len_max,
                           struct raft_entry *out, uint32_t *count)
{
    uint32_t got = *count;

    if (log->cache_first - first < got)
        got = (uint32_t)(log->cache_first - first);
    int rc = log->reader.read(log->reader.user, first, len_max, out, &got);
    if (rc != 0)
        return rc;
    if (got == 0 || got > *count)
        return RAFT_EIO;
    for (uint32_t i = 0; i < got; i++) {
        if (out[i].index != first + i)
            return RAFT_EIO;
    }
    *count = got;
    return 0;
}

int raft_log_read(const struct raft_log *log, uint64_t first, size_t len_max,
                  struct raft_entry *out, uint32_t *count)
{
    uint32_t got = 0;
    size_t len = 0;

    RAFT_ASSERT(first <= log->last_index && *count > 0);
    if (first <= log->base_index)
        return RAFT_ECOMPACTED;
    if (first < log->cache_first)
        return log_read_stored(log, first, len_max, out, count);
    while (got < *count && first + got <= log->last_index) {
        const struct raft_entry *entry = &log_slot(log, first + got)->entry;
        len += entry->data != NULL ? entry->data->len : 0;
        if (got > 0 && len > len_max)
            break;
        out[got] = *entry;
        raft_buf_ref(entry->data);
        got++;
    }
    *count = got;
    return 0;
}

void raft_log_persisted(struct raft_log *log, uint64_t seq)
{
    while (log->persisted_index < log->last_index) {
        struct raft_log_slot *slot = log_slot(log, log->persisted_index + 1);
        if (slot->seq > seq)
            break;
        log->unstored_len -= entry_cost(&slot->entry);
        log->persisted_index++;
    }
    log_shrink_cache(log);
}

void raft_log_trim(struct raft_log *log, uint64_t index, uint64_t term)
{
    RAFT_ASSERT(index >= log->base_index && index <= log->persisted_index);
    while (log->cache_first <= index)
        log_evict(log);
    log->base_index = index;
    log->base_term = term;
}

void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term)
{
    for (uint64_t i = log->cache_first; i <= log->last_index; i++)
        raft_buf_unref(log_slot(log, i)->entry.data);
    log->base_index = log->last_index = log->persisted_index = index;
    log->base_term = log->last_term = term;
    log->cache_first = index + 1;
    log->unsent_first = 0;
    log->cache_len = log->unstored_len = 0;
}
