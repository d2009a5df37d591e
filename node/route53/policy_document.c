#include "route53/policy_document.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "dns/name.h"
#include "dns/type.h"
#include "route53/policy_internal.h"
#include "zone/record_text.h"

#define ARENA_LEN_MAX (64u << 20)
#define ID_LEN_MAX 512u
#define VALUE_LEN_MAX 4000u
#define TYPE_LEN_MAX 16u
#define CLOUDFRONT_ZONE "Z2FDTNDATAQYW2" /* the one that all distributions are in */

static int no_memory(struct route53__reader *reader)
{
    return route53__fail(reader, ERR_NOMEM, NULL, "there is too much to read");
}

/* ---- endpoints ---- */

static int read_value(struct route53__reader *reader, const struct policy_document *document,
                      const char *text, struct policy__endpoint *out)
{
    static const uint8_t root[1] = {0};
    struct zone_problem problem;
    char *zone_text = malloc(strlen(text) + 1);
    uint8_t *storage = malloc(ZONE_RDATA_LEN_MAX);
    size_t len = 0;
    int rc = zone_text && storage ? 0 : no_memory(reader);

    if (rc == 0) {
        route53__to_zone_text(text, zone_text);
        rc = zone_rdata_parse(zone_text, document->type, root, storage, &len, &problem);
        if (rc != 0)
            rc = route53__fail(reader, rc, "Value", "%.100s: %s", text,
                               rc == ERR_INVALID ? problem.text : err_text(rc));
    }
    if (rc == 0) {
        out->rdata = (struct zone_rdata){arena_copy(document->arena, storage, len), (uint16_t)len};
        if (!out->rdata.data)
            rc = no_memory(reader);
    }
    free(zone_text);
    free(storage);
    return rc;
}

/* The name of the web service of S3 in a region: buckets are told apart by the request. The first
 * regions have it with a dash. */
static void s3_website_name(const char *region, char *out, size_t size)
{
    static const char *const dashed[] = {"us-east-1",      "us-west-1",      "us-west-2",
                                         "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
                                         "eu-west-1",      "sa-east-1",      "us-gov-west-1"};
    bool is_dashed = false;

    for (size_t i = 0; i < sizeof(dashed) / sizeof(dashed[0]); i++)
        is_dashed = is_dashed || strcmp(region, dashed[i]) == 0;
    snprintf(out, size, "s3-website%c%s.amazonaws.com", is_dashed ? '-' : '.', region);
}

static int read_target(struct route53__reader *reader, const struct policy_document *document,
                       const char *text, struct policy__endpoint *out)
{
    char zone_text[DNS_NAME_TEXT_SIZE];
    uint8_t name[DNS_NAME_MAX];
    int len = ERR_INVALID;

    if (document->type != DNS_TYPE_A && document->type != DNS_TYPE_AAAA)
        return route53__fail(reader, ERR_INVALID, "Type",
                             "only policies of type A or AAAA lead to names outside");
    if (strlen(text) < sizeof(zone_text)) {
        route53__to_zone_text(text, zone_text);
        len = strcmp(text, "@") == 0 ? ERR_INVALID : dns_name_parse(zone_text, NULL, name);
    }
    if (len < 0 || dns_name_is_root(name))
        return route53__fail(reader, ERR_INVALID, "Value", "'%.200s' is no domain name", text);
    dns_name_lower(name, name);
    out->target = arena_copy(document->arena, name, (size_t)len);
    return out->target ? 0 : no_memory(reader);
}

static int read_s3_website(struct route53__reader *reader, const struct policy_document *document,
                           const json_t *object, const char *value, struct policy__endpoint *out)
{
    const char *region = NULL;
    char name[128];
    int rc = policy__get_text(reader, object, "Region", ZONE_REGION_SIZE - 1, &region);

    if (rc != 0)
        return rc;
    if (strncmp(value, "s3-website", strlen("s3-website")) == 0)
        return read_target(reader, document, value, out);
    if (!region)
        return route53__fail(reader, ERR_INVALID, NULL, "expected a member Region");
    s3_website_name(region, name, sizeof(name));
    return read_target(reader, document, name, out);
}

