/* node/cluster/internal.h: the parts of one cluster object, for the files of this room. Everything
 * is on the loop thread unless it says otherwise.
 *
 *     cluster.c   open, close, phases            machine.c  committed entries into state
 *     proposer.c  own commands                   publish.c  state into the image
 *     ask.c       questions to the leader        members.c  table of members
 *     change.c    membership changes (leader)    report.c   status messages
 *     opinions.c  checks of this node            verdicts.c what follows (leader)
 *     hash_check.c, own_zone.c, autopilot.c      the leader's housekeeping
 *     admin_port.c, join_server.c, join_client.c how others get in */
#pragma once

#include <pthread.h>

#include "base/histogram.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "cluster/identity.h"
#include "cluster/member.h"
#include "cluster/renew_state.h"
#include "cluster/secrets.h"
#include "cluster/status.h"
#include "raft/io/driver.h"
#include "store/state.h"

struct Clu__Message;
struct admin_port;
struct alias_targets;
struct apply;
struct asks;
struct change;
struct command_arena;
struct geo_load;
struct geo_parts;
struct health_view;
struct latency;
struct latency_view;
struct leader_queue;
struct own_zone;
struct proposer;
struct publish;
struct recover;
struct store;
struct uv_async_s;
struct uv_prepare_s;
struct uv_timer_s;

#define CLUSTER_TICK_MS 50
#define CLUSTER_REPORT_MS 100

/* How far taking part has been stopped, for good: cluster_close(), or removal from the cluster. */
enum cluster_stop {
    CLUSTER_STOP_NONE,
    CLUSTER_STOP_DRIVER, /* comes next; then the network, the admin port */
    CLUSTER_STOP_NET,
    CLUSTER_STOP_ADMIN,
    CLUSTER_STOP_WORKERS, /* waits for a join or a question on a worker */
    CLUSTER_STOP_WAIT,    /* for the callback of what is being closed */
    CLUSTER_STOP_DONE,
};

struct cluster {
    /* options, copied */
    struct uv_loop_s *loop;
    char *data_dir;
    char name[64], region[64];
    struct {
        uint8_t octets[16];
        uint8_t len;
    } public_addresses[CLUSTER_ADDRESSES_MAX];
    unsigned public_address_count;
    struct cluster_addresses listen, advertised;
    uint32_t election_timeout_ms, heartbeat_ms, log_keep_entries;
    bool is_health_off;
    uint32_t health_connections;
    void (*fatal)(void *user, const char *message);
    void *fatal_user;

    enum cluster_phase phase;
    bool is_fatal;   /* reported once */
    bool is_closing; /* cluster_close() was called */
    enum cluster_stop stop;
    char domain[CLUSTER_TEXT_MAX];
    struct identity identity; /* zeroes while unjoined */
    struct secrets secrets;

    /* a member's */
    struct store *store;
    pthread_rwlock_t store_lock; /* workers that use the store read; install writes, never waits */
    struct apply *apply;
    struct command_arena *arena;
    struct raft_net *net;
    struct raft_driver *driver;
    struct leader_queue *queue;
    struct proposer *proposer;
    struct asks *asks;
    struct change *change;
    struct hash_check *hash_check;
    struct own_zone *own_zone;
    struct admin_port *admin_port;
    struct known *known;
    struct opinions *opinions;
    struct verdicts *verdicts;
    struct members members;
    struct cluster_settings settings;
    enum raft_role role;
    uint64_t term, leader, commit_index;
    uint64_t settling_index, settling_since_mono_ms, settled_index; /* machine.c: settle() */
    uint64_t leading_since_mono_ms, leader_heard_mono_ms;
    uint64_t reported_mono_ms, quarantine_tried_mono_ms, forgot_mono_ms, imports_looked_mono_ms,
        overrides_looked_mono_ms, drain_looked_mono_ms;
    bool is_members_dirty, is_settings_dirty, is_cluster_dirty, is_authority_dirty, is_report_due;
    bool is_geo_behind;  /* of the state: geo_state_load() is due */
    struct {             /* of a snapshot */
        const char *dir; /* fetched, waits for the store_lock; the driver's */
        uint64_t index;
        bool is_running;        /* in place; the image is rebuilt from it */
        uint64_t again_mono_ms; /* that failed, and is tried again then; 0: it goes on */
        uint32_t gap_ms;        /* before the last try; 0: none has failed */
    } install;
    uint64_t fill_again_mono_ms; /* an activated zone waits for memory until then; 0: none does */
    struct renew_state renew;
    struct state_authority authority;
    unsigned feature_level;           /* that the cluster runs at: feature.h */
    struct {                          /* for measures.h; only grow */
        struct histogram sync, apply; /* sync: the disk thread's */
        uint64_t elections, leader_changes;
    } measured;
    unsigned reads_count;
    bool is_verifying, is_examining; /* verify.c, doctor_run.c read the state on a worker */
    unsigned each_count;             /* each.c, host.c: at work on workers */
    struct recover *recover;         /* one that is under way, or NULL */

    /* always there */
    struct publish *publish;
    struct health_view *health_view;
    struct geo_parts *geo_parts;
    struct alias_targets *alias_targets;
    struct latency *latency;
    struct latency_view *latency_view;
    struct geo_load *geo_load;
    struct init *init;
    struct join *join;
    struct backups *backups;
    struct restore *restore;
    struct uv_timer_s *tick;
    struct uv_timer_s *gather; /* commands are held back: look again */
    struct uv_prepare_s *flush;
    struct uv_async_s *wake; /* lets the loop turn once more, so that `flush` runs */
    unsigned handles_open;
    cluster_admin_cb admin_handler;
    void *admin_user;
    cluster_close_cb close_cb;
    void *close_user;
};

static inline bool cluster__leads(const struct cluster *cluster)
{
    return cluster->driver && cluster->role == RAFT_LEADER;
}
/* cluster.c */
void cluster__fatal(struct cluster *cluster, const char *message);
void cluster__wake(struct cluster *cluster);
/* Stop taking part, step by step; cluster_stop.c. */
void cluster__stop(struct cluster *cluster);
void cluster__stop_step(struct cluster *cluster);
/* Start taking part with cluster->identity; builds the image first. @error as cluster_open(). */
int cluster__start_member(struct cluster *cluster, char error[CLUSTER_ERROR_MAX]);
/* cluster__start_member() has failed after the identity was stored: half a member must not go on,
 * so the node stops. Adds to @error what to do. */
void cluster__not_started(struct cluster *cluster, char error[CLUSTER_ERROR_MAX]);
/* The cluster has removed this node, or has gone on without it: remember @why, and stop taking
 * part.
 */
enum cluster_parting { CLUSTER_PARTING_REMOVED, CLUSTER_PARTING_SUPERSEDED };
void cluster__removed(struct cluster *cluster, enum cluster_parting why);
/* RAFT_E* and other codes → enum err. */
int cluster__error(int code);

/* message.c: proto/cluster.proto to and from members. */
int message_send(struct cluster *cluster, uint64_t to, const struct Clu__Message *message);
void message_receive(struct cluster *cluster, uint64_t from, const uint8_t *data, size_t len);
/* proposer_port.deliver */
int message_deliver(void *cluster, const uint8_t *const *commands, const size_t *lens,
                    unsigned count);
