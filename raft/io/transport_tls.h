/* raft/io/transport_tls.h: the certificates of a node, for the peer and the snapshot port. NNG's
 * TLS engine is Debian's mbedTLS 2.28: TLS 1.2. */
#pragma once

#include <stddef.h>

#include "raft/core/raft.h"

#define TRANSPORT_SERVER_NAME_LEN 24 /* 16 hex digits and ".quartet"; without the final NUL */

/* PEM texts, NUL-terminated; borrowed, copied by whoever keeps them. The node certificate names
 * "<16 hex digits of the member id>.quartet" as DNS subject alternative name and serves both as
 * client and as server. */
struct transport_tls {
    const char *ca_pem;   /* the cluster's CA; nothing else is trusted */
    const char *cert_pem; /* this node's, signed by the CA */
    const char *key_pem;  /* its private key, unencrypted */
};

/* "<16 hex digits>.quartet". @out holds TRANSPORT_SERVER_NAME_LEN + 1 octets. */
void transport_server_name(raft_id id, char *out);

/* Inside raft/io: */
struct nng_tls_config;
/* A dialer's configuration that accepts only @peer, or (peer 0) a listener's that demands a
 * certificate of the CA. On 0 the caller frees *@out by nng_tls_config_free().
 * RAFT_ENOMEM; RAFT_EINVALID (not PEM, or certificate and key do not match). */
int transport__tls_config(const struct transport_tls *tls, raft_id peer,
                          struct nng_tls_config **out);
/* Check "host:port" or "[v6]:port" and write "tls+tcp://…" to @out. RAFT_EADDR. */
int transport__url(const char *address, char *out, size_t capacity);
/* NNG's error → enum raft_error. */
int transport__error(int nng_error);
/* Deep copy for a longer life; RAFT_ENOMEM. transport__tls_free() wipes the key. */
int transport__tls_copy(const struct transport_tls *tls, struct transport_tls *out);
void transport__tls_free(struct transport_tls *tls);
