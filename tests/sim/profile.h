/* tests/sim/profile.h: what one seed is like: size of the cluster, the quality of network and
 * disks, and how often each fault happens. A profile is drawn from the seed around a named theme.
 */
#pragma once

#include <stdint.h>

#include "sim/rng.h"

enum fault {
    FAULT_CRASH, /* one process; it comes back */
    FAULT_CRASH_LEADER,
    FAULT_POWER, /* all at once */
    FAULT_SPLIT, /* two random sides */
    FAULT_ISOLATE_LEADER,
    FAULT_ISOLATE, /* one random node: both, only its input or only its output */
    FAULT_ONE_WAY, /* a few random directed links */
    FAULT_MEND,    /* all links work again */
    FAULT_LAG,     /* a follower is away until it needs a snapshot */
    FAULT_LOSS,    /* loss and spikes on all links for a while */
    FAULT_SLOW_DISK,
    FAULT_STALL,      /* a process gets no CPU for a while */
    FAULT_SKEW,       /* its clock runs at another rate from now on */
    FAULT_TRANSFER,   /* leadership is handed over */
    FAULT_QUARANTINE, /* a state machine's contents are bad: a snapshot is asked for */
    FAULT_QUIET,      /* a minority is cut off and returns while a healthy leader leads */
    FAULT_COUNT,
};

struct profile {
    const char *name;
    /* cluster */
    uint32_t voters, learners;
    uint32_t grows; /* 1: starts with one voter, the others join */
    uint32_t election_ms, heartbeat_ms, tick_ms;
    /* network */
    uint32_t delay_min_us, delay_max_us;
    uint32_t loss_pm, duplicate_pm, spike_pm, spike_ms;
    uint32_t keeps_order; /* 1: each link is first in, first out, as TCP */
    /* disks */
    uint32_t write_min_us, write_max_us, slow_pm, slow_ms;
    uint32_t apply_max_us;
    /* state and snapshots */
    uint32_t flush_ms;
    uint32_t keep_entries; /* trimming leaves this many behind the flushed index */
    uint32_t transfer_ms, transfer_fail_pm;
    /* members */
    uint32_t change_ms; /* mean gap between membership changes; 0: none */
    /* clients */
    uint32_t clients, think_ms, read_pm;
    /* adversary */
    uint32_t gap_min_ms, gap_max_ms;
    uint32_t weights[FAULT_COUNT];
    uint32_t disaster_ms; /* mean time to the loss of a quorum for good; 0: never */
};

/* Fill *@out. @name NULL: the seed draws the theme. -1: no such name. */
int profile_draw(struct profile *out, const char *name, struct rng *rng);
/* The name of theme @index, or NULL past the last. */
const char *profile_name(uint32_t index);
