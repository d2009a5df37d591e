/* node/zone/group_build.h: groups come about from an older one by one set more or less, in time of
 * the group. First a plan, which finds out what the new one takes; then, with room for it, the
 * group itself. Internal to the room. */
#pragma once

#include "zone/group.h"

#include <stdbool.h>

struct zone_record_set;

struct zone_group_plan {
    const struct policy_group *old;    /* what the other sets come from; NULL: there are none */
    const struct zone_record_set *set; /* to be added; NULL: none */
    unsigned skip; /* index of the old set that goes, or is replaced; POLICY_INDEX_NONE */
    unsigned at;   /* index of the old set in front of which the new one belongs */
    size_t size;   /* octets of the new group; 0: nothing is left */
};

/* What DNS itself stands on (SOA, NS, DS, DNAME) has no routing: it is always answered. */
bool zone__type_may_be_routed(uint16_t type);
/* Does @set belong into a group? Any policy, alias, check or override makes it so, but checks and
 * overrides only for types that may be routed. */
bool zone__set_is_grouped(const struct zone_record_set *set);

/* @set, which is grouped, in place of the one of its identifier in @old (or NULL), if any. A set of
 * another policy takes the place of all of @old, as does a simple one. The extensions of the whole
 * group are those of the set that was put last. ERR_INVALID: no such policy, identifier or place,
 * or not for that type; ERR_LIMIT. All that the plan points to is borrowed until it is carried out.
 */
int zone__group_plan_put(const struct policy_group *old, const struct zone_record_set *set,
                         struct zone_group_plan *out);
/* @old without the set of the identifier. ERR_NOT_FOUND. */
int zone__group_plan_remove(const struct policy_group *old, const char *identifier,
                            size_t identifier_len, struct zone_group_plan *out);
/* Carry the plan out: write a set of @type with the group of plan->size octets. */
void zone__group_build(const struct zone_group_plan *plan, uint16_t type,
                       struct zone_wire_set *out);
