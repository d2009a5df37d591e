#include "cluster/cluster.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/admin_port.h"
#include "cluster/alias_targets.h"
#include "cluster/ask.h"
#include "cluster/backup_internal.h"
#include "cluster/change.h"
#include "cluster/command.h"
#include "cluster/feature.h"
#include "cluster/geo_load.h"
#include "cluster/geo_parts.h"
#include "cluster/hash_check.h"
#include "cluster/health_view.h"
#include "cluster/init.h"
#include "cluster/internal.h"
#include "cluster/machine.h"
#include "cluster/join.h"
#include "cluster/join_check.h"
#include "cluster/known.h"
#include "cluster/latency.h"
#include "cluster/latency_view.h"
#include "cluster/leader_queue.h"
#include "cluster/opinions.h"
#include "cluster/own_zone.h"
#include "cluster/proposer.h"
#include "cluster/publish.h"
#include "cluster/renew.h"
#include "cluster/report.h"
#include "cluster/restore.h"
#include "cluster/settings.h"
#include "cluster/verdicts.h"
#include "raft/io/driver_net.h"
#include "store/store.h"
#include "zone/image.h"

#define ADDRESS_TAKEN "in use, not allowed, or not an address of this machine"

int cluster__error(int code)
{
    switch (code) {
    case RAFT_ENOMEM: return ERR_NOMEM;
    case RAFT_ENOTLEADER:
    case RAFT_ENOQUORUM:
    case RAFT_ENOENT: return ERR_UNAVAILABLE;
    case RAFT_EBUSY: return ERR_BUSY;
    case RAFT_EINVALID: return ERR_INVALID;
    case RAFT_ELIMIT: return ERR_LIMIT;
    case RAFT_ECORRUPT: return ERR_CORRUPT;
    case RAFT_EADDR:
    case RAFT_EIO: return ERR_IO;
    case RAFT_ETIMEDOUT: return ERR_TIMEOUT;
    case RAFT_ECLOSED: return ERR_CLOSED;
    case RAFT_EVERSION: return ERR_VERSION;
    case RAFT_EDENIED: return ERR_DENIED;
    default: return code;
    }
}

void cluster__fatal(struct cluster *cluster, const char *message)
{
    if (cluster->is_fatal)
        return;
    cluster->is_fatal = true;
    log_error("cluster", "fatal why=\"%s\"", message);
    if (cluster->fatal)
        cluster->fatal(cluster->fatal_user, message);
}

void cluster__not_started(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    if (error[0] == '\0')
        snprintf(error, CLUSTER_ERROR_MAX, "out of memory");
    size_t len = strlen(error);
    snprintf(error + len, CLUSTER_ERROR_MAX - len,
             "; this node stops: put that right and start it, and it goes on from there");
    cluster__fatal(cluster, error);
}

void cluster__wake(struct cluster *cluster)
{
    if (cluster->wake)
        uv_async_send(cluster->wake);
}

static void on_tick(uv_timer_t *timer)
{
    struct cluster *cluster = timer->data;
    uint64_t now_mono_ms = clock_mono_ms();

    if (cluster->stop != CLUSTER_STOP_NONE)
        cluster__stop_step(cluster);
    if (cluster->is_closing)
        return;
    if (cluster->phase == CLUSTER_MEMBER && cluster->driver)
        machine_tick(cluster, now_mono_ms);
    else
        asks_tick(cluster, now_mono_ms);
    join_tick(cluster, now_mono_ms);
}

static void on_gathered(uv_timer_t *timer)
{
    (void)timer; /* the loop turns, so `flush` runs */
}

static void pump_queue(struct cluster *cluster)
{
    bool is_gathering;

    if (leader_queue_pump(cluster->queue, clock_mono_ns() / 1000, &is_gathering) != 0)
        log_error("cluster", "entry_not_packed why=\"out of memory\"");
    raft_driver_hold_commit(cluster->driver, is_gathering || leader_queue_is_busy(cluster->queue));
    if (is_gathering && !uv_is_active((uv_handle_t *)cluster->gather))
        uv_timer_start(cluster->gather, on_gathered, 1, 0);
}

/* Before the loop sleeps: what gathered in this turn goes out together. */
static void on_flush(uv_prepare_t *prepare)
{
    struct cluster *cluster = prepare->data;
    uint64_t now_mono_ms = clock_mono_ms();

    if (cluster->phase != CLUSTER_MEMBER || !cluster->driver)
        return;
    if (cluster->install.is_running) {
        machine_tick(cluster, now_mono_ms);
        return;
    }
    machine_flush(cluster, now_mono_ms);
    report_tick(cluster, now_mono_ms);
    opinions_flush(cluster);
    verdicts_flush(cluster, now_mono_ms);
    proposer_flush(cluster->proposer, now_mono_ms);
    asks_flush(cluster, now_mono_ms);
    if (cluster__leads(cluster))
        pump_queue(cluster);
    publish_reclaim(cluster->publish);
}

