/* node/cluster/certificate.h: the cluster's CA and the nodes' certificates: ECDSA on P-256, in the
 * PEM forms that NNG's TLS engine reads (raft/io/transport_tls.h). Blocks for a millisecond or two;
 * any thread. Texts that are returned are NUL-terminated and the caller's (free; keys by
 * certificate_free_key(), which wipes). Errors of all: ERR_NOMEM; ERR_IO (the library failed). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CERTIFICATE_CA_DAYS 3650
#define CERTIFICATE_NODE_DAYS 365
#define CERTIFICATE_SKEW_MS 3600000ull /* clocks of nodes may differ by so much */
#define CERTIFICATE_SERIAL_LEN 16
#define CERTIFICATE_PEM_MAX 8192 /* longer texts are refused */
#define CERTIFICATE_HASH_LEN 32
#define CERTIFICATE_NAME_LEN 24 /* "<16 hex digits>.quartet", without the final NUL */

/* A new private key. */
int certificate_make_key(char **key_pem);
void certificate_free_key(char *key_pem); /* accepts NULL */
struct certificate_ca {
    uint8_t cluster_id[16];
    uint32_t generation; /* from 1: which of the cluster's CAs */
};
/* A self-signed CA for @key_pem, good from CERTIFICATE_SKEW_MS before @now_wall_ms. */
int certificate_make_ca(const char *key_pem, const struct certificate_ca *about,
                        uint64_t now_wall_ms, char **cert_pem);
/* How long a node's certificate is good for. */
uint64_t certificate_life_ms(void);
/* A signing request of @key_pem for the certificate of node @id. */
int certificate_make_request(const char *key_pem, uint64_t id, char **request_pem);
/* Sign a request, hostile octets allowed. ERR_INVALID: not one request with a good signature, a key
 * that is not on P-256, or not for the name of node @id. */
int certificate_sign(const char *ca_pem, const char *ca_key_pem, const char *request_pem,
                     uint64_t id, uint64_t now_wall_ms, char **cert_pem);

/* What is said below of @ca_pem holds for a text of several CAs, too: one of them will do. Of
 * other texts with several certificates the first counts. */

/* SHA-256 of a certificate's DER. ERR_INVALID. */
int certificate_hash(const char *cert_pem, uint8_t out[CERTIFICATE_HASH_LEN]);
/* SHA-256 of the public key in a request. ERR_INVALID. */
int certificate_request_key(const char *request_pem, uint8_t out[CERTIFICATE_HASH_LEN]);
/* Is @cert_pem signed by @ca_pem, for node @id, with the key @key_pem, and good at @now_wall_ms?
 * 0; ERR_DENIED (*@why, static, says what is wrong). */
int certificate_check(const char *ca_pem, const char *cert_pem, const char *key_pem, uint64_t id,
                      uint64_t now_wall_ms, const char **why);
/* Is it signed by that CA? Dates do not count. */
bool certificate_is_by(const char *ca_pem, const char *cert_pem);
/* The one certificate in @pems whose hash is @hash. 0; ERR_NOT_FOUND; ERR_NOMEM. */
int certificate_pick(const char *pems, const uint8_t hash[CERTIFICATE_HASH_LEN], char **cert_pem);
/* When it ends, wall clock. ERR_INVALID. */
int certificate_expiry(const char *cert_pem, uint64_t *wall_ms);
struct certificate_facts {
    uint8_t serial[CERTIFICATE_SERIAL_LEN]; /* the last octets of a longer one */
    uint64_t from_wall_ms, until_wall_ms;
};
/* ERR_INVALID. */
int certificate_facts(const char *cert_pem, struct certificate_facts *out);
