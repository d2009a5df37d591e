#include "cluster/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "backup/file.h"
#include "backup/key.h"
#include "backup/load.h"
#include "backup/read.h"
#include "base/file.h"
#include "base/log.h"
#include "cluster/apply_feature.h"
#include "cluster/backup.h"
#include "cluster/feature.h"
#include "cluster/init.h"
#include "cluster/upgrade.h"
#include "store/kv_rocks.h"
#include "store/store.h"

#define PART_NAME "restore.part"
#define FOLDER_NAME "restoring"

struct restore {
    struct cluster *cluster;
    int fd; /* of the backup that comes in; -1: none does */
    uint64_t len, have_len;
    bool is_running;
    uv_work_t work;
    cluster_done_cb cb;
    void *user;
    char step[160];
    /* the worker's, until it is done */
    struct backup_secret secret;
    bool is_without_secrets;
    struct backup_progress progress;
    struct backup_about about;
    struct restore_state state;
    struct identity identity;
    struct secrets secrets;
    int code;
    char problem[BACKUP_PROBLEM_LEN];
    char message[CLUSTER_BACKUP_TEXT_MAX];
};

struct restore *restore_new(void)
{
    struct restore *restore = calloc(1, sizeof(*restore));

    if (restore)
        restore->fd = -1;
    return restore;
}

static void path_of(const char *data_dir, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", data_dir, name);
}

static void forget(struct restore *restore)
{
    if (restore->fd >= 0)
        close(restore->fd);
    restore->fd = -1;
    identity_fini(&restore->identity);
    secrets_wipe(&restore->secrets);
    explicit_bzero(&restore->secret, sizeof(restore->secret));
}

void restore_free(struct restore *restore, int rc)
{
    if (!restore)
        return;
    if (restore->cb)
        restore->cb(restore->user, rc, err_text(rc));
    forget(restore);
    free(restore);
}

bool restore_is_running(struct cluster *cluster)
{
    struct restore *restore = cluster->restore;

    if (restore && cluster->stop != CLUSTER_STOP_NONE)
        atomic_store(&restore->progress.is_stopped, true);
    return restore && restore->is_running;
}

const char *restore_step(struct cluster *cluster)
{
    struct restore *restore = cluster->restore;

    if (!restore || !restore->is_running)
        return "";
    snprintf(restore->step, sizeof(restore->step),
             "restoring: %" PRIu64 " of %" PRIu64 " record sets",
             atomic_load(&restore->progress.done), atomic_load(&restore->progress.total));
    return restore->step;
}

int restore_clear_leftovers(const char *data_dir)
{
    static const char *const names[] = {PART_NAME, FOLDER_NAME};
    char path[PATH_MAX];
    int rc = 0;

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && rc == 0; i++) {
        path_of(data_dir, names[i], path);
        rc = file_remove_tree(path);
    }
    return rc;
}

/* ---- the backup comes in ---- */

static bool is_waiting(const struct cluster *cluster)
{
    return cluster->phase == CLUSTER_UNJOINED && !cluster->is_closing && !cluster->is_fatal &&
           !cluster->restore->is_running;
}

int cluster_restore_begin(struct cluster *cluster, uint64_t len)
{
    struct restore *restore = cluster->restore;
    char path[PATH_MAX];

    if (!is_waiting(cluster))
        return ERR_CONFLICT;
    forget(restore);
    int rc = restore_clear_leftovers(cluster->data_dir);
    if (rc != 0)
        return rc;
    path_of(cluster->data_dir, PART_NAME, path);
    restore->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (restore->fd < 0 || unlink(path) != 0) /* no name: nothing stays of one that is given up */
        return ERR_IO;
    restore->cluster = cluster;
    restore->len = len;
    restore->have_len = 0;
    return 0;
}

int cluster_restore_data(struct cluster *cluster, uint64_t offset, const uint8_t *data, size_t len)
{
    struct restore *restore = cluster->restore;
    struct backup_file file = {.fd = restore->fd};

    if (!is_waiting(cluster))
        return ERR_CONFLICT;
    if (restore->fd < 0 || offset != restore->have_len || len > restore->len - offset)
        return ERR_INVALID;
    int rc = backup_file_put(&file, data, len);
    if (rc == 0)
        restore->have_len += len;
    return rc;
}

/* ---- the worker ---- */

