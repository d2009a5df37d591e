/* node/cluster/drain.h: a member under maintenance. It is drained for a time or until told
 * otherwise, by a setting that every node has, so that it lasts over restarts: it does not keep
 * leadership, the autopilot does not replace it while it is silent, and its gateway says that it is
 * not ready. DNS is answered as ever. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define CLUSTER_DRAIN_ENDLESS UINT64_MAX

/* Drain @id until @until_wall_ms (CLUSTER_DRAIN_ENDLESS: until told otherwise; 0: no more). From
 * any node. At once: ERR_NOT_FOUND (no such member), and as cluster_propose(). */
int cluster_drain(struct cluster *cluster, uint64_t id, uint64_t until_wall_ms, cluster_done_cb cb,
                  void *user);
/* Until when it is drained now; 0: it is not. */
uint64_t cluster_drained_until(struct cluster *cluster, uint64_t id);

/* For the rest of the room: the settings or the members have changed. */
void drain_reload(struct cluster *cluster);
bool drain_is_on(const struct member *member, uint64_t now_wall_ms);
/* Leader: hand over if drained, and clear what is over. */
void drain_tick(struct cluster *cluster, uint64_t now_mono_ms);
