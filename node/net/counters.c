/* node/net/counters.c */
#include "net/counters.h"

#include "base/assert.h"
#include "dns/type.h"

/* What questions ask for in practice. DNSSEC's other types are answers' rather than questions'. */
enum {
    OTHER,
    A,
    NS,
    CNAME,
    SOA,
    PTR,
    MX,
    TXT,
    AAAA,
    SRV,
    NAPTR,
    DS,
    DNSKEY,
    TLSA,
    SVCB,
    HTTPS,
    CAA,
    DNAME,
    CDS,
    XFR,
    ANY,
    SPF,
    SSHFP,
    NONE,
};
_Static_assert(NONE == NET_TYPE_COUNT - 1, "no more than there is room for");

static const char *const type_names[NET_TYPE_COUNT] = {
    [NONE] = "none",   [A] = "A",         [NS] = "NS",       [CNAME] = "CNAME",   [SOA] = "SOA",
    [PTR] = "PTR",     [MX] = "MX",       [TXT] = "TXT",     [AAAA] = "AAAA",     [SRV] = "SRV",
    [NAPTR] = "NAPTR", [DS] = "DS",       [TLSA] = "TLSA",   [SVCB] = "SVCB",     [HTTPS] = "HTTPS",
    [CAA] = "CAA",     [DNAME] = "DNAME", [CDS] = "CDS",     [XFR] = "XFR",       [ANY] = "ANY",
    [SPF] = "SPF",     [SSHFP] = "SSHFP", [OTHER] = "other", [DNSKEY] = "DNSKEY",
};

const uint8_t net_type_table[NET_TYPE_TABLE_LEN] = {
    [0] = NONE,
    [DNS_TYPE_A] = A,
    [DNS_TYPE_NS] = NS,
    [DNS_TYPE_CNAME] = CNAME,
    [DNS_TYPE_SOA] = SOA,
    [DNS_TYPE_PTR] = PTR,
    [DNS_TYPE_MX] = MX,
    [DNS_TYPE_TXT] = TXT,
    [DNS_TYPE_AAAA] = AAAA,
    [DNS_TYPE_SRV] = SRV,
    [DNS_TYPE_NAPTR] = NAPTR,
    [DNS_TYPE_DNAME] = DNAME,
    [DNS_TYPE_DS] = DS,
    [DNS_TYPE_SSHFP] = SSHFP,
    [DNS_TYPE_DNSKEY] = DNSKEY,
    [DNS_TYPE_TLSA] = TLSA,
    [DNS_TYPE_CDS] = CDS,
    [DNS_TYPE_SVCB] = SVCB,
    [DNS_TYPE_HTTPS] = HTTPS,
    [DNS_TYPE_SPF] = SPF,
    [DNS_TYPE_IXFR] = XFR,
    [DNS_TYPE_AXFR] = XFR,
    [DNS_TYPE_ANY] = ANY,
    [DNS_TYPE_CAA] = CAA,
};

void net_cells_count_silent(struct net_cells *cells, const struct query_item *item)
{
    const bool is_nxdomain =
        item->outcome == QUERY_ANSWERED && item->reply.rcode == DNS_RCODE_NXDOMAIN;

    net_cells_count_as(cells, &item->traits, NET_REPLY_NONE,
                       is_nxdomain ? NET_RESULT_NXDOMAIN : (enum net_result)item->outcome);
}

static void sum_cells(const _Atomic uint64_t *cells, uint64_t *sums, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sums[i] += atomic_load_explicit(&cells[i], memory_order_relaxed);
}

static void sum_replies(const struct net_cells *cells, struct net_counters *sum)
{
    for (unsigned type = 0; type < NET_TYPE_COUNT; type++) {
        uint64_t row[NET_REPLY_COUNT] = {0};
        sum_cells(cells->replies[type], row, NET_REPLY_COUNT);
        for (unsigned reply = 0; reply < NET_REPLY_COUNT; reply++) {
            sum->replies[type][reply] += row[reply];
            if (reply < NET_RCODE_COUNT)
                sum->rcodes[reply] += row[reply];
        }
    }
}

/* Each query is in one cell of some zone, or of none. */
static void sum_outcomes(const struct net_cells *cells, struct net_counters *sum)
{
    for (unsigned slot = 0; slot < ZONE_COUNT_SLOTS; slot++) {
        uint64_t row[NET_RESULT_COUNT] = {0};
        sum_cells(cells->zones[slot], row, NET_RESULT_COUNT);
        for (unsigned outcome = 0; outcome < QUERY_OUTCOME_COUNT; outcome++)
            sum->outcomes[outcome] += row[outcome];
        sum->outcomes[QUERY_ANSWERED] += row[NET_RESULT_NXDOMAIN];
    }
}

void net_cells_sum(const struct net_cells *cells, struct net_counters *sum)
{
    sum_cells(cells->events, sum->events, NET_COUNTER_COUNT);
    sum_outcomes(cells, sum);
    sum_replies(cells, sum);
    for (unsigned policy = 0; policy < NET_POLICY_COUNT; policy++)
        sum_cells(cells->routed[policy], sum->routed[policy], QUERY_ROUTED_COUNT);
    sum_cells(&cells->batches, &sum->batches, 1);
    histogram_read(&cells->batch_time, &sum->batch_time);
}

void net_cells_sum_zones(const struct net_cells *cells, struct net_zone_counters *sum)
{
    for (unsigned slot = 0; slot < ZONE_COUNT_SLOTS; slot++)
        sum_cells(cells->zones[slot], sum->results[slot], NET_RESULT_COUNT);
}

const char *net_type_name(unsigned index)
{
    ASSERT(index < NET_TYPE_COUNT);
    return type_names[index];
}

const char *net_result_name(enum net_result result)
{
    static const char *const names[NET_RESULT_COUNT] = {
        [NET_RESULT_DROPPED] = "dropped",   [NET_RESULT_REJECTED] = "rejected",
        [NET_RESULT_ANSWERED] = "answered", [NET_RESULT_REFERRED] = "referred",
        [NET_RESULT_FAILED] = "failed",     [NET_RESULT_NXDOMAIN] = "nxdomain",
    };
    ASSERT(result < NET_RESULT_COUNT);
    return names[result];
}

const char *net_counter_name(enum net_counter counter)
{
    static const char *const names[NET_COUNTER_COUNT] = {
        [NET_UDP_QUERIES] = "udp_queries",         [NET_UDP_TRUNCATED] = "udp_truncated",
        [NET_UDP_SEND_FAILED] = "udp_send_failed", [NET_XDP_QUERIES] = "xdp_queries",
        [NET_RRL_DROPPED] = "rrl_dropped",         [NET_RRL_SLIPPED] = "rrl_slipped",
        [NET_RRL_COOKIE] = "rrl_cookie",           [NET_RRL_EXEMPT] = "rrl_exempt",
        [NET_TCP_QUERIES] = "tcp_queries",         [NET_TCP_ACCEPTED] = "tcp_accepted",
        [NET_TCP_CLOSED] = "tcp_closed",           [NET_TCP_REFUSED] = "tcp_refused",
        [NET_TCP_EVICTED] = "tcp_evicted",         [NET_TCP_IDLE_CLOSED] = "tcp_idle_closed",
        [NET_TCP_SLOW_CLOSED] = "tcp_slow_closed", [NET_TCP_MEMORY_CLOSED] = "tcp_memory_closed",
        [NET_TCP_BROKEN] = "tcp_broken",           [NET_TCP_PAUSED] = "tcp_paused",
    };
    ASSERT(counter < NET_COUNTER_COUNT);
    return names[counter];
}
