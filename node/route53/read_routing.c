/* node/route53/read_routing.c: the members of a ResourceRecordSet that route. */
#include <jansson.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/name.h"
#include "route53/internal.h"

/* Copy the text member @key, if it is there, into a field. */
static int get_field(struct route53__reader *reader, const json_t *object, const char *key,
                     size_t size, char *out)
{
    const char *text = NULL;
    int rc = route53__get_text(reader, object, key, size - 1, &text);

    if (rc == 0 && text)
        memcpy(out, text, strlen(text) + 1);
    return rc;
}

static void to_upper(char *text)
{
    for (; *text; text++)
        *text = (char)toupper((unsigned char)*text);
}

static void to_lower(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static int read_weight(struct route53__reader *reader, const json_t *object,
                       struct zone_routing *out)
{
    static const int64_t bounds[] = {0, 255};
    int64_t weight = 0;
    int rc = route53__get_integer(reader, object, "Weight", bounds, &weight);

    out->weight = (uint8_t)weight;
    return rc;
}

static int read_region(struct route53__reader *reader, const json_t *object,
                       struct zone_routing *out)
{
    return get_field(reader, object, "Region", sizeof(out->region), out->region);
}

static int read_location(struct route53__reader *reader, const json_t *object,
                         struct zone_routing *out)
{
    static const char *const keys[] = {"ContinentCode", "CountryCode", "SubdivisionCode", NULL};
    const json_t *value = json_object_get(object, "GeoLocation");
    size_t mark = route53__enter(reader, "GeoLocation");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0)
        rc = get_field(reader, value, "ContinentCode", sizeof(out->continent), out->continent);
    if (rc == 0)
        rc = get_field(reader, value, "CountryCode", sizeof(out->country), out->country);
    if (rc == 0)
        rc =
            get_field(reader, value, "SubdivisionCode", sizeof(out->subdivision), out->subdivision);
    to_upper(out->continent);
    to_upper(out->country);
    to_upper(out->subdivision);
    route53__leave(reader, mark);
    return rc;
}

static int read_failover(struct route53__reader *reader, const json_t *object,
                         struct zone_routing *out)
{
    const char *text = NULL;
    int rc = route53__get_text(reader, object, "Failover", 16, &text);

    if (rc != 0)
        return rc;
    out->is_secondary = strcmp(text, "SECONDARY") == 0;
    if (!out->is_secondary && strcmp(text, "PRIMARY") != 0)
        return route53__fail(reader, ERR_INVALID, "Failover",
                             "expected PRIMARY or SECONDARY, found '%s'", text);
    return 0;
}

static int read_multivalue(struct route53__reader *reader, const json_t *object,
                           struct zone_routing *out)
{
    (void)reader;
    (void)object;
    (void)out;
    return 0; /* was found to be true */
}

static int read_cidr(struct route53__reader *reader, const json_t *object, struct zone_routing *out)
{
    static const char *const keys[] = {"CollectionId", "LocationName", NULL};
    const json_t *value = json_object_get(object, "CidrRoutingConfig");
    size_t mark = route53__enter(reader, "CidrRoutingConfig");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0)
        rc = get_field(reader, value, "CollectionId", sizeof(out->cidr_collection_id),
                       out->cidr_collection_id);
    if (rc == 0)
        rc = get_field(reader, value, "LocationName", sizeof(out->cidr_location),
                       out->cidr_location);
    if (rc == 0 && (!out->cidr_collection_id[0] || !out->cidr_location[0]))
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected CollectionId and LocationName");
    route53__leave(reader, mark);
    return rc;
}

/* "-122.33" to hundredths. */
static bool parse_coordinate(const char *text, int most, int16_t *out)
{
    const char *at = text;
    int sign = *at == '-' ? -1 : 1, value = 0;
    unsigned digits = 0;

    at += *at == '-' || *at == '+';
    for (; isdigit((unsigned char)*at) && digits < 3; at++, digits++)
        value = value * 10 + (*at - '0');
    if (digits == 0)
        return false;
    value *= 100;
    if (*at == '.') {
        at++;
        for (int unit = 10; unit > 0 && isdigit((unsigned char)*at); at++, unit /= 10)
            value += (*at - '0') * unit;
    }
    if (*at != '\0' || value > most * 100)
        return false;
    *out = (int16_t)(sign * value);
    return true;
}

