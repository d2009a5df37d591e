/* node/base/prefix.c: a set is two sorted arrays of ranges that do not overlap. */
#include "base/prefix.h"

#include "base/assert.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN_DIGITS_MAX 3
#define MAPPED_LEN 96u

struct address { /* 128 bits; IPv4 in the lowest 32 */
    uint64_t high, low;
};

struct range { /* both ends belong to it */
    struct address first, last;
};

struct family {
    struct range *ranges;
    size_t count;
    uint8_t first_octets[256 / 8]; /* bit set: some range holds addresses that start with it */
};

struct prefix_set {
    struct family families[2]; /* [is_ipv6] */
    struct range ranges[];     /* storage of both */
};

static const uint8_t MAPPED[MAPPED_LEN / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int refuse(const char **reason, const char *text)
{
    *reason = text;
    return ERR_INVALID;
}

/* Decimal without sign or leading zeros, at most @max; -1 if it is not. */
static int parse_len(const char *digits, int max)
{
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > LEN_DIGITS_MAX || digits[count] != '\0' ||
        (digits[0] == '0' && count > 1))
        return -1;
    long value = strtol(digits, NULL, 10);
    return value <= max ? (int)value : -1;
}

static bool has_bits_past(const struct prefix *prefix)
{
    unsigned size = prefix->is_ipv6 ? 16 : 4;
    for (unsigned bit = prefix->len; bit < size * 8; bit++)
        if ((prefix->octets[bit / 8] & (0x80u >> bit % 8)) != 0)
            return true;
    return false;
}

static void unmap(struct prefix *prefix)
{
    if (!prefix->is_ipv6 || prefix->len < MAPPED_LEN ||
        memcmp(prefix->octets, MAPPED, sizeof MAPPED) != 0)
        return;
    struct prefix inner = {.len = (uint8_t)(prefix->len - MAPPED_LEN)};
    memcpy(inner.octets, prefix->octets + sizeof MAPPED, 4);
    *prefix = inner;
}

int prefix_parse(const char *text, struct prefix *out, const char **reason)
{
    char address[INET6_ADDRSTRLEN];
    struct prefix prefix = {.is_ipv6 = strchr(text, ':') != NULL};
    size_t address_len = strcspn(text, "/");
    int len = prefix.is_ipv6 ? 128 : 32;

    if (address_len >= sizeof address)
        return refuse(reason, "is no IPv4 or IPv6 address");
    memcpy(address, text, address_len);
    address[address_len] = '\0';
    if (inet_pton(prefix.is_ipv6 ? AF_INET6 : AF_INET, address, prefix.octets) != 1)
        return refuse(reason, "is no IPv4 or IPv6 address");
    if (text[address_len] == '/')
        len = parse_len(text + address_len + 1, len);
    if (len < 0)
        return refuse(reason, prefix.is_ipv6 ? "needs a prefix length from 0 to 128"
                                             : "needs a prefix length from 0 to 32");
    prefix.len = (uint8_t)len;
    if (has_bits_past(&prefix))
        return refuse(reason, "has bits set past its prefix length");
    unmap(&prefix);
    *out = prefix;
    return 0;
}

void prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN];
    int family = prefix->is_ipv6 ? AF_INET6 : AF_INET;
    ASSERT(inet_ntop(family, prefix->octets, address, sizeof address) != NULL);
    snprintf(out, PREFIX_TEXT_SIZE, "%s/%u", address, prefix->len);
}

static struct address address_of(const uint8_t *octets, bool is_ipv6)
{
    struct address address;
    uint32_t ipv4;
    if (!is_ipv6) {
        memcpy(&ipv4, octets, sizeof ipv4);
        return (struct address){.low = be32toh(ipv4)};
    }
    memcpy(&address, octets, sizeof address);
    return (struct address){.high = be64toh(address.high), .low = be64toh(address.low)};
}

static int compare_addresses(const struct address *a, const struct address *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return a->low == b->low ? 0 : a->low < b->low ? -1 : 1;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    int order = compare_addresses(&left->first, &right->first);
    return order != 0 ? order : compare_addresses(&right->last, &left->last);
}

/* The @count lowest bits of a word. */
static uint64_t low_bits(unsigned count)
{
    return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
}

static struct range range_of(const struct prefix *prefix)
{
    unsigned free_bits = (prefix->is_ipv6 ? 128u : 32u) - prefix->len;
    struct range range;
    range.first = address_of(prefix->octets, prefix->is_ipv6);
    range.last = range.first;
    range.last.low |= low_bits(free_bits);
    range.last.high |= free_bits > 64 ? low_bits(free_bits - 64) : 0;
    return range;
}

/* Prefixes nest or are apart. Of two with the same start the longer range must come first, so that
 * the other one is dropped. */
static void drop_nested(struct family *family)
{
    size_t kept = 0;
    for (size_t i = 0; i < family->count; i++) {
        const struct range *range = &family->ranges[i];
        if (kept == 0 || compare_addresses(&range->first, &family->ranges[kept - 1].last) > 0)
            family->ranges[kept++] = *range;
    }
    family->count = kept;
}

/* Most addresses that are asked for are in no range, and are known by this. */
static void mark_first_octets(struct family *family, const struct prefix *prefix)
{
    unsigned free_bits = prefix->len < 8 ? 8u - prefix->len : 0;
    unsigned first = prefix->octets[0];
    for (unsigned octet = first; octet < first + (1u << free_bits); octet++)
        family->first_octets[octet / 8] |= (uint8_t)(1u << octet % 8);
}

int prefix_set_new(const struct prefix *prefixes, size_t count, struct prefix_set **out)
{
    struct prefix_set *set = calloc(1, sizeof *set + count * sizeof set->ranges[0]);
    if (set == NULL)
        return ERR_NOMEM;
    struct range *next = set->ranges;
    for (unsigned is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
        struct family *family = &set->families[is_ipv6];
        family->ranges = next;
        for (size_t i = 0; i < count; i++) {
            if (prefixes[i].is_ipv6 != (is_ipv6 != 0))
                continue;
            family->ranges[family->count++] = range_of(&prefixes[i]);
            mark_first_octets(family, &prefixes[i]);
        }
        next += family->count;
        qsort(family->ranges, family->count, sizeof *family->ranges, compare_ranges);
        drop_nested(family);
    }
    *out = set;
    return 0;
}

void prefix_set_free(struct prefix_set *set)
{
    free(set);
}

bool prefix_set_has(const struct prefix_set *set, const uint8_t *octets, bool is_ipv6)
{
    const struct family *family = &set->families[is_ipv6];
    if ((family->first_octets[octets[0] / 8] & (1u << octets[0] % 8)) == 0)
        return false;
    struct address address = address_of(octets, is_ipv6);
    size_t low = 0, high = family->count; /* ranges before `low` start at or before the address */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_addresses(&family->ranges[middle].first, &address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && compare_addresses(&address, &family->ranges[low - 1].last) <= 0;
}
