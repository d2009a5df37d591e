#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/internal.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

#define CHANGES_LISTED_MAX 1000u
#define CHANGES_LISTED_DEFAULT 20u
#define WAIT_STEP_FIRST_MS 2u
#define WAIT_STEP_MAX_MS 100u

/* A GetChange that asks again until the change is in sync. Between two questions only its timer
 * knows of it, so the control has a list: a timer must not outlive the cluster. */
struct waiter {
    struct call *call;
    struct waiter *next, **link;
    struct state_change change;
    uv_timer_t timer;
    uint32_t step_ms;
};

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void begin_waiter(struct waiter *waiter, struct call *call)
{
    struct control *control = call->control;

    waiter->call = call;
    waiter->step_ms = WAIT_STEP_FIRST_MS;
    ASSERT(uv_timer_init(control->loop, &waiter->timer) == 0);
    waiter->timer.data = waiter;
    waiter->link = &control->waiters;
    waiter->next = control->waiters;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    control->waiters = waiter;
}

static void end_waiter(struct waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    uv_close((uv_handle_t *)&waiter->timer, on_timer_closed);
}

/* Names of laggards, for people; a member that went away meanwhile has none. */
static size_t name_laggards(const struct kv *kv, const struct cluster_sync *sync, char **out,
                            struct state_member *members)
{
    size_t count = 0;

    for (uint32_t i = 0; i < sync->laggard_count; i++) {
        if (kv && state_get_member(kv, sync->laggards[i], &members[count]) == 0) {
            out[count] = members[count].name;
            count++;
        }
    }
    return count;
}

static void fill_change(const struct state_change *change, Ctl__ChangeReply *reply)
{
    *reply = (Ctl__ChangeReply)CTL__CHANGE_REPLY__INIT;
    reply->change_id = (char *)change->id;
    reply->index = change->index;
    reply->time_wall_ms = change->time_wall_ms;
    reply->zone_id = (char *)change->zone_id;
    reply->actor = (char *)change->actor;
    reply->comment = (char *)change->comment;
    reply->action_count = change->action_count;
}

static void reply_change(struct waiter *waiter, const struct cluster_sync *sync)
{
    struct call *call = waiter->call;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ChangeReply change;
    char *laggards[CLUSTER_MEMBERS_MAX];
    struct state_member *members = calloc(sync->laggard_count + 1, sizeof(*members));

    fill_change(&waiter->change, &change);
    change.status = sync->is_insync ? "INSYNC" : "PENDING";
    if (members)
        change.n_laggards = name_laggards(call_state(call), sync, laggards, members);
    change.laggards = laggards;
    reply.kind_case = CTL__REPLY__KIND_CHANGE;
    reply.change = &change;
    end_waiter(waiter);
    call_reply(call, &reply);
    free(members);
}

static void fail_waiter(struct waiter *waiter, int rc)
{
    struct call *call = waiter->call;

    end_waiter(waiter);
    call_fail_code(call, rc, "ask who serves the change");
}

static void on_timer(uv_timer_t *timer);

static void on_sync(void *user, const struct cluster_sync *sync)
{
    struct waiter *waiter = user;
    uint32_t left_ms = call_timeout_left_ms(waiter->call);

    if (waiter->call->control->is_stopping) {
        fail_waiter(waiter, ERR_CLOSED);
        return;
    }
    if (sync->is_insync || !waiter->call->request->change_get->wait || left_ms <= 1) {
        reply_change(waiter, sync);
        return;
    }
    uint32_t step_ms = waiter->step_ms < left_ms ? waiter->step_ms : left_ms;
    waiter->step_ms =
        waiter->step_ms * 2 > WAIT_STEP_MAX_MS ? WAIT_STEP_MAX_MS : waiter->step_ms * 2;
    ASSERT(uv_timer_start(&waiter->timer, on_timer, step_ms, 0) == 0);
}

static void ask(struct waiter *waiter)
{
    int rc = cluster_change_status(waiter->call->cluster, waiter->change.index, on_sync, waiter);

    if (rc != 0)
        fail_waiter(waiter, rc);
}

static void on_timer(uv_timer_t *timer)
{
    ask(timer->data);
}

static void get_change(struct call *call)
{
    const char *id = call->request->change_get->change_id;
    struct waiter *waiter = calloc(1, sizeof(*waiter));

    if (!waiter) {
        call_fail_code(call, ERR_NOMEM, "read the change");
        return;
    }
    int rc = state_get_change(call_state(call), id, &waiter->change, NULL, NULL);
    if (rc != 0) {
        free(waiter);
        if (rc == ERR_NOT_FOUND)
            call_fail_as(call, rc, "NoSuchChange",
                         "there is no change '%s', or it was made too long ago", id);
        else
            call_fail_code(call, rc, "read the change");
        return;
    }
    begin_waiter(waiter, call);
    ask(waiter);
}

void request_change_get(struct call *call)
{
    call_read(call, get_change);
}

/* Those whose question is under way hear from the cluster as it closes. */
void request_change_stop(struct control *control)
{
    for (struct waiter *waiter = control->waiters, *next; waiter; waiter = next) {
        next = waiter->next;
        if (uv_is_active((uv_handle_t *)&waiter->timer))
            fail_waiter(waiter, ERR_CLOSED);
    }
}

/* The newest changes: a ring, as the journal is read from its beginning. */
struct change_ring {
    struct state_change *changes;
    size_t limit;
    uint64_t seen;
    const char *zone_id; /* NULL: all */
};

static int add_change(void *user, const struct state_change *change)
{
    struct change_ring *ring = user;

    if (!ring->zone_id || strcmp(ring->zone_id, change->zone_id) == 0)
        ring->changes[ring->seen++ % ring->limit] = *change;
    return 0;
}

static void reply_changes(struct call *call, const struct change_ring *ring)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ChangeListReply list = CTL__CHANGE_LIST_REPLY__INIT;
    size_t count = ring->seen < ring->limit ? (size_t)ring->seen : ring->limit;
    Ctl__ChangeReply *items = malloc((count + 1) * sizeof(*items));
    Ctl__ChangeReply **pointers = malloc((count + 1) * sizeof(Ctl__ChangeReply *));

    if (!items || !pointers) {
        call_fail_code(call, ERR_NOMEM, "list the changes");
    } else {
        for (size_t i = 0; i < count; i++) {
            fill_change(&ring->changes[(ring->seen - 1 - i) % ring->limit], &items[i]);
            pointers[i] = &items[i];
        }
        list.n_changes = count;
        list.changes = pointers;
        reply.kind_case = CTL__REPLY__KIND_CHANGE_LIST;
        reply.change_list = &list;
        call_reply(call, &reply);
    }
    free(items);
    free(pointers);
}

static void list_changes(struct call *call)
{
    const Ctl__ChangeList *request = call->request->change_list;
    struct change_ring ring = {.limit = request->limit ? request->limit : CHANGES_LISTED_DEFAULT};
    struct state_zone zone;

    if (request->zone[0] != '\0') {
        if (!call_find_zone(call, request->zone, &zone))
            return;
        ring.zone_id = zone.id;
    }
    if (ring.limit > CHANGES_LISTED_MAX)
        ring.limit = CHANGES_LISTED_MAX;
    ring.changes = malloc(ring.limit * sizeof(*ring.changes));
    int rc = ring.changes ? state_list_changes(call_state(call), 0, add_change, &ring) : ERR_NOMEM;
    if (rc != 0)
        call_fail_code(call, rc, "list the changes");
    else
        reply_changes(call, &ring);
    free(ring.changes);
}

void request_change_list(struct call *call)
{
    call_read(call, list_changes);
}
