/* node/control/tags_requests.c: tags of zones and health checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/health_reply.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"
#include "store/state_tags.h"

#define RESOURCES_MAX 10u /* asked about at once, as in Route 53 */

static bool find_zone(struct call *call, const char *text, bool is_exact, char out[STATE_UUID_SIZE])
{
    struct state_zone zone;

    if (!is_exact && !call_find_zone(call, text, &zone))
        return false;
    int rc = is_exact ? state_get_zone(call_state(call), text, &zone) : 0;
    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchHostedZone", "No hosted zone found with ID: %.100s", text);
    else if (rc != 0)
        call_fail_code(call, rc, "read the zone");
    else
        snprintf(out, STATE_UUID_SIZE, "%s", zone.id);
    return rc == 0;
}

/* The id of what @text names. true; false: the call has failed. */
static bool find_resource(struct call *call, Cmd__TagResource resource, const char *text,
                          bool is_exact, char out[STATE_UUID_SIZE])
{
    struct state_check check;

    if (resource == CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE)
        return find_zone(call, text, is_exact, out);
    if (resource != CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK) {
        call_fail(call, ERR_INVALID, "tags are of zones and health checks");
        return false;
    }
    if (is_exact ? !health_find_exact(call, text, &check) : !health_find(call, text, &check))
        return false;
    memcpy(out, check.id, STATE_UUID_SIZE);
    return true;
}

/* ---- change ---- */

static void on_changed(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the tags are changed");
}

static void change_tags(struct call *call)
{
    const Ctl__TagsChange *request = call->request->tags_change;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ChangeTags change = CMD__CHANGE_TAGS__INIT;
    char id[STATE_UUID_SIZE];

    if (!find_resource(call, request->resource, request->resource_id, request->is_exact, id))
        return;
    change.resource = request->resource;
    change.resource_id = id;
    change.n_add = request->n_add;
    change.add = request->add;
    change.n_remove = request->n_remove;
    change.remove = request->remove;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_TAGS;
    command.change_tags = &change;
    call_propose(call, &command, on_changed);
}

void request_tags_change(struct call *call)
{
    const Ctl__TagsChange *request = call->request->tags_change;

    if (request->n_add > COMMAND_TAGS_MAX || request->n_remove > COMMAND_TAGS_MAX)
        call_fail(call, ERR_LIMIT, "at most %u tags are added and removed at once",
                  COMMAND_TAGS_MAX);
    else
        call_read(call, change_tags);
}

/* ---- get ---- */

struct view { /* tags of one resource; their texts are its own */
    Ctl__TagSet set;
    char id[STATE_UUID_SIZE];
    Cmd__Tag tags[STATE_TAGS_MAX], *pointers[STATE_TAGS_MAX];
};
struct answer {
    struct view views[RESOURCES_MAX];
    Ctl__TagSet *pointers[RESOURCES_MAX];
    size_t count;
};

static int on_tag(void *user, const struct state_tag *tag)
{
    struct view *view = user;
    Cmd__Tag *out = &view->tags[view->set.n_tags];

    cmd__tag__init(out);
    out->key = strdup(tag->key);
    out->value = strdup(tag->value);
    view->pointers[view->set.n_tags++] = out;
    return out->key && out->value ? 0 : ERR_NOMEM;
}

static void free_answer(struct answer *answer)
{
    for (size_t i = 0; answer && i < answer->count; i++) {
        for (size_t j = 0; j < answer->views[i].set.n_tags; j++) {
            free(answer->views[i].tags[j].key);
            free(answer->views[i].tags[j].value);
        }
    }
    free(answer);
}

/* true; false: the call has failed. */
static bool add_resource(struct call *call, const char *text, struct answer *answer)
{
    const Ctl__TagsGet *request = call->request->tags_get;
    struct view *view = &answer->views[answer->count];

    ctl__tag_set__init(&view->set);
    if (!find_resource(call, request->resource, text, request->is_exact, view->id))
        return false;
    view->set.resource_id = view->id;
    view->set.tags = view->pointers;
    answer->pointers[answer->count++] = &view->set;
    int rc = state_list_tags(call_state(call), (enum state_tag_resource)request->resource, view->id,
                             on_tag, view);
    if (rc != 0)
        call_fail_code(call, rc, "read the tags");
    return rc == 0;
}

static void get_tags(struct call *call)
{
    const Ctl__TagsGet *request = call->request->tags_get;
    struct answer *answer = calloc(1, sizeof(*answer));
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TagsReply tags = CTL__TAGS_REPLY__INIT;
    bool is_good = answer != NULL;

    if (!answer)
        call_fail_code(call, ERR_NOMEM, "read the tags");
    for (size_t i = 0; is_good && i < request->n_resource_ids; i++)
        is_good = add_resource(call, request->resource_ids[i], answer);
    if (is_good) {
        tags.n_sets = answer->count;
        tags.sets = answer->pointers;
        reply.kind_case = CTL__REPLY__KIND_TAGS;
        reply.tags = &tags;
        call_reply(call, &reply);
    }
    free_answer(answer);
}

void request_tags_get(struct call *call)
{
    size_t count = call->request->tags_get->n_resource_ids;

    if (count == 0 || count > RESOURCES_MAX)
        call_fail(call, ERR_LIMIT, "tags of 1 to %u resources are shown at once, not %zu",
                  RESOURCES_MAX, count);
    else
        call_read(call, get_tags);
}
