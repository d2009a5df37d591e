#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/create_zone.h"
#include "control/call.h"
#include "control/requests.h"
#include "control/zone_view.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state_delegation.h"

/* When the change that was made was submitted; its entry has few actions, or none. */
static uint64_t submitted_wall_ms(const struct call *call)
{
    struct state_change change;

    if (!call->change_id[0] ||
        state_get_change(call_state(call), call->change_id, &change, NULL, NULL) != 0)
        return 0;
    return change.time_wall_ms;
}

static void show_zone(struct call *call, const char *text)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    struct zone_views *views;
    struct state_zone zone;
    Ctl__ZoneReply **replies;
    int rc = ERR_NOMEM;

    if (!call_find_zone(call, text, &zone))
        return;
    views = zone_views_new(1);
    if (views)
        rc = zone_views_add(views, call_state(call), &zone, true);
    if (rc != 0) {
        call_fail_code(call, rc, "read the zone");
    } else {
        zone_views_get(views, &replies);
        reply.kind_case = CTL__REPLY__KIND_ZONE;
        reply.zone = replies[0];
        reply.change_id = call->change_id;
        reply.change_wall_ms = submitted_wall_ms(call);
        call_reply(call, &reply);
    }
    zone_views_free(views);
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

static void create_zone(struct call *call, const struct state_delegation_set *set)
{
    const Ctl__ZoneCreate *create = call->request->zone_create;
    uint8_t name[DNS_NAME_MAX];

    if (dns_name_parse(create->name, NULL, name) < 0) {
        call_fail_as(call, ERR_INVALID, "InvalidDomainName", "'%s' is no domain name",
                     create->name);
        return;
    }
    struct cluster_zone zone = {.name = name,
                                .comment = create->comment,
                                .caller_reference = create->caller_reference,
                                .actor = call->request->actor,
                                .timeout_ms = call_timeout_left_ms(call),
                                .may_repeat_name = create->may_repeat_name,
                                .vpc = create->vpc};
    if (set) {
        zone.delegation_set_id = set->id;
        zone.servers = (const uint8_t(*)[255])set->servers;
        zone.server_count = set->server_count;
    }
    int rc = cluster_create_zone(call->cluster, &zone, on_created, call);
    if (rc != 0)
        call_fail_code(call, rc, "create the zone");
}

static void create_with_set(struct call *call)
{
    const char *id = call->request->zone_create->delegation_set_id;
    struct state_delegation_set set;
    int rc = state_get_delegation_set(call_state(call), id, &set);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchDelegationSet", "No delegation set found with ID: %.32s", id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the delegation set");
    else
        create_zone(call, &set);
}

void request_zone_create(struct call *call)
{
    if (call->request->zone_create->delegation_set_id[0])
        call_read(call, create_with_set);
    else
        create_zone(call, NULL);
}

static void on_updated(struct call *call, const struct apply_result *result)
{
    show_zone(call, result->zone_id);
}

static void update_zone(struct call *call)
{
    const Ctl__ZoneUpdate *request = call->request->zone_update;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__UpdateZone update = CMD__UPDATE_ZONE__INIT;
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    update.zone_id = zone.id;
    update.has_comment = request->has_comment;
    update.comment = request->comment;
    update.has_accelerated_recovery = request->has_accelerated_recovery;
    update.accelerated_recovery = request->accelerated_recovery;
    command.kind_case = CMD__COMMAND__KIND_UPDATE_ZONE;
    command.update_zone = &update;
    call_propose(call, &command, on_updated);
}

void request_zone_update(struct call *call)
{
    call_read(call, update_zone);
}

static void activate_zone(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ActivateZone activation = CMD__ACTIVATE_ZONE__INIT;
    char change_id[STATE_ID_SIZE];
    struct state_zone zone;

    if (!call_find_zone(call, call->request->zone_activate->zone, &zone))
        return;
    call_draw_change_id(change_id);
    activation.zone_id = zone.id;
    activation.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_ACTIVATE_ZONE;
    command.activate_zone = &activation;
    call_propose(call, &command, on_updated);
}

void request_zone_activate(struct call *call)
{
    call_read(call, activate_zone);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    (void)result;
    reply.message = (char *)(uintptr_t) "the zone is deleted";
    reply.change_id = call->change_id;
    reply.change_wall_ms = submitted_wall_ms(call);
    call_reply(call, &reply);
}

static void delete_zone(struct call *call)
{
    const Ctl__ZoneDelete *request = call->request->zone_delete;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteZone deletion = CMD__DELETE_ZONE__INIT;
    char change_id[STATE_ID_SIZE];
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    call_draw_change_id(change_id);
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
