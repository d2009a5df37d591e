/* The replicated state machine as the Raft driver sees it: committed entries go through apply into
 * the store, their effects into the image, their results to whoever waits. Callbacks on the loop,
 * except flush and checkpoint, which run on workers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/alias_targets.h"
#include "cluster/apply_feature.h"
#include "cluster/ask.h"
#include "cluster/authority.h"
#include "cluster/backup_internal.h"
#include "cluster/change.h"
#include "cluster/drain.h"
#include "cluster/feature.h"
#include "cluster/geo_parts.h"
#include "cluster/geo_state.h"
#include "cluster/hash_check.h"
#include "cluster/health_view.h"
#include "cluster/import_expiry.h"
#include "cluster/init.h"
#include "cluster/internal.h"
#include "cluster/machine.h"
#include "cluster/join.h"
#include "cluster/known.h"
#include "cluster/latency.h"
#include "cluster/latency_view.h"
#include "cluster/leader_queue.h"
#include "cluster/members.h"
#include "cluster/opinions.h"
#include "cluster/override_expiry.h"
#include "cluster/own_zone.h"
#include "cluster/proposer.h"
#include "cluster/publish.h"
#include "cluster/recover.h"
#include "cluster/renew.h"
#include "cluster/report.h"
#include "cluster/settings.h"
#include "cluster/upgrade.h"
#include "cluster/verdicts.h"
#include "store/kv_rocks.h"
#include "store/store.h"

#define OPEN_ROOM_LEN (4u << 20) /* octets that must be free on the disk to open the state */
#define SETTLE_AFTER_MS 1000
#define REBUILD_SETS 2000   /* record sets in one step of the loop: a few ms */
#define REBUILD_GAP_MS 1000 /* before it is tried again; doubled up to … */
#define REBUILD_GAP_MS_MAX 60000
#define FILL_SETS 2000u  /* of a zone that is activated, in one turn of the loop: a few ms */
#define FILL_GAP_MS 1000 /* without memory, before it goes on */

/* Without memory what is routed by stays, and machine_tick() tries again. */
static void take_geo_effect(struct cluster *cluster, const struct apply_effect *effect)
{
    if (geo_state_effect(cluster->geo_parts, store_kv(cluster->store), effect) != 0)
        cluster->is_geo_behind = true;
}

static void catch_up_geo(struct cluster *cluster)
{
    cluster->is_geo_behind = geo_state_load(cluster->geo_parts, store_kv(cluster->store)) != 0;
    geo_parts_publish(cluster->geo_parts);
}

static void on_effect(void *user, const struct apply_effect *effect)
{
    struct cluster *cluster = user;

    switch (effect->kind) {
    case APPLY_MEMBERS_CHANGED: cluster->is_members_dirty = true; break;
    case APPLY_SETTINGS_CHANGED: cluster->is_settings_dirty = true; break;
    case APPLY_CLUSTER_CHANGED: cluster->is_cluster_dirty = true; break;
    case APPLY_AUTHORITY_CHANGED: cluster->is_authority_dirty = true; break;
    case APPLY_LATENCY_CHANGED: latency_view_changed(cluster->latency_view); break;
    case APPLY_HASH_CHECK: hash_check_applied(cluster, effect->index); break;
    case APPLY_OCTET:
        health_view_effect(cluster->health_view, effect);
        verdicts_octet(cluster, effect->slot);
        break;
    case APPLY_CHECK_CHANGED: health_view_effect(cluster->health_view, effect); break;
    case APPLY_CIDR_CHANGED:
    case APPLY_REGIONS_CHANGED: take_geo_effect(cluster, effect); break;
    default:
        if ((effect->kind == APPLY_ZONE_ADDED && !effect->is_private) ||
            effect->kind == APPLY_ZONE_SERVED)
            own_zone_added(cluster, effect->name);
        if (effect->kind == APPLY_REGIONS_CHANGED)
            latency_view_changed(cluster->latency_view);
        publish_effect(cluster->publish, store_kv(cluster->store), effect);
        alias_targets_effect(cluster->alias_targets, effect);
    }
}

