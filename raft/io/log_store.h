/* raft/io/log_store.h: the Raft log of one node in a RocksDB instance of its own (not the applied
 * state's: a checkpoint of that must not carry term, vote and log, see "Consensus" in README.md).
 *
 * What it promises: a write that returned 0 is on disk; one batch deletes a conflicting tail and
 * puts what replaces it; at open every entry from base.index + 1 to the last is there, passes its
 * checksum and carries a term that never falls, or the store refuses to open.
 *
 * Threads: one writer (the disk thread; before it starts and after it stopped, the loop).
 * log_store_read() and log_store_term() may be called by another thread at the same time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/raft.h"

#define LOG_STORE_FORMAT_VERSION 1
#define LOG_STORE_MESSAGE_LEN 640 /* room for any message of log_store_open() */

struct log_store; /* opaque */

/* What core and storage agree on at start. Owned by the caller; see log_store_start_fini(). */
struct log_store_start {
    struct raft_hard_state hard_state;
    struct raft_snapshot base; /* locator empty; index 0: the log begins at 1 */
    struct raft_entry *entries;
    uint64_t entry_count;
};
void log_store_start_fini(struct log_store_start *start); /* drops the references to entries */

/* Open or create the log in folder @dir (its parent must exist) and verify all of it. On 0 the
 * caller owns *@out and *@start. On failure @message (≥ LOG_STORE_MESSAGE_LEN octets) says in
 * English what is wrong, where, and what to do next. RAFT_ECORRUPT (a gap, a bad checksum, a term
 * that falls, a damaged RocksDB file), RAFT_EVERSION, RAFT_EBUSY (another process has it open),
 * RAFT_EIO, RAFT_ENOMEM. */
int log_store_open(const char *dir, struct log_store_start *start, char *message,
                   struct log_store **out);
void log_store_close(struct log_store *store); /* accepts NULL; every write is already on disk */

/* One core update to store: entries replace the log from entries[0].index on. Borrowed. */
struct log_write {
    const struct raft_hard_state *hard_state; /* NULL: unchanged */
    const struct raft_entry *entries;
    uint32_t entry_count;
};
/* Store @count updates in order by one synced batch; on 0 all of them are durable. Entries must
 * lie in (base.index, last + 1]. RAFT_EIO, RAFT_ENOMEM: what is on disk is unknown, the process
 * must stop; @message (≥ LOG_STORE_MESSAGE_LEN octets) says why. Writer thread. */
int log_store_write(struct log_store *store, const struct log_write *writes, uint32_t count,
                    char *message);

/* Drop the entries up to and including @base.index, which must be in the log; @base.term and
 * @base.conf are that index's. Unsynced data before it is synced too. Disk space goes back as far
 * as whole files are covered. RAFT_EIO as above. Writer thread. */
int log_store_trim(struct log_store *store, const struct raft_snapshot *base, char *message);

/* Let the log stand on a snapshot, in one synced batch. Entries behind base.index stay when the
 * log holds base's own entry (thesis §5.3: they may already count towards a commit); otherwise all
 * go. The hard state stays. RAFT_EIO as above. Writer thread. */
int log_store_reset(struct log_store *store, const struct raft_snapshot *base, char *message);

/* As struct raft_log_reader asks (see raft/core/raft.h); @user is the store. Any one thread. */
int log_store_read(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                   uint32_t *count);
int log_store_term(void *user, uint64_t index, uint64_t *out);

/* Where to trim so that about the newest @keep_entries entries stay, or fewer when these would be
 * more than @keep_len octets. 0: nothing worth trimming. Any thread. */
uint64_t log_store_trim_target(struct log_store *store, uint64_t keep_entries, uint64_t keep_len);

/* Make @dir (absent) a copy of the store as of now; its files are shared by hard links. Any thread.
 * RAFT_EIO with @message. */
int log_store_copy(struct log_store *store, const char *dir, char *message);

struct log_store_status {
    uint64_t first_index; /* base.index + 1 */
    uint64_t last_index;
    uint64_t entries_len; /* octets of records, before compression */
};
void log_store_status(struct log_store *store, struct log_store_status *out); /* any thread */

struct log_store_memory { /* octets */
    uint64_t block_cache, memtables, table_readers;
};
void log_store_memory(struct log_store *store, struct log_store_memory *out); /* any thread */
