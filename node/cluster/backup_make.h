/* node/cluster/backup_make.h: making one backup on a worker: a checkpoint of the state, as
 * snapshots have it, which is then written out and removed. Within the room. */
#pragma once

#include "backup/backup.h"
#include "backup/file.h"
#include "backup/key.h"
#include "cluster/internal.h"

/* In: filled on the loop. Out: read there when the work is done. */
struct backup_make {
    struct cluster *cluster; /* data_dir, store and store_lock alone are used by the worker */
    uint8_t cluster_key[SECRETS_KEY_LEN];
    struct backup_secret secret; /* kind NONE: the cluster key stays out */
    struct backup_about about;   /* node's id, name, version: in; the rest: out */
    struct backup_progress progress;
    char problem[BACKUP_PROBLEM_LEN]; /* out, of a failure */
};

/* Loop: forget what was here, and fill in what the loop knows. The caller sets the secret. */
void backup_make_prepare(struct backup_make *make, struct cluster *cluster);
/* Loop: wipe keys. */
void backup_make_wipe(struct backup_make *make);
/* Worker: DATADIR/backup/, empty: what was left there of others is removed. ERR_IO. */
int backup_make_folder(struct backup_make *make);
/* Worker: take the checkpoint and write it to @sink. ERR_DIVERGED (quarantined), ERR_IO, … with
 * make->problem. */
int backup_make_write(struct backup_make *make, backup_sink_cb sink, void *user);
