#include "control/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "cluster/upgrade.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/internal.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "store/state.h"
#include "store/state_zone.h"

#define CALL_MESSAGE_LEN 1024
#define CALL_TIMEOUT_MS_MAX 600000u
#define CHANGE_ID_DRAWN 20u /* characters behind the C */
#define EARLY_LEN_MAX (8u << 20)
#define EARLY_PAUSE 16u

static void drop_early(struct call *call)
{
    call->control->early_len -= call->early.len;
    free(call->early.octets);
    call->early.octets = NULL;
    call->early.len = 0;
}

static void free_call(struct call *call)
{
    drop_early(call);
    ctl__request__free_unpacked((Ctl__Request *)call->request, NULL);
    explicit_bzero(call->secret, sizeof(call->secret));
    free(call);
}

void call_reply(struct call *call, struct Ctl__Reply *reply)
{
    reply->version = CONTROL_VERSION;
    size_t len = ctl__reply__get_packed_size(reply);
    uint8_t *octets = malloc(len ? len : 1);
    if (octets)
        ctl__reply__pack(reply, octets);
    if (call->early.is_being_made) {
        call->early.octets = octets;
        call->early.len = octets ? len : 0;
        call->control->early_len += call->early.len;
        return;
    }
    /* Without memory the asker gets an empty reply, which it reports as a broken one. */
    call->answer(call->answer_user, octets ? octets : (const uint8_t *)"", octets ? len : 0);
    free(octets);
    free_call(call);
}

static void reply_text(struct call *call, int code, char *text)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    reply.code = code;
    reply.message = text;
    reply.change_id = call->change_id;
    call_reply(call, &reply);
}

void call_done(struct call *call, const char *format, ...)
{
    char text[CALL_MESSAGE_LEN];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reply_text(call, 0, text);
}

void call_fail(struct call *call, int code, const char *format, ...)
{
    char text[CALL_MESSAGE_LEN];
    va_list args;

    ASSERT(code < 0);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reply_text(call, code, text);
}

void call_fail_as(struct call *call, int code, const char *error, const char *format, ...)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    char text[CALL_MESSAGE_LEN];
    va_list args;

    ASSERT(code < 0);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reply.code = code;
    reply.error = (char *)(uintptr_t)error;
    reply.message = text;
    call_reply(call, &reply);
}

void call_fail_result(struct call *call, const struct apply_result *result)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    ASSERT(result->code < 0);
    reply.code = result->code;
    reply.error = (char *)(uintptr_t)(result->error ? result->error : "");
    reply.message = (char *)(uintptr_t)result->message;
    reply.messages = (char **)(uintptr_t)result->messages;
    reply.n_messages = result->message_count;
    call_reply(call, &reply);
}

static const char *what_next(int code)
{
    switch (code) {
    case ERR_TIMEOUT:
        return "there was no outcome in time; it may still be done, so look before you repeat it";
    case ERR_UNAVAILABLE:
        return "no leader could be reached, or this node is in no cluster; 'quartet cluster "
               "status' tells which, and what to do";
    case ERR_BUSY: return "too much is being done at once; try again";
    case ERR_CLOSED:
        return "the node is shutting down; a change may still be made, so look before you repeat "
               "it";
    default: return err_text(code);
    }
}

void call_fail_code(struct call *call, int code, const char *doing)
{
    if (code == ERR_FEATURE)
        call_fail(call, code,
                  "cannot %s: the cluster runs at feature level %u until 'quartet upgrade "
                  "finalize', and this needs a higher one; see 'quartet upgrade status'",
                  doing, cluster_feature_level(call->cluster));
    else
        call_fail(call, code, "cannot %s: %s", doing, what_next(code));
}

uint32_t call_timeout_left_ms(const struct call *call)
{
    uint64_t now = clock_mono_ms();

    return call->deadline_mono_ms > now ? (uint32_t)(call->deadline_mono_ms - now) : 1;
}

const struct kv *call_state(const struct call *call)
{
    return cluster_state(call->cluster);
}

static void on_read(void *user, int rc, bool was_current)
{
    struct call *call = user;

    (void)was_current;
    if (rc == 0 && !call_state(call))
        rc = ERR_UNAVAILABLE;
    if (rc != 0)
        call_fail_code(call, rc, "read the cluster's state");
    else
        call->read_done(call);
}

void call_read(struct call *call, void (*next)(struct call *call))
{
    call->read_done = next;
    int rc = cluster_read_barrier(call->cluster, call_timeout_left_ms(call), on_read, call);
    if (rc != 0)
        call_fail_code(call, rc, "read the cluster's state");
}

static void on_read_early(void *user, int rc, bool was_current)
{
    struct call *call = user;

    if (rc == 0 && was_current && call->early.octets) {
        call->answer(call->answer_user, call->early.octets, call->early.len);
        free_call(call);
        return;
    }
    if (rc == 0 && call->early.octets)
        call->control->early_pause = EARLY_PAUSE;
    drop_early(call);
    on_read(call, rc, was_current);
}

/* Replies that wait are bounded; and where writes come in all the time, state is rarely current on
 * a follower: there, most reads are not made twice. */
static bool may_be_early(struct control *control)
{
    if (control->early_pause > 0) {
        control->early_pause--;
        return false;
    }
    return control->early_len < EARLY_LEN_MAX;
}

