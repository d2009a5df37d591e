/* node/query_internal.h: what the files of the query room share. query.c is the table of contents.
 */
#pragma once

#include "base/mix.h"
#include "dns/answer.h"
#include "dns/question.h"
#include "dns/type.h"
#include "geo/view.h"
#include "policy/policy.h"
#include "query.h"
#include "query_recorder.h"
#include "zone/lookup.h"
#include "zone/view.h"

#include <stdbool.h>

/* Where the client is, as far as a group on the way to the answer has asked. */
struct query_place {
    uint8_t known;      /* bits: query_client.c */
    bool has_address;   /* else nothing is known, or the client does not want to be located */
    bool is_ecs;        /* the address is that of a client subnet option */
    uint8_t scope_bits; /* greatest of the tables that were asked: RFC 7871 7.2.1 */
    uint8_t location_bits, latency_bits; /* within which these two are the same */
    struct geo_address address;
    const struct geo_location *location;
    const struct geo_latency_row *latency;
    uint32_t cidr_slot, cidr_location;
};

struct exchange { /* one question on its way to its reply */
    const struct query_env *env;
    const struct dns_question *question;
    struct dns_writer *reply;
    const struct sockaddr *client;
    const struct query_recorder *recorder; /* NULL: nobody watches */
    bool is_aside;                         /* additional data: nobody is told of it */
    bool is_private;                       /* the question's own name is in a private zone */
    const struct zone_view *view;          /* whose private zones the client sees; NULL: none */
    uint64_t draw;                         /* of this question */
    uint8_t *ecs_scope;                    /* in the reply's client subnet option, or NULL */
    enum query_outcome outcome;
    struct dns_owner owner;  /* the name that is looked up: the question's, then chain targets */
    struct zone_match match; /* what was found for it */
    unsigned link_count;     /* CNAMEs and DNAMEs followed */
    const uint8_t *visited[QUERY_CHAIN_MAX]; /* names of the chain so far */
    unsigned dname_count;
    uint16_t group_count;     /* tried so far, by all names of the chain: query_route.c */
    uint16_t candidate_count; /* likewise */
    struct query_route_note route;
    struct query_place place;
    const struct zone_wire_set *dnames[QUERY_CHAIN_MAX]; /* those in the reply */
    uint8_t synthesized[QUERY_CHAIN_MAX][DNS_NAME_MAX];  /* CNAME targets that they made */
};

static inline struct dns_rrset query__rrset_of(const struct zone_wire_set *set)
{
    return (struct dns_rrset){
        .octets = set->wire, .octets_len = set->wire_len, .count = set->record_count};
}

/* 64 bits of chance for purpose @number of this question; different numbers, independent bits
 * (splitmix64's output function over a sequence of its own). */
static inline uint64_t query__draw(const struct exchange *x, unsigned number)
{
    return mix64(x->draw + (number + 1) * UINT64_C(0xd1342543de82ef95));
}

static inline bool query__is_watched(const struct exchange *x)
{
    return __builtin_expect(x->recorder != NULL, 0) && !x->is_aside;
}

/* Tell who watches; only where query__is_watched(). */
static inline void query__tell(const struct exchange *x, const struct query_event *event)
{
    x->recorder->event(x->recorder->user, event);
}

/* ---- query_route.c ---- */

struct query_found { /* what stands for a name: one record set, or several that become one */
    unsigned count;
    bool is_all_down; /* nothing was healthy, somewhere on the way */
    const struct zone_wire_set *sets[POLICY_ANSWERS_MAX];
};
enum query_route {
    QUERY_ROUTE_FOUND,
    QUERY_ROUTE_NODATA,
    QUERY_ROUTE_LOOP, /* nothing, as aliases go in a circle or too far */
};

/* Aliases of private zones see what the client sees; those of public zones, public zones. */
static inline const struct zone_view *query__view_of(const struct exchange *x,
                                                     const struct zone *zone)
{
    return x->view != NULL && zone != NULL && zone_is_private(zone) ? x->view : NULL;
}

/* Choose from @group, which stands at the name asked or at one that it led to, for this client;
 * its aliases lead to what is seen from @view. */
enum query_route query__route(struct exchange *x, const struct policy_group *group,
                              const struct zone_view *view, struct query_found *found);

/* ---- query_client.c ---- */

/* The view of who sent the request; a client subnet has no say in it. NULL: none. */
const struct zone_view *query__find_view(const struct exchange *x);
/* Learn whose location counts: x->place.has_address, is_ecs and address. */
void query__find_address(struct exchange *x);
/* Of the first @bits bits of an address: what clients are spread by. */
uint64_t query__hash_prefix(const struct geo_address *address, unsigned bits);
/* Ask for the memory that query__locate() will read first for @group: its root. */
struct geo_fetch query__prefetch_place(struct exchange *x, const struct policy_group *group);
/* What the policy of @group may know about the client. @draw stands in for the prefix of a client
 * that cannot be located. */
void query__locate(struct exchange *x, const struct policy_group *group, uint64_t draw,
                   struct policy_client *out);

/* ---- query_found.c ---- */

/* Write @found (1 set or more, of one type) as one record set: least TTL, no record twice, the
 * records of each set from a drawn place on (Route 53 answers in random order). False, and nothing
 * is written, where it does not fit. */
bool query__add_found(struct exchange *x, enum dns_section section, const struct dns_owner *owner,
                      const struct query_found *found);

/* ---- query_edns.c ---- */

enum query_ede { /* RFC 8914 4 */
                 QUERY_EDE_NOT_READY = 14,
                 QUERY_EDE_NOT_AUTHORITATIVE = 20,
                 QUERY_EDE_NOT_SUPPORTED = 21,
};

/* Put what the request's options ask for into a reply that has no records yet, and learn whether
 * its cookie is right. Only for requests that have options. Returns where the reply's client
 * subnet option has its scope, 0 until somebody writes it; NULL without that option. */
uint8_t *query__add_options(const struct query_env *env, const struct sockaddr *client,
                            const struct dns_question *question, struct dns_writer *reply);
/* Say why, if the client understands it. For replies without records. */
void query__add_ede(struct dns_writer *reply, enum query_ede code);
/* The reply to a request without question (RFC 7873 5.4). */
enum query_outcome query__answer_cookie(const struct query_env *env,
                                        const struct dns_question *question,
                                        struct dns_writer *reply);

/* ---- query_chaos.c ---- */

/* The reply to a question of class CH (RFC 4892). */
enum query_outcome query__answer_chaos(const struct query_env *env,
                                       const struct dns_question *question,
                                       struct dns_writer *reply);

/* ---- query_additional.c ---- */

/* Does an answer of @type name hosts? The common types don't and cost no more than this. */
static inline bool query__has_targets(uint16_t type)
{
    switch (type) {
    case DNS_TYPE_NS:
    case DNS_TYPE_MX:
    case DNS_TYPE_SRV:
    case DNS_TYPE_SVCB:
    case DNS_TYPE_HTTPS: return true;
    default: return false;
    }
}

/* The answer of x->match.set->type, a type with targets, was written from @set_at in the reply to
 * its end: add the addresses of its targets. */
void query__add_additional(struct exchange *x, uint32_t set_at);
/* Add @set of @zone, a plain one or a group, under @owner; nobody watches that. False where it does
 * not fit. */
bool query__add_aside(struct exchange *x, const struct dns_owner *owner,
                      const struct zone_wire_set *set, const struct zone *zone);
