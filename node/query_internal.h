/* node/query_internal.h: what the files of the query room share. query.c is the table of contents.
 */
#pragma once

#include "dns/answer.h"
#include "dns/question.h"
#include "dns/type.h"
#include "query.h"
#include "zone/lookup.h"

#include <stdbool.h>

struct exchange { /* one question on its way to its reply */
    const struct query_env *env;
    const struct dns_question *question;
    struct dns_writer *reply;
    enum query_outcome outcome;
    struct dns_owner owner;  /* the name that is looked up: the question's, then chain targets */
    struct zone_match match; /* what was found for it */
    unsigned link_count;     /* CNAMEs and DNAMEs followed */
    const uint8_t *visited[QUERY_CHAIN_MAX]; /* names of the chain so far */
    unsigned dname_count;
    const struct zone_wire_set *dnames[QUERY_CHAIN_MAX]; /* those in the reply */
    uint8_t synthesized[QUERY_CHAIN_MAX][DNS_NAME_MAX];  /* those of them that DNAMEs made */
};

static inline struct dns_rrset query__rrset_of(const struct zone_wire_set *set)
{
    return (struct dns_rrset){
        .octets = set->wire, .octets_len = set->wire_len, .count = set->record_count};
}

/* ---- query_edns.c ---- */

enum query_ede { /* RFC 8914 4 */
                 QUERY_EDE_NOT_READY = 14,
                 QUERY_EDE_NOT_AUTHORITATIVE = 20,
                 QUERY_EDE_NOT_SUPPORTED = 21,
};

/* Put what the request's options ask for into a reply that has no records yet, and learn whether
 * its cookie is right. Only for requests that have options. */
void query__add_options(const struct query_env *env, const struct sockaddr *client,
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

/* The set x->match.set, of a type with targets, was written as the answer, its first record at
 * @set_at in the reply: add the addresses of its targets. */
void query__add_additional(struct exchange *x, uint32_t set_at);
