/* node/backup/write.h: the state as a backup. Blocks; any thread. */
#pragma once

#include "backup/backup.h"

/* Fill @about from the state in @kv (a copy that nobody writes to): cluster, index, hash, counts.
 * The rest stays as it is. ERR_NOT_FOUND: there is no cluster in it yet; ERR_CORRUPT, ERR_IO,
 * ERR_NOMEM. */
int backup_describe(const struct kv *kv, struct backup_about *about);

/* Write all of @kv to @sink, some 64 KiB to a MiB at a time; memory stays within a few MiB however
 * much there is. @progress may be NULL. ERR_CLOSED (it was stopped), ERR_IO (also the sink's),
 * ERR_CORRUPT, ERR_LIMIT (a pair beyond what the form holds), ERR_NOMEM. */
int backup_write(const struct kv *kv, const struct backup_about *about,
                 struct backup_progress *progress, backup_sink_cb sink, void *user);

/* SHA-256 over all pairs of @kv, as the end of its backup has it. ERR_*. */
int backup_content_hash(const struct kv *kv, struct backup_progress *progress, uint8_t out[32]);
