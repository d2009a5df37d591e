/* tests/lib/test_certs.c */
#include "lib/test_certs.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct test_ca {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    char *pem;
};

static void must(int code)
{
    if (code >= 0)
        return;
    (void)fprintf(stderr, "test_certs: %s\n", gnutls_strerror(code));
    abort();
}

static char *text_of(gnutls_datum_t *datum)
{
    char *text = strndup((const char *)datum->data, datum->size);
    gnutls_free(datum->data);
    return text;
}

static gnutls_x509_privkey_t key_new(void)
{
    gnutls_x509_privkey_t key;
    must(gnutls_x509_privkey_init(&key));
    must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    return key;
}

static gnutls_x509_crt_t crt_new(const char *name, gnutls_x509_privkey_t key)
{
    static _Atomic uint32_t serials; /* a test may make some on threads of its own */
    uint32_t serial = ++serials;
    gnutls_x509_crt_t crt;
    uint8_t octets[4] = {(uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8),
                         (uint8_t)serial};
    must(gnutls_x509_crt_init(&crt));
    must(gnutls_x509_crt_set_version(crt, 3));
    must(gnutls_x509_crt_set_serial(crt, octets, sizeof(octets)));
    must(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600));
    must(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400));
    must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                       (unsigned)strlen(name)));
    must(gnutls_x509_crt_set_key(crt, key));
    return crt;
}

struct test_ca *test_ca_new(void)
{
    struct test_ca *ca = calloc(1, sizeof(*ca));
    gnutls_datum_t pem;
    if (ca == NULL)
        abort();
    ca->key = key_new();
    ca->crt = crt_new("Quartet test CA", ca->key);
    must(gnutls_x509_crt_set_basic_constraints(ca->crt, 1, -1));
    must(gnutls_x509_crt_set_key_usage(ca->crt, GNUTLS_KEY_KEY_CERT_SIGN));
    must(gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
    must(gnutls_x509_crt_export2(ca->crt, GNUTLS_X509_FMT_PEM, &pem));
    ca->pem = text_of(&pem);
    return ca;
}

void test_ca_free(struct test_ca *ca)
{
    if (ca == NULL)
        return;
    gnutls_x509_crt_deinit(ca->crt);
    gnutls_x509_privkey_deinit(ca->key);
    free(ca->pem);
    free(ca);
}

const char *test_ca_pem(const struct test_ca *ca)
{
    return ca->pem;
}

static struct test_cert cert_new(const struct test_ca *ca, const char *name, int is_sec1)
{
    gnutls_datum_t cert_pem;
    gnutls_datum_t key_pem;
    gnutls_x509_privkey_t key = key_new();
    gnutls_x509_crt_t crt = crt_new(name, key);
    must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                              GNUTLS_FSAN_SET));
    must(gnutls_x509_crt_set_basic_constraints(crt, 0, -1));
    must(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
    must(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
    must(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0));
    must(gnutls_x509_crt_sign2(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
    must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cert_pem));
    if (is_sec1)
        must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem));
    else
        must(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                               &key_pem));
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return (struct test_cert){.cert_pem = text_of(&cert_pem), .key_pem = text_of(&key_pem)};
}

struct test_cert test_cert_new(const struct test_ca *ca, const char *dns_name)
{
    return cert_new(ca, dns_name, 0);
}

static void member_name(uint64_t id, char name[32])
{
    (void)snprintf(name, 32, "%016" PRIx64 ".quartet", id);
}

struct test_cert test_cert_new_member(const struct test_ca *ca, uint64_t id)
{
    char name[32];
    member_name(id, name);
    return cert_new(ca, name, 0);
}

struct test_cert test_cert_new_sec1(const struct test_ca *ca, uint64_t id)
{
    char name[32];
    member_name(id, name);
    return cert_new(ca, name, 1);
}

void test_cert_free(struct test_cert *cert)
{
    free(cert->cert_pem);
    free(cert->key_pem);
    cert->cert_pem = NULL;
    cert->key_pem = NULL;
}
