/* node/store/state_gone.h: caller references of health checks that were deleted, which no other
 * check may have for some days (route53.md 3.5). As store/state.h. */
#pragma once

#include <stdint.h>

#include "store/state_health.h"

struct overlay;

#define STATE_GONE_KEPT_MS (7ull * 24 * 3600 * 1000)
#define STATE_GONE_MAX 100000u /* when there are more, the oldest goes */

/* When the check of @reference was deleted. ERR_NOT_FOUND: none was, or so long ago that it is
 * forgotten; it may also be remembered for longer than STATE_GONE_KEPT_MS. */
int state_get_gone(const struct kv *kv, const char *reference, uint64_t *gone_wall_ms);

/* Remember that it was deleted at @gone_wall_ms, the time of now, and forget a few that were too
 * long before. Apply only. ERR_* of reads. */
int state_put_gone(struct overlay *overlay, const char *reference, uint64_t gone_wall_ms);
