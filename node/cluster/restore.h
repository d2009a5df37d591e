/* node/cluster/restore.h: a new cluster of this node from a backup; within the room. The backup
 * comes into DATADIR/restore.part; a worker loads it into DATADIR/restoring/, makes of that the
 * first state of another cluster, and puts it in place; last of all the identity is stored. A crash
 * before that leaves a node that waits as before, and the next init, join or restore clears up. */
#pragma once

#include "backup/backup.h"
#include "cluster/internal.h"

struct restore *restore_new(void);                  /* NULL: no memory */
void restore_free(struct restore *restore, int rc); /* not while a worker is at work */
/* Is a worker at work? Once the cluster stops, it is told to end. */
bool restore_is_running(struct cluster *cluster);
/* What it does now, for status; "" when none runs. Borrowed until the next call. */
const char *restore_step(struct cluster *cluster);
/* Remove what a restore that did not end has left. ERR_IO. */
int restore_clear_leftovers(const char *data_dir);

/* restore_state.c; worker. What of the loaded state @kv is the old cluster's own, members, tokens,
 * sessions and secrets, goes; what the new one is made of comes in, as the entry behind the last.
 */
struct restore_state {
    struct state_cluster cluster; /* the new one */
    struct state_member self;
    const struct secrets *old_secrets; /* NULL: they cannot be opened */
    const struct secrets *new_secrets;
    bool is_without_secrets;
    struct state_applied applied;                 /* out */
    unsigned access_key_count, signing_key_count; /* out: sealed anew, or left out */
};
/* ERR_DENIED: there are secrets, and no key for them; ERR_CORRUPT: the key does not open them. */
int restore_state(const struct kv *kv, struct restore_state *about,
                  char problem[BACKUP_PROBLEM_LEN]);
