/* The half of certificate.h that makes nothing: hashes, checks, dates. */
#include "cluster/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

#define CAS_MAX 4
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

struct ca_list {
    gnutls_x509_crt_t list[CAS_MAX];
    unsigned count;
};

static void free_cas(struct ca_list *cas)
{
    for (unsigned i = 0; i < cas->count; i++)
        gnutls_x509_crt_deinit(cas->list[i]);
    cas->count = 0;
}

static int import_cas(const char *pems, struct ca_list *out)
{
    if (strnlen(pems, CERTIFICATE_PEM_MAX + 1) > CERTIFICATE_PEM_MAX)
        return ERR_INVALID;
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pems, (unsigned)strlen(pems)};
    out->count = CAS_MAX;
    int rc = gnutls_x509_crt_list_import(out->list, &out->count, &text, GNUTLS_X509_FMT_PEM,
                                         GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (rc < 0)
        out->count = 0;
    return rc < 0 ? ERR_INVALID : 0;
}

uint64_t certificate_life_ms(void)
{
    return CERTIFICATE_NODE_DAYS * 86400000ull;
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

/* Dates are checked against our argument, not against the library's clock. */
static bool is_signed(const struct ca_list *cas, gnutls_x509_crt_t cert)
{
    for (unsigned i = 0; i < cas->count; i++) {
        unsigned status = 0;
        if (gnutls_x509_crt_verify(cert, &cas->list[i], 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
                                   &status) >= 0 &&
            status == 0)
            return true;
    }
    return false;
}

static const char *check_all(const struct ca_list *cas, gnutls_x509_crt_t cert, const char *key_pem,
                             uint64_t id, uint64_t now_wall_ms)
{
    char name[CERTIFICATE_NAME_LEN + 1];

    if (!is_signed(cas, cert))
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
    gnutls_x509_crt_t cert = NULL;
    struct ca_list cas = {.count = 0};

    const char *problem = NULL;
    if (import_cas(ca_pem, &cas) != 0)
        problem = "the CA certificate cannot be read";
    else if (import_cert(cert_pem, &cert) != 0)
        problem = "it cannot be read";
    else
        problem = check_all(&cas, cert, key_pem, id, now_wall_ms);
    gnutls_x509_crt_deinit(cert);
    free_cas(&cas);
    if (!problem)
        return 0;
    *why = problem;
    return ERR_DENIED;
}

bool certificate_is_by(const char *ca_pem, const char *cert_pem)
{
    gnutls_x509_crt_t cert = NULL;
    struct ca_list cas = {.count = 0};

    bool is_by =
        import_cas(ca_pem, &cas) == 0 && import_cert(cert_pem, &cert) == 0 && is_signed(&cas, cert);
    gnutls_x509_crt_deinit(cert);
    free_cas(&cas);
    return is_by;
}

int certificate_pick(const char *pems, const uint8_t hash[CERTIFICATE_HASH_LEN], char **cert_pem)
{
    uint8_t found[CERTIFICATE_HASH_LEN];

    if (strnlen(pems, CERTIFICATE_PEM_MAX + 1) > CERTIFICATE_PEM_MAX)
        return ERR_NOT_FOUND;
    for (const char *at = strstr(pems, PEM_BEGIN); at;) {
        const char *next = strstr(at + 1, PEM_BEGIN);
        char *one = next ? strndup(at, (size_t)(next - at)) : strdup(at);
        if (!one)
            return ERR_NOMEM;
        if (certificate_hash(one, found) == 0 && memcmp(found, hash, sizeof(found)) == 0) {
            *cert_pem = one;
            return 0;
        }
        free(one);
        at = next;
    }
    return ERR_NOT_FOUND;
}

static int read_facts(gnutls_x509_crt_t cert, struct certificate_facts *out)
{
    uint8_t serial[64];
    size_t len = sizeof(serial);
    time_t from_s = gnutls_x509_crt_get_activation_time(cert);
    time_t until_s = gnutls_x509_crt_get_expiration_time(cert);

    if (from_s < 0 || until_s < 0 || gnutls_x509_crt_get_serial(cert, serial, &len) < 0)
        return ERR_INVALID;
    size_t kept = len < CERTIFICATE_SERIAL_LEN ? len : CERTIFICATE_SERIAL_LEN;
    *out = (struct certificate_facts){.from_wall_ms = (uint64_t)from_s * 1000,
                                      .until_wall_ms = (uint64_t)until_s * 1000};
    memcpy(out->serial + CERTIFICATE_SERIAL_LEN - kept, serial + len - kept, kept);
    return 0;
}

int certificate_facts(const char *cert_pem, struct certificate_facts *out)
{
    gnutls_x509_crt_t cert;

    int rc = import_cert(cert_pem, &cert);
    if (rc != 0)
        return rc;
    rc = read_facts(cert, out);
    gnutls_x509_crt_deinit(cert);
    return rc;
}

int certificate_expiry(const char *cert_pem, uint64_t *wall_ms)
{
    struct certificate_facts facts;

    int rc = certificate_facts(cert_pem, &facts);
    if (rc == 0)
        *wall_ms = facts.until_wall_ms;
    return rc;
}
