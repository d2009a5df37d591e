/* node/gateway/ops_vpc.c: private zones and who sees them. Whether a VPC exists nobody can say, so
 * any id goes; the node says which clients it is. */
#include <string.h>

#include "gateway/operations.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define ZONE_ID_LEN 21u
#define VPC_ID_LEN_MAX 1024u
#define VPC_REGION_LEN_MAX 64u
#define COMMENT_LEN_MAX 256u
#define TOKEN_LEN_MAX 1024u
#define AUTHORIZATIONS_PAGE 50u
#define ZONES_PAGE 100u
#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define TOKEN_CHARACTERS ID_CHARACTERS "abcdefghijklmnopqrstuvwxyz_-"

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

/* ---- what was asked ---- */

static bool is_zone_id(const char *id)
{
    return strlen(id) == ZONE_ID_LEN && id[0] == 'Z' && strspn(id, ID_CHARACTERS) == ZONE_ID_LEN;
}

/* The zone of the path; NULL: the call has been failed. */
static char *zone_label(struct gateway_call *call)
{
    const char *id = gateway_label(call, 0);

    if (is_zone_id(id))
        return text_of(id);
    gateway_fail(call, "NoSuchHostedZone", "No hosted zone found with ID: %s", id);
    return NULL;
}

/* Note what the model forbids of a required text. */
static void check_text(struct gateway_call *call, const char *member, const char *text, size_t most)
{
    if (!text)
        gateway_breach(call, member, NULL, "Member must not be null");
    else if (strlen(text) > most)
        gateway_breach(call, member, text, "Member must have length less than or equal to %zu",
                       most);
}

/* <VPC> of the body. false: the call has been failed. */
static bool read_vpc(struct gateway_call *call, Cmd__Vpc *out)
{
    const struct xml_element *vpc = xml_child(gateway_body(call), "VPC");
    const char *id = xml_child_text(vpc, "VPCId"), *region = xml_child_text(vpc, "VPCRegion");

    if (!vpc)
        gateway_breach(call, "vPC", NULL, "Member must not be null");
    if (id)
        check_text(call, "vPC.vPCId", id, VPC_ID_LEN_MAX);
    if (region && (!region[0] || strlen(region) > VPC_REGION_LEN_MAX))
        gateway_breach(call, "vPC.vPCRegion", region, "Member must have length between 1 and %u",
                       VPC_REGION_LEN_MAX);
    out->id = text_of(id);
    out->region = text_of(region);
    return gateway_is_valid(call);
}

/* Where a page begins, "" for the first. false: the call has been failed. */
static bool read_token(struct gateway_call *call, char **out)
{
    const char *token = gateway_query(call, "nexttoken");

    *out = text_of(token);
    if (!token ||
        (strlen(token) <= TOKEN_LEN_MAX && strspn(token, TOKEN_CHARACTERS) == strlen(token)))
        return true;
    gateway_fail(call, "InvalidPaginationToken", "The pagination token is not valid");
    return false;
}

/* ---- the VPCs of a zone ---- */

struct change {
    Cmd__VpcOperation operation;
    void (*done)(struct gateway_call *call, const Ctl__Reply *reply);
};

static void fail_reply(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (strcmp(reply->error, "NoSuchHostedZone") == 0)
        gateway_fail(call, "NoSuchHostedZone", "No hosted zone found with ID: %s",
                     gateway_label(call, 0));
    else
        gateway_fail_reply(call, reply);
}

static void on_changed(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0) {
        fail_reply(call, reply);
        return;
    }
    gateway_write_change(call, reply, xml_child_text(gateway_body(call), "Comment"));
    gateway_answer(call);
}

static void write_vpc(struct xml_writer *xml, const char *region, const char *id)
{
    xml_open(xml, "VPC");
    if (region && region[0])
        xml_text(xml, "VPCRegion", region);
    xml_text(xml, "VPCId", id);
    xml_close(xml);
}

static void on_authorized(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct xml_element *vpc = xml_child(gateway_body(call), "VPC");
    struct xml_writer *xml = gateway_xml(call);

    if (reply->code != 0) {
        fail_reply(call, reply);
        return;
    }
    xml_text(xml, "HostedZoneId", gateway_label(call, 0));
    write_vpc(xml, xml_child_text(vpc, "VPCRegion"), text_of(xml_child_text(vpc, "VPCId")));
    gateway_answer(call);
}

static void on_deauthorized(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0)
        fail_reply(call, reply);
    else
        gateway_answer(call);
}

static void change(struct gateway_call *call, const struct change *change)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__VpcChange body = CTL__VPC_CHANGE__INIT;
    Cmd__Vpc vpc = CMD__VPC__INIT;
    const char *comment = xml_child_text(gateway_body(call), "Comment");

    if (comment)
        check_text(call, "comment", comment, COMMENT_LEN_MAX);
    if (!read_vpc(call, &vpc))
        return;
    body.zone = zone_label(call);
    if (!body.zone)
        return;
    body.operation = change->operation;
    body.vpc = &vpc;
    body.comment = text_of(comment);
    request.kind_case = CTL__REQUEST__KIND_VPC_CHANGE;
    request.vpc_change = &body;
    gateway_ask_any(call, &request, change->done);
}

static void associate(struct gateway_call *call)
{
    change(call, &(struct change){CMD__VPC_OPERATION__VPC_OPERATION_ASSOCIATE, on_changed});
}

