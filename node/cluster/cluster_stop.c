/* The end of taking part, step by step and never from within a callback of what is being closed:
 * the driver, the network, the admin port, workers; then, for cluster_close(), everything. */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/assert.h"
#include "cluster/admin_port.h"
#include "cluster/alias_targets.h"
#include "cluster/ask.h"
#include "cluster/backup_internal.h"
#include "cluster/change.h"
#include "cluster/command.h"
#include "cluster/geo_load.h"
#include "cluster/geo_parts.h"
#include "cluster/hash_check.h"
#include "cluster/health_view.h"
#include "cluster/init.h"
#include "cluster/internal.h"
#include "cluster/machine.h"
#include "cluster/join.h"
#include "cluster/known.h"
#include "cluster/latency.h"
#include "cluster/latency_view.h"
#include "cluster/leader_queue.h"
#include "cluster/opinions.h"
#include "cluster/own_zone.h"
#include "cluster/proposer.h"
#include "cluster/publish.h"
#include "cluster/recover.h"
#include "cluster/restore.h"
#include "cluster/verdicts.h"
#include "raft/io/driver_net.h"

#define HANDLES 4

void cluster__stop(struct cluster *cluster)
{
    if (cluster->stop == CLUSTER_STOP_NONE)
        cluster->stop = CLUSTER_STOP_DRIVER;
    cluster__wake(cluster);
}

/* What only a member has, and whose callbacks are told why. */
static void free_parts(struct cluster *cluster)
{
    struct proposer *proposer = cluster->proposer;
    struct own_zone *own_zone = cluster->own_zone;
    int rc = cluster->is_closing ? ERR_CLOSED : ERR_UNAVAILABLE;

    recover_free(cluster, rc);
    health_view_watch(cluster->health_view, NULL, NULL);
    opinions_close(cluster->opinions);
    cluster->opinions = NULL;
    verdicts_free(cluster->verdicts);
    cluster->verdicts = NULL;
    cluster->proposer = NULL;
    cluster->own_zone = NULL;
    proposer_free(proposer, rc);
    own_zone_free(own_zone);
    leader_queue_free(cluster->queue);
    cluster->queue = NULL;
    change_free(cluster->change);
    cluster->change = NULL;
    hash_check_free(cluster->hash_check);
    cluster->hash_check = NULL;
    command_arena_free(cluster->arena);
    cluster->arena = NULL;
}

static void part_closed(void *user)
{
    struct cluster *cluster = user;

    if (--cluster->handles_open > 0)
        return;
    cluster->close_cb(cluster->close_user);
    health_view_free(cluster->health_view);
    latency_free(cluster->latency);
    latency_view_free(cluster->latency_view);
    geo_load_free(cluster->geo_load);
    geo_parts_free(cluster->geo_parts);
    publish_free(cluster->publish);
    pthread_rwlock_destroy(&cluster->store_lock);
    free(cluster->data_dir);
    explicit_bzero(cluster, sizeof(*cluster));
    free(cluster);
}

static void handle_closed(uv_handle_t *handle)
{
    struct cluster *cluster = handle->data;

    free(handle);
    part_closed(cluster);
}

static void free_all(struct cluster *cluster)
{
    struct init *init = cluster->init;
    struct join *join = cluster->join;
    struct asks *asks = cluster->asks;
    struct restore *restore = cluster->restore;
    struct backups *backups = cluster->backups;

    cluster->init = NULL;
    cluster->restore = NULL;
    cluster->backups = NULL;
    cluster->join = NULL;
    cluster->asks = NULL;
    asks_free(asks, ERR_CLOSED);
    init_free(init, ERR_CLOSED);
    restore_free(restore, ERR_CLOSED);
    join_free(join);
    backups_free(backups);
    known_free(cluster->known);
    machine_close(cluster);
    identity_fini(&cluster->identity);
    secrets_wipe(&cluster->secrets);
    cluster->handles_open = HANDLES;
    uv_close((uv_handle_t *)cluster->tick, handle_closed);
    uv_close((uv_handle_t *)cluster->gather, handle_closed);
    uv_close((uv_handle_t *)cluster->flush, handle_closed);
    uv_close((uv_handle_t *)cluster->wake, handle_closed);
    cluster->wake = NULL;
    if (cluster->alias_targets) {
        cluster->handles_open++;
        alias_targets_close(cluster->alias_targets, part_closed, cluster);
    }
}

static void driver_closed(void *user)
{
    struct cluster *cluster = user;

    free_parts(cluster);
    cluster->role = RAFT_FOLLOWER;
    cluster->leader = 0;
    cluster->stop = CLUSTER_STOP_NET;
    cluster__wake(cluster);
}

static void net_closed(void *user)
{
    struct cluster *cluster = user;

    cluster->stop = CLUSTER_STOP_ADMIN;
    cluster__wake(cluster);
}

static void admin_closed(void *user)
{
    struct cluster *cluster = user;

    cluster->stop = CLUSTER_STOP_WORKERS;
    cluster__wake(cluster);
}

static void stop_driver(struct cluster *cluster)
{
    struct raft_driver *driver = cluster->driver;

    cluster->driver = NULL;
    if (driver)
        raft_driver_close(driver, driver_closed, cluster);
    else
        driver_closed(cluster);
}

static void stop_net(struct cluster *cluster)
{
    struct raft_net *net = cluster->net;

    cluster->net = NULL;
    if (net)
        raft_net_close(net, net_closed, cluster);
    else
        net_closed(cluster);
}

static void stop_admin(struct cluster *cluster)
{
    struct admin_port *port = cluster->admin_port;

    cluster->admin_port = NULL;
    if (port)
        admin_port_close(port, admin_closed, cluster);
    else
        admin_closed(cluster);
}

/* Called again and again; each close is begun once, its pointer says so. */
void cluster__stop_step(struct cluster *cluster)
{
    switch (cluster->stop) {
    case CLUSTER_STOP_NONE: break;
    case CLUSTER_STOP_DRIVER:
        if (recover_is_running(cluster))
            break; /* it reads the log; its end wakes this up again */
        cluster->stop = CLUSTER_STOP_WAIT;
        stop_driver(cluster);
        break;
    case CLUSTER_STOP_NET:
        cluster->stop = CLUSTER_STOP_WAIT;
        stop_net(cluster);
        break;
    case CLUSTER_STOP_ADMIN:
        if (cluster->renew.is_admin_closing)
            break; /* its end wakes this up again */
        cluster->stop = CLUSTER_STOP_WAIT;
        stop_admin(cluster);
        break;
    case CLUSTER_STOP_WORKERS:
        if (!join_is_running(cluster) && !known_is_running(cluster->known) &&
            !cluster->is_verifying && !cluster->is_examining && cluster->each_count == 0 &&
            !backups_is_running(cluster->backups) && !restore_is_running(cluster) &&
            !latency_view_is_running(cluster->latency_view))
            cluster->stop = CLUSTER_STOP_DONE;
        break;
    case CLUSTER_STOP_WAIT: break;
    case CLUSTER_STOP_DONE: break;
    }
    if (cluster->stop == CLUSTER_STOP_DONE && cluster->is_closing && cluster->join &&
        !geo_load_is_running(cluster->geo_load))
        free_all(cluster);
}

void cluster_close(struct cluster *cluster, cluster_close_cb cb, void *user)
{
    ASSERT(!cluster->is_closing);
    cluster->is_closing = true;
    cluster->close_cb = cb;
    cluster->close_user = user;
    cluster__stop(cluster);
}
