#include "cli/backup_key.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/cli.h"
#include "proto/control.pb-c.h"

/* One line of standard input; from a terminal it is asked for, and not shown. */
static bool read_line(const char *question, uint8_t *out, size_t *len)
{
    struct termios shown, hidden;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    char line[BACKUP_SECRET_MAX + 2];

    if (is_terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fprintf(stderr, "%s: ", question);
    }
    bool is_read = fgets(line, sizeof(line), stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fprintf(stderr, "\n");
    }
    *len = is_read ? strcspn(line, "\n") : 0;
    is_read = *len > 0 && *len <= BACKUP_SECRET_MAX;
    if (is_read)
        memcpy(out, line, *len);
    explicit_bzero(line, sizeof(line));
    return is_read;
}

static bool read_passphrase(struct cli *cli, bool is_new, struct backup_secret *out)
{
    struct backup_secret again;

    out->kind = BACKUP_KEY_PASSPHRASE;
    if (!read_line("passphrase of the backup", out->octets, &out->len)) {
        cli_fail(cli, CLI_USAGE, "no passphrase was given, or one of over %u octets",
                 BACKUP_SECRET_MAX);
        return false;
    }
    if (!is_new || !isatty(STDIN_FILENO))
        return true;
    bool is_same = read_line("the same again", again.octets, &again.len) && again.len == out->len &&
                   memcmp(again.octets, out->octets, out->len) == 0;
    explicit_bzero(&again, sizeof(again));
    if (!is_same)
        cli_fail(cli, CLI_USAGE, "the two are not the same");
    return is_same;
}

bool cli_backup_key(struct cli *cli, struct backup_secret *out, bool *is_made)
{
    const char *path = cli_value(cli, CLI_VALUE_KEY_FILE);
    char problem[BACKUP_PROBLEM_LEN];
    bool is_passphrase = false;

    out->kind = BACKUP_KEY_NONE;
    out->len = 0;
    if (!cli_value_flag(cli, CLI_VALUE_PASSPHRASE, &is_passphrase))
        return false;
    if (path && is_passphrase) {
        cli_fail(cli, CLI_USAGE, "--key-file or --passphrase, not both");
        return false;
    }
    if (is_passphrase)
        return read_passphrase(cli, is_made != NULL, out);
    if (!path)
        return true;
    if (backup_key_file(path, out, is_made, problem) != 0) {
        cli_fail(cli, CLI_REFUSED, "%s", problem);
        return false;
    }
    if (is_made && *is_made && !cli->is_json)
        fprintf(stderr,
                "made the key file %s; keep a copy of it apart from the backups: without it, their "
                "access keys and signing keys cannot be restored\n",
                path);
    return true;
}

void cli_backup_key_fill(const struct backup_secret *secret, struct Ctl__BackupKey *out)
{
    ctl__backup_key__init(out);
    out->kind = (uint32_t)secret->kind;
    out->octets = (ProtobufCBinaryData){secret->len, (uint8_t *)(uintptr_t)secret->octets};
}
