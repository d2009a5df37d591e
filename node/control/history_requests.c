/* node/control/history_requests.c: what a change did, from the journal. */
#include <stdlib.h>

#include "base/err.h"
#include "control/call.h"
#include "control/requests.h"
#include "control/set_message.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

struct history {
    struct state_change change;
    Ctl__ChangeStep *steps, **pointers;
    size_t count, capacity;
};

static int reserve(struct history *history)
{
    if (history->count < history->capacity)
        return 0;
    size_t capacity = history->capacity ? history->capacity * 2 : 16;
    Ctl__ChangeStep *steps = realloc(history->steps, capacity * sizeof(*steps));
    if (!steps)
        return ERR_NOMEM;
    history->steps = steps;
    history->capacity = capacity;
    return 0;
}

static int add_step(void *user, const struct state_record_set *before,
                    const struct state_record_set *after)
{
    struct history *history = user;
    int rc = reserve(history);

    if (rc != 0)
        return rc;
    Ctl__ChangeStep *step = &history->steps[history->count++];
    ctl__change_step__init(step);
    if (before)
        rc = set_message_new(before, &step->before);
    if (rc == 0 && after)
        rc = set_message_new(after, &step->after);
    return rc;
}

static void reply_history(struct call *call, struct history *history)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ChangeShowReply show = CTL__CHANGE_SHOW_REPLY__INIT;
    Ctl__ChangeReply change = CTL__CHANGE_REPLY__INIT;

    history->pointers = malloc((history->count + 1) * sizeof(Ctl__ChangeStep *));
    if (!history->pointers) {
        call_fail_code(call, ERR_NOMEM, "read the change");
        return;
    }
    for (size_t i = 0; i < history->count; i++)
        history->pointers[i] = &history->steps[i];
    change.change_id = history->change.id;
    change.index = history->change.index;
    change.time_wall_ms = history->change.time_wall_ms;
    change.zone_id = history->change.zone_id;
    change.actor = history->change.actor;
    change.comment = history->change.comment;
    change.action_count = history->change.action_count;
    show.change = &change;
    show.kind = history->change.kind;
    show.n_steps = history->count;
    show.steps = history->pointers;
    reply.kind_case = CTL__REPLY__KIND_CHANGE_SHOW;
    reply.change_show = &show;
    call_reply(call, &reply);
}

static void show_change(struct call *call)
{
    const char *id = call->request->change_show->change_id;
    struct history history = {.count = 0};
    int rc = state_get_change(call_state(call), id, &history.change, add_step, &history);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchChange",
                     "there is no change '%s', or it was made too long "
                     "ago",
                     id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the change");
    else
        reply_history(call, &history);
    for (size_t i = 0; i < history.count; i++) {
        free(history.steps[i].before);
        free(history.steps[i].after);
    }
    free(history.steps);
    free(history.pointers);
}

void request_change_show(struct call *call)
{
    call_read(call, show_change);
}
