/* The half of certificate.h that makes nothing: hashes, checks, dates. */
#include "cluster/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/err.h"

static int import_cert(const char *pem, gnutls_x509_crt_t *out)
{
    gnutls_x509_crt_t cert;

    if (strnlen(pem, CERTIFICATE_PEM_MAX + 1) > CERTIFICATE_PEM_MAX)
        return ERR_INVALID;
    if (gnutls_x509_crt_init(&cert) < 0)
        return ERR_NOMEM;
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    if (gnutls_x509_crt_import(cert, &text, GNUTLS_X509_FMT_PEM) < 0) {
        gnutls_x509_crt_deinit(cert);
        return ERR_INVALID;
    }
    *out = cert;
    return 0;
}

int certificate_hash(const char *cert_pem, uint8_t out[CERTIFICATE_HASH_LEN])
{
    gnutls_x509_crt_t cert;
    size_t len = CERTIFICATE_HASH_LEN;

    int rc = import_cert(cert_pem, &cert);
    if (rc != 0)
        return rc;
    rc = gnutls_x509_crt_get_fingerprint(cert, GNUTLS_DIG_SHA256, out, &len);
    gnutls_x509_crt_deinit(cert);
    return rc < 0 ? ERR_IO : 0;
}

int certificate_request_key(const char *request_pem, uint8_t out[CERTIFICATE_HASH_LEN])
{
    gnutls_x509_crq_t request;
    size_t len = CERTIFICATE_HASH_LEN;

    if (strnlen(request_pem, CERTIFICATE_PEM_MAX + 1) > CERTIFICATE_PEM_MAX)
        return ERR_INVALID;
    if (gnutls_x509_crq_init(&request) < 0)
        return ERR_NOMEM;
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)request_pem, (unsigned)strlen(request_pem)};
    int rc = gnutls_x509_crq_import(request, &text, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        rc = gnutls_x509_crq_get_key_id(request, GNUTLS_KEYID_USE_SHA256, out, &len);
    gnutls_x509_crq_deinit(request);
    return rc < 0 ? ERR_INVALID : 0;
}

/* NULL: the certificate and the private key make a pair. */
static const char *check_pair(gnutls_x509_crt_t cert, const char *key_pem)
{
    uint8_t in_cert[CERTIFICATE_HASH_LEN], in_key[CERTIFICATE_HASH_LEN];
    size_t cert_len = sizeof(in_cert), key_len = sizeof(in_key);
    gnutls_x509_privkey_t key;

    if (gnutls_x509_privkey_init(&key) < 0)
        return "out of memory";
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)key_pem, (unsigned)strlen(key_pem)};
    int rc = gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        rc = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, in_key, &key_len);
    if (rc >= 0)
        rc = gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, in_cert, &cert_len);
    gnutls_x509_privkey_deinit(key);
    if (rc < 0)
        return "the private key cannot be read";
    return memcmp(in_cert, in_key, sizeof(in_key)) == 0 ? NULL
                                                        : "it is not for this node's private key";
}

static const char *check_dates(gnutls_x509_crt_t cert, uint64_t now_wall_ms)
{
    time_t now_s = (time_t)(now_wall_ms / 1000);

    if (gnutls_x509_crt_get_activation_time(cert) > now_s)
        return "it is not valid yet (is the clock of this node right?)";
    if (gnutls_x509_crt_get_expiration_time(cert) <= now_s)
        return "it has expired (is the clock of this node right?)";
    return NULL;
}

static const char *check_all(gnutls_x509_crt_t ca, gnutls_x509_crt_t cert, const char *key_pem,
                             uint64_t id, uint64_t now_wall_ms)
{
    char name[CERTIFICATE_NAME_LEN + 1];
    unsigned status = 0;

    /* Dates are checked against our argument, not against the library's clock. */
    int rc = gnutls_x509_crt_verify(cert, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
    if (rc < 0 || status != 0)
        return "it is not signed by the cluster's CA";
    snprintf(name, sizeof(name), "%016" PRIx64 ".quartet", id);
    if (!gnutls_x509_crt_check_hostname(cert, name))
        return "it names another node";
    const char *why = check_dates(cert, now_wall_ms);
    return why ? why : check_pair(cert, key_pem);
}

int certificate_check(const char *ca_pem, const char *cert_pem, const char *key_pem, uint64_t id,
                      uint64_t now_wall_ms, const char **why)
{
    gnutls_x509_crt_t ca = NULL, cert = NULL;

    const char *problem = NULL;
    if (import_cert(ca_pem, &ca) != 0)
        problem = "the CA certificate cannot be read";
    else if (import_cert(cert_pem, &cert) != 0)
        problem = "it cannot be read";
    else
        problem = check_all(ca, cert, key_pem, id, now_wall_ms);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_crt_deinit(ca);
    if (!problem)
        return 0;
    *why = problem;
    return ERR_DENIED;
}

int certificate_expiry(const char *cert_pem, uint64_t *wall_ms)
{
    gnutls_x509_crt_t cert;

    int rc = import_cert(cert_pem, &cert);
    if (rc != 0)
        return rc;
    time_t end_s = gnutls_x509_crt_get_expiration_time(cert);
    gnutls_x509_crt_deinit(cert);
    if (end_s < 0)
        return ERR_INVALID;
    *wall_ms = (uint64_t)end_s * 1000;
    return 0;
}
