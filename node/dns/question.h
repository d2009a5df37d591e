/* node/dns/question.h: request octets to a question (RFC 1035 4.1, RFC 6891, RFC 9619). Everything
 * here is hostile until checked; records other than OPT are only checked for their framing.
 *
 *   request                                        verdict
 *   under 12 octets, or QR set                     IGNORE    (an answer could start a reply loop)
 *   opcode other than QUERY                        NOTIMP    (header alone)
 *   QDCOUNT 0, nothing but an OPT with COOKIE      COOKIE    (RFC 7873 5.4)
 *   QDCOUNT not 1; bad or cut name                 FORMERR   (header alone)
 *   ANCOUNT or NSCOUNT not 0 (IXFR: NSCOUNT 1)     FORMERR
 *   broken records, octets after the last one      FORMERR
 *   two OPT, OPT owner not the root                FORMERR
 *   options of the OPT: see dns/edns.h             FORMERR
 *   EDNS version above 0                           BADVERS
 *   class CH                                       CHAOS     (RFC 4892; any type)
 *   class other than IN, CH and ANY                REFUSED
 *   type AXFR, IXFR                                REFUSED   (zones are replicated by the cluster)
 *   type 0, OPT, NXNAME                            FORMERR   (RFC 9824 3.1 for NXNAME)
 * Other meta types (RFC 6895 3.1) are types that no name has.
 */
#pragma once

#include "dns/edns.h"
#include "dns/name.h"

#include <stdbool.h>
#include <stdint.h>

enum dns_verdict {
    DNS_VERDICT_OK,      /* the question may be looked up */
    DNS_VERDICT_CHAOS,   /* a question about this server, not about zones */
    DNS_VERDICT_COOKIE,  /* no question: the client only wants a server cookie */
    DNS_VERDICT_IGNORE,  /* send nothing */
    DNS_VERDICT_FORMERR, /* this and below: reply with that code */
    DNS_VERDICT_NOTIMP,
    DNS_VERDICT_BADVERS,
    DNS_VERDICT_REFUSED,
};

struct dns_question {
    uint16_t id;
    uint16_t flags;      /* header word as asked */
    uint16_t type;       /* valid where name_len is not 0 */
    uint16_t class;      /* likewise */
    const uint8_t *name; /* as asked, in the request; NULL where name_len is 0 */
    uint16_t name_len;   /* 0: no question could be read, so none is echoed */
    bool has_edns;       /* one OPT record, well formed */
    bool is_dnssec_ok;   /* DO bit (RFC 3225) */
    uint16_t edns_size;  /* UDP payload the client takes, at least 512; valid with has_edns */
    struct dns_options options;       /* `has` is valid always */
    uint8_t name_lower[DNS_NAME_MAX]; /* valid where name_len is not 0 */
};

/* Read one request. @out is filled as far as the request could be read, whatever the verdict (not
 * at all for IGNORE), and borrows from @request. Never reads past @request_len. */
enum dns_verdict dns_question_parse(const uint8_t *request, uint16_t request_len,
                                    struct dns_question *out);
