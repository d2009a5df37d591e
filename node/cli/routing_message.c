#include "cli/routing_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "zone/record_set.h"
#include "zone/routing.h"

struct message {
    Cmd__Routing routing; /* first: it is what is given out */
    Cmd__Alias alias;
};

static ProtobufCBinaryData octets_of(const uint8_t *name)
{
    return (ProtobufCBinaryData){name ? dns_name_len(name) : 0, (uint8_t *)name};
}

static void fill_alias(const struct zone_routing *from, struct message *out)
{
    cmd__alias__init(&out->alias);
    out->alias.target = octets_of(from->alias_target);
    out->alias.hosted_zone_id = (char *)from->hosted_zone_id;
    out->alias.evaluate_target_health = from->evaluate_target_health;
    out->routing.alias = &out->alias;
}

struct Cmd__Routing *routing_message_new(const struct zone_routing *from)
{
    struct message *message = malloc(sizeof(*message));

    if (!message)
        return NULL;
    Cmd__Routing *out = &message->routing;
    cmd__routing__init(out);
    out->policy = (Cmd__Policy)from->kind;
    out->weight = from->weight;
    out->region = (char *)from->region;
    out->continent = (char *)from->continent;
    out->country = (char *)from->country;
    out->subdivision = (char *)from->subdivision;
    out->has_coordinates = from->has_coordinates;
    out->latitude_cdeg = from->latitude_cdeg;
    out->longitude_cdeg = from->longitude_cdeg;
    out->bias = from->bias;
    out->is_secondary = from->is_secondary;
    out->cidr_collection_id = (char *)from->cidr_collection_id;
    out->cidr_location = (char *)from->cidr_location;
    out->health_check_id = (char *)from->health_check_id;
    out->is_sticky = from->is_sticky;
    out->answers_max = from->answers_max;
    out->all_down = (Cmd__AllDown)from->all_down;
    out->fallback = octets_of(from->fallback);
    if (from->is_alias)
        fill_alias(from, message);
    return out;
}

static bool take_texts(const struct Cmd__Routing *from, struct zone_routing *out)
{
    const struct {
        const char *from;
        char *out;
        size_t size;
    } texts[] = {
        {from->region, out->region, sizeof(out->region)},
        {from->continent, out->continent, sizeof(out->continent)},
        {from->country, out->country, sizeof(out->country)},
        {from->subdivision, out->subdivision, sizeof(out->subdivision)},
        {from->cidr_collection_id, out->cidr_collection_id, sizeof(out->cidr_collection_id)},
        {from->cidr_location, out->cidr_location, sizeof(out->cidr_location)},
        {from->health_check_id, out->health_check_id, sizeof(out->health_check_id)},
        {from->alias ? from->alias->hosted_zone_id : "", out->hosted_zone_id,
         sizeof(out->hosted_zone_id)},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t len = strlen(texts[i].from);
        if (len >= texts[i].size)
            return false;
        memcpy(texts[i].out, texts[i].from, len + 1);
    }
    return true;
}

static bool is_name(const ProtobufCBinaryData *octets)
{
    return octets->len > 0 && dns_name_check(octets->data, octets->len) == (int)octets->len;
}

int routing_message_take(const struct Cmd__Routing *from, struct zone_routing *out)
{
    struct zone_routing got = {.kind = (enum policy_kind)from->policy,
                               .weight = (uint8_t)from->weight,
                               .has_coordinates = from->has_coordinates,
                               .latitude_cdeg = (int16_t)from->latitude_cdeg,
                               .longitude_cdeg = (int16_t)from->longitude_cdeg,
                               .bias = (int8_t)from->bias,
                               .is_secondary = from->is_secondary,
                               .is_sticky = from->is_sticky,
                               .answers_max = (uint8_t)from->answers_max,
                               .all_down = (enum policy_all_down)from->all_down};

    if ((unsigned)got.kind >= POLICY_KIND_COUNT ||
        (unsigned)got.all_down > POLICY_ALL_DOWN_FALLBACK || !take_texts(from, &got))
        return ERR_INVALID;
    if (from->alias) {
        if (!is_name(&from->alias->target))
            return ERR_INVALID;
        got.is_alias = true;
        got.alias_target = from->alias->target.data;
        got.evaluate_target_health = from->alias->evaluate_target_health;
    }
    if (got.all_down == POLICY_ALL_DOWN_FALLBACK) {
        if (!is_name(&from->fallback))
            return ERR_INVALID;
        got.fallback = from->fallback.data;
    }
    *out = got;
    return 0;
}

struct Cmd__RecordSet *record_message_new(const struct zone_record_set *from)
{
    size_t rdatas_len = from->rdata_count * sizeof(ProtobufCBinaryData);
    Cmd__RecordSet *out = malloc(sizeof(*out) + rdatas_len + from->set_identifier_len + 1);

    if (!out)
        return NULL;
    cmd__record_set__init(out);
    out->rdata = (ProtobufCBinaryData *)(out + 1);
    for (size_t i = 0; i < from->rdata_count; i++)
        out->rdata[out->n_rdata++] =
            (ProtobufCBinaryData){from->rdatas[i].len, (uint8_t *)from->rdatas[i].data};
    out->set_identifier = (char *)(out->rdata + out->n_rdata);
    if (from->set_identifier_len > 0)
        memcpy(out->set_identifier, from->set_identifier, from->set_identifier_len);
    out->set_identifier[from->set_identifier_len] = '\0';
    out->name = octets_of(from->name);
    out->type = from->type;
    out->ttl_s = from->ttl_s;
    out->routing = from->routing ? routing_message_new(from->routing) : NULL;
    if (from->routing && !out->routing) {
        free(out);
        return NULL;
    }
    return out;
}

void record_message_free(struct Cmd__RecordSet *message)
{
    if (message)
        free(message->routing);
    free(message);
}
