/* tests/sim/log.c: entries in one array; the front is given up lazily. */
#include "sim/log.h"

#include <string.h>

#include "sim/alloc.h"

uint64_t log_last(const struct log *log)
{
    return log->base_index + log->count;
}

const struct raft_entry *log_find(const struct log *log, uint64_t index)
{
    if (index <= log->base_index || index > log_last(log))
        return NULL;
    return &log->items[log->start + (size_t)(index - log->base_index - 1)];
}

uint64_t log_term(const struct log *log, uint64_t index)
{
    if (index == log->base_index)
        return log->base_term;
    const struct raft_entry *entry = log_find(log, index);
    return entry != NULL ? entry->term : 0;
}

static void cut_tail(struct log *log, uint64_t last)
{
    while (log_last(log) > last) {
        log->count--;
        raft_buf_unref(log->items[log->start + log->count].data);
    }
}

bool log_put(struct log *log, const struct raft_entry *entry)
{
    if (entry->index <= log->base_index || entry->index > log_last(log) + 1)
        return false;
    cut_tail(log, entry->index - 1);
    sim_grow((void **)&log->items, &log->room, log->start + log->count + 1, sizeof *log->items);
    struct raft_entry *slot = &log->items[log->start + log->count++];
    *slot = *entry;
    slot->data = raft_buf_ref(entry->data);
    return true;
}

void log_trim(struct log *log, uint64_t index)
{
    uint64_t term = log_term(log, index);
    SIM_ASSERT(index >= log->base_index && index <= log_last(log));
    while (log->base_index < index) {
        raft_buf_unref(log->items[log->start].data);
        log->start++;
        log->count--;
        log->base_index++;
    }
    log->base_term = term;
    if (log->start > 256 && log->start > log->count) {
        memmove(log->items, log->items + log->start, log->count * sizeof *log->items);
        log->start = 0;
    }
}

void log_reset(struct log *log, uint64_t index, uint64_t term)
{
    cut_tail(log, log->base_index);
    log->start = 0;
    log->base_index = index;
    log->base_term = term;
}

void log_copy(struct log *to, const struct log *from)
{
    log_reset(to, from->base_index, from->base_term);
    sim_grow((void **)&to->items, &to->room, from->count, sizeof *to->items);
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = from->items[from->start + i];
        (void)raft_buf_ref(to->items[i].data);
    }
    to->count = from->count;
}

void log_fini(struct log *log)
{
    cut_tail(log, log->base_index);
    sim_free(log->items);
    *log = (struct log){0};
}
