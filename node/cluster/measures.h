/* node/cluster/measures.h: figures of this node's part in the cluster, for metrics; what is known
 * here, at once. Loop thread. */
#pragma once

#include "base/histogram.h"
#include "cluster/status.h"

struct cluster_peer_measure { /* of another member; on the leader alone */
    char name[65];
    bool is_voter, is_alive;
    uint64_t match_index; /* of its log */
    uint64_t image_index; /* what its DNS answers come from, as it reported last */
};

struct cluster_measures {
    struct histogram_reading sync;      /* synced writes of the log */
    struct histogram_reading commit;    /* leader: entries, from proposed to applied here */
    struct histogram_reading apply;     /* batches of committed entries */
    struct histogram_reading proposals; /* commands of this node, to their result */
    uint64_t proposals_unknown;         /* those that got none in time */
    uint64_t proposals_pending;
    uint64_t elections; /* in which this node stood */
    uint64_t leader_changes;
    uint64_t last_index, persisted_index;
    uint64_t snapshots_sent;
    bool is_low_on_space, is_installing, is_frozen;
    bool
        is_filling; /* an activated zone is read into the image, which counts as behind till then */
    uint64_t state_free, state_len; /* of the file system of the data folder, octets */
    uint32_t voters, voters_alive;  /* the latter on the leader alone */
    uint32_t members;
    struct cluster_peer_measure peers[CLUSTER_MEMBERS_MAX];
    uint32_t peer_count;          /* 0 on others than the leader */
    uint64_t certificate_wall_ms; /* when the node's certificate ends; 0: there is none */
    uint64_t ca_wall_ms;          /* likewise that of the cluster's CA */
};
void cluster_measure(struct cluster *cluster, struct cluster_measures *out);

/* Health checks and overrides by what their octet says, by enum policy_health_reason. */
#define CLUSTER_HEALTH_REASONS 16u
void cluster_health_measure(const struct cluster *cluster, uint64_t out[CLUSTER_HEALTH_REASONS]);

struct cluster_zone_count { /* a zone that is counted apart */
    uint16_t slot;
    uint32_t before; /* zones that had the slot before it */
    const char *id;  /* borrowed for the call */
    const uint8_t *name;
    bool is_private;
};
typedef void (*cluster_zone_count_cb)(void *user, const struct cluster_zone_count *zone);
/* Call @cb for each. */
void cluster_zone_counts(struct cluster *cluster, cluster_zone_count_cb cb, void *user);
