/* node/cli/backup_view.h: what a backup holds, for people and as JSON; and how far work is. */
#pragma once

#include "backup/backup.h"

struct json_t;

void backup_view_print(const struct backup_about *about, uint64_t octets);
struct json_t *backup_view_json(const char *path, const struct backup_about *about,
                                uint64_t octets);
/* "with a key file", "with a passphrase", "no": how its secrets can be restored. */
const char *backup_view_key(const struct backup_about *about);

/* A line on a terminal that says how far long work is; nothing where standard error is none. */
void backup_view_progress(const char *doing, uint64_t done, uint64_t total);
void backup_view_progress_end(void); /* takes that line away */