static void on_result(void *user, const struct apply_result *result)
{
    struct cluster *cluster = user;
    proposer_result(cluster->proposer, result);
}

static int to_raft(int code)
{
    switch (code) {
    case 0: return 0;
    case ERR_NOMEM: return RAFT_ENOMEM;
    case ERR_VERSION: return RAFT_EVERSION;
    case ERR_CORRUPT: return RAFT_ECORRUPT;
    default: return RAFT_EIO;
    }
}

static int describe(const struct kv *kv, struct raft_snapshot *out)
{
    struct state_applied applied;
    struct state_conf conf;

    int rc = state_get_applied(kv, &applied);
    if (rc == 0)
        rc = state_get_conf(kv, &conf);
    if (rc != 0)
        return to_raft(rc);
    memset(out, 0, sizeof(*out));
    out->index = applied.index;
    out->term = applied.term;
    out->conf.count = conf.count;
    for (uint32_t i = 0; i < conf.count; i++)
        out->conf.members[i] =
            (struct raft_member){conf.members[i].id, (enum raft_member_role)conf.members[i].role};
    return 0;
}

static int app_applied(void *user, struct raft_snapshot *out)
{
    struct cluster *cluster = user;
    return describe(store_kv(cluster->store), out);
}

void machine_refresh(struct cluster *cluster)
{
    if (cluster->is_cluster_dirty) {
        struct state_cluster about;
        cluster->is_cluster_dirty = false;
        if (state_get_cluster(store_kv(cluster->store), &about) == 0)
            snprintf(cluster->domain, sizeof(cluster->domain), "%.255s", about.domain);
    }
    if (cluster->is_settings_dirty) {
        cluster->is_settings_dirty = false;
        settings_reload(cluster);
        drain_reload(cluster);
    }
    if (cluster->is_authority_dirty) {
        cluster->is_authority_dirty = false;
        authority_reload(cluster);
        renew_note(cluster);
    }
    if (cluster->is_members_dirty) {
        cluster->is_members_dirty = false;
        members_reload(cluster);
        drain_reload(cluster);
    }
}

/* DNS shows nothing that a kill could take back: a node that starts again, maybe alone, answers
 * from its state before it has heard anybody. One write() for all entries of a turn. */
static int show_applied(struct cluster *cluster, uint64_t index)
{
    int rc = store_write_out(cluster->store);

    if (rc == 0) {
        publish_commit(cluster->publish, index);
        return 0;
    }
    log_error("cluster", "state_not_written index=%" PRIu64 " why=\"%s\"", index, err_text(rc));
    publish_freeze(cluster->publish, err_text(rc)); /* answered by until this node has stopped */
    return rc;
}

static int app_apply(void *user, const struct raft_entry *entries, uint32_t count)
{
    struct cluster *cluster = user;
    const uint64_t begun_mono_ns = clock_mono_ns();

    for (uint32_t i = 0; i < count; i++) {
        int rc = apply_entry(cluster->apply, &entries[i]);
        if (rc != 0) {
            log_error("cluster", "entry_not_applied index=%" PRIu64 " why=\"%s\"", entries[i].index,
                      err_text(rc));
            return to_raft(rc);
        }
        cluster->commit_index = entries[i].index;
        change_applied(cluster, entries[i].index, entries[i].term);
    }
    if (count > 0) {
        uint64_t index = entries[count - 1].index;
        int rc = show_applied(cluster, index);
        if (rc != 0)
            return to_raft(rc);
        const uint64_t now_mono_ns = clock_mono_ns();
        histogram_add(&cluster->measured.apply, now_mono_ns - begun_mono_ns);
        leader_queue_applied(cluster->queue, index, now_mono_ns / 1000);
        cluster->is_report_due = true;
    }
    machine_refresh(cluster);
    cluster__wake(cluster);
    return 0;
}

