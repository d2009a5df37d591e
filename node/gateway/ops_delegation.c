/* node/gateway/ops_delegation.c: reusable delegation sets. */
#include "gateway/operations.h"

#include <string.h>

#include "base/arena.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"

#define REFERENCE_MAX 128u
#define RESOURCE_ID_MAX 32u
#define MARKER_MAX 64u
#define PAGE_MAX 100u

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

/* The {Id}; NULL: the call has been failed. */
static char *set_label(struct gateway_call *call)
{
    zones_check_len(call, "id", gateway_label(call, 0), 1, RESOURCE_ID_MAX);
    return gateway_is_valid(call) ? text_of(gateway_label(call, 0)) : NULL;
}

static void on_set(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (!reply->delegation_set) {
        gateway_fail(call, "InternalFailure", "The node sent no delegation set");
        return;
    }
    zones_write_set(gateway_xml(call), reply->delegation_set);
    if (gateway_operation(call)->status == 201)
        gateway_location(call, "/delegationset/%s", reply->delegation_set->id);
    gateway_answer(call);
}

static void create_set(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetCreate create = CTL__DELEGATION_SET_CREATE__INIT;
    const char *reference = xml_child_text(gateway_body(call), "CallerReference");
    const char *zone = zones_bare_id(xml_child_text(gateway_body(call), "HostedZoneId"));

    zones_check_len(call, "callerReference", reference, 1, REFERENCE_MAX);
    zones_check_len(call, "hostedZoneId", zone, 0, RESOURCE_ID_MAX);
    if (!gateway_is_valid(call))
        return;
    if (zone && zone[0] && strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(zone)) {
        gateway_fail(call, "HostedZoneNotFound", "The specified HostedZone can't be found.");
        return;
    }
    create.caller_reference = text_of(reference);
    create.zone = text_of(zone);
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_CREATE;
    request.delegation_set_create = &create;
    gateway_ask(call, &request, on_set);
}

static void get_set(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetGet get = CTL__DELEGATION_SET_GET__INIT;

    get.id = set_label(call);
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_GET;
    request.delegation_set_get = &get;
    if (get.id)
        gateway_ask(call, &request, on_set);
}

static void on_deleted(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_set(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetDelete deletion = CTL__DELEGATION_SET_DELETE__INIT;

    deletion.id = set_label(call);
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_DELETE;
    request.delegation_set_delete = &deletion;
    if (deletion.id)
        gateway_ask(call, &request, on_deleted);
}

/* ---- list ---- */

struct listing {
    const char *marker;
    uint32_t page_size;
};

static void on_listed(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct listing *listing = gateway_state(call);
    const Ctl__DelegationSetListReply *list = reply->delegation_set_list;
    struct xml_writer *xml = gateway_xml(call);

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node sent no delegation sets");
        return;
    }
    xml_open(xml, "DelegationSets");
    for (size_t i = 0; i < list->n_delegation_sets; i++)
        zones_write_set(xml, list->delegation_sets[i]);
    xml_close(xml);
    xml_text(xml, "Marker", listing->marker);
    xml_bool(xml, "IsTruncated", list->next_id[0]);
    if (list->next_id[0])
        xml_text(xml, "NextMarker", list->next_id);
    xml_number(xml, "MaxItems", listing->page_size);
    gateway_answer(call);
}

static void list_sets(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetList list = CTL__DELEGATION_SET_LIST__INIT;
    const char *marker = zones_bare_id(gateway_query(call, "marker"));
    struct listing *listing = arena_alloc(gateway_arena(call), sizeof(*listing));

    zones_check_len(call, "marker", marker, 0, MARKER_MAX);
    if (!gateway_is_valid(call))
        return;
    if (!listing) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return;
    }
    if (!gateway_page_size(call, "maxitems", PAGE_MAX, PAGE_MAX, &listing->page_size))
        return;
    listing->marker = zones_marker(call, marker);
    gateway_set_state(call, listing);
    list.start_id = text_of(listing->marker);
    list.limit = listing->page_size;
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_LIST;
    request.delegation_set_list = &list;
    gateway_ask(call, &request, on_listed);
}

const struct gateway_operation gateway_delegation_operations[] = {
    {"CreateReusableDelegationSet", "POST", "/delegationset", "CreateReusableDelegationSetRequest",
     201, create_set},
    {"GetReusableDelegationSet", "GET", "/delegationset/{Id}", NULL, 200, get_set},
    {"ListReusableDelegationSets", "GET", "/delegationset", NULL, 200, list_sets},
    {"DeleteReusableDelegationSet", "DELETE", "/delegationset/{Id}", NULL, 200, delete_set},
    {"GetReusableDelegationSetLimit", "GET", "/reusabledelegationsetlimit/{Id}/{Type}", NULL, 200,
     zones_set_limit},
    {0},
};
