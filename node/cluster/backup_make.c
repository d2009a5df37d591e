#include "cluster/backup_make.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "backup/write.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/kv_rocks.h"
#include "store/store.h"

/* What must stay free on the data folder's disk: far more than what stops a node (raft/io). */
#define ROOM_LEN (UINT64_C(256) << 20)
#define LOOK_LEN (8u << 20) /* octets written between two looks at it */

void backup_make_prepare(struct backup_make *make, struct cluster *cluster)
{
    memset(make, 0, sizeof(*make));
    make->cluster = cluster;
    memcpy(make->cluster_key, cluster->identity.cluster_key, sizeof(make->cluster_key));
    make->about.node_id = cluster->identity.id;
    snprintf(make->about.node_name, sizeof(make->about.node_name), "%s", cluster->name);
    snprintf(make->about.program_version, sizeof(make->about.program_version), "%s",
             QUARTET_VERSION);
}

void backup_make_wipe(struct backup_make *make)
{
    explicit_bzero(make->cluster_key, sizeof(make->cluster_key));
    explicit_bzero(&make->secret, sizeof(make->secret));
}

static void path_of(const struct backup_make *make, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/backup%s", make->cluster->data_dir, name);
}

int backup_make_folder(struct backup_make *make)
{
    char path[PATH_MAX];

    path_of(make, "", path);
    if (file_remove_tree(path) == 0 && mkdir(path, 0700) == 0)
        return 0;
    return backup_problem(make->problem, ERR_IO, "%.300s cannot be made: %s", path,
                          strerror(errno));
}

static int check_room(struct backup_make *make)
{
    struct statvfs disk;

    if (statvfs(make->cluster->data_dir, &disk) != 0 ||
        (uint64_t)disk.f_bavail * disk.f_frsize >= ROOM_LEN)
        return 0;
    return backup_problem(make->problem, ERR_IO,
                          "the data folder's disk has less than %u MiB left, which a backup must "
                          "not use up: make room",
                          (unsigned)(ROOM_LEN >> 20));
}

static int take_copy(struct backup_make *make, const char *path)
{
    struct cluster *cluster = make->cluster;
    int rc = check_room(make);

    if (rc != 0)
        return rc;
    pthread_rwlock_rdlock(&cluster->store_lock);
    rc = store_quarantine_reason(cluster->store) ? ERR_DIVERGED
                                                 : store_checkpoint(cluster->store, path);
    make->about.taken_wall_ms = clock_wall_ms();
    pthread_rwlock_unlock(&cluster->store_lock);
    if (rc == ERR_DIVERGED)
        return backup_problem(make->problem, rc,
                              "this node's state differs from the cluster's and is being replaced: "
                              "take the backup from another node");
    return rc == 0 ? 0
                   : backup_problem(make->problem, rc, "the state cannot be copied to %.200s: %s",
                                    path, err_text(rc));
}

/* The caller's sink, which must not fill the disk that the node lives on. */
struct guarded {
    struct backup_make *make;
    backup_sink_cb sink;
    void *user;
    size_t unlooked_len;
};

static int put_guarded(void *user, const void *data, size_t len)
{
    struct guarded *guarded = user;
    int rc = 0;

    guarded->unlooked_len += len;
    if (guarded->unlooked_len >= LOOK_LEN) {
        guarded->unlooked_len = 0;
        rc = check_room(guarded->make);
    }
    if (rc == 0) {
        rc = guarded->sink(guarded->user, data, len);
        if (rc != 0)
            backup_problem(guarded->make->problem, rc, "the backup cannot be written: %s",
                           strerror(errno));
    }
    return rc;
}

static int write_copy(struct backup_make *make, const struct kv *kv, backup_sink_cb sink,
                      void *user)
{
    struct guarded guarded = {.make = make, .sink = sink, .user = user};
    /* Damage here must not become a backup that says it is whole. */
    int rc = kv_verify_until(kv, &make->progress.is_stopped);

    if (rc == 0)
        rc = backup_describe(kv, &make->about);
    if (rc == 0 && make->secret.kind != BACKUP_KEY_NONE)
        backup_key_seal(&make->secret, make->about.cluster.id, make->cluster_key,
                        &make->about.seal);
    if (rc == 0)
        rc = backup_write(kv, &make->about, &make->progress, put_guarded, &guarded);
    if (rc != 0 && make->problem[0] == '\0')
        backup_problem(make->problem, rc, "%s",
                       rc == ERR_CORRUPT ? "this node's state is damaged, its log says where: take "
                                           "the backup from another node"
                                         : err_text(rc));
    return rc;
}

int backup_make_write(struct backup_make *make, backup_sink_cb sink, void *user)
{
    char path[PATH_MAX];
    struct kv kv = {0};

    path_of(make, "/checkpoint", path);
    int rc = take_copy(make, path);
    if (rc == 0) {
        rc = kv_rocks_open(path, false, &kv);
        if (rc != 0)
            backup_problem(make->problem, rc, "the copy of the state cannot be opened: %s",
                           err_text(rc));
    }
    if (rc == 0)
        rc = write_copy(make, &kv, sink, user);
    kv_close(&kv);
    (void)file_remove_tree(path); /* else the next backup does */
    return rc;
}
