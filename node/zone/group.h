/* node/zone/group.h: a group in the image: the record sets of one name and type that routing
 * chooses from. It lies in its node's block like a rendered record set, with record_count 0
 * (zone/lookup.h), and is copied with it, so everything in it is found by offsets. */
#pragma once

#include "policy/policy.h"
#include "zone/lookup.h"

#include <stddef.h>
#include <stdint.h>

#define ZONE_GROUP_SIZE_MAX (1u << 20) /* octets of a group with all that it answers */

/* Is @set a group, and which. A group's zone_wire_set says nothing but its type; its octets are
 * counted by policy_group.size. SOA, NS, DS and DNAME are never groups. */
static inline bool zone_set_is_group(const struct zone_wire_set *set)
{
    return set->record_count == 0;
}
static inline const struct policy_group *zone_set_group(const struct zone_wire_set *set)
{
    return (const void *)set->wire;
}

/* What candidate @index answers with: rendered records; NULL for an alias. */
const struct zone_wire_set *zone_group_records(const struct policy_group *group, unsigned index);
/* Where an alias leads: a name in wire form, lower case; NULL for records. */
const uint8_t *zone_group_target(const struct policy_group *group, unsigned index);
/* The set identifier (not NUL-terminated) and its length; a simple set has none: length 0. */
const char *zone_group_identifier(const struct policy_group *group, unsigned index, size_t *len);
/* The fallback's name, or NULL. */
const uint8_t *zone_group_fallback(const struct policy_group *group);
