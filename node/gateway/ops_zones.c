/* node/gateway/ops_zones.c: hosted zones, and the limits of an account and a zone. */
#include "gateway/operations.h"

#include <string.h>

#include "base/arena.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"

#define COMMENT_MAX 256u
#define REFERENCE_MAX 128u
#define RESOURCE_ID_MAX 32u
#define REGION_MAX 64u
#define VPC_ID_MAX 1024u

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

/* A member that is true or false; false in @out when it is not there. */
static void read_flag(struct gateway_call *call, const struct xml_element *parent, const char *name,
                      const char *member, bool *out)
{
    const char *text = xml_child_text(parent, name);

    *out = false;
    if (text && !xml_read_bool(text, out))
        gateway_breach(call, member, text, "Member must be true or false");
}

/* ---- CreateHostedZone ---- */

struct creation {
    Ctl__Request request;
    Ctl__ZoneCreate create;
    Cmd__Vpc vpc;
    uint8_t name[DNS_NAME_MAX];
    char text[DNS_NAME_TEXT_SIZE];
};

static void on_created(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct xml_writer *xml = gateway_xml(call);
    const Ctl__ZoneReply *zone = reply->zone;

    if (!zone) {
        gateway_fail(call, "InternalFailure", "The node sent no hosted zone");
        return;
    }
    zones_write_zone(xml, zone);
    gateway_write_change(call, reply, NULL);
    if (zone->is_private)
        zones_write_vpc(xml, zone);
    else
        zones_write_servers(xml, zone);
    gateway_location(call, "/hostedzone/%s", zone->id);
    gateway_answer(call);
}

/* The VPC of a private zone, if there is one. */
static void read_vpc(struct gateway_call *call, const struct xml_element *body,
                     struct creation *creation)
{
    const struct xml_element *vpc = xml_child(body, "VPC");

    if (!vpc)
        return;
    const char *id = xml_child_text(vpc, "VPCId"), *region = xml_child_text(vpc, "VPCRegion");
    zones_check_len(call, "vPC.vPCId", id, 0, VPC_ID_MAX);
    zones_check_len(call, "vPC.vPCRegion", region, 1, REGION_MAX);
    creation->vpc = (Cmd__Vpc)CMD__VPC__INIT;
    creation->vpc.id = text_of(id);
    creation->vpc.region = text_of(region);
    creation->create.vpc = &creation->vpc;
}

/* false: the call has been failed. */
static bool read_creation(struct gateway_call *call, struct creation *creation)
{
    const struct xml_element *body = gateway_body(call);
    const struct xml_element *config = xml_child(body, "HostedZoneConfig");
    const char *name = xml_child_text(body, "Name");
    const char *reference = xml_child_text(body, "CallerReference");
    const char *comment = xml_child_text(config, "Comment");
    const char *set = zones_bare_id(xml_child_text(body, "DelegationSetId"));
    bool is_private;

    zones_check_len(call, "callerReference", reference, 1, REFERENCE_MAX);
    zones_check_len(call, "hostedZoneConfig.comment", comment, 0, COMMENT_MAX);
    zones_check_len(call, "delegationSetId", set, 0, RESOURCE_ID_MAX);
    if (!name)
        zones_check_len(call, "name", name, 1, DNS_NAME_MAX);
    read_flag(call, config, "PrivateZone", "hostedZoneConfig.privateZone", &is_private);
    read_vpc(call, body, creation);
    if (!gateway_is_valid(call) || !zones_parse_name(call, name, creation->name))
        return false;
    creation->create.caller_reference = text_of(reference);
    creation->create.comment = text_of(comment);
    creation->create.delegation_set_id = text_of(set);
    if (!is_private || creation->create.vpc)
        return true;
    gateway_fail(call, "InvalidInput",
                 "When you're creating a private hosted zone (when you specify true for "
                 "PrivateZone), you must also specify values for VPCId and VPCRegion.");
    return false;
}

/* Names that no zone can have, though they are well formed. */
static bool is_zone_name(struct gateway_call *call, const uint8_t *name)
{
    const char *problem = NULL;

    if (name[0] == 0)
        problem = "The root cannot be a hosted zone";
    else if (name[0] == 1 && name[1] == '*')
        problem = "The leftmost label of a hosted zone's name cannot be *";
    if (problem)
        gateway_fail(call, "InvalidDomainName", "%s", problem);
    return !problem;
}

static void create_zone(struct gateway_call *call)
{
    struct creation *creation = arena_alloc(gateway_arena(call), sizeof(*creation));

    if (!creation) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return;
    }
    creation->request = (Ctl__Request)CTL__REQUEST__INIT;
    creation->create = (Ctl__ZoneCreate)CTL__ZONE_CREATE__INIT;
    if (!read_creation(call, creation) || !is_zone_name(call, creation->name))
        return;
    dns_name_format(creation->name, creation->text, sizeof(creation->text));
    creation->create.name = creation->text;
    creation->create.may_repeat_name = true;
    creation->request.kind_case = CTL__REQUEST__KIND_ZONE_CREATE;
    creation->request.zone_create = &creation->create;
    gateway_ask(call, &creation->request, on_created);
}

