/* node/cluster/apply_session.c: each command once, by client id and sequence (thesis §6.3). */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_latency.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_vpc.h"
#include "cluster/apply_traffic.h"
#include "cluster/apply_zone.h"
#include "proto/command.pb-c.h"

#define SESSIONS_MAX 1024u

/* ---- the session at hand: read once, written once for a run of commands ---- */

void apply__save_session(struct apply *apply)
{
    if (apply->session_state == APPLY__SESSION_CHANGED) {
        state_put_session(apply->overlay, &apply->session);
        apply->session_state = APPLY__SESSION_READ;
    }
}

/* ERR_NOT_FOUND: there is none, and none is at hand. */
static int take_session(struct apply *apply, uint64_t client_id)
{
    if (apply->session_state != APPLY__SESSION_NONE && apply->session.client_id == client_id)
        return 0;
    apply__save_session(apply);
    apply->session_state = APPLY__SESSION_NONE;
    int rc = state_get_session(apply__kv(apply), client_id, &apply->session);
    if (rc == 0)
        apply->session_state = APPLY__SESSION_READ;
    return rc;
}

static void use_session(struct apply *apply)
{
    apply->session.used_index = apply->index;
    apply->session_state = APPLY__SESSION_CHANGED;
}

/* ---- opening ---- */

struct oldest {
    uint64_t client_id, used_index;
    unsigned count;
};

static int on_session(void *user, const struct state_session *session)
{
    struct oldest *oldest = user;

    if (oldest->count++ == 0 || session->used_index < oldest->used_index) {
        oldest->client_id = session->client_id;
        oldest->used_index = session->used_index;
    }
    return 0;
}

/* Make room for one more: the least recently used goes, of equals the one with the least id. */
static int evict(struct apply *apply)
{
    struct oldest oldest = {0};
    int rc = state_list_sessions(apply__kv(apply), on_session, &oldest);

    if (rc == 0 && oldest.count >= SESSIONS_MAX)
        state_delete_session(apply->overlay, oldest.client_id);
    return rc;
}

static int open_session(struct apply *apply)
{
    uint64_t client_id = apply->command->client_id;
    int rc = take_session(apply, client_id);

    if (rc == ERR_NOT_FOUND) {
        rc = evict(apply);
        apply->session = (struct state_session){.client_id = client_id, .done_below = 1};
    }
    if (rc == 0)
        use_session(apply);
    return rc;
}

/* ---- running ---- */

