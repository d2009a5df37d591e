#include "control/routing_message.h"

#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "zone/routing.h"

static ProtobufCBinaryData name_octets(const uint8_t *name)
{
    return (ProtobufCBinaryData){name ? dns_name_len(name) : 0, (uint8_t *)name};
}

static void point_alias(const struct zone_routing *from, Cmd__Alias *alias)
{
    cmd__alias__init(alias);
    alias->target = name_octets(from->alias_target);
    alias->hosted_zone_id = (char *)from->hosted_zone_id;
    alias->evaluate_target_health = from->evaluate_target_health;
}

void routing_message_point(const struct zone_routing *from, struct Cmd__Routing *message,
                           struct Cmd__Alias *alias)
{
    cmd__routing__init(message);
    message->policy = (Cmd__Policy)from->kind;
    message->weight = from->weight;
    message->region = (char *)from->region;
    message->continent = (char *)from->continent;
    message->country = (char *)from->country;
    message->subdivision = (char *)from->subdivision;
    message->has_coordinates = from->has_coordinates;
    message->latitude_cdeg = from->latitude_cdeg;
    message->longitude_cdeg = from->longitude_cdeg;
    message->bias = from->bias;
    message->is_secondary = from->is_secondary;
    message->cidr_collection_id = (char *)from->cidr_collection_id;
    message->cidr_location = (char *)from->cidr_location;
    message->health_check_id = (char *)from->health_check_id;
    message->is_sticky = from->is_sticky;
    message->answers_max = from->answers_max;
    message->all_down = (Cmd__AllDown)from->all_down;
    message->fallback = name_octets(from->fallback);
    if (!from->is_alias)
        return;
    point_alias(from, alias);
    message->alias = alias;
}
