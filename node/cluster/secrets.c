#include "cluster/secrets.h"

#include <string.h>

#include <nettle/chacha-poly1305.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "base/assert.h"
#include "base/err.h"

#define SEAL_VERSION 1
#define NONCE_LEN CHACHA_POLY1305_NONCE_SIZE
#define TAG_LEN CHACHA_POLY1305_DIGEST_SIZE

static void expand(const struct hmac_sha256_ctx *extracted, const char *info,
                   uint8_t out[SECRETS_KEY_LEN])
{
    struct hmac_sha256_ctx mac = *extracted;

    hkdf_expand(&mac, (nettle_hash_update_func *)hmac_sha256_update,
                (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, strlen(info),
                (const uint8_t *)info, SECRETS_KEY_LEN, out);
    explicit_bzero(&mac, sizeof(mac));
}

void secrets_derive(const uint8_t cluster_key[SECRETS_KEY_LEN],
                    const uint8_t cluster_id[SECRETS_CLUSTER_ID_LEN], struct secrets *out)
{
    struct hmac_sha256_ctx mac;
    uint8_t extracted[SHA256_DIGEST_SIZE];

    hmac_sha256_set_key(&mac, SECRETS_CLUSTER_ID_LEN, cluster_id);
    hkdf_extract(&mac, (nettle_hash_update_func *)hmac_sha256_update,
                 (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, SECRETS_KEY_LEN,
                 cluster_key, extracted);
    hmac_sha256_set_key(&mac, sizeof(extracted), extracted);
    memcpy(out->cluster_key, cluster_key, SECRETS_KEY_LEN);
    expand(&mac, "quartet peer mac 1", out->mac_key);
    expand(&mac, "quartet admin secret 1", out->admin_secret);
    expand(&mac, "quartet seal 1", out->seal_key);
    explicit_bzero(&mac, sizeof(mac));
    explicit_bzero(extracted, sizeof(extracted));
}

void secrets_wipe(struct secrets *secrets)
{
    explicit_bzero(secrets, sizeof(*secrets));
}

/* sealed = version | nonce | ciphertext | tag; the tag also covers version and label. */
static void begin(struct chacha_poly1305_ctx *cipher, const struct secrets *secrets,
                  const char *label, const uint8_t *nonce)
{
    static const uint8_t version = SEAL_VERSION;

    chacha_poly1305_set_key(cipher, secrets->seal_key);
    chacha_poly1305_set_nonce(cipher, nonce);
    /* RFC 8439 pads the associated data once, so all of it but the last part is whole blocks. */
    uint8_t associated[CHACHA_POLY1305_BLOCK_SIZE] = {version};
    size_t len = strlen(label);
    ASSERT(len + 1 <= sizeof(associated));
    memcpy(associated + 1, label, len);
    chacha_poly1305_update(cipher, len + 1, associated);
}

void secrets_seal(const struct secrets *secrets, const char *label, const uint8_t nonce[12],
                  const uint8_t *plain, size_t len, uint8_t *out)
{
    struct chacha_poly1305_ctx cipher;

    out[0] = SEAL_VERSION;
    memcpy(out + 1, nonce, NONCE_LEN);
    begin(&cipher, secrets, label, nonce);
    chacha_poly1305_encrypt(&cipher, len, out + 1 + NONCE_LEN, plain);
    chacha_poly1305_digest(&cipher, TAG_LEN, out + 1 + NONCE_LEN + len);
    explicit_bzero(&cipher, sizeof(cipher));
}

int secrets_open(const struct secrets *secrets, const char *label, const uint8_t *sealed,
                 size_t len, uint8_t *out)
{
    struct chacha_poly1305_ctx cipher;
    uint8_t tag[TAG_LEN];

    if (len < SECRETS_SEAL_EXTRA)
        return ERR_CORRUPT;
    if (sealed[0] != SEAL_VERSION)
        return ERR_VERSION;
    size_t plain_len = len - SECRETS_SEAL_EXTRA;
    begin(&cipher, secrets, label, sealed + 1);
    chacha_poly1305_decrypt(&cipher, plain_len, out, sealed + 1 + NONCE_LEN);
    chacha_poly1305_digest(&cipher, TAG_LEN, tag);
    explicit_bzero(&cipher, sizeof(cipher));
    if (!memeql_sec(tag, sealed + 1 + NONCE_LEN + plain_len, TAG_LEN)) {
        explicit_bzero(out, plain_len);
        return ERR_CORRUPT;
    }
    return 0;
}
