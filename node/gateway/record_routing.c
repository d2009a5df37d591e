/* node/gateway/record_routing.c: the members of a set that route, to the node's form. */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/record_internal.h"
#include "proto/command.pb-c.h"
#include "route53/value.h"
#include "zone/routing.h"

#define REGION_LEN_MAX 64u
#define ALIAS_ZONE_LEN_MAX 32u
#define UUID_LEN (ZONE_UUID_SIZE - 1u)

static char *text(const char *from)
{
    return (char *)(uintptr_t)from;
}

/* A copy in another case; NULL: no memory. */
static char *copy_cased(struct record__reading *reading, const char *from, int (*cased)(int))
{
    char *copy = arena_copy(reading->arena, from, strlen(from));

    for (char *at = copy; at && *at; at++)
        *at = (char)cased((unsigned char)*at);
    return copy;
}

/* ---- each policy; false: no memory ---- */

static bool read_weight(struct record__reading *reading, Cmd__Routing *out)
{
    out->policy = CMD__POLICY__POLICY_WEIGHTED;
    out->weight = (uint32_t)record__number(reading, "resourceRecordSet.weight",
                                           reading->parts.weight, 0, 255);
    return true;
}

static bool read_region(struct record__reading *reading, Cmd__Routing *out)
{
    out->policy = CMD__POLICY__POLICY_LATENCY;
    record__check_length(reading, "resourceRecordSet.region", reading->parts.region, 1,
                         REGION_LEN_MAX);
    out->region = text(reading->parts.region);
    return true;
}

static bool read_failover(struct record__reading *reading, Cmd__Routing *out)
{
    const char *failover = reading->parts.failover;

    out->policy = CMD__POLICY__POLICY_FAILOVER;
    out->is_secondary = strcmp(failover, "SECONDARY") == 0;
    if (!out->is_secondary && strcmp(failover, "PRIMARY") != 0)
        record__breach(reading, "resourceRecordSet.failover", failover,
                       "Member must satisfy enum value set: [PRIMARY, SECONDARY]");
    return true;
}

static bool read_multivalue(struct record__reading *reading, Cmd__Routing *out)
{
    (void)reading;
    out->policy = CMD__POLICY__POLICY_MULTIVALUE;
    return true;
}

/* One code of a place, in capitals. */
static bool read_code(struct record__reading *reading, const char *name, const char *member,
                      size_t lens[2], char **out)
{
    const char *code = xml_child_text(reading->parts.location, name);

    if (!code)
        return true;
    record__check_length(reading, member, code, lens[0], lens[1]);
    *out = copy_cased(reading, code, toupper);
    return *out != NULL;
}

static bool read_location(struct record__reading *reading, Cmd__Routing *out)
{
    out->policy = CMD__POLICY__POLICY_GEOLOCATION;
    return read_code(reading, "ContinentCode", "resourceRecordSet.geoLocation.continentCode",
                     (size_t[]){2, 2}, &out->continent) &&
           read_code(reading, "CountryCode", "resourceRecordSet.geoLocation.countryCode",
                     (size_t[]){1, 2}, &out->country) &&
           read_code(reading, "SubdivisionCode", "resourceRecordSet.geoLocation.subdivisionCode",
                     (size_t[]){1, 3}, &out->subdivision);
}

static bool is_uuid(const char *id)
{
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? id[i] != '-' : !id[i] || !strchr("0123456789abcdef", id[i]))
            return false;
    }
    return id[UUID_LEN] == '\0';
}

static bool read_cidr(struct record__reading *reading, Cmd__Routing *out)
{
    static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-*"
                                     "abcdefghijklmnopqrstuvwxyz";
    static const char id_path[] = "resourceRecordSet.cidrRoutingConfig.collectionId";
    static const char name_path[] = "resourceRecordSet.cidrRoutingConfig.locationName";
    const char *id = xml_child_text(reading->parts.cidr, "CollectionId");
    const char *name = xml_child_text(reading->parts.cidr, "LocationName");

    out->policy = CMD__POLICY__POLICY_IP_BASED;
    if (record__require(reading, id_path, id)) {
        if (!is_uuid(id))
            record__breach(reading, id_path, id,
                           "Member must satisfy regular expression pattern: "
                           "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}");
        out->cidr_collection_id = text(id);
    }
    if (record__require(reading, name_path, name)) {
        record__check_length(reading, name_path, name, 1, ZONE_CIDR_LOCATION_SIZE - 1);
        if (name[strspn(name, characters)])
            record__breach(reading, name_path, name,
                           "Member must satisfy regular expression pattern: [0-9A-Za-z_\\-\\*]+");
        out->cidr_location = text(name);
    }
    return true;
}