static void disassociate(struct gateway_call *call)
{
    change(call, &(struct change){CMD__VPC_OPERATION__VPC_OPERATION_DISASSOCIATE, on_changed});
}

static void authorize(struct gateway_call *call)
{
    change(call, &(struct change){CMD__VPC_OPERATION__VPC_OPERATION_AUTHORIZE, on_authorized});
}

static void deauthorize(struct gateway_call *call)
{
    change(call, &(struct change){CMD__VPC_OPERATION__VPC_OPERATION_DEAUTHORIZE, on_deauthorized});
}

static void on_authorizations(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__VpcAuthorizationsReply *list = reply->vpc_authorizations;
    struct xml_writer *xml = gateway_xml(call);

    if (reply->code != 0) {
        fail_reply(call, reply);
        return;
    }
    if (!list) {
        gateway_fail(call, "InternalFailure", "The node sent no authorizations");
        return;
    }
    xml_text(xml, "HostedZoneId", list->zone_id);
    if (list->next_vpc_id[0])
        xml_text(xml, "NextToken", list->next_vpc_id);
    xml_open(xml, "VPCs");
    for (size_t i = 0; i < list->n_vpcs; i++)
        write_vpc(xml, list->vpcs[i]->region, list->vpcs[i]->id);
    xml_close(xml);
    gateway_answer(call);
}

static void list_authorizations(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__VpcAuthorizations body = CTL__VPC_AUTHORIZATIONS__INIT;

    if (!gateway_page_size(call, "maxresults", AUTHORIZATIONS_PAGE, AUTHORIZATIONS_PAGE,
                           &body.limit) ||
        !read_token(call, &body.start_vpc_id))
        return;
    body.zone = zone_label(call);
    if (!body.zone)
        return;
    request.kind_case = CTL__REQUEST__KIND_VPC_AUTHORIZATIONS;
    request.vpc_authorizations = &body;
    gateway_ask_any(call, &request, on_authorizations);
}

/* ---- the zones of a VPC ---- */

static void write_summary(struct xml_writer *xml, const Ctl__ZoneReply *zone)
{
    xml_open(xml, "HostedZoneSummary");
    xml_text(xml, "HostedZoneId", zone->id);
    xml_name(xml, "Name", zone->name.data);
    xml_open(xml, "Owner");
    xml_text(xml, "OwningAccount", GATEWAY_ACCOUNT);
    xml_close(xml);
    xml_close(xml);
}

static void on_zones(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__ZoneListReply *list = reply->zone_list;
    struct xml_writer *xml = gateway_xml(call);
    uint32_t page = 0;

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node sent no hosted zones");
        return;
    }
    if (!gateway_page_size(call, "maxitems", ZONES_PAGE, ZONES_PAGE, &page))
        return;
    xml_open(xml, "HostedZoneSummaries");
    for (size_t i = 0; i < list->n_zones; i++)
        write_summary(xml, list->zones[i]);
    xml_close(xml);
    xml_number(xml, "MaxItems", page);
    if (list->next_id[0])
        xml_text(xml, "NextToken", list->next_id);
    gateway_answer(call);
}

static void list_by_vpc(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneList body = CTL__ZONE_LIST__INIT;
    const char *id = gateway_query(call, "vpcid");

    check_text(call, "vPCId", id, VPC_ID_LEN_MAX);
    check_text(call, "vPCRegion", gateway_query(call, "vpcregion"), VPC_REGION_LEN_MAX);
    if (!gateway_is_valid(call) ||
        !gateway_page_size(call, "maxitems", ZONES_PAGE, ZONES_PAGE, &body.limit) ||
        !read_token(call, &body.start_id))
        return;
    if (!id[0]) {
        gateway_fail(call, "InvalidInput", "The VPC ID is invalid.");
        return;
    }
    if (body.start_id[0] && !is_zone_id(body.start_id)) {
        gateway_fail(call, "InvalidPaginationToken", "The pagination token is not valid");
        return;
    }
    body.is_by_id = true;
    body.vpc_id = text_of(id);
    request.kind_case = CTL__REQUEST__KIND_ZONE_LIST;
    request.zone_list = &body;
    gateway_ask(call, &request, on_zones);
}

const struct gateway_operation gateway_vpc_operations[] = {
    {"AssociateVPCWithHostedZone", "POST", "/hostedzone/{Id}/associatevpc",
     "AssociateVPCWithHostedZoneRequest", 200, associate},
    {"DisassociateVPCFromHostedZone", "POST", "/hostedzone/{Id}/disassociatevpc",
     "DisassociateVPCFromHostedZoneRequest", 200, disassociate},
    {"CreateVPCAssociationAuthorization", "POST", "/hostedzone/{Id}/authorizevpcassociation",
     "CreateVPCAssociationAuthorizationRequest", 200, authorize},
    {"DeleteVPCAssociationAuthorization", "POST", "/hostedzone/{Id}/deauthorizevpcassociation",
     "DeleteVPCAssociationAuthorizationRequest", 200, deauthorize},
    {"ListVPCAssociationAuthorizations", "GET", "/hostedzone/{Id}/authorizevpcassociation", NULL,
     200, list_authorizations},
    {"ListHostedZonesByVPC", "GET", "/hostedzonesbyvpc", NULL, 200, list_by_vpc},
    {0},
};
