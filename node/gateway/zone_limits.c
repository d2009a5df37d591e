/* node/gateway/zone_limits.c: counts, and the limits of an account, a zone, a delegation set. */
#include <string.h>

#include "gateway/request.h"
#include "gateway/xml_writer.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"

#define RESOURCE_ID_MAX 32u
#define VPCS_BY_ZONE "MAX_VPCS_ASSOCIATED_BY_ZONE"

static const char *const account_types[] = {
    "MAX_HEALTH_CHECKS_BY_OWNER", "MAX_HOSTED_ZONES_BY_OWNER",
    "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER", "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER",
    "MAX_TRAFFIC_POLICIES_BY_OWNER"};
static const char *const zone_types[] = {"MAX_RRSETS_BY_ZONE", VPCS_BY_ZONE};
static const char *const set_types[] = {"MAX_ZONES_BY_REUSABLE_DELEGATION_SET"};

static const Ctl__Limit *find_limit(const Ctl__Reply *reply, const char *type)
{
    for (size_t i = 0; reply->limits && i < reply->limits->n_limits; i++) {
        if (strcmp(reply->limits->limits[i]->type, type) == 0)
            return reply->limits->limits[i];
    }
    return NULL;
}

static void write_limit(struct gateway_call *call, const Ctl__Limit *limit)
{
    struct xml_writer *xml = gateway_xml(call);

    if (!limit) {
        gateway_fail(call, "InternalFailure", "The node sent no such limit");
        return;
    }
    xml_open(xml, "Limit");
    xml_text(xml, "Type", limit->type);
    xml_number(xml, "Value", limit->value);
    xml_close(xml);
    xml_number(xml, "Count", limit->count);
    gateway_answer(call);
}

/* The path's label @index; NULL: the call has been failed. */
static const char *read_type(struct gateway_call *call, unsigned index, const char *const *types,
                             size_t count)
{
    const char *type = gateway_label(call, index);
    char known[256] = "";

    for (size_t i = 0; i < count; i++) {
        if (strcmp(type, types[i]) == 0)
            return type;
        strncat(known, i > 0 ? ", " : "", sizeof(known) - strlen(known) - 1);
        strncat(known, types[i], sizeof(known) - strlen(known) - 1);
    }
    gateway_breach(call, "type", type, "Member must satisfy enum value set: [%s]", known);
    (void)gateway_is_valid(call);
    return NULL;
}

static void ask_limits(struct gateway_call *call, Ctl__Limits *limits,
                       void (*next)(struct gateway_call *call, const Ctl__Reply *reply))
{
    Ctl__Request request = CTL__REQUEST__INIT;

    request.kind_case = CTL__REQUEST__KIND_LIMITS;
    request.limits = limits;
    gateway_ask_any(call, &request, next);
}

static void on_count(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__Limit *limit = find_limit(reply, "MAX_HOSTED_ZONES_BY_OWNER");

    if (reply->code != 0) {
        gateway_fail_reply(call, reply);
        return;
    }
    if (!limit) {
        gateway_fail(call, "InternalFailure", "The node sent no count");
        return;
    }
    xml_number(gateway_xml(call), "HostedZoneCount", limit->count);
    gateway_answer(call);
}

void zones_count(struct gateway_call *call)
{
    Ctl__Limits limits = CTL__LIMITS__INIT;

    ask_limits(call, &limits, on_count);
}

static void on_account(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0)
        gateway_fail_reply(call, reply);
    else
        write_limit(call, find_limit(reply, gateway_label(call, 0)));
}

void zones_account_limit(struct gateway_call *call)
{
    Ctl__Limits limits = CTL__LIMITS__INIT;

    if (read_type(call, 0, account_types, sizeof(account_types) / sizeof(account_types[0])))
        ask_limits(call, &limits, on_account);
}

static void on_zone(struct gateway_call *call, const Ctl__Reply *reply)
{
    const char *type = gateway_label(call, 1);
    const Ctl__Limit *limit = find_limit(reply, type);

    if (reply->code != 0)
        zones_fail_reply(call, reply, gateway_label(call, 0));
    else if (!limit && strcmp(type, VPCS_BY_ZONE) == 0)
        gateway_fail(call, "HostedZoneNotPrivate", "The specified hosted zone is not private.");
    else
        write_limit(call, limit);
}

void zones_zone_limit(struct gateway_call *call)
{
    Ctl__Limits limits = CTL__LIMITS__INIT;

    if (!read_type(call, 1, zone_types, sizeof(zone_types) / sizeof(zone_types[0])))
        return;
    limits.zone = zones_label(call, 0);
    if (limits.zone)
        ask_limits(call, &limits, on_zone);
}

static void on_set(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0)
        gateway_fail_reply(call, reply);
    else
        write_limit(call, find_limit(reply, gateway_label(call, 1)));
}

void zones_set_limit(struct gateway_call *call)
{
    Ctl__Limits limits = CTL__LIMITS__INIT;

    if (!read_type(call, 1, set_types, sizeof(set_types) / sizeof(set_types[0])))
        return;
    zones_check_len(call, "delegationSetId", gateway_label(call, 0), 1, RESOURCE_ID_MAX);
    if (!gateway_is_valid(call))
        return;
    limits.delegation_set_id = (char *)(uintptr_t)gateway_label(call, 0);
    ask_limits(call, &limits, on_set);
}
