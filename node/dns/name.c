/* node/dns/name.c: names as wire octets. Lengths are bounded by DNS_NAME_MAX before anything else
 * looks at a name, so every loop here ends within 128 labels. */
#include "dns/name.h"

#include "base/assert.h"
#include "base/err.h"

#include <string.h>

int dns_name_check(const uint8_t *octets, size_t available)
{
    size_t at = 0;
    while (at < available && at < DNS_NAME_MAX) {
        uint8_t label_len = octets[at];
        if (label_len == 0)
            return (int)at + 1;
        if (label_len > DNS_LABEL_MAX)
            return ERR_INVALID;
        at += 1u + label_len;
    }
    return ERR_INVALID;
}

unsigned dns_name_len(const uint8_t *name)
{
    unsigned len = 0;
    while (name[len] != 0)
        len += 1u + name[len];
    ASSERT(len < DNS_NAME_MAX);
    return len + 1;
}

unsigned dns_name_label_count(const uint8_t *name)
{
    unsigned count = 0;
    for (; *name != 0; name += 1 + *name)
        count++;
    return count;
}

unsigned dns_name_split(const uint8_t *name, uint8_t offsets[DNS_NAME_LABELS_MAX])
{
    unsigned count = 0;
    for (unsigned at = 0; name[at] != 0; at += 1u + name[at]) {
        ASSERT(count < DNS_NAME_LABELS_MAX);
        offsets[count++] = (uint8_t)at;
    }
    return count;
}

const uint8_t *dns_name_skip(const uint8_t *name, unsigned labels)
{
    while (labels-- > 0) {
        ASSERT(*name != 0);
        name += 1 + *name;
    }
    return name;
}

/* Eight octets at once: of each, bit 7 of `upper` tells whether it is a capital letter, and bit 5
 * is what makes it a small one. */
static uint64_t lower_eight(uint64_t octets)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = octets & ones * 0x7f;
    uint64_t from_a = low + ones * (0x80 - 'A');
    uint64_t above_z = low + ones * (0x7f - 'Z');
    uint64_t upper = ~octets & (from_a ^ above_z) & ones * 0x80;
    return octets | upper >> 2;
}

/* Length octets are at most 63, so folding them as if they were letters changes nothing. The last
 * eight octets overlap those before, which folding twice does no harm. */
void dns_name_lower_len(const uint8_t *name, unsigned len, uint8_t out[DNS_NAME_MAX])
{
    uint64_t octets;
    if (len < sizeof octets) {
        for (unsigned i = 0; i < len; i++)
            out[i] = dns_octet_lower(name[i]);
        return;
    }
    for (unsigned at = 0; at < len; at += sizeof octets) {
        unsigned from = at + sizeof octets <= len ? at : len - (unsigned)sizeof octets;
        memcpy(&octets, name + from, sizeof octets);
        octets = lower_eight(octets);
        memcpy(out + from, &octets, sizeof octets);
    }
}

unsigned dns_name_lower(const uint8_t *name, uint8_t out[DNS_NAME_MAX])
{
    unsigned len = dns_name_len(name);
    dns_name_lower_len(name, len, out);
    return len;
}

static bool is_label_equal(const uint8_t *a, const uint8_t *b)
{
    if (a[0] != b[0])
        return false;
    if (memcmp(a + 1, b + 1, a[0]) == 0)
        return true;
    for (unsigned i = 1; i <= a[0]; i++)
        if (dns_octet_lower(a[i]) != dns_octet_lower(b[i]))
            return false;
    return true;
}

bool dns_name_is_equal(const uint8_t *a, const uint8_t *b)
{
    while (*a != 0) {
        if (!is_label_equal(a, b))
            return false;
        a += 1 + *a;
        b += 1 + *b;
    }
    return *b == 0;
}

bool dns_name_is_within(const uint8_t *name, const uint8_t *ancestor)
{
    unsigned labels = dns_name_label_count(name);
    unsigned ancestor_labels = dns_name_label_count(ancestor);
    return labels >= ancestor_labels &&
           dns_name_is_equal(dns_name_skip(name, labels - ancestor_labels), ancestor);
}

/* One label, length octet first, in canonical order: octets as unsigned, a prefix sorts first. */
static int label_compare(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = a[0] < b[0] ? a[0] : b[0];
    for (unsigned i = 1; i <= shorter; i++) {
        int difference = dns_octet_lower(a[i]) - dns_octet_lower(b[i]);
        if (difference != 0)
            return difference;
    }
    return a[0] - b[0];
}

int dns_name_compare(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_offsets[DNS_NAME_LABELS_MAX];
    uint8_t b_offsets[DNS_NAME_LABELS_MAX];
    unsigned a_count = dns_name_split(a, a_offsets);
    unsigned b_count = dns_name_split(b, b_offsets);
    while (a_count > 0 && b_count > 0) {
        int difference = label_compare(a + a_offsets[--a_count], b + b_offsets[--b_count]);
        if (difference != 0)
            return difference;
    }
    return (int)a_count - (int)b_count;
}

int dns_name_join(const uint8_t *prefix, unsigned prefix_len, const uint8_t *suffix,
                  uint8_t out[DNS_NAME_MAX])
{
    unsigned suffix_len = dns_name_len(suffix);
    if (prefix_len + suffix_len > DNS_NAME_MAX)
        return ERR_LIMIT;
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, suffix, suffix_len);
    return (int)(prefix_len + suffix_len);
}
