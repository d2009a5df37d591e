/* node/cluster/init.h: a new cluster of one node. Keys, certificate and a log with one voter are
 * made first; what belongs into state (cluster id and domain, the CA's sealed key, the own zone) is
 * kept in identity/init and proposed until it is applied, also after a crash. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define INIT_CA_KEY "ca.key" /* the secret's name in state, and its label when sealed */

struct init *init_new(void); /* NULL: no memory */
void init_free(struct init *init, int rc);
void init_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Remove what an init, join or restore that did not end has left: log and state without an
 * identity. ERR_IO. */
int init_clear_leftovers(const char *data_dir);
int init_clear_state(const char *data_dir); /* the same, but for what a restore is made of */
/* Make what a new cluster's first node is: cluster id and key, member id, CA, certificate, and the
 * text of identity/init. @key_hash: SHA-256 of its public key. Blocks for some ms; any thread. On
 * failure the caller still calls identity_fini() and secrets_wipe(). ERR_NOMEM, ERR_IO. */
int init_make_identity(const char *domain, struct identity *identity, struct secrets *secrets,
                       uint8_t key_hash[32]);
/* The identity is stored: start, and go on with what is in identity/init. @cb when that is done, or
 * cannot be. */
void init_start(struct cluster *cluster, cluster_done_cb cb, void *user);
