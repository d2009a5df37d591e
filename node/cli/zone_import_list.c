#include "cli/zone_import.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "zone/zone_file.h"
#include "zone/zone_list.h"

/* The cluster has room for 16 imports at once; others may want to import too. */
#define ZONES_UNDERWAY_MAX 12u
#define BUSY_PAUSE_MS 20u /* before a zone that found no room asks again */

enum stage { STAGE_FREE, STAGE_BEGIN, STAGE_CHUNK, STAGE_COMMIT };

/* One zone on its way, in the client's slot of the same number. */
struct underway {
    enum stage stage;
    char *zone;
    struct zone_collection *collection;
    const struct zone_record_set *sets;
    size_t set_count, next; /* next: the first that was not sent */
    uint64_t chunk_count;
    uint64_t taken_up_mono_ms;
    char import_id[32];
    char done_id[32]; /* of the slot's last import that was made */
};

struct list {
    struct cli *cli;
    FILE *file;
    struct zone_file_scratch *scratch;
    uint64_t line;
    struct underway underway[ZONES_UNDERWAY_MAX];
    uint64_t zone_count, refused_count, set_count;
    uint64_t started_mono_ms, shown_mono_ms;
    bool drop_routing;
};

static void show_problem(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    zone_import__show(file, line, "", text);
}

static void show_warning(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    zone_import__show(file, line, "warning: ", text);
}

static void show_progress(struct list *list)
{
    uint64_t now = clock_mono_ms();

    if (now - list->shown_mono_ms < ZONE_IMPORT_PROGRESS_MS)
        return;
    list->shown_mono_ms = now;
    fprintf(stderr, "%s%" PRIu64 " zones, %" PRIu64 "/s%s", isatty(STDERR_FILENO) ? "\r" : "",
            list->zone_count, list->zone_count * 1000 / (now - list->started_mono_ms),
            isatty(STDERR_FILENO) ? "   " : "\n");
}

static void leave(struct underway *underway)
{
    zone_collection_free(underway->collection);
    free(underway->zone);
    underway->collection = NULL;
    underway->zone = NULL;
    underway->stage = STAGE_FREE;
}

static void refuse(struct list *list, const char *zone, const char *why)
{
    fprintf(stderr, "quartet: %s: %s\n", zone, why);
    list->refused_count++;
}

/* The next line that names a zone, into @zone and @path, which point into *@line; one without a
 * file is refused as a zone is. false: the end of the list, or it cannot be read (*@status is set).
 */
static bool next_line(struct list *list, char **line, char **zone, char **path, int *status)
{
    size_t capacity = 0;

    free(*line);
    *line = NULL;
    errno = 0;
    while (getline(line, &capacity, list->file) >= 0) {
        list->line++;
        switch (zone_list_split(*line, zone, path)) {
        case ZONE_LIST_NONE: break;
        case ZONE_LIST_ENTRY: return true;
        case ZONE_LIST_BAD:
            fprintf(stderr, "quartet: %s:%" PRIu64 ": a zone's name without a file\n",
                    list->cli->list, list->line);
            list->refused_count++;
        }
    }
    if (ferror(list->file))
        *status = cli_fail(list->cli, CLI_REFUSED, "%s: %s", list->cli->list, strerror(errno));
    return false;
}

/* Read and check one zone's file. false: it was refused. */
static bool read_zone(struct list *list, const char *zone, const char *path,
                      struct zone_collection **out)
{
    struct zone_collection_report report = {
        .error = show_problem, .warning = show_warning, .scratch = list->scratch};
    uint8_t apex[DNS_NAME_MAX];
    uint64_t error_count = 0;

    if (dns_name_parse(zone, NULL, apex) < 0) {
        refuse(list, zone, "that is no domain name");
        return false;
    }
    dns_name_lower(apex, apex);
    int rc = zone_collection_read(path, apex, ZONE_IMPORT_TTL_S, &report, out, &error_count);
    if (rc != 0) {
        char why[512];
        snprintf(why, sizeof(why), "%.400s: %s", path,
                 error_count > 0 ? "has errors; nothing was changed" : err_text(rc));
        refuse(list, zone, why);
    }
    return rc == 0;
}