static void app_synced(void *user, uint64_t took_ns)
{
    struct cluster *cluster = user;

    histogram_add(&cluster->measured.sync, took_ns);
}

static int app_flush(void *user)
{
    struct cluster *cluster = user;

    pthread_rwlock_rdlock(&cluster->store_lock);
    int rc = store_flush(cluster->store);
    pthread_rwlock_unlock(&cluster->store_lock);
    return to_raft(rc);
}

/* The copy is of some moment during the call; which one, it says itself. */
static int app_checkpoint(void *user, const char *dir, struct raft_snapshot *out)
{
    struct cluster *cluster = user;
    struct kv copy;

    pthread_rwlock_rdlock(&cluster->store_lock);
    int rc = store_quarantine_reason(cluster->store) ? ERR_DIVERGED
                                                     : store_checkpoint(cluster->store, dir);
    pthread_rwlock_unlock(&cluster->store_lock);
    if (rc != 0)
        return to_raft(rc);
    rc = kv_rocks_open(dir, false, &copy);
    if (rc != 0)
        return to_raft(rc);
    rc = to_raft(kv_verify(&copy)); /* damage here must not become damage elsewhere */
    if (rc == 0)
        rc = describe(&copy, out);
    kv_close(&copy);
    return rc;
}

/* What routing needs besides record sets, from a snapshot. Without memory the old stays for now,
 * as the image does: machine_tick() tries again. */
static int load_views(struct cluster *cluster, const struct kv *kv)
{
    int rc = health_view_load(cluster->health_view, kv);
    int geo_rc = geo_state_load(cluster->geo_parts, kv);

    cluster->is_geo_behind = geo_rc != 0;
    if (rc != 0 && rc != ERR_NOMEM)
        return rc;
    return geo_rc == ERR_NOMEM ? 0 : geo_rc;
}

static void install_failed(struct cluster *cluster, int code, bool is_fatal)
{
    cluster->install.is_running = false;
    log_error("cluster", "snapshot_not_installed why=\"%s\"", err_text(code));
    if (is_fatal)
        cluster__fatal(cluster, "a received snapshot could not be put in place: check the disk of "
                                "the data folder and start again");
    else
        raft_driver_installed(cluster->driver, to_raft(code));
}

/* The state is the snapshot's, and so will the log be: the driver may apply again. */
static void end_install(struct cluster *cluster)
{
    cluster->install.is_running = false;
    if (!cluster->driver)
        return; /* stopping */
    cluster->is_members_dirty = cluster->is_settings_dirty = cluster->is_cluster_dirty = true;
    cluster->is_authority_dirty = true;
    alias_targets_read(cluster->alias_targets);
    latency_view_changed(cluster->latency_view);
    if (cluster->commit_index < cluster->install.index) /* nothing was applied to get there */
        cluster->commit_index = cluster->install.index;
    raft_driver_installed(cluster->driver, 0);
    proposer_skipped(cluster->proposer);
    machine_refresh(cluster);
    cluster->is_report_due = true;
}

/* The image stays the old one, and DNS goes on. What cannot be read will not be readable later: the
 * state is quarantined, which has another snapshot fetched. Else, for memory or the disk may become
 * better, it is tried again, and nothing is applied before: the image could not follow. */
