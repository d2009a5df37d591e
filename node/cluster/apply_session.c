/* node/cluster/apply_session.c: each command once, by client id and sequence (thesis §6.3). */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "proto/command.pb-c.h"

#define SESSIONS_MAX 1024u
#define WINDOW 4096u /* sequences that may be in flight above done_below */

struct oldest {
    struct state_session session;
    unsigned count;
};

static int on_session(void *user, const struct state_session *session)
{
    struct oldest *oldest = user;

    if (oldest->count++ == 0 || session->used_index < oldest->session.used_index)
        oldest->session = *session;
    return 0;
}

/* Make room for one more: the least recently used goes, of equals the one with the least id. */
static int evict(struct apply *apply)
{
    struct oldest oldest = {0};
    int rc = state_list_sessions(apply__kv(apply), on_session, &oldest);

    if (rc == 0 && oldest.count >= SESSIONS_MAX)
        state_delete_session(apply->overlay, &oldest.session, WINDOW);
    return rc;
}

static int open_session(struct apply *apply)
{
    struct state_session session;
    uint64_t client_id = apply->command->client_id;
    int rc = state_get_session(apply__kv(apply), client_id, &session);

    if (rc == ERR_NOT_FOUND) {
        rc = evict(apply);
        session = (struct state_session){.client_id = client_id, .done_below = 1};
    }
    if (rc != 0)
        return rc;
    session.used_index = apply->index;
    state_put_session(apply->overlay, &session);
    return 0;
}

static int run_kind(struct apply *apply)
{
    const Cmd__Command *command = apply->command;

    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_ZONE: return apply__create_zone(apply, command->create_zone);
    case CMD__COMMAND__KIND_DELETE_ZONE: return apply__delete_zone(apply, command->delete_zone);
    case CMD__COMMAND__KIND_CHANGE_RECORD_SETS:
        return apply__change_record_sets(apply, command->change_record_sets);
    case CMD__COMMAND__KIND_IMPORT_BEGIN: return apply__import_begin(apply, command->import_begin);
    case CMD__COMMAND__KIND_IMPORT_CHUNK: return apply__import_chunk(apply, command->import_chunk);
    case CMD__COMMAND__KIND_IMPORT_COMMIT:
        return apply__import_commit(apply, command->import_commit);
    case CMD__COMMAND__KIND_IMPORT_ABORT: return apply__import_abort(apply, command->import_abort);
    case CMD__COMMAND__KIND_IMPORT_EXPIRE:
        return apply__import_expire(apply, command->import_expire);
    default: return apply__admin(apply, command);
    }
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
    overlay_rollback(apply->overlay, mark);
    apply->counters = counters;
    apply->has_new_counters = has_new_counters;
    apply->effect_count = effect_count;
    apply->result->outcome = APPLY_REFUSED;
    return 0;
}

static int run_new(struct apply *apply)
{
    struct apply_result *result = apply->result;
    struct state_result stored = {0};
    int rc = run(apply);

    if (rc != 0)
        return rc;
    stored.code = result->code;
    memcpy(stored.zone_id, result->zone_id, sizeof(stored.zone_id));
    memcpy(stored.change_id, result->change_id, sizeof(stored.change_id));
    state_put_result(apply->overlay, result->client_id, result->sequence, &stored);
    return 0;
}

static void repeat(struct apply_result *result, const struct state_result *stored)
{
    result->outcome = APPLY_REPEATED;
    result->code = stored->code;
    result->message = err_text(stored->code);
    memcpy(result->zone_id, stored->zone_id, sizeof(result->zone_id));
    memcpy(result->change_id, stored->change_id, sizeof(result->change_id));
}

static void reject(struct apply_result *result, enum apply_outcome outcome, int code,
                   const char *message)
{
    result->outcome = outcome;
    result->code = code;
    result->message = message;
}

/* Note the use, and forget the results that the client does not need any more. */
static void settle(struct apply *apply, struct state_session *session, uint64_t done_below)
{
    uint64_t end = done_below;

    if (end > session->done_below + WINDOW)
        end = session->done_below + WINDOW; /* there are no results from there on */
    for (uint64_t sequence = session->done_below; sequence < end; sequence++)
        state_delete_result(apply->overlay, session->client_id, sequence);
    session->done_below = done_below;
    session->used_index = apply->index;
    state_put_session(apply->overlay, session);
}

static int run_once(struct apply *apply, struct state_session *session)
{
    const Cmd__Command *command = apply->command;
    struct apply_result *result = apply->result;
    struct state_result stored;
    uint64_t done_below = session->done_below;

    if (command->sequence < done_below) {
        reject(result, APPLY_SETTLED, ERR_CONFLICT, "applied before; the result is forgotten");
        return 0;
    }
    if (command->done_below > done_below && command->done_below <= command->sequence)
        done_below = command->done_below;
    if (command->sequence - done_below >= WINDOW) {
        reject(result, APPLY_TOO_FAR, ERR_LIMIT, "too many commands in flight");
        return 0;
    }
    int rc = state_get_result(apply__kv(apply), session->client_id, command->sequence, &stored);
    if (rc == 0)
        repeat(result, &stored);
    else if (rc == ERR_NOT_FOUND)
        rc = run_new(apply);
    if (rc == 0)
        settle(apply, session, done_below);
    return rc;
}

int apply__command(struct apply *apply)
{
    const Cmd__Command *command = apply->command;
    struct apply_result *result = apply->result;
    struct state_session session;

    memset(result, 0, sizeof(*result));
    result->client_id = command->client_id;
    result->sequence = command->sequence;
    result->index = apply->index;
    result->outcome = APPLY_DONE;
    result->message = err_text(0);
    if (command->kind_case == CMD__COMMAND__KIND_OPEN_SESSION)
        return open_session(apply);
    int rc = state_get_session(apply__kv(apply), command->client_id, &session);
    if (rc == ERR_NOT_FOUND) {
        reject(result, APPLY_NO_SESSION, ERR_NOT_FOUND, "no such session");
        return 0;
    }
    return rc != 0 ? rc : run_once(apply, &session);
}
