/* node/cli/routing_text.h: how a record set takes part in routing, for people and as JSON. */
#pragma once

struct json_t;
struct zone_record_set;

#define ROUTING_TEXT_SIZE 2800u

/* "weighted 10, set 'a', health check 0f9f…"; @set has routing. */
void routing_text_format(const struct zone_record_set *set, char out[ROUTING_TEXT_SIZE]);
/* The same as members of @object. */
void routing_text_json(const struct zone_record_set *set, struct json_t *object);
