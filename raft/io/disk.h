/* raft/io/disk.h: the thread that writes the log. Updates queued while it syncs are merged into
 * the next synced batch (group commit). A failed write stops it for good: nothing is written after
 * a write whose outcome is unknown.
 *
 * All functions and callbacks: loop thread. The store's reads stay allowed to the loop; its writes
 * belong to the disk thread from disk_start() to the end of disk_stop(). */
#pragma once

#include <stdint.h>

#include "raft/core/raft.h"
#include "raft/io/log_store.h"

#define DISK_JOBS_MAX 65536           /* queued; more is RAFT_EBUSY. The core bounds octets */
#define DISK_MERGE_JOBS_MAX 1024      /* updates in one batch … */
#define DISK_MERGE_LEN_MAX (8u << 20) /* … and octets, one update may pass */

struct uv_loop_s;
struct disk; /* opaque */

struct disk_handler {
    void *user;
    void (*persisted)(void *user, uint64_t seq);     /* everything up to seq is durable */
    void (*failed)(void *user, const char *message); /* once; no other callback follows */
    void (*synced)(void *user, uint64_t took_ns);    /* disk thread: one batch; may be NULL */
};

/* @store and @loop are borrowed until disk_stop() ends. RAFT_ENOMEM; RAFT_EBUSY (no thread). */
int disk_start(struct uv_loop_s *loop, struct log_store *store, const struct disk_handler *handler,
               struct disk **out);

/* Queue one update; @seq ascends. Entries are referenced, nothing else is kept. RAFT_ENOMEM,
 * RAFT_EBUSY (the disk is hopelessly behind): not queued. */
int disk_write(struct disk *disk, uint64_t seq, const struct log_write *write);

/* Queue, in order with the updates, log_store_trim() or log_store_reset(); then @done. RAFT_ENOMEM.
 */
typedef void (*disk_done_cb)(void *user);
int disk_trim(struct disk *disk, const struct raft_snapshot *base, disk_done_cb done, void *user);
int disk_reset(struct disk *disk, const struct raft_snapshot *base, disk_done_cb done, void *user);

/* Write what is queued (unless a write failed), end the thread, free; waits for the disk. No
 * callback follows. @stopped runs from the loop, when nothing of the disk is left on it. */
typedef void (*disk_stopped_cb)(void *user);
void disk_stop(struct disk *disk, disk_stopped_cb stopped, void *user);

struct disk_status {
    uint64_t sync_count;             /* synced batches */
    uint64_t update_count;           /* updates in them */
    uint64_t p50_us, p99_us, max_us; /* of a batch; p50 and p99 over the last few thousand */
    uint32_t queued;
};
void disk_status(struct disk *disk, struct disk_status *out);