static void on_wake(uv_async_t *async)
{
    struct cluster *cluster = async->data;

    if (cluster->stop != CLUSTER_STOP_NONE)
        cluster__stop_step(cluster);
}

static int propose_entry(void *user, struct raft_buf *data, uint64_t *index)
{
    struct cluster *cluster = user;
    uint64_t term;

    return raft_driver_propose(cluster->driver, &data, 1, index, &term);
}

static void wake(void *user)
{
    cluster__wake(user);
}

static int make_parts(struct cluster *cluster)
{
    struct proposer_port port = {cluster, message_deliver, wake};

    cluster->arena = command_arena_new();
    cluster->queue = leader_queue_new(propose_entry, cluster);
    cluster->proposer = proposer_new(&port);
    cluster->change = change_new();
    cluster->hash_check = hash_check_new();
    cluster->own_zone = own_zone_new();
    cluster->known = known_new(cluster);
    cluster->verdicts = verdicts_new();
    return cluster->arena && cluster->queue && cluster->proposer && cluster->change &&
                   cluster->hash_check && cluster->own_zone && cluster->known && cluster->verdicts
               ? 0
               : ERR_NOMEM;
}

static void on_check_changed(void *user, const char *id)
{
    opinions_check_changed(user, id);
    verdicts_check_changed(user, id);
}

static int open_opinions(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    int rc = opinions_open(cluster, &cluster->opinions);

    if (rc != 0)
        snprintf(error, CLUSTER_ERROR_MAX, "cannot start the health checks: %s", err_text(rc));
    else
        health_view_watch(cluster->health_view, on_check_changed, cluster);
    return rc;
}

static void on_driver_log(void *user, enum raft_log_level level, const char *line)
{
    static const enum log_level levels[] = {[RAFT_LOG_ERROR] = LOG_LEVEL_ERROR,
                                            [RAFT_LOG_WARN] = LOG_LEVEL_WARN,
                                            [RAFT_LOG_INFO] = LOG_LEVEL_INFO};
    (void)user;
    log_event(levels[level], "raft", "%s", line);
}

static int open_net(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    struct identity *identity = &cluster->identity;
    struct raft_net_options options = {
        .loop = cluster->loop,
        .keys = {.self = identity->id},
        .tls = {identity->ca_pem, identity->cert_pem, identity->key_pem},
        .peer_listen = cluster->listen.peer,
        .peer_advertise = cluster->advertised.peer,
        .snapshot_listen = cluster->listen.snapshot,
        .snapshot_advertise = cluster->advertised.snapshot,
    };

    memcpy(options.keys.cluster_id, identity->cluster_id, sizeof(options.keys.cluster_id));
    memcpy(options.keys.mac_key, cluster->secrets.mac_key, sizeof(options.keys.mac_key));
    int rc = raft_net_open(&options, &cluster->net);
    explicit_bzero(&options.keys, sizeof(options.keys));
    if (rc == 0)
        return 0;
    snprintf(error, CLUSTER_ERROR_MAX, "cannot listen on %.80s and %.80s: %s", cluster->listen.peer,
             cluster->listen.snapshot, rc == RAFT_EADDR ? ADDRESS_TAKEN : raft_error_text(rc));
    return rc == RAFT_EADDR ? ERR_EXISTS : cluster__error(rc);
}

static int open_driver(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    char message[RAFT_DRIVER_MESSAGE_LEN] = "";
    struct raft_driver_options options = {
        .loop = cluster->loop,
        .dir = cluster->data_dir,
        .id = cluster->identity.id,
        .seed = random_id(),
        .net = cluster->net,
        .app = machine_app(cluster),
        .log = on_driver_log,
        .election_timeout_ms = cluster->election_timeout_ms,
        .heartbeat_ms = cluster->heartbeat_ms,
        .keep_entries = cluster->log_keep_entries,
    };

    int rc = raft_driver_open(&options, message, &cluster->driver);
    if (rc == 0)
        return 0;
    snprintf(error, CLUSTER_ERROR_MAX, "%s", message[0] ? message : raft_error_text(rc));
    return cluster__error(rc);
}

