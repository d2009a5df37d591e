/* node/backup/load.h: a backup into a state that can be opened: for a restore, and to verify one
 * for real. Blocks; any thread. */
#pragma once

#include "backup/backup.h"

/* Load all of @source into the empty state @kv, durably. Each pair passes the decoder of its kind;
 * then the state is read back: it must hold the pairs that the backup says, be of the cluster,
 * index and hash that it says, and each zone must be listed and have the record sets that it
 * counts. On failure @problem says what is wrong, and @kv holds a part. ERR_* as backup_read(), and
 * those of
 * @kv. */
int backup_load(const struct backup_source *source, const struct kv *kv,
                struct backup_progress *progress, struct backup_about *about,
                char problem[BACKUP_PROBLEM_LEN]);
