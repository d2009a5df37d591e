/* node/gateway/record_shape.c: which members go together (route53.md 4.2), in Route 53's words. */
#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "gateway/record_internal.h"
#include "proto/command.pb-c.h"
#include "route53/value.h"
#include "zone/routing.h"

#define SOURCES "AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId"
#define POLICIES                                                                                   \
    "Weight, Region, Failover, GeoLocation, MultiValueAnswer, CidrRoutingConfig, or "              \
    "GeoProximityLocation"

/* "Invalid request: @what in Change with [Action=…, Name=…, Type=…, SetIdentifier=…]". */
static bool refuse(struct record__reading *reading, const char *what)
{
    const struct record__parts *parts = &reading->parts;
    char name[DNS_NAME_TEXT_SIZE], problem[ROUTE53_PROBLEM_SIZE];
    uint8_t wire[DNS_NAME_MAX];

    if (route53_name_parse(parts->name, wire, problem) > 0)
        dns_name_format_octal(wire, name);
    else
        snprintf(name, sizeof(name), "%s", parts->name);
    gateway_fail(reading->call, "InvalidInput",
                 "Invalid request: %s in Change with [Action=%s, Name=%s, Type=%s, "
                 "SetIdentifier=%s]",
                 what, parts->action, name, parts->type,
                 parts->set_identifier ? parts->set_identifier : "null");
    return false;
}

static bool check_source(struct record__reading *reading)
{
    const struct record__parts *parts = &reading->parts;
    bool has_some = parts->ttl || parts->records, has_both = parts->ttl && parts->records;
    int count = (parts->alias != NULL) + (parts->instance_id != NULL);

    if (count + has_both == 0)
        return refuse(reading, "Expected exactly one of [" SOURCES "], but found none");
    if (count + has_some > 1)
        return refuse(reading, "Expected exactly one of [" SOURCES "], but found more than one");
    return true;
}

static bool check_policies(struct record__reading *reading)
{
    const struct record__parts *parts = &reading->parts;
    int count = (parts->weight != NULL) + (parts->region != NULL) + (parts->failover != NULL) +
                (parts->location != NULL) + parts->is_multivalue + (parts->cidr != NULL) +
                (parts->proximity != NULL);

    if (count > 1)
        return refuse(reading, "Expected exactly one of [" POLICIES "], but found more than one");
    if (count == 1 && !parts->set_identifier)
        return refuse(reading, "Missing field 'SetIdentifier'");
    /* A DELETE may leave out what it knows the set by. */
    if (count == 0 && parts->set_identifier && !parts->instance_id &&
        reading->change->action != CMD__ACTION__ACTION_DELETE)
        return refuse(reading, "Expected exactly one of [" POLICIES "], but found none");
    return true;
}

static bool check_location(struct record__reading *reading)
{
    const Cmd__Routing *routing = reading->routing;
    bool has_continent = routing->continent[0], has_country = routing->country[0];
    bool has_subdivision = routing->subdivision[0];

    if (!has_continent && !has_country && !has_subdivision)
        return refuse(reading,
                      "Expected exactly one of [ContinentCode, or CountryCode], but found none");
    if (has_continent && (has_country || has_subdivision))
        return refuse(reading, "Expected exactly one of [ContinentCode, or CountryCode], but found "
                               "more than one");
    if (has_subdivision && !has_country)
        return refuse(reading, "Missing field 'CountryCode'");
    return true;
}

static bool check_proximity(struct record__reading *reading)
{
    static const char *const names[] = {"AWSRegion", "LocalZoneGroup", "Coordinates"};
    unsigned count = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        count += xml_child(reading->parts.proximity, names[i]) != NULL;
    if (count != 1)
        return refuse(reading, count == 0 ? "Expected exactly one of [AWSRegion, LocalZoneGroup, "
                                            "or Coordinates], but found none"
                                          : "Expected exactly one of [AWSRegion, LocalZoneGroup, "
                                            "or Coordinates], but found more than one");
    if (xml_child(reading->parts.proximity, "LocalZoneGroup"))
        return refuse(reading, "The LocalZoneGroup is not known, give its Coordinates");
    return true;
}

bool record__check_shape(struct record__reading *reading)
{
    const struct record__parts *parts = &reading->parts;

    if (!check_source(reading) || !check_policies(reading))
        return false;
    if (parts->location && !check_location(reading))
        return false;
    if (parts->proximity && !check_proximity(reading))
        return false;
    if (parts->instance_id)
        return refuse(reading, "A record set of a traffic policy instance is changed by the "
                               "instance alone");
    if (parts->health_check_id && strlen(parts->health_check_id) >= ZONE_UUID_SIZE) {
        gateway_fail(reading->call, "NoSuchHealthCheck",
                     "A health check with id %s does not exist.", parts->health_check_id);
        return false;
    }
    return true;
}
