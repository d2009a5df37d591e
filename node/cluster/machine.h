/* node/cluster/machine.h: committed entries into state, and what follows from them in the rest of
 * the cluster object. Loop thread. */
#pragma once

#include <stdint.h>

#include "cluster/cluster.h"
#include "raft/io/driver.h"

int machine_open(struct cluster *cluster, char error[CLUSTER_ERROR_MAX]);
void machine_close(struct cluster *cluster);
struct raft_app machine_app(struct cluster *cluster);
/* Read again what effects have marked as changed. */
void machine_refresh(struct cluster *cluster);
/* In each turn of the loop, unless a snapshot is installed: go on with zones that are activated. */
void machine_flush(struct cluster *cluster, uint64_t now_mono_ms);
void machine_tick(struct cluster *cluster, uint64_t now_mono_ms);
