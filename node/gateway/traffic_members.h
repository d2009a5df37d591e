/* node/gateway/traffic_members.h: members of requests about traffic policies against what the model
 * says of them. Breaches are noted (gateway_breach()); what is in breach is "" or 0. */
#pragma once

#include <stdint.h>

struct gateway_call;

/* A text that must be there, of at most @most characters. */
const char *traffic_text(struct gateway_call *call, const char *member, const char *text,
                         unsigned most);
/* The id of a policy or an instance: 1 to 36 characters. NULL: not there. */
const char *traffic_id(struct gateway_call *call, const char *member, const char *text);
/* A policy's version: 1 to 1000. */
uint32_t traffic_version(struct gateway_call *call, const char *member, const char *text);
uint32_t traffic_ttl_s(struct gateway_call *call, const char *text);
/* What the request said, or "100": lists say it again. */
const char *traffic_max_items(const struct gateway_call *call);
