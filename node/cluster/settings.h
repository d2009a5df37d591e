/* node/cluster/settings.h: the cluster's switches in state, by name: cluster.autopilot (on, off),
 * cluster.dead_after_ms, cluster.voters_max. What is not set, or not understood, has its default.
 * Loop thread. */
#pragma once

#include "cluster/internal.h"

#define SETTINGS_DEAD_AFTER_MS 30000
#define SETTINGS_DEAD_AFTER_MIN_MS 3000
#define SETTINGS_DEAD_AFTER_MAX_MS 86400000

void settings_reload(struct cluster *cluster);
void settings_defaults(struct cluster_settings *out);
