/* node/cluster/identity.h: who this node is, on disk. DATADIR/identity/ holds it whole or is not
 * there: it is written to DATADIR/identity.new/ and renamed, so a crash leaves a node unjoined or
 * joined, nothing between. Files are 0600. Blocks on the disk; loop thread.
 *
 *     node         text: cluster id, member id
 *     ca.pem       the CAs that are trusted, that which makes certificates first
 *     cert.pem key.pem cluster.key
 *     members      where members were at the time of joining, until the log has told
 *     removed      only when the cluster has removed this node ("superseded": recovered without)
 *     init         only until a new cluster's first commands are applied (init.h)
 *
 * A join first keeps a draft (key and member id) in DATADIR/joining/, so that one whose answer was
 * lost asks again as the same joiner. DATADIR/admin.conf is for administrators' programs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cluster/cluster.h"
#include "cluster/secrets.h"

struct identity_peer {
    uint64_t id;
    char peer[CLUSTER_TEXT_MAX];
};
#define IDENTITY_PEERS_MAX 64
struct identity {
    uint8_t cluster_id[SECRETS_CLUSTER_ID_LEN];
    uint64_t id;
    char *ca_pem, *cert_pem, *key_pem; /* owned */
    uint8_t cluster_key[SECRETS_KEY_LEN];
    bool is_removed, is_superseded;
    struct identity_peer *peers; /* owned; NULL when there are none */
    unsigned peer_count;
    char *init_text; /* owned; NULL when there is none */
};

/* Release what @identity owns and wipe it; a zeroed one is legal. */
void identity_fini(struct identity *identity);
/* ERR_NOT_FOUND: this node has not joined. ERR_CORRUPT: a file is missing or malformed (@error
 * names it). ERR_IO, ERR_NOMEM. */
int identity_load(const char *data_dir, struct identity *out, char error[CLUSTER_ERROR_MAX]);
/* Write all, durably, as one step; removes a joining draft. ERR_EXISTS (there is one), ERR_IO. */
int identity_store(const char *data_dir, const struct identity *identity);
/* Replace the CAs that are trusted in place. ERR_IO. */
int identity_store_ca(const char *data_dir, const char *ca_pem);
/* Replace the certificate in place. ERR_IO. */
int identity_store_certificate(const char *data_dir, const char *cert_pem);
/* Remember that the cluster has removed this node, or was recovered without it. ERR_IO. */
int identity_store_removed(const char *data_dir, bool is_superseded);

/* The first commands are applied: remove `init`. ERR_IO. */
int identity_init_done(const char *data_dir);

/* The key and id of a join under way, made on the first call and found again by later ones, also
 * after a restart. On 0 the caller owns *@key_pem (certificate_free_key). */
int identity_draft(const char *data_dir, uint64_t *id, char **key_pem);

/* Write DATADIR/admin.conf (0600), from which a program reaches the admin port: "quartet-admin 1",
 * "secret <64 hex digits>", "node HOST:PORT" for each line of @addresses, then the CA as PEM. */
int identity_store_admin(const char *data_dir, const char *ca_pem, const struct secrets *secrets,
                         const char *addresses);
