/* tests/lib/test_certs.h: a CA and node certificates in memory, ECDSA P-256, by GnuTLS. */
#pragma once

#include <stdint.h>

struct test_ca; /* opaque */

struct test_cert {
    char *cert_pem;
    char *key_pem; /* PKCS#8 */
};

/* A new CA, valid from an hour ago for a day. Aborts on failure, like all here. */
struct test_ca *test_ca_new(void);
void test_ca_free(struct test_ca *ca); /* accepts NULL */
const char *test_ca_pem(const struct test_ca *ca);

/* A node certificate for @dns_name, client and server, signed by @ca. */
struct test_cert test_cert_new(const struct test_ca *ca, const char *dns_name);
/* The same for a member's "<16 hex digits>.quartet". */
struct test_cert test_cert_new_member(const struct test_ca *ca, uint64_t id);
/* The same, but its key in the older "EC PRIVATE KEY" form (SEC 1). */
struct test_cert test_cert_new_sec1(const struct test_ca *ca, uint64_t id);
void test_cert_free(struct test_cert *cert);
