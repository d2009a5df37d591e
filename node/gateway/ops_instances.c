/* node/gateway/ops_instances.c: traffic policy instances. */
#include "gateway/operations.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "dns/name.h"
#include "gateway/traffic_members.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"
#include "route53/route53.h"
#include "zone/record_text.h"

#define LISTED_MAX 100u

/* ---- writing ---- */

static bool is_name(const ProtobufCBinaryData *name)
{
    return name->len > 0 && dns_name_check(name->data, name->len) == (int)name->len;
}

static void write_type(struct xml_writer *xml, const char *member, uint32_t type)
{
    char text[ZONE_TYPE_TEXT_LEN_MAX];

    zone_type_format((uint16_t)type, text);
    xml_text(xml, member, text);
}

static void write_instance(struct xml_writer *xml, const Ctl__TrafficInstanceReply *instance)
{
    xml_open(xml, "TrafficPolicyInstance");
    xml_text(xml, "Id", instance->id);
    xml_text(xml, "HostedZoneId", instance->zone_id);
    xml_name(xml, "Name", instance->name.data);
    xml_number(xml, "TTL", instance->ttl_s);
    xml_text(xml, "State", instance->state);
    xml_text(xml, "Message", instance->message);
    xml_text(xml, "TrafficPolicyId", instance->policy_id);
    xml_number(xml, "TrafficPolicyVersion", instance->policy_version);
    write_type(xml, "TrafficPolicyType", instance->type);
    xml_close(xml);
}

static void fail_reply(struct gateway_call *call)
{
    gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
}

static void on_instance(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const Ctl__TrafficInstanceReply *instance = reply->traffic_instance;

    if (!instance || !is_name(&instance->name)) {
        fail_reply(call);
        return;
    }
    if (gateway_operation(call)->status == 201)
        gateway_location(call, "/trafficpolicyinstance/%s", instance->id);
    write_instance(gateway_xml(call), instance);
    gateway_answer(call);
}

/* ---- one instance ---- */

/* A domain name as the API has it; empty and noted where it is none. */
static ProtobufCBinaryData read_name(struct gateway_call *call, const char *member,
                                     const char *text)
{
    uint8_t *name = arena_alloc(gateway_arena(call), DNS_NAME_MAX);
    int len = text && name ? route53_parse_name(text, name) : -1;

    if (len >= 0)
        return (ProtobufCBinaryData){(size_t)len, name};
    gateway_breach(call, member, text ? text : "null", "%s",
                   text ? "Member must be a domain name" : "Member must not be null");
    return (ProtobufCBinaryData){0, NULL};
}

/* What both bodies have. */
static void put(struct gateway_call *call, Ctl__TrafficInstancePut *put)
{
    const struct xml_element *body = gateway_body(call);
    Ctl__Request request = CTL__REQUEST__INIT;

    put->ttl_s = traffic_ttl_s(call, xml_child_text(body, "TTL"));
    put->policy_id =
        (char *)traffic_id(call, "trafficPolicyId", xml_child_text(body, "TrafficPolicyId"));
    put->policy_version =
        traffic_version(call, "trafficPolicyVersion", xml_child_text(body, "TrafficPolicyVersion"));
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_PUT;
    request.traffic_instance_put = put;
    gateway_ask(call, &request, on_instance);
}

/* Behind "/hostedzone/". The node knows zones by name, too; the API by their ids alone. */
static const char *zone_id_of(struct gateway_call *call, const char *text)
{
    const char *slash = text ? strrchr(text, '/') : NULL;
    const char *id = traffic_text(call, "hostedZoneId", slash ? slash + 1 : text, 32);

    if (text && (id[0] == '\0' || strchr(id, '.')))
        gateway_breach(call, "hostedZoneId", text, "Member must be the id of a hosted zone");
    return id;
}

static void create_instance(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call);
    Ctl__TrafficInstancePut request = CTL__TRAFFIC_INSTANCE_PUT__INIT;

    request.zone = (char *)zone_id_of(call, xml_child_text(body, "HostedZoneId"));
    request.name = read_name(call, "name", xml_child_text(body, "Name"));
    put(call, &request);
}

static void update_instance(struct gateway_call *call)
{
    Ctl__TrafficInstancePut request = CTL__TRAFFIC_INSTANCE_PUT__INIT;

    request.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    put(call, &request);
}

static void get_instance(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceGet get = CTL__TRAFFIC_INSTANCE_GET__INIT;

    get.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_GET;
    request.traffic_instance_get = &get;
    gateway_ask(call, &request, on_instance);
}

