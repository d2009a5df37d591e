/* node/dns/type.h: the numbers of DNS (IANA "DNS Parameters"): record types, classes, opcodes,
 * response codes and header flags that this program treats by name. All other types are carried as
 * numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_HINFO = 13,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_SRV = 33,
    DNS_TYPE_NAPTR = 35,
    DNS_TYPE_DNAME = 39,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_DS = 43,
    DNS_TYPE_SSHFP = 44,
    DNS_TYPE_RRSIG = 46,
    DNS_TYPE_NSEC = 47,
    DNS_TYPE_DNSKEY = 48,
    DNS_TYPE_NSEC3 = 50,
    DNS_TYPE_NSEC3PARAM = 51,
    DNS_TYPE_TLSA = 52,
    DNS_TYPE_CDS = 59,
    DNS_TYPE_CDNSKEY = 60,
    DNS_TYPE_SVCB = 64,
    DNS_TYPE_HTTPS = 65,
    DNS_TYPE_SPF = 99,
    DNS_TYPE_NXNAME = 128, /* first of the numbers reserved for questions (RFC 6895 3.1) */
    DNS_TYPE_TKEY = 249,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_MAILB = 253,
    DNS_TYPE_MAILA = 254,
    DNS_TYPE_ANY = 255,
    DNS_TYPE_CAA = 257,
};

enum dns_class {
    DNS_CLASS_IN = 1,
    DNS_CLASS_CH = 3,
    DNS_CLASS_NONE = 254,
    DNS_CLASS_ANY = 255,
};

enum dns_opcode {
    DNS_OPCODE_QUERY = 0,
    DNS_OPCODE_NOTIFY = 4,
    DNS_OPCODE_UPDATE = 5,
};

enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_NOTIMP = 4,
    DNS_RCODE_REFUSED = 5,
    DNS_RCODE_YXDOMAIN = 6,
    DNS_RCODE_BADVERS = 16, /* this and above need EDNS: upper eight bits in the OPT record */
    DNS_RCODE_BADCOOKIE = 23,
};

/* Header flags: the 16-bit word after the ID (RFC 1035 4.1.1, RFC 4035 3.2). */
enum dns_flag {
    DNS_FLAG_QR = 0x8000, /* a reply */
    DNS_FLAG_AA = 0x0400, /* authoritative */
    DNS_FLAG_TC = 0x0200, /* truncated */
    DNS_FLAG_RD = 0x0100, /* recursion desired; copied */
    DNS_FLAG_RA = 0x0080, /* recursion available; never set here */
    DNS_FLAG_AD = 0x0020,
    DNS_FLAG_CD = 0x0010, /* checking disabled; never set here (RFC 4035 3.1.6) */
};
#define DNS_OPCODE_SHIFT 11
#define DNS_OPCODE_MASK 0x7800

#define DNS_HEADER_LEN 12u
#define DNS_MESSAGE_MAX 65535u

/* Types that never name stored data: 0, OPT and 128 to 255 (RFC 6895 3.1). */
static inline bool dns_type_is_meta(uint16_t type)
{
    return type == 0 || type == DNS_TYPE_OPT || (type >= DNS_TYPE_NXNAME && type <= DNS_TYPE_ANY);
}
