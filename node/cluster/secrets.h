/* node/cluster/secrets.h: the cluster key, what is derived from it, and sealing of secrets that go
 * through the log (the CA's private key). Any thread. Wipe after use: secrets_wipe(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SECRETS_KEY_LEN 32
#define SECRETS_CLUSTER_ID_LEN 16
#define SECRETS_SEAL_EXTRA 29 /* octets that sealing adds: version, nonce, tag */

struct secrets {
    uint8_t cluster_key[SECRETS_KEY_LEN];  /* random at init; each member holds it */
    uint8_t mac_key[SECRETS_KEY_LEN];      /* of frames between members */
    uint8_t admin_secret[SECRETS_KEY_LEN]; /* proves an administrator on the admin port */
    uint8_t seal_key[SECRETS_KEY_LEN];
};

/* Derive all from @cluster_key by HKDF-SHA256 (RFC 5869), salted with the cluster id. */
void secrets_derive(const uint8_t cluster_key[SECRETS_KEY_LEN],
                    const uint8_t cluster_id[SECRETS_CLUSTER_ID_LEN], struct secrets *out);
void secrets_wipe(struct secrets *secrets);

/* ChaCha20-Poly1305 (RFC 8439) with a nonce from @nonce (12 random octets, never used twice).
 * @label binds the outcome to its purpose. Writes @len + SECRETS_SEAL_EXTRA octets to @out. */
void secrets_seal(const struct secrets *secrets, const char *label, const uint8_t nonce[12],
                  const uint8_t *plain, size_t len, uint8_t *out);
/* Undo it: writes @len - SECRETS_SEAL_EXTRA octets to @out. ERR_CORRUPT (another key, another label
 * or changed octets; @out is wiped), ERR_VERSION. */
int secrets_open(const struct secrets *secrets, const char *label, const uint8_t *sealed,
                 size_t len, uint8_t *out);