/* "-122.33" to hundredths: [-+]?[0-9]{1,digits}(\.[0-9]{0,2})?, at most @most degrees. */
static bool parse_coordinate(const char *from, unsigned digits_max, int most, int32_t *out)
{
    int sign = *from == '-' ? -1 : 1, value = 0;
    unsigned digits = 0;

    from += *from == '-' || *from == '+';
    for (; *from >= '0' && *from <= '9' && digits < digits_max; from++, digits++)
        value = value * 10 + (*from - '0');
    value *= 100;
    if (*from == '.') {
        from++;
        for (int unit = 10; unit > 0 && *from >= '0' && *from <= '9'; from++, unit /= 10)
            value += (*from - '0') * unit;
    }
    if (digits == 0 || *from != '\0' || value > most * 100)
        return false;
    *out = sign * value;
    return true;
}

static void read_coordinate(struct record__reading *reading, const char *member, const char *value,
                            bool is_latitude, int32_t *out)
{
    if (record__require(reading, member, value) &&
        !parse_coordinate(value, is_latitude ? 2 : 3, is_latitude ? 90 : 180, out))
        record__breach(reading, member, value,
                       "Member must satisfy regular expression pattern: "
                       "[-+]?[0-9]{1,%d}(\\.[0-9]{0,2})?",
                       is_latitude ? 2 : 3);
}

static bool read_proximity(struct record__reading *reading, Cmd__Routing *out)
{
    const struct xml_element *from = reading->parts.proximity;
    const struct xml_element *coordinates = xml_child(from, "Coordinates");
    const char *region = xml_child_text(from, "AWSRegion");

    out->policy = CMD__POLICY__POLICY_GEOPROXIMITY;
    if (region) {
        record__check_length(reading, "resourceRecordSet.geoProximityLocation.aWSRegion", region, 1,
                             REGION_LEN_MAX);
        out->region = text(region);
    }
    if (coordinates) {
        out->has_coordinates = true;
        read_coordinate(reading, "resourceRecordSet.geoProximityLocation.coordinates.latitude",
                        xml_child_text(coordinates, "Latitude"), true, &out->latitude_cdeg);
        read_coordinate(reading, "resourceRecordSet.geoProximityLocation.coordinates.longitude",
                        xml_child_text(coordinates, "Longitude"), false, &out->longitude_cdeg);
    }
    out->bias = (int32_t)record__number(reading, "resourceRecordSet.geoProximityLocation.bias",
                                        xml_child_text(from, "Bias"), -99, 99);
    return true;
}

static bool read_policy(struct record__reading *reading)
{
    const struct record__parts *parts = &reading->parts;
    const struct {
        bool is_there;
        bool (*read)(struct record__reading *reading, Cmd__Routing *out);
    } policies[] = {
        {parts->weight != NULL, read_weight},       {parts->region != NULL, read_region},
        {parts->failover != NULL, read_failover},   {parts->location != NULL, read_location},
        {parts->is_multivalue, read_multivalue},    {parts->cidr != NULL, read_cidr},
        {parts->proximity != NULL, read_proximity},
    };

    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (!policies[i].is_there)
            continue;
        Cmd__Routing *routing = record__routing(reading);
        if (!routing || !policies[i].read(reading, routing))
            return false;
    }
    return true;
}

/* The name is read with the values. */
static bool read_alias(struct record__reading *reading)
{
    static const char zone_path[] = "resourceRecordSet.aliasTarget.hostedZoneId";
    static const char health_path[] = "resourceRecordSet.aliasTarget.evaluateTargetHealth";
    const struct xml_element *from = reading->parts.alias;
    const char *zone = xml_child_text(from, "HostedZoneId");
    const char *health = xml_child_text(from, "EvaluateTargetHealth");
    Cmd__Routing *routing = record__routing(reading);
    Cmd__Alias *alias = arena_alloc(reading->arena, sizeof(*alias));
    bool does_evaluate = false;

    if (!routing || !alias)
        return false;
    cmd__alias__init(alias);
    routing->alias = alias;
    record__require(reading, "resourceRecordSet.aliasTarget.dNSName",
                    xml_child_text(from, "DNSName"));
    if (record__require(reading, zone_path, zone)) {
        const char *slash = strrchr(zone, '/'); /* "/hostedzone/Z…" */
        zone = slash ? slash + 1 : zone;
        record__check_length(reading, zone_path, zone, 0, ALIAS_ZONE_LEN_MAX);
        alias->hosted_zone_id = text(zone);
    }
    if (record__require(reading, health_path, health) && !xml_read_bool(health, &does_evaluate))
        record__breach(reading, health_path, health, "Member must be true or false");
    alias->evaluate_target_health = does_evaluate;
    return true;
}

bool record__read_routing(struct record__reading *reading)
{
    const char *check = reading->parts.health_check_id;

    if (!read_policy(reading) || (reading->parts.alias && !read_alias(reading)))
        return false;
    if (!check || !check[0])
        return true;
    Cmd__Routing *routing = record__routing(reading);
    char *copy = copy_cased(reading, check, tolower);
    if (!routing || !copy)
        return false;
    routing->health_check_id = copy;
    return true;
}
