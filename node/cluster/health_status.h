/* node/cluster/health_status.h: what the checkers of all nodes found, for showing. Loop thread. */
#pragma once

#include "cluster/cluster.h"

struct cluster_opinion { /* one checker's last result of one check */
    char node[65], region[64];
    bool is_known;   /* the checker has an opinion */
    bool is_healthy; /* after the threshold, before inversion */
    char status[256];
    uint64_t checked_wall_ms;
    char last_failure[256]; /* or empty */
    uint64_t last_failure_wall_ms;
};
/* rc 0: by the node's name; else the leader could not be asked: ERR_TIMEOUT, ERR_UNAVAILABLE,
 * ERR_CLOSED. Borrowed for the call. */
typedef void (*cluster_opinions_cb)(void *user, int rc, const struct cluster_opinion *opinions,
                                    unsigned count);
/* Ask the leader about the check @id. At once: ERR_BUSY, ERR_CLOSED, ERR_NOMEM. */
int cluster_opinions(struct cluster *cluster, const char *id, cluster_opinions_cb cb, void *user);

/* Call @add for each counter of this node's checker. */
typedef void (*cluster_counter_cb)(void *user, const char *name, uint64_t value);
void cluster_health_counters(const struct cluster *cluster, cluster_counter_cb add, void *user);
