#include "cluster/signing_key.h"

#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <libdnssec/binary.h>
#include <libdnssec/error.h>
#include <libdnssec/key.h>
#include <libdnssec/pem.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/cluster.h"
#include "cluster/internal.h"
#include "cluster/secrets.h"

#define FLAGS 257 /* zone key, secure entry point (RFC 4034 2.1.1) */
#define PROTOCOL 3
#define DS_HEAD_LEN 4u /* tag, algorithm, digest type */

static int from_dnssec(int code)
{
    if (code == DNSSEC_EOK)
        return 0;
    return code == DNSSEC_ENOMEM ? ERR_NOMEM : ERR_IO;
}

static void wipe(dnssec_binary_t *binary)
{
    if (binary->data)
        explicit_bzero(binary->data, binary->size);
    dnssec_binary_free(binary);
}

/* The DNSKEY that goes with a private key, PKCS #8 in PEM. */
static int load(const dnssec_binary_t *pem, dnssec_key_t **out)
{
    dnssec_key_t *key = NULL;
    int code = dnssec_key_new(&key);

    if (code == DNSSEC_EOK)
        code = dnssec_key_set_algorithm(key, DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256);
    if (code == DNSSEC_EOK)
        code = dnssec_key_set_flags(key, FLAGS);
    if (code == DNSSEC_EOK)
        code = dnssec_key_set_protocol(key, PROTOCOL);
    if (code == DNSSEC_EOK)
        code = dnssec_key_load_pkcs8(key, pem);
    if (code == DNSSEC_EOK)
        *out = key;
    else
        dnssec_key_free(key);
    return from_dnssec(code);
}

static int copy_rdata(const dnssec_key_t *key, uint8_t out[SIGNING_KEY_DNSKEY_LEN])
{
    dnssec_binary_t rdata; /* the key's */
    int rc = from_dnssec(dnssec_key_get_rdata(key, &rdata));

    if (rc == 0 && rdata.size != SIGNING_KEY_DNSKEY_LEN)
        rc = ERR_IO;
    if (rc == 0)
        memcpy(out, rdata.data, SIGNING_KEY_DNSKEY_LEN);
    return rc;
}

/* A new private key as PEM. */
static int generate(dnssec_binary_t *pem)
{
    gnutls_privkey_t key = NULL;
    int rc = gnutls_privkey_init(&key) == GNUTLS_E_SUCCESS ? 0 : ERR_NOMEM;

    if (rc == 0 && gnutls_privkey_generate(key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                           0) != GNUTLS_E_SUCCESS)
        rc = ERR_IO;
    if (rc == 0)
        rc = from_dnssec(dnssec_pem_from_privkey(key, pem));
    if (key)
        gnutls_privkey_deinit(key);
    return rc;
}

int signing_key_make(const struct secrets *secrets, struct signing_key *out)
{
    dnssec_binary_t pem = {0};
    dnssec_key_t *key = NULL;
    struct signing_key made;
    uint8_t nonce[12];
    int rc = generate(&pem);

    if (rc == 0)
        rc = load(&pem, &key);
    if (rc == 0)
        rc = copy_rdata(key, made.dnskey);
    if (rc == 0 && pem.size + SECRETS_SEAL_EXTRA > SIGNING_KEY_SEALED_MAX)
        rc = ERR_IO;
    if (rc == 0) {
        random_bytes(nonce, sizeof(nonce));
        secrets_seal(secrets, SIGNING_KEY_LABEL, nonce, pem.data, pem.size, made.sealed);
        made.sealed_len = pem.size + SECRETS_SEAL_EXTRA;
        *out = made;
    }
    dnssec_key_free(key);
    wipe(&pem);
    return rc;
}

int cluster_make_signing_key(struct cluster *cluster, struct signing_key *out)
{
    if (cluster_phase(cluster) != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    return signing_key_make(&cluster->secrets, out);
}

int signing_key_check(const struct secrets *secrets, const uint8_t *dnskey, size_t dnskey_len,
                      const uint8_t *sealed, size_t sealed_len)
{
    uint8_t plain[SIGNING_KEY_SEALED_MAX], rdata[SIGNING_KEY_DNSKEY_LEN];
    dnssec_key_t *key = NULL;

    if (sealed_len < SECRETS_SEAL_EXTRA || sealed_len > sizeof(plain))
        return ERR_CORRUPT;
    dnssec_binary_t pem = {sealed_len - SECRETS_SEAL_EXTRA, plain};
    int rc = secrets_open(secrets, SIGNING_KEY_LABEL, sealed, sealed_len, plain);
    if (rc == 0)
        rc = load(&pem, &key);
    if (rc == 0)
        rc = copy_rdata(key, rdata);
    if (rc == ERR_IO ||
        (rc == 0 && (dnskey_len != sizeof(rdata) || memcmp(rdata, dnskey, sizeof(rdata)) != 0)))
        rc = ERR_CORRUPT;
    dnssec_key_free(key);
    explicit_bzero(plain, sizeof(plain));
    return rc;
}

int signing_key_describe(const uint8_t *owner, const uint8_t *dnskey, size_t dnskey_len,
                         uint16_t *tag, uint8_t ds_sha256[SIGNING_KEY_DS_LEN])
{
    const dnssec_binary_t rdata = {dnskey_len, (uint8_t *)dnskey};
    dnssec_binary_t ds = {0};
    dnssec_key_t *key = NULL;
    int code = dnssec_key_new(&key);

    if (code == DNSSEC_EOK)
        code = dnssec_key_set_dname(key, owner);
    if (code == DNSSEC_EOK)
        code = dnssec_key_set_rdata(key, &rdata);
    if (code == DNSSEC_EOK)
        code = dnssec_key_create_ds(key, DNSSEC_KEY_DIGEST_SHA256, &ds);
    if (code == DNSSEC_EOK && ds.size != DS_HEAD_LEN + SIGNING_KEY_DS_LEN)
        code = DNSSEC_EINVAL;
    if (code == DNSSEC_EOK) {
        *tag = dnssec_key_get_keytag(key);
        memcpy(ds_sha256, ds.data + DS_HEAD_LEN, SIGNING_KEY_DS_LEN);
    }
    dnssec_binary_free(&ds);
    dnssec_key_free(key);
    if (code == DNSSEC_EOK)
        return 0;
    return code == DNSSEC_ENOMEM ? ERR_NOMEM : ERR_INVALID;
}
