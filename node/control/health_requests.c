/* node/control/health_requests.c: showing health checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/health_status.h"
#include "control/call.h"
#include "control/checkers.h"
#include "control/health_reply.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

#define LISTED_MAX 500u
#define LISTED_DEFAULT 100u

static void on_opinions(void *user, int rc, const struct cluster_opinion *opinions, unsigned count)
{
    struct call *call = user;

    if (rc != 0)
        call_fail_code(call, rc, "ask the leader what the checkers found");
    else
        health_reply_with(call, call->object_id, opinions, count);
}

static void get_check(struct call *call)
{
    const Ctl__HealthGet *request = call->request->health_get;
    struct state_check check;

    if (request->is_exact ? !health_find_exact(call, request->id, &check)
                          : !health_find(call, request->id, &check))
        return;
    if (!request->with_opinions) {
        health_reply_one(call, check.id);
        return;
    }
    snprintf(call->object_id, sizeof(call->object_id), "%s", check.id);
    int rc = cluster_opinions(call->cluster, check.id, on_opinions, call);
    if (rc != 0)
        call_fail_code(call, rc, "ask the leader what the checkers found");
}

void request_health_get(struct call *call)
{
    call_read(call, get_check);
}

struct listing {
    struct health_reply **views;
    Ctl__HealthReply **pointers;
    size_t count, limit;
    const struct kv *kv;
    char next_id[STATE_UUID_SIZE];
};

static int on_check(void *user, const struct state_check *check)
{
    struct listing *listing = user;

    if (listing->count == listing->limit) {
        memcpy(listing->next_id, check->id, STATE_UUID_SIZE);
        return 1;
    }
    struct health_reply *view;
    int rc = health_reply_new(listing->kv, check, &view);
    if (rc != 0)
        return rc;
    listing->views[listing->count] = view;
    listing->pointers[listing->count++] = health_reply_message(view);
    return 0;
}

static void list_checks(struct call *call)
{
    const Ctl__HealthList *request = call->request->health_list;
    struct listing listing = {.limit = request->limit ? request->limit : LISTED_DEFAULT,
                              .kv = call_state(call)};
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__HealthListReply list = CTL__HEALTH_LIST_REPLY__INIT;
    int rc = ERR_NOMEM;

    if (listing.limit > LISTED_MAX)
        listing.limit = LISTED_MAX;
    listing.views = calloc(listing.limit, sizeof(*listing.views));
    listing.pointers = calloc(listing.limit, sizeof(*listing.pointers));
    if (listing.views && listing.pointers)
        rc = state_list_checks(listing.kv, request->start_id, on_check, &listing);
    if (rc != 0)
        call_fail_code(call, rc, "list the health checks");
    else {
        list.n_checks = listing.count;
        list.checks = listing.pointers;
        list.next_id = listing.next_id;
        reply.kind_case = CTL__REPLY__KIND_HEALTH_LIST;
        reply.health_list = &list;
        call_reply(call, &reply);
    }
    for (size_t i = 0; i < listing.count; i++)
        health_reply_free(listing.views[i]);
    free(listing.views);
    free(listing.pointers);
}

/* ---- checkers ---- */

struct checker_view {
    Ctl__HealthChecker message;
    char *addresses[CHECKER_ADDRESSES_MAX];
};

static void reply_checkers(struct call *call, struct checkers *checkers)
{
    struct checker_view views[STATE_MEMBERS_MAX];
    Ctl__HealthChecker *pointers[STATE_MEMBERS_MAX];
    Ctl__HealthCheckersReply list = CTL__HEALTH_CHECKERS_REPLY__INIT;
    Ctl__Reply reply = CTL__REPLY__INIT;

    for (unsigned i = 0; i < checkers->count; i++) {
        struct checker *checker = &checkers->list[i];
        ctl__health_checker__init(&views[i].message);
        views[i].message.node = checker->node;
        views[i].message.region = checker->region;
        for (unsigned j = 0; j < checker->address_count; j++)
            views[i].addresses[j] = checker->addresses[j];
        views[i].message.n_addresses = checker->address_count;
        views[i].message.addresses = views[i].addresses;
        pointers[i] = &views[i].message;
    }
    list.n_checkers = checkers->count;
    list.checkers = pointers;
    reply.kind_case = CTL__REPLY__KIND_HEALTH_CHECKERS;
    reply.health_checkers = &list;
    call_reply(call, &reply);
}

static void list_checkers(struct call *call)
{
    struct checkers *checkers = calloc(1, sizeof(*checkers));
    int rc = checkers ? checkers_read(call_state(call), checkers) : ERR_NOMEM;

    if (rc != 0)
        call_fail_code(call, rc, "list the nodes that check");
    else
        reply_checkers(call, checkers);
    free(checkers);
}

void request_health_checkers(struct call *call)
{
    call_read(call, list_checkers);
}

void request_health_list(struct call *call)
{
    call_read(call, list_checks);
}
