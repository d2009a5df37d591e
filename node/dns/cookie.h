/* node/dns/cookie.h: server cookies (RFC 7873, RFC 9018): proof that a client received an earlier
 * reply of ours at the address that it claims. Nothing is stored for a client: a cookie is a time
 * and a hash under a secret. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DNS_COOKIE_CLIENT_LEN 8u
#define DNS_COOKIE_SERVER_LEN 16u /* of ours; others' have 8 to 32 */
#define DNS_COOKIE_KEY_LEN 16u
#define DNS_COOKIE_SECRET_S 86400u /* a secret makes cookies for a day (RFC 7873 7.1) ... */
#define DNS_COOKIE_PAST_S 3600u    /* ... which are taken for an hour (RFC 9018 4.3), so that */
#define DNS_COOKIE_FUTURE_S 300u   /* the previous secret is all that is kept. Clocks may err. */
#define DNS_COOKIE_RENEW_S 1800u   /* older ones are replaced */

/* The secrets of one day, made of a key that all nodes behind an address share and of the day's
 * number alone: nodes roll over together and never speak about it. Start from zeros. */
struct dns_cookie_secrets {
    uint8_t current[DNS_COOKIE_KEY_LEN];  /* makes cookies */
    uint8_t previous[DNS_COOKIE_KEY_LEN]; /* still accepted */
    uint32_t day;                         /* of `current`, since 1970 */
    bool is_set;
};

struct dns_cookie_client { /* who sent the request */
    uint8_t address[16];   /* IPv4 or IPv6, network order */
    uint8_t address_len;   /* 4 or 16 */
};

enum dns_cookie_verdict {
    DNS_COOKIE_WRONG, /* not ours, another client's, or out of time */
    DNS_COOKIE_RIGHT,
    DNS_COOKIE_RIGHT_BUT_OLD, /* proves as much, but a fresh one should go back */
};

/* Bring *@secrets to the day of @now_s (seconds since 1970). Costs a comparison while the day is
 * the same; meant to be called once for each batch of requests. */
void dns_cookie_secrets_update(struct dns_cookie_secrets *secrets,
                               const uint8_t key[DNS_COOKIE_KEY_LEN], uint32_t now_s);

/* Version 1 (RFC 9018 4): 01 000000, @now_s, SipHash-2-4 of the client cookie, these eight octets
 * and the client's address. */
void dns_cookie_make(const uint8_t secret[DNS_COOKIE_KEY_LEN],
                     const uint8_t client_cookie[DNS_COOKIE_CLIENT_LEN],
                     const struct dns_cookie_client *client, uint32_t now_s,
                     uint8_t out[DNS_COOKIE_SERVER_LEN]);
/* Judge the COOKIE option of a request: @cookie is the client's part, then @server_len octets (8 to
 * 32) that are said to be from us. Times are compared as serial numbers (RFC 1982). */
enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_secrets *secrets,
                                         const uint8_t *cookie, unsigned server_len,
                                         const struct dns_cookie_client *client, uint32_t now_s);
