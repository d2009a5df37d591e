/* node/cluster/certificate.h: the cluster's CA and the nodes' certificates: ECDSA on P-256, in the
 * PEM forms that NNG's TLS engine reads (raft/io/transport_tls.h). Blocks for a millisecond or two;
 * any thread. Texts that are returned are NUL-terminated and the caller's (free; keys by
 * certificate_free_key(), which wipes). Errors of all: ERR_NOMEM; ERR_IO (the library failed). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CERTIFICATE_CA_DAYS 3650
#define CERTIFICATE_NODE_DAYS 365
#define CERTIFICATE_PEM_MAX 8192 /* longer texts are refused */
#define CERTIFICATE_HASH_LEN 32
#define CERTIFICATE_NAME_LEN 24 /* "<16 hex digits>.quartet", without the final NUL */

/* A new private key. */
int certificate_make_key(char **key_pem);
void certificate_free_key(char *key_pem); /* accepts NULL */
/* A self-signed CA for @key_pem, good from an hour before @now_wall_ms. */
int certificate_make_ca(const char *key_pem, const uint8_t cluster_id[16], uint64_t now_wall_ms,
                        char **cert_pem);
/* A signing request of @key_pem for the certificate of node @id. */
int certificate_make_request(const char *key_pem, uint64_t id, char **request_pem);
/* Sign a request, hostile octets allowed. ERR_INVALID: not one request with a good signature, a key
 * that is not on P-256, or not for the name of node @id. */
int certificate_sign(const char *ca_pem, const char *ca_key_pem, const char *request_pem,
                     uint64_t id, uint64_t now_wall_ms, char **cert_pem);

/* SHA-256 of a certificate's DER. ERR_INVALID. */
int certificate_hash(const char *cert_pem, uint8_t out[CERTIFICATE_HASH_LEN]);
/* SHA-256 of the public key in a request. ERR_INVALID. */
int certificate_request_key(const char *request_pem, uint8_t out[CERTIFICATE_HASH_LEN]);
/* Is @cert_pem signed by @ca_pem, for node @id, with the key @key_pem, and good at @now_wall_ms?
 * 0; ERR_DENIED (*@why, static, says what is wrong). */
int certificate_check(const char *ca_pem, const char *cert_pem, const char *key_pem, uint64_t id,
                      uint64_t now_wall_ms, const char **why);
/* When it ends, wall clock. ERR_INVALID. */
int certificate_expiry(const char *cert_pem, uint64_t *wall_ms);
