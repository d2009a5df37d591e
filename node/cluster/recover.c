#include "cluster/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "store/store.h"

#define IDENTITY_FILE_MAX (64u << 10)

struct recover {
    struct cluster *cluster;
    struct cluster_recover_request request;
    cluster_done_cb cb;
    void *user;
    uv_work_t work;
    bool is_working;
    char folder[PATH_MAX - 64]; /* of the copy */
    bool is_made;               /* the folder, by this attempt */
    int code;                   /* why nothing was done; then the copy goes */
    char why[RAFT_DRIVER_MESSAGE_LEN];
    char text[CLUSTER_ERROR_MAX]; /* the same in words */
    uint64_t term;                /* 0: not forced yet */
    uint64_t deadline_mono_ms;
};

bool cluster_log_end(struct cluster *cluster, struct cluster_log_end *out)
{
    struct raft_driver_status status;

    if (cluster->phase != CLUSTER_MEMBER || !cluster->driver || !cluster->store)
        return false;
    raft_driver_status(cluster->driver, &status);
    *out = (struct cluster_log_end){
        .term = status.term,
        .leader = status.leader,
        .last_term = status.last_term,
        .last_index = status.last_index,
        .applied_index = status.applied_index,
        .is_quarantined = store_quarantine_reason(cluster->store) != NULL,
    };
    return true;
}

static bool find_in_log(struct cluster *cluster, uint64_t id, enum raft_member_role *role)
{
    struct raft_driver_status status;

    raft_driver_status(cluster->driver, &status);
    for (uint32_t i = 0; i < status.peer_count; i++) {
        if (status.peers[i].id != id)
            continue;
        *role = status.peers[i].role;
        return true;
    }
    return false;
}

bool cluster_votes_in_log(struct cluster *cluster, uint64_t id)
{
    enum raft_member_role role;

    return find_in_log(cluster, id, &role) && role == RAFT_VOTER;
}

bool cluster_is_in_log(struct cluster *cluster, uint64_t id)
{
    enum raft_member_role role;

    return find_in_log(cluster, id, &role);
}

static void finish(struct cluster *cluster, int rc, const char *message)
{
    struct recover *recover = cluster->recover;

    cluster->recover = NULL;
    recover->cb(recover->user, rc, message);
    free(recover);
}

void recover_free(struct cluster *cluster, int rc)
{
    if (cluster->recover)
        finish(cluster, rc, err_text(rc));
}

bool recover_is_running(const struct cluster *cluster)
{
    return cluster->recover && cluster->recover->is_working;
}

static int copy_file(const char *data_dir, const char *folder, const char *name)
{
    char path[PATH_MAX];
    uint8_t *octets;
    size_t len;

    snprintf(path, sizeof(path), "%s/identity/%s", data_dir, name);
    int rc = file_read(path, IDENTITY_FILE_MAX, &octets, &len);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    snprintf(path, sizeof(path), "%s/identity/%s", folder, name);
    rc = file_write(path, octets, len, 0600);
    explicit_bzero(octets, len);
    free(octets);
    return rc;
}

