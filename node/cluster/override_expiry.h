/* node/cluster/override_expiry.h: the leader clears overrides whose time is over. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define OVERRIDE_EXPIRY_LOOK_MS 1000
#define OVERRIDE_EXPIRY_BATCH_MAX 256 /* cleared in one look; the others wait for the next */

void override_expiry_tick(struct cluster *cluster, uint64_t now_mono_ms);
