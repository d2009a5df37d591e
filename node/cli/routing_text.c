#include "cli/routing_text.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "dns/name.h"
#include "zone/record_set.h"
#include "zone/routing.h"

static const char *const policy_names[POLICY_KIND_COUNT] = {
    [POLICY_SIMPLE] = "simple",
    [POLICY_WEIGHTED] = "weighted",
    [POLICY_LATENCY] = "latency",
    [POLICY_GEOLOCATION] = "geolocation",
    [POLICY_GEOPROXIMITY] = "geoproximity",
    [POLICY_FAILOVER] = "failover",
    [POLICY_MULTIVALUE] = "multivalue",
    [POLICY_IP_BASED] = "ip-based",
};
static const char *const all_down_names[] = {"open", "closed", "last-good", "fallback"};

/* Words of a line, parted by commas. */
struct words {
    char *at, *end;
    bool is_begun;
};

static void __attribute__((format(printf, 2, 3))) add(struct words *words, const char *format, ...)
{
    va_list args;

    if (words->is_begun && words->end - words->at > 2)
        words->at += snprintf(words->at, (size_t)(words->end - words->at), ", ");
    words->is_begun = true;
    va_start(args, format);
    int len = vsnprintf(words->at, (size_t)(words->end - words->at), format, args);
    va_end(args);
    words->at = len < words->end - words->at ? words->at + len : words->end - 1;
}

static const char *location_of(const struct zone_routing *routing, char out[16])
{
    if (routing->continent[0])
        snprintf(out, 16, "continent:%s", routing->continent);
    else if (routing->subdivision[0])
        snprintf(out, 16, "%s-%s", routing->country, routing->subdivision);
    else
        snprintf(out, 16, "%s", routing->country);
    return out;
}

static void add_policy(struct words *words, const struct zone_routing *routing)
{
    const char *name = policy_names[routing->kind];
    char location[16];

    switch (routing->kind) {
    case POLICY_SIMPLE: break;
    case POLICY_WEIGHTED: add(words, "%s %u", name, routing->weight); break;
    case POLICY_LATENCY: add(words, "%s %s", name, routing->region); break;
    case POLICY_GEOLOCATION: add(words, "%s %s", name, location_of(routing, location)); break;
    case POLICY_GEOPROXIMITY:
        if (routing->has_coordinates)
            add(words, "%s %.2f,%.2f bias %d", name, routing->latitude_cdeg / 100.0,
                routing->longitude_cdeg / 100.0, routing->bias);
        else
            add(words, "%s %s bias %d", name, routing->region, routing->bias);
        break;
    case POLICY_FAILOVER:
        add(words, "%s %s", name, routing->is_secondary ? "secondary" : "primary");
        break;
    case POLICY_IP_BASED:
        add(words, "%s %s/%s", name, routing->cidr_collection_id, routing->cidr_location);
        break;
    default: add(words, "%s", name); break;
    }
}

void routing_text_format(const struct zone_record_set *set, char out[ROUTING_TEXT_SIZE])
{
    const struct zone_routing *routing = set->routing;
    struct words words = {out, out + ROUTING_TEXT_SIZE, false};
    char name[DNS_NAME_TEXT_SIZE];

    out[0] = '\0';
    add_policy(&words, routing);
    if (set->set_identifier_len > 0)
        add(&words, "set '%.*s'", (int)set->set_identifier_len, set->set_identifier);
    if (routing->health_check_id[0])
        add(&words, "health check %s", routing->health_check_id);
    if (routing->is_alias)
        add(&words, routing->evaluate_target_health ? "evaluates its target's health" : "alias");
    if (routing->is_sticky)
        add(&words, "sticky");
    if (routing->answers_max > 0)
        add(&words, "answers %u", routing->answers_max);
    if (routing->fallback) {
        dns_name_format(routing->fallback, name, sizeof(name));
        add(&words, "all down: %s", name);
    } else if (routing->all_down != POLICY_ALL_DOWN_OPEN)
        add(&words, "all down: %s", all_down_names[routing->all_down]);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text[0])
        json_object_set_new(object, key, json_string(text));
}

static void set_name(json_t *object, const char *key, const uint8_t *name)
{
    char text[DNS_NAME_TEXT_SIZE];

    dns_name_format(name, text, sizeof(text));
    json_object_set_new(object, key, json_string(text));
}

static void set_policy(json_t *object, const struct zone_routing *routing)
{
    set_text(object, "policy", policy_names[routing->kind]);
    if (routing->kind == POLICY_WEIGHTED)
        json_object_set_new(object, "weight", json_integer(routing->weight));
    if (routing->kind == POLICY_FAILOVER)
        set_text(object, "failover", routing->is_secondary ? "secondary" : "primary");
    set_text(object, "region", routing->region);
    set_text(object, "continent", routing->continent);
    set_text(object, "country", routing->country);
    set_text(object, "subdivision", routing->subdivision);
    if (routing->has_coordinates) {
        json_object_set_new(object, "latitude", json_real(routing->latitude_cdeg / 100.0));
        json_object_set_new(object, "longitude", json_real(routing->longitude_cdeg / 100.0));
    }
    if (routing->kind == POLICY_GEOPROXIMITY)
        json_object_set_new(object, "bias", json_integer(routing->bias));
    set_text(object, "cidr_collection_id", routing->cidr_collection_id);
    set_text(object, "cidr_location", routing->cidr_location);
}

static void set_alias(json_t *object, const struct zone_routing *routing)
{
    json_t *alias = json_object();

    set_name(alias, "target", routing->alias_target);
    set_text(alias, "hosted_zone_id", routing->hosted_zone_id);
    json_object_set_new(alias, "evaluate_target_health",
                        json_boolean(routing->evaluate_target_health));
    json_object_set_new(object, "alias", alias);
}

void routing_text_json(const struct zone_record_set *set, struct json_t *object)
{
    const struct zone_routing *routing = set->routing;

    if (set->set_identifier_len > 0)
        json_object_set_new(object, "set_identifier",
                            json_stringn(set->set_identifier, set->set_identifier_len));
    set_policy(object, routing);
    if (routing->is_alias)
        set_alias(object, routing);
    set_text(object, "health_check_id", routing->health_check_id);
    if (routing->is_sticky)
        json_object_set_new(object, "sticky", json_true());
    if (routing->answers_max > 0)
        json_object_set_new(object, "answers", json_integer(routing->answers_max));
    if (routing->all_down != POLICY_ALL_DOWN_OPEN)
        set_text(object, "all_down", all_down_names[routing->all_down]);
    if (routing->fallback)
        set_name(object, "fallback", routing->fallback);
}