static int copy_identity(const char *data_dir, const char *folder)
{
    static const char *const names[] = {"node",    "ca.pem",      "cert.pem",
                                        "key.pem", "cluster.key", "members"};
    char path[PATH_MAX];
    int rc = 0;

    snprintf(path, sizeof(path), "%s/identity", folder);
    if (mkdir(path, 0700) != 0)
        return ERR_IO;
    for (unsigned i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        rc = copy_file(data_dir, folder, names[i]);
    return rc;
}

static int copy_state(struct cluster *cluster, const char *folder)
{
    static const char pointer[] = "state-1\n";
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/state-1", folder);
    pthread_rwlock_rdlock(&cluster->store_lock);
    int rc = store_checkpoint(cluster->store, path);
    pthread_rwlock_unlock(&cluster->store_lock);
    snprintf(path, sizeof(path), "%s/state.current", folder);
    return rc == 0 ? file_write(path, pointer, sizeof(pointer) - 1, 0600) : rc;
}

/* The state first: a log that was copied later holds all that it has applied, so the copy is a data
 * folder that opens. */
static void copy_all(uv_work_t *work)
{
    struct recover *recover = work->data;
    struct cluster *cluster = recover->cluster;
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/recovery", cluster->data_dir);
    int rc = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : ERR_IO;
    if (rc == 0) {
        recover->is_made = mkdir(recover->folder, 0700) == 0;
        rc = recover->is_made ? 0 : ERR_IO;
    }
    if (rc != 0)
        snprintf(recover->why, sizeof(recover->why), "%s", strerror(errno));
    if (rc == 0)
        rc = copy_state(cluster, recover->folder);
    snprintf(path, sizeof(path), "%s/log", recover->folder);
    if (rc == 0)
        rc = cluster__error(raft_driver_copy_log(cluster->driver, path, recover->why));
    if (rc == 0)
        rc = copy_identity(cluster->data_dir, recover->folder);
    if (rc == 0)
        rc = file_sync_folder(recover->folder);
    recover->code = rc;
}

static void fill_conf(const struct cluster *cluster, const struct cluster_recover_request *request,
                      struct raft_conf *out)
{
    *out = (struct raft_conf){.count = 1, .members = {{cluster->identity.id, RAFT_VOTER}}};
    for (unsigned i = 0; i < request->learner_count; i++) {
        unsigned at = out->count++;
        for (; at > 0 && out->members[at - 1].id > request->learners[i]; at--)
            out->members[at] = out->members[at - 1];
        out->members[at] = (struct raft_member){request->learners[i], RAFT_LEARNER};
    }
}

static int force(struct cluster *cluster, struct recover *recover)
{
    struct cluster_log_end end;
    struct raft_conf conf;

    if (!cluster_log_end(cluster, &end) || end.leader != 0 ||
        end.last_term != recover->request.last_term ||
        end.last_index != recover->request.last_index)
        return ERR_CONFLICT;
    fill_conf(cluster, &recover->request, &conf);
    uint64_t term = raft_recovery_term(recover->request.generation, random_id());
    int rc = cluster__error(raft_driver_recover(cluster->driver, term, &conf));
    if (rc == 0) {
        log_warn("cluster",
                 "recovered generation=%" PRIu32 " last_index=%" PRIu64 " followers=%u "
                 "copy=%s",
                 recover->request.generation, end.last_index, recover->request.learner_count,
                 recover->folder);
        recover->term = term;
        recover->deadline_mono_ms = clock_mono_ms() + CLUSTER_RECOVER_WAIT_MS;
    }
    return rc;
}

/* Nothing was done, so nothing of it is to stay: copies of a large state fill a disk. */
static void remove_copy(uv_work_t *work)
{
    const struct recover *recover = work->data;
    char path[PATH_MAX];

    if (recover->is_made) /* else it is another one's */
        (void)file_remove_tree(recover->folder);
    snprintf(path, sizeof(path), "%s/recovery", recover->cluster->data_dir);
    (void)rmdir(path); /* when it is empty */
}

static void removed(uv_work_t *work, int status)
{
    struct recover *recover = work->data;
    struct cluster *cluster = recover->cluster;

    (void)status;
    recover->is_working = false;
    cluster__wake(cluster); /* a close may wait for this */
    finish(cluster, recover->code, recover->text);
}

static void give_up(struct cluster *cluster, int rc, const char *text)
{
    struct recover *recover = cluster->recover;

    recover->code = rc;
    snprintf(recover->text, sizeof(recover->text), "%s", text);
    recover->is_working = uv_queue_work(cluster->loop, &recover->work, remove_copy, removed) == 0;
    if (!recover->is_working)
        finish(cluster, rc, text);
}

static void copied(uv_work_t *work, int status)
{
    struct recover *recover = work->data;
    struct cluster *cluster = recover->cluster;
    char text[CLUSTER_ERROR_MAX];

    recover->is_working = false;
    cluster__wake(cluster); /* a close may wait for this */
    if (status != 0 || cluster->stop != CLUSTER_STOP_NONE) {
        give_up(cluster, ERR_CLOSED, err_text(ERR_CLOSED));
        return;
    }
    if (recover->code != 0) {
        snprintf(text, sizeof(text),
                 "the copy in %.300s could not be made, so nothing was done: %s. %.200s",
                 recover->folder, err_text(recover->code), recover->why);
        give_up(cluster, recover->code, text);
        return;
    }
    int rc = force(cluster, recover);
    if (rc == ERR_CONFLICT)
        give_up(cluster, rc,
                "the log has changed meanwhile, or there is a leader again: look anew");
    else if (rc != 0)
        give_up(cluster, rc, err_text(rc));
}

/* It leads, and the new configuration is applied: members are those of it. */
static bool is_done(struct cluster *cluster, const struct recover *recover)
{
    struct raft_driver_status status;

    raft_driver_status(cluster->driver, &status);
    return status.role == RAFT_LEADER && status.term >= recover->term &&
           status.applied_index > recover->request.last_index &&
           cluster->members.count == 1 + recover->request.learner_count;
}

void recover_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    const struct recover *recover = cluster->recover;
    char text[CLUSTER_ERROR_MAX];

    if (!recover || recover->term == 0 || recover->is_working)
        return;
    if (is_done(cluster, recover)) {
        snprintf(text, sizeof(text),
                 "recovered: this node is the only voter now and takes changes; what it had before "
                 "is in %.400s",
                 recover->folder);
        finish(cluster, 0, text);
    } else if (now_mono_ms >= recover->deadline_mono_ms) {
        finish(cluster, ERR_TIMEOUT, "this node does not lead yet: see its log");
    }
}

static void name_folder(struct recover *recover)
{
    char when[CLOCK_TEXT_LEN];

    clock_format(clock_wall_ms(), when);
    for (char *at = when; *at; at++)
        *at = *at == ':' ? '.' : *at;
    snprintf(recover->folder, sizeof(recover->folder), "%s/recovery/%s", recover->cluster->data_dir,
             when);
}

int cluster_recover(struct cluster *cluster, const struct cluster_recover_request *request,
                    cluster_done_cb cb, void *user)
{
    if (cluster->phase != CLUSTER_MEMBER || cluster->stop != CLUSTER_STOP_NONE || !cluster->driver)
        return ERR_UNAVAILABLE;
    if (cluster->recover || cluster->install.is_running)
        return ERR_BUSY;
    struct recover *recover = calloc(1, sizeof(*recover));
    if (!recover)
        return ERR_NOMEM;
    *recover = (struct recover){.cluster = cluster, .request = *request, .cb = cb, .user = user};
    name_folder(recover);
    recover->work.data = recover;
    if (uv_queue_work(cluster->loop, &recover->work, copy_all, copied) != 0) {
        free(recover);
        return ERR_NOMEM;
    }
    recover->is_working = true;
    cluster->recover = recover;
    return 0;
}
