/* node/route53/policy_items.c: the rules of traffic policy documents. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "geo/region.h"
#include "route53/policy_internal.h"

#define ID_LEN_MAX 512u
#define REGION_PREFIX "aws:route53:"
#define ZONE_GROUP_PREFIX "aws:local-zone-group:"

static const char *const references[] = {"EndpointReference", "RuleReference"};

static const struct policy__endpoint *find_endpoint(const struct policy_document *document,
                                                    const char *id)
{
    for (size_t i = 0; i < document->endpoint_count; i++) {
        if (strcmp(document->endpoints[i].id, id) == 0)
            return &document->endpoints[i];
    }
    return NULL;
}

static struct policy__rule *find_rule(const struct policy_document *document, const char *id)
{
    for (size_t i = 0; i < document->rule_count; i++) {
        if (strcmp(document->rules[i].id, id) == 0)
            return &document->rules[i];
    }
    return NULL;
}

int policy__read_reference(struct route53__reader *reader, const struct policy_document *document,
                           const json_t *object, const char *const keys[2],
                           struct policy__reference *out)
{
    const char *ids[2] = {NULL, NULL};
    int rc = 0;

    for (unsigned i = 0; i < 2 && rc == 0; i++)
        rc = policy__get_text(reader, object, keys[i], ID_LEN_MAX, &ids[i]);
    if (rc != 0)
        return rc;
    if (!ids[0] == !ids[1])
        return route53__fail(reader, ERR_INVALID, NULL, "expected one of %s and %s", keys[0],
                             keys[1]);
    if (ids[0])
        out->endpoint = find_endpoint(document, ids[0]);
    else
        out->rule = find_rule(document, ids[1]);
    if (out->endpoint || out->rule)
        return 0;
    return route53__fail(reader, ERR_INVALID, ids[0] ? keys[0] : keys[1], "there is no %s '%.200s'",
                         ids[0] ? "endpoint" : "rule", ids[0] ? ids[0] : ids[1]);
}

/* ---- what each policy's items say ---- */

/* Copy a text of the member @key that has a place of @size octets; *@has if it is there. */
static int take_text(struct route53__reader *reader, const json_t *object, const char *key,
                     char *out, size_t size)
{
    const char *text = NULL;
    int rc = policy__get_text(reader, object, key, size - 1, &text);

    if (rc == 0 && text)
        memcpy(out, text, strlen(text) + 1);
    return rc;
}

static int read_weight(struct route53__reader *reader, const json_t *object,
                       struct policy__item *item)
{
    static const int64_t bounds[] = {0, 255};
    int64_t weight = 0;
    bool has_weight = false;
    int rc = policy__get_integer(reader, object, "Weight", bounds, &weight, &has_weight);

    if (rc == 0 && !has_weight)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member Weight");
    item->routing.weight = (uint8_t)weight;
    return rc;
}

static int read_latency(struct route53__reader *reader, const json_t *object,
                        struct policy__item *item)
{
    int rc =
        take_text(reader, object, "Region", item->routing.region, sizeof(item->routing.region));

    if (rc == 0 && item->routing.region[0] == '\0')
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member Region");
    return rc;
}

static int read_location(struct route53__reader *reader, const json_t *object,
                         struct policy__item *item)
{
    struct zone_routing *routing = &item->routing;
    bool is_default = false;
    int rc = policy__get_bool(reader, object, "IsDefault", &is_default);

    if (rc == 0)
        rc = take_text(reader, object, "Continent", routing->continent, sizeof(routing->continent));
    if (rc == 0)
        rc = take_text(reader, object, "Country", routing->country, sizeof(routing->country));
    if (rc == 0)
        rc = take_text(reader, object, "Subdivision", routing->subdivision,
                       sizeof(routing->subdivision));
    if (rc != 0)
        return rc;
    bool has_place = routing->continent[0] != '\0' || routing->subdivision[0] != '\0' ||
                     (routing->country[0] != '\0' && strcmp(routing->country, "*") != 0);
    if (is_default && has_place)
        return route53__fail(reader, ERR_INVALID, "IsDefault",
                             "the default has no continent, country or subdivision");
    if (is_default)
        memcpy(routing->country, "*", 2);
    return 0;
}

/* The region that a local zone group belongs to, where it is not one of its own: "us-west-2-lax-1"
 * is near us-west-2. */
static bool find_parent_region(char *region)
{
    for (unsigned cut = 0; cut < 2; cut++) {
        char *dash = strrchr(region, '-');
        if (!dash)
            return false;
        *dash = '\0';
    }
    return geo_region_builtin(region) != GEO_REGION_NONE;
}

