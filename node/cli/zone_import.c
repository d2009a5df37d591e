#include "cli/zone_import.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "zone/zone_file.h"

#define CHUNK_SETS_MAX 4000u
#define CHUNK_LEN_MAX (240u << 10) /* octets of names and data */
#define CHUNK_RDATAS_MAX 16384u
#define CHUNKS_UNDERWAY_MAX 8u

struct import {
    struct cli *cli;
    const struct zone_record_set *sets;
    size_t set_count, next, acknowledged;
    size_t chunk_sets[CHUNKS_UNDERWAY_MAX]; /* sets in the chunk of that slot; 0: slot is free */
    uint64_t chunk_count;
    char import_id[32];
    char zone_id[32];
    uint64_t started_mono_ms, shown_mono_ms;
    unsigned warning_count;
};

void zone_import__show(const char *file, uint64_t line, const char *kind, const char *text)
{
    if (line == 0) /* the file as a whole */
        fprintf(stderr, "%s: %s%s\n", file, kind, text);
    else
        fprintf(stderr, "%s:%" PRIu64 ": %s%s\n", file, line, kind, text);
}

static void show_error(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    zone_import__show(file, line, "", text);
}

static void show_warning(void *user, const char *file, uint64_t line, const char *text)
{
    struct import *import = user;

    import->warning_count++;
    zone_import__show(file, line, "warning: ", text);
}

static void show_progress(struct import *import)
{
    uint64_t now = clock_mono_ms();

    if (now - import->shown_mono_ms < ZONE_IMPORT_PROGRESS_MS)
        return;
    import->shown_mono_ms = now;
    uint64_t elapsed_ms = now - import->started_mono_ms;
    fprintf(stderr, "%s%zu of %zu record sets (%zu %%), %" PRIu64 "/s%s",
            isatty(STDERR_FILENO) ? "\r" : "", import->acknowledged, import->set_count,
            import->acknowledged * 100 / import->set_count,
            (uint64_t)import->acknowledged * 1000 / (elapsed_ms ? elapsed_ms : 1),
            isatty(STDERR_FILENO) ? "   " : "\n");
}

/* Scratch of the chunk being packed; sending copies it. */
static struct {
    Cmd__RecordSet sets[CHUNK_SETS_MAX];
    Cmd__RecordSet *pointers[CHUNK_SETS_MAX];
    ProtobufCBinaryData rdatas[CHUNK_RDATAS_MAX];
} scratch;

size_t zone_import__fill(const struct zone_record_set *sets, size_t set_count,
                         struct Ctl__ImportChunk *chunk)
{
    size_t count = 0, rdata_count = 0, len = 0;

    while (count < set_count && count < CHUNK_SETS_MAX) {
        const struct zone_record_set *set = &sets[count];
        size_t set_len = dns_name_len(set->name) + 16;
        for (unsigned i = 0; i < set->rdata_count; i++)
            set_len += set->rdatas[i].len + 4u;
        if (count > 0 &&
            (len + set_len > CHUNK_LEN_MAX || rdata_count + set->rdata_count > CHUNK_RDATAS_MAX))
            break;
        ASSERT(set->rdata_count <= CHUNK_RDATAS_MAX);
        Cmd__RecordSet *out = &scratch.sets[count];
        *out = (Cmd__RecordSet)CMD__RECORD_SET__INIT;
        out->name = (ProtobufCBinaryData){dns_name_len(set->name), (uint8_t *)set->name};
        out->type = set->type;
        out->ttl_s = set->ttl_s;
        out->n_rdata = set->rdata_count;
        out->rdata = &scratch.rdatas[rdata_count];
        for (unsigned i = 0; i < set->rdata_count; i++)
            scratch.rdatas[rdata_count++] =
                (ProtobufCBinaryData){set->rdatas[i].len, (uint8_t *)set->rdatas[i].data};
        scratch.pointers[count++] = out;
        len += set_len;
    }
    chunk->n_record_sets = count;
    chunk->record_sets = scratch.pointers;
    return count;
}

static int send_chunk(struct import *import, unsigned slot)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportChunk chunk = CTL__IMPORT_CHUNK__INIT;

    size_t count =
        zone_import__fill(import->sets + import->next, import->set_count - import->next, &chunk);
    chunk.import_id = import->import_id;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_CHUNK;
    request.import_chunk = &chunk;
    int rc = client_send(import->cli->client, slot, &request, ZONE_IMPORT_TIMEOUT_MS);
    if (rc != 0)
        return cli_fail(import->cli, CLI_UNREACHABLE, "cannot send: %s", err_text(rc));
    import->next += count;
    import->chunk_sets[slot] = count;
    import->chunk_count++;
    return CLI_OK;
}

static int await_chunk(struct import *import, unsigned slot)
{
    struct Ctl__Reply *reply = NULL;
    int rc = client_wait(import->cli->client, slot, &reply);

    if (rc != 0)
        return cli_fail(import->cli, rc == ERR_TIMEOUT ? CLI_UNKNOWN : CLI_UNREACHABLE,
                        "the import was cut off (%s); the zone is as it was", err_text(rc));
    int status = CLI_OK;
    if (reply->code != 0)
        status = cli_fail(import->cli, CLI_REFUSED, "%s; the zone is as it was", reply->message);
    import->acknowledged += import->chunk_sets[slot];
    import->chunk_sets[slot] = 0;
    cli_free_reply(reply);
    show_progress(import);
    return status;
}

