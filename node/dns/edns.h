/* node/dns/edns.h: the options in a request's OPT record (RFC 6891 6.1.2). Everything here is
 * hostile until checked. Pure; any thread.
 *
 *   option              taken when                                   else
 *   NSID (RFC 5001)     always; its data means nothing (2.1)         -
 *   COOKIE (RFC 7873)   8 octets, or 16 to 40                        FORMERR (5.2.2)
 *   ECS (RFC 7871)      the address is as long as its prefix needs,  FORMERR (6)
 *                       zero behind it; scope 0; family 1 or 2, or
 *                       0 with an empty prefix ("do not use mine")
 *   keepalive           empty (RFC 7828 3.2.1)                       ignored
 *   Padding (RFC 7830)  always; no plain transport pads              -
 *   any other           never                                        ignored (RFC 6891 6.1.2)
 *
 * Of options that come twice the first counts, as RFC 7873 5.2 rules for COOKIE; what follows of
 * the same code is not even looked at. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum dns_option_code {
    DNS_OPTION_NSID = 3,
    DNS_OPTION_ECS = 8,
    DNS_OPTION_COOKIE = 10,
    DNS_OPTION_KEEPALIVE = 11,
    DNS_OPTION_PADDING = 12,
    DNS_OPTION_EDE = 15,
};
#define DNS_OPTION_HEADER_LEN 4u

enum dns_option_set { /* bits */
                      DNS_HAS_NSID = 0x01,
                      DNS_HAS_ECS = 0x02,
                      DNS_HAS_COOKIE = 0x04,
                      DNS_HAS_KEEPALIVE = 0x08,
                      DNS_HAS_PADDING = 0x10,
};

enum dns_ecs_family { /* IANA "Address Family Numbers" */
                      DNS_ECS_NONE = 0,
                      DNS_ECS_IPV4 = 1,
                      DNS_ECS_IPV6 = 2,
};

struct dns_ecs {
    uint16_t family;        /* enum dns_ecs_family */
    uint8_t source_bits;    /* length of the client's prefix */
    uint8_t address_len;    /* octets that the prefix takes, 0 to 16 */
    const uint8_t *address; /* borrowed from the request */
};

struct dns_options {
    uint8_t has;               /* enum dns_option_set; fields of options not in it are not set */
    uint8_t server_cookie_len; /* 0 (the client has none of ours) or 8 to 32 */
    const uint8_t *cookie;     /* client cookie, then server cookie; borrowed from the request */
    struct dns_ecs ecs;
};

/* Read the data of an OPT record. False, with nothing in @out->has, where it deserves FORMERR:
 * broken framing or a row of the table above. */
bool dns_options_parse(const uint8_t *data, uint16_t data_len, struct dns_options *out);