static int read_endpoint(struct route53__reader *reader, const struct policy_document *document,
                         const json_t *object, struct policy__endpoint *out)
{
    static const char *const keys[] = {"Type", "Value", "Region", NULL};
    static const char *const outside[] = {"cloudfront", "elastic-load-balancer",
                                          "application-load-balancer", "network-load-balancer",
                                          "elastic-beanstalk"};
    const char *type = "", *value = NULL;
    int rc = route53__check_keys(reader, object, keys);

    out->hosted_zone_id = "";
    if (rc == 0)
        rc = policy__get_text(reader, object, "Type", 64, &type);
    if (rc == 0)
        rc = policy__get_text(reader, object, "Value", VALUE_LEN_MAX, &value);
    if (rc == 0 && !value)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member Value");
    if (rc != 0)
        return rc;
    if (strcmp(type, "value") == 0)
        return read_value(reader, document, value, out);
    if (strcmp(type, "s3-website") == 0)
        return read_s3_website(reader, document, object, value, out);
    if (strcmp(type, "cloudfront") == 0)
        out->hosted_zone_id = CLOUDFRONT_ZONE;
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (strcmp(type, outside[i]) == 0)
            return read_target(reader, document, value, out);
    }
    return route53__fail(reader, ERR_INVALID, "Type", "'%.64s' is no type of endpoint", type);
}

/* ---- the document ---- */

/* The object @key of @root and how many members it has; none at all is an empty one. */
static int get_map(struct route53__reader *reader, const json_t *root, const char *key,
                   const json_t **out, size_t *count)
{
    const json_t *map = json_object_get(root, key);

    *out = NULL;
    *count = 0;
    if (!map || json_is_null(map))
        return 0;
    if (!json_is_object(map))
        return route53__fail(reader, ERR_INVALID, key, "expected an object");
    *out = map;
    *count = json_object_size(map);
    return 0;
}

static int check_id(struct route53__reader *reader, const char *id)
{
    if (id[0] != '\0' && strlen(id) <= ID_LEN_MAX && text_is_printable(id))
        return 0;
    return route53__fail(reader, ERR_INVALID, NULL,
                         "a name is of 1 to %u octets that can be printed", ID_LEN_MAX);
}

static int read_endpoints(struct route53__reader *reader, const json_t *root,
                          struct policy_document *out)
{
    const json_t *map;
    size_t count, mark = 0;
    int rc = get_map(reader, root, "Endpoints", &map, &count);

    if (rc != 0 || count == 0)
        return rc;
    out->endpoints = arena_alloc(out->arena, count * sizeof(*out->endpoints));
    if (!out->endpoints)
        return no_memory(reader);
    memset(out->endpoints, 0, count * sizeof(*out->endpoints));
    for (void *at = json_object_iter((json_t *)map); at && rc == 0;
         at = json_object_iter_next((json_t *)map, at)) {
        const char *id = json_object_iter_key(at);
        struct policy__endpoint *endpoint = &out->endpoints[out->endpoint_count++];
        mark = route53__enter(reader, "Endpoints");
        rc = check_id(reader, id);
        (void)route53__enter(reader, id);
        endpoint->id = arena_copy(out->arena, id, strlen(id));
        if (rc == 0 && !endpoint->id)
            rc = no_memory(reader);
        if (rc == 0)
            rc = read_endpoint(reader, out, json_object_iter_value(at), endpoint);
        route53__leave(reader, mark);
    }
    return rc;
}

/* The ids of all rules, before any rule that refers to them. */
static int read_rule_ids(struct route53__reader *reader, const json_t *root,
                         struct policy_document *out)
{
    const json_t *map;
    size_t count;
    int rc = get_map(reader, root, "Rules", &map, &count);

    if (rc == 0 && count > POLICY_DOCUMENT_PARTS_MAX)
        rc = route53__fail(reader, ERR_LIMIT, "Rules", "there are more than %u",
                           POLICY_DOCUMENT_PARTS_MAX);
    if (rc != 0 || count == 0)
        return rc;
    out->rules = arena_alloc(out->arena, count * sizeof(*out->rules));
    if (!out->rules)
        return no_memory(reader);
    memset(out->rules, 0, count * sizeof(*out->rules));
    for (void *at = json_object_iter((json_t *)map); at;
         at = json_object_iter_next((json_t *)map, at)) {
        struct policy__rule *rule = &out->rules[out->rule_count++];
        const char *id = json_object_iter_key(at);
        rc = check_id(reader, id);
        rule->id = arena_copy(out->arena, id, strlen(id));
        rule->json = json_object_iter_value(at);
        if (rc != 0 || !rule->id)
            return rc != 0 ? rc : no_memory(reader);
    }
    return 0;
}

static int read_rules(struct route53__reader *reader, struct policy_document *out)
{
    int rc = 0;

    for (size_t i = 0; i < out->rule_count && rc == 0; i++) {
        size_t mark = route53__enter(reader, "Rules");
        (void)route53__enter(reader, out->rules[i].id);
        rc = policy__read_rule(reader, out, &out->rules[i]);
        route53__leave(reader, mark);
    }
    return rc;
}

