/* node/cluster/recover.h: the quorum is gone for good, and the cluster goes on from this node: a
 * copy of what it has is kept first, then its log gets a configuration with it as the only voter
 * (raft/core/recover.c tells why that is safe). DNS is answered all the while. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define CLUSTER_RECOVER_WAIT_MS 20000 /* from the copy's end to the first entry applied */

/* What this node's log is, for the plan. false: not a member. */
struct cluster_log_end {
    uint64_t term, leader, last_term, last_index, applied_index;
    bool is_quarantined;
};
bool cluster_log_end(struct cluster *cluster, struct cluster_log_end *out);
/* Does @id vote by the configuration of this node's log? */
bool cluster_votes_in_log(struct cluster *cluster, uint64_t id);
/* Is @id in it at all? One whose removal is not applied yet is not, and cannot follow. */
bool cluster_is_in_log(struct cluster *cluster, uint64_t id);

struct cluster_recover_request {
    uint64_t last_term, last_index;         /* as the plan saw it; else refused */
    uint32_t generation;                    /* the new one */
    uint64_t learners[CLUSTER_MEMBERS_MAX]; /* the other survivors, which follow */
    unsigned learner_count;
};
/* Copy, then recover. @cb with 0 and a sentence that names the copy's folder once this node leads
 * and has applied the new configuration; ERR_CONFLICT (the log has changed since, or there is a
 * leader), ERR_IO (the copy: nothing else was done), ERR_TIMEOUT.
 * At once: ERR_UNAVAILABLE (not a member), ERR_BUSY (one runs), ERR_NOMEM. */
int cluster_recover(struct cluster *cluster, const struct cluster_recover_request *request,
                    cluster_done_cb cb, void *user);

/* For the rest of the room. */
void recover_tick(struct cluster *cluster, uint64_t now_mono_ms);
bool recover_is_running(const struct cluster *cluster); /* on a worker */
void recover_free(struct cluster *cluster, int rc);     /* not while it is */
