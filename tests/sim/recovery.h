/* tests/sim/recovery.h: the quorum is lost for good, and the operator recovers the cluster as
 * `quartet cluster recover` does: by the production plan (node/cluster/recover_plan.h), after a
 * copy that takes time, on the survivor that the plan permits. The lost come back as they were. */
#pragma once

#include "sim/world.h"

struct recovery;
struct recovery *recovery_start(struct world *world); /* nothing happens without disaster_ms */
void recovery_free(struct recovery *recovery);
/* Is the quorum lost for good, and the cluster not recovered yet? */
bool recovery_is_due(const struct world *world);
