/* node/gateway/record_parts.c: the members of one change, held against the model. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/record_internal.h"
#include "proto/command.pb-c.h"
#include "route53/value.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#define PATH_SIZE 160u
#define RULE_SIZE 256u
#define NAME_LEN_MAX 1024u
#define HEALTH_CHECK_LEN_MAX 64u

/* ---- breaches of the model ---- */

void record__breach(struct record__reading *reading, const char *member, const char *value,
                    const char *format, ...)
{
    char path[PATH_SIZE], rule[RULE_SIZE];
    va_list args;

    snprintf(path, sizeof(path), "changeBatch.changes.%u.member.%s", reading->number, member);
    va_start(args, format);
    vsnprintf(rule, sizeof(rule), format, args);
    va_end(args);
    gateway_breach(reading->call, path, value, "%s", rule);
}

bool record__require(struct record__reading *reading, const char *member, const char *value)
{
    if (value)
        return true;
    record__breach(reading, member, NULL, "Member must not be null");
    return false;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

void record__check_length(struct record__reading *reading, const char *member, const char *value,
                          size_t least, size_t most)
{
    size_t count = count_characters(value);

    if (count > most)
        record__breach(reading, member, value, "Member must have length less than or equal to %zu",
                       most);
    else if (count < least)
        record__breach(reading, member, value,
                       "Member must have length greater than or equal to %zu", least);
}

int64_t record__number(struct record__reading *reading, const char *member, const char *value,
                       int64_t least, int64_t most)
{
    int64_t number;

    if (!value)
        return 0;
    if (!xml_read_number(value, INT64_MIN, INT64_MAX, &number))
        record__breach(reading, member, value, "Member must be a number");
    else if (number < least)
        record__breach(reading, member, value,
                       "Member must have value greater than or equal to %" PRId64, least);
    else if (number > most)
        record__breach(reading, member, value,
                       "Member must have value less than or equal to %" PRId64, most);
    else
        return number;
    return 0;
}

Cmd__Routing *record__routing(struct record__reading *reading)
{
    if (!reading->routing) {
        reading->routing = arena_alloc(reading->arena, sizeof(*reading->routing));
        if (reading->routing)
            cmd__routing__init(reading->routing);
        reading->set->routing = reading->routing;
    }
    return reading->routing;
}

/* ---- members ---- */

static void note_text(struct record__parts *parts, const struct xml_element *element)
{
    const struct {
        const char *name;
        const char **out;
    } texts[] = {
        {"Name", &parts->name},
        {"Type", &parts->type},
        {"TTL", &parts->ttl},
        {"SetIdentifier", &parts->set_identifier},
        {"Weight", &parts->weight},
        {"Region", &parts->region},
        {"Failover", &parts->failover},
        {"HealthCheckId", &parts->health_check_id},
        {"TrafficPolicyInstanceId", &parts->instance_id},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, element->name) == 0) {
            if (!*texts[i].out) /* the first counts, as for the key's policy */
                *texts[i].out = element->text;
            return;
        }
    }
}

static void note_member(struct record__reading *reading, const struct xml_element *element)
{
    struct record__parts *parts = &reading->parts;

    if (strcmp(element->name, "ResourceRecords") == 0)
        parts->records = element;
    else if (strcmp(element->name, "AliasTarget") == 0)
        parts->alias = element;
    else if (strcmp(element->name, "GeoLocation") == 0)
        parts->location = element;
    else if (strcmp(element->name, "CidrRoutingConfig") == 0)
        parts->cidr = element;
    else if (strcmp(element->name, "GeoProximityLocation") == 0)
        parts->proximity = element;
    else if (strcmp(element->name, "MultiValueAnswer") != 0)
        note_text(parts, element);
    else if (!xml_read_bool(element->text, &parts->is_multivalue))
        record__breach(reading, "resourceRecordSet.multiValueAnswer", element->text,
                       "Member must be true or false");
}

static void read_action(struct record__reading *reading)
{
    const char *action = reading->parts.action;

    if (!record__require(reading, "action", action))
        return;
    if (strcmp(action, "CREATE") == 0)
        reading->change->action = CMD__ACTION__ACTION_CREATE;
    else if (strcmp(action, "DELETE") == 0)
        reading->change->action = CMD__ACTION__ACTION_DELETE;
    else if (strcmp(action, "UPSERT") == 0)
        reading->change->action = CMD__ACTION__ACTION_UPSERT;
    else
        record__breach(reading, "action", action,
                       "Member must satisfy enum value set: [CREATE, DELETE, UPSERT]");
}

static void read_key(struct record__reading *reading)
{
    const struct record__parts *parts = &reading->parts;
    uint16_t type = 0;

    if (record__require(reading, "resourceRecordSet.name", parts->name))
        record__check_length(reading, "resourceRecordSet.name", parts->name, 0, NAME_LEN_MAX);
    if (record__require(reading, "resourceRecordSet.type", parts->type) &&
        !route53_type_parse(parts->type, &type))
        record__breach(reading, "resourceRecordSet.type", parts->type,
                       "Member must satisfy enum value set: %s", route53_type_names);
    reading->set->type = type;
    if (!parts->set_identifier)
        return;
    record__check_length(reading, "resourceRecordSet.setIdentifier", parts->set_identifier, 1,
                         ZONE_SET_IDENTIFIER_MAX);
    reading->set->set_identifier = (char *)(uintptr_t)parts->set_identifier;
}

bool record__read_parts(struct record__reading *reading, const struct xml_element *change)
{
    const struct xml_element *set = xml_child(change, "ResourceRecordSet");
    struct record__parts *parts = &reading->parts;

    reading->change = arena_alloc(reading->arena, sizeof(*reading->change));
    reading->set = arena_alloc(reading->arena, sizeof(*reading->set));
    if (!reading->change || !reading->set)
        return false;
    cmd__change__init(reading->change);
    cmd__record_set__init(reading->set);
    reading->change->record_set = reading->set;
    parts->action = xml_child_text(change, "Action");
    read_action(reading);
    if (!set) {
        record__breach(reading, "resourceRecordSet", NULL, "Member must not be null");
        return true;
    }
    for (const struct xml_element *at = set->child; at; at = at->next)
        note_member(reading, at);
    read_key(reading);
    reading->set->ttl_s =
        (uint32_t)record__number(reading, "resourceRecordSet.tTL", parts->ttl, 0, ZONE_TTL_S_MAX);
    if (parts->health_check_id)
        record__check_length(reading, "resourceRecordSet.healthCheckId", parts->health_check_id, 0,
                             HEALTH_CHECK_LEN_MAX);
    return record__read_routing(reading);
}
