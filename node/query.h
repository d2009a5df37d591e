/* node/query.h: one DNS exchange, request octets in, reply octets out.
 * Pure: no socket, clock, heap or global, so tests and fuzzers call what production calls.
 *
 * Choices where the RFCs leave one:
 *   - Answers are minimal: no NS set beside a positive answer. The addresses of the names in NS,
 *     MX, SRV, SVCB and HTTPS answers come along as far as they fit (query_additional.c).
 *   - Type ANY gets one record set of the name, that of the lowest type (RFC 8482 4.1).
 *   - Class ANY is answered as IN. Class CH knows four names (RFC 4892), for types TXT and ANY,
 *     while the node has a text for them; the rest of it is refused, as other classes are.
 *   - A chain of CNAME and DNAME is followed inside our zones for QUERY_CHAIN_MAX links and ends at
 *     a name that is not ours, or that the chain has visited, with what was found so far.
 *   - A server cookie goes to whoever sends a client cookie. None is ever demanded: BADCOOKIE only
 *     answers a wrong one in a request without question (RFC 7873 5.4).
 *   - Client subnets are echoed with the scope of the tables that were asked on the way to the
 *     answer, at most 24 (IPv4) or 48 (IPv6); 0 when it did not depend on the client (RFC 7871
 *     7.2.1). query_client.c says whose location counts, query_route.c how it is routed.
 *   - Which zones are seen goes by the source address alone (zone/view.h): a client subnet says
 *     where a resolver's client is, not what it may see. Each link of a chain is looked up as that
 *     sender sees it.
 *   - The records of an answer begin at a place drawn by chance, so that clients spread over them.
 *
 * Extended errors (RFC 8914), to clients with EDNS:
 *   reply                                     INFO-CODE
 *   REFUSED, no zone of ours holds the name   20 Not Authoritative
 *   REFUSED, type AXFR or IXFR                21 Not Supported; 18 Prohibited would mean "not you"
 *   REFUSED, class CH or an unknown one       21 Not Supported
 *   SERVFAIL, the zone has no SOA             14 Not Ready: it is still being filled
 *   SERVFAIL, too long for TCP                none: no code says so
 *   SERVFAIL, aliases in a circle             likewise
 *   ANY cut to one set                        none: 4 Forged Answer would be untrue
 *   FORMERR, BADVERS, BADCOOKIE, YXDOMAIN     none: the RCODE says it
 */
#pragma once

#include "dns/answer.h"
#include "zone/slots.h"

#include <stdbool.h>
#include <stdint.h>

struct dns_cookie_secrets;
struct sockaddr;
struct zone_image;

#define QUERY_CHAIN_MAX 16u      /* links of CNAME or DNAME in one answer */
#define QUERY_ADDITIONAL_MAX 16u /* records of an answer whose target's addresses are looked up */
#define QUERY_GLUE_MAX 128u      /* name servers of a referral whose addresses are looked up */
#define QUERY_TEXT_MAX 128u      /* octets of a text in struct query_texts */

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
                     QUERY_FAILED,   /* SERVFAIL: no reply could be built from the zone's data */
                     QUERY_OUTCOME_COUNT,
};

/* What a reply is, as its question's first lookup found it; a chain of CNAMEs keeps the kind and
 * name of its first link. `name` below is the key name: a suffix of the question's name. */
enum query_kind {
    QUERY_KIND_ANSWER, /* records of the name itself, or a DNAME: name = owner of what was found */
    QUERY_KIND_WILDCARD, /* made from a wildcard: name = closest encloser, without "*" */
    QUERY_KIND_NODATA,   /* name = apex of the zone; also below a wildcard */
    QUERY_KIND_NXDOMAIN, /* name = apex of the zone */
    QUERY_KIND_REFERRAL, /* name = the zone cut */
    QUERY_KIND_ERROR,    /* rejected or failed: no name */
};

