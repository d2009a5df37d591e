/* raft/core/log.h: the log as this node knows it: a cached end of it in memory, the rest behind a
 * reader. Which entries are durable is known per entry: each remembers the update that carried it,
 * so that an entry which replaced another one never inherits its durability. */
#pragma once

#include "raft/core/raft.h"

struct raft_log_slot {
    struct raft_entry entry; /* holds a reference to its data */
    uint64_t seq;            /* the update that hands it to storage */
};
struct raft_log {
    struct raft_log_reader reader;
    struct raft_log_slot *slots; /* ring: entry i is in slots[i & (capacity - 1)] */
    uint64_t capacity;           /* power of two */
    uint64_t base_index, base_term;
    uint64_t cache_first; /* oldest cached entry; last_index + 1: none */
    uint64_t last_index, last_term;
    uint64_t persisted_index;
    uint64_t unsent_first; /* oldest entry not yet in an update; 0: none */
    size_t cache_len;      /* octets of slots in use, with their data */
    size_t unstored_len;   /* the part of it that is not durable */
};

/* Entries are borrowed; the newest are cached. RAFT_ENOMEM. */
int raft_log_init(struct raft_log *log, const struct raft_log_reader *reader,
                  const struct raft_start *start);
void raft_log_fini(struct raft_log *log);

/* Append @entry (its data is referenced); update @seq will carry it. RAFT_ENOMEM. */
int raft_log_append(struct raft_log *log, const struct raft_entry *entry, uint64_t seq);
/* Remove the entries from @first on. RAFT_EIO, RAFT_ECOMPACTED from the reader. */
int raft_log_truncate(struct raft_log *log, uint64_t first);
/* 0; RAFT_ECOMPACTED (before base); RAFT_ENOENT (past the end); RAFT_EIO. */
int raft_log_term(const struct raft_log *log, uint64_t index, uint64_t *out);
/* Up to *@count entries from @first on, at most @len_max octets but at least one. The caller owns
 * the references. 0 with *@count lowered; RAFT_ECOMPACTED; RAFT_EIO. */
int raft_log_read(const struct raft_log *log, uint64_t first, size_t len_max,
                  struct raft_entry *out, uint32_t *count);
bool raft_log_is_cached(const struct raft_log *log, uint64_t index);
/* Everything of updates up to @seq is durable. */
void raft_log_persisted(struct raft_log *log, uint64_t seq);
/* Storage dropped the entries up to @index, whose term is @term. */
void raft_log_trim(struct raft_log *log, uint64_t index, uint64_t term);
/* A snapshot took the place of everything. */
void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term);
