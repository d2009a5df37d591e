/* node/cluster/latency.h: what this node measures of the ways to clients becomes commands. Windows
 * end when the wall clock is a multiple of their length, so nodes of one region measure the same
 * ones. At the end of each the busiest networks are proposed for the node's region, one command
 * after the other; what is left when the next window ends is given up. Loop thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct cluster;
struct latency;

#define LATENCY_WINDOW_S 600u          /* the default */
#define LATENCY_MEASURES_MAX 16384u    /* of one window; less busy networks are left out */
#define LATENCY_COMMAND_MEASURES 1024u /* in one command: applying it takes a few ms */

struct cluster_latency_measure {
    struct prefix prefix; /* a /24 or /48 */
    uint32_t samples;
    uint16_t ms;
};
/* End the window: up to @max measures, those with the most samples first, to @out; how many. */
typedef size_t (*cluster_latency_cb)(void *user, struct cluster_latency_measure *out, size_t max);
/* Where the measures come from; without this, or without a region, this node proposes none. */
void cluster_set_latency_source(struct cluster *cluster, cluster_latency_cb cb, void *user);

/* For cluster.c and machine.c. @window_s: 0: the default. NULL: no memory. */
struct latency *latency_new(struct cluster *cluster, uint32_t window_s);
void latency_free(struct latency *latency); /* accepts NULL; after the proposer */
void latency_tick(struct latency *latency, uint64_t now_wall_s);
