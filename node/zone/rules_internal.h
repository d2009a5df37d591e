/* node/zone/rules_internal.h: shared by rules.c (record sets) and rules_routing.c (their routing).
 */
#pragma once

#include "zone/record_set.h"

/* Fill @problem with "NAME TYPE: rule", cut off where it does not fit, and return @code. */
int __attribute__((format(printf, 5, 6)))
zone__refuse(struct zone_problem *problem, int code, const uint8_t *name, uint16_t type,
             const char *format, ...);
bool zone__name_is_lower(const uint8_t *name);
