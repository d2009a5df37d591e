/* node/zone/wire.h: record sets as octets, ready for answers. Internal to the room. */
#pragma once

#include "zone/group.h"
#include "zone/lookup.h"

#include <stddef.h>

struct zone_record_set;

static inline size_t zone__round_even(size_t len)
{
    return len + (len & 1);
}

/* Octets that a set takes in its node's block; whatever follows it is on an even offset. */
static inline size_t zone__wire_size(const struct zone_wire_set *set)
{
    const size_t len = zone_set_is_group(set) ? zone_set_group(set)->size : set->wire_len;
    return sizeof(*set) + zone__round_even(len);
}

/* Octets of the records of @set once rendered. */
size_t zone__wire_len(const struct zone_record_set *set);
/* Render the records of @set, which take @wire_len octets, at most ZONE_WIRE_LEN_MAX. */
void zone__wire_render(const struct zone_record_set *set, size_t wire_len,
                       struct zone_wire_set *out);
