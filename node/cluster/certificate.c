#include "cluster/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/err.h"

#define DAY_S 86400
#define SERIAL_LEN 16

/* GnuTLS's codes → ours: what can only come from bad input is told apart. */
static int error_of(int code)
{
    switch (code) {
    case GNUTLS_E_SUCCESS: return 0;
    case GNUTLS_E_MEMORY_ERROR: return ERR_NOMEM;
    case GNUTLS_E_BASE64_DECODING_ERROR:
    case GNUTLS_E_ASN1_ELEMENT_NOT_FOUND:
    case GNUTLS_E_ASN1_DER_ERROR:
    case GNUTLS_E_ASN1_TAG_ERROR:
    case GNUTLS_E_ASN1_VALUE_NOT_VALID:
    case GNUTLS_E_PK_SIG_VERIFY_FAILED:
    case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
    case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE: return ERR_INVALID;
    default: return code < 0 ? ERR_IO : 0;
    }
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static bool is_sane(const char *pem)
{
    return strnlen(pem, CERTIFICATE_PEM_MAX + 1) <= CERTIFICATE_PEM_MAX;
}

/* Move a library's buffer into one of malloc's, wiping the old one. */
static int take_text(gnutls_datum_t *from, char **out)
{
    char *text = malloc((size_t)from->size + 1);
    if (text) {
        memcpy(text, from->data, from->size);
        text[from->size] = '\0';
    }
    explicit_bzero(from->data, from->size);
    gnutls_free(from->data);
    from->data = NULL;
    if (!text)
        return ERR_NOMEM;
    *out = text;
    return 0;
}

static void node_name(uint64_t id, char out[CERTIFICATE_NAME_LEN + 1])
{
    snprintf(out, CERTIFICATE_NAME_LEN + 1, "%016" PRIx64 ".quartet", id);
}

static int import_key(const char *pem, gnutls_x509_privkey_t *out)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t text = datum_of(pem);

    if (!is_sane(pem))
        return ERR_INVALID;
    if (gnutls_x509_privkey_init(&key) < 0)
        return ERR_NOMEM;
    int rc = gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        gnutls_x509_privkey_deinit(key);
        return ERR_INVALID;
    }
    *out = key;
    return 0;
}

static int import_cert(const char *pem, gnutls_x509_crt_t *out)
{
    gnutls_x509_crt_t cert;
    gnutls_datum_t text = datum_of(pem);

    if (!is_sane(pem))
        return ERR_INVALID;
    if (gnutls_x509_crt_init(&cert) < 0)
        return ERR_NOMEM;
    int rc = gnutls_x509_crt_import(cert, &text, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        gnutls_x509_crt_deinit(cert);
        return ERR_INVALID;
    }
    *out = cert;
    return 0;
}

static int import_request(const char *pem, gnutls_x509_crq_t *out)
{
    gnutls_x509_crq_t request;
    gnutls_datum_t text = datum_of(pem);

    if (!is_sane(pem))
        return ERR_INVALID;
    if (gnutls_x509_crq_init(&request) < 0)
        return ERR_NOMEM;
    int rc = gnutls_x509_crq_import(request, &text, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        gnutls_x509_crq_deinit(request);
        return ERR_INVALID;
    }
    *out = request;
    return 0;
}

int certificate_make_key(char **key_pem)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t text = {NULL, 0};

    if (gnutls_x509_privkey_init(&key) < 0)
        return ERR_NOMEM;
    int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (rc >= 0)
        rc = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text);
    gnutls_x509_privkey_deinit(key);
    return rc < 0 ? error_of(rc) : take_text(&text, key_pem);
}

void certificate_free_key(char *key_pem)
{
    if (key_pem)
        explicit_bzero(key_pem, strlen(key_pem));
    free(key_pem);
}

static int set_serial(gnutls_x509_crt_t cert)
{
    uint8_t serial[SERIAL_LEN];

    int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, and not 0 (RFC 5280 4.1.2.2) */
    return rc < 0 ? rc : gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
}

static int set_validity(gnutls_x509_crt_t cert, uint64_t now_wall_ms, time_t until_s)
{
    time_t now_s = (time_t)(now_wall_ms / 1000);

    int rc =
        gnutls_x509_crt_set_activation_time(cert, now_s - (time_t)(CERTIFICATE_SKEW_MS / 1000));
    return rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(cert, until_s);
}

