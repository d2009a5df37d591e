#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/file.h"
#include "backup/load.h"
#include "backup/memory.h"
#include "backup/read.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/backup_key.h"
#include "cli/backup_view.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/restore_command.h"
#include "proto/control.pb-c.h"

#define WAIT_STEP_MS 100
#define NAME_SIZE 400
#define FORGET_TIMEOUT_MS 2000

/* ---- create ---- */

static int begin(struct cli *cli, const struct backup_secret *secret, uint64_t *id)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__BackupBegin begin = CTL__BACKUP_BEGIN__INIT;
    Ctl__BackupKey key;
    struct Ctl__Reply *reply;

    cli_backup_key_fill(secret, &key);
    begin.key = &key;
    request.kind_case = CTL__REQUEST__KIND_BACKUP_BEGIN;
    request.backup_begin = &begin;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (reply->backup)
        *id = reply->backup->id;
    else
        status = cli_fail(cli, CLI_REFUSED, "%s made no backup", cli->node);
    cli_free_reply(reply);
    return status;
}

static int ask_piece(struct cli *cli, uint64_t id, uint64_t offset, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__BackupRead read = CTL__BACKUP_READ__INIT;

    read.id = id;
    read.offset = offset;
    request.kind_case = CTL__REQUEST__KIND_BACKUP_READ;
    request.backup_read = &read;
    int status = cli_ask(cli, &request, reply);
    if (status != CLI_OK || (*reply)->backup)
        return status;
    cli_free_reply(*reply);
    return cli_fail(cli, CLI_REFUSED, "%s sent no backup", cli->node);
}

/* Put one answer into the file. *@is_done: that was all. */
static int take_piece(struct cli *cli, const Ctl__BackupReply *backup, struct backup_file *file,
                      uint64_t *offset, bool *is_done)
{
    static const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};

    if (!backup->is_ready) {
        backup_view_progress("the node makes it", backup->done, backup->total);
        nanosleep(&step, NULL);
        return CLI_OK;
    }
    if (backup->data.len == 0 && *offset < backup->octets)
        return cli_fail(cli, CLI_REFUSED, "%s sent an empty piece", cli->node);
    if (backup_file_put(file, backup->data.data, backup->data.len) != 0)
        return cli_fail(cli, CLI_REFUSED, "%s cannot be written: %s", file->path, strerror(errno));
    *offset += backup->data.len;
    *is_done = *offset >= backup->octets;
    backup_view_progress("fetching it", *offset, backup->octets);
    return CLI_OK;
}

static int fetch(struct cli *cli, uint64_t id, struct backup_file *file)
{
    struct Ctl__Reply *reply;
    uint64_t offset = 0;
    bool is_done = false;
    int status = CLI_OK;

    while (status == CLI_OK && !is_done) {
        status = ask_piece(cli, id, offset, &reply);
        if (status != CLI_OK)
            break;
        status = take_piece(cli, reply->backup, file, &offset, &is_done);
        cli_free_reply(reply);
    }
    backup_view_progress_end();
    return status;
}

/* However it ended: the node need not keep it. If that fails, it forgets by itself. */
static void forget(struct cli *cli, uint64_t id)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__BackupRead read = CTL__BACKUP_READ__INIT;
    struct Ctl__Reply *reply;

    read.id = id;
    read.is_end = true;
    request.kind_case = CTL__REQUEST__KIND_BACKUP_READ;
    request.backup_read = &read;
    if (client_send(cli->client, 0, &request, FORGET_TIMEOUT_MS) == 0 &&
        client_wait(cli->client, 0, &reply) == 0)
        cli_free_reply(reply);
}

/* What came in is what was sent: each hash again, in the file. */
static int check_file(struct cli *cli, const char *path, struct backup_about *about,
                      uint64_t *octets)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_source source;
    struct backup_found found;
    int fd, rc = backup_file_open(path, &fd, &source, problem);

    if (rc == 0) {
        rc = backup_read(&source, NULL, NULL, NULL, &found, problem);
        if (rc == 0)
            *about = found.about;
        *octets = source.len;
        close(fd);
    }
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_REFUSED, "%s: %s", path, problem);
}