/* Slots 1 to CHUNKS_UNDERWAY_MAX in turn, so that chunks are awaited in the order sent. */
static int send_all(struct import *import)
{
    int status = CLI_OK;

    for (unsigned turn = 0; status == CLI_OK; turn = (turn + 1) % CHUNKS_UNDERWAY_MAX) {
        if (import->chunk_sets[turn] != 0)
            status = await_chunk(import, turn);
        else if (import->acknowledged == import->set_count)
            return CLI_OK;
        if (status == CLI_OK && import->next < import->set_count)
            status = send_chunk(import, turn);
    }
    return status;
}

static int begin(struct import *import)
{
    struct cli *cli = import->cli;
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportBegin begin_request = CTL__IMPORT_BEGIN__INIT;
    struct Ctl__Reply *reply;
    bool drop_routing = false;

    if (!cli_value_flag(cli, CLI_VALUE_DROP_ROUTING, &drop_routing))
        return CLI_USAGE;
    begin_request.zone = (char *)cli->words[0];
    begin_request.create = cli->has_create;
    begin_request.drop_routing = drop_routing;
    begin_request.comment = cli->comment ? (char *)cli->comment : "";
    request.kind_case = CTL__REQUEST__KIND_IMPORT_BEGIN;
    request.import_begin = &begin_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->import) {
        status = cli_fail(cli, CLI_REFUSED, "%s did not name the import", cli->node);
    } else {
        snprintf(import->import_id, sizeof(import->import_id), "%s", reply->import->import_id);
        snprintf(import->zone_id, sizeof(import->zone_id), "%s", reply->import->zone_id);
    }
    cli_free_reply(reply);
    return status;
}

static int commit(struct import *import)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportCommit commit_request = CTL__IMPORT_COMMIT__INIT;
    struct Ctl__Reply *reply;

    commit_request.import_id = import->import_id;
    commit_request.chunk_count = import->chunk_count;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_COMMIT;
    request.import_commit = &commit_request;
    if (import->cli->timeout_ms < ZONE_IMPORT_TIMEOUT_MS)
        import->cli->timeout_ms = ZONE_IMPORT_TIMEOUT_MS;
    int status = cli_ask(import->cli, &request, &reply);
    if (status == CLI_OK)
        cli_free_reply(reply);
    return status;
}

/* Best effort: an import that was cut off is given up by the cluster after a while anyhow. */
static void give_up(struct import *import)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportAbort abort_request = CTL__IMPORT_ABORT__INIT;
    struct Ctl__Reply *reply = NULL;

    abort_request.import_id = import->import_id;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_ABORT;
    request.import_abort = &abort_request;
    if (client_send(import->cli->client, CLIENT_SLOTS_MAX - 1, &request, 2000) == 0 &&
        client_wait(import->cli->client, CLIENT_SLOTS_MAX - 1, &reply) == 0)
        cli_free_reply(reply);
}

static int report(struct import *import)
{
    uint64_t elapsed_ms = clock_mono_ms() - import->started_mono_ms;

    if (import->cli->is_json) {
        output_json(json_pack("{s:s, s:s, s:I, s:I, s:i}", "zone_id", import->zone_id, "change_id",
                              import->import_id, "record_sets", (json_int_t)import->set_count,
                              "elapsed_ms", (json_int_t)elapsed_ms, "warnings",
                              (int)import->warning_count));
        return CLI_OK;
    }
    if (import->shown_mono_ms != import->started_mono_ms && isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    printf("imported %zu record sets into %s in %s (change %s%s)\n", import->set_count,
           import->cli->words[0], output_duration(elapsed_ms), import->import_id,
           import->cli->has_wait ? ", in sync" : "");
    return CLI_OK;
}

static int import_sets(struct import *import)
{
    import->started_mono_ms = import->shown_mono_ms = clock_mono_ms();
    int status = begin(import);
    if (status != CLI_OK)
        return status;
    status = send_all(import);
    if (status == CLI_OK)
        status = commit(import);
    if (status == CLI_REFUSED)
        give_up(import);
    if (status == CLI_OK && import->cli->has_wait)
        status = cli_wait_change(import->cli, import->import_id);
    return status == CLI_OK ? report(import) : status;
}

static int import_file(struct cli *cli)
{
    struct import import = {.cli = cli};
    struct zone_collection_report collection_report = {
        .error = show_error, .warning = show_warning, .user = &import};
    struct zone_collection *collection = NULL;
    uint8_t apex[DNS_NAME_MAX];
    uint64_t error_count = 0;

    if (!cli_parse_name(cli, cli->words[0], apex))
        return CLI_USAGE;
    dns_name_lower(apex, apex);
    int rc = zone_collection_read(cli->words[1], apex, ZONE_IMPORT_TTL_S, &collection_report,
                                  &collection, &error_count);
    if (rc != 0) {
        if (error_count > 0)
            return cli_fail(cli, CLI_REFUSED, "%s has %" PRIu64 " error%s; nothing was changed",
                            cli->words[1], error_count, error_count == 1 ? "" : "s");
        return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->words[1], err_text(rc));
    }
    import.sets = zone_collection_sets(collection, &import.set_count);
    int status = cli->has_check
                     ? cli_say(cli, "%s is right: %zu record sets", cli->words[1], import.set_count)
                     : import_sets(&import);
    zone_collection_free(collection);
    return status;
}

int zone_import_run(struct cli *cli)
{
    if (cli->list && cli->word_count == 0)
        return zone_import_list_run(cli);
    if (cli->list || cli->word_count != 2)
        return cli_fail(cli, CLI_USAGE, "name a zone and its file, or --list FILE alone");
    return import_file(cli);
}