int cluster__start_member(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    secrets_derive(cluster->identity.cluster_key, cluster->identity.cluster_id, &cluster->secrets);
    int rc = machine_open(cluster, error);
    if (rc != 0)
        return rc;
    if (cluster->identity.is_removed) {
        cluster->phase = CLUSTER_REMOVED;
        machine_refresh(cluster);
        return 0;
    }
    renew_start(cluster);
    rc = make_parts(cluster);
    if (rc == 0)
        rc = open_opinions(cluster, error);
    if (rc == 0)
        rc = open_net(cluster, error);
    if (rc == 0)
        rc = open_driver(cluster, error);
    if (rc == 0) {
        rc = admin_port_open(cluster, &cluster->admin_port);
        if (rc != 0)
            snprintf(error, CLUSTER_ERROR_MAX, "cannot listen on %.80s: %s", cluster->listen.admin,
                     rc == ERR_EXISTS ? ADDRESS_TAKEN : err_text(rc));
    }
    if (rc != 0)
        return rc;
    cluster->phase = CLUSTER_MEMBER;
    cluster->leader_heard_mono_ms = clock_mono_ms();
    machine_refresh(cluster);
    malloc_trim(0); /* reading state and log took memory that nothing will need again */
    log_info("cluster", "member id=%016" PRIx64 " name=%s", cluster->identity.id, cluster->name);
    return 0;
}

void cluster__removed(struct cluster *cluster, enum cluster_parting why)
{
    bool is_superseded = why == CLUSTER_PARTING_SUPERSEDED;

    if (cluster->phase == CLUSTER_REMOVED)
        return;
    log_error("cluster",
              "removed why=\"%s\" action=\"this node answers DNS from what it knows; to use it "
              "again, clear its data folder and join anew\"",
              is_superseded ? "the cluster was recovered without it" : "by an administrator");
    cluster->phase = CLUSTER_REMOVED;
    cluster->identity.is_removed = true;
    cluster->identity.is_superseded = is_superseded;
    if (identity_store_removed(cluster->data_dir, is_superseded) != 0)
        log_error("cluster", "removal_not_stored folder=%s", cluster->data_dir);
    cluster__stop(cluster);
}

static int copy_addresses(struct cluster *cluster, const struct cluster_options *options)
{
    if (options->public_address_count > CLUSTER_ADDRESSES_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < options->public_address_count; i++) {
        const char *text = options->public_addresses[i];
        if (inet_pton(AF_INET, text, cluster->public_addresses[i].octets) == 1)
            cluster->public_addresses[i].len = 4;
        else if (inet_pton(AF_INET6, text, cluster->public_addresses[i].octets) == 1)
            cluster->public_addresses[i].len = 16;
        else
            return ERR_INVALID;
    }
    cluster->public_address_count = options->public_address_count;
    cluster->listen = options->listen;
    cluster->advertised = options->advertised;
    if (cluster->advertised.peer[0] == '\0')
        memcpy(cluster->advertised.peer, options->listen.peer, CLUSTER_TEXT_MAX);
    if (cluster->advertised.admin[0] == '\0')
        memcpy(cluster->advertised.admin, options->listen.admin, CLUSTER_TEXT_MAX);
    if (cluster->advertised.snapshot[0] == '\0')
        memcpy(cluster->advertised.snapshot, options->listen.snapshot, CLUSTER_TEXT_MAX);
    return 0;
}

static int copy_options(struct cluster *cluster, const struct cluster_options *options,
                        char error[CLUSTER_ERROR_MAX])
{
    if (!join_is_name(options->name)) {
        snprintf(error, CLUSTER_ERROR_MAX, "the node's name must be one label of a-z, 0-9 and '-'");
        return ERR_INVALID;
    }
    snprintf(cluster->name, sizeof(cluster->name), "%s", options->name);
    snprintf(cluster->region, sizeof(cluster->region), "%s", options->region);
    cluster->loop = options->loop;
    cluster->fatal = options->fatal;
    cluster->fatal_user = options->user;
    cluster->election_timeout_ms = options->election_timeout_ms;
    cluster->heartbeat_ms = options->heartbeat_ms;
    cluster->log_keep_entries = options->log_keep_entries;
    cluster->is_health_off = options->is_health_off;
    cluster->health_connections = options->health_connections;
    settings_defaults(&cluster->settings);
    cluster->feature_level = FEATURE_FIRST;
    int rc = copy_addresses(cluster, options);
    if (rc != 0)
        snprintf(error, CLUSTER_ERROR_MAX,
                 "a public address is neither IPv4 nor IPv6, or there "
                 "are more than 8");
    if (rc == 0 && !(cluster->data_dir = strdup(options->data_dir)))
        rc = ERR_NOMEM;
    return rc;
}