static void rebuild_failed(struct cluster *cluster, int code)
{
    if (code == ERR_CORRUPT || code == ERR_VERSION) {
        log_error("cluster", "snapshot_not_readable why=\"%s\" action=\"fetching another one\"",
                  err_text(code));
        if (store_quarantine(cluster->store, "a snapshot's state cannot be read") != 0)
            cluster__fatal(cluster, "a received snapshot cannot be read, nor be marked so: check "
                                    "the disk of the data folder and start again");
        else
            end_install(cluster);
        return;
    }
    uint32_t gap_ms = cluster->install.gap_ms == 0 ? REBUILD_GAP_MS : 2 * cluster->install.gap_ms;
    cluster->install.gap_ms = gap_ms < REBUILD_GAP_MS_MAX ? gap_ms : REBUILD_GAP_MS_MAX;
    cluster->install.again_mono_ms = clock_mono_ms() + cluster->install.gap_ms;
    log_error("cluster",
              "snapshot_not_served why=\"%s\" action=\"DNS answers from the old image\" "
              "again_in_ms=%" PRIu32,
              err_text(code), cluster->install.gap_ms);
}

static void begin_rebuild(struct cluster *cluster)
{
    cluster->install.again_mono_ms = 0;
    int rc = publish_rebuild_begin(cluster->publish, store_kv(cluster->store));
    if (rc != 0)
        rebuild_failed(cluster, rc);
    else
        cluster__wake(cluster);
}

/* Does the state belong to a cluster that this program cannot take part in? */
static bool is_too_new(const struct kv *kv, char error[CLUSTER_ERROR_MAX])
{
    unsigned level = FEATURE_FIRST;

    if (apply_feature_level(kv, &level) != 0 || level <= feature_known())
        return false;
    upgrade_explain(level, feature_known(), error, CLUSTER_ERROR_MAX);
    return true;
}

/* Put the fetched copy in place, unless a worker uses the store (a verification may take minutes):
 * then later. */
static void try_install(struct cluster *cluster)
{
    char error[CLUSTER_ERROR_MAX];

    if (pthread_rwlock_trywrlock(&cluster->store_lock) != 0)
        return;
    int rc = store_install(cluster->store, cluster->install.dir, cluster->install.index);
    pthread_rwlock_unlock(&cluster->store_lock);
    cluster->install.dir = NULL;
    if (rc != 0) {
        install_failed(cluster, rc, rc != ERR_CORRUPT && rc != ERR_VERSION);
        return;
    }
    cluster->install.is_running = true;
    cluster->install.gap_ms = 0;
    if (is_too_new(store_kv(cluster->store), error)) {
        cluster__fatal(cluster, error);
        return;
    }
    rc = apply_reload(cluster->apply, store_kv(cluster->store));
    if (rc == 0)
        rc = load_views(cluster, store_kv(cluster->store));
    if (rc != 0)
        install_failed(cluster, rc, true);
    else
        begin_rebuild(cluster);
}

static void app_install(void *user, const char *dir, const struct raft_snapshot *snapshot)
{
    struct cluster *cluster = user;

    cluster->install.dir = dir;
    cluster->install.index = snapshot->index;
    try_install(cluster);
}

/* One step of the rebuild in each turn of the loop. */
static void step_install(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (cluster->is_fatal)
        return; /* this program cannot read the state, and stops */
    if (cluster->install.again_mono_ms != 0) {
        if (now_mono_ms >= cluster->install.again_mono_ms)
            begin_rebuild(cluster);
        return;
    }
    int rc = publish_rebuild_step(cluster->publish, store_kv(cluster->store), REBUILD_SETS);
    cluster__wake(cluster);
    if (rc == 1)
        return;
    if (rc != 0) {
        rebuild_failed(cluster, rc);
        return;
    }
    log_info("cluster", "snapshot_installed image=%" PRIu64, publish_index(cluster->publish));
    end_install(cluster);
}

/* Without memory the zone shown before stays, and so does the index that is told. */
static void fill_failed(struct cluster *cluster, int code, uint64_t now_mono_ms)
{
    if (cluster->fill_again_mono_ms == 0)
        log_error("cluster",
                  "zone_not_served_yet why=\"%s\" action=\"DNS answers from the one before it\" "
                  "again_each_ms=%u",
                  err_text(code), FILL_GAP_MS);
    cluster->fill_again_mono_ms = now_mono_ms + FILL_GAP_MS;
}

