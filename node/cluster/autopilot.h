/* node/cluster/autopilot.h: which membership change would keep the cluster at 1, 3 or 5 voters that
 * live. A pure function of what the leader knows; one change at a time, asked again after each.
 *
 *     members                      voters wanted (voters_max 5)
 *     1, 2                         1
 *     3, 4                         3
 *     5 and more                   5
 *
 *     voters, odd and as wanted    dead one and a ready replica: promote it (even in passing)
 *     fewer than wanted            promote, once enough replicas are ready for the next odd number
 *     even                         demote the dead one; else promote a ready replica if more are
 *                                  wanted; else, unless a replica is on its way, demote the
 * hindmost more than wanted             demote: the dead, then the hindmost; never the leader
 *
 * Every change must leave a live quorum of the voters after it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AUTOPILOT_LAG_READY 1000 /* entries behind at which a replica counts as caught up */
#define AUTOPILOT_ALIVE_MS 3000

struct autopilot_member {
    uint64_t id;
    bool is_voter, is_leader, is_quarantined, is_snapshotting;
    bool is_drained;      /* under maintenance: its silence is no death */
    bool has_answered;    /* since the question for it was put; see change_plan_judge() */
    uint64_t silent_ms;   /* since it was last heard; UINT64_MAX: never */
    uint64_t lag_entries; /* behind the leader's log */
};
struct autopilot_settings {
    bool is_on;
    uint32_t dead_after_ms;
    uint32_t voters_max; /* 1, 3 or 5 */
};
enum autopilot_action { AUTOPILOT_NOTHING, AUTOPILOT_PROMOTE, AUTOPILOT_DEMOTE };
struct autopilot_decision {
    enum autopilot_action action;
    uint64_t id;
    const char *why; /* static */
};

/* @leading_ms: for how long this node has led; silence is not held against anybody before
 * dead_after_ms of it are over. */
void autopilot_decide(const struct autopilot_member *members, unsigned count,
                      const struct autopilot_settings *settings, uint64_t leading_ms,
                      struct autopilot_decision *out);

/* Shared with members.c. Least number of voters that is a majority. */
static inline unsigned autopilot_quorum(unsigned voters)
{
    return voters / 2 + 1;
}
bool autopilot_is_alive(const struct autopilot_member *member);
/* A replica that may become a voter: alive, near the end of the log, its state in order. */
bool autopilot_is_ready(const struct autopilot_member *member);
/* Would the voters have a live quorum if @id (0: nobody) got or lost its vote? */
bool autopilot_keeps_quorum(const struct autopilot_member *members, unsigned count, uint64_t id);
/* The best replica to promote, or NULL: ready, least lag, then lowest id. */
const struct autopilot_member *autopilot_best(const struct autopilot_member *members,
                                              unsigned count);
