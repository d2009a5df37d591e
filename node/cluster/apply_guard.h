/* node/cluster/apply_guard.h: the guard against mass deletion. As apply_internal.h. */
#pragma once

#include "cluster/apply_internal.h"

/* Percent of a zone's record sets that one batch may remove; not set or 0: any. */
#define STATE_SETTING_GUARD_DELETE "guard.delete_percent"

/* Refuse @value for the setting of that name when it is no such number. */
int apply__check_guard_setting(struct apply *apply, const char *name, const char *value);
/* Refuse when @actions, which have been done in @zone, removed too much of the @set_count sets that
 * it had before. */
int apply__check_guard(struct apply *apply, const struct state_zone *zone, uint64_t set_count,
                       const struct apply__actions *actions);
