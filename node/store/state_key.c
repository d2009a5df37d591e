#include "store/state_key.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"

static bool is_plain(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
           octet == '_';
}

static size_t put_label(const uint8_t *label, uint8_t *out)
{
    size_t len = 0;

    for (unsigned i = 1; i <= label[0]; i++) {
        uint8_t octet = dns_octet_lower(label[i]);
        if (is_plain(octet)) {
            out[len++] = octet;
            continue;
        }
        out[len++] = '\\';
        out[len++] = (uint8_t)('0' + (octet >> 6));
        out[len++] = (uint8_t)('0' + ((octet >> 3) & 7));
        out[len++] = (uint8_t)('0' + (octet & 7));
    }
    out[len++] = '.';
    return len;
}

size_t state_key_name(const uint8_t *name, uint8_t out[STATE_KEY_NAME_MAX])
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    unsigned count = dns_name_split(name, offsets);
    size_t len = 0;

    while (count > 0)
        len += put_label(name + offsets[--count], out + len);
    out[len++] = 0;
    ASSERT(len <= STATE_KEY_NAME_MAX);
    return len;
}

/* One octet of a label; the octets of @key that it took, or 0 when malformed. */
static size_t take_octet(const uint8_t *key, size_t len, uint8_t *out)
{
    if (is_plain(key[0])) {
        *out = key[0];
        return 1;
    }
    if (key[0] != '\\' || len < 4)
        return 0;
    unsigned octet = 0;
    for (unsigned i = 1; i < 4; i++) {
        if (key[i] < '0' || key[i] > '7')
            return 0;
        octet = octet * 8 + (unsigned)(key[i] - '0');
    }
    *out = (uint8_t)octet;
    return octet <= 255 && !is_plain((uint8_t)octet) && dns_octet_lower((uint8_t)octet) == octet
               ? 4
               : 0;
}

/* One label and its dot; octets of @key used, or 0 when malformed. @label gets length and octets.
 */
static size_t take_label(const uint8_t *key, size_t len, uint8_t label[DNS_LABEL_MAX + 1])
{
    size_t used = 0;
    uint8_t octets = 0;

    while (used < len && key[used] != '.') {
        uint8_t octet;
        size_t step = take_octet(key + used, len - used, &octet);
        if (step == 0 || octets == DNS_LABEL_MAX)
            return 0;
        label[++octets] = octet;
        used += step;
    }
    if (used == len || octets == 0)
        return 0;
    label[0] = octets;
    return used + 1;
}

int state_key_name_decode(const uint8_t *key, size_t len, uint8_t *name)
{
    uint8_t scratch[DNS_NAME_MAX];
    size_t start = DNS_NAME_MAX - 1; /* labels are put in front of what is there */
    size_t used = 0;

    scratch[start] = 0;
    while (used < len && key[used] != 0) {
        uint8_t label[DNS_LABEL_MAX + 1];
        size_t step = take_label(key + used, len - used, label);
        if (step == 0 || start < (size_t)label[0] + 1)
            return ERR_CORRUPT;
        start -= (size_t)label[0] + 1;
        memcpy(scratch + start, label, (size_t)label[0] + 1);
        used += step;
    }
    if (used == len)
        return ERR_CORRUPT;
    memcpy(name, scratch + start, DNS_NAME_MAX - start);
    return (int)used + 1;
}

/* Alphabetical, as Route 53 sorts its types. A place in here is part of the stored format. */
static const uint16_t ranked_types[] = {
    DNS_TYPE_A,   DNS_TYPE_AAAA,  DNS_TYPE_CAA,  DNS_TYPE_CNAME, DNS_TYPE_DS,  DNS_TYPE_HTTPS,
    DNS_TYPE_MX,  DNS_TYPE_NAPTR, DNS_TYPE_NS,   DNS_TYPE_PTR,   DNS_TYPE_SOA, DNS_TYPE_SPF,
    DNS_TYPE_SRV, DNS_TYPE_SSHFP, DNS_TYPE_SVCB, DNS_TYPE_TLSA,  DNS_TYPE_TXT,
};
#define RANK_OTHER 0xff

void state_key_type(uint16_t type, uint8_t out[STATE_KEY_TYPE_LEN])
{
    out[0] = RANK_OTHER;
    for (uint8_t i = 0; i < sizeof(ranked_types) / sizeof(ranked_types[0]); i++) {
        if (ranked_types[i] == type)
            out[0] = i;
    }
    out[1] = (uint8_t)(type >> 8);
    out[2] = (uint8_t)type;
}

uint16_t state_key_type_decode(const uint8_t key[STATE_KEY_TYPE_LEN])
{
    return (uint16_t)(key[1] << 8 | key[2]);
}

void state_key_u64(uint64_t number, uint8_t out[8])
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)number;
        number >>= 8;
    }
}

uint64_t state_key_u64_decode(const uint8_t key[8])
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | key[i];
    return number;
}

size_t state_key_successor(uint8_t *key, size_t len)
{
    while (len > 0 && key[len - 1] == 0xff)
        len--;
    if (len > 0)
        key[len - 1]++;
    return len;
}
