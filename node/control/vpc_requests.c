/* node/control/vpc_requests.c: views, and who sees private zones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"
#include "store/state_vpc.h"

#define AUTHORIZATIONS_LISTED_MAX 1000u
#define AUTHORIZATIONS_LISTED_DEFAULT 50u

/* ---- views ---- */

static void on_view_set(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "VPC %s is clients of %zu networks", call->request->view_set->vpc_id,
              call->request->view_set->n_networks);
}

void request_view_set(struct call *call)
{
    const Ctl__ViewSet *request = call->request->view_set;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutView put = CMD__PUT_VIEW__INIT;

    if (request->n_networks > COMMAND_NETWORKS_MAX) {
        call_fail(call, ERR_LIMIT, "a view has at most %u networks", COMMAND_NETWORKS_MAX);
        return;
    }
    put.vpc_id = request->vpc_id;
    put.n_networks = request->n_networks;
    put.networks = request->networks;
    command.kind_case = CMD__COMMAND__KIND_PUT_VIEW;
    command.put_view = &put;
    call_propose(call, &command, on_view_set);
}

static void on_view_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "VPC %s is nobody's view any more", call->request->view_delete->vpc_id);
}

void request_view_delete(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteView deletion = CMD__DELETE_VIEW__INIT;

    deletion.vpc_id = call->request->view_delete->vpc_id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_VIEW;
    command.delete_view = &deletion;
    call_propose(call, &command, on_view_deleted);
}

/* One view with the storage that its reply points into. */
struct shown {
    Ctl__View reply;
    char vpc_id[STATE_VPC_ID_SIZE];
    ProtobufCBinaryData *networks;
    struct state_network octets[];
};
struct views {
    const struct kv *kv;
    struct shown *shown[STATE_VIEWS_MAX];
    Ctl__View *pointers[STATE_VIEWS_MAX];
    size_t count;
};

static int count_zone(void *user, const char *zone_id)
{
    (void)zone_id;
    ++*(uint64_t *)user;
    return 0;
}

static int on_view(void *user, const struct state_view *view)
{
    struct views *views = user;
    const size_t octets = view->network_count * sizeof(view->networks[0]);
    struct shown *shown;

    if (views->count == STATE_VIEWS_MAX)
        return 1;
    shown = calloc(1, sizeof(*shown) + octets);
    if (!shown)
        return ERR_NOMEM;
    views->shown[views->count] = shown;
    views->pointers[views->count++] = &shown->reply;
    ctl__view__init(&shown->reply);
    memcpy(shown->vpc_id, view->vpc_id, sizeof(shown->vpc_id));
    memcpy(shown->octets, view->networks, octets);
    shown->networks = calloc(view->network_count + 1, sizeof(*shown->networks));
    if (!shown->networks)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < view->network_count; i++)
        shown->networks[i] = (ProtobufCBinaryData){shown->octets[i].len, shown->octets[i].octets};
    shown->reply.vpc_id = shown->vpc_id;
    shown->reply.n_networks = view->network_count;
    shown->reply.networks = shown->networks;
    return state_list_vpc_zones(views->kv, view->vpc_id, "", count_zone, &shown->reply.zone_count);
}

static void list_views(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ViewListReply body = CTL__VIEW_LIST_REPLY__INIT;
    struct views *views = calloc(1, sizeof(*views));
    int rc = ERR_NOMEM;

    if (views) {
        views->kv = call_state(call);
        rc = state_list_views(views->kv, on_view, views);
    }
    if (rc != 0)
        call_fail_code(call, rc, "list the views");
    else {
        body.n_views = views->count;
        body.views = views->pointers;
        reply.kind_case = CTL__REPLY__KIND_VIEW_LIST;
        reply.view_list = &body;
        call_reply(call, &reply);
    }
    for (size_t i = 0; views && i < views->count; i++) {
        free(views->shown[i]->networks);
        free(views->shown[i]);
    }
    free(views);
}

void request_view_list(struct call *call)
{
    call_read(call, list_views);
}

/* ---- VPCs of a zone ---- */

