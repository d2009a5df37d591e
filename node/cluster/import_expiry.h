/* node/cluster/import_expiry.h: imports whose client went away are given up: there is room for
 * STATE_IMPORTS_MAX, and what they hold takes up disk and memory on every node. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define IMPORT_EXPIRY_MS 3600000    /* from the begin of an import; the largest take minutes */
#define IMPORT_EXPIRY_LOOK_MS 10000 /* between two looks */

/* Leader: have those aborted that began too long ago. */
void import_expiry_tick(struct cluster *cluster, uint64_t now_mono_ms);