static int read_zone_group(struct route53__reader *reader, const json_t *object, char *region)
{
    const char *text = NULL;
    int rc = policy__get_text(reader, object, "LocalZoneGroup", ZONE_REGION_SIZE - 1, &text);

    if (rc != 0 || !text)
        return rc;
    if (region[0] != '\0')
        return route53__fail(reader, ERR_INVALID, NULL,
                             "Region and LocalZoneGroup exclude another");
    if (strncmp(text, ZONE_GROUP_PREFIX, strlen(ZONE_GROUP_PREFIX)) == 0)
        text += strlen(ZONE_GROUP_PREFIX);
    else if (strncmp(text, REGION_PREFIX, strlen(REGION_PREFIX)) == 0)
        text += strlen(REGION_PREFIX);
    snprintf(region, ZONE_REGION_SIZE, "%s", text);
    if (geo_region_builtin(region) != GEO_REGION_NONE || find_parent_region(region))
        return 0;
    return route53__fail(reader, ERR_INVALID, "LocalZoneGroup",
                         "'%.64s' is no local zone group of a region", text);
}

static int read_coordinates(struct route53__reader *reader, const json_t *object,
                            struct zone_routing *routing)
{
    static const int64_t latitudes[] = {-9000, 9000}, longitudes[] = {-18000, 18000};
    int64_t latitude_cdeg = 0, longitude_cdeg = 0;
    bool has_latitude = false, has_longitude = false;
    int rc = policy__get_hundredths(reader, object, "Latitude", latitudes, &latitude_cdeg,
                                    &has_latitude);

    if (rc == 0)
        rc = policy__get_hundredths(reader, object, "Longitude", longitudes, &longitude_cdeg,
                                    &has_longitude);
    if (rc == 0 && has_latitude != has_longitude)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected both Latitude and Longitude");
    routing->has_coordinates = has_latitude;
    routing->latitude_cdeg = (int16_t)latitude_cdeg;
    routing->longitude_cdeg = (int16_t)longitude_cdeg;
    return rc;
}

static int read_proximity(struct route53__reader *reader, const json_t *object,
                          struct policy__item *item)
{
    static const int64_t bounds[] = {-99, 99};
    struct zone_routing *routing = &item->routing;
    const char *region = NULL;
    int64_t bias = 0;
    bool has_bias = false;
    int rc = policy__get_text(reader, object, "Region",
                              ZONE_REGION_SIZE - 1 + strlen(REGION_PREFIX), &region);

    if (rc != 0)
        return rc;
    if (region && strncmp(region, REGION_PREFIX, strlen(REGION_PREFIX)) == 0)
        region += strlen(REGION_PREFIX);
    if (region && (strlen(region) >= sizeof(routing->region) || region[0] == '\0'))
        return route53__fail(reader, ERR_INVALID, "Region", "that is no region");
    if (region)
        memcpy(routing->region, region, strlen(region) + 1);
    rc = read_zone_group(reader, object, routing->region);
    if (rc == 0)
        rc = read_coordinates(reader, object, routing);
    if (rc == 0)
        rc = policy__get_integer(reader, object, "Bias", bounds, &bias, &has_bias);
    routing->bias = (int8_t)bias;
    return rc;
}

static int read_nothing(struct route53__reader *reader, const json_t *object,
                        struct policy__item *item)
{
    (void)reader, (void)object, (void)item;
    return 0;
}

/* ---- rules ---- */

#define COMMON "EndpointReference", "RuleReference", "EvaluateTargetHealth", "HealthCheck"
static const char *const plain_keys[] = {COMMON, NULL};
static const char *const weight_keys[] = {COMMON, "Weight", NULL};
static const char *const latency_keys[] = {COMMON, "Region", NULL};
static const char *const location_keys[] = {COMMON,    "IsDefault",   "Continent",
                                            "Country", "Subdivision", NULL};
static const char *const proximity_keys[] = {
    COMMON, "Region", "LocalZoneGroup", "Latitude", "Longitude", "Bias", NULL};

static const struct form {
    const char *type;
    enum policy_kind kind;
    const char *list; /* NULL: Primary and Secondary */
    const char *const *keys;
    int (*read)(struct route53__reader *reader, const json_t *object, struct policy__item *item);
} forms[] = {
    {"failover", POLICY_FAILOVER, NULL, plain_keys, read_nothing},
    {"geo", POLICY_GEOLOCATION, "Locations", location_keys, read_location},
    {"latency", POLICY_LATENCY, "Regions", latency_keys, read_latency},
    {"geoproximity", POLICY_GEOPROXIMITY, "GeoproximityLocations", proximity_keys, read_proximity},
    {"multivalue", POLICY_MULTIVALUE, "Items", plain_keys, read_nothing},
    {"weighted", POLICY_WEIGHTED, "Items", weight_keys, read_weight},
};