static int send_request(struct list *list, unsigned slot, Ctl__Request *request)
{
    int rc = client_send(list->cli->client, slot, request, ZONE_IMPORT_TIMEOUT_MS);

    return rc == 0 ? CLI_OK : cli_fail(list->cli, CLI_UNREACHABLE, "cannot send: %s", err_text(rc));
}

static int send_begin(struct list *list, unsigned slot)
{
    struct underway *underway = &list->underway[slot];
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportBegin begin = CTL__IMPORT_BEGIN__INIT;

    begin.zone = underway->zone;
    begin.create = list->cli->has_create;
    begin.drop_routing = list->drop_routing;
    begin.comment = list->cli->comment ? (char *)list->cli->comment : "";
    request.kind_case = CTL__REQUEST__KIND_IMPORT_BEGIN;
    request.import_begin = &begin;
    underway->stage = STAGE_BEGIN;
    return send_request(list, slot, &request);
}

static int send_chunk(struct list *list, unsigned slot)
{
    struct underway *underway = &list->underway[slot];
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportChunk chunk = CTL__IMPORT_CHUNK__INIT;

    underway->next += zone_import__fill(underway->sets + underway->next,
                                        underway->set_count - underway->next, &chunk);
    underway->chunk_count++;
    chunk.import_id = underway->import_id;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_CHUNK;
    request.import_chunk = &chunk;
    underway->stage = STAGE_CHUNK;
    return send_request(list, slot, &request);
}

static int send_commit(struct list *list, unsigned slot)
{
    struct underway *underway = &list->underway[slot];
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportCommit commit = CTL__IMPORT_COMMIT__INIT;

    commit.import_id = underway->import_id;
    commit.chunk_count = underway->chunk_count;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_COMMIT;
    request.import_commit = &commit;
    underway->stage = STAGE_COMMIT;
    return send_request(list, slot, &request);
}

/* Begin with the next zone of the list that can be read. *@has_more false: there is none. */
static int take_up(struct list *list, unsigned slot, bool *has_more)
{
    struct underway *underway = &list->underway[slot];
    char *line = NULL, *zone, *path;
    int status = CLI_OK;

    for (;;) {
        *has_more = next_line(list, &line, &zone, &path, &status);
        if (!*has_more || read_zone(list, zone, path, &underway->collection))
            break;
    }
    if (*has_more && list->cli->has_check) {
        list->zone_count++;
        leave(underway);
    } else if (*has_more) {
        underway->zone = strdup(zone);
        underway->sets = zone_collection_sets(underway->collection, &underway->set_count);
        underway->next = underway->chunk_count = 0;
        underway->taken_up_mono_ms = clock_mono_ms();
        status = underway->zone ? send_begin(list, slot)
                                : cli_fail(list->cli, CLI_REFUSED, "out of memory");
    }
    free(line);
    return status;
}

/* Best effort: an import that was cut off is given up by the cluster after a while anyhow. */
static void give_up(struct list *list, unsigned slot)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ImportAbort abort_request = CTL__IMPORT_ABORT__INIT;
    struct Ctl__Reply *reply = NULL;

    abort_request.import_id = list->underway[slot].import_id;
    request.kind_case = CTL__REQUEST__KIND_IMPORT_ABORT;
    request.import_abort = &abort_request;
    if (client_send(list->cli->client, slot, &request, 2000) == 0 &&
        client_wait(list->cli->client, slot, &reply) == 0)
        cli_free_reply(reply);
}

/* Go on after a good reply. */
static int advance(struct list *list, unsigned slot, const struct Ctl__Reply *reply)
{
    struct underway *underway = &list->underway[slot];

    if (underway->stage == STAGE_BEGIN) {
        if (!reply->import)
            return cli_fail(list->cli, CLI_REFUSED, "%s did not name the import", list->cli->node);
        snprintf(underway->import_id, sizeof(underway->import_id), "%s", reply->import->import_id);
    }
    if (underway->stage != STAGE_COMMIT)
        return underway->next < underway->set_count ? send_chunk(list, slot)
                                                    : send_commit(list, slot);
    memcpy(underway->done_id, underway->import_id, sizeof(underway->done_id));
    list->zone_count++;
    list->set_count += underway->set_count;
    leave(underway);
    show_progress(list);
    return CLI_OK;
}