void call_read_early(struct call *call, void (*next)(struct call *call))
{
    call->read_done = next;
    int rc = cluster_read_barrier(call->cluster, call_timeout_left_ms(call), on_read_early, call);
    if (rc != 0) {
        call_fail_code(call, rc, "read the cluster's state");
        return;
    }
    if (!call_state(call) || !may_be_early(call->control))
        return;
    call->early.is_being_made = true;
    next(call);
    call->early.is_being_made = false;
}

static void on_applied(void *user, int rc, const struct apply_result *result)
{
    struct call *call = user;

    if (rc != 0) {
        call_fail_code(call, rc, "make the change");
        return;
    }
    if (result->code != 0) {
        call_fail_result(call, result);
        return;
    }
    snprintf(call->change_id, sizeof(call->change_id), "%s", result->change_id);
    call->applied(call, result);
}

/* Actors are shown in the journal; a long one is cut. */
static void set_actor(const struct call *call, struct Cmd__Command *command)
{
    if (call->request->actor && strlen(call->request->actor) < STATE_ACTOR_SIZE)
        command->actor = call->request->actor;
}

void call_propose(struct call *call, struct Cmd__Command *command,
                  void (*next)(struct call *call, const struct apply_result *result))
{
    call->applied = next;
    set_actor(call, command);
    int rc = cluster_propose(call->cluster, command, call_timeout_left_ms(call), on_applied, call);
    if (rc != 0)
        call_fail_code(call, rc, "make the change");
}

void call_propose_bulk(struct call *call, struct Cmd__Command *command,
                       void (*next)(struct call *call, const struct apply_result *result))
{
    call->applied = next;
    set_actor(call, command);
    int rc = cluster_propose_bulk(call->cluster, command, on_applied, call);
    if (rc != 0)
        call_fail_code(call, rc, "import");
}

void call_draw_change_id(char *out)
{
    out[0] = 'C';
    random_text_at(clock_wall_ms(), out + 1, CHANGE_ID_DRAWN);
}

static bool is_zone_id(const char *text)
{
    return strlen(text) == 21 && text[0] == 'Z' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 21;
}

static int keep_one(void *user, const struct state_zone *zone)
{
    struct state_zone *only = user;

    if (only->id[0]) {
        only->content = 0; /* there are several */
        return 1;
    }
    *only = *zone;
    return 0;
}

/* The zone that everybody is served from; without one, the only one of that name. */
static int find_by_name(const struct kv *kv, const uint8_t *name, struct state_zone *out)
{
    struct state_zone only = {.id = ""};
    int rc = state_get_zone_by_name(kv, name, out);

    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = state_list_zones_of_name(kv, name, keep_one, &only);
    if (rc == 0 && !only.id[0])
        return ERR_NOT_FOUND;
    if (rc == 0 && only.content == 0)
        return ERR_CONFLICT;
    if (rc == 0)
        *out = only;
    return rc;
}

bool call_find_zone(struct call *call, const char *text, struct state_zone *out)
{
    uint8_t name[DNS_NAME_MAX];
    int rc;

    if (is_zone_id(text)) {
        rc = state_get_zone(call_state(call), text, out);
    } else if (call->is_gateway) { /* Route 53's ids alone: a key's policy knows no others */
        rc = ERR_NOT_FOUND;
    } else if (dns_name_parse(text, NULL, name) < 0) {
        call_fail(call, ERR_INVALID, "'%s' is neither a zone id nor a domain name", text);
        return false;
    } else {
        rc = find_by_name(call_state(call), name, out);
    }
    if (rc == ERR_CONFLICT) {
        call_fail(call, rc, "several private zones are named '%s': say which one by its id", text);
        return false;
    }
    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchHostedZone",
                     call->is_gateway ? "No hosted zone found with ID: %s"
                                      : "there is no zone '%s'; 'quartet zone list' shows all",
                     text);
    else if (rc != 0)
        call_fail_code(call, rc, "read the zone");
    return rc == 0;
}

static struct call *new_call(struct control *control, call_answer_cb answer, void *user)
{
    struct call *call = calloc(1, sizeof(*call));

    if (call)
        *call = (struct call){
            .control = control, .cluster = control->cluster, .answer = answer, .answer_user = user};
    else
        answer(user, (const uint8_t *)"", 0);
    return call;
}

static void start(struct call *call, const uint8_t *request, size_t len)
{
    call->request = ctl__request__unpack(NULL, len, request);
    if (!call->request) {
        call_fail(call, ERR_CORRUPT, "that is no control request");
        return;
    }
    if (call->request->version > CONTROL_VERSION) {
        call_fail(call, ERR_VERSION, "this node speaks control version %u, the request %u",
                  CONTROL_VERSION, call->request->version);
        return;
    }
    if (call->control->is_stopping) {
        call_fail_code(call, ERR_CLOSED, "serve the request");
        return;
    }
    uint32_t timeout_ms =
        call->request->timeout_ms ? call->request->timeout_ms : CLUSTER_TIMEOUT_MS;
    if (timeout_ms > CALL_TIMEOUT_MS_MAX)
        timeout_ms = CALL_TIMEOUT_MS_MAX;
    call->deadline_mono_ms = clock_mono_ms() + timeout_ms;
    dispatch_call(call);
}

void call_start(struct control *control, const uint8_t *request, size_t len, call_answer_cb answer,
                void *user)
{
    struct call *call = new_call(control, answer, user);

    if (call)
        start(call, request, len);
}

void call_start_gateway(struct control *control, const uint8_t *request, size_t len,
                        call_answer_cb answer, void *user)
{
    struct call *call = new_call(control, answer, user);

    if (!call)
        return;
    call->is_gateway = true;
    start(call, request, len);
}
