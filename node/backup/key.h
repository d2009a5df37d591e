/* node/backup/key.h: the cluster key in a backup, sealed so that the file alone opens nothing: by
 * a key file (32 random octets; HKDF-SHA256) or by a passphrase (PBKDF2-HMAC-SHA256, RFC 8018);
 * then ChaCha20-Poly1305 (RFC 8439) bound to the cluster's id. The salt is fresh for each backup,
 * so the derived key seals one thing only. Any thread that may work for some 0.2 s. */
#pragma once

#include "backup/backup.h"

#define BACKUP_ITERATIONS 600000u       /* what OWASP asks of PBKDF2-HMAC-SHA256 */
#define BACKUP_ITERATIONS_MAX 10000000u /* read from files */
#define BACKUP_FILE_KEY_LEN 32u

/* What the operator has: the octets of a key file, or a passphrase. Wipe after use. */
struct backup_secret {
    enum backup_key_kind kind;
    uint8_t octets[BACKUP_SECRET_MAX];
    size_t len;
};

/* Read the key file at @path: "quartet-backup-key 1", then 64 hex digits. With @is_made non-NULL
 * one that is not there is made by chance, mode 0600, and *@is_made says so. Else @problem says
 * what is wrong. ERR_NOT_FOUND, ERR_INVALID (no key file), ERR_DENIED (others may read it), ERR_IO.
 */
int backup_key_file(const char *path, struct backup_secret *out, bool *is_made,
                    char problem[BACKUP_PROBLEM_LEN]);

/* Seal @cluster_key of the cluster @cluster_id by @secret, whose kind is not NONE. */
void backup_key_seal(const struct backup_secret *secret,
                     const uint8_t cluster_id[STATE_CLUSTER_ID_LEN],
                     const uint8_t cluster_key[BACKUP_CLUSTER_KEY_LEN], struct backup_seal *out);
/* Undo it. ERR_DENIED: another key or passphrase (or another kind of it); ERR_NOT_FOUND: the backup
 * has no key. */
int backup_key_open(const struct backup_secret *secret, const struct backup_about *about,
                    uint8_t cluster_key[BACKUP_CLUSTER_KEY_LEN]);
