/* tests/sim/node.h: one process: drives raft_step() as the production driver does (persist, send,
 * apply), on a clock of its own, over a disk that survives it. */
#pragma once

#include "sim/disk.h"
#include "sim/install.h"
#include "sim/machine.h"
#include "sim/world.h"

/* What checks remember about a node between two steps. */
struct node_seen {
    enum raft_role role;
    uint64_t term;
    uint64_t commit;
    uint64_t applied;                        /* last entry applied, in memory */
    uint64_t contact_mono_ms[SIM_NODES_MAX]; /* last message from each, own clock */
    uint32_t appends_open[SIM_NODES_MAX];    /* with entries, sent since the last reply */
    uint64_t appends_since_ms[SIM_NODES_MAX];
};

struct node {
    struct world *world;
    uint32_t slot; /* n<slot> in the trace */
    raft_id id;
    bool is_up;
    bool is_gone;        /* its disk is lost: it never comes back */
    bool is_quarantined; /* as marked on its disk */
    bool was_member;
    bool is_retired; /* no member any more, shut down */
    bool is_lost;    /* down, and taken for lost: not started */
    bool is_apart;   /* behind a wall with others, and taken for lost */
    uint32_t incarnation;
    uint64_t stalled_until_us;
    uint64_t clock_local_us, clock_world_us; /* the node's clock read that at this virtual time */
    uint32_t clock_rate_pm;                  /* 1000: as virtual time */
    struct raft *raft;                       /* NULL: down */
    struct disk disk;
    struct machine *machine;
    struct history *history; /* of its line: see lines.h */
    struct raft_entry *apply_queue;
    size_t apply_count, apply_room;
    bool is_applying;
    struct install install;
    struct node_seen seen;
};

/* A new process with an empty disk, or one that holds the bootstrap entry @first; not started. */
struct node *node_new(struct world *world, const struct raft_entry *first);
void node_free(struct node *node);
void node_start(struct node *node); /* from what its disk holds */
void node_crash(struct node *node); /* nothing when it is down */
void node_stall(struct node *node, uint64_t time_us);
/* Its state is not to be trusted: nothing is applied until a snapshot has taken its place. */
void node_quarantine(struct node *node);
void node_set_clock_rate(struct node *node, uint32_t rate_pm);

bool node_is_up(const struct node *node);
bool node_is_running(const struct node *node); /* up and not paused */
uint32_t node_incarnation(const struct node *node);
uint64_t node_now_mono_ms(const struct node *node);

/* Give the core one event (the time is filled in) and do what its update says. The core's code for
 * PROPOSE and the like; other failures end the run. */
int node_step(struct node *node, struct raft_event *event);
int node_propose(struct node *node, struct raft_buf *data, uint64_t *index);
/* Forget what waits to be applied and is in the state already. */
void node_drop_applied(struct node *node);
/* The members at @index, which is applied here. */
void node_conf_at(struct node *node, uint64_t index, struct raft_conf *out);
const char *node_role_name(enum raft_role role);