/* No room yet, as others import too: places become free all the time. */
static bool can_ask_again(const struct underway *underway, const struct Ctl__Reply *reply)
{
    return underway->stage == STAGE_BEGIN && reply->code == ERR_BUSY &&
           clock_mono_ms() - underway->taken_up_mono_ms < ZONE_IMPORT_TIMEOUT_MS;
}

static int await(struct list *list, unsigned slot)
{
    struct underway *underway = &list->underway[slot];
    struct Ctl__Reply *reply = NULL;

    int rc = client_wait(list->cli->client, slot, &reply);
    if (rc != 0)
        return cli_fail(list->cli, rc == ERR_TIMEOUT ? CLI_UNKNOWN : CLI_UNREACHABLE,
                        "cut off at %s (%s); %" PRIu64 " zones were imported", underway->zone,
                        err_text(rc), list->zone_count);
    int status = CLI_OK;
    if (reply->code == 0) {
        status = advance(list, slot, reply);
    } else if (can_ask_again(underway, reply)) {
        poll(NULL, 0, BUSY_PAUSE_MS);
        status = send_begin(list, slot);
    } else {
        refuse(list, underway->zone, reply->message);
        if (underway->stage != STAGE_BEGIN)
            give_up(list, slot);
        leave(underway);
    }
    cli_free_reply(reply);
    return status;
}

static int import_all(struct list *list)
{
    unsigned busy = 0;
    bool has_more = true;
    int status = CLI_OK;

    for (unsigned slot = 0; status == CLI_OK && (has_more || busy > 0);
         slot = (slot + 1) % ZONES_UNDERWAY_MAX) {
        struct underway *underway = &list->underway[slot];
        bool was_busy = underway->stage != STAGE_FREE;
        if (was_busy)
            status = await(list, slot);
        if (status == CLI_OK && underway->stage == STAGE_FREE && has_more)
            status = take_up(list, slot, &has_more);
        bool is_busy = underway->stage != STAGE_FREE;
        busy += is_busy && !was_busy;
        busy -= !is_busy && was_busy;
    }
    return status;
}

/* A change is in sync when all before it are, so each slot's last one stands for all of its. */
static int wait_all(struct list *list)
{
    int status = CLI_OK;

    for (unsigned slot = 0; slot < ZONES_UNDERWAY_MAX && status == CLI_OK; slot++) {
        if (list->underway[slot].done_id[0])
            status = cli_wait_change(list->cli, list->underway[slot].done_id);
    }
    return status;
}

static int report(const struct list *list)
{
    uint64_t elapsed_ms = clock_mono_ms() - list->started_mono_ms;
    const char *what = list->cli->has_check ? "right" : "imported";

    if (list->shown_mono_ms != list->started_mono_ms && isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    if (list->cli->is_json)
        output_json(json_pack("{s:I, s:I, s:I, s:I}", "zones", (json_int_t)list->zone_count,
                              "record_sets", (json_int_t)list->set_count, "refused",
                              (json_int_t)list->refused_count, "elapsed_ms",
                              (json_int_t)elapsed_ms));
    else
        printf("%" PRIu64 " zones %s, %" PRIu64 " refused, in %s\n", list->zone_count, what,
               list->refused_count, output_duration(elapsed_ms));
    return list->refused_count == 0 ? CLI_OK : CLI_REFUSED;
}

int zone_import_list_run(struct cli *cli)
{
    struct list list = {.cli = cli};

    if (!cli_value_flag(cli, CLI_VALUE_DROP_ROUTING, &list.drop_routing))
        return CLI_USAGE;
    list.file = fopen(cli->list, "r");
    if (!list.file)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->list, strerror(errno));
    list.scratch = zone_file_scratch_new();
    list.started_mono_ms = list.shown_mono_ms = clock_mono_ms();
    int status = import_all(&list);
    fclose(list.file);
    zone_file_scratch_free(list.scratch);
    if (status == CLI_OK && cli->has_wait)
        status = wait_all(&list);
    for (unsigned slot = 0; slot < ZONES_UNDERWAY_MAX; slot++)
        leave(&list.underway[slot]);
    return status == CLI_OK ? report(&list) : status;
}
