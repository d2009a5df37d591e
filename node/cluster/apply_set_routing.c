/* node/cluster/apply_set_routing.c: routing in commands to that of zone and state. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "dns/name.h"
#include "geo/region.h"
#include "proto/command.pb-c.h"
#include "store/state_routing.h"

/* One number of a command that must lie within bounds. */
struct number {
    const char *what;
    int64_t value, least, most;
};

static int check_numbers(struct apply *apply, const Cmd__Routing *from)
{
    const struct number numbers[] = {
        {"policy", from->policy, 0, POLICY_KIND_COUNT - 1},
        {"weight", from->weight, 0, 255},
        {"bias", from->bias, -99, 99},
        {"latitude", from->latitude_cdeg, -9000, 9000},
        {"longitude", from->longitude_cdeg, -18000, 18000},
        {"answers", from->answers_max, 0, POLICY_ANSWERS_MAX},
        {"rule for all down", from->all_down, 0, POLICY_ALL_DOWN_FALLBACK},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i].value < numbers[i].least || numbers[i].value > numbers[i].most)
            return apply__refuse(apply, ERR_INVALID, "%s %lld is not within %lld to %lld",
                                 numbers[i].what, (long long)numbers[i].value,
                                 (long long)numbers[i].least, (long long)numbers[i].most);
    }
    return 0;
}

static int take_texts(struct apply *apply, const Cmd__Routing *from, struct zone_routing *out)
{
    const struct {
        const char *what, *from;
        char *out;
        size_t size;
    } texts[] = {
        {"region", from->region, out->region, sizeof(out->region)},
        {"continent", from->continent, out->continent, sizeof(out->continent)},
        {"country", from->country, out->country, sizeof(out->country)},
        {"subdivision", from->subdivision, out->subdivision, sizeof(out->subdivision)},
        {"CIDR collection id", from->cidr_collection_id, out->cidr_collection_id,
         sizeof(out->cidr_collection_id)},
        {"CIDR location", from->cidr_location, out->cidr_location, sizeof(out->cidr_location)},
        {"health check id", from->health_check_id, out->health_check_id,
         sizeof(out->health_check_id)},
        {"hosted zone id", from->alias ? from->alias->hosted_zone_id : "", out->hosted_zone_id,
         sizeof(out->hosted_zone_id)},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int rc = apply__check_text(apply, texts[i].what, texts[i].from, texts[i].size);
        if (rc != 0)
            return rc;
        memcpy(texts[i].out, texts[i].from, strlen(texts[i].from) + 1);
    }
    return 0;
}

/* A name in lower case, in scratch memory. */
static int take_name(struct apply *apply, const char *what, const ProtobufCBinaryData *from,
                     const uint8_t **out)
{
    if (from->len == 0 || dns_name_check(from->data, from->len) != (int)from->len)
        return apply__refuse(apply, ERR_INVALID, "the %s is not a well-formed name", what);
    uint8_t *name = arena_alloc(apply->scratch, from->len);
    if (!name)
        return ERR_NOMEM;
    dns_name_lower_len(from->data, (unsigned)from->len, name);
    *out = name;
    return 0;
}

static int take_names(struct apply *apply, const Cmd__Routing *from, struct zone_routing *out)
{
    int rc = 0;

    if (from->alias) {
        out->is_alias = true;
        out->evaluate_target_health = from->alias->evaluate_target_health;
        rc = take_name(apply, "alias target", &from->alias->target, &out->alias_target);
    }
    if (rc == 0 && from->all_down == CMD__ALL_DOWN__ALL_DOWN_FALLBACK)
        rc = take_name(apply, "fallback", &from->fallback, &out->fallback);
    else if (rc == 0 && from->fallback.len > 0)
        rc = apply__refuse(apply, ERR_INVALID, "a fallback goes with the rule of that name");
    return rc;
}

int apply__take_routing(struct apply *apply, const struct Cmd__Routing *from,
                        struct apply__set *out)
{
    struct zone_routing *routing = arena_alloc(apply->scratch, sizeof(*routing));

    if (!routing)
        return ERR_NOMEM;
    memset(routing, 0, sizeof(*routing));
    int rc = check_numbers(apply, from);
    if (rc == 0)
        rc = take_texts(apply, from, routing);
    if (rc == 0)
        rc = take_names(apply, from, routing);
    if (rc != 0)
        return rc;
    routing->kind = (enum policy_kind)from->policy;
    routing->weight = (uint8_t)from->weight;
    routing->has_coordinates = from->has_coordinates;
    routing->latitude_cdeg = (int16_t)from->latitude_cdeg;
    routing->longitude_cdeg = (int16_t)from->longitude_cdeg;
    routing->bias = (int8_t)from->bias;
    routing->is_secondary = from->is_secondary;
    routing->is_sticky = from->is_sticky;
    routing->answers_max = (uint8_t)from->answers_max;
    routing->all_down = (enum policy_all_down)from->all_down;
    return apply__set_routing(apply, routing, out);
}

int apply__set_routing(struct apply *apply, const struct zone_routing *routing,
                       struct apply__set *out)
{
    uint8_t *octets = arena_alloc(apply->scratch, STATE_ROUTING_MAX);
    uint8_t nothing[STATE_ROUTING_MAX];

    if (!octets)
        return ERR_NOMEM;
    size_t len = state_routing_encode(routing, octets);
    size_t nothing_len = state_routing_encode(&(struct zone_routing){0}, nothing);
    if (len == nothing_len && memcmp(octets, nothing, len) == 0)
        return 0; /* a simple set as any other */
    out->zone.routing = routing;
    out->state.routing = octets;
    out->state.routing_len = len;
    return 0;
}

static int check_region(struct apply *apply, const char *name)
{
    uint8_t number;

    if (geo_region_builtin(name) != GEO_REGION_NONE)
        return 0;
    int rc = state_find_region_number(apply__kv(apply), name, &number);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND,
                             "there is no region %s: make it (quartet region set)", name);
    return rc;
}

int apply__check_references(struct apply *apply, const struct zone_routing *routing)
{
    uint32_t slot;
    int rc = 0;

    if (routing->health_check_id[0] != 0)
        rc = state_find_check_slot(apply__kv(apply), routing->health_check_id, &slot);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, rc, "NoSuchHealthCheck",
                                "A health check with id %s does not exist.",
                                routing->health_check_id);
    if (rc == 0 && routing->region[0] != 0)
        rc = check_region(apply, routing->region);
    if (rc == 0 && routing->cidr_collection_id[0] != 0) {
        rc = state_find_cidr_slot(apply__kv(apply), routing->cidr_collection_id, &slot);
        if (rc == ERR_NOT_FOUND)
            return apply__refuse(apply, rc, "there is no CIDR collection %s (quartet cidr list)",
                                 routing->cidr_collection_id);
    }
    return rc;
}