static int read_head(struct route53__reader *reader, const json_t *root,
                     struct policy_document *out)
{
    static const char *const keys[] = {"AWSPolicyFormatVersion",
                                       "RecordType",
                                       "StartRule",
                                       "StartEndpoint",
                                       "Endpoints",
                                       "Rules",
                                       NULL};
    static const uint16_t types[] = {DNS_TYPE_A,   DNS_TYPE_AAAA,  DNS_TYPE_CAA, DNS_TYPE_CNAME,
                                     DNS_TYPE_MX,  DNS_TYPE_NAPTR, DNS_TYPE_PTR, DNS_TYPE_SPF,
                                     DNS_TYPE_SRV, DNS_TYPE_TXT};
    const char *version = "", *type = "";
    size_t i = 0;
    int rc = route53__check_keys(reader, root, keys);

    if (rc == 0)
        rc = policy__get_text(reader, root, "AWSPolicyFormatVersion", 32, &version);
    if (rc == 0 && strcmp(version, "2015-10-01") != 0 && strcmp(version, "2023-05-09") != 0)
        rc = route53__fail(reader, ERR_INVALID, "AWSPolicyFormatVersion",
                           "expected 2015-10-01 or 2023-05-09, found '%s'", version);
    if (rc == 0)
        rc = policy__get_text(reader, root, "RecordType", TYPE_LEN_MAX, &type);
    if (rc != 0)
        return rc;
    bool is_type = zone_type_parse(type, &out->type) == 0;
    while (is_type && i < sizeof(types) / sizeof(types[0]) && types[i] != out->type)
        i++;
    if (is_type && i < sizeof(types) / sizeof(types[0]))
        return 0;
    return route53__fail(reader, ERR_INVALID, "RecordType",
                         "expected A, AAAA, CAA, CNAME, MX, NAPTR, PTR, SPF, SRV or TXT, found "
                         "'%s'",
                         type);
}

/* ---- how rules lead to each other ---- */

static int fail_rule(struct route53__reader *reader, int code, const struct policy__rule *rule,
                     const char *text)
{
    size_t mark = route53__enter(reader, "Rules");
    int rc = route53__fail(reader, code, rule->id, "%s", text);

    route53__leave(reader, mark);
    return rc;
}

/* Find the levels of @rule, with @depth rules above it. Bounded by the depth; each rule once. */
static int find_levels(struct route53__reader *reader, struct policy__rule *rule, unsigned depth)
{
    unsigned most = 0;

    if (rule->is_on_path)
        return fail_rule(reader, ERR_INVALID, rule, "this rule leads back to itself");
    if (depth >= POLICY_DOCUMENT_LEVELS_MAX)
        return fail_rule(reader, ERR_LIMIT, rule,
                         "there are too many rules on the way to this one");
    if (rule->levels > 0)
        return 0;
    rule->is_on_path = true;
    for (size_t i = 0; i < rule->item_count; i++) {
        struct policy__rule *next = rule->items[i].to.rule;
        int rc = next ? find_levels(reader, next, depth + 1) : 0;
        if (rc != 0)
            return rc;
        unsigned levels =
            (next ? next->levels : 0) + (policy__needs_front(&rule->items[i]) ? 1 : 0);
        most = levels > most ? levels : most;
    }
    rule->is_on_path = false;
    rule->levels = most + 1;
    return 0;
}

static void mark_used(struct policy_document *document, struct policy__rule *rule)
{
    if (!rule || rule->is_used)
        return;
    rule->is_used = true;
    rule->number = document->name_count++;
    document->part_count += rule->item_count;
    for (size_t i = 0; i < rule->item_count; i++)
        mark_used(document, rule->items[i].to.rule);
}

static int check_paths(struct route53__reader *reader, struct policy_document *document)
{
    for (size_t i = 0; i < document->rule_count; i++) {
        int rc = find_levels(reader, &document->rules[i], 0);
        if (rc != 0)
            return rc;
        if (document->rules[i].levels + 1 > POLICY_DOCUMENT_LEVELS_MAX)
            return fail_rule(reader, ERR_LIMIT, &document->rules[i],
                             "this rule leads through too many others");
    }
    document->part_count = 1;
    mark_used(document, document->start.rule);
    for (size_t i = 0; i < document->rule_count; i++) {
        const struct policy__rule *rule = &document->rules[i];
        for (size_t k = 0; rule->is_used && k < rule->item_count; k++) {
            unsigned more = policy__needs_front(&rule->items[k]) ? 1 : 0;
            document->part_count += more;
            document->name_count += more;
        }
    }
    if (document->part_count > POLICY_DOCUMENT_PARTS_MAX)
        return route53__fail(reader, ERR_LIMIT, NULL,
                             "this would become %zu record sets: at most %u are made",
                             document->part_count, POLICY_DOCUMENT_PARTS_MAX);
    return 0;
}