/* ---- one zone ---- */

/* The zone of a reply; NULL: the call has been failed. */
static const Ctl__ZoneReply *zone_of(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0)
        zones_fail_reply(call, reply, gateway_label(call, 0));
    else if (!reply->zone)
        gateway_fail(call, "InternalFailure", "The node sent no hosted zone");
    else
        return reply->zone;
    return NULL;
}

static void on_got(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__ZoneReply *zone = zone_of(call, reply);

    if (!zone)
        return;
    zones_write_zone(gateway_xml(call), zone);
    if (zone->is_private)
        zones_write_vpcs(gateway_xml(call), zone);
    else
        zones_write_servers(gateway_xml(call), zone);
    gateway_answer(call);
}

static void get_zone(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneGet get = CTL__ZONE_GET__INIT;

    get.zone = zones_label(call, 0);
    request.kind_case = CTL__REQUEST__KIND_ZONE_GET;
    request.zone_get = &get;
    if (get.zone)
        gateway_ask_any(call, &request, on_got);
}

static void on_deleted(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (reply->code != 0) {
        zones_fail_reply(call, reply, gateway_label(call, 0));
        return;
    }
    gateway_write_change(call, reply, NULL);
    gateway_answer(call);
}

static void delete_zone(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneDelete deletion = CTL__ZONE_DELETE__INIT;

    deletion.zone = zones_label(call, 0);
    request.kind_case = CTL__REQUEST__KIND_ZONE_DELETE;
    request.zone_delete = &deletion;
    if (deletion.zone)
        gateway_ask_any(call, &request, on_deleted);
}

static void on_commented(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__ZoneReply *zone = zone_of(call, reply);

    if (!zone)
        return;
    zones_write_zone(gateway_xml(call), zone);
    gateway_answer(call);
}

/* No comment clears the one that is there. */
static void update_comment(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneUpdate update = CTL__ZONE_UPDATE__INIT;
    const char *comment = xml_child_text(gateway_body(call), "Comment");

    zones_check_len(call, "comment", comment, 0, COMMENT_MAX);
    update.zone = zones_label(call, 0);
    update.has_comment = true;
    update.comment = text_of(comment);
    request.kind_case = CTL__REQUEST__KIND_ZONE_UPDATE;
    request.zone_update = &update;
    if (update.zone)
        gateway_ask_any(call, &request, on_commented);
}

static void on_features(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (zone_of(call, reply))
        gateway_answer(call);
}

static void update_features(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneUpdate update = CTL__ZONE_UPDATE__INIT;
    bool is_enabled;

    read_flag(call, gateway_body(call), "EnableAcceleratedRecovery", "enableAcceleratedRecovery",
              &is_enabled);
    update.zone = zones_label(call, 0);
    update.has_accelerated_recovery =
        xml_child(gateway_body(call), "EnableAcceleratedRecovery") != NULL;
    update.accelerated_recovery = is_enabled;
    request.kind_case = CTL__REQUEST__KIND_ZONE_UPDATE;
    request.zone_update = &update;
    if (update.zone)
        gateway_ask_any(call, &request, on_features);
}

const struct gateway_operation gateway_zones_operations[] = {
    {"CreateHostedZone", "POST", "/hostedzone", "CreateHostedZoneRequest", 201, create_zone},
    {"GetHostedZone", "GET", "/hostedzone/{Id}", NULL, 200, get_zone},
    {"ListHostedZones", "GET", "/hostedzone", NULL, 200, zones_list},
    {"ListHostedZonesByName", "GET", "/hostedzonesbyname", NULL, 200, zones_list_by_name},
    {"DeleteHostedZone", "DELETE", "/hostedzone/{Id}", NULL, 200, delete_zone},
    {"UpdateHostedZoneComment", "POST", "/hostedzone/{Id}", "UpdateHostedZoneCommentRequest", 200,
     update_comment},
    {"UpdateHostedZoneFeatures", "POST", "/hostedzone/{Id}/features",
     "UpdateHostedZoneFeaturesRequest", 200, update_features},
    {"GetHostedZoneCount", "GET", "/hostedzonecount", NULL, 200, zones_count},
    {"GetHostedZoneLimit", "GET", "/hostedzonelimit/{Id}/{Type}", NULL, 200, zones_zone_limit},
    {"GetAccountLimit", "GET", "/accountlimit/{Type}", NULL, 200, zones_account_limit},
    {0},
};
