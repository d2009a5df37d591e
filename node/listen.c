/* node/listen.c */
#include "listen.h"

#include "base/err.h"
#include "base/log.h"
#include "base/prefix.h"
#include "base/random.h"
#include "config.h"
#include "dns/cookie.h"
#include "net/net.h"
#include "net/rrl.h"
#include "query.h"
#include "service/sockets.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

_Static_assert(CONFIG_DNS_TEXT_MAX <= QUERY_TEXT_MAX, "net takes every text of the file");
_Static_assert(CONFIG_TCP_CONNECTIONS_MAX <= NET_TCP_CONNECTIONS_MAX, "and every limit of TCP");
_Static_assert(CONFIG_RRL_RATE_MAX <= RRL_RATE_MAX && CONFIG_RRL_SLIP_MAX <= RRL_SLIP_MAX &&
                   CONFIG_RRL_BURST_MAX_MS <= RRL_BURST_MAX_MS,
               "the limiter takes every limit of the file");

static void set_if(uint32_t *out, const uint32_t *value)
{
    if (value != NULL)
        *out = *value;
}

/* What the file says over the limiter's own defaults; *@exempt (malloc'd) is what it may point to.
 * False: out of memory. */
static bool fill_limits(const struct config_rrl *config, struct rrl_options *out,
                        struct prefix **exempt)
{
    const char *reason;
    rrl_options_default(out);
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        set_if(&out->rates_s[i], config->rate);
    set_if(&out->prefix_rate_s, config->prefix_rate);
    set_if(&out->burst_ms, config->burst_ms);
    set_if(&out->slip, config->slip);
    set_if(&out->ipv4_len, config->ipv4_prefix);
    set_if(&out->ipv6_len, config->ipv6_prefix);
    if (config->exempt_count == 0)
        return true;
    *exempt = calloc(config->exempt_count, sizeof **exempt);
    if (*exempt == NULL)
        return false;
    for (unsigned i = 0; i < config->exempt_count; i++)
        if (prefix_parse(config->exempt[i], &(*exempt)[i], &reason) != 0)
            return false; /* config_load has checked it */
    out->exempt = *exempt;
    out->exempt_count = config->exempt_count;
    return true;
}

static int parse_addresses(const struct config *config, struct sockaddr_storage *out)
{
    for (unsigned i = 0; i < config->dns_listen_count; i++)
        if (net_address_parse(config->dns_listen[i], &out[i]) != 0) {
            log_error("main", "configuration_wrong dns_listen=%s reason=\"no IP address\"",
                      config->dns_listen[i]);
            return EX_CONFIG;
        }
    return EX_OK;
}

/* Too few files are a warning, not a reason to stop: DNS over TCP then serves fewer at a time. */
static unsigned fit_tcp_connections(const struct config *config)
{
    unsigned fitting = net_fit_tcp_connections(config->tcp_connections_max);
    if (fitting < config->tcp_connections_max ||
        (config->tcp_connections_max == 0 && fitting < NET_TCP_CONNECTIONS_DEFAULT))
        log_warn("main",
                 "open_files_low tcp_connections_max=%u reason=\"the limit of open files "
                 "(LimitNOFILE, ulimit -Hn) allows no more\"",
                 fitting);
    return fitting;
}

/* The service manager is to keep these sockets, and no others, while the next process starts. */
static void keep_sockets(const struct net *net)
{
    int fds[NET_SOCKETS_MAX];
    int code = service_keep_sockets(fds, net_list_sockets(net, fds));
    if (code != 0 && code != ERR_UNAVAILABLE)
        log_warn("main", "sockets_not_kept reason=\"%s\" effect=\"a restart loses queries\"",
                 err_text(code));
}

/* net_open() with what the process before had open; sockets that no longer fit are closed. */
static int open_with_kept(struct net_options options, struct net **out, struct net_error *error)
{
    int kept[NET_SOCKETS_MAX];
    unsigned taken_count = 0;
    options.kept_fds = kept;
    options.kept_fds_count = service_take_sockets(kept, NET_SOCKETS_MAX);
    int code = net_open(&options, out, error);
    for (unsigned i = 0; i < options.kept_fds_count; i++) {
        taken_count += kept[i] < 0;
        if (kept[i] >= 0)
            close(kept[i]);
    }
    if (code == 0 && options.kept_fds_count > 0)
        log_info("main", "sockets_taken_over count=%u closed=%u", taken_count,
                 options.kept_fds_count - taken_count);
    return code;
}

static int open_sockets(const struct config *config, const struct net_options *options,
                        struct net **out)
{
    struct net_error error;
    if (open_with_kept(*options, out, &error) != 0) {
        log_error("main", "listen_failed reason=\"%s\"", error.text);
        return EX_UNAVAILABLE;
    }
    keep_sockets(*out);
    for (unsigned i = 0; i < config->dns_listen_count; i++)
        log_info("main", "answering address=%s", config->dns_listen[i]);
    for (unsigned i = 0; i < config->dns_xdp_count; i++) {
        const char *problem = net_get_xdp_problem(*out, i);
        if (problem != NULL)
            log_warn("main", "xdp_off reason=\"%s\" instead=sockets", problem);
        else
            log_info("main", "answering xdp=%s", config->dns_xdp[i]);
    }
    return EX_OK;
}

int listen_open(const struct config *config, const struct zone_publisher *publisher,
                struct latency_samples *latency, struct querylog *log, struct dnstap *tap,
                struct net **out)
{
    struct sockaddr_storage addresses[CONFIG_ADDRESSES_MAX];
    uint8_t cookie_key[DNS_COOKIE_KEY_LEN]; /* of this run: older cookies are simply replaced */
    const struct config_rrl *rrl = &config->rrl;
    struct rrl_options limits;
    struct prefix *exempt = NULL;
    int status = parse_addresses(config, addresses);
    if (status == EX_OK && !fill_limits(rrl, &limits, &exempt)) {
        log_error("main", "listen_failed reason=\"%s\"", err_text(ERR_NOMEM));
        status = EX_OSERR;
    }
    random_bytes(cookie_key, sizeof cookie_key);
    const struct net_options options = {
        .addresses = addresses,
        .address_count = config->dns_listen_count,
        .udp_threads = config->dns_threads,
        .tcp_connections_max = fit_tcp_connections(config),
        .tcp_connections_per_prefix = config->tcp_connections_per_prefix,
        .tcp_idle_ms = config->tcp_idle_ms,
        .publisher = publisher,
        .latency = latency,
        .log = log,
        .tap = tap,
        .identity = config->dns_identity,
        .version = config->dns_version,
        .cookie_key = cookie_key,
        .rrl = rrl->enabled == NULL || *rrl->enabled ? &limits : NULL,
        .is_rrl_log_only = rrl->log_only != NULL && *rrl->log_only,
        .xdp_interfaces = (const char *const *)config->dns_xdp,
        .xdp_interface_count = config->dns_xdp_count,
    };
    if (status == EX_OK)
        status = open_sockets(config, &options, out);
    free(exempt);
    return status;
}
