/* node/store/state_set_routing.h: how a record set takes part in routing, in the octets that stored
 * record sets carry (state_set.h): policy, flags, weight, bias, answers, rule for all down (1 octet
 * each), latitude and longitude (2 each, big-endian), eight texts, each led by its length, then the
 * alias target and the fallback, where there are such. One routing has one form, so equal octets
 * mean equal routing. Numbers for the image are no part of it. Part of the stored format. Pure; any
 * thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/kv.h"

struct zone_routing;

#define STATE_ROUTING_MAX 768u /* octets */

/* Write @routing, whose texts and names obey their bounds, to @out (STATE_ROUTING_MAX octets at
 * most); returns the length. */
size_t state_routing_encode(const struct zone_routing *routing, uint8_t *out);
/* Back; names in *@out are views of @value. ERR_CORRUPT: not such octets, as far as the form goes;
 * whether the fields fit each other is zone_rules_check_routing()'s. */
int state_routing_decode(struct kv_slice value, struct zone_routing *out);
