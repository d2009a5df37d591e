/* node/cluster/cert.h: certificates for administrators: what there is, new ones, another CA. Loop
 * thread; conventions as in cluster.h. */
#pragma once

#include "cluster/status.h"
#include "store/state_authority.h"

struct cluster_cert_ca {
    uint32_t generation;
    uint64_t from_wall_ms, until_wall_ms;
    uint8_t sha256[32]; /* of the certificate */
    bool is_signing;
};
struct cluster_cert_member {
    uint64_t id;
    char name[65];
    bool is_self;
    bool is_waited_for;                 /* the rotation of the CA goes on once it is that far */
    uint64_t made_wall_ms, due_wall_ms; /* when it was made; when it takes another by itself */
    struct state_certificate certificate;
};
struct cluster_cert_status {
    enum state_authority_phase phase;
    uint64_t begun_wall_ms; /* of the last rotation; 0: there was none */
    struct cluster_cert_ca cas[STATE_CAS_MAX];
    uint32_t ca_count;
    struct cluster_cert_member members[CLUSTER_MEMBERS_MAX]; /* by name */
    uint32_t member_count;
};
/* From the state here; zeroes while unjoined. Needs no quorum. */
void cluster_cert_status(struct cluster *cluster, struct cluster_cert_status *out);

/* Ask one member (0: all) for a new certificate; each takes it in its turn, a dead one when it is
 * back. ERR_UNAVAILABLE, ERR_NOT_FOUND, ERR_BUSY, ERR_NOMEM. */
int cluster_cert_renew(struct cluster *cluster, uint64_t member, cluster_done_cb cb, void *user);
/* Begin to replace the CA, or @is_cancel: give that up while the new one makes no certificates yet.
 * To @cb also ERR_CONFLICT with the reason. */
int cluster_ca_rotate(struct cluster *cluster, bool is_cancel, cluster_done_cb cb, void *user);