static int read_coordinate(struct route53__reader *reader, const json_t *object, const char *key,
                           int most, int16_t *out)
{
    const char *text = "";
    int rc = route53__get_text(reader, object, key, 16, &text);

    if (rc == 0 && !parse_coordinate(text, most, out))
        rc = route53__fail(reader, ERR_INVALID, key,
                           "expected degrees as text, -%d to %d, at most two decimals", most, most);
    return rc;
}

static int read_coordinates(struct route53__reader *reader, const json_t *value,
                            struct zone_routing *out)
{
    static const char *const keys[] = {"Latitude", "Longitude", NULL};
    size_t mark = route53__enter(reader, "Coordinates");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0)
        rc = read_coordinate(reader, value, "Latitude", 90, &out->latitude_cdeg);
    if (rc == 0)
        rc = read_coordinate(reader, value, "Longitude", 180, &out->longitude_cdeg);
    out->has_coordinates = true;
    route53__leave(reader, mark);
    return rc;
}

static int read_proximity(struct route53__reader *reader, const json_t *object,
                          struct zone_routing *out)
{
    static const char *const keys[] = {"AWSRegion", "LocalZoneGroup", "Coordinates", "Bias", NULL};
    static const int64_t bounds[] = {-99, 99};
    const json_t *value = json_object_get(object, "GeoProximityLocation");
    int64_t bias = 0;
    size_t mark = route53__enter(reader, "GeoProximityLocation");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0 && route53__has(value, "LocalZoneGroup"))
        rc = route53__fail(reader, ERR_UNSUPPORTED, "LocalZoneGroup",
                           "local zones are not known here: give Coordinates");
    if (rc == 0 && route53__has(value, "AWSRegion") == route53__has(value, "Coordinates"))
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected one of AWSRegion and Coordinates");
    if (rc == 0)
        rc = get_field(reader, value, "AWSRegion", sizeof(out->region), out->region);
    if (rc == 0 && route53__has(value, "Coordinates"))
        rc = read_coordinates(reader, json_object_get(value, "Coordinates"), out);
    if (rc == 0)
        rc = route53__get_integer(reader, value, "Bias", bounds, &bias);
    out->bias = (int8_t)bias;
    route53__leave(reader, mark);
    return rc;
}

static const struct {
    const char *key;
    enum policy_kind kind;
    int (*read)(struct route53__reader *reader, const json_t *object, struct zone_routing *out);
} policies[] = {
    {"Weight", POLICY_WEIGHTED, read_weight},
    {"Region", POLICY_LATENCY, read_region},
    {"GeoLocation", POLICY_GEOLOCATION, read_location},
    {"GeoProximityLocation", POLICY_GEOPROXIMITY, read_proximity},
    {"Failover", POLICY_FAILOVER, read_failover},
    {"MultiValueAnswer", POLICY_MULTIVALUE, read_multivalue},
    {"CidrRoutingConfig", POLICY_IP_BASED, read_cidr},
};

/* "MultiValueAnswer": false says nothing, and clients do say it. */
static int has_policy(struct route53__reader *reader, const json_t *object, const char *key,
                      bool *out)
{
    *out = route53__has(object, key);
    if (*out && strcmp(key, "MultiValueAnswer") == 0)
        return route53__get_bool(reader, object, key, out);
    return 0;
}

static int read_policy(struct route53__reader *reader, const json_t *object,
                       struct zone_routing *out)
{
    const char *first = NULL;

    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        bool is_there;
        int rc = has_policy(reader, object, policies[i].key, &is_there);
        if (rc == 0 && is_there && first)
            rc = route53__fail(reader, ERR_INVALID, NULL,
                               "expected at most one policy, found %s and %s", first,
                               policies[i].key);
        if (rc == 0 && is_there)
            rc = policies[i].read(reader, object, out);
        if (rc != 0)
            return rc;
        if (is_there) {
            first = policies[i].key;
            out->kind = policies[i].kind;
        }
    }
    if (first && !route53__has(object, "SetIdentifier"))
        return route53__fail(reader, ERR_INVALID, NULL,
                             "Missing field 'SetIdentifier': %s needs one", first);
    return 0;
}