static int make_handles(struct cluster *cluster)
{
    cluster->tick = calloc(1, sizeof(*cluster->tick));
    cluster->gather = calloc(1, sizeof(*cluster->gather));
    cluster->flush = calloc(1, sizeof(*cluster->flush));
    cluster->wake = calloc(1, sizeof(*cluster->wake));
    if (!cluster->tick || !cluster->gather || !cluster->flush || !cluster->wake ||
        uv_async_init(cluster->loop, cluster->wake, on_wake) != 0) {
        free(cluster->tick);
        free(cluster->gather);
        free(cluster->flush);
        free(cluster->wake);
        cluster->wake = NULL;
        return ERR_NOMEM;
    }
    uv_timer_init(cluster->loop, cluster->tick);
    uv_timer_init(cluster->loop, cluster->gather);
    uv_prepare_init(cluster->loop, cluster->flush);
    cluster->tick->data = cluster->gather->data = cluster;
    cluster->flush->data = cluster->wake->data = cluster;
    uv_timer_start(cluster->tick, on_tick, CLUSTER_TICK_MS, CLUSTER_TICK_MS);
    uv_prepare_start(cluster->flush, on_flush);
    return 0;
}

static void note_closed(void *user)
{
    *(bool *)user = true;
}

int cluster_open(const struct cluster_options *options, struct cluster **out,
                 char error[CLUSTER_ERROR_MAX])
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    bool is_closed = false;

    snprintf(error, CLUSTER_ERROR_MAX, "out of memory");
    if (!cluster)
        return ERR_NOMEM;
    pthread_rwlock_init(&cluster->store_lock, NULL);
    int rc = copy_options(cluster, options, error);
    if (rc == 0)
        rc = make_handles(cluster);
    if (rc != 0) {
        pthread_rwlock_destroy(&cluster->store_lock);
        free(cluster->data_dir);
        free(cluster);
        return rc;
    }
    cluster->asks = asks_new(cluster);
    cluster->init = init_new();
    cluster->join = join_new(cluster);
    cluster->backups = backups_new(cluster, options);
    cluster->restore = restore_new();
    cluster->latency = latency_new(cluster, options->latency_window_s);
    cluster->latency_view = latency_view_new(cluster);
    rc = cluster->asks && cluster->init && cluster->join && cluster->backups && cluster->restore &&
                 cluster->latency && cluster->latency_view
             ? publish_new(&cluster->publish)
             : ERR_NOMEM;
    if (rc == 0)
        publish_set_log(cluster->publish, options->query_log);
    if (rc == 0)
        rc = health_view_new(zone_publisher_health(publish_image(cluster->publish)),
                             &cluster->health_view);
    if (rc == 0)
        rc = geo_parts_new(cluster->publish, &cluster->geo_parts);
    if (rc == 0)
        rc = geo_load_new(cluster, options->geo_database, &cluster->geo_load);
    if (rc == 0 && (rc = alias_targets_new(cluster, options, &cluster->alias_targets)) != 0)
        snprintf(error, CLUSTER_ERROR_MAX, "cannot prepare to resolve alias targets: %s",
                 err_text(rc));
    if (rc == 0)
        rc = identity_load(cluster->data_dir, &cluster->identity, error);
    if (rc == 0)
        rc = cluster__start_member(cluster, error);
    else if (rc == ERR_NOT_FOUND)
        rc = 0; /* waits for init or join */
    if (rc != 0) {
        cluster_close(cluster, note_closed, &is_closed);
        while (!is_closed)
            uv_run(options->loop, UV_RUN_ONCE);
        return rc;
    }
    *out = cluster;
    return 0;
}

enum cluster_phase cluster_phase(const struct cluster *cluster)
{
    return cluster->phase;
}

uint64_t cluster_self(const struct cluster *cluster)
{
    return cluster->identity.id;
}

uint64_t cluster_leader(const struct cluster *cluster)
{
    return cluster->leader;
}

const char *cluster_domain(const struct cluster *cluster)
{
    return cluster->domain;
}

const char *cluster_admin_address(const struct cluster *cluster)
{
    return cluster->advertised.admin;
}

struct zone_publisher *cluster_image(struct cluster *cluster)
{
    return publish_image(cluster->publish);
}

const struct kv *cluster_state(struct cluster *cluster)
{
    return cluster->store ? store_kv(cluster->store) : NULL;
}