/* ---- the rules about record sets ---- */

/* Without the name and type in front, which are made up. */
static int fail_part(struct route53__reader *reader, int code, const struct policy_part *part,
                     const struct zone_problem *problem)
{
    const char *text = strstr(problem->text, ": ");
    size_t mark = part->rule ? route53__enter(reader, "Rules") : reader->path_len;
    int rc = route53__fail(reader, code, part->rule, "%s", text ? text + 2 : problem->text);

    route53__leave(reader, mark);
    return rc;
}

static int check_parts(struct route53__reader *reader, const uint8_t *apex,
                       const struct policy_part *parts, size_t count)
{
    const struct zone_record_set *sets[POLICY_DOCUMENT_PARTS_MAX];
    struct zone_problem problem;

    for (size_t i = 0, n; i < count; i += n) {
        n = 0;
        while (i + n < count && parts[i + n].set.name == parts[i].set.name) {
            sets[n] = &parts[i + n].set;
            int rc = zone_rules_check_set(apex, sets[n], &problem);
            if (rc != 0)
                return fail_part(reader, rc, &parts[i + n], &problem);
            n++;
        }
        int rc = zone_rules_check_group(sets, n, &problem);
        if (rc != 0)
            return fail_part(reader, rc, &parts[i], &problem);
    }
    return 0;
}

/* Become record sets at a name of no importance, and see whether a zone could have them. */
static int try_out(struct route53__reader *reader, const struct policy_document *document)
{
    static const uint8_t apex[] = "\1x", name[] = "\1n\1x";
    const struct policy_place place = {.apex = apex,
                                       .zone_id = "Z",
                                       .name = name,
                                       .instance_id = "00000000-0000-0000-0000-000000000000",
                                       .ttl_s = 60};
    const struct policy_part *parts;
    size_t count;
    struct arena *arena = arena_new(ARENA_LEN_MAX);
    int rc = arena ? policy_document_compile(document, &place, arena, &parts, &count) : ERR_NOMEM;

    if (rc != 0)
        rc = no_memory(reader);
    else
        rc = check_parts(reader, apex, parts, count);
    arena_free(arena);
    return rc;
}

static int read_document(struct route53__reader *reader, const json_t *root,
                         struct policy_document *out)
{
    static const char *const starts[] = {"StartEndpoint", "StartRule"};
    int rc = read_head(reader, root, out);

    if (rc == 0)
        rc = read_endpoints(reader, root, out);
    if (rc == 0)
        rc = read_rule_ids(reader, root, out);
    if (rc == 0)
        rc = read_rules(reader, out);
    if (rc == 0)
        rc = policy__read_reference(reader, out, root, starts, &out->start);
    if (rc == 0)
        rc = check_paths(reader, out);
    return rc == 0 ? try_out(reader, out) : rc;
}

int policy_document_read(const char *text, size_t len, struct policy_document **out,
                         char error[ROUTE53_ERROR_SIZE])
{
    struct arena *arena = arena_new(ARENA_LEN_MAX);
    struct policy_document *document = arena ? arena_alloc(arena, sizeof(*document)) : NULL;
    struct route53__reader reader = {.arena = arena, .path = "$", .path_len = 1, .error = error};
    json_error_t problem;
    json_t *root = NULL;
    int rc = document ? 0 : no_memory(&reader);

    if (rc == 0 && len > POLICY_DOCUMENT_LEN_MAX)
        rc = route53__fail(&reader, ERR_LIMIT, NULL, "the document is longer than %u octets",
                           POLICY_DOCUMENT_LEN_MAX);
    if (rc == 0) {
        *document = (struct policy_document){.arena = arena};
        root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
        if (!root)
            rc = route53__fail(&reader, ERR_INVALID, NULL, "no JSON: %s, in line %d, column %d",
                               problem.text, problem.line, problem.column);
    }
    if (rc == 0)
        rc = read_document(&reader, root, document);
    json_decref(root);
    if (rc != 0) {
        arena_free(arena);
        return rc;
    }
    for (size_t i = 0; i < document->rule_count; i++)
        document->rules[i].json = NULL;
    *out = document;
    return 0;
}

void policy_document_free(struct policy_document *document)
{
    if (document)
        arena_free(document->arena);
}

uint16_t policy_document_type(const struct policy_document *document)
{
    return document->type;
}
