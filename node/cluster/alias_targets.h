/* node/cluster/alias_targets.h: keeps resolved what aliases and fallbacks lead to outside our zones
 * (resolve/resolve.h) and carries it into the image. Which names those are follows the record sets
 * of the state, and zones and delegations that come and go. The state is read in small steps after
 * the start and after a snapshot, changes come by effects. For cluster.c and machine.c; status is
 * in cluster/alias.h. Loop thread. */
#pragma once

#include <stdint.h>

struct alias_targets;
struct apply_effect;
struct cluster;
struct cluster_options;

/* ERR_INVALID (resolvers, TTL bounds), ERR_IO, ERR_NOMEM. */
int alias_targets_new(struct cluster *cluster, const struct cluster_options *options,
                      struct alias_targets **out);
typedef void (*alias_targets_close_cb)(void *user);
/* @cb when it is gone. */
void alias_targets_close(struct alias_targets *targets, alias_targets_close_cb cb, void *user);

/* The state was replaced, or is there now: read it. */
void alias_targets_read(struct alias_targets *targets);
void alias_targets_effect(struct alias_targets *targets, const struct apply_effect *effect);
/* The image shows a zone that effects told of earlier. */
void alias_targets_zones_changed(struct alias_targets *targets);
void alias_targets_tick(struct alias_targets *targets, uint64_t now_mono_ms);
