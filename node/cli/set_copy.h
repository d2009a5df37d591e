/* node/cli/set_copy.h: a record set with all that it points to. */
#pragma once

#include <stdbool.h>

#include "zone/record_set.h"

/* A copy in one piece of memory, the caller's to free(). NULL: no memory. */
struct zone_record_set *set_copy_new(const struct zone_record_set *set);
/* By name in canonical order, type, identifier: <0, 0 or >0. 0: one takes the other's place. */
int set_copy_compare_keys(const struct zone_record_set *a, const struct zone_record_set *b);
/* Do both say the same? The order of the records does not count. */
bool set_copy_is_equal(const struct zone_record_set *a, const struct zone_record_set *b);
