/* tests/sim/install.h: snapshots: made at the leader, fetched by the follower, put in place in
 * steps of which each can be the last before a crash. */
#pragma once

#include "raft/core/raft.h"
#include "sim/heap.h"

struct image;
struct node;

enum install_step {
    INSTALL_NONE,
    INSTALL_FETCHING, /* octets arrive and are staged; lost by a crash */
    INSTALL_SWAPPED,  /* the state is in place, the log not yet */
};
struct install {
    enum install_step step;
    uint64_t ticket; /* of the running fetch; late events of others are void */
    struct raft_snapshot snapshot;
    struct image *image;
};

void install_make(struct node *leader, raft_id peer);                        /* snapshot_wanted */
void install_begin(struct node *node, const struct raft_snapshot *snapshot); /* update->install */
void install_log_is_reset(struct node *node);                                /* by disk.c */
void install_crash(struct node *node);
