/* node/resolve/reply.h: what a resolver's reply says about the addresses of a name. Hostile octets,
 * any length. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVE_ADDRESSES_MAX 64u /* of one set; a reply's further ones are passed over */
#define RESOLVE_ADDRESS_LEN_MAX 16u

/* In ascending order of their octets, no two alike, so that replies that differ in order only read
 * alike. A has 4 octets, AAAA 16. */
struct resolve_addresses {
    uint8_t octets[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_LEN_MAX];
    uint16_t count; /* 0: the name has none, says who knows */
    uint32_t ttl_s; /* the least on the way: CNAMEs and addresses, or the negative one (RFC 2308 5)
                     */
};

/* Read the reply to the question (@name, @type A or AAAA). Follows CNAMEs in the answer. "There is
 * nothing" (NXDOMAIN, NODATA) counts only with the zone's SOA or from an authoritative server (RFC
 * 2308 2.1 and 2.2): other empty replies are a server's failure. 0, or ERR_INVALID (@out untouched)
 * with *@problem saying why, static text. */
int resolve_reply_read(const uint8_t *reply, size_t len, const uint8_t *name, uint16_t type,
                       struct resolve_addresses *out, const char **problem);
