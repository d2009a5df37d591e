/* node/cluster/backup.h: backups of this node's state (node/backup): for a caller who fetches them
 * in pieces, and by a schedule into a folder of this machine; and a new cluster from one. Loop
 * thread; the work itself is done on libuv's workers, so neither the loop nor DNS waits for it. One
 * backup is made at a time. */
#pragma once

#include "cluster/cluster.h"

struct backup_secret; /* backup/key.h */

#define CLUSTER_BACKUP_PIECE_LEN (256u << 10) /* octets of a backup in one piece, at most */
#define CLUSTER_BACKUP_TEXT_MAX 1200          /* of a path or a sentence, NUL included */

/* How far it is. */
struct cluster_backup_piece {
    bool is_ready;        /* else it is being made */
    uint64_t done, total; /* record sets, while it is being made */
    uint64_t len;         /* octets of all of it, once it is ready */
    const uint8_t *data;  /* borrowed for the callback; from the offset that was asked for */
    size_t data_len;
};
/* rc 0, or a failure with a sentence: then the backup is gone. */
typedef void (*cluster_backup_cb)(void *user, int rc, const char *message,
                                  const struct cluster_backup_piece *piece);

/* Begin to make a backup; it is kept, without a name, on the data folder's disk until its end was
 * read or nobody has asked for a minute. @secret (copied; NULL: none) seals the cluster key in it.
 * ERR_UNAVAILABLE (not a member), ERR_BUSY (one is being made, or is kept for another), ERR_NOMEM.
 */
int cluster_backup_begin(struct cluster *cluster, const struct backup_secret *secret, uint64_t *id);
/* Up to CLUSTER_BACKUP_PIECE_LEN octets from @offset on; or, while it is being made, how far it is.
 * ERR_NOT_FOUND (there is none of this id any more), ERR_BUSY (a piece of it is being read), and
 * why it could not be made: cluster_backup_problem() then has the sentence. */
int cluster_backup_read(struct cluster *cluster, uint64_t id, uint64_t offset, cluster_backup_cb cb,
                        void *user);
/* Why the last one could not be made. Borrowed until the next one. */
const char *cluster_backup_problem(struct cluster *cluster);
/* It will not be asked for any more. */
void cluster_backup_forget(struct cluster *cluster, uint64_t id);

/* What the schedule has done. Texts are borrowed until the next turn of the loop. */
struct cluster_backup_status {
    const char *folder; /* "": there is no schedule */
    uint64_t every_ms;
    bool is_running;
    uint64_t tried_wall_ms; /* the last try's end; 0: none since the start */
    const char *error;      /* of the last try; "": it succeeded */
    uint64_t failures;      /* tries that failed since the start */
    uint64_t made_wall_ms;  /* the newest whole backup; 0: none is known */
    const char *file;       /* the last one made since the start, or "" */
    uint64_t index, len, took_ms;
};
void cluster_backup_status(struct cluster *cluster, struct cluster_backup_status *out);

/* ---- a new cluster of this one node, from a backup ---- */

/* Take a backup of @len octets in, by pieces in order. ERR_CONFLICT (not waiting for an init or
 * join), ERR_INVALID (out of order, or beyond @len), ERR_IO (errno tells). */
int cluster_restore_begin(struct cluster *cluster, uint64_t len);
int cluster_restore_data(struct cluster *cluster, uint64_t offset, const uint8_t *data, size_t len);
struct cluster_restore_options {
    const struct backup_secret *secret; /* copied; NULL: none */
    bool is_without_secrets;            /* leave access keys and signing keys out */
};
/* Make the cluster: new cluster id and key, CA, member id; zones, records, checks, settings and the
 * journal as they were; access keys and signing keys sealed anew. @cb when it runs. At once:
 * ERR_CONFLICT, ERR_INVALID (not all of the backup has come), ERR_NOMEM. To @cb also: ERR_DENIED
 * (the key is not the one), and what is wrong with the backup. */
int cluster_restore_run(struct cluster *cluster, const struct cluster_restore_options *options,
                        cluster_done_cb cb, void *user);
