/* node/base/prefix.h: address prefixes as people write them (RFC 4632 3.1, RFC 4291 2.3), and sets
 * of them that answer "is this address in one of you?". Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIX_TEXT_SIZE 50u /* "ffff:…:255.255.255.255/128" and NUL */

struct prefix {
    uint8_t octets[16]; /* network order; bits past `len` are 0; IPv4 uses the first four */
    uint8_t len;        /* bits: 0 to 32, or to 128 */
    bool is_ipv6;
};

/* Read ADDRESS or ADDRESS/LENGTH; without a length the prefix is that one address. IPv4 written as
 * IPv6 (::ffff:192.0.2.0/120) becomes IPv4. ERR_INVALID, with *@reason saying what is wrong
 * (static text): bits set past the length are an error too, as they are most often a slip of the
 * pen. */
int prefix_parse(const char *text, struct prefix *out, const char **reason);
/* ADDRESS/LENGTH; prefix_parse() gives the same prefix again. */
void prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_SIZE]);

struct prefix_set; /* immutable */

/* A set of @count prefixes (borrowed, any order, overlaps allowed). On 0 the caller owns *@out.
 * ERR_NOMEM. */
int prefix_set_new(const struct prefix *prefixes, size_t count, struct prefix_set **out);
void prefix_set_free(struct prefix_set *set); /* accepts NULL */
/* Is the address at @octets (4 or 16, network order) in the set? A binary search: the time grows
 * with the logarithm of the set. IPv4 inside IPv6 must be handed in as IPv4. */
bool prefix_set_has(const struct prefix_set *set, const uint8_t *octets, bool is_ipv6);
