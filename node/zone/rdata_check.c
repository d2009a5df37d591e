/* zone/rdata_check.c: is this well-formed data of its type, and are two the same? One small grammar
 * per type. Our own rather than libknot's, because every node must come to the same verdict, also
 * while nodes run different library versions; a fuzz target holds it against what libknot prints.
 */
#include "zone/record_set.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"

#include <string.h>

#define TYPE_NULL 10 /* not for zone files (RFC 1035 3.3.10) */
#define TYPE_SIG 24  /* only in transactions since RFC 3755 3 */

/* What is left of the data. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool take(struct cursor *c, size_t len)
{
    if (c->left < len)
        return false;
    c->at += len;
    c->left -= len;
    return true;
}

static bool take_name(struct cursor *c)
{
    int len = dns_name_check(c->at, c->left);
    return len > 0 && take(c, (size_t)len);
}

/* An octet that counts what follows it, at least @len_min octets. */
static bool take_counted(struct cursor *c, size_t len_min)
{
    return c->left > 0 && c->at[0] >= len_min && take(c, (size_t)1 + c->at[0]);
}

static bool take_strings(struct cursor *c)
{
    do {
        if (!take_counted(c, 0))
            return false;
    } while (c->left > 0);
    return true;
}

static bool take_type(struct cursor *c)
{
    return c->left >= 2 && zone_type_is_storable((uint16_t)(c->at[0] << 8 | c->at[1])) &&
           take(c, 2);
}

/* Bit @type of a window's bitmap of @len octets. */
static bool has_bit(const uint8_t *bitmap, size_t len, unsigned type)
{
    return type / 8 < len && (bitmap[type / 8] & (0x80u >> type % 8));
}

/* No bits of types that no zone holds, in the window of types 0 to 255. */
static bool is_low_window(const uint8_t *bitmap, size_t len)
{
    for (unsigned type = 0; type < 256; type++)
        if (!zone_type_is_storable((uint16_t)type) && has_bit(bitmap, len, type))
            return false;
    return true;
}

/* RFC 4034 4.1.2: windows in increasing order, 1 to 32 octets each, the last one not zero. */
static bool take_bitmap(struct cursor *c)
{
    int window_before = -1;

    while (c->left > 0) {
        if (c->left < 3 || c->at[0] <= window_before)
            return false;
        size_t len = c->at[1];
        if (len < 1 || len > 32 || c->left < 2 + len || c->at[1 + len] == 0)
            return false;
        if (c->at[0] == 0 && !is_low_window(c->at + 2, len))
            return false;
        window_before = c->at[0];
        take(c, 2 + len);
    }
    return true;
}

