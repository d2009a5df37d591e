/* node/cluster/each.h: one administrators' request to every other member's admin port, side by
 * side, whether a leader is there or not. What the octets mean is the asker's business. Loop
 * thread. */
#pragma once

#include "cluster/cluster.h"

#define CLUSTER_EACH_AT_ONCE 4        /* askings under way; more: ERR_BUSY */
#define CLUSTER_EACH_TIMEOUT_MS 10000 /* the longest, for a close of the node waits for it */

struct cluster_each {
    uint64_t id;
    char name[64];
    char admin_address[CLUSTER_TEXT_MAX];
    int rc;                                /* 0; else why there is no reply */
    uint64_t begun_wall_ms, ended_wall_ms; /* this node's clock around the exchange */
    uint8_t *octets;                       /* the reply; NULL when there is none */
    size_t len;
};
/* @replies: one for each other member, by name; borrowed. Told that the node is being closed by
 * @rc ERR_CLOSED and no replies. */
typedef void (*cluster_each_cb)(void *user, int rc, const struct cluster_each *replies,
                                unsigned count);
/* Ask; @request is copied. Ends after @timeout_ms at the latest, or a little later where an address
 * takes connections and says nothing. At once: ERR_UNAVAILABLE (not a member), ERR_BUSY, ERR_NOMEM.
 */
int cluster_ask_each(struct cluster *cluster, const uint8_t *request, size_t len,
                     uint32_t timeout_ms, cluster_each_cb cb, void *user);
