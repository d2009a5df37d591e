/* node/cli/backup_key.h: the key of a backup's secrets, as the command line gives it. */
#pragma once

#include <stdbool.h>

#include "backup/key.h"

struct Ctl__BackupKey;
struct cli;

/* From --key-file (with @is_made, one that is not there is made, and told) or --passphrase; kind
 * NONE when neither was given. false: told. Wipe *@out after use. */
bool cli_backup_key(struct cli *cli, struct backup_secret *out, bool *is_made);
/* For a request; borrows @secret. */
void cli_backup_key_fill(const struct backup_secret *secret, struct Ctl__BackupKey *out);
