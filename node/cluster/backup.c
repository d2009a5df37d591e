/* node/cluster/backup.c: backups for callers, who fetch them in pieces. A backup is written whole
 * to the data folder's disk before its first piece goes out: however slow the caller is, neither
 * memory nor the checkpoint waits for it. The file has no name, so nothing stays after a crash. */
#include "cluster/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/backup_internal.h"

#define FORGET_AFTER_MS 60000   /* of silence */
#define GIVE_WAY_AFTER_MS 10000 /* likewise, to a new caller */

struct reading {
    struct backups *backups;
    uv_work_t work;
    uint64_t offset;
    bool is_ready;
    size_t len;
    int code;
    cluster_backup_cb cb;
    void *user;
    uint8_t data[];
};

static void close_file(struct backups *backups)
{
    if (backups->fd >= 0)
        close(backups->fd);
    backups->fd = -1;
    backups->caller_id = 0;
    backups->is_forgotten = false;
}

struct backups *backups_new(struct cluster *cluster, const struct cluster_options *options)
{
    struct backups *backups = calloc(1, sizeof(*backups));
    bool has_schedule = options->backup.folder && options->backup.folder[0];

    if (!backups)
        return NULL;
    backups->cluster = cluster;
    backups->work = calloc(1, sizeof(*backups->work));
    backups->fd = -1;
    backups->schedule.every_ms = options->backup.every_ms;
    backups->schedule.keep = options->backup.keep;
    if (has_schedule) {
        backups->schedule.folder = strdup(options->backup.folder);
        backups->schedule.key_file =
            strdup(options->backup.key_file ? options->backup.key_file : "");
    }
    if (!backups->work ||
        (has_schedule && (!backups->schedule.folder || !backups->schedule.key_file))) {
        backups_free(backups);
        return NULL;
    }
    return backups;
}

void backups_free(struct backups *backups)
{
    if (!backups)
        return;
    close_file(backups);
    backup_make_wipe(&backups->make);
    free(backups->work);
    free(backups->schedule.folder);
    free(backups->schedule.key_file);
    free(backups);
}

bool backups_is_running(struct backups *backups)
{
    if (!backups)
        return false;
    if (backups->cluster->stop != CLUSTER_STOP_NONE)
        atomic_store(&backups->make.progress.is_stopped, true);
    return backups->is_running || backups->is_reading;
}

static int put_nameless(void *user, const void *data, size_t len)
{
    struct backups *backups = user;
    struct backup_file file = {.fd = backups->fd};
    int rc = backup_file_put(&file, data, len);

    if (rc == 0)
        backups->len += len;
    return rc;
}

static void make_for_caller(uv_work_t *work)
{
    struct backups *backups = work->data;
    struct backup_make *make = &backups->make;
    char path[PATH_MAX];

    backups->code = backup_make_folder(make);
    if (backups->code != 0)
        return;
    snprintf(path, sizeof(path), "%s/backup/made", make->cluster->data_dir);
    backups->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (backups->fd < 0 || unlink(path) != 0)
        backups->code = backup_problem(make->problem, ERR_IO, "%.300s cannot be made: %s", path,
                                       strerror(errno));
    else
        backups->code = backup_make_write(make, put_nameless, backups);
}

static void on_made(uv_work_t *work, int status)
{
    struct backups *backups = work->data;

    backups->is_running = false;
    if (status != 0)
        backups->code = ERR_CLOSED;
    backup_make_wipe(&backups->make);
    backups->used_mono_ms = clock_mono_ms();
    if (backups->code == 0)
        log_info("backup", "backup_made index=%" PRIu64 " octets=%" PRIu64,
                 backups->make.about.applied.index, backups->len);
    else
        log_warn("backup", "backup_not_made why=\"%s\"", backups->make.problem);
    if (backups->is_forgotten)
        close_file(backups);
    cluster__wake(backups->cluster); /* a close may wait for this */
}

void cluster_backup_forget(struct cluster *cluster, uint64_t id)
{
    struct backups *backups = cluster->backups;

    if (id == 0 || id != backups->caller_id)
        return;
    backups->is_forgotten = true;
    if (backups->is_running)
        atomic_store(&backups->make.progress.is_stopped, true);
    else if (!backups->is_reading)
        close_file(backups);
}

/* One whose caller has gone. */
static void forget_silent(struct backups *backups, uint64_t now_mono_ms, uint64_t after_ms)
{
    if (!backups->is_running && !backups->is_reading &&
        now_mono_ms - backups->used_mono_ms >= after_ms)
        cluster_backup_forget(backups->cluster, backups->caller_id);
}