static void on_deleted(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_instance(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceDelete deletion = CTL__TRAFFIC_INSTANCE_DELETE__INIT;

    deletion.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_DELETE;
    request.traffic_instance_delete = &deletion;
    gateway_ask(call, &request, on_deleted);
}

/* ---- counting and listing ---- */

static void on_count(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    if (!reply->traffic_instance_list) {
        fail_reply(call);
        return;
    }
    xml_number(gateway_xml(call), "TrafficPolicyInstanceCount",
               reply->traffic_instance_list->total_count);
    gateway_answer(call);
}

static void count_instances(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceList list = CTL__TRAFFIC_INSTANCE_LIST__INIT;

    list.limit = 1;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_LIST;
    request.traffic_instance_list = &list;
    gateway_ask(call, &request, on_count);
}

static bool are_names(const Ctl__TrafficInstanceListReply *list)
{
    bool is_good = list->next_name.len == 0 || is_name(&list->next_name);

    for (size_t i = 0; i < list->n_instances; i++)
        is_good = is_good && is_name(&list->instances[i]->name);
    return is_good;
}

static void on_list(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const Ctl__TrafficInstanceListReply *list = reply->traffic_instance_list;
    struct xml_writer *xml = gateway_xml(call);

    if (!list || !are_names(list)) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "TrafficPolicyInstances");
    for (size_t i = 0; i < list->n_instances; i++)
        write_instance(xml, list->instances[i]);
    xml_close(xml);
    if (list->next_name.len > 0) {
        if (strcmp(gateway_operation(call)->name, "ListTrafficPolicyInstancesByHostedZone") != 0)
            xml_text(xml, "HostedZoneIdMarker", list->next_zone_id);
        xml_name(xml, "TrafficPolicyInstanceNameMarker", list->next_name.data);
        write_type(xml, "TrafficPolicyInstanceTypeMarker", list->next_type);
    }
    xml_bool(xml, "IsTruncated", list->next_name.len > 0);
    xml_text(xml, "MaxItems", traffic_max_items(call));
    gateway_answer(call);
}

/* The markers, as far as there are some. */
static void read_markers(struct gateway_call *call, Ctl__TrafficInstanceList *list)
{
    const char *zone_id = gateway_query(call, "hostedzoneid");
    const char *name = gateway_query(call, "trafficpolicyinstancename");
    const char *type = gateway_query(call, "trafficpolicyinstancetype");
    uint16_t number = 0;

    if (zone_id && zone_id[0] != '\0')
        list->start_zone_id = (char *)zone_id_of(call, zone_id);
    if (name && name[0] != '\0')
        list->start_name = read_name(call, "trafficPolicyInstanceNameMarker", name);
    if (type && type[0] != '\0' && zone_type_parse(type, &number) != 0)
        gateway_breach(call, "trafficPolicyInstanceTypeMarker", type,
                       "Member must satisfy enum value set: [SOA, A, TXT, NS, CNAME, MX, NAPTR, "
                       "PTR, SRV, SPF, AAAA, CAA, DS, TLSA, SSHFP, SVCB, HTTPS]");
    list->start_type = number;
}

static void ask_list(struct gateway_call *call, Ctl__TrafficInstanceList *list)
{
    Ctl__Request request = CTL__REQUEST__INIT;

    if (!gateway_page_size(call, "maxitems", LISTED_MAX, LISTED_MAX, &list->limit))
        return;
    read_markers(call, list);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_LIST;
    request.traffic_instance_list = list;
    gateway_ask(call, &request, on_list);
}

static void list_instances(struct gateway_call *call)
{
    Ctl__TrafficInstanceList list = CTL__TRAFFIC_INSTANCE_LIST__INIT;

    ask_list(call, &list);
}

static void list_by_zone(struct gateway_call *call)
{
    Ctl__TrafficInstanceList list = CTL__TRAFFIC_INSTANCE_LIST__INIT;

    list.zone = (char *)zone_id_of(call, gateway_query(call, "id"));
    ask_list(call, &list);
}

static void list_by_policy(struct gateway_call *call)
{
    Ctl__TrafficInstanceList list = CTL__TRAFFIC_INSTANCE_LIST__INIT;

    list.policy_id = (char *)traffic_id(call, "trafficPolicyId", gateway_query(call, "id"));
    list.policy_version =
        traffic_version(call, "trafficPolicyVersion", gateway_query(call, "version"));
    ask_list(call, &list);
}

const struct gateway_operation gateway_instances_operations[] = {
    {"CreateTrafficPolicyInstance", "POST", "/trafficpolicyinstance",
     "CreateTrafficPolicyInstanceRequest", 201, create_instance},
    {"GetTrafficPolicyInstance", "GET", "/trafficpolicyinstance/{Id}", NULL, 200, get_instance},
    {"UpdateTrafficPolicyInstance", "POST", "/trafficpolicyinstance/{Id}",
     "UpdateTrafficPolicyInstanceRequest", 200, update_instance},
    {"DeleteTrafficPolicyInstance", "DELETE", "/trafficpolicyinstance/{Id}", NULL, 200,
     delete_instance},
    {"GetTrafficPolicyInstanceCount", "GET", "/trafficpolicyinstancecount", NULL, 200,
     count_instances},
    {"ListTrafficPolicyInstances", "GET", "/trafficpolicyinstances", NULL, 200, list_instances},
    {"ListTrafficPolicyInstancesByHostedZone", "GET", "/trafficpolicyinstances/hostedzone", NULL,
     200, list_by_zone},
    {"ListTrafficPolicyInstancesByPolicy", "GET", "/trafficpolicyinstances/trafficpolicy", NULL,
     200, list_by_policy},
    {0},
};
