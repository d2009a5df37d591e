/* node/metrics.c: what the threads that answer have counted, by sets that are bounded: transports,
 * 24 types, rcodes, policies, and zones as far as they have slots (cluster/zone_counts.h). */
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "cluster/measures.h"
#include "cluster/zone_counts.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dnstap/dnstap.h"
#include "net/net.h"
#include "policy/policy.h"
#include "querylog/querylog.h"

_Static_assert(POLICY_KIND_COUNT <= NET_POLICY_COUNT, "each policy has its row");

/* A slot's counts go on when it is given to another zone, so that the threads need not be told. The
 * new zone's own are those since the first reading after that. */
struct slot {
    uint32_t before; /* zones that had it before the one that has it now */
    uint64_t base[NET_RESULT_COUNT];
};

struct node_metrics {
    struct slot slots[ZONE_COUNT_SLOTS];
    struct net_zone_counters zones; /* the last reading */
};

struct node_metrics *node_metrics_new(void)
{
    return calloc(1, sizeof(struct node_metrics));
}

void node_metrics_free(struct node_metrics *kept)
{
    free(kept);
}

/* ---- by transport ---- */

static const char *const transports[NET_TRANSPORT_COUNT] = {
    [NET_TRANSPORT_UDP] = "udp", [NET_TRANSPORT_XDP] = "xdp", [NET_TRANSPORT_TCP] = "tcp"};

static const char *const rcodes[NET_RCODE_COUNT] = {
    [DNS_RCODE_NOERROR] = "NOERROR",    [DNS_RCODE_FORMERR] = "FORMERR",
    [DNS_RCODE_SERVFAIL] = "SERVFAIL",  [DNS_RCODE_NXDOMAIN] = "NXDOMAIN",
    [DNS_RCODE_NOTIMP] = "NOTIMP",      [DNS_RCODE_REFUSED] = "REFUSED",
    [DNS_RCODE_YXDOMAIN] = "YXDOMAIN",  [DNS_RCODE_BADVERS] = "BADVERS",
    [DNS_RCODE_BADCOOKIE] = "BADCOOKIE"};

static void write_types(struct metrics *metrics, const struct net_counters *counters)
{
    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_queries_total",
                   "Queries by transport and type; none: no question was understood.");
    for (unsigned t = 0; t < NET_TRANSPORT_COUNT; t++) {
        for (unsigned type = 0; type < NET_TYPE_COUNT; type++) {
            const struct metrics_label labels[] = {{"transport", transports[t]},
                                                   {"type", net_type_name(type)}};
            uint64_t sum = 0;
            for (unsigned reply = 0; reply < NET_REPLY_COUNT; reply++)
                sum += counters[t].replies[type][reply];
            metrics_add_count(metrics, labels, 2, sum);
        }
    }
}

static void write_rcodes(struct metrics *metrics, const struct net_counters *counters)
{
    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_responses_total",
                   "Replies that were sent, by transport and rcode.");
    for (unsigned t = 0; t < NET_TRANSPORT_COUNT; t++) {
        for (unsigned rcode = 0; rcode < NET_RCODE_COUNT; rcode++) {
            const struct metrics_label labels[] = {{"transport", transports[t]},
                                                   {"rcode", rcodes[rcode]}};
            if (rcodes[rcode])
                metrics_add_count(metrics, labels, 2, counters[t].rcodes[rcode]);
        }
    }
}

