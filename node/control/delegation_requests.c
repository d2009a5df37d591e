/* node/control/delegation_requests.c: reusable delegation sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/create_zone.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state_delegation.h"

#define LISTED_MAX 1000u
#define LISTED_DEFAULT 100u

struct set_view {
    struct state_delegation_set set;
    Ctl__DelegationSetReply reply;
    ProtobufCBinaryData servers[STATE_DELEGATION_SERVERS_MAX];
};

static void fill_view(struct set_view *view)
{
    struct state_delegation_set *set = &view->set;

    view->reply = (Ctl__DelegationSetReply)CTL__DELEGATION_SET_REPLY__INIT;
    view->reply.id = set->id;
    view->reply.caller_reference = set->caller_reference;
    view->reply.zone_count = set->zone_count;
    view->reply.name_servers = view->servers;
    view->reply.n_name_servers = set->server_count;
    for (uint32_t i = 0; i < set->server_count; i++)
        view->servers[i] = (ProtobufCBinaryData){dns_name_len(set->servers[i]), set->servers[i]};
}

static void show_set(struct call *call, const char *id)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    struct set_view view;
    int rc = state_get_delegation_set(call_state(call), id, &view.set);

    if (rc == ERR_NOT_FOUND) {
        call_fail_as(call, rc, "NoSuchDelegationSet", "No delegation set found with ID: %.32s", id);
    } else if (rc != 0) {
        call_fail_code(call, rc, "read the delegation set");
    } else {
        fill_view(&view);
        reply.kind_case = CTL__REPLY__KIND_DELEGATION_SET;
        reply.delegation_set = &view.reply;
        call_reply(call, &reply);
    }
}

static void get_set(struct call *call)
{
    show_set(call, call->request->delegation_set_get->id);
}

void request_delegation_set_get(struct call *call)
{
    call_read(call, get_set);
}

static void on_created(struct call *call, const struct apply_result *result)
{
    show_set(call, result->object_id);
}

static void propose_set(struct call *call, const char *zone_id)
{
    const Ctl__DelegationSetCreate *request = call->request->delegation_set_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__CreateDelegationSet create = CMD__CREATE_DELEGATION_SET__INIT;
    uint8_t names[CLUSTER_NAME_SERVERS_MAX][255];
    ProtobufCBinaryData servers[CLUSTER_NAME_SERVERS_MAX];
    char id[STATE_ID_SIZE] = "N";
    int count = zone_id ? 0 : cluster_name_servers(call->cluster, names);

    if (count < 0) {
        call_fail_code(call, count, "name the cluster's servers");
        return;
    }
    for (int i = 0; i < count; i++)
        servers[i] = (ProtobufCBinaryData){dns_name_len(names[i]), names[i]};
    random_text_at(clock_wall_ms(), id + 1, 20);
    create.delegation_set_id = id;
    create.caller_reference = request->caller_reference[0] ? request->caller_reference : id;
    create.zone_id = (char *)(uintptr_t)(zone_id ? zone_id : "");
    create.n_name_servers = (size_t)count;
    create.name_servers = servers;
    command.kind_case = CMD__COMMAND__KIND_CREATE_DELEGATION_SET;
    command.create_delegation_set = &create;
    call_propose(call, &command, on_created);
}

static bool is_zone_id(const char *text)
{
    return text[0] == 'Z' && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(text);
}

static void create_of_zone(struct call *call)
{
    const char *text = call->request->delegation_set_create->zone;
    struct state_zone zone;

    if (is_zone_id(text) && state_get_zone(call_state(call), text, &zone) == ERR_NOT_FOUND)
        call_fail_as(call, ERR_NOT_FOUND, "HostedZoneNotFound",
                     "The specified HostedZone can't be found.");
    else if (call_find_zone(call, text, &zone))
        propose_set(call, zone.id);
}

void request_delegation_set_create(struct call *call)
{
    if (call->request->delegation_set_create->zone[0])
        call_read(call, create_of_zone);
    else
        propose_set(call, NULL);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the delegation set is deleted");
}

void request_delegation_set_delete(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteDelegationSet deletion = CMD__DELETE_DELEGATION_SET__INIT;

    deletion.delegation_set_id = call->request->delegation_set_delete->id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_DELEGATION_SET;
    command.delete_delegation_set = &deletion;
    call_propose(call, &command, on_deleted);
}

struct set_list {
    struct set_view *views;
    Ctl__DelegationSetReply **pointers;
    size_t count, limit;
    char next_id[STATE_ID_SIZE];
};

static int add_set(void *user, const struct state_delegation_set *set)
{
    struct set_list *list = user;

    if (list->count == list->limit) {
        memcpy(list->next_id, set->id, sizeof(set->id));
        return 1;
    }
    struct set_view *view = &list->views[list->count];
    view->set = *set;
    fill_view(view);
    list->pointers[list->count++] = &view->reply;
    return 0;
}

static void list_sets(struct call *call)
{
    const Ctl__DelegationSetList *request = call->request->delegation_set_list;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__DelegationSetListReply sets = CTL__DELEGATION_SET_LIST_REPLY__INIT;
    struct set_list list = {.limit = request->limit ? request->limit : LISTED_DEFAULT};
    int rc = ERR_NOMEM;

    if (strlen(request->start_id) >= STATE_ID_SIZE) {
        call_fail(call, ERR_INVALID, "the start id is no delegation set's");
        return;
    }
    if (list.limit > LISTED_MAX)
        list.limit = LISTED_MAX;
    list.views = malloc(list.limit * sizeof(*list.views));
    list.pointers = malloc(list.limit * sizeof(Ctl__DelegationSetReply *));
    if (list.views && list.pointers)
        rc = state_list_delegation_sets(call_state(call), request->start_id, add_set, &list);
    sets.n_delegation_sets = list.count;
    sets.delegation_sets = list.pointers;
    sets.next_id = list.next_id;
    reply.kind_case = CTL__REPLY__KIND_DELEGATION_SET_LIST;
    reply.delegation_set_list = &sets;
    if (rc != 0)
        call_fail_code(call, rc, "list the delegation sets");
    else
        call_reply(call, &reply);
    free(list.views);
    free(list.pointers);
}

void request_delegation_set_list(struct call *call)
{
    call_read(call, list_sets);
}
