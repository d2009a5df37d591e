/* node/gateway/ops_policies.c: traffic policies. */
#include "gateway/operations.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gateway/traffic_members.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define LISTED_MAX 100u
#define NAME_MAX_LEN 512u
#define COMMENT_MAX_LEN 1024u
#define DOCUMENT_MAX_LEN 102400u

/* ---- one policy ---- */

static void write_policy(struct xml_writer *xml, const Ctl__TrafficPolicyReply *policy)
{
    xml_open(xml, "TrafficPolicy");
    xml_text(xml, "Id", policy->id);
    xml_number(xml, "Version", policy->version);
    xml_text(xml, "Name", policy->name);
    xml_text(xml, "Type", policy->type);
    xml_text(xml, "Document", policy->document);
    if (policy->comment[0] != '\0')
        xml_text(xml, "Comment", policy->comment);
    xml_close(xml);
}

static void on_policy(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const Ctl__TrafficPolicyReply *policy = reply->traffic_policy;

    if (!policy) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    if (gateway_operation(call)->status == 201)
        gateway_location(call, "/trafficpolicy/%s/%u", policy->id, policy->version);
    write_policy(gateway_xml(call), policy);
    gateway_answer(call);
}

static void put(struct gateway_call *call, const char *id)
{
    const struct xml_element *body = gateway_body(call);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyPut put = CTL__TRAFFIC_POLICY_PUT__INIT;

    put.id = (char *)id;
    if (id[0] == '\0')
        put.name = (char *)traffic_text(call, "name", xml_child_text(body, "Name"), NAME_MAX_LEN);
    put.document =
        (char *)traffic_text(call, "document", xml_child_text(body, "Document"), DOCUMENT_MAX_LEN);
    if (xml_child(body, "Comment"))
        put.comment =
            (char *)traffic_text(call, "comment", xml_child_text(body, "Comment"), COMMENT_MAX_LEN);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_PUT;
    request.traffic_policy_put = &put;
    gateway_ask(call, &request, on_policy);
}

static void create_policy(struct gateway_call *call)
{
    put(call, "");
}

static void create_version(struct gateway_call *call)
{
    put(call, traffic_id(call, "id", gateway_label(call, 0)));
}

static void get_policy(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyGet get = CTL__TRAFFIC_POLICY_GET__INIT;

    get.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    get.version = traffic_version(call, "version", gateway_label(call, 1));
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_GET;
    request.traffic_policy_get = &get;
    gateway_ask(call, &request, on_policy);
}

static void update_comment(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyUpdate update = CTL__TRAFFIC_POLICY_UPDATE__INIT;

    update.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    update.version = traffic_version(call, "version", gateway_label(call, 1));
    update.comment = (char *)traffic_text(
        call, "comment", xml_child_text(gateway_body(call), "Comment"), COMMENT_MAX_LEN);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_UPDATE;
    request.traffic_policy_update = &update;
    gateway_ask(call, &request, on_policy);
}

static void on_deleted(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_policy(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyDelete deletion = CTL__TRAFFIC_POLICY_DELETE__INIT;

    deletion.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    deletion.version = traffic_version(call, "version", gateway_label(call, 1));
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_DELETE;
    request.traffic_policy_delete = &deletion;
    gateway_ask(call, &request, on_deleted);
}

/* ---- lists: their markers are members that are always there ---- */

static void on_policies(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const Ctl__TrafficPolicyListReply *list = reply->traffic_policy_list;
    struct xml_writer *xml = gateway_xml(call);

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    xml_open(xml, "TrafficPolicySummaries");
    for (size_t i = 0; i < list->n_policies; i++) {
        const Ctl__TrafficPolicyReply *policy = list->policies[i];
        xml_open(xml, "TrafficPolicySummary");
        xml_text(xml, "Id", policy->id);
        xml_text(xml, "Name", policy->name);
        xml_text(xml, "Type", policy->type);
        xml_number(xml, "LatestVersion", policy->latest_version);
        xml_number(xml, "TrafficPolicyCount", policy->version_count);
        xml_close(xml);
    }
    xml_close(xml);
    xml_bool(xml, "IsTruncated", list->next_id[0] != '\0');
    xml_text(xml, "TrafficPolicyIdMarker", list->next_id);
    xml_text(xml, "MaxItems", traffic_max_items(call));
    gateway_answer(call);
}

static void list_policies(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyList list = CTL__TRAFFIC_POLICY_LIST__INIT;
    const char *marker = gateway_query(call, "trafficpolicyid");

    if (!gateway_page_size(call, "maxitems", LISTED_MAX, LISTED_MAX, &list.limit))
        return;
    if (marker && marker[0] != '\0')
        list.start_id = (char *)traffic_id(call, "trafficPolicyIdMarker", marker);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_LIST;
    request.traffic_policy_list = &list;
    gateway_ask(call, &request, on_policies);
}

static void on_versions(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const Ctl__TrafficPolicyListReply *list = reply->traffic_policy_list;
    struct xml_writer *xml = gateway_xml(call);
    char marker[16] = "";

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    if (list->next_version > 0)
        snprintf(marker, sizeof(marker), "%u", list->next_version);
    xml_open(xml, "TrafficPolicies");
    for (size_t i = 0; i < list->n_policies; i++)
        write_policy(xml, list->policies[i]);
    xml_close(xml);
    xml_bool(xml, "IsTruncated", list->next_version > 0);
    xml_text(xml, "TrafficPolicyVersionMarker", marker);
    xml_text(xml, "MaxItems", traffic_max_items(call));
    gateway_answer(call);
}

static void list_versions(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyList list = CTL__TRAFFIC_POLICY_LIST__INIT;
    const char *marker = gateway_query(call, "trafficpolicyversion");

    if (!gateway_page_size(call, "maxitems", LISTED_MAX, LISTED_MAX, &list.limit))
        return;
    list.id = (char *)traffic_id(call, "id", gateway_label(call, 0));
    if (marker && marker[0] != '\0')
        list.start_version = traffic_version(call, "trafficPolicyVersionMarker", marker);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_LIST;
    request.traffic_policy_list = &list;
    gateway_ask(call, &request, on_versions);
}

const struct gateway_operation gateway_policies_operations[] = {
    {"CreateTrafficPolicy", "POST", "/trafficpolicy", "CreateTrafficPolicyRequest", 201,
     create_policy},
    {"CreateTrafficPolicyVersion", "POST", "/trafficpolicy/{Id}",
     "CreateTrafficPolicyVersionRequest", 201, create_version},
    {"GetTrafficPolicy", "GET", "/trafficpolicy/{Id}/{Version}", NULL, 200, get_policy},
    {"ListTrafficPolicies", "GET", "/trafficpolicies", NULL, 200, list_policies},
    {"ListTrafficPolicyVersions", "GET", "/trafficpolicies/{Id}/versions", NULL, 200,
     list_versions},
    {"UpdateTrafficPolicyComment", "POST", "/trafficpolicy/{Id}/{Version}",
     "UpdateTrafficPolicyCommentRequest", 200, update_comment},
    {"DeleteTrafficPolicy", "DELETE", "/trafficpolicy/{Id}/{Version}", NULL, 200, delete_policy},
    {0},
};
