#include "dns/cookie.h"

#include "base/assert.h"
#include "base/siphash.h"
#include "dns/wire.h"

#include <string.h>

enum {
    VERSION = 1,
    TIME_OFFSET = 4, /* in a server cookie */
    HASH_OFFSET = 8,
    HASH_LEN = 8,
};

_Static_assert(DNS_COOKIE_KEY_LEN == SIPHASH_KEY_LEN, "a secret is a key of SipHash");
_Static_assert(DNS_COOKIE_PAST_S < DNS_COOKIE_SECRET_S, "one previous secret is enough");

static void put_hash(uint64_t hash, uint8_t out[HASH_LEN])
{
    for (unsigned i = 0; i < HASH_LEN; i++)
        out[i] = (uint8_t)(hash >> (8 * i));
}

/* Two hashes of different inputs under the key: who learns a day's secret learns no other's. */
static void derive_secret(const uint8_t key[DNS_COOKIE_KEY_LEN], uint32_t day,
                          uint8_t out[DNS_COOKIE_KEY_LEN])
{
    uint8_t input[5];
    dns_wire_put32(input, day);
    for (uint8_t half = 0; half < 2; half++) {
        input[4] = half;
        put_hash(siphash_24(key, input, sizeof input), out + half * HASH_LEN);
    }
}

void dns_cookie_secrets_update(struct dns_cookie_secrets *secrets,
                               const uint8_t key[DNS_COOKIE_KEY_LEN], uint32_t now_s)
{
    const uint32_t day = now_s / DNS_COOKIE_SECRET_S;
    if (secrets->is_set && secrets->day == day)
        return;
    derive_secret(key, day, secrets->current);
    derive_secret(key, day - 1, secrets->previous);
    secrets->day = day;
    secrets->is_set = true;
}

/* What the hash covers is the first half of the server cookie, as received: its reserved octets may
 * be anything (RFC 9018 4.2). */
static void hash_cookie(const uint8_t secret[DNS_COOKIE_KEY_LEN], const uint8_t *client_cookie,
                        const uint8_t *server_cookie, const struct dns_cookie_client *client,
                        uint8_t out[HASH_LEN])
{
    uint8_t input[DNS_COOKIE_CLIENT_LEN + HASH_OFFSET + sizeof client->address];
    ASSERT(client->address_len == 4 || client->address_len == 16);
    memcpy(input, client_cookie, DNS_COOKIE_CLIENT_LEN);
    memcpy(input + DNS_COOKIE_CLIENT_LEN, server_cookie, HASH_OFFSET);
    memcpy(input + DNS_COOKIE_CLIENT_LEN + HASH_OFFSET, client->address, client->address_len);
    const size_t input_len = DNS_COOKIE_CLIENT_LEN + HASH_OFFSET + client->address_len;
    put_hash(siphash_24(secret, input, input_len), out);
}

void dns_cookie_make(const uint8_t secret[DNS_COOKIE_KEY_LEN],
                     const uint8_t client_cookie[DNS_COOKIE_CLIENT_LEN],
                     const struct dns_cookie_client *client, uint32_t now_s,
                     uint8_t out[DNS_COOKIE_SERVER_LEN])
{
    memset(out, 0, TIME_OFFSET);
    out[0] = VERSION;
    dns_wire_put32(out + TIME_OFFSET, now_s);
    hash_cookie(secret, client_cookie, out, client, out + HASH_OFFSET);
}

static bool is_made_with(const uint8_t secret[DNS_COOKIE_KEY_LEN], const uint8_t *cookie,
                         const struct dns_cookie_client *client)
{
    const uint8_t *server_cookie = cookie + DNS_COOKIE_CLIENT_LEN;
    uint8_t hash[HASH_LEN];
    uint8_t difference = 0;
    hash_cookie(secret, cookie, server_cookie, client, hash);
    for (unsigned i = 0; i < HASH_LEN; i++) /* in a time that tells nothing about the hash */
        difference |= (uint8_t)(hash[i] ^ server_cookie[HASH_OFFSET + i]);
    return difference == 0;
}

enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_secrets *secrets,
                                         const uint8_t *cookie, unsigned server_len,
                                         const struct dns_cookie_client *client, uint32_t now_s)
{
    const uint8_t *server_cookie = cookie + DNS_COOKIE_CLIENT_LEN;
    if (server_len != DNS_COOKIE_SERVER_LEN || server_cookie[0] != VERSION)
        return DNS_COOKIE_WRONG;
    const uint32_t age_s = now_s - dns_wire_get32(server_cookie + TIME_OFFSET);
    if (age_s > DNS_COOKIE_PAST_S && age_s < 0u - DNS_COOKIE_FUTURE_S)
        return DNS_COOKIE_WRONG;
    if (is_made_with(secrets->current, cookie, client))
        return age_s > DNS_COOKIE_RENEW_S && age_s <= DNS_COOKIE_PAST_S ? DNS_COOKIE_RIGHT_BUT_OLD
                                                                        : DNS_COOKIE_RIGHT;
    return is_made_with(secrets->previous, cookie, client) ? DNS_COOKIE_RIGHT_BUT_OLD
                                                           : DNS_COOKIE_WRONG;
}
