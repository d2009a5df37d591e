/* tests/sim/log.h: a contiguous run of entries behind a base, as memory or a disk holds it. */
#pragma once

#include "raft/core/raft.h"

struct log {
    uint64_t base_index, base_term; /* what the log stands on */
    struct raft_entry *items;       /* items[start …]; data referenced */
    size_t start, count, room;
};

uint64_t log_last(const struct log *log);
const struct raft_entry *log_find(const struct log *log, uint64_t index); /* NULL: not held */
/* Term of the entry at @index, the base included. 0: not known here. */
uint64_t log_term(const struct log *log, uint64_t index);
/* Replace everything from @entry's index on by it. false: that would leave a gap or cut the base.
 */
bool log_put(struct log *log, const struct raft_entry *entry);
void log_trim(struct log *log, uint64_t index);                 /* base becomes @index, held */
void log_reset(struct log *log, uint64_t index, uint64_t term); /* empty behind this base */
void log_copy(struct log *to, const struct log *from);          /* @to is released first */
void log_fini(struct log *log);
