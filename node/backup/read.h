/* node/backup/read.h: a backup's octets, which may be anything, into what it says about itself and
 * its pairs. Every part's hash is checked before its content is looked at. Blocks; any thread. */
#pragma once

#include "backup/backup.h"

/* Pairs as writes (KV_PUT), some thousands at a time, in order of family and key, none twice;
 * borrowed for the call. 0 to go on; an error to stop with. */
typedef int (*backup_pairs_cb)(void *user, const struct kv_write *pairs, size_t count);

struct backup_found {
    struct backup_about about;
    uint8_t content_sha256[32]; /* what its end says of the pairs */
};

/* What the backup says about itself, from its first part alone. */
int backup_read_about(const struct backup_source *source, struct backup_about *out,
                      char problem[BACKUP_PROBLEM_LEN]);
/* Read all of it: 0 means that it is whole, each bit of it. @cb may be NULL: then only the hashes
 * are checked. Memory: some MiB.
 * Errors of both, with a sentence in @problem: ERR_INVALID (no backup), ERR_VERSION (by a newer
 * program), ERR_CORRUPT (damaged or cut off: it says where), ERR_IO, ERR_NOMEM, ERR_CLOSED
 * (@progress was stopped), and @cb's own (then @cb has filled @problem, or it is empty). */
int backup_read(const struct backup_source *source, struct backup_progress *progress,
                backup_pairs_cb cb, void *user, struct backup_found *out,
                char problem[BACKUP_PROBLEM_LEN]);