static int open_key(struct restore *restore, struct secrets *out)
{
    const struct backup_seal *seal = &restore->about.seal;
    uint8_t key[BACKUP_CLUSTER_KEY_LEN];
    int rc = backup_key_open(&restore->secret, &restore->about, key);

    if (rc == ERR_NOT_FOUND)
        return backup_problem(restore->problem, ERR_INVALID,
                              "it was made without a key, so none can open its secrets; restore it "
                              "with --without-secrets, and make new access keys");
    if (rc != 0)
        return backup_problem(restore->problem, ERR_DENIED, "%s",
                              seal->kind == restore->secret.kind
                                  ? (seal->kind == BACKUP_KEY_FILE
                                         ? "the key file is not the one that it was made with"
                                         : "the passphrase is not the one that it was made with")
                              : seal->kind == BACKUP_KEY_FILE
                                  ? "it was made with a key file, not with a passphrase"
                                  : "it was made with a passphrase, not with a key file");
    secrets_derive(key, restore->about.cluster.id, out);
    explicit_bzero(key, sizeof(key));
    return 0;
}

static void describe_self(const struct restore *restore, const uint8_t key_hash[32],
                          struct state_member *out)
{
    const struct cluster *cluster = restore->cluster;

    *out = (struct state_member){.id = restore->identity.id};
    snprintf(out->name, sizeof(out->name), "%s", cluster->name);
    snprintf(out->region, sizeof(out->region), "%s", cluster->region);
    snprintf(out->peer_address, sizeof(out->peer_address), "%s", cluster->advertised.peer);
    snprintf(out->admin_address, sizeof(out->admin_address), "%s", cluster->advertised.admin);
    snprintf(out->snapshot_address, sizeof(out->snapshot_address), "%s",
             cluster->advertised.snapshot);
    snprintf(out->program_version, sizeof(out->program_version), "%s", QUARTET_VERSION);
    memcpy(out->certificate_sha256, key_hash, sizeof(out->certificate_sha256));
    out->dns_address_count = cluster->public_address_count;
    for (unsigned i = 0; i < cluster->public_address_count; i++) {
        memcpy(out->dns_addresses[i].octets, cluster->public_addresses[i].octets,
               sizeof(out->dns_addresses[i].octets));
        out->dns_addresses[i].len = cluster->public_addresses[i].len;
    }
}

static int change_state(struct restore *restore, const char *folder, struct secrets *old)
{
    struct restore_state *state = &restore->state;
    uint8_t key_hash[32];
    struct kv kv = {0};
    int rc = init_make_identity(restore->about.cluster.domain, &restore->identity,
                                &restore->secrets, key_hash);

    if (rc != 0)
        return backup_problem(restore->problem, rc, "no identity can be made: %s", err_text(rc));
    *state = (struct restore_state){.cluster = restore->about.cluster,
                                    .old_secrets = old,
                                    .new_secrets = &restore->secrets,
                                    .is_without_secrets = restore->is_without_secrets};
    memcpy(state->cluster.id, restore->identity.cluster_id, sizeof(state->cluster.id));
    describe_self(restore, key_hash, &state->self);
    rc = kv_rocks_open(folder, false, &kv);
    if (rc == 0) {
        rc = state_get_cluster(&kv, &state->cluster); /* its name and domain stay */
        memcpy(state->cluster.id, restore->identity.cluster_id, sizeof(state->cluster.id));
    }
    if (rc == 0)
        rc = restore_state(&kv, state, restore->problem);
    if (rc == 0)
        kv_rocks_write_memtables(&kv);
    kv_close(&kv);
    return rc;
}

/* The state takes the place of the empty one that a new data folder has. */
static int put_in_place(struct restore *restore, const char *folder)
{
    const char *data_dir = restore->cluster->data_dir;
    struct store *store = NULL;
    int rc = init_clear_state(data_dir);

    if (rc == 0)
        rc = store_open(data_dir, &store);
    if (rc == 0)
        rc = store_install(store, folder, restore->state.applied.index);
    if (rc == 0)
        rc = store_flush(store);
    store_close(store);
    if (rc == 0)
        rc = identity_store(data_dir, &restore->identity);
    return rc == 0 ? 0
                   : backup_problem(restore->problem, rc,
                                    "the state cannot be put in place: %s; the log of the node "
                                    "says more",
                                    err_text(rc));
}

/* Once the identity is stored it is too late: this program could not start with that state. */
static int check_level(struct restore *restore, const struct kv *kv)
{
    char text[BACKUP_PROBLEM_LEN];
    unsigned level = FEATURE_FIRST;
    int rc = apply_feature_level(kv, &level);

    if (rc != 0)
        return backup_problem(restore->problem, rc, "its feature level cannot be read: %s",
                              err_text(rc));
    if (level <= feature_known())
        return 0;
    upgrade_explain(level, feature_known(), text, sizeof(text));
    return backup_problem(restore->problem, ERR_VERSION, "%s", text);
}