static int run_kind(struct apply *apply)
{
    const Cmd__Command *command = apply->command;

    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CHANGE_RECORD_SETS:
        return apply__change_record_sets(apply, command->change_record_sets);
    case CMD__COMMAND__KIND_IMPORT_BEGIN: return apply__import_begin(apply, command->import_begin);
    case CMD__COMMAND__KIND_IMPORT_CHUNK: return apply__import_chunk(apply, command->import_chunk);
    case CMD__COMMAND__KIND_IMPORT_COMMIT:
        return apply__import_commit(apply, command->import_commit);
    case CMD__COMMAND__KIND_IMPORT_ABORT: return apply__import_abort(apply, command->import_abort);
    case CMD__COMMAND__KIND_IMPORT_EXPIRE:
        return apply__import_expire(apply, command->import_expire);
    default: break;
    }
    int rc = apply__zones(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__vpc(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__routing(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__latency(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__logging(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__signing(apply, command);
    if (rc == ERR_VERSION)
        rc = apply__traffic(apply, command);
    return rc == ERR_VERSION ? apply__admin(apply, command) : rc;
}

/* Programs that stopped at a batch's first problem counted no further, and what is counted decides
 * about the commands that follow in the entry: those of old logs must be judged as they were. */
static void count_as_before(struct apply *apply)
{
    const Cmd__Command *command = apply->command;

    if (command->kind_case != CMD__COMMAND__KIND_CHANGE_RECORD_SETS ||
        command->change_record_sets->by_route53 || apply->problems.count == 0)
        return;
    apply->rewritten_len = apply->problems.rewritten_len;
    apply->walked = apply->problems.walked;
}

/* Run the command; a refused one leaves nothing behind but its result. */
static int run(struct apply *apply)
{
    struct overlay_mark mark = overlay_mark(apply->overlay);
    struct state_counters counters = apply->counters;
    bool has_new_counters = apply->has_new_counters;
    size_t effect_count = apply->effect_count;
    int rc = apply__check_text(apply, "actor", apply->command->actor, STATE_ACTOR_SIZE);

    if (rc == 0)
        rc = run_kind(apply);
    if (rc != APPLY__REFUSED)
        return rc;
    count_as_before(apply);
    overlay_rollback(apply->overlay, mark);
    apply->counters = counters;
    apply->has_new_counters = has_new_counters;
    apply->effect_count = effect_count;
    apply->has_zone = false;
    apply->result->outcome = APPLY_REFUSED;
    return 0;
}

/* ---- once and only once ---- */

/* The ids that a command of @zone_id (NULL: what @change_id says of it) and @change_id is about. */
static void name_ids(struct apply *apply, const char *zone_id, const char *change_id)
{
    struct apply_result *result = apply->result;
    struct state_change change;
    struct state_import import;

    snprintf(result->change_id, sizeof(result->change_id), "%s", change_id);
    if (!zone_id && state_get_import(apply__kv(apply), change_id, &import) == 0)
        zone_id = import.zone_id;
    else if (!zone_id && state_get_change(apply__kv(apply), change_id, &change, NULL, NULL) == 0)
        zone_id = change.zone_id;
    snprintf(result->zone_id, sizeof(result->zone_id), "%s", zone_id ? zone_id : "");
}

static void name_set(struct apply_result *result, const char *delegation_set_id)
{
    snprintf(result->object_id, sizeof(result->object_id), "%s", delegation_set_id);
}

static void repeat(struct apply *apply, int code)
{
    const Cmd__Command *command = apply->command;

    apply->result->outcome = APPLY_REPEATED;
    apply->result->code = code;
    apply->result->message = err_text(code);
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_ZONE:
        name_ids(apply, command->create_zone->zone_id, command->create_zone->change_id);
        break;
    case CMD__COMMAND__KIND_DELETE_ZONE:
        name_ids(apply, command->delete_zone->zone_id, command->delete_zone->change_id);
        break;
    case CMD__COMMAND__KIND_CHANGE_VPC:
        name_ids(apply, command->change_vpc->zone_id, command->change_vpc->change_id);
        break;
    case CMD__COMMAND__KIND_ACTIVATE_ZONE:
        name_ids(apply, command->activate_zone->zone_id, command->activate_zone->change_id);
        break;
    case CMD__COMMAND__KIND_UPDATE_ZONE: name_ids(apply, command->update_zone->zone_id, ""); break;
    case CMD__COMMAND__KIND_CREATE_DELEGATION_SET:
        name_set(apply->result, command->create_delegation_set->delegation_set_id);
        break;
    case CMD__COMMAND__KIND_CHANGE_RECORD_SETS:
        name_ids(apply, command->change_record_sets->zone_id,
                 command->change_record_sets->change_id);
        break;
    case CMD__COMMAND__KIND_IMPORT_BEGIN:
        name_ids(apply, command->import_begin->zone_id, command->import_begin->change_id);
        break;
    case CMD__COMMAND__KIND_IMPORT_CHUNK:
        name_ids(apply, NULL, command->import_chunk->change_id);
        break;
    case CMD__COMMAND__KIND_IMPORT_COMMIT:
        name_ids(apply, NULL, command->import_commit->change_id);
        break;
    case CMD__COMMAND__KIND_CREATE_KEY:
        name_ids(apply, command->create_key->zone_id, command->create_key->change_id);
        break;
    case CMD__COMMAND__KIND_UPDATE_KEY:
        name_ids(apply, command->update_key->zone_id, command->update_key->change_id);
        break;
    case CMD__COMMAND__KIND_DELETE_KEY:
        name_ids(apply, command->delete_key->zone_id, command->delete_key->change_id);
        break;
    case CMD__COMMAND__KIND_PUT_QUERY_LOGGING:
        apply__name_result(apply, command->put_query_logging->config_id);
        break;
    case CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION:
        name_ids(apply, "", command->change_cidr_collection->change_id);
        break;
    case CMD__COMMAND__KIND_CREATE_HEALTH_CHECK:
    case CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION: apply__name_object(apply); break;
    default: apply__name_traffic(apply); break;
    }
}

static void reject(struct apply_result *result, enum apply_outcome outcome, int code,
                   const char *message)
{
    result->outcome = outcome;
    result->code = code;
    result->message = message;
}

static int run_once(struct apply *apply)
{
    const Cmd__Command *command = apply->command;
    struct apply_result *result = apply->result;
    struct state_session *session = &apply->session;
    uint64_t done_below = session->done_below;
    int code;

    if (command->sequence < done_below) {
        reject(result, APPLY_SETTLED, ERR_CONFLICT, "applied before; the result is forgotten");
        return 0;
    }
    if (command->done_below > done_below && command->done_below <= command->sequence)
        done_below = command->done_below;
    if (command->sequence - done_below >= STATE_SESSION_WINDOW) {
        reject(result, APPLY_TOO_FAR, ERR_LIMIT, "too many commands in flight");
        return 0;
    }
    state_session_settle(session, done_below);
    use_session(apply);
    if (state_session_result(session, command->sequence, &code)) {
        repeat(apply, code);
        return 0;
    }
    int rc = run(apply);
    if (rc == 0)
        state_session_note(session, command->sequence, result->code);
    return rc;
}

int apply__command(struct apply *apply)
{
    const Cmd__Command *command = apply->command;
    struct apply_result *result = apply->result;

    memset(result, 0, sizeof(*result));
    result->client_id = command->client_id;
    result->sequence = command->sequence;
    result->index = apply->index;
    result->outcome = APPLY_DONE;
    result->message = err_text(0);
    if (command->kind_case == CMD__COMMAND__KIND_OPEN_SESSION)
        return open_session(apply);
    int rc = take_session(apply, command->client_id);
    if (rc == ERR_NOT_FOUND) {
        reject(result, APPLY_NO_SESSION, ERR_NOT_FOUND, "no such session");
        return 0;
    }
    return rc != 0 ? rc : run_once(apply);
}
