#include "cluster/credential.h"

#include <stdio.h>
#include <string.h>

#include <nettle/base64.h>
#include <nettle/hmac.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/internal.h"
#include "cluster/secrets.h"
#include "store/state_credential.h"

#define ID_PREFIX "AKIA"
#define SECRET_LEN (CREDENTIAL_SECRET_SIZE - 1)
#define SECRET_OCTETS 30u /* as base64: exactly SECRET_LEN characters */
#define KEY_PREFIX "AWS4"
#define TERMINATOR "aws4_request"

_Static_assert(SECRET_LEN + SECRETS_SEAL_EXTRA == CREDENTIAL_SEALED_LEN, "sealed length");
_Static_assert(BASE64_ENCODE_RAW_LENGTH(SECRET_OCTETS) == SECRET_LEN, "no padding");

static void make_id(char out[CREDENTIAL_ID_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t chance[CREDENTIAL_ID_SIZE];

    random_bytes(chance, sizeof(chance));
    memcpy(out, ID_PREFIX, strlen(ID_PREFIX));
    for (size_t i = strlen(ID_PREFIX); i < CREDENTIAL_ID_SIZE - 1; i++)
        out[i] = digits[chance[i] & 31];
    out[CREDENTIAL_ID_SIZE - 1] = '\0';
}

int credential_make(struct cluster *cluster, char id[CREDENTIAL_ID_SIZE],
                    char secret[CREDENTIAL_SECRET_SIZE], uint8_t sealed[CREDENTIAL_SEALED_LEN])
{
    uint8_t octets[SECRET_OCTETS], nonce[12];

    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    make_id(id);
    random_bytes(octets, sizeof(octets));
    base64_encode_raw(secret, sizeof(octets), octets);
    secret[SECRET_LEN] = '\0';
    explicit_bzero(octets, sizeof(octets));
    random_bytes(nonce, sizeof(nonce));
    secrets_seal(&cluster->secrets, CREDENTIAL_LABEL, nonce, (const uint8_t *)secret, SECRET_LEN,
                 sealed);
    return 0;
}

static int open_secret(struct cluster *cluster, const struct state_credential *credential,
                       char out[CREDENTIAL_SECRET_SIZE])
{
    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    if (credential->sealed_len != CREDENTIAL_SEALED_LEN)
        return ERR_CORRUPT;
    int rc = secrets_open(&cluster->secrets, CREDENTIAL_LABEL, credential->sealed,
                          credential->sealed_len, (uint8_t *)out);
    if (rc == 0)
        out[SECRET_LEN] = '\0';
    return rc;
}

static void sign_sha256(const void *key, size_t key_len, const char *text,
                        uint8_t out[CREDENTIAL_SIGNATURE_MAX])
{
    struct hmac_sha256_ctx mac;

    hmac_sha256_set_key(&mac, key_len, key);
    hmac_sha256_update(&mac, strlen(text), (const uint8_t *)text);
    hmac_sha256_digest(&mac, SHA256_DIGEST_SIZE, out);
    explicit_bzero(&mac, sizeof(mac));
}

static void sign_sha1(const void *key, size_t key_len, const char *text,
                      uint8_t out[CREDENTIAL_SIGNATURE_MAX])
{
    struct hmac_sha1_ctx mac;

    hmac_sha1_set_key(&mac, key_len, key);
    hmac_sha1_update(&mac, strlen(text), (const uint8_t *)text);
    hmac_sha1_digest(&mac, SHA1_DIGEST_SIZE, out);
    explicit_bzero(&mac, sizeof(mac));
}

int credential_signing_key(struct cluster *cluster, const struct state_credential *credential,
                           const struct credential_scope *scope,
                           uint8_t out[CREDENTIAL_SIGNATURE_MAX])
{
    char secret[CREDENTIAL_SECRET_SIZE], first[sizeof(KEY_PREFIX) + CREDENTIAL_SECRET_SIZE];
    int rc = open_secret(cluster, credential, secret);

    if (rc != 0)
        return rc;
    int len = snprintf(first, sizeof(first), KEY_PREFIX "%s", secret);
    sign_sha256(first, (size_t)len, scope->date, out);
    sign_sha256(out, SHA256_DIGEST_SIZE, scope->region, out);
    sign_sha256(out, SHA256_DIGEST_SIZE, scope->service, out);
    sign_sha256(out, SHA256_DIGEST_SIZE, TERMINATOR, out);
    explicit_bzero(first, sizeof(first));
    explicit_bzero(secret, sizeof(secret));
    return 0;
}

int credential_sign_text(struct cluster *cluster, const struct state_credential *credential,
                         const char *text, bool is_sha1, uint8_t out[CREDENTIAL_SIGNATURE_MAX])
{
    char secret[CREDENTIAL_SECRET_SIZE];
    int rc = open_secret(cluster, credential, secret);

    if (rc != 0)
        return rc;
    if (is_sha1)
        sign_sha1(secret, SECRET_LEN, text, out);
    else
        sign_sha256(secret, SECRET_LEN, text, out);
    explicit_bzero(secret, sizeof(secret));
    return is_sha1 ? SHA1_DIGEST_SIZE : SHA256_DIGEST_SIZE;
}
