#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

#define ZONES_LISTED_MAX 1000u
#define ZONES_LISTED_DEFAULT 100u
#define NAME_SERVERS_MAX 64u

/* One zone as it goes into a reply, with the storage that the reply points into. */
struct zone_view {
    struct state_zone zone;
    Ctl__ZoneReply reply;
    uint8_t names[NAME_SERVERS_MAX][DNS_NAME_MAX];
    ProtobufCBinaryData servers[NAME_SERVERS_MAX];
};

static int add_name_servers(void *user, const struct state_record_set *set)
{
    struct zone_view *view = user;
    const uint8_t *rdata;
    uint16_t len;
    size_t offset = 0;

    while (view->reply.n_name_servers < NAME_SERVERS_MAX &&
           state_set_next(set, &offset, &rdata, &len)) {
        if (len > DNS_NAME_MAX)
            return ERR_CORRUPT;
        size_t i = view->reply.n_name_servers++;
        memcpy(view->names[i], rdata, len);
        view->servers[i] = (ProtobufCBinaryData){len, view->names[i]};
    }
    return 0;
}

static void fill_view(struct zone_view *view)
{
    struct state_zone *zone = &view->zone;

    view->reply = (Ctl__ZoneReply)CTL__ZONE_REPLY__INIT;
    view->reply.id = zone->id;
    view->reply.name = (ProtobufCBinaryData){dns_name_len(zone->name), zone->name};
    view->reply.record_set_count = zone->record_set_count;
    view->reply.comment = zone->comment;
    view->reply.caller_reference = zone->caller_reference;
    view->reply.created_wall_ms = zone->created_wall_ms;
    view->reply.name_servers = view->servers;
}

static void reply_zone(struct call *call, struct zone_view *view)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    fill_view(view);
    struct state_record_set which = {.name = view->zone.name, .type = DNS_TYPE_NS};
    int rc =
        state_get_record_set(call_state(call), view->zone.content, &which, add_name_servers, view);
    if (rc != 0 && rc != ERR_NOT_FOUND) {
        call_fail_code(call, rc, "read the zone's NS set");
        return;
    }
    reply.kind_case = CTL__REPLY__KIND_ZONE;
    reply.zone = &view->reply;
    reply.change_id = call->change_id;
    call_reply(call, &reply);
}

static void show_zone(struct call *call, const char *text)
{
    struct zone_view *view = malloc(sizeof(*view));

    if (!view)
        call_fail_code(call, ERR_NOMEM, "read the zone");
    else if (call_find_zone(call, text, &view->zone))
        reply_zone(call, view);
    free(view);
}

static void get_zone(struct call *call)
{
    show_zone(call, call->request->zone_get->zone);
}

void request_zone_get(struct call *call)
{
    call_read(call, get_zone);
}

static void on_created(void *user, int rc, const struct apply_result *result)
{
    struct call *call = user;

    if (rc != 0) {
        call_fail_code(call, rc, "create the zone");
    } else if (result->code != 0) {
        call_fail_result(call, result);
    } else {
        snprintf(call->change_id, sizeof(call->change_id), "%s", result->change_id);
        show_zone(call, result->zone_id);
    }
}

void request_zone_create(struct call *call)
{
    const Ctl__ZoneCreate *create = call->request->zone_create;
    uint8_t name[DNS_NAME_MAX];

    if (dns_name_parse(create->name, NULL, name) < 0) {
        call_fail(call, ERR_INVALID, "'%s' is no domain name", create->name);
        return;
    }
    struct cluster_zone zone = {.name = name,
                                .comment = create->comment,
                                .caller_reference = create->caller_reference,
                                .actor = call->request->actor,
                                .timeout_ms = call_timeout_left_ms(call)};
    int rc = cluster_create_zone(call->cluster, &zone, on_created, call);
    if (rc != 0)
        call_fail_code(call, rc, "create the zone");
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the zone is deleted");
}

static void delete_zone(struct call *call)
{
    const Ctl__ZoneDelete *request = call->request->zone_delete;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteZone deletion = CMD__DELETE_ZONE__INIT;
    char change_id[STATE_ID_SIZE] = "C";
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    random_text_at(clock_wall_ms(), change_id + 1, 20);
    deletion.zone_id = zone.id;
    deletion.change_id = change_id;
    deletion.with_contents = request->with_contents;
    command.kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command.delete_zone = &deletion;
    call_propose(call, &command, on_deleted);
}

void request_zone_delete(struct call *call)
{
    call_read(call, delete_zone);
}

struct zone_list {
    struct zone_view *views;
    Ctl__ZoneReply **pointers;
    size_t count;
    size_t limit;
    uint8_t next_name[DNS_NAME_MAX];
    bool has_more;
};

static int add_zone(void *user, const struct state_zone *zone)
{
    struct zone_list *list = user;

    if (list->count == list->limit) {
        memcpy(list->next_name, zone->name, dns_name_len(zone->name));
        list->has_more = true;
        return 1;
    }
    struct zone_view *view = &list->views[list->count];
    view->zone = *zone;
    fill_view(view);
    list->pointers[list->count++] = &view->reply;
    return 0;
}

static void reply_list(struct call *call, struct zone_list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ZoneListReply zones = CTL__ZONE_LIST_REPLY__INIT;

    zones.n_zones = list->count;
    zones.zones = list->pointers;
    if (list->has_more)
        zones.next_name = (ProtobufCBinaryData){dns_name_len(list->next_name), list->next_name};
    reply.kind_case = CTL__REPLY__KIND_ZONE_LIST;
    reply.zone_list = &zones;
    call_reply(call, &reply);
}

static void list_zones(struct call *call)
{
    const Ctl__ZoneList *request = call->request->zone_list;
    const ProtobufCBinaryData *start = &request->start_name;
    struct zone_list list = {.limit = request->limit ? request->limit : ZONES_LISTED_DEFAULT};
    int rc = 0;

    if (start->len > 0 && dns_name_check(start->data, start->len) != (int)start->len) {
        call_fail(call, ERR_INVALID, "the start name is malformed");
        return;
    }
    if (list.limit > ZONES_LISTED_MAX)
        list.limit = ZONES_LISTED_MAX;
    list.views = malloc(list.limit * sizeof(*list.views));
    list.pointers = malloc(list.limit * sizeof(Ctl__ZoneReply *));
    if (list.views && list.pointers)
        rc = state_list_zones_by_name(call_state(call), start->len ? start->data : NULL, add_zone,
                                      &list);
    else
        rc = ERR_NOMEM;
    if (rc != 0)
        call_fail_code(call, rc, "list the zones");
    else
        reply_list(call, &list);
    free(list.views);
    free(list.pointers);
}

void request_zone_list(struct call *call)
{
    call_read(call, list_zones);
}
