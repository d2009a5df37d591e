/* raft/io/log_store_internal.h: shared by log_store.c and log_store_load.c only. */
#pragma once

#include <limits.h>
#include <pthread.h>

#include "raft/io/log_store.h"
#include "raft/io/log_store_marks.h"
#include "raft/io/rocks.h"

struct rocksdb_writeoptions_t;
struct rocksdb_readoptions_t;
struct rocksdb_writebatch_t;

struct log_store {
    char dir[PATH_MAX];
    rocksdb_t *db;
    rocksdb_options_t *options;
    struct rocksdb_writeoptions_t *synced;
    struct rocksdb_readoptions_t *verified;
    struct rocksdb_writebatch_t *batch; /* the writer's; empty between calls */
    pthread_mutex_t lock;               /* guards what follows; the writer changes it */
    struct raft_snapshot base;
    struct log_marks marks; /* marks.base.index and marks.last.index are the log's bounds */
};

/* Check the whole log and fill @start, store->base and the marks; a new one gets its first records.
 * Codes and @message as log_store_open(). */
int log_store__load(struct log_store *store, struct log_store_start *start, char *message);

/* Write store->batch synced, and empty it. RAFT_EIO with @message. */
int log_store__commit(struct log_store *store, char *message);
/* Add the record of @base, or of @state, to store->batch. */
void log_store__put_base(struct log_store *store, const struct raft_snapshot *base);
void log_store__put_hard_state(struct log_store *store, const struct raft_hard_state *state);
