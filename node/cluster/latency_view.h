/* node/cluster/latency_view.h: the state's round-trip times, compiled for routing (geo/latency.h)
 * on a worker: when the figures have not changed for a second, or after ten in any case. Queries
 * have the old ones meanwhile. For cluster.c and machine.c. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cluster;
struct latency_view;

struct latency_view *latency_view_new(struct cluster *cluster); /* NULL: no memory */
/* Is a worker at it? Then free must wait; the end wakes the loop. Accepts NULL. */
bool latency_view_is_running(const struct latency_view *view);
void latency_view_free(struct latency_view *view); /* accepts NULL */

/* Compile at once, at the start: blocks. ERR_* of reads, ERR_NOMEM. */
int latency_view_load(struct latency_view *view);
/* Figures or regions have changed, or all of the state has. */
void latency_view_changed(struct latency_view *view);
void latency_view_tick(struct latency_view *view, uint64_t now_mono_ms);
