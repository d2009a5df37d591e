/* node/control/zone_list_requests.c: pages of zones, each by an index in its order. */
#include <string.h>

#include "base/err.h"
#include "control/call.h"
#include "control/requests.h"
#include "control/zone_view.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "store/state_delegation.h"
#include "store/state_vpc.h"
#include "store/state_zone.h"

#define LISTED_MAX 1000u
#define LISTED_DEFAULT 100u

struct zone_list {
    const struct kv *kv;
    struct zone_views *views;
    uint8_t next_name[DNS_NAME_MAX];
    char next_id[STATE_ID_SIZE];
    bool has_more, with_name_servers;
};

static int add_zone(void *user, const struct state_zone *zone)
{
    struct zone_list *list = user;

    int rc = zone_views_add(list->views, list->kv, zone, list->with_name_servers);

    if (rc != ERR_LIMIT)
        return rc;
    memcpy(list->next_name, zone->name, dns_name_len(zone->name));
    memcpy(list->next_id, zone->id, sizeof(zone->id));
    list->has_more = true;
    return 1;
}

static int add_zone_of_vpc(void *user, const char *zone_id)
{
    const struct zone_list *list = user;
    struct state_zone zone;
    int rc = state_get_zone(list->kv, zone_id, &zone);

    return rc != 0 ? rc : add_zone(user, &zone);
}

static int list_by_id(const Ctl__ZoneList *request, struct zone_list *list)
{
    struct state_delegation_set set;

    if (request->delegation_set_id[0]) {
        int rc = state_get_delegation_set(list->kv, request->delegation_set_id, &set);
        if (rc != 0 || request->is_private_only)
            return rc; /* zones of delegation sets are public */
        return state_list_zones_of_set(list->kv, set.id, request->start_id, add_zone, list);
    }
    if (request->vpc_id[0])
        return state_list_vpc_zones(list->kv, request->vpc_id, request->start_id, add_zone_of_vpc,
                                    list);
    if (request->is_private_only)
        return state_list_private_zones(list->kv, request->start_id, add_zone, list);
    return state_list_zones(list->kv, request->start_id, add_zone, list);
}

static int list_by_name(const Ctl__ZoneList *request, struct zone_list *list)
{
    const ProtobufCBinaryData *start = &request->start_name;

    return state_list_zones_from(list->kv, start->len ? start->data : NULL, request->start_id,
                                 add_zone, list);
}

static void reply_list(struct call *call, struct zone_list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ZoneListReply zones = CTL__ZONE_LIST_REPLY__INIT;

    zones.n_zones = zone_views_get(list->views, &zones.zones);
    if (list->has_more) {
        zones.next_name = (ProtobufCBinaryData){dns_name_len(list->next_name), list->next_name};
        zones.next_id = list->next_id;
    }
    reply.kind_case = CTL__REPLY__KIND_ZONE_LIST;
    reply.zone_list = &zones;
    call_reply(call, &reply);
}

static void fail_list(struct call *call, int rc)
{
    const Ctl__ZoneList *request = call->request->zone_list;

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchDelegationSet", "No delegation set found with ID: %.32s",
                     request->delegation_set_id);
    else
        call_fail_code(call, rc, "list the zones");
}

/* false: the call has failed. */
static bool check_request(struct call *call)
{
    const Ctl__ZoneList *request = call->request->zone_list;
    const ProtobufCBinaryData *start = &request->start_name;

    if (start->len > 0 && dns_name_check(start->data, start->len) != (int)start->len)
        call_fail(call, ERR_INVALID, "the start name is malformed");
    else if (strlen(request->start_id) >= STATE_ID_SIZE)
        call_fail(call, ERR_INVALID, "the start id is no zone's");
    else
        return true;
    return false;
}

static void list_zones(struct call *call)
{
    const Ctl__ZoneList *request = call->request->zone_list;
    struct zone_list list = {.kv = call_state(call),
                             .with_name_servers = request->with_name_servers};
    size_t limit = request->limit ? request->limit : LISTED_DEFAULT;
    int rc = ERR_NOMEM;

    if (!check_request(call))
        return;
    list.views = zone_views_new(limit < LISTED_MAX ? limit : LISTED_MAX);
    if (list.views)
        rc = request->is_by_id ? list_by_id(request, &list) : list_by_name(request, &list);
    if (rc != 0)
        fail_list(call, rc);
    else
        reply_list(call, &list);
    zone_views_free(list.views);
}

void request_zone_list(struct call *call)
{
    call_read(call, list_zones);
}
