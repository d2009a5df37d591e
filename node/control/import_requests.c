#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/create_zone.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

static void reply_import(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ImportReply import = CTL__IMPORT_REPLY__INIT;

    import.import_id = call->change_id;
    import.zone_id = call->zone_id;
    reply.kind_case = CTL__REPLY__KIND_IMPORT;
    reply.import = &import;
    reply.change_id = call->change_id;
    call_reply(call, &reply);
}

static void on_begun(struct call *call, const struct apply_result *result)
{
    (void)result;
    reply_import(call);
}

static void begin_import(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ImportBegin begin = CMD__IMPORT_BEGIN__INIT;
    char change_id[STATE_ID_SIZE];

    call_draw_change_id(change_id);
    begin.zone_id = call->zone_id;
    begin.change_id = change_id;
    begin.comment = call->request->import_begin->comment;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_BEGIN;
    command.import_begin = &begin;
    call_propose(call, &command, on_begun);
}

static void on_zone_created(void *user, int rc, const struct apply_result *result)
{
    struct call *call = user;

    if (rc != 0) {
        call_fail_code(call, rc, "create the zone");
    } else if (result->code != 0) {
        call_fail_result(call, result);
    } else {
        snprintf(call->zone_id, sizeof(call->zone_id), "%s", result->zone_id);
        begin_import(call);
    }
}

static void create_then_begin(struct call *call, const uint8_t *name)
{
    struct cluster_zone zone = {.name = name,
                                .comment = call->request->import_begin->comment,
                                .actor = call->request->actor,
                                .timeout_ms = call_timeout_left_ms(call)};
    int rc = cluster_create_zone(call->cluster, &zone, on_zone_created, call);
    if (rc != 0)
        call_fail_code(call, rc, "create the zone");
}

/* A zone file says nothing of routing: sets that have some would be gone without a word. true;
 * false: the call has failed. */
static bool has_no_routing(struct call *call, const struct state_zone *zone)
{
    bool has_routed = false;
    int rc = state_has_routed(call_state(call), zone->content, &has_routed);

    if (rc != 0)
        call_fail_code(call, rc, "read the zone");
    else if (has_routed)
        call_fail(call, ERR_CONFLICT,
                  "the zone has record sets with routing, health checks or aliases, which a zone "
                  "file cannot hold: keep them ('quartet record list ZONE --route53'), then import "
                  "even so (--drop-routing)");
    return rc == 0 && !has_routed;
}

static void find_then_begin(struct call *call)
{
    const Ctl__ImportBegin *request = call->request->import_begin;
    uint8_t name[DNS_NAME_MAX];
    struct state_zone zone;

    if (request->create && dns_name_parse(request->zone, NULL, name) > 0 &&
        state_get_zone_by_name(call_state(call), name, &zone) == ERR_NOT_FOUND) {
        create_then_begin(call, name);
        return;
    }
    if (!call_find_zone(call, request->zone, &zone))
        return;
    snprintf(call->zone_id, sizeof(call->zone_id), "%s", zone.id);
    if (request->drop_routing || has_no_routing(call, &zone))
        begin_import(call);
}

void request_import_begin(struct call *call)
{
    call_read(call, find_then_begin);
}

static void on_chunk(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "imported so far");
}

void request_import_chunk(struct call *call)
{
    const Ctl__ImportChunk *request = call->request->import_chunk;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ImportChunk chunk = CMD__IMPORT_CHUNK__INIT;

    if (request->n_record_sets == 0 || request->n_record_sets > COMMAND_CHUNK_RECORD_SETS_MAX) {
        call_fail(call, ERR_LIMIT, "a chunk has 1 to %u record sets, not %zu",
                  COMMAND_CHUNK_RECORD_SETS_MAX, request->n_record_sets);
        return;
    }
    chunk.change_id = request->import_id;
    chunk.n_record_sets = request->n_record_sets;
    chunk.record_sets = request->record_sets;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_CHUNK;
    command.import_chunk = &chunk;
    call_propose_bulk(call, &command, on_chunk);
}

static void on_committed(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "imported");
}

void request_import_commit(struct call *call)
{
    const Ctl__ImportCommit *request = call->request->import_commit;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ImportCommit commit = CMD__IMPORT_COMMIT__INIT;

    commit.change_id = request->import_id;
    commit.chunk_count = request->chunk_count;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_COMMIT;
    command.import_commit = &commit;
    call_propose(call, &command, on_committed);
}

static void on_aborted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the import is given up; the zone is as it was");
}

void request_import_abort(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ImportAbort abort_import = CMD__IMPORT_ABORT__INIT;

    abort_import.change_id = call->request->import_abort->import_id;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_ABORT;
    command.import_abort = &abort_import;
    call_propose(call, &command, on_aborted);
}
