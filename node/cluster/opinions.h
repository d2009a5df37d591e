/* node/cluster/opinions.h: this node as a checker: which checks it runs, by state, and what it
 * tells the leader about them: news at once, and everything again within verdict_heartbeat_ms().
 * Loop thread, but for what health/checker.h calls.
 *
 * A node runs the enabled checks with an endpoint that name no region, or its own, or only regions
 * in which the cluster has no member. */
#pragma once

#include "cluster/internal.h"

struct opinions;

/* Starts the checker, unless the options say off. ERR_NOMEM, ERR_IO. */
int opinions_open(struct cluster *cluster, struct opinions **out);
/* Ends the checker: a few ms. Accepts NULL. */
void opinions_close(struct opinions *opinions);

/* The check @id is another one now, or gone; NULL: any may be. */
void opinions_check_changed(struct cluster *cluster, const char *id);
/* The members or their regions are others. */
void opinions_members_changed(struct cluster *cluster);
/* There is another leader, who knows nothing yet. */
void opinions_leader_changed(struct cluster *cluster);
/* Before the loop sleeps: send news. */
void opinions_flush(struct cluster *cluster);
/* Several times a second: what was not taken, and a part of all. */
void opinions_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Is a check of @config for a node of @region to run, as the cluster is now? */
bool opinions_is_for(const struct cluster *cluster, const struct state_check_config *config,
                     const char *region);
