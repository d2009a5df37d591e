#include "cli/restore_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/file.h"
#include "backup/read.h"
#include "base/err.h"
#include "cli/backup_key.h"
#include "cli/backup_view.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "proto/control.pb-c.h"

#define PIECE_LEN (256u << 10)
#define RUN_TIMEOUT_MS 600000u
#define WATCH_STEP_MS 200
#define WATCH_TIMEOUT_MS 10000u

static int ask(struct cli *cli, Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status == CLI_OK)
        cli_free_reply(reply);
    return status;
}

static int send_begin(struct cli *cli, uint64_t octets)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RestoreBegin begin = CTL__RESTORE_BEGIN__INIT;

    begin.octets = octets;
    request.kind_case = CTL__REQUEST__KIND_RESTORE_BEGIN;
    request.restore_begin = &begin;
    return ask(cli, &request);
}

static int send_pieces(struct cli *cli, const struct backup_source *source)
{
    uint8_t *piece = malloc(PIECE_LEN);
    int status = piece ? CLI_OK : cli_fail(cli, CLI_REFUSED, "out of memory");

    for (uint64_t offset = 0; status == CLI_OK && offset < source->len;) {
        Ctl__Request request = CTL__REQUEST__INIT;
        Ctl__RestoreData data = CTL__RESTORE_DATA__INIT;
        size_t len = source->len - offset < PIECE_LEN ? (size_t)(source->len - offset) : PIECE_LEN;
        if (source->read(source->user, offset, piece, len) != 0) {
            status = cli_fail(cli, CLI_REFUSED, "%s cannot be read", cli->words[0]);
            break;
        }
        data.offset = offset;
        data.data = (ProtobufCBinaryData){len, piece};
        request.kind_case = CTL__REQUEST__KIND_RESTORE_DATA;
        request.restore_data = &data;
        status = ask(cli, &request);
        offset += len;
        backup_view_progress("sending it to the node", offset, source->len);
    }
    backup_view_progress_end();
    free(piece);
    return status;
}

/* While the node is at work it says so as its phase's step. */
static void show_step(const Ctl__NodeStatusReply *node)
{
    uint64_t done, total;

    if (sscanf(node->step, "restoring: %" SCNu64 " of %" SCNu64, &done, &total) == 2)
        backup_view_progress("the node restores it", done, total);
}

/* Until the node is no more at what was asked of it in slot 0, whose answer says how it went. */
static void watch(struct cli *cli)
{
    static const struct timespec step = {.tv_nsec = WATCH_STEP_MS * 1000000L};
    bool is_working = isatty(STDERR_FILENO);

    while (is_working) {
        Ctl__Request request = CTL__REQUEST__INIT;
        Ctl__NodeStatus status = CTL__NODE_STATUS__INIT;
        struct Ctl__Reply *reply;
        request.kind_case = CTL__REQUEST__KIND_NODE_STATUS;
        request.node_status = &status;
        if (client_send(cli->client, 1, &request, WATCH_TIMEOUT_MS) != 0 ||
            client_wait(cli->client, 1, &reply) != 0)
            break;
        is_working = reply->node_status && strcmp(reply->node_status->phase, "joining") == 0;
        if (is_working)
            show_step(reply->node_status);
        cli_free_reply(reply);
        nanosleep(&step, NULL);
    }
    backup_view_progress_end();
}

static int send_run(struct cli *cli, const struct backup_secret *secret, bool is_without_secrets)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RestoreRun run = CTL__RESTORE_RUN__INIT;
    Ctl__BackupKey key;

    cli_backup_key_fill(secret, &key);
    run.key = &key;
    run.is_without_secrets = is_without_secrets;
    request.kind_case = CTL__REQUEST__KIND_RESTORE_RUN;
    request.restore_run = &run;
    if (cli->timeout_ms < RUN_TIMEOUT_MS)
        cli->timeout_ms = RUN_TIMEOUT_MS;
    cli->while_waiting = watch;
    int status = cli_ask_and_say(cli, &request);
    cli->while_waiting = NULL;
    return status;
}

/* What the node would find only after all was sent. */
static int check_first(struct cli *cli, const struct backup_source *source,
                       const struct backup_secret *secret, bool is_without_secrets)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_about about;

    if (backup_read_about(source, &about, problem) != 0)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->words[0], problem);
    if (is_without_secrets || secret->kind != BACKUP_KEY_NONE ||
        about.counts.access_keys + about.counts.signing_keys == 0)
        return CLI_OK;
    return cli_fail(cli, CLI_REFUSED,
                    "%s holds %" PRIu64 " access keys and %" PRIu64 " signing keys, which can be "
                    "restored: %s; give that, or --without-secrets to leave them out",
                    cli->words[0], about.counts.access_keys, about.counts.signing_keys,
                    backup_view_key(&about));
}

int cli_restore(struct cli *cli)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_secret secret;
    struct backup_source source;
    bool is_without_secrets = false;
    int fd;

    if (!cli_value_flag(cli, CLI_VALUE_WITHOUT_SECRETS, &is_without_secrets) ||
        !cli_backup_key(cli, &secret, NULL))
        return CLI_USAGE;
    if (backup_file_open(cli->words[0], &fd, &source, problem) != 0)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->words[0], problem);
    int status = check_first(cli, &source, &secret, is_without_secrets);
    if (status == CLI_OK)
        status = send_begin(cli, source.len);
    if (status == CLI_OK)
        status = send_pieces(cli, &source);
    if (status == CLI_OK)
        status = send_run(cli, &secret, is_without_secrets);
    explicit_bzero(&secret, sizeof(secret));
    close(fd);
    return status;
}
