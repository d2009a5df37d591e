/* node/gateway/zone_lists.c: pages of hosted zones, by id and by name. */
#include <string.h>

#include "base/arena.h"
#include "gateway/request.h"
#include "gateway/xml_writer.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"

#define PAGE_MAX 100u
#define MARKER_MAX 64u
#define RESOURCE_ID_MAX 32u

struct listing {
    Ctl__Request request;
    Ctl__ZoneList list;
    uint8_t start[DNS_NAME_MAX];
    uint32_t page_size;
};

static struct listing *start_listing(struct gateway_call *call)
{
    struct listing *listing = arena_alloc(gateway_arena(call), sizeof(*listing));

    if (!listing) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return NULL;
    }
    listing->request = (Ctl__Request)CTL__REQUEST__INIT;
    listing->list = (Ctl__ZoneList)CTL__ZONE_LIST__INIT;
    listing->request.kind_case = CTL__REQUEST__KIND_ZONE_LIST;
    listing->request.zone_list = &listing->list;
    gateway_set_state(call, listing);
    if (!gateway_page_size(call, "maxitems", PAGE_MAX, PAGE_MAX, &listing->page_size))
        return NULL;
    listing->list.limit = listing->page_size;
    return listing;
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

/* NULL: the call has been failed. */
static const Ctl__ZoneListReply *write_zones(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct xml_writer *xml = gateway_xml(call);
    const Ctl__ZoneListReply *list = reply->zone_list;

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node sent no hosted zones");
        return NULL;
    }
    xml_open(xml, "HostedZones");
    for (size_t i = 0; i < list->n_zones; i++)
        zones_write_zone(xml, list->zones[i]);
    xml_close(xml);
    return list;
}

/* ---- by id ---- */

static void on_listed(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct listing *listing = gateway_state(call);
    struct xml_writer *xml = gateway_xml(call);
    const Ctl__ZoneListReply *list = write_zones(call, reply);

    if (!list)
        return;
    xml_text(xml, "Marker", listing->list.start_id);
    xml_bool(xml, "IsTruncated", list->next_id[0]);
    if (list->next_id[0])
        xml_text(xml, "NextMarker", list->next_id);
    xml_number(xml, "MaxItems", listing->page_size);
    gateway_answer(call);
}

void zones_list(struct gateway_call *call)
{
    const char *marker = zones_bare_id(gateway_query(call, "marker"));
    const char *set = zones_bare_id(gateway_query(call, "delegationsetid"));
    const char *type = gateway_query(call, "hostedzonetype");

    zones_check_len(call, "marker", marker, 0, MARKER_MAX);
    zones_check_len(call, "delegationSetId", set, 0, RESOURCE_ID_MAX);
    if (type && strcmp(type, "PrivateHostedZone") != 0)
        gateway_breach(call, "hostedZoneType", type,
                       "Member must satisfy enum value set: [PrivateHostedZone]");
    if (!gateway_is_valid(call))
        return;
    struct listing *listing = start_listing(call);
    if (!listing)
        return;
    listing->list.is_by_id = true;
    listing->list.start_id = text_of(zones_marker(call, marker));
    listing->list.delegation_set_id = text_of(set);
    listing->list.is_private_only = type != NULL;
    gateway_ask(call, &listing->request, on_listed);
}

/* ---- by name ---- */

static void on_listed_by_name(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct listing *listing = gateway_state(call);
    struct xml_writer *xml = gateway_xml(call);
    const char *name = gateway_query(call, "dnsname");
    const Ctl__ZoneListReply *list = write_zones(call, reply);

    if (!list)
        return;
    bool has_more =
        list->next_name.len > 0 && dns_name_check(list->next_name.data, list->next_name.len) > 0;
    if (name)
        xml_text(xml, "DNSName", name);
    if (gateway_query(call, "hostedzoneid"))
        xml_text(xml, "HostedZoneId", listing->list.start_id);
    xml_bool(xml, "IsTruncated", has_more);
    if (has_more) {
        xml_name(xml, "NextDNSName", list->next_name.data);
        xml_text(xml, "NextHostedZoneId", list->next_id);
    }
    xml_number(xml, "MaxItems", listing->page_size);
    gateway_answer(call);
}

void zones_list_by_name(struct gateway_call *call)
{
    const char *name = gateway_query(call, "dnsname");
    const char *id = zones_bare_id(gateway_query(call, "hostedzoneid"));

    zones_check_len(call, "hostedZoneId", id, 0, RESOURCE_ID_MAX);
    if (!gateway_is_valid(call))
        return;
    if (id && id[0] && !(name && name[0])) {
        gateway_fail(call, "InvalidInput",
                     "The parameter hostedzoneid cannot be given without dnsname");
        return;
    }
    struct listing *listing = start_listing(call);
    if (!listing)
        return;
    if (name && name[0]) {
        if (!zones_parse_name(call, name, listing->start))
            return;
        listing->list.start_name =
            (ProtobufCBinaryData){dns_name_len(listing->start), listing->start};
    }
    listing->list.start_id = text_of(zones_marker(call, id));
    gateway_ask(call, &listing->request, on_listed_by_name);
}