static int read_alias(struct route53__reader *reader, const json_t *object,
                      struct zone_routing *out)
{
    static const char *const keys[] = {"HostedZoneId", "DNSName", "EvaluateTargetHealth", NULL};
    const json_t *value = json_object_get(object, "AliasTarget");
    const char *zone_id = NULL;
    size_t mark = route53__enter(reader, "AliasTarget");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0)
        rc = route53__get_name(reader, value, "DNSName", &out->alias_target);
    if (rc == 0)
        rc = route53__get_bool(reader, value, "EvaluateTargetHealth", &out->evaluate_target_health);
    if (rc == 0)
        rc = route53__get_text(reader, value, "HostedZoneId", 64, &zone_id);
    if (rc == 0 && !out->alias_target)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member DNSName");
    if (rc == 0 && zone_id) {
        const char *slash = strrchr(zone_id, '/'); /* "/hostedzone/Z…" */
        zone_id = slash ? slash + 1 : zone_id;
        if (strlen(zone_id) >= sizeof(out->hosted_zone_id))
            rc = route53__fail(reader, ERR_INVALID, "HostedZoneId", "it is too long");
        else
            memcpy(out->hosted_zone_id, zone_id, strlen(zone_id) + 1);
    }
    out->is_alias = true;
    route53__leave(reader, mark);
    return rc;
}

static int read_all_down(struct route53__reader *reader, const json_t *value,
                         struct zone_routing *out)
{
    static const char *const words[] = {"open", "closed", "last-good"};
    const char *text = NULL;
    int rc = route53__get_text(reader, value, "AllDown", 16, &text);

    if (rc == 0)
        rc = route53__get_name(reader, value, "Fallback", &out->fallback);
    if (rc == 0 && text && out->fallback)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected one of AllDown and Fallback");
    if (rc != 0)
        return rc;
    if (out->fallback)
        out->all_down = POLICY_ALL_DOWN_FALLBACK;
    for (size_t i = 0; text; i++) {
        if (i == sizeof(words) / sizeof(words[0]))
            return route53__fail(reader, ERR_INVALID, "AllDown",
                                 "expected open, closed or last-good, found '%s'", text);
        if (strcmp(text, words[i]) == 0) {
            out->all_down = (enum policy_all_down)i;
            break;
        }
    }
    return 0;
}

static int read_extensions(struct route53__reader *reader, const json_t *object,
                           struct zone_routing *out)
{
    static const char *const keys[] = {"Sticky", "Answers", "AllDown", "Fallback", NULL};
    static const int64_t bounds[] = {1, POLICY_ANSWERS_MAX};
    const json_t *value = json_object_get(object, "Quartet");
    int64_t answers = 0;
    size_t mark = route53__enter(reader, "Quartet");
    int rc = route53__check_keys(reader, value, keys);

    if (rc == 0)
        rc = route53__get_bool(reader, value, "Sticky", &out->is_sticky);
    if (rc == 0)
        rc = route53__get_integer(reader, value, "Answers", bounds, &answers);
    if (rc == 0)
        rc = read_all_down(reader, value, out);
    out->answers_max = (uint8_t)answers;
    route53__leave(reader, mark);
    return rc;
}

int route53__read_routing(struct route53__reader *reader, const json_t *object,
                          const struct zone_routing **out)
{
    struct zone_routing *routing = arena_alloc(reader->arena, sizeof(*routing));

    if (!routing)
        return route53__fail(reader, ERR_NOMEM, NULL, "too much to read");
    memset(routing, 0, sizeof(*routing));
    int rc = read_policy(reader, object, routing);
    if (rc == 0)
        rc = get_field(reader, object, "HealthCheckId", sizeof(routing->health_check_id),
                       routing->health_check_id);
    if (rc == 0 && route53__has(object, "AliasTarget"))
        rc = read_alias(reader, object, routing);
    if (rc == 0 && route53__has(object, "Quartet"))
        rc = read_extensions(reader, object, routing);
    if (strlen(routing->health_check_id) == ZONE_UUID_SIZE - 1)
        to_lower(routing->health_check_id);
    bool is_simple = routing->kind == POLICY_SIMPLE && !routing->health_check_id[0] &&
                     !routing->is_alias && !routing->is_sticky && routing->answers_max == 0 &&
                     routing->all_down == POLICY_ALL_DOWN_OPEN;
    *out = is_simple ? NULL : routing;
    return rc;
}