/* "ns.example.net-20261127T043000Z.backup", here. */
static int default_path(struct cli *cli, char out[NAME_SIZE])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__NodeStatus node = CTL__NODE_STATUS__INIT;
    struct Ctl__Reply *reply;
    char taken[CLOCK_TEXT_LEN];

    request.kind_case = CTL__REQUEST__KIND_NODE_STATUS;
    request.node_status = &node;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const char *domain = reply->node_status ? reply->node_status->domain : "";
    size_t len = strlen(domain);
    clock_format(clock_wall_ms(), taken);
    snprintf(out, NAME_SIZE, "%.*s-%.4s%.2s%.2sT%.2s%.2s%.2sZ.backup",
             (int)(len > 0 && domain[len - 1] == '.' ? len - 1 : len), domain, taken, taken + 5,
             taken + 8, taken + 11, taken + 14, taken + 17);
    cli_free_reply(reply);
    for (char *at = out; *at; at++) {
        if (*at == '/' || *at == '\\')
            *at = '_';
    }
    return CLI_OK;
}

static int create_at(struct cli *cli, const char *path, const struct backup_secret *secret)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_file file;
    uint64_t id = 0;

    if (backup_file_begin(path, &file, problem) != 0)
        return cli_fail(cli, CLI_REFUSED, "%s", problem);
    int status = begin(cli, secret, &id);
    if (status == CLI_OK) {
        status = fetch(cli, id, &file);
        forget(cli, id);
    }
    if (status != CLI_OK)
        backup_file_drop(&file);
    else if (backup_file_end(&file, problem) != 0)
        status = cli_fail(cli, CLI_REFUSED, "%s", problem);
    return status;
}

static int run_create(struct cli *cli)
{
    char made_path[NAME_SIZE];
    const char *path = cli->words[0];
    struct backup_secret secret;
    struct backup_about about;
    uint64_t octets = 0;
    bool is_key_made = false;

    if (!cli_backup_key(cli, &secret, &is_key_made))
        return CLI_USAGE;
    int status = path ? CLI_OK : default_path(cli, made_path);
    if (!path)
        path = made_path;
    if (status == CLI_OK)
        status = create_at(cli, path, &secret);
    bool has_key = secret.kind != BACKUP_KEY_NONE;
    explicit_bzero(&secret, sizeof(secret));
    if (status == CLI_OK)
        status = check_file(cli, path, &about, &octets);
    if (status != CLI_OK)
        return status;
    if (cli->is_json) {
        output_json(backup_view_json(path, &about, octets));
        return CLI_OK;
    }
    printf("%s\n", path);
    backup_view_print(&about, octets);
    if (!has_key)
        printf(
            "\nIt was made without a key: its zones can be restored, its access keys and signing "
            "keys\ncannot. With --key-file FILE or --passphrase they can.\n");
    return CLI_OK;
}

/* ---- verify ---- */

/* Half of this machine's: a small file may unpack to any size. */
static uint64_t memory_max(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_len = sysconf(_SC_PAGESIZE);

    return pages > 0 && page_len > 0 ? (uint64_t)pages * (uint64_t)page_len / 2 : UINT64_C(1) << 30;
}

static int load_it(struct cli *cli, const char *path, struct backup_about *about, uint64_t *octets)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_source source;
    struct kv kv = {0};
    int fd, rc = backup_file_open(path, &fd, &source, problem);

    if (rc != 0)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", path, problem);
    *octets = source.len;
    backup_view_progress("loading it", 0, 0);
    rc = backup_memory_new(memory_max(), &kv);
    if (rc == 0)
        rc = backup_load(&source, &kv, NULL, about, problem);
    else
        backup_problem(problem, rc, "out of memory");
    backup_view_progress_end();
    close(fd);
    kv_close(&kv);
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_REFUSED, "%s: %s", path, problem);
}

static int try_key(struct cli *cli, const struct backup_secret *secret,
                   const struct backup_about *about)
{
    uint8_t key[BACKUP_CLUSTER_KEY_LEN];

    if (secret->kind == BACKUP_KEY_NONE)
        return CLI_OK;
    int rc = backup_key_open(secret, about, key);
    explicit_bzero(key, sizeof(key));
    if (rc == 0)
        return CLI_OK;
    return cli_fail(cli, CLI_REFUSED, "%s",
                    rc == ERR_NOT_FOUND
                        ? "the backup is whole, but was made without a key: none opens its secrets"
                        : "the backup is whole, but this is not the key that it was made with");
}

