/* node/cluster/upgrade.h: the cluster's feature level (feature.h), and raising it. Loop thread. */
#pragma once

#include "cluster/status.h"

/* The level that the cluster runs at; 1 while unjoined. */
unsigned cluster_feature_level(const struct cluster *cluster);
/* Raise it to what the newest member knows. To @cb ERR_CONFLICT, with the names of members that do
 * not know it or are silent (they may come back with an older program), or when there is nothing to
 * raise. ERR_UNAVAILABLE, ERR_BUSY, ERR_NOMEM. */
int cluster_upgrade_finalize(struct cluster *cluster, cluster_done_cb cb, void *user);

/* May the level be raised, as members are? The level to raise it to, or 0 and in @why a sentence
 * that says what stands against it. Pure. */
unsigned upgrade_judge(const struct cluster_status *status, char *why, size_t size);

/* A program that knows levels up to @known meets the state of a cluster at @level, which is higher:
 * what to do about it. */
void upgrade_explain(unsigned level, unsigned known, char *out, size_t size);
