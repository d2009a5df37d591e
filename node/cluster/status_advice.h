/* node/cluster/status_advice.h: what the figures of a status mean: how healthy the cluster is, how
 * many voters it can lose, what to do next. Pure. */
#pragma once

#include <stdbool.h>

#include "cluster/status.h"

/* An entry or two in flight is no lag; behind by more, a member is named. */
#define STATUS_LAG_ENTRIES 1000

/* Fill health, voters, quorum, can_lose and advice from the rest. @has_leader: a leader told the
 * members' figures; without one, who lives is not known here. */
void status_judge(struct cluster_status *status, bool has_leader);
