/* node/net/udp_limit.c */
#include "net/udp_limit.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "net/counters.h"
#include "net/rrl.h"
#include "query.h"

static enum rrl_class class_of(enum query_kind kind)
{
    static const enum rrl_class classes[] = {
        [QUERY_KIND_ANSWER] = RRL_ANSWER,     [QUERY_KIND_WILDCARD] = RRL_WILDCARD,
        [QUERY_KIND_NODATA] = RRL_NODATA,     [QUERY_KIND_NXDOMAIN] = RRL_NXDOMAIN,
        [QUERY_KIND_REFERRAL] = RRL_REFERRAL, [QUERY_KIND_ERROR] = RRL_ERROR,
    };
    ASSERT(kind < sizeof classes / sizeof *classes);
    return classes[kind];
}

bool udp_limit_prepare(const struct rrl *rrl, const struct sockaddr *client,
                       const struct query_traits *traits, const struct dns_writer *reply,
                       struct net_cells *cells, struct rrl_key *key)
{
    if (rrl == NULL)
        return false;
    if (reply->has_valid_cookie) {
        net_cell_add(&cells->events[NET_RRL_COOKIE], 1);
        return false;
    }
    if (rrl_is_exempt(rrl, client)) {
        net_cell_add(&cells->events[NET_RRL_EXEMPT], 1);
        return false;
    }
    ASSERT(traits->name_len == 0 ||
           DNS_HEADER_LEN + traits->name_offset + traits->name_len <= reply->body_at);
    rrl_key_make(rrl, client, class_of(traits->kind),
                 reply->octets + DNS_HEADER_LEN + traits->name_offset, traits->name_len, key);
    rrl_prefetch(rrl, key);
    return true;
}

bool udp_limit_settle(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms,
                      enum udp_limit_mode mode, struct dns_writer *reply, struct net_cells *cells)
{
    enum rrl_verdict verdict = rrl_account(rrl, key, now_ms);
    if (verdict == RRL_PASS)
        return true;
    net_cell_add(&cells->events[verdict == RRL_SLIP ? NET_RRL_SLIPPED : NET_RRL_DROPPED], 1);
    if (mode == UDP_LIMIT_LOG_ONLY)
        return true;
    if (verdict == RRL_SLIP && key->class != RRL_ERROR)
        dns_answer_truncate(reply); /* the code stays: a hint of what TCP will bring */
    return verdict == RRL_SLIP;
}
