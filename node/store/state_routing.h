/* node/store/state_routing.h: numbers by which the image knows what routing names: health checks
 * and overrides by slot (policy/health.h), CIDR collections by slot, regions by number
 * (geo/region.h). They are given out by apply, counted up, and never reused. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct kv;
struct state_record_set;

/* Each: 0; ERR_NOT_FOUND: there is none of that name; else as store/state.h. */
int state_find_check_slot(const struct kv *kv, const char *health_check_id, uint32_t *slot);
int state_find_cidr_slot(const struct kv *kv, const char *collection_id, uint32_t *slot);
/* The operator's own regions; Route 53's are in geo/region.h. */
int state_find_region_number(const struct kv *kv, const char *name, uint8_t *number);
/* Of the override of one record set. @set: name, type and identifier. */
int state_find_override_slot(const struct kv *kv, const char *zone_id,
                             const struct state_record_set *set, uint32_t *slot);