int cluster_backup_begin(struct cluster *cluster, const struct backup_secret *secret, uint64_t *id)
{
    struct backups *backups = cluster->backups;

    if (!cluster->store || cluster->domain[0] == '\0' || cluster->stop != CLUSTER_STOP_NONE)
        return ERR_UNAVAILABLE;
    forget_silent(backups, clock_mono_ms(), GIVE_WAY_AFTER_MS);
    if (backups->is_running || backups->caller_id != 0)
        return ERR_BUSY;
    backup_make_prepare(&backups->make, cluster);
    if (secret)
        backups->make.secret = *secret;
    backups->len = 0;
    backups->work->data = backups;
    if (uv_queue_work(cluster->loop, backups->work, make_for_caller, on_made) != 0) {
        backup_make_wipe(&backups->make);
        return ERR_NOMEM;
    }
    backups->is_running = true;
    backups->is_scheduled = false;
    backups->caller_id = *id = random_id();
    return 0;
}

static void read_piece(uv_work_t *work)
{
    struct reading *reading = work->data;
    struct backup_source source;
    int rc = reading->is_ready ? backup_file_source(&reading->backups->fd, &source) : 0;

    if (rc == 0 && reading->is_ready)
        rc = source.read(source.user, reading->offset, reading->data, reading->len);
    reading->code = rc;
}

static void on_piece(uv_work_t *work, int status)
{
    struct reading *reading = work->data;
    struct backups *backups = reading->backups;
    struct backup_progress *progress = &backups->make.progress;
    struct cluster_backup_piece piece = {.is_ready = reading->is_ready,
                                         .done = atomic_load(&progress->done),
                                         .total = atomic_load(&progress->total),
                                         .len = backups->len,
                                         .data = reading->data,
                                         .data_len = reading->len};
    int code = status == 0 ? reading->code : ERR_CLOSED;

    backups->is_reading = false;
    reading->cb(reading->user, code, code == 0 ? "" : "the backup on the node cannot be read",
                &piece);
    free(reading);
    if (backups->is_forgotten && !backups->is_running)
        close_file(backups);
    cluster__wake(backups->cluster);
}

int cluster_backup_read(struct cluster *cluster, uint64_t id, uint64_t offset, cluster_backup_cb cb,
                        void *user)
{
    struct backups *backups = cluster->backups;
    bool is_ready = !backups->is_running;
    size_t len = 0;

    if (id == 0 || id != backups->caller_id || backups->is_forgotten ||
        cluster->stop != CLUSTER_STOP_NONE)
        return ERR_NOT_FOUND;
    if (backups->is_reading)
        return ERR_BUSY;
    if (is_ready && backups->code != 0)
        return backups->code;
    if (is_ready && offset < backups->len)
        len = backups->len - offset < CLUSTER_BACKUP_PIECE_LEN ? (size_t)(backups->len - offset)
                                                               : CLUSTER_BACKUP_PIECE_LEN;
    struct reading *reading = malloc(sizeof(*reading) + len);
    if (!reading)
        return ERR_NOMEM;
    *reading = (struct reading){.backups = backups,
                                .offset = offset,
                                .is_ready = is_ready,
                                .len = len,
                                .cb = cb,
                                .user = user};
    reading->work.data = reading;
    if (uv_queue_work(cluster->loop, &reading->work, read_piece, on_piece) != 0) {
        free(reading);
        return ERR_NOMEM;
    }
    backups->is_reading = true;
    backups->used_mono_ms = clock_mono_ms();
    return 0;
}

const char *cluster_backup_problem(struct cluster *cluster)
{
    return cluster->backups->make.problem;
}

/* A checkpoint keeps files of the state that would be removed else. */
static void clear_leftovers(struct backups *backups)
{
    char path[PATH_MAX];

    backups->is_clean = true;
    snprintf(path, sizeof(path), "%s/backup", backups->cluster->data_dir);
    if (!backups->is_running && file_remove_tree(path) != 0)
        log_warn("backup", "leftover_stays folder=%s", path);
}

void backups_tick(struct backups *backups, uint64_t now_mono_ms)
{
    if (!backups->is_clean)
        clear_leftovers(backups);
    forget_silent(backups, now_mono_ms, FORGET_AFTER_MS);
    if (backups->schedule.folder)
        backup_schedule_tick(backups, now_mono_ms);
}