/* What routing made of the first name on the way that has a policy. */
enum query_routed {
    QUERY_ROUTED_NOT,      /* there was none */
    QUERY_ROUTED_HEALTHY,  /* something that counts as healthy */
    QUERY_ROUTED_ALL_DOWN, /* nothing was healthy: what the policy says for that */
    QUERY_ROUTED_NOTHING,  /* no records: none is for this client, or all are down and it says so */
    QUERY_ROUTED_LOOP,     /* its aliases go in a circle or too far */
    QUERY_ROUTED_COUNT,
};

struct query_route_note {
    uint8_t routed; /* enum query_routed */
    uint8_t policy; /* enum policy_kind, unless QUERY_ROUTED_NOT */
};

struct query_traits {
    enum query_kind kind;
    uint8_t name_offset;     /* of the key name in the question's name, octets */
    uint8_t name_len;        /* of the key name, its root included; 0 with QUERY_KIND_ERROR */
    uint16_t type;           /* that was asked; 0: no question was understood */
    struct zone_slots slots; /* of the zone of the question's name; zeroes: no zone of ours */
    struct query_route_note route;
};

struct query_texts {      /* what the node says about itself; NULL or "": nothing */
    const char *identity; /* NSID, hostname.bind, id.server; at most QUERY_TEXT_MAX octets */
    const char *version;  /* version.bind, version.server; likewise */
};

struct query_env {                  /* all a reply may depend on besides the request; borrowed */
    const struct zone_image *image; /* one immutable generation of every zone */
    const struct sockaddr *client;  /* source address of the request; NULL: no cookies */
    enum query_proto proto;
    uint16_t tcp_idle_ds;                     /* RFC 7828: tenths of a second; 0: not told */
    uint32_t now_s;                           /* since 1970, of the batch */
    const struct dns_cookie_secrets *cookies; /* as of now_s; NULL: no cookies */
    const struct query_texts *texts;          /* NULL: none */
    uint64_t draw; /* random bits, of the batch: what goes by chance is drawn from them */
    const struct query_recorder *recorder; /* NULL: nobody watches (query_recorder.h) */
    bool is_public; /* private zones are not there, whatever the client's address */
};

/* Answer one request. @request is borrowed and hostile: any octets, any length. @reply is caller's
 * storage (at least 512 octets), emptied first, not overlapping; holds at most min(size limit of
 * the protocol, capacity) octets. Cannot fail: what we cannot do becomes an RCODE, which is left in
 * reply->rcode. reply->has_valid_cookie says whether the client proved its address with a server
 * cookie (RFC 7873), so that limits on unproven clients may spare it. Equal inputs give equal
 * octets. RFC 1034 4.3.2 (lookup), RFC 2308 (negative), RFC 4592 (wildcards), RFC 6672 (DNAME), RFC
 * 6891 6.2.5 (size), RFC 8906 (whom to answer what), RFC 9471 (glue), RFC 9619 (one question). */
enum query_outcome query_answer(const struct query_env *env, const uint8_t *request,
                                uint16_t request_len, struct dns_writer *reply);

struct query_item;
/* The same for the request of @item, which tells more about the reply; its client counts. */
void query_answer_item(const struct query_env *env, struct query_item *item);

/* ---- many requests at once, as the sockets have them ---- */

struct query_item {
    const struct sockaddr *client; /* in place of the environment's */
    const uint8_t *request;
    uint16_t request_len;
    enum query_outcome outcome; /* out */
    struct query_traits traits; /* out, unless dropped */
    struct dns_writer reply;    /* in: octets and capacity; out */
};

struct query_scratch; /* what a thread needs for queries under way */

/* NULL when there is no memory. The caller owns it; query_scratch_free accepts NULL. */
struct query_scratch *query_scratch_new(void);
void query_scratch_free(struct query_scratch *scratch);

/* What query_answer() draws from for request @index of a batch, so that each has its own. */
static inline uint64_t query_draw_at(uint64_t draw, unsigned index)
{
    return draw + index * 0x9e3779b97f4a7c15u;
}

/* Do query_answer() for each of @items in one environment, but for its draw, which is that of
 * query_draw_at(). The outcome is the same; look-ups go on side by side, so that none waits for
 * memory while another could go on. Allocates nothing. */
void query_answer_many(struct query_scratch *scratch, const struct query_env *env,
                       struct query_item *items, unsigned count);
