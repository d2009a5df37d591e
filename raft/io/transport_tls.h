/* raft/io/transport_tls.h: the certificates of a node, for the peer and the snapshot port. NNG's
 * TLS engine is Debian's mbedTLS 2.28: TLS 1.2. */
#pragma once

#include <stddef.h>

#include "raft/core/raft.h"

#define TRANSPORT_SERVER_NAME_LEN 24 /* 16 hex digits and ".quartet"; without the final NUL */

/* PEM texts, NUL-terminated; borrowed, copied by whoever keeps them. The node certificate names
 * "<16 hex digits of the member id>.quartet" as DNS subject alternative name and serves both as
 * client and as server (extended key usages of both, key usage digitalSignature). ECDSA P-256 keys
 * are taken as PKCS#8 ("PRIVATE KEY") and as SEC 1 ("EC PRIVATE KEY"); both are tested. */
struct transport_tls {
    const char *ca_pem;   /* the cluster's CA; nothing else is trusted */
    const char *cert_pem; /* this node's, signed by the CA */
    const char *key_pem;  /* its private key, unencrypted */
};

/* "<16 hex digits>.quartet". @out holds TRANSPORT_SERVER_NAME_LEN + 1 octets. */
void transport_server_name(raft_id id, char *out);
