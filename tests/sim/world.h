/* tests/sim/world.h: one seed: virtual time, the events to come, and everything that lives in it.
 *
 * Reading order for a newcomer: world.c (time), node.c (a process drives the production core),
 * disk.c, net.c and install.c (what it stands on), adversary.c, members.c and recovery.c (what
 * happens to it),
 * workload.c (what it is for), checks_*.c (what must hold after each step). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "raft/core/raft.h"
#include "sim/heap.h"
#include "sim/profile.h"
#include "sim/rng.h"

#define SIM_NODES_MAX 20      /* processes ever started in one seed */
#define SIM_MS UINT64_C(1000) /* one millisecond in the unit of virtual time */
#define SIM_S UINT64_C(1000000)
#define SIM_END_US (60 * SIM_S)     /* length of a seed */
#define SIM_HEAL_US (46 * SIM_S)    /* faults end, clients go on */
#define SIM_QUIESCE_US (56 * SIM_S) /* clients stop; all must come to rest and agree */

struct net;
struct members;
struct workload;
struct adversary;
struct history;
struct checks;
struct lines;
struct recovery;

struct world {
    uint64_t seed;
    uint64_t now_us;
    uint64_t order;
    struct rng rng;
    struct heap heap;
    struct profile profile;
    bool holds_commit; /* leaders tell a commit index by an append or a tick only */
    struct node *nodes[SIM_NODES_MAX];
    uint32_t node_count;
    struct net *net;
    struct members *members;
    struct workload *workload;
    struct adversary *adversary;
    struct history *history; /* of the newest line: see lines.h */
    struct lines *lines;
    struct recovery *recovery;
    struct checks *checks;
    FILE *trace; /* NULL: none */
    uint64_t events_run;
    bool has_failed;
    uint64_t failed_us;
    char invariant[96]; /* which rule was broken, in words; stable for one rule */
    char detail[256];
};

/* @profile: NULL draws one by the seed. @trace may be NULL; borrowed. The caller owns the result.
 */
struct world *world_new(uint64_t seed, const char *profile, FILE *trace);
void world_run(struct world *world); /* to the end or the first violation */
void world_free(struct world *world);

/* Put @event, whose at_us is a delay from now. */
void world_after(struct world *world, struct event event);

/* Note a violation and end the run. The first one counts. */
void world_fail(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct node *world_find(struct world *world, raft_id id);
/* The node of the newest line that leads with the highest term, or NULL. The omniscient view, for
 * adversary and operator only. */
struct node *world_leader(struct world *world);
bool world_is_healing(const struct world *world);

/* One line of the readable trace. */
#define TRACE(world, ...)                                                                          \
    do {                                                                                           \
        if ((world)->trace != NULL)                                                                \
            world_trace((world), __VA_ARGS__);                                                     \
    } while (0)
void world_trace(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
