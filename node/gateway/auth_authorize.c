/* node/gateway/auth_authorize.c: what a request is about, in IAM's words, held against the policy
 * of whoever signed it. Names of record sets and their types are put into one form first: a policy
 * that allows "_acme-challenge.example.com" sees through any way to write another name.
 *
 * The node resolves more ids than Route 53 has (a zone also by its name), so that what is no id is
 * not allowed to a key with a policy, whatever that says: a name could stand for a denied zone. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/auth.h"
#include "gateway/auth_principal.h"
#include "gateway/request.h"
#include "gateway/xml_reader.h"
#include "route53/iam.h"
#include "route53/route53.h"
#include "zone/record_text.h"

#define ARN "arn:aws:route53:::"
#define ARN_SIZE 160u
#define ACTION_SIZE 80u
#define NO_VALUE "\\000" /* for what cannot be read: no pattern but "*" means it */
#define KEYS_MAX 7u
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789-"

/* The request under way. */
struct judging {
    const struct auth_principal *principal;
    const struct auth_asked *asked;
    struct arena *arena;
    char action[ACTION_SIZE];
    struct iam_values values[KEYS_MAX];
    size_t value_count, resource_count;
    char *message;
};

/* ---- verdicts ---- */

static int deny(struct judging *judging, const char *resource, bool is_explicit)
{
    const struct auth_principal *principal = judging->principal;
    const char *user = principal->user_name[0] ? principal->user_name : principal->id;
    bool has_resource = strcmp(resource, "*") != 0;

    if (is_explicit)
        snprintf(judging->message, AUTH_MESSAGE_SIZE,
                 "User: arn:aws:iam::" GATEWAY_ACCOUNT ":user/%s is not authorized to perform: "
                 "%s%s%s with an explicit deny in an identity-based policy",
                 user, judging->action, has_resource ? " on resource: " : "",
                 has_resource ? resource : "");
    else
        snprintf(judging->message, AUTH_MESSAGE_SIZE,
                 "User: arn:aws:iam::" GATEWAY_ACCOUNT ":user/%s is not authorized to perform: "
                 "%s%s%s because no identity-based policy allows the %s action",
                 user, judging->action, has_resource ? " on resource: " : "",
                 has_resource ? resource : "", judging->action);
    return ERR_DENIED;
}

static int judge(struct judging *judging, const char *resource)
{
    const struct iam_policy *policy = judging->principal->policy->policy;
    struct iam_request request = {judging->action, resource, judging->values, judging->value_count};
    enum iam_verdict verdict = policy ? iam_policy_decide(policy, &request) : IAM_NOT_ALLOWED;

    judging->resource_count++;
    return verdict == IAM_ALLOWED ? 0 : deny(judging, resource, verdict == IAM_DENIED);
}

static bool is_id(const char *kind, const char *id)
{
    bool is_upper = strcmp(kind, "hostedzone") == 0 || strcmp(kind, "change") == 0 ||
                    strcmp(kind, "delegationset") == 0;

    return id[0] && id[strspn(id, is_upper ? UPPER : LOWER)] == '\0';
}

/* @id may have a prefix such as "/hostedzone/", as the bodies of some clients have it. NULL: the
 * request does not name one. */
static int judge_id(struct judging *judging, const char *kind, const char *id)
{
    char resource[ARN_SIZE];

    if (!id)
        return 0;
    const char *slash = strrchr(id, '/');
    id = slash ? slash + 1 : id;
    snprintf(resource, sizeof(resource), ARN "%.32s/%.64s", kind, id);
    return is_id(kind, id) ? judge(judging, resource) : deny(judging, resource, false);
}

/* ---- resources ---- */