void machine_flush(struct cluster *cluster, uint64_t now_mono_ms)
{
    const uint64_t index = publish_index(cluster->publish);

    if (!publish_is_filling(cluster->publish) || now_mono_ms < cluster->fill_again_mono_ms ||
        cluster->is_fatal) /* the state may be another one than that of the image */
        return;
    int rc = publish_fill_step(cluster->publish, store_kv(cluster->store), FILL_SETS);
    if (rc == ERR_NOMEM)
        fill_failed(cluster, rc, now_mono_ms);
    else
        cluster->fill_again_mono_ms = 0;
    if (rc == 1)
        cluster__wake(cluster);
    if (publish_index(cluster->publish) == index)
        return;
    cluster->is_report_due = true;
    alias_targets_zones_changed(cluster->alias_targets);
}

static void app_role_changed(void *user, enum raft_role role, uint64_t term, raft_id leader)
{
    struct cluster *cluster = user;
    bool was_leader = cluster->role == RAFT_LEADER;
    uint64_t old_leader = cluster->leader;

    cluster->measured.elections += role == RAFT_CANDIDATE && term != cluster->term;
    cluster->role = role;
    cluster->term = term;
    cluster->leader = role == RAFT_LEADER ? cluster->identity.id : leader;
    if (cluster->leader != 0)
        cluster->leader_heard_mono_ms = clock_mono_ms();
    if (was_leader != (role == RAFT_LEADER)) {
        leader_queue_clear(cluster->queue);
        cluster->leading_since_mono_ms = clock_mono_ms();
        report_reset(cluster);
        change_leader_changed(cluster);
        own_zone_members_changed(cluster);
        verdicts_role_changed(cluster);
    }
    if (cluster->leader != old_leader && cluster->leader != 0) {
        cluster->measured.leader_changes++;
        log_info("cluster", "leader_changed leader=%016" PRIx64 " term=%" PRIu64, cluster->leader,
                 term);
        proposer_leader_changed(cluster->proposer);
        asks_leader_changed(cluster);
        opinions_leader_changed(cluster);
        cluster->is_report_due = true;
    }
    cluster__wake(cluster);
}

static void app_conf_changed(void *user, const struct raft_conf *conf)
{
    (void)user; /* members are taken from state, when the change is committed */
    (void)conf;
}

static void app_message(void *user, raft_id from, const uint8_t *data, size_t len)
{
    message_receive(user, from, data, len);
}

static void app_superseded(void *user)
{
    cluster__removed(user, CLUSTER_PARTING_SUPERSEDED);
}

static void app_fatal(void *user, const char *message)
{
    cluster__fatal(user, message);
}

struct raft_app machine_app(struct cluster *cluster)
{
    return (struct raft_app){
        .user = cluster,
        .applied = app_applied,
        .apply = app_apply,
        .flush = app_flush,
        .checkpoint = app_checkpoint,
        .install = app_install,
        .role_changed = app_role_changed,
        .conf_changed = app_conf_changed,
        .app_message = app_message,
        .superseded = app_superseded,
        .synced = app_synced,
        .fatal = app_fatal,
    };
}

/* Without room for a few lines of its own log RocksDB aborts the process while it opens. */
static bool has_room(const char *folder)
{
    struct statvfs info;

    return statvfs(folder, &info) != 0 || (uint64_t)info.f_bavail * info.f_frsize >= OPEN_ROOM_LEN;
}