static void on_changed(struct call *call, const struct apply_result *result)
{
    const Ctl__VpcChange *request = call->request->vpc_change;
    struct state_change change;
    Ctl__Reply reply = CTL__REPLY__INIT;
    char text[2 * STATE_VPC_ID_SIZE + 64];
    static const char *const words[] = {
        [CMD__VPC_OPERATION__VPC_OPERATION_ASSOCIATE] = "sees",
        [CMD__VPC_OPERATION__VPC_OPERATION_DISASSOCIATE] = "no longer sees",
        [CMD__VPC_OPERATION__VPC_OPERATION_AUTHORIZE] = "may see",
        [CMD__VPC_OPERATION__VPC_OPERATION_DEAUTHORIZE] = "may no longer be made to see",
    };

    snprintf(text, sizeof(text), "VPC %s %s zone %s", request->vpc->id, words[request->operation],
             call->zone_id);
    reply.message = text;
    reply.change_id = (char *)(uintptr_t)result->change_id;
    if (result->change_id[0] &&
        state_get_change(call_state(call), result->change_id, &change, NULL, NULL) == 0)
        reply.change_wall_ms = change.time_wall_ms;
    call_reply(call, &reply);
}

static void change_vpc(struct call *call)
{
    const Ctl__VpcChange *request = call->request->vpc_change;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ChangeVpc change = CMD__CHANGE_VPC__INIT;
    char change_id[STATE_ID_SIZE];
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    snprintf(call->zone_id, sizeof(call->zone_id), "%s", zone.id);
    call_draw_change_id(change_id);
    change.operation = request->operation;
    change.zone_id = zone.id;
    change.vpc = request->vpc;
    change.comment = request->comment;
    change.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_VPC;
    command.change_vpc = &change;
    call_propose(call, &command, on_changed);
}

void request_vpc_change(struct call *call)
{
    const Ctl__VpcChange *request = call->request->vpc_change;

    if (!request->vpc)
        call_fail_as(call, ERR_INVALID, "InvalidVPCId", "The VPC ID is invalid.");
    else if (request->operation <= CMD__VPC_OPERATION__VPC_OPERATION_NONE ||
             request->operation > CMD__VPC_OPERATION__VPC_OPERATION_DEAUTHORIZE)
        call_fail(call, ERR_INVALID, "this change of a VPC has no operation");
    else
        call_read(call, change_vpc);
}

struct authorizations {
    struct state_vpc vpcs[AUTHORIZATIONS_LISTED_MAX];
    Cmd__Vpc list[AUTHORIZATIONS_LISTED_MAX], *pointers[AUTHORIZATIONS_LISTED_MAX];
    size_t count, limit;
    char next[STATE_VPC_ID_SIZE];
};

static int on_authorization(void *user, const struct state_vpc *vpc)
{
    struct authorizations *list = user;
    const size_t i = list->count;

    if (i == list->limit) {
        memcpy(list->next, vpc->id, sizeof(vpc->id));
        return 1;
    }
    list->vpcs[i] = *vpc;
    cmd__vpc__init(&list->list[i]);
    list->list[i].id = list->vpcs[i].id;
    list->list[i].region = list->vpcs[i].region;
    list->pointers[i] = &list->list[i];
    list->count++;
    return 0;
}

static void list_authorizations(struct call *call)
{
    const Ctl__VpcAuthorizations *request = call->request->vpc_authorizations;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__VpcAuthorizationsReply body = CTL__VPC_AUTHORIZATIONS_REPLY__INIT;
    struct state_zone zone;
    int rc = ERR_NOMEM;

    if (strlen(request->start_vpc_id) >= STATE_VPC_ID_SIZE) {
        call_fail_as(call, ERR_INVALID, "InvalidPaginationToken", "the start is no VPC's id");
        return;
    }
    if (!call_find_zone(call, request->zone, &zone))
        return;
    struct authorizations *list = calloc(1, sizeof(*list));
    if (list) {
        list->limit = request->limit ? request->limit : AUTHORIZATIONS_LISTED_DEFAULT;
        if (list->limit > AUTHORIZATIONS_LISTED_MAX)
            list->limit = AUTHORIZATIONS_LISTED_MAX;
        rc = state_list_authorizations(call_state(call), zone.id, request->start_vpc_id,
                                       on_authorization, list);
    }
    if (rc != 0)
        call_fail_code(call, rc, "list the authorizations");
    else {
        body.zone_id = zone.id;
        body.n_vpcs = list->count;
        body.vpcs = list->pointers;
        body.next_vpc_id = list->next;
        reply.kind_case = CTL__REPLY__KIND_VPC_AUTHORIZATIONS;
        reply.vpc_authorizations = &body;
        call_reply(call, &reply);
    }
    free(list);
}

void request_vpc_authorizations(struct call *call)
{
    call_read(call, list_authorizations);
}