static int judge_path(struct judging *judging)
{
    static const char *const kinds[][2] = {
        {"/hostedzone/{", "hostedzone"},
        {"/hostedzonelimit/{", "hostedzone"},
        {"/keysigningkey/{", "hostedzone"},
        {"/change/{", "change"},
        {"/healthcheck/{", "healthcheck"},
        {"/delegationset/{", "delegationset"},
        {"/reusabledelegationsetlimit/{", "delegationset"},
        {"/trafficpolicy/{", "trafficpolicy"},
        {"/trafficpolicies/{", "trafficpolicy"},
        {"/trafficpolicyinstance/{", "trafficpolicyinstance"},
        {"/queryloggingconfig/{", "queryloggingconfig"},
        {"/cidrcollection/{", "cidrcollection"},
    };
    const struct auth_asked *asked = judging->asked;

    if (strcmp(asked->path, "/tags/{ResourceType}/{ResourceId}") == 0)
        return judge_id(judging, asked->labels[0], asked->labels[1]);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(asked->path, kinds[i][0], strlen(kinds[i][0])) == 0)
            return judge_id(judging, kinds[i][1], asked->labels[0]);
    }
    return 0;
}

static int judge_body(struct judging *judging)
{
    static const struct {
        const char *operation, *member, *kind;
    } rows[] = {
        {"CreateKeySigningKey", "HostedZoneId", "hostedzone"},
        {"CreateQueryLoggingConfig", "HostedZoneId", "hostedzone"},
        {"CreateReusableDelegationSet", "HostedZoneId", "hostedzone"},
        {"CreateTrafficPolicyInstance", "HostedZoneId", "hostedzone"},
        {"CreateTrafficPolicyInstance", "TrafficPolicyId", "trafficpolicy"},
        {"UpdateTrafficPolicyInstance", "TrafficPolicyId", "trafficpolicy"},
    };
    const struct auth_asked *asked = judging->asked;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].operation, asked->operation) == 0)
            rc = judge_id(judging, rows[i].kind, xml_child_text(asked->body, rows[i].member));
    }
    if (rc != 0 || strcmp(asked->operation, "ListTagsForResources") != 0)
        return rc;
    const struct xml_element *ids = xml_child(asked->body, "ResourceIds");
    for (const struct xml_element *id = ids ? ids->child : NULL; rc == 0 && id; id = id->next)
        rc = judge_id(judging, asked->labels[0], id->text);
    return rc;
}

static int judge_query(struct judging *judging)
{
    static const struct {
        const char *operation, *parameter, *kind;
    } rows[] = {
        {"ListQueryLoggingConfigs", "hostedzoneid", "hostedzone"},
        {"ListTrafficPolicyInstancesByHostedZone", "id", "hostedzone"},
        {"ListTrafficPolicyInstancesByPolicy", "id", "trafficpolicy"},
    };
    const struct auth_asked *asked = judging->asked;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].operation, asked->operation) == 0)
            rc =
                judge_id(judging, rows[i].kind, asked->query(asked->query_user, rows[i].parameter));
    }
    return rc;
}

/* ---- conditions ---- */

static void add_values(struct judging *judging, const char *key, const char *const *values,
                       size_t count)
{
    judging->values[judging->value_count++] = (struct iam_values){key, values, count};
}

/* One value. ERR_NOMEM. */
static int add_value(struct judging *judging, const char *key, const char *value)
{
    const char **values = arena_alloc(judging->arena, sizeof(*values));

    if (!values)
        return ERR_NOMEM;
    values[0] = value;
    add_values(judging, key, values, 1);
    return 0;
}

/* As Route 53's documentation of the key says: lower case, escapes, no dot at the end. */
static const char *normalized_name(struct arena *arena, const char *text)
{
    char out[DNS_NAME_TEXT_SIZE];
    uint8_t name[DNS_NAME_MAX];

    if (!text || route53_parse_name(text, name) < 0)
        return NO_VALUE;
    dns_name_format_octal(name, out);
    size_t len = strlen(out);
    return arena_copy(arena, out, len > 1 ? len - 1 : len);
}

static const char *normalized_type(struct arena *arena, const char *text)
{
    char out[ZONE_TYPE_TEXT_LEN_MAX];
    uint16_t type;

    if (!text || zone_type_parse(text, &type) != 0)
        return NO_VALUE;
    zone_type_format(type, out);
    return arena_copy(arena, out, strlen(out));
}