int machine_open(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    struct apply_sink sink = {cluster, on_effect, on_result};

    if (!has_room(cluster->data_dir)) {
        snprintf(error, CLUSTER_ERROR_MAX,
                 "the disk of the data folder %.255s is full: make room, then start again",
                 cluster->data_dir);
        return ERR_IO;
    }
    int rc = store_open_unread(cluster->data_dir, &cluster->store);
    if (rc == ERR_BUSY) {
        snprintf(error, CLUSTER_ERROR_MAX,
                 "another quartetd uses the data folder %s: stop that one, or name another folder",
                 cluster->data_dir);
        return rc;
    }
    if (rc != 0) {
        snprintf(error, CLUSTER_ERROR_MAX,
                 "the state in the data folder cannot be opened: %s; if it stays so, remove this "
                 "node from the cluster, clear the folder and join again",
                 err_text(rc));
        return rc;
    }
    const struct kv *kv = store_kv(cluster->store);
    if (is_too_new(kv, error))
        return ERR_VERSION;
    rc = apply_new(kv, &sink, &cluster->apply);
    if (rc == 0)
        rc = health_view_load(cluster->health_view, kv); /* before anything asks for it */
    if (rc == 0)
        rc = geo_state_load(cluster->geo_parts, kv);
    if (rc == 0)
        rc = publish_rebuild_all(cluster->publish, kv);
    if (rc == 0)
        rc = latency_view_load(cluster->latency_view);
    if (rc != 0) {
        snprintf(error, CLUSTER_ERROR_MAX,
                 "the state in the data folder cannot be read: %s; remove this node from the "
                 "cluster, clear the folder and join again; the other nodes are unaffected",
                 err_text(rc));
        return rc;
    }
    cluster->is_members_dirty = cluster->is_settings_dirty = cluster->is_cluster_dirty = true;
    alias_targets_read(cluster->alias_targets);
    return 0;
}

void machine_close(struct cluster *cluster)
{
    publish_rebuild_cancel(cluster->publish); /* it reads the store */
    apply_free(cluster->apply);
    cluster->apply = NULL;
    if (cluster->store && !cluster->is_fatal)
        store_write_memtables(cluster->store);
    store_close(cluster->store);
    cluster->store = NULL;
}

/* Nothing was applied for a second. */
static void settle(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (cluster->settled_index == cluster->commit_index)
        return;
    if (cluster->settling_index != cluster->commit_index) {
        cluster->settling_index = cluster->commit_index;
        cluster->settling_since_mono_ms = now_mono_ms;
    } else if (now_mono_ms - cluster->settling_since_mono_ms >= SETTLE_AFTER_MS) {
        cluster->settled_index = cluster->commit_index;
        store_settle(cluster->store);
    }
}

void machine_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    proposer_tick(cluster->proposer, now_mono_ms);
    if (cluster->install.dir)
        try_install(cluster);
    if (cluster->install.is_running) {
        step_install(cluster, now_mono_ms);
        report_tick(cluster, now_mono_ms);
        asks_tick(cluster, now_mono_ms);
        return;
    }
    if (health_view_is_behind(cluster->health_view))
        (void)health_view_load(cluster->health_view, store_kv(cluster->store));
    if (cluster->is_geo_behind)
        catch_up_geo(cluster);
    settle(cluster, now_mono_ms);
    report_tick(cluster, now_mono_ms);
    asks_tick(cluster, now_mono_ms);
    recover_tick(cluster, now_mono_ms);
    drain_tick(cluster, now_mono_ms);
    change_tick(cluster, now_mono_ms);
    hash_check_tick(cluster, now_mono_ms);
    import_expiry_tick(cluster, now_mono_ms);
    override_expiry_tick(cluster, now_mono_ms);
    opinions_tick(cluster, now_mono_ms);
    verdicts_tick(cluster, now_mono_ms);
    own_zone_tick(cluster, now_mono_ms);
    init_tick(cluster, now_mono_ms);
    join_server_tick(cluster, now_mono_ms);
    known_tick(cluster->known, now_mono_ms);
    backups_tick(cluster->backups, now_mono_ms);
    renew_tick(cluster, now_mono_ms);
    authority_tick(cluster, now_mono_ms);
    alias_targets_tick(cluster->alias_targets, now_mono_ms);
    latency_tick(cluster->latency, clock_wall_ms() / 1000);
    latency_view_tick(cluster->latency_view, now_mono_ms);
}