static int export_cert(gnutls_x509_crt_t cert, char **out)
{
    gnutls_datum_t text = {NULL, 0};

    int rc = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &text);
    return rc < 0 ? error_of(rc) : take_text(&text, out);
}

/* CAs of one cluster have names and key ids of their own, or a verifier that trusts two of them
 * would not know which one to try. */
static int name_ca(const struct certificate_ca *about, char *name, size_t size, uint8_t key_id[16])
{
    int at = snprintf(name, size, "Quartet cluster ");

    for (unsigned i = 0; i < 16; i++)
        at += snprintf(name + at, size - (size_t)at, "%02x", about->cluster_id[i]);
    memcpy(key_id, about->cluster_id, 16);
    if (about->generation <= 1)
        return at;
    at += snprintf(name + at, size - (size_t)at, " CA %" PRIu32, about->generation);
    for (unsigned i = 0; i < 4; i++)
        key_id[12 + i] ^= (uint8_t)(about->generation >> (24 - 8 * i));
    return at;
}

static int fill_ca(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key,
                   const struct certificate_ca *about, uint64_t now_wall_ms)
{
    char name[80];
    uint8_t key_id[16];
    int at = name_ca(about, name, sizeof(name), key_id);

    int rc = gnutls_x509_crt_set_version(cert, 3);
    if (rc >= 0)
        rc =
            gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)at);
    if (rc >= 0)
        rc = set_serial(cert);
    if (rc >= 0)
        rc = set_validity(cert, now_wall_ms,
                          (time_t)(now_wall_ms / 1000) + (time_t)CERTIFICATE_CA_DAYS * DAY_S);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key(cert, key);
    if (rc >= 0) /* a CA that signs nodes only, no further CA */
        rc = gnutls_x509_crt_set_basic_constraints(cert, 1, 0);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_key_id(cert, key_id, sizeof(key_id));
    return rc < 0 ? rc : gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0);
}

int certificate_make_ca(const char *key_pem, const struct certificate_ca *about,
                        uint64_t now_wall_ms, char **cert_pem)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;

    int rc = import_key(key_pem, &key);
    if (rc != 0)
        return rc;
    rc = gnutls_x509_crt_init(&cert);
    if (rc >= 0) {
        rc = error_of(fill_ca(cert, key, about, now_wall_ms));
        if (rc == 0)
            rc = export_cert(cert, cert_pem);
        gnutls_x509_crt_deinit(cert);
    }
    gnutls_x509_privkey_deinit(key);
    return rc;
}

static int fill_request(gnutls_x509_crq_t request, gnutls_x509_privkey_t key, uint64_t id)
{
    char name[CERTIFICATE_NAME_LEN + 1];

    node_name(id, name);
    int rc = gnutls_x509_crq_set_version(request, 1);
    if (rc >= 0)
        rc = gnutls_x509_crq_set_dn_by_oid(request, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                           CERTIFICATE_NAME_LEN);
    if (rc >= 0)
        rc = gnutls_x509_crq_set_key(request, key);
    return rc < 0 ? rc : gnutls_x509_crq_sign2(request, key, GNUTLS_DIG_SHA256, 0);
}

int certificate_make_request(const char *key_pem, uint64_t id, char **request_pem)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crq_t request;
    gnutls_datum_t text = {NULL, 0};

    int rc = import_key(key_pem, &key);
    if (rc != 0)
        return rc;
    rc = gnutls_x509_crq_init(&request);
    if (rc >= 0) {
        rc = fill_request(request, key, id);
        if (rc >= 0)
            rc = gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &text);
        gnutls_x509_crq_deinit(request);
    }
    gnutls_x509_privkey_deinit(key);
    return rc < 0 ? error_of(rc) : take_text(&text, request_pem);
}

/* The key is on P-256, the request proves possession of it, and asks for the name of @id alone.
 * Extensions that a request may carry are not looked at: none is ever copied. */