static int add_changes(struct judging *judging)
{
    const struct xml_element *changes =
        xml_child(xml_child(judging->asked->body, "ChangeBatch"), "Changes");
    size_t count = changes ? changes->child_count : 0, i = 0;
    struct arena *arena = judging->arena;
    const char **names = arena_alloc(arena, 3 * (count + 1) * sizeof(*names));
    const char **types = names ? names + count : NULL, **actions = types ? types + count : NULL;

    if (!names)
        return ERR_NOMEM;
    for (const struct xml_element *at = changes ? changes->child : NULL; at; at = at->next, i++) {
        const struct xml_element *set = xml_child(at, "ResourceRecordSet");
        const char *action = xml_child_text(at, "Action");
        names[i] = normalized_name(arena, xml_child_text(set, "Name"));
        types[i] = normalized_type(arena, xml_child_text(set, "Type"));
        actions[i] = action ? action : NO_VALUE;
        if (!names[i] || !types[i])
            return ERR_NOMEM;
    }
    add_values(judging, IAM_KEY_RECORD_NAMES, names, count);
    add_values(judging, IAM_KEY_RECORD_TYPES, types, count);
    add_values(judging, IAM_KEY_ACTIONS, actions, count);
    return 0;
}

static int add_vpc(struct judging *judging)
{
    const struct auth_asked *asked = judging->asked;
    const struct xml_element *vpc = xml_child(asked->body, "VPC");
    bool is_list = strcmp(asked->operation, "ListHostedZonesByVPC") == 0;
    const char *id = is_list ? asked->query(asked->query_user, "vpcid") : NULL;
    const char *region = is_list ? asked->query(asked->query_user, "vpcregion") : NULL;
    char text[160];

    if (!is_list && vpc) {
        id = xml_child_text(vpc, "VPCId");
        region = xml_child_text(vpc, "VPCRegion");
    }
    if (!id && !region)
        return 0;
    int len = snprintf(text, sizeof(text), "VPCId=%.64s,VPCRegion=%.64s", id ? id : "",
                       region ? region : "");
    const char *value = arena_copy(judging->arena, text, (size_t)len);
    return value ? add_value(judging, IAM_KEY_VPCS, value) : ERR_NOMEM;
}

static int add_conditions(struct judging *judging)
{
    const struct auth_principal *principal = judging->principal;
    int rc = add_value(judging, IAM_KEY_SECURE_TRANSPORT, principal->is_tls ? "true" : "false");

    if (rc == 0 && principal->client[0])
        rc = add_value(judging, IAM_KEY_SOURCE_IP, principal->client);
    if (rc == 0 && principal->user_name[0])
        rc = add_value(judging, IAM_KEY_USER_NAME, principal->user_name);
    if (rc == 0)
        rc = add_vpc(judging);
    if (rc == 0 && strcmp(judging->asked->operation, "ChangeResourceRecordSets") == 0)
        rc = add_changes(judging);
    return rc;
}

/* ---- all of it ---- */

int auth_authorize_asked(const struct auth_principal *principal, const struct auth_asked *asked,
                         struct arena *arena, char message[AUTH_MESSAGE_SIZE])
{
    struct judging judging = {
        .principal = principal, .asked = asked, .arena = arena, .message = message};

    if (!principal->policy)
        return 0;
    snprintf(judging.action, sizeof(judging.action), "route53:%s", asked->operation);
    int rc = add_conditions(&judging);
    if (rc == 0)
        rc = judge_path(&judging);
    if (rc == 0)
        rc = judge_body(&judging);
    if (rc == 0)
        rc = judge_query(&judging);
    if (rc == 0 && judging.resource_count == 0)
        rc = judge(&judging, "*");
    return rc;
}

static const char *query_of(const void *user, const char *name)
{
    return gateway_query(user, name);
}

int auth_authorize(const struct auth_principal *principal, const struct gateway_call *call,
                   char message[AUTH_MESSAGE_SIZE])
{
    const struct gateway_operation *operation = gateway_operation(call);
    const char *labels[GATEWAY_LABELS_MAX] = {0};
    unsigned count = 0;
    const struct auth_asked asked = {
        .operation = operation->name,
        .path = operation->path,
        .labels = labels,
        .body = gateway_body(call),
        .query = query_of,
        .query_user = call,
    };

    for (const char *at = operation->path; *at && count < GATEWAY_LABELS_MAX; at++) {
        if (*at == '{') {
            labels[count] = gateway_label(call, count);
            count++;
        }
    }
    return auth_authorize_asked(principal, &asked, gateway_arena((struct gateway_call *)call),
                                message);
}
