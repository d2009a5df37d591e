/* node/cluster/signing_key.h: keys that zones are signed by: ECDSA P-256 (RFC 6605, algorithm 13),
 * made by GnuTLS, as DNSKEY by libdnssec. A private key leaves this file only sealed by the cluster
 * key (secrets.h), so that log, state, snapshots and backups hold nothing that can sign. Any
 * thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cluster;
struct secrets;

#define SIGNING_KEY_DNSKEY_LEN 68u /* flags, protocol, algorithm, 64 octets of public key */
#define SIGNING_KEY_SEALED_MAX 1024u
#define SIGNING_KEY_DS_LEN 32u
#define SIGNING_KEY_LABEL "dnssec ksk 1" /* of the seal; stored with every key: never changes */

struct signing_key {
    uint8_t dnskey[SIGNING_KEY_DNSKEY_LEN]; /* RDATA of a key-signing key: flags 257 */
    uint8_t sealed[SIGNING_KEY_SEALED_MAX]; /* the private key: PKCS #8 in PEM, sealed */
    size_t sealed_len;
};

/* A new key, sealed by @secrets. ERR_IO: GnuTLS or libdnssec failed; ERR_NOMEM. */
int signing_key_make(const struct secrets *secrets, struct signing_key *out);
/* The same with the cluster's secrets. ERR_UNAVAILABLE: this node is no member. Loop thread. */
int cluster_make_signing_key(struct cluster *cluster, struct signing_key *out);
/* Does @sealed hold the private key of @dnskey? 0; ERR_CORRUPT: it was sealed by another cluster
 * key, is damaged, or is another key's; ERR_VERSION, ERR_NOMEM. */
int signing_key_check(const struct secrets *secrets, const uint8_t *dnskey, size_t dnskey_len,
                      const uint8_t *sealed, size_t sealed_len);

/* Of the DNSKEY RDATA @dnskey of the zone @owner (wire octets, lower case): its tag (RFC 4034
 * appendix B) and its digest for a DS record, SHA-256 (RFC 4509). ERR_INVALID, ERR_NOMEM. */
int signing_key_describe(const uint8_t *owner, const uint8_t *dnskey, size_t dnskey_len,
                         uint16_t *tag, uint8_t ds_sha256[SIGNING_KEY_DS_LEN]);
