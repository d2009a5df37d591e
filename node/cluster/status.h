/* node/cluster/status.h: how the cluster is, as this node knows it: what it applied, and on the
 * leader what every member reported in the last seconds. Loop thread. */
#pragma once

#include "cluster/cluster.h"

#define CLUSTER_MEMBERS_MAX 64
#define CLUSTER_ALIVE_MS 3000u /* a member heard from within this is alive */

enum cluster_role { CLUSTER_ROLE_VOTER = 1, CLUSTER_ROLE_REPLICA = 2 };

struct cluster_member_status {
    uint64_t id;
    char name[64];
    char region[64];
    char version[32];       /* of the program, as it last told */
    unsigned feature_level; /* the highest that this program knows */
    struct cluster_addresses addresses;
    enum cluster_role role;
    bool is_self;
    bool is_leader;
    bool is_alive;                  /* heard within CLUSTER_ALIVE_MS */
    bool is_quarantined;            /* its state differed; it fetches a snapshot */
    bool is_known;                  /* the figures below were reported */
    uint64_t drained_until_wall_ms; /* 0: not drained; UINT64_MAX: without an end */
    uint64_t applied_index;
    uint64_t image_index; /* what its DNS answers come from */
    uint64_t lag_entries; /* commit index less image index */
    uint64_t heard_ago_ms;
};

enum cluster_health {
    CLUSTER_HEALTHY,
    CLUSTER_DEGRADED,  /* works; a member is down, lags or is quarantined */
    CLUSTER_NO_QUORUM, /* answers DNS; takes no change */
    CLUSTER_NOT_MEMBER,
};

struct cluster_status {
    enum cluster_phase phase;
    bool is_superseded; /* removed: the cluster was recovered without this node */
    enum cluster_health health;
    uint64_t self, leader, cluster_id_high, cluster_id_low;
    uint64_t term, commit_index, applied_index, image_index, first_index;
    char domain[CLUSTER_TEXT_MAX];
    uint32_t voters, voters_alive, quorum;
    uint32_t can_lose; /* voters that may still fail with writes going on */
    uint32_t pending_commands;
    unsigned feature_level; /* that the cluster runs at */
    char advice[512];       /* what to do next, a sentence or two; "" if nothing */
    struct cluster_member_status members[CLUSTER_MEMBERS_MAX]; /* by name */
    uint32_t member_count;
};

/* Ask the leader what the members reported and fill a status; falls back to what is known here when
 * no leader answers within a second. @status is borrowed for the callback.
 * At once: ERR_BUSY (too many asking), ERR_NOMEM. */
typedef void (*cluster_status_cb)(void *user, const struct cluster_status *status);
int cluster_status(struct cluster *cluster, cluster_status_cb cb, void *user);

/* Does every live member's image serve the change that was applied at @index? From any node. */
struct cluster_sync {
    bool is_insync;
    bool is_known;                          /* false: no leader answered, so PENDING */
    uint64_t laggards[CLUSTER_MEMBERS_MAX]; /* live members whose image is behind */
    uint32_t laggard_count;
};
typedef void (*cluster_sync_cb)(void *user, const struct cluster_sync *sync);
int cluster_change_status(struct cluster *cluster, uint64_t index, cluster_sync_cb cb, void *user);

/* What this node knows of itself, at once. */
struct cluster_node {
    uint64_t term, commit_index, applied_index, image_index, first_index, leader;
    uint64_t last_index, last_term; /* of the log, and of its last entry */
    bool is_leader, is_candidate, is_quarantined, is_superseded;
    uint64_t hash_high, hash_low; /* state hash after applied_index */
    uint64_t snapshots_installed, messages_sent, messages_received, messages_dropped;
    uint64_t frames_refused; /* on the peer and snapshot ports, for whatever reason */
    uint64_t links_redialled, ports_reopened; /* to peers that were silent or did not hear; ours */
    uint64_t sync_count, sync_p50_us, sync_p99_us, disk_free, log_len;
    uint64_t certificate_expires_wall_ms;
    uint64_t drained_until_wall_ms; /* as above */
    const char *step;               /* of a join that runs; "" otherwise; borrowed */
};
void cluster_node(struct cluster *cluster, struct cluster_node *out);

struct cluster_memory { /* octets; zeroes while unjoined */
    struct {
        uint64_t block_cache, memtables, table_readers;
    } state, log;
    uint64_t log_entries;
};
/* What storage holds in memory. */
void cluster_memory(struct cluster *cluster, struct cluster_memory *out);

/* Read all of the state again with checksums, on a worker thread; @cb with a sentence. At once:
 * ERR_UNAVAILABLE (unjoined), ERR_BUSY (one runs). */
int cluster_verify(struct cluster *cluster, cluster_done_cb cb, void *user);
