/* tests/lib/raft_bench.h: a few members of raft/core in one thread: a disk each, a message queue
 * between them, time that moves when told. Links can be cut and disks held, so that a test decides
 * what arrives and what is durable. Ids are 1 … n; node i has id i + 1. */
#pragma once

#include "raft/core/raft.h"

#define BENCH_NODES_MAX 5
#define BENCH_TIMEOUT_MS 100
#define BENCH_HEARTBEAT_MS 10
#define BENCH_READS_MAX 64

struct bench_node {
    struct raft *raft; /* NULL: crashed */
    struct raft_hard_state hard_state;
    struct raft_snapshot base;
    struct raft_entry *entries; /* on disk, from base.index + 1 */
    uint64_t count;
    uint64_t applied;
    uint64_t seq; /* handed to the disk, not reported */
    bool holds_disk;
    bool is_superseded; /* a recovery took back what it has committed: it does nothing more */
    struct raft_read reads[BENCH_READS_MAX];
    uint32_t read_count;
    enum raft_transfer_outcome transfer;
    raft_id wanted;               /* last peer that a snapshot was wanted for */
    struct raft_snapshot install; /* last to install; index 0: none */
    uint64_t proposed;
};
struct bench {
    struct bench_node nodes[BENCH_NODES_MAX];
    uint32_t count;
    uint64_t now_mono_ms;
    bool holds_commit;                          /* of every event but ticks */
    bool cut[BENCH_NODES_MAX][BENCH_NODES_MAX]; /* [from][to] */
    struct raft_message *queue;                 /* owned copies */
    uint32_t queue_count, queue_capacity;
    uint32_t sent[16];                         /* by message kind; also those that are cut */
    struct raft_message last[BENCH_NODES_MAX]; /* last one that each node sent, without entries */
};

/* Nodes 0 … @voters - 1 vote, the next @learners learn; the configuration is at index 1, term 1. */
void bench_init(struct bench *bench, uint32_t voters, uint32_t learners);
void bench_fini(struct bench *bench);

/* Step @node; the update goes to disk and queue. Returns raft_step()'s code. */
int bench_step(struct bench *bench, uint32_t node, struct raft_event event);
int bench_receive(struct bench *bench, uint32_t node, struct raft_message message);
int bench_propose(struct bench *bench, uint32_t node, const char *text);
int bench_change(struct bench *bench, uint32_t node, enum raft_conf_change_kind kind, raft_id id);
/* Everything handed to the disk of @node is durable. */
void bench_persist(struct bench *bench, uint32_t node);

void bench_deliver(struct bench *bench);              /* until nobody says anything more */
void bench_discard(struct bench *bench);              /* all that is on its way */
void bench_run(struct bench *bench, uint32_t ms);     /* ticks of 5 ms, delivering */
void bench_elect(struct bench *bench, uint32_t node); /* time-out of @node alone, then deliver */
void bench_isolate(struct bench *bench, uint32_t node, bool is_cut);
void bench_crash(struct bench *bench, uint32_t node);   /* what is not durable is lost */
void bench_restart(struct bench *bench, uint32_t node); /* from its disk */