static int read_item(struct route53__reader *reader, const struct policy_document *document,
                     const json_t *object, const struct form *form, struct policy__item *item)
{
    struct zone_routing *routing = &item->routing;
    bool evaluate = false;
    int rc = route53__check_keys(reader, object, form->keys);

    if (rc == 0)
        rc = policy__read_reference(reader, document, object, references, &item->to);
    if (rc == 0)
        rc = policy__get_bool(reader, object, "EvaluateTargetHealth", &evaluate);
    if (rc == 0)
        rc = take_text(reader, object, "HealthCheck", routing->health_check_id,
                       sizeof(routing->health_check_id));
    if (rc == 0)
        rc = form->read(reader, object, item);
    if (rc != 0)
        return rc;
    routing->kind = form->kind;
    routing->is_alias = item->to.rule || item->to.endpoint->target;
    routing->evaluate_target_health = routing->is_alias && evaluate;
    return 0;
}

static int read_list(struct route53__reader *reader, const struct policy_document *document,
                     struct policy__rule *rule, const struct form *form)
{
    const json_t *list = json_object_get(rule->json, form->list);
    size_t count = json_array_size(list);
    int rc = 0;

    if (!json_is_array(list) || count == 0 || count > POLICY_DOCUMENT_PARTS_MAX)
        return route53__fail(reader, ERR_INVALID, form->list, "expected a list of 1 to %u objects",
                             POLICY_DOCUMENT_PARTS_MAX);
    rule->items = arena_alloc(document->arena, count * sizeof(*rule->items));
    if (!rule->items)
        return route53__fail(reader, ERR_LIMIT, NULL, "there is too much to read");
    memset(rule->items, 0, count * sizeof(*rule->items));
    rule->item_count = count;
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t mark = route53__enter(reader, form->list);
        (void)route53__enter_index(reader, i);
        rc = read_item(reader, document, json_array_get(list, i), form, &rule->items[i]);
        if (rc == 0)
            route53__leave(reader, mark);
    }
    return rc;
}

static int read_failover(struct route53__reader *reader, const struct policy_document *document,
                         struct policy__rule *rule, const struct form *form)
{
    static const char *const keys[] = {"Primary", "Secondary"};
    int rc = 0;

    rule->items = arena_alloc(document->arena, 2 * sizeof(*rule->items));
    if (!rule->items)
        return route53__fail(reader, ERR_LIMIT, NULL, "there is too much to read");
    memset(rule->items, 0, 2 * sizeof(*rule->items));
    for (unsigned i = 0; i < 2 && rc == 0; i++) {
        if (!route53__has(rule->json, keys[i]))
            continue;
        struct policy__item *item = &rule->items[rule->item_count++];
        size_t mark = route53__enter(reader, keys[i]);
        item->routing.is_secondary = i == 1;
        rc = read_item(reader, document, json_object_get(rule->json, keys[i]), form, item);
        if (rc == 0)
            route53__leave(reader, mark);
    }
    if (rc == 0 && rule->item_count == 0)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected Primary and Secondary");
    return rc;
}

int policy__read_rule(struct route53__reader *reader, const struct policy_document *document,
                      struct policy__rule *rule)
{
    const char *type = "";
    size_t i = 0;

    if (!json_is_object(rule->json))
        return route53__fail(reader, ERR_INVALID, NULL, "expected an object");
    int rc = policy__get_text(reader, rule->json, "RuleType", 32, &type);
    while (i < sizeof(forms) / sizeof(forms[0]) && strcmp(forms[i].type, type) != 0)
        i++;
    if (rc == 0 && i == sizeof(forms) / sizeof(forms[0]))
        rc = route53__fail(reader, ERR_INVALID, "RuleType",
                           "expected failover, geo, geoproximity, latency, multivalue or weighted, "
                           "found '%s'",
                           type);
    if (rc != 0)
        return rc;
    const struct form *form = &forms[i];
    const char *const failover[] = {"RuleType", "Primary", "Secondary", NULL};
    const char *const listed[] = {"RuleType", form->list, NULL};
    rule->kind = form->kind;
    rc = route53__check_keys(reader, rule->json, form->list ? listed : failover);
    if (rc != 0)
        return rc;
    return form->list ? read_list(reader, document, rule, form)
                      : read_failover(reader, document, rule, form);
}