static int check_request(gnutls_x509_crq_t request, uint64_t id)
{
    char want[CERTIFICATE_NAME_LEN + 1], got[64];
    size_t len = sizeof(got);
    gnutls_ecc_curve_t curve;

    node_name(id, want);
    if (gnutls_x509_crq_get_pk_algorithm(request, NULL) != GNUTLS_PK_ECDSA)
        return ERR_INVALID;
    gnutls_datum_t x = {NULL, 0}, y = {NULL, 0};
    gnutls_pubkey_t key;
    if (gnutls_pubkey_init(&key) < 0)
        return ERR_NOMEM;
    int rc = gnutls_pubkey_import_x509_crq(key, request, 0);
    if (rc >= 0)
        rc = gnutls_pubkey_export_ecc_raw(key, &curve, &x, &y);
    gnutls_pubkey_deinit(key);
    gnutls_free(x.data);
    gnutls_free(y.data);
    if (rc < 0 || curve != GNUTLS_ECC_CURVE_SECP256R1)
        return ERR_INVALID;
    if (gnutls_x509_crq_verify(request, 0) < 0)
        return ERR_INVALID;
    if (gnutls_x509_crq_get_dn_by_oid(request, GNUTLS_OID_X520_COMMON_NAME, 0, 0, got, &len) < 0)
        return ERR_INVALID;
    return len == CERTIFICATE_NAME_LEN && memcmp(got, want, len) == 0 ? 0 : ERR_INVALID;
}

/* A node's certificate never outlives the CA. */
static time_t node_end(gnutls_x509_crt_t ca, uint64_t now_wall_ms)
{
    time_t ca_end_s = gnutls_x509_crt_get_expiration_time(ca);
    time_t end_s = (time_t)((now_wall_ms + certificate_life_ms()) / 1000);

    return ca_end_s >= 0 && ca_end_s < end_s ? ca_end_s : end_s;
}

static int fill_node(gnutls_x509_crt_t cert, gnutls_x509_crt_t ca, gnutls_x509_crq_t request,
                     uint64_t id, uint64_t now_wall_ms)
{
    char name[CERTIFICATE_NAME_LEN + 1];

    node_name(id, name);
    int rc = gnutls_x509_crt_set_crq(cert, request);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_version(cert, 3);
    if (rc >= 0)
        rc = set_serial(cert);
    if (rc >= 0)
        rc = set_validity(cert, now_wall_ms, node_end(ca, now_wall_ms));
    if (rc >= 0)
        rc = gnutls_x509_crt_set_basic_constraints(cert, 0, -1);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, name,
                                                  CERTIFICATE_NAME_LEN, GNUTLS_FSAN_SET);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return rc;
}

static int sign_request(gnutls_x509_crt_t ca, gnutls_x509_privkey_t ca_key,
                        gnutls_x509_crq_t request, uint64_t id, uint64_t now_wall_ms,
                        char **cert_pem)
{
    gnutls_x509_crt_t cert;

    int rc = check_request(request, id);
    if (rc != 0)
        return rc;
    if (gnutls_x509_crt_init(&cert) < 0)
        return ERR_NOMEM;
    rc = fill_node(cert, ca, request, id, now_wall_ms);
    if (rc >= 0)
        rc = gnutls_x509_crt_sign2(cert, ca, ca_key, GNUTLS_DIG_SHA256, 0);
    rc = rc < 0 ? error_of(rc) : export_cert(cert, cert_pem);
    gnutls_x509_crt_deinit(cert);
    return rc;
}

int certificate_sign(const char *ca_pem, const char *ca_key_pem, const char *request_pem,
                     uint64_t id, uint64_t now_wall_ms, char **cert_pem)
{
    gnutls_x509_crt_t ca = NULL;
    gnutls_x509_privkey_t ca_key = NULL;
    gnutls_x509_crq_t request = NULL;

    int rc = import_cert(ca_pem, &ca);
    if (rc == 0)
        rc = import_key(ca_key_pem, &ca_key);
    if (rc == 0)
        rc = import_request(request_pem, &request);
    if (rc == 0)
        rc = sign_request(ca, ca_key, request, id, now_wall_ms, cert_pem);
    gnutls_x509_crq_deinit(request);
    gnutls_x509_privkey_deinit(ca_key);
    gnutls_x509_crt_deinit(ca);
    return rc;
}