static int load(struct restore *restore, const struct backup_source *source, const char *folder)
{
    struct kv kv = {0};
    int rc = kv_rocks_open(folder, true, &kv);

    if (rc != 0)
        return backup_problem(restore->problem, rc, "%.200s cannot be made: %s", folder,
                              err_text(rc));
    rc = backup_load(source, &kv, &restore->progress, &restore->about, restore->problem);
    if (rc == 0)
        rc = check_level(restore, &kv);
    kv_close(&kv);
    return rc;
}

static int run(struct restore *restore)
{
    struct backup_source source;
    struct secrets old;
    char folder[PATH_MAX];
    bool has_key = restore->secret.kind != BACKUP_KEY_NONE && !restore->is_without_secrets;

    path_of(restore->cluster->data_dir, FOLDER_NAME, folder);
    int rc = backup_file_source(&restore->fd, &source);
    if (rc == 0) /* the key first: it is the commonest mistake */
        rc = backup_read_about(&source, &restore->about, restore->problem);
    if (rc == 0 && has_key)
        rc = open_key(restore, &old);
    if (rc == 0)
        rc = load(restore, &source, folder);
    if (rc == 0)
        rc = change_state(restore, folder, has_key ? &old : NULL);
    if (rc == 0)
        rc = put_in_place(restore, folder);
    if (rc != 0)
        (void)file_remove_tree(folder);
    if (has_key)
        secrets_wipe(&old);
    return rc;
}

static void work_on(uv_work_t *work)
{
    struct restore *restore = work->data;

    restore->code = run(restore);
}

/* ---- its end ---- */

static void on_started(void *user, int rc, const char *message)
{
    struct restore *restore = user;
    cluster_done_cb cb = restore->cb;

    restore->cb = NULL;
    if (cb)
        cb(restore->user, rc, rc == 0 ? restore->message : message);
}

static void start(struct restore *restore)
{
    struct cluster *cluster = restore->cluster;
    const struct restore_state *state = &restore->state;
    char id[33];

    for (unsigned i = 0; i < sizeof(state->cluster.id); i++)
        snprintf(id + 2 * i, 3, "%02x", state->cluster.id[i]);
    log_info("cluster", "restored cluster=%s index=%" PRIu64 " zones=%" PRIu64, id,
             restore->about.applied.index, restore->about.counts.zones);
    snprintf(restore->message, sizeof(restore->message),
             "Restored %" PRIu64 " zones with %" PRIu64 " record sets, as of log index %" PRIu64
             ": a new cluster, %s, of which this node is the only voter; %u access keys and %u "
             "signing keys %s. Add nodes with: quartet token create",
             restore->about.counts.zones, restore->about.counts.record_sets,
             restore->about.applied.index, id, state->access_key_count, state->signing_key_count,
             restore->is_without_secrets ? "were left out" : "work as before");
    cluster->identity = restore->identity;
    cluster->secrets = restore->secrets;
    memset(&restore->identity, 0, sizeof(restore->identity));
    init_start(cluster, on_started, restore);
}

static void on_done(uv_work_t *work, int status)
{
    struct restore *restore = work->data;
    struct cluster *cluster = restore->cluster;
    int code = status == 0 ? restore->code : ERR_CLOSED;

    restore->is_running = false;
    cluster->phase = CLUSTER_UNJOINED;
    close(restore->fd);
    restore->fd = -1;
    explicit_bzero(&restore->secret, sizeof(restore->secret));
    if (code == 0 && cluster->stop == CLUSTER_STOP_NONE) {
        start(restore);
        return;
    }
    forget(restore);
    if (code != 0)
        log_error("cluster", "restore_failed why=\"%s\"", restore->problem);
    cluster_done_cb cb = restore->cb;
    restore->cb = NULL;
    if (cb)
        cb(restore->user, code == 0 ? ERR_CLOSED : code,
           restore->problem[0] ? restore->problem : err_text(code));
    cluster__wake(cluster); /* a close may wait for this */
}

int cluster_restore_run(struct cluster *cluster, const struct cluster_restore_options *options,
                        cluster_done_cb cb, void *user)
{
    struct restore *restore = cluster->restore;

    if (!is_waiting(cluster) || restore->cb)
        return ERR_CONFLICT;
    if (restore->fd < 0 || restore->have_len != restore->len)
        return ERR_INVALID;
    if (options->secret)
        restore->secret = *options->secret;
    restore->is_without_secrets = options->is_without_secrets;
    restore->problem[0] = '\0';
    memset(&restore->progress, 0, sizeof(restore->progress));
    restore->work.data = restore;
    if (uv_queue_work(cluster->loop, &restore->work, work_on, on_done) != 0)
        return ERR_NOMEM;
    restore->cb = cb;
    restore->user = user;
    restore->is_running = true;
    cluster->phase = CLUSTER_JOINING;
    return 0;
}
