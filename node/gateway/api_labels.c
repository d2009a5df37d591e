/* node/gateway/api_labels.c: what the model says of the labels in paths. */
#include <stddef.h>
#include <string.h>

#include "gateway/api.h"
#include "gateway/xml_reader.h"

#define UUID_PATTERN "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
#define UUID_LEN 36u
#define MAX_ZONES_BY_SET "MAX_ZONES_BY_REUSABLE_DELEGATION_SET"

/* One label of the paths that begin with @path. */
struct label_rule {
    const char *path;
    unsigned index;
    const char *member; /* in the model's words */
    unsigned least, most;
    const char *values; /* of an enum, as the message lists them */
    bool is_number, is_uuid;
};

/* The first rule that fits holds, so a longer path stands before what it begins with. */
static const struct label_rule rules[] = {
    {"/hostedzonelimit/", 0, "hostedZoneId", 0, 32, NULL, false, false},
    {"/hostedzonelimit/", 1, "type", 0, 0, "MAX_RRSETS_BY_ZONE, MAX_VPCS_ASSOCIATED_BY_ZONE", false,
     false},
    {"/hostedzone/{Id}/", 0, "hostedZoneId", 0, 32, NULL, false, false},
    {"/hostedzone/", 0, "id", 0, 32, NULL, false, false},
    {"/accountlimit/", 0, "type", 0, 0,
     "MAX_HEALTH_CHECKS_BY_OWNER, MAX_HOSTED_ZONES_BY_OWNER, "
     "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER, MAX_REUSABLE_DELEGATION_SETS_BY_OWNER, "
     "MAX_TRAFFIC_POLICIES_BY_OWNER",
     false, false},
    {"/reusabledelegationsetlimit/", 0, "delegationSetId", 0, 32, NULL, false, false},
    {"/reusabledelegationsetlimit/", 1, "type", 0, 0, MAX_ZONES_BY_SET, false, false},
    {"/delegationset/", 0, "id", 0, 32, NULL, false, false},
    {"/change/", 0, "id", 1, 6500, NULL, false, false},
    {"/healthcheck/", 0, "healthCheckId", 0, 64, NULL, false, false},
    {"/tags/", 0, "resourceType", 0, 0, "healthcheck, hostedzone", false, false},
    {"/tags/", 1, "resourceId", 0, 64, NULL, false, false},
    {"/cidrcollection/{CidrCollectionId}/", 0, "collectionId", 0, 0, NULL, false, true},
    {"/cidrcollection/", 0, "id", 0, 0, NULL, false, true},
    {"/trafficpolicyinstance/", 0, "id", 1, 36, NULL, false, false},
    {"/trafficpolicies/", 0, "id", 1, 36, NULL, false, false},
    {"/trafficpolicy/", 0, "id", 1, 36, NULL, false, false},
    {"/trafficpolicy/", 1, "version", 1, 1000, NULL, true, false},
    {"/queryloggingconfig/", 0, "id", 1, 36, NULL, false, false},
    {"/keysigningkey/", 0, "hostedZoneId", 0, 32, NULL, false, false},
    {"/keysigningkey/", 1, "name", 3, 128, NULL, false, false},
};

static const struct label_rule *rule_of(const char *path, unsigned index)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].index == index && strncmp(path, rules[i].path, strlen(rules[i].path)) == 0)
            return &rules[i];
    }
    return NULL;
}

static bool is_among(const char *value, const char *values)
{
    size_t len = strlen(value);

    while (*values) {
        size_t next = strcspn(values, ",");
        if (next == len && memcmp(values, value, len) == 0)
            return true;
        values += next;
        values += strspn(values, ", ");
    }
    return false;
}

static bool is_uuid(const char *value)
{
    for (unsigned i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? value[i] != '-' : !value[i] || !strchr("0123456789abcdef", value[i]))
            return false;
    }
    return value[UUID_LEN] == '\0';
}

static void check_number(struct gateway_call *call, const struct label_rule *rule,
                         const char *value)
{
    int64_t number;

    if (!xml_read_number(value, INT64_MIN, INT64_MAX, &number))
        gateway_breach(call, rule->member, value, "Member must be a number");
    else if (number > rule->most)
        gateway_breach(call, rule->member, value, "Member must have value less than or equal to %u",
                       rule->most);
    else if (number < rule->least)
        gateway_breach(call, rule->member, value,
                       "Member must have value greater than or equal to %u", rule->least);
}

static void check(struct gateway_call *call, const struct label_rule *rule, const char *value)
{
    if (rule->values) {
        if (!is_among(value, rule->values))
            gateway_breach(call, rule->member, value, "Member must satisfy enum value set: [%s]",
                           rule->values);
    } else if (rule->is_uuid) {
        if (!is_uuid(value))
            gateway_breach(call, rule->member, value,
                           "Member must satisfy regular expression pattern: " UUID_PATTERN);
    } else if (rule->is_number) {
        check_number(call, rule, value);
    } else if (strlen(value) > rule->most) {
        gateway_breach(call, rule->member, value,
                       "Member must have length less than or equal to %u", rule->most);
    } else if (strlen(value) < rule->least) {
        gateway_breach(call, rule->member, value,
                       "Member must have length greater than or equal to %u", rule->least);
    }
}

void api_check_labels(struct gateway_call *call, const struct api_match *match)
{
    for (unsigned i = 0; i < match->label_count; i++) {
        const struct label_rule *rule = rule_of(match->operation->path, i);
        if (rule)
            check(call, rule, match->labels[i]);
    }
}
