/* node/cluster/backup_internal.h: what the files of backups share: backup.c for callers,
 * backup_schedule.c by the clock. Loop thread, but for what a worker has while `is_running`. */
#pragma once

#include <limits.h>

#include "cluster/backup.h"
#include "cluster/backup_make.h"

struct backup_schedule {
    char *folder; /* owned; NULL: there is none */
    char *key_file;
    uint64_t every_ms;
    uint32_t keep;
    char domain[CLUSTER_TEXT_MAX]; /* a copy for the worker */
    bool is_looked;                /* the folder was looked into since the start */
    bool is_made;                  /* the worker's: it was due, and is made */
    uint64_t begun_mono_ms, again_mono_ms;
    uint64_t newest_wall_ms; /* the worker's: of the newest in the folder; 0: none */
    char file[PATH_MAX];     /* the worker's: of the one it made */
    uint64_t file_len;
    /* for status */
    uint64_t tried_wall_ms, made_wall_ms, index, len, took_ms, failures;
    char error[CLUSTER_BACKUP_TEXT_MAX];
    char made_file[PATH_MAX];
};

struct backups {
    struct cluster *cluster;
    struct backup_make make; /* the one under way */
    struct uv_work_s *work;
    int code;           /* the worker's, when it is done */
    bool is_clean;      /* what a crash left of a backup is removed */
    bool is_running;    /* a worker makes a backup, or looks into the folder */
    bool is_scheduled;  /* that is for the schedule */
    uint64_t caller_id; /* of a caller's backup; 0: there is none */
    bool is_forgotten;  /* … and nobody wants it any more */
    int fd;             /* of it, once it is made; else -1 */
    uint64_t len, used_mono_ms;
    bool is_reading; /* a worker reads a piece of it */
    struct backup_schedule schedule;
};

/* NULL: no memory. Copies of @options' texts. */
struct backups *backups_new(struct cluster *cluster, const struct cluster_options *options);
void backups_free(struct backups *backups); /* accepts NULL; not while a worker is at work */
/* Is a worker at work? Once the cluster stops, it is told to end. */
bool backups_is_running(struct backups *backups);
void backups_tick(struct backups *backups, uint64_t now_mono_ms);
/* backup_schedule.c: begin what is due. */
void backup_schedule_tick(struct backups *backups, uint64_t now_mono_ms);