static int run_verify(struct cli *cli)
{
    struct backup_secret secret;
    struct backup_about about;
    uint64_t octets = 0;

    if (!cli_backup_key(cli, &secret, NULL))
        return CLI_USAGE;
    int status = load_it(cli, cli->words[0], &about, &octets);
    if (status == CLI_OK)
        status = try_key(cli, &secret, &about);
    bool has_key = secret.kind != BACKUP_KEY_NONE;
    explicit_bzero(&secret, sizeof(secret));
    if (status != CLI_OK)
        return status;
    if (cli->is_json) {
        output_json(backup_view_json(cli->words[0], &about, octets));
        return CLI_OK;
    }
    backup_view_print(&about, octets);
    printf(
        "\nWhole: every part has its hash, all of it was loaded and read as a node reads it%s.\n",
        has_key ? ", and the key opens its secrets" : "");
    return CLI_OK;
}

static const enum cli_option create_options[] = {CLI_VALUE_KEY_FILE, CLI_VALUE_PASSPHRASE, 0};
static const enum cli_option restore_options[] = {CLI_VALUE_KEY_FILE, CLI_VALUE_PASSPHRASE,
                                                  CLI_VALUE_WITHOUT_SECRETS, 0};

const struct cli_command cli_backup_commands[] = {
    {"backup", "create", "[FILE]", 0, 1, "a copy of all that the cluster holds, in one file here",
     "The node that is asked takes it at one log index, while DNS and changes go on, and sends it "
     "here; also over --node HOST:PORT. Without FILE its name is made of the cluster and the time. "
     "FILE must not exist.\n\n"
     "Access keys and signing keys are encrypted in it. To restore them it takes the key file "
     "(made "
     "now if it is not there) or the passphrase that the backup is made with: keep that apart from "
     "the backups.\n\n"
     "  quartet backup create\n"
     "  quartet backup create /srv/backups/monday.backup --key-file /root/quartet-backup.key\n"
     "  quartet backup create --passphrase < /run/secrets/quartet\n"
     "  quartet --node ns2.example.net:5302 backup create ns2.backup\n\n"
     "A node makes backups by itself with 'backup: {folder: /srv/backups, every: 6h, keep: 28, "
     "key_file: /etc/quartet/backup.key}' in its quartet.yaml; 'quartet node status' tells how "
     "that "
     "goes.",
     create_options, false, run_create},
    {"backup", "verify", "FILE", 1, 1, "load a backup for real, and say what is in it",
     "All of it is loaded into a state in memory, every value is read by the decoders of a node, "
     "and "
     "all hashes are computed anew. No node is asked. With the key: does it open the secrets, "
     "too?\n\n"
     "  quartet backup verify /srv/backups/monday.backup\n"
     "  quartet backup verify monday.backup --key-file /root/quartet-backup.key",
     create_options, true, run_verify},
    {"backup", "list", "[FOLDER]", 0, 1, "the backups of a folder, and whether they are whole",
     "Of the current folder without FOLDER; newest first. Every hash in each file is checked; "
     "'quartet backup verify' looks at the contents, too. Exit status 1: one of them is not whole.",
     NULL, true, cli_backup_list},
    {NULL, "restore", "FILE", 1, 1, "make a new cluster of this node from a backup",
     "For a node that is in no cluster and waits, with an empty data directory, as before 'quartet "
     "cluster init'. The cluster is a new one: cluster id, CA and member id are new, and nodes of "
     "the "
     "old one, should they still run, have no part in it and are refused. Zones, records, health "
     "checks, settings, history and, with the key, access keys are as they were; the node answers "
     "DNS at once. Join the other nodes with empty data directories by 'quartet token create'.\n\n"
     "  quartet restore monday.backup --key-file /root/quartet-backup.key\n"
     "  quartet restore monday.backup --without-secrets    # the key is lost\n\n"
     "Stop the nodes of the old cluster first where both would answer for the same addresses.",
     restore_options, false, cli_restore},
    {0},
};
