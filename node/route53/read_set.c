/* node/route53/read_set.c: one ResourceRecordSet. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "route53/internal.h"
#include "zone/record_text.h"

#define VALUE_LEN_MAX 262400u
#define VALUES_MAX UINT16_MAX
#define TYPE_TEXT_MAX 16u

static const char *const set_keys[] = {"Name",
                                       "Type",
                                       "SetIdentifier",
                                       "Weight",
                                       "Region",
                                       "GeoLocation",
                                       "Failover",
                                       "MultiValueAnswer",
                                       "TTL",
                                       "ResourceRecords",
                                       "AliasTarget",
                                       "HealthCheckId",
                                       "TrafficPolicyInstanceId",
                                       "CidrRoutingConfig",
                                       "GeoProximityLocation",
                                       "Quartet",
                                       NULL};
static const char *const value_keys[] = {"Value", NULL};

/* One value, to @storage (ZONE_RDATA_LEN_MAX octets), and from there into the arena. */
static int read_value(struct route53__reader *reader, const json_t *object, uint16_t type,
                      uint8_t *storage, struct zone_rdata *out)
{
    static const uint8_t root[1] = {0};
    struct zone_problem problem;
    const char *text = NULL;
    size_t len;
    int rc = route53__check_keys(reader, object, value_keys);

    if (rc == 0)
        rc = route53__get_text(reader, object, "Value", VALUE_LEN_MAX, &text);
    if (rc == 0 && !text)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member Value");
    if (rc != 0)
        return rc;
    char *zone_text = malloc(strlen(text) + 1);
    if (!zone_text)
        return route53__fail(reader, ERR_NOMEM, NULL, "%s", err_text(ERR_NOMEM));
    route53__to_zone_text(text, zone_text);
    rc = zone_rdata_parse(zone_text, type, root, storage, &len, &problem);
    free(zone_text);
    if (rc != 0)
        return route53__fail(reader, rc, "Value", "%.100s: %s", text,
                             rc == ERR_INVALID ? problem.text : err_text(rc));
    out->data = arena_copy(reader->arena, storage, len);
    out->len = (uint16_t)len;
    return out->data ? 0 : route53__fail(reader, ERR_LIMIT, NULL, "the file is too long");
}

static int read_values(struct route53__reader *reader, const json_t *list,
                       struct zone_record_set *out)
{
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count == 0 || count > VALUES_MAX)
        return route53__fail(reader, ERR_INVALID, NULL,
                             "expected a list of 1 to %u objects {\"Value\": …}", VALUES_MAX);
    struct zone_rdata *rdatas = arena_alloc(reader->arena, count * sizeof(*rdatas));
    uint8_t *storage = malloc(ZONE_RDATA_LEN_MAX);
    int rc = rdatas && storage ? 0 : route53__fail(reader, ERR_NOMEM, NULL, "too much to read");
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t mark = route53__enter_index(reader, i);
        rc = read_value(reader, json_array_get(list, i), out->type, storage, &rdatas[i]);
        route53__leave(reader, mark);
    }
    free(storage);
    out->rdatas = rdatas;
    out->rdata_count = (uint16_t)count;
    return rc;
}

static int read_key(struct route53__reader *reader, const json_t *object,
                    struct zone_record_set *out)
{
    const char *type = NULL, *identifier = NULL;
    int rc = route53__get_name(reader, object, "Name", &out->name);

    if (rc == 0)
        rc = route53__get_text(reader, object, "Type", TYPE_TEXT_MAX, &type);
    if (rc == 0)
        rc = route53__get_text(reader, object, "SetIdentifier", ZONE_SET_IDENTIFIER_MAX,
                               &identifier);
    if (rc == 0 && (!out->name || !type))
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member %s",
                           out->name ? "Type" : "Name");
    if (rc == 0 && zone_type_parse(type, &out->type) != 0)
        rc = route53__fail(reader, ERR_INVALID, "Type", "'%s' is no record type", type);
    if (rc != 0 || !identifier)
        return rc;
    out->set_identifier_len = (uint8_t)strlen(identifier);
    out->set_identifier = arena_copy(reader->arena, identifier, out->set_identifier_len);
    return out->set_identifier ? 0 : route53__fail(reader, ERR_NOMEM, NULL, "too much to read");
}

static int read_records(struct route53__reader *reader, const json_t *object,
                        struct zone_record_set *out)
{
    static const int64_t bounds[] = {0, ZONE_TTL_S_MAX};
    bool is_alias = route53__has(object, "AliasTarget"), has_ttl = route53__has(object, "TTL");
    bool has_records = route53__has(object, "ResourceRecords");
    int64_t ttl_s = 0;

    if (route53__has(object, "TrafficPolicyInstanceId"))
        return route53__fail(reader, ERR_UNSUPPORTED, "TrafficPolicyInstanceId",
                             "traffic policies are not served");
    if (is_alias ? has_ttl || has_records : !has_ttl || !has_records)
        return route53__fail(reader, ERR_INVALID, NULL,
                             "expected exactly one of [AliasTarget, all of [TTL, and "
                             "ResourceRecords]]");
    if (is_alias)
        return 0;
    int rc = route53__get_integer(reader, object, "TTL", bounds, &ttl_s);
    if (rc != 0)
        return rc;
    out->ttl_s = (uint32_t)ttl_s;
    size_t mark = route53__enter(reader, "ResourceRecords");
    rc = read_values(reader, json_object_get(object, "ResourceRecords"), out);
    route53__leave(reader, mark);
    return rc;
}

int route53__read_set(struct route53__reader *reader, const json_t *object,
                      struct zone_record_set *out)
{
    int rc = route53__check_keys(reader, object, set_keys);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = read_key(reader, object, out);
    if (rc == 0)
        rc = read_records(reader, object, out);
    return rc != 0 ? rc : route53__read_routing(reader, object, &out->routing);
}
