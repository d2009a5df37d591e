/* node/route53/write.c: a record set as Route 53 lists it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "route53/internal.h"
#include "zone/record_text.h"

#define RDATA_TEXT_SIZE 262401u

/* Each of these: 0, or -1 as jansson has it. */
static int set_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text));
}

static int set_text_if_any(json_t *object, const char *key, const char *text)
{
    return text[0] ? set_text(object, key, text) : 0;
}

static int set_name(json_t *object, const char *key, const uint8_t *name)
{
    char text[DNS_NAME_TEXT_SIZE];

    dns_name_format_octal(name, text);
    return set_text(object, key, text);
}

static json_t *write_location(const struct zone_routing *routing)
{
    json_t *value = json_object();

    if (set_text_if_any(value, "ContinentCode", routing->continent) != 0 ||
        set_text_if_any(value, "CountryCode", routing->country) != 0 ||
        set_text_if_any(value, "SubdivisionCode", routing->subdivision) != 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static void format_coordinate(int cdeg, char out[16])
{
    int magnitude = cdeg < 0 ? -cdeg : cdeg;

    snprintf(out, 16, "%s%d.%02d", cdeg < 0 ? "-" : "", magnitude / 100, magnitude % 100);
}

static json_t *write_proximity(const struct zone_routing *routing)
{
    char latitude[16], longitude[16];

    if (!routing->has_coordinates)
        return json_pack("{s:s, s:i}", "AWSRegion", routing->region, "Bias", routing->bias);
    format_coordinate(routing->latitude_cdeg, latitude);
    format_coordinate(routing->longitude_cdeg, longitude);
    return json_pack("{s:{s:s, s:s}, s:i}", "Coordinates", "Latitude", latitude, "Longitude",
                     longitude, "Bias", routing->bias);
}

static int set_policy(json_t *object, const struct zone_routing *routing)
{
    switch (routing->kind) {
    case POLICY_WEIGHTED:
        return json_object_set_new(object, "Weight", json_integer(routing->weight));
    case POLICY_LATENCY: return set_text(object, "Region", routing->region);
    case POLICY_GEOLOCATION:
        return json_object_set_new(object, "GeoLocation", write_location(routing));
    case POLICY_GEOPROXIMITY:
        return json_object_set_new(object, "GeoProximityLocation", write_proximity(routing));
    case POLICY_FAILOVER:
        return set_text(object, "Failover", routing->is_secondary ? "SECONDARY" : "PRIMARY");
    case POLICY_MULTIVALUE: return json_object_set_new(object, "MultiValueAnswer", json_true());
    case POLICY_IP_BASED:
        return json_object_set_new(object, "CidrRoutingConfig",
                                   json_pack("{s:s, s:s}", "CollectionId",
                                             routing->cidr_collection_id, "LocationName",
                                             routing->cidr_location));
    default: return 0;
    }
}

static int set_alias(json_t *object, const struct zone_routing *routing)
{
    json_t *value = json_object();
    int rc = set_text_if_any(value, "HostedZoneId", routing->hosted_zone_id);

    if (rc == 0)
        rc = set_name(value, "DNSName", routing->alias_target);
    if (rc == 0)
        rc = json_object_set_new(value, "EvaluateTargetHealth",
                                 json_boolean(routing->evaluate_target_health));
    if (rc == 0)
        return json_object_set_new(object, "AliasTarget", value);
    json_decref(value);
    return rc;
}

static int set_extensions(json_t *object, const struct zone_routing *routing)
{
    static const char *const words[] = {NULL, "closed", "last-good"};
    json_t *value = json_object();
    int rc = 0;

    if (routing->is_sticky)
        rc = json_object_set_new(value, "Sticky", json_true());
    if (rc == 0 && routing->answers_max > 0)
        rc = json_object_set_new(value, "Answers", json_integer(routing->answers_max));
    if (rc == 0 && routing->all_down == POLICY_ALL_DOWN_FALLBACK)
        rc = set_name(value, "Fallback", routing->fallback);
    else if (rc == 0 && routing->all_down != POLICY_ALL_DOWN_OPEN)
        rc = set_text(value, "AllDown", words[routing->all_down]);
    if (rc == 0 && json_object_size(value) > 0)
        return json_object_set_new(object, "Quartet", value);
    json_decref(value);
    return rc;
}

/* [{"Value": …}, …]; NULL: as route53_write_set(). */
static json_t *write_values(const struct zone_record_set *set)
{
    json_t *values = json_array();
    char *text = malloc(RDATA_TEXT_SIZE), *octal = malloc(4 * (size_t)RDATA_TEXT_SIZE);
    int rc = values && text && octal ? 0 : ERR_NOMEM;

    for (unsigned i = 0; i < set->rdata_count && rc == 0; i++) {
        size_t len;
        rc = zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, text,
                               RDATA_TEXT_SIZE, &len);
        if (rc == 0) {
            route53__from_zone_text(text, octal);
            rc = json_array_append_new(values, json_pack("{s:s}", "Value", octal));
        }
    }
    free(text);
    free(octal);
    if (rc == 0)
        return values;
    json_decref(values);
    return NULL;
}

static int fill(json_t *object, const struct zone_record_set *set)
{
    const struct zone_routing *routing = set->routing;
    char type[ZONE_TYPE_TEXT_LEN_MAX];

    zone_type_format(set->type, type);
    int rc = set_name(object, "Name", set->name);
    if (rc == 0)
        rc = set_text(object, "Type", type);
    if (rc == 0 && set->set_identifier_len > 0)
        rc = json_object_set_new(object, "SetIdentifier",
                                 json_stringn(set->set_identifier, set->set_identifier_len));
    if (rc == 0 && routing)
        rc = set_policy(object, routing);
    if (rc == 0 && routing && routing->is_alias)
        rc = set_alias(object, routing);
    else if (rc == 0 && json_object_set_new(object, "TTL", json_integer(set->ttl_s)) == 0)
        rc = json_object_set_new(object, "ResourceRecords", write_values(set));
    if (rc == 0 && routing)
        rc = set_text_if_any(object, "HealthCheckId", routing->health_check_id);
    return rc == 0 && routing ? set_extensions(object, routing) : rc;
}

struct json_t *route53_write_set(const struct zone_record_set *set)
{
    json_t *object = json_object();

    if (!object || fill(object, set) == 0)
        return object;
    json_decref(object);
    return NULL;
}
