/* tests/sim/disk.h: a node's log storage. A write is one atomic batch; batches become durable in
 * the order given, several at once, and take time. A crash keeps any prefix of the batches that
 * were being written and nothing of those that waited. */
#pragma once

#include "sim/log.h"
#include "sim/world.h"

struct batch {
    uint64_t seq; /* of the update; 0: the core is not told */
    bool has_hard_state;
    struct raft_hard_state hard_state;
    struct raft_entry *entries;
    uint32_t entry_count;
    struct raft_snapshot *base; /* not NULL: the log stands on this now (install) */
};

struct disk {
    struct log synced; /* survives */
    struct raft_hard_state hard_state;
    struct raft_conf base_conf; /* members at synced.base_index */
    struct log view;            /* with everything that is handed over; what the core knows */
    struct raft_hard_state view_hard_state;
    struct batch *queue;
    size_t queue_count, queue_room;
    size_t writing_count; /* how many of the queue the running write covers */
    uint64_t slow_until_us;
};

/* A fresh disk holds nothing, or the bootstrap entry @first. */
void disk_init(struct disk *disk, const struct raft_entry *first);
void disk_fini(struct disk *disk);

/* Hand over an update (entries are referenced). */
void disk_write(struct node *node, const struct raft_update *update);
/* The log is to stand on @snapshot, empty behind it. When durable, install_log_is_reset() is
 * called. */
void disk_reset(struct node *node, const struct raft_snapshot *snapshot);
/* Drop entries up to @index, which is durable in the state machine. */
void disk_trim(struct node *node, uint64_t index);
void disk_crash(struct node *node);
/* After a crash in the middle of an install: let the log stand on the state that is in place. */
void disk_repair(struct node *node, const struct raft_snapshot *state);

int disk_read(void *user, uint64_t first, size_t len_max, struct raft_entry *out, uint32_t *count);
int disk_term(void *user, uint64_t index, uint64_t *out);