static void write_policies(struct metrics *metrics, const struct net_counters *all)
{
    static const char *const policies[POLICY_KIND_COUNT] = {[POLICY_SIMPLE] = "simple",
                                                            [POLICY_WEIGHTED] = "weighted",
                                                            [POLICY_LATENCY] = "latency",
                                                            [POLICY_GEOLOCATION] = "geolocation",
                                                            [POLICY_GEOPROXIMITY] = "geoproximity",
                                                            [POLICY_FAILOVER] = "failover",
                                                            [POLICY_MULTIVALUE] = "multivalue",
                                                            [POLICY_IP_BASED] = "ip_based"};
    static const char *const routed[QUERY_ROUTED_COUNT] = {[QUERY_ROUTED_HEALTHY] = "healthy",
                                                           [QUERY_ROUTED_ALL_DOWN] = "all_down",
                                                           [QUERY_ROUTED_NOTHING] = "nothing",
                                                           [QUERY_ROUTED_LOOP] = "loop"};

    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_routed_total",
                   "Queries that came to a routing policy, by what it made of them; all_down: "
                   "nothing was healthy.");
    for (unsigned policy = 0; policy < POLICY_KIND_COUNT; policy++) {
        for (unsigned i = QUERY_ROUTED_NOT + 1; i < QUERY_ROUTED_COUNT; i++) {
            const struct metrics_label labels[] = {{"policy", policies[policy]},
                                                   {"result", routed[i]}};
            metrics_add_count(metrics, labels, 2, all->routed[policy][i]);
        }
    }
}

/* ---- events ---- */

static void one(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_one(metrics, METRICS_COUNTER, name, help, value);
}

static void add_event(struct metrics *metrics, const char *label, const char *value,
                      const struct net_counters *all, enum net_counter event)
{
    const struct metrics_label labels[] = {{label, value}};

    metrics_add_count(metrics, labels, 1, all->events[event]);
}

static void write_limits(struct metrics *metrics, const struct net_counters *all)
{
    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_rrl_total",
                   "Response rate limiting: replies dropped and sent truncated, and those that a "
                   "cookie or an exempt network spared.");
    add_event(metrics, "action", "dropped", all, NET_RRL_DROPPED);
    add_event(metrics, "action", "slipped", all, NET_RRL_SLIPPED);
    add_event(metrics, "action", "cookie", all, NET_RRL_COOKIE);
    add_event(metrics, "action", "exempt", all, NET_RRL_EXEMPT);
    one(metrics, "quartet_dns_truncated_total", "UDP replies with TC set.",
        all->events[NET_UDP_TRUNCATED]);
    one(metrics, "quartet_dns_send_failed_total", "UDP replies that the kernel did not take.",
        all->events[NET_UDP_SEND_FAILED]);
}

static void write_tcp(struct metrics *metrics, const struct net_counters *all)
{
    const uint64_t accepted = all->events[NET_TCP_ACCEPTED], closed = all->events[NET_TCP_CLOSED];

    metrics_one(metrics, METRICS_GAUGE, "quartet_dns_tcp_connections", "Connections that are open.",
                accepted > closed ? accepted - closed : 0);
    one(metrics, "quartet_dns_tcp_accepted_total", "Connections let in.", accepted);
    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_tcp_ended_total",
                   "Connections that the node ended, by reason.");
    add_event(metrics, "reason", "refused", all, NET_TCP_REFUSED);
    add_event(metrics, "reason", "evicted", all, NET_TCP_EVICTED);
    add_event(metrics, "reason", "idle", all, NET_TCP_IDLE_CLOSED);
    add_event(metrics, "reason", "slow", all, NET_TCP_SLOW_CLOSED);
    add_event(metrics, "reason", "memory", all, NET_TCP_MEMORY_CLOSED);
    add_event(metrics, "reason", "broken", all, NET_TCP_BROKEN);
    one(metrics, "quartet_dns_tcp_paused_total", "Times that a client did not take its replies.",
        all->events[NET_TCP_PAUSED]);
}

static void write_batches(struct metrics *metrics, const struct net_counters *all)
{
    one(metrics, "quartet_dns_batches_total",
        "Batches that UDP queries came in; of up to 64 at once.", all->batches);
    metrics_family(metrics, METRICS_HISTOGRAM, "quartet_dns_batch_duration_seconds",
                   "From the requests of a batch to its replies; of one batch in 256.");
    metrics_add_histogram(metrics, NULL, 0, &all->batch_time);
}

/* ---- by zone ---- */

struct zone_writer {
    struct node_metrics *kept;
    struct metrics *metrics;
};