/* RFC 8659 4.1: a tag of letters and digits. */
static bool take_caa_tag(struct cursor *c)
{
    if (c->left < 1 || c->at[0] < 1 || c->left < (size_t)1 + c->at[0])
        return false;
    for (size_t i = 1; i <= c->at[0]; i++) {
        uint8_t octet = dns_octet_lower(c->at[i]);
        if (!((octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9')))
            return false;
    }
    return take(c, (size_t)1 + c->at[0]);
}

/* RFC 3123 4: family (1 or 2), prefix length, negation and octets without trailing zeros. */
static bool take_apl(struct cursor *c)
{
    while (c->left > 0) {
        if (c->left < 4)
            return false;
        unsigned family = (unsigned)(c->at[0] << 8 | c->at[1]);
        unsigned bits_max = family == 1 ? 32 : family == 2 ? 128 : 0;
        size_t len = c->at[3] & 0x7f;
        if (bits_max == 0 || c->at[2] > bits_max || len * 8 > bits_max || c->left < 4 + len)
            return false;
        if (len > 0 && c->at[3 + len] == 0)
            return false;
        take(c, 4 + len);
    }
    return true;
}

/* RFC 4025 2: precedence, gateway type, algorithm, gateway, key. */
static bool take_ipseckey(struct cursor *c)
{
    if (c->left < 3)
        return false;
    uint8_t gateway_type = c->at[1];
    uint8_t algorithm = c->at[2];
    take(c, 3);
    bool has_gateway = gateway_type == 0   ? true
                       : gateway_type == 1 ? take(c, 4)
                       : gateway_type == 2 ? take(c, 16)
                                           : gateway_type == 3 && take_name(c);
    /* Algorithm 0 means "no key". */
    return has_gateway && (algorithm == 0) == (c->left == 0) && take(c, c->left);
}

/* RFC 2874 3.1.1: length of the prefix, and the octets that the other bits are in. Where there is a
 * prefix, and only there, its name comes after. */
static bool take_a6_address(struct cursor *c)
{
    if (c->left < 1 || c->at[0] > 128)
        return false;
    unsigned prefix_bits = c->at[0];
    return take(c, (size_t)1 + (128 - prefix_bits + 7) / 8) && (prefix_bits > 0) == (c->left > 0);
}

/* Two decimal digits as RFC 1876 2 packs them: base and exponent. Nothing is written one way: 0. */
static bool is_loc_size(uint8_t octet)
{
    return octet == 0 || (octet >> 4 >= 1 && octet >> 4 <= 9 && (octet & 15) <= 9);
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Thousandths of a second of arc around 2^31, at most @degrees_max either way. */
static bool is_loc_angle(const uint8_t *at, uint32_t degrees_max)
{
    uint32_t limit = degrees_max * 3600u * 1000u;
    uint32_t value = read_u32(at);
    return value >= (1u << 31) - limit && value <= (1u << 31) + limit;
}

static bool take_loc(struct cursor *c)
{
    return c->left == 16 && c->at[0] == 0 && is_loc_size(c->at[1]) && is_loc_size(c->at[2]) &&
           is_loc_size(c->at[3]) && is_loc_angle(c->at + 4, 90) && is_loc_angle(c->at + 8, 180) &&
           take(c, 16);
}

enum {
    SVCB_MANDATORY,
    SVCB_ALPN,
    SVCB_NO_DEFAULT_ALPN,
    SVCB_PORT,
    SVCB_IPV4HINT,
    SVCB_ECH,
    SVCB_IPV6HINT,
};

static bool is_svcb_mandatory(const uint8_t *value, size_t len)
{
    int before = SVCB_MANDATORY; /* which may not name itself */

    for (size_t i = 0; i + 1 < len; i += 2) {
        int key = value[i] << 8 | value[i + 1];
        if (key <= before)
            return false;
        before = key;
    }
    return len > 0 && len % 2 == 0;
}

static bool is_svcb_alpn(const uint8_t *value, size_t len)
{
    struct cursor c = {value, len};

    do {
        if (!take_counted(&c, 1))
            return false;
    } while (c.left > 0);
    return true;
}

/* RFC 9460 7 and 8. */
static bool is_svcb_value(unsigned key, const uint8_t *value, size_t len)
{
    switch (key) {
    case SVCB_MANDATORY: return is_svcb_mandatory(value, len);
    case SVCB_ALPN: return is_svcb_alpn(value, len);
    case SVCB_NO_DEFAULT_ALPN: return len == 0;
    case SVCB_PORT: return len == 2;
    case SVCB_IPV4HINT: return len > 0 && len % 4 == 0;
    case SVCB_ECH: return len > 0;
    case SVCB_IPV6HINT: return len > 0 && len % 16 == 0;
    case 65535: return false;
    default: return true;
    }
}

/* RFC 9460 2.2: keys in increasing order. Every key that "mandatory" (always first) lists must be
 * there too: with both in order, one pass ticks them off. */
static bool take_svcb_params(struct cursor *c)
{
    struct cursor wanted = {NULL, 0};
    int key_before = -1;

    while (c->left > 0) {
        if (c->left < 4)
            return false;
        int key = c->at[0] << 8 | c->at[1];
        size_t len = (size_t)(c->at[2] << 8 | c->at[3]);
        if (key <= key_before || c->left < 4 + len || !is_svcb_value((unsigned)key, c->at + 4, len))
            return false;
        if (key == SVCB_MANDATORY)
            wanted = (struct cursor){c->at + 4, len};
        else if (wanted.left > 0 && key == (wanted.at[0] << 8 | wanted.at[1]))
            take(&wanted, 2);
        key_before = key;
        take(c, 4 + len);
    }
    return wanted.left == 0;
}

/* n: name in any case; o: the same, or nothing; N: name whose case is part of the data; 1 to 8: so
 * many octets; x: sixteen; s: character-string; S: one or more of them; c, C: counted octets, at
 * least 0 or 1; T: type that a zone can hold; b: type bitmap; r, R: the rest, at least 1 or 0
 * octets; others: the functions above. Spaces only help reading. Names are in any case for the
 * types of RFC 4034 6.2 without NSEC (RFC 6840 5.1), and beside each other in each of these. */
static const struct rdata_grammar {
    uint16_t type;
    const char *fields;
} GRAMMARS[] = {
    {DNS_TYPE_A, "4"},
    {DNS_TYPE_NS, "n"},
    {3 /* MD */, "n"},
    {4 /* MF */, "n"},
    {DNS_TYPE_CNAME, "n"},
    {DNS_TYPE_SOA, "nn 44444"},
    {7 /* MB */, "n"},
    {8 /* MG */, "n"},
    {9 /* MR */, "n"},
    {DNS_TYPE_PTR, "n"},
    {DNS_TYPE_HINFO, "ss"},
    {14 /* MINFO */, "nn"},
    {DNS_TYPE_MX, "2n"},
    {DNS_TYPE_TXT, "S"},
    {17 /* RP */, "nn"},
    {18 /* AFSDB */, "2n"},
    {21 /* RT */, "2n"},
    {25 /* KEY */, "211r"},
    {26 /* PX */, "2nn"},
    {DNS_TYPE_AAAA, "x"},
    {29 /* LOC */, "l"},
    {30 /* NXT */, "nR"},
    {DNS_TYPE_SRV, "222n"},
    {DNS_TYPE_NAPTR, "22sssn"},
    {36 /* KX */, "2n"},
    {37 /* CERT */, "221r"},
    {38 /* A6 */, "po"},
    {DNS_TYPE_DNAME, "n"},
    {42 /* APL */, "a"},
    {DNS_TYPE_DS, "211r"},
    {DNS_TYPE_SSHFP, "11r"},
    {45 /* IPSECKEY */, "g"},
    {DNS_TYPE_RRSIG, "T11 444 2nr"},
    {DNS_TYPE_NSEC, "Nb"},
    {DNS_TYPE_DNSKEY, "211r"},
    {49 /* DHCID */, "r"},
    {DNS_TYPE_NSEC3, "112cCb"},
    {DNS_TYPE_NSEC3PARAM, "112c"},
    {DNS_TYPE_TLSA, "111r"},
    {53 /* SMIMEA */, "111r"},
    {DNS_TYPE_CDS, "211r"},
    {DNS_TYPE_CDNSKEY, "211r"},
    {61 /* OPENPGPKEY */, "r"},
    {62 /* CSYNC */, "42b"},
    {63 /* ZONEMD */, "411r"},
    {DNS_TYPE_SVCB, "2Nv"},
    {DNS_TYPE_HTTPS, "2Nv"},
    {DNS_TYPE_SPF, "S"},
    {104 /* NID */, "28"},
    {105 /* L32 */, "24"},
    {106 /* L64 */, "28"},
    {107 /* LP */, "2N"},
    {108 /* EUI48 */, "6"},
    {109 /* EUI64 */, "8"},
    {256 /* URI */, "22r"},
    {DNS_TYPE_CAA, "1tR"},
};

static bool take_field(struct cursor *c, char field)
{
    switch (field) {
    case ' ': return true;
    case 'n':
    case 'N': return take_name(c);
    case 'o': return c->left == 0 || take_name(c);
    case 'x': return take(c, 16);
    case 's': return take_counted(c, 0);
    case 'S': return take_strings(c);
    case 'c': return take_counted(c, 0);
    case 'C': return take_counted(c, 1);
    case 'T': return take_type(c);
    case 'b': return take_bitmap(c);
    case 'r': return c->left > 0 && take(c, c->left);
    case 'R': return take(c, c->left);
    case 'a': return take_apl(c);
    case 'g': return take_ipseckey(c);
    case 'l': return take_loc(c);
    case 'p': return take_a6_address(c);
    case 't': return take_caa_tag(c);
    case 'v': return take_svcb_params(c);
    default: return take(c, (size_t)(field - '0'));
    }
}

bool zone_type_is_storable(uint16_t type)
{
    return !dns_type_is_meta(type) && type != TYPE_NULL && type != TYPE_SIG;
}

/* NULL: a type of which only the number is known (RFC 3597). */
static const char *fields_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof(GRAMMARS) / sizeof(GRAMMARS[0]); i++)
        if (GRAMMARS[i].type == type)
            return GRAMMARS[i].fields;
    return NULL;
}

bool zone_rdata_is_valid(uint16_t type, const uint8_t *data, size_t len)
{
    const char *field = fields_of(type);
    struct cursor c = {data, len};

    if (len > DNS_MESSAGE_MAX)
        return false;
    if (!field)
        return true;
    for (; *field; field++)
        if (!take_field(&c, *field))
            return false;
    return c.left == 0;
}

/* ---- the same record, and the order of records ---- */

/* Octets of data that are names in any case; none where the data is not well-formed. */
struct span {
    size_t from, to;
};

static bool is_in_any_case(char field)
{
    return field == 'n' || field == 'o';
}

static struct span names_of(const char *field, const uint8_t *data, size_t len)
{
    struct cursor c = {data, len};
    struct span span = {0, 0};

    while (*field && !is_in_any_case(*field))
        if (!take_field(&c, *field++))
            return span;
    size_t from = len - c.left;
    while (is_in_any_case(*field))
        if (!take_field(&c, *field++))
            return span;
    return (struct span){from, len - c.left};
}

static uint8_t canonical_octet(const uint8_t *data, size_t at, struct span names)
{
    /* Lengths of labels are no letters: they are 63 at most. */
    return at >= names.from && at < names.to ? dns_octet_lower(data[at]) : data[at];
}

int zone_rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len)
{
    const size_t common = a_len < b_len ? a_len : b_len;
    const char *fields = fields_of(type);

    if (fields && strpbrk(fields, "no")) {
        struct span a_names = names_of(fields, a, a_len);
        struct span b_names = names_of(fields, b, b_len);
        for (size_t i = 0; i < common; i++) {
            int order = canonical_octet(a, i, a_names) - canonical_octet(b, i, b_names);
            if (order != 0)
                return order;
        }
    } else if (common > 0) {
        int order = memcmp(a, b, common);
        if (order != 0)
            return order;
    }
    return (a_len > b_len) - (a_len < b_len);
}

bool zone_rdata_is_same(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                        size_t b_len)
{
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++) /* most differ early, and whatever their type */
        if (dns_octet_lower(a[i]) != dns_octet_lower(b[i]))
            return false;
    return zone_rdata_compare(type, a, a_len, b, b_len) == 0;
}
