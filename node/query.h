/* node/query.h: one DNS exchange, request octets in, reply octets out.
 * Pure: no socket, clock, heap or global, so tests and fuzzers call what production calls.
 *
 * Choices where the RFCs leave one:
 *   - Answers are minimal: no NS set beside a positive answer, addresses only as glue of a
 * referral.
 *   - Type ANY gets one record set of the name, that of the lowest type (RFC 8482 4.1).
 *   - Class ANY is answered as IN.
 *   - A chain of CNAME and DNAME is followed inside our zones for QUERY_CHAIN_MAX links and ends at
 *     a name that is not ours, or that the chain has visited, with what was found so far.
 */
#pragma once

#include <stdint.h>

struct dns_writer;
struct sockaddr;
struct zone_image;

#define QUERY_CHAIN_MAX 16u /* links of CNAME or DNAME in one answer */

enum query_proto {
    QUERY_UDP, /* reply within the client's EDNS size and ours; TC when it does not fit */
    QUERY_TCP, /* reply within 65,535 octets; SERVFAIL when it does not fit */
};

enum query_outcome { /* one counter each; only QUERY_DROPPED leaves nothing to send */
                     QUERY_DROPPED,  /* under 12 octets, or QR set: answering could start a reply
                                        loop */
                     QUERY_REJECTED, /* FORMERR, NOTIMP, BADVERS or REFUSED */
                     QUERY_ANSWERED, /* authoritative data, or an authoritative "no such thing" */
                     QUERY_REFERRED, /* delegation to a child zone */
                     QUERY_FAILED,   /* SERVFAIL: no reply could be built from valid data */
                     QUERY_OUTCOME_COUNT,
};

struct query_env {                  /* all a reply may depend on besides the request; borrowed */
    const struct zone_image *image; /* one immutable generation of every zone */
    const struct sockaddr *client;  /* source address of the request */
    enum query_proto proto;
};

/* Answer one request. @request is borrowed and hostile: any octets, any length. @reply is caller's
 * storage (at least 512 octets), emptied first, not overlapping; holds at most min(size limit of
 * the protocol, capacity) octets. Cannot fail: what we cannot do becomes an RCODE, which is left in
 * reply->rcode. Equal inputs give equal octets.
 * RFC 1034 4.3.2 (lookup), RFC 2308 (negative), RFC 4592 (wildcards), RFC 6672 (DNAME),
 * RFC 6891 6.2.5 (size), RFC 9471 (glue), RFC 9619 (one question). */
enum query_outcome query_answer(const struct query_env *env, const uint8_t *request,
                                uint16_t request_len, struct dns_writer *reply);
