#include "control/set_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_set.h"
#include "zone/routing.h"

struct set_message {
    Cmd__RecordSet set; /* first: what the caller frees */
    Cmd__Routing routing;
    Cmd__Alias alias;
    struct zone_routing stored;  /* what the routing's texts point into */
    ProtobufCBinaryData rdata[]; /* then octets: name, records, routing, identifier and NUL */
};

static void fill_alias(struct set_message *message)
{
    struct zone_routing *stored = &message->stored;
    uint8_t *target = (uint8_t *)(uintptr_t)stored->alias_target;

    cmd__alias__init(&message->alias);
    message->alias.target = (ProtobufCBinaryData){dns_name_len(target), target};
    message->alias.hosted_zone_id = stored->hosted_zone_id;
    message->alias.evaluate_target_health = stored->evaluate_target_health;
    message->routing.alias = &message->alias;
}

static void fill_routing(struct set_message *message)
{
    struct zone_routing *stored = &message->stored;
    Cmd__Routing *routing = &message->routing;

    cmd__routing__init(routing);
    routing->policy = (Cmd__Policy)stored->kind;
    routing->weight = stored->weight;
    routing->region = stored->region;
    routing->continent = stored->continent;
    routing->country = stored->country;
    routing->subdivision = stored->subdivision;
    routing->has_coordinates = stored->has_coordinates;
    routing->latitude_cdeg = stored->latitude_cdeg;
    routing->longitude_cdeg = stored->longitude_cdeg;
    routing->bias = stored->bias;
    routing->is_secondary = stored->is_secondary;
    routing->cidr_collection_id = stored->cidr_collection_id;
    routing->cidr_location = stored->cidr_location;
    routing->health_check_id = stored->health_check_id;
    routing->is_sticky = stored->is_sticky;
    routing->answers_max = stored->answers_max;
    routing->all_down = (Cmd__AllDown)stored->all_down;
    if (stored->fallback)
        routing->fallback = (ProtobufCBinaryData){dns_name_len(stored->fallback),
                                                  (uint8_t *)(uintptr_t)stored->fallback};
    if (stored->is_alias)
        fill_alias(message);
}

/* Where the next octets go. */
static uint8_t *append(uint8_t **at, const void *octets, size_t len)
{
    uint8_t *start = *at;

    if (len > 0)
        memcpy(start, octets, len);
    *at += len;
    return start;
}

int set_message_new(const struct state_record_set *set, struct Cmd__RecordSet **out)
{
    size_t name_len = dns_name_len(set->name);
    size_t table_len = set->rdata_count * sizeof(ProtobufCBinaryData);
    struct set_message *message =
        calloc(1, sizeof(*message) + table_len + name_len + set->rdata_len + set->routing_len +
                      set->set_identifier_len + 1);

    if (!message)
        return ERR_NOMEM;
    uint8_t *at = (uint8_t *)(message->rdata + set->rdata_count);
    struct state_record_set copy = *set;
    copy.rdata = append(&at, set->rdata, set->rdata_len);
    copy.routing = append(&at, set->routing, set->routing_len);
    cmd__record_set__init(&message->set);
    message->set.name = (ProtobufCBinaryData){name_len, append(&at, set->name, name_len)};
    message->set.type = set->type;
    message->set.ttl_s = set->ttl_s;
    message->set.set_identifier =
        (char *)append(&at, set->set_identifier, set->set_identifier_len); /* NUL by calloc */
    message->set.rdata = message->rdata;
    const uint8_t *rdata;
    uint16_t len;
    for (size_t offset = 0;
         message->set.n_rdata < set->rdata_count && state_set_next(&copy, &offset, &rdata, &len);)
        message->rdata[message->set.n_rdata++] =
            (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)rdata};
    if (set->routing_len > 0) {
        int rc = state_routing_decode(kv_slice(copy.routing, set->routing_len), &message->stored);
        if (rc != 0) {
            free(message);
            return rc;
        }
        fill_routing(message);
        message->set.routing = &message->routing;
    }
    *out = &message->set;
    return 0;
}