static void write_results(struct metrics *metrics, const char *zone, const char *id,
                          const uint64_t *now, const uint64_t *base)
{
    for (unsigned i = NET_RESULT_DROPPED + 1; i < NET_RESULT_COUNT; i++) {
        const struct metrics_label labels[] = {
            {"zone", zone}, {"zone_id", id}, {"result", net_result_name((enum net_result)i)}};
        metrics_add_count(metrics, labels, 3, now[i] - base[i]);
    }
}

static void write_zone(void *user, const struct cluster_zone_count *zone)
{
    struct zone_writer *writer = user;
    struct slot *slot = &writer->kept->slots[zone->slot];
    const uint64_t *now = writer->kept->zones.results[zone->slot];
    char name[DNS_NAME_TEXT_SIZE];

    if (zone->before != slot->before)
        memcpy(slot->base, now, sizeof(slot->base));
    slot->before = zone->before;
    dns_name_format(zone->name, name, sizeof(name));
    write_results(writer->metrics, name, zone->id, now, slot->base);
}

/* The slots of all zones that have none of their own, and of no zone. */
static void write_zones(struct node_metrics *kept, struct net *net, struct cluster *cluster,
                        struct metrics *metrics)
{
    static const uint64_t nothing[NET_RESULT_COUNT];
    struct zone_writer writer = {kept, metrics};

    net_read_zones(net, &kept->zones);
    metrics_family(metrics, METRICS_COUNTER, "quartet_dns_zone_queries_total",
                   "Queries by zone and result; zone \"\": those of the zones that are beyond the "
                   "1,022 that are counted apart.");
    cluster_zone_counts(cluster, write_zone, &writer);
    write_results(metrics, "", "", kept->zones.results[ZONE_COUNTS_OTHERS], nothing);
}

/* ---- all ---- */

static void write_query_log(struct metrics *metrics, struct querylog *log)
{
    struct querylog_counters counters;

    querylog_read_counters(log, &counters);
    one(metrics, "quartet_query_log_written_total", "Lines of the log of queries.",
        counters.written);
    one(metrics, "quartet_query_log_dropped_total", "Queries that found their ring full.",
        counters.dropped);
    one(metrics, "quartet_query_log_lost_total", "Lines that could not be written.", counters.lost);
}

static void write_dnstap(struct metrics *metrics, struct dnstap *tap)
{
    struct dnstap_counters counters;

    dnstap_read_counters(tap, &counters);
    one(metrics, "quartet_dnstap_written_total",
        "Exchanges, queries with their replies, that the reader of dnstap took.", counters.written);
    one(metrics, "quartet_dnstap_dropped_total",
        "Exchanges without a reader, or that found their ring full.", counters.dropped);
    one(metrics, "quartet_dnstap_lost_total",
        "Exchanges that were under way when the reader went away.", counters.lost);
    metrics_one(metrics, METRICS_GAUGE, "quartet_dnstap_connected",
                "1 while a reader of dnstap is connected.", counters.is_connected);
}

void node_metrics_write(struct node_metrics *kept, struct net *net, struct querylog *log,
                        struct dnstap *tap, struct cluster *cluster, struct metrics *metrics)
{
    struct net_counters *counters =
        net ? malloc((NET_TRANSPORT_COUNT + 1) * sizeof(*counters)) : NULL;

    if (counters) {
        struct net_counters *all = &counters[NET_TRANSPORT_COUNT];
        for (unsigned t = 0; t < NET_TRANSPORT_COUNT; t++)
            net_read_transport(net, (enum net_transport)t, &counters[t]);
        net_read_counters(net, all);
        write_types(metrics, counters);
        write_rcodes(metrics, counters);
        write_policies(metrics, all);
        write_limits(metrics, all);
        write_tcp(metrics, all);
        write_batches(metrics, all);
        write_zones(kept, net, cluster, metrics);
    }
    free(counters);
    if (log)
        write_query_log(metrics, log);
    if (tap)
        write_dnstap(metrics, tap);
}
