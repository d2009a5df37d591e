/* node/cluster/credential.h: the secrets of access keys. They are random, sealed under the cluster
 * key in state, and leave the node once, when the key is made; after that a gateway is told what
 * checks a signature and no more. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;
struct state_credential;

#define CREDENTIAL_ID_SIZE 21u     /* AKIA and 16 of [A-Z2-7] */
#define CREDENTIAL_SECRET_SIZE 41u /* 40 of [A-Za-z0-9+/] */
#define CREDENTIAL_SEALED_LEN 69u
#define CREDENTIAL_SIGNATURE_MAX 32u
#define CREDENTIAL_LABEL "quartet access key 1" /* of the seal; stored with each: never changes */

/* A new access key: its id, its secret, and that sealed for state. Wipe @secret after use.
 * ERR_UNAVAILABLE: this node is no member of a cluster. */
int credential_make(struct cluster *cluster, char id[CREDENTIAL_ID_SIZE],
                    char secret[CREDENTIAL_SECRET_SIZE], uint8_t sealed[CREDENTIAL_SEALED_LEN]);

struct credential_scope { /* of AWS Signature Version 4 */
    const char *date;     /* 20261127 */
    const char *region, *service;
};
/* The signing key of @scope. ERR_UNAVAILABLE; ERR_CORRUPT: the secret was sealed by another
 * cluster. */
int credential_signing_key(struct cluster *cluster, const struct state_credential *credential,
                           const struct credential_scope *scope,
                           uint8_t out[CREDENTIAL_SIGNATURE_MAX]);
/* The HMAC of @text under the secret itself, as the scheme before version 4 has it: its length, or
 * an error as above. */
int credential_sign_text(struct cluster *cluster, const struct state_credential *credential,
                         const char *text, bool is_sha1, uint8_t out[CREDENTIAL_SIGNATURE_MAX]);
