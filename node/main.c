/* node/main.c: quartetd. Opens the parts in order, runs the loop, closes them in reverse. */
#include <argp.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <uv.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/latency.h"
#include "config.h"
#include "control/control.h"
#include "dnstap/dnstap.h"
#include "listen.h"
#include "metrics.h"
#include "net/latency_samples.h"
#include "net/net.h"
#include "querylog/querylog.h"
#include "serve/serve.h"
#include "service/service.h"

#define CONTROL_SOCKET_NAME "control.sock"
#define PATH_LEN 512

const char *argp_program_version = "quartetd " QUARTET_VERSION;

/* Exit statuses of sysexits.h, so that a service manager can tell a mistake from a fault. */
static const char doc[] =
    "quartetd, a node of a Quartet cluster: replicates zones and answers DNS."
    "\vRuns in the foreground and logs to standard error. SIGTERM and SIGINT "
    "stop it cleanly. A node without data waits for 'quartet cluster init' or 'quartet join'.\n\n"
    "exit status: 0 stopped, 64 wrong arguments, 65 a zone file has errors, 66 a list of zones "
    "cannot be read, 69 an address, socket or data folder is "
    "taken or not allowed, 70 "
    "storage failed or data cannot be trusted, 71 out of memory, 78 the configuration is wrong";

enum {
    OPTION_SERVE = 0x100,
    OPTION_ZONE,
    OPTION_ZONE_LIST,
    OPTION_THREADS,
    OPTION_XDP,
    OPTION_RRL,
    OPTION_ROUTING,
    OPTION_GEO,
    OPTION_DNSTAP
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration (" CONFIG_PATH_DEFAULT ")", 0},
    {"check", 'k', NULL, 0, "check the configuration, say so, and exit", 0},
    {"log-level", 'l', "LEVEL", 0, "error, warn, info or debug, instead of the file's", 0},
    {0, 0, NULL, 0, "Zone files alone, without cluster, data folder or configuration:", 1},
    {"serve", OPTION_SERVE, "ADDR:PORT", 0, "answer for the zones named here; may be repeated", 1},
    {"zone", OPTION_ZONE, "NAME=FILE", 0, "a zone and its file; may be repeated", 1},
    {"zone-list", OPTION_ZONE_LIST, "FILE", 0,
     "a file of zones, one a line: name, blanks, file; may be repeated", 1},
    {"routing", OPTION_ROUTING, "FILE", 0,
     "record sets with routing policies in Route 53's JSON; may be repeated", 1},
    {"geo", OPTION_GEO, "FILE", 0, "a location database (MaxMind format) for them", 1},
    {"xdp", OPTION_XDP, "IFACE", 0, "answer UDP of this interface by AF_XDP, too (as root)", 1},
    {"rrl", OPTION_RRL, NULL, 0, "limit the rate of equal replies, as a node does by default", 1},
    {"dnstap", OPTION_DNSTAP, "SOCKET", 0,
     "write queries and replies to the dnstap reader at this Unix socket", 1},
    {"threads", OPTION_THREADS, "N", 0, "UDP workers (one for each processor)", 1},
    {0},
};

struct arguments {
    const char *config_path;
    const char *log_level;
    bool is_check;
    struct serve_options serve;
};

/* Numbers from 1 to NET_UDP_THREADS_MAX. */
static unsigned parse_threads(const struct argp_state *state, const char *value)
{
    char *end;
    unsigned long count = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || count < 1 || count > NET_UDP_THREADS_MAX)
        argp_error(state, "--threads: '%s' is no number from 1 to %u", value, NET_UDP_THREADS_MAX);
    return (unsigned)count;
}

static error_t parse_serve_option(int key, char *value, struct argp_state *state)
{
    struct serve_options *serve = &((struct arguments *)state->input)->serve;
    char error[SERVE_ERROR_LEN];

    switch (key) {
    case OPTION_SERVE:
        if (serve_add_address(serve, value) != 0)
            argp_error(state, "--serve: '%s' is not ADDR:PORT, or there are over %u of them", value,
                       SERVE_ADDRESSES_MAX);
        return 0;
    case OPTION_ZONE:
        if (serve_add_zone(serve, value, error) != 0)
            argp_error(state, "--zone: %s", error);
        return 0;
    case OPTION_ZONE_LIST:
        if (serve_add_list(serve, value, error) != 0)
            argp_failure(state, EX_NOINPUT, 0, "--zone-list: %s", error);
        return 0;
    case OPTION_ROUTING:
        if (serve_add_routing(serve, value) != 0)
            argp_error(state, "--routing: there are over %u files", SERVE_ROUTING_FILES_MAX);
        return 0;
    case OPTION_GEO: serve->geo_path = value; return 0;
    case OPTION_XDP: serve->xdp_interface = value; return 0;
    case OPTION_RRL: serve->is_rate_limited = true; return 0;
    case OPTION_DNSTAP: serve->dnstap_socket = value; return 0;
    case OPTION_THREADS: serve->threads = parse_threads(state, value); return 0;
    case ARGP_KEY_END:
        if (serve_check_zones(serve, error) != 0)
            argp_failure(state, EX_USAGE, 0, "--serve: %s", error);
        if (serve->address_count > 0 && serve->zone_count == 0)
            argp_error(state, "--serve needs a zone: --zone NAME=FILE or --zone-list FILE");
        if (serve->address_count == 0 &&
            (serve->zone_count > 0 || serve->threads > 0 || serve->xdp_interface != NULL ||
             serve->is_rate_limited || serve->routing_file_count > 0 || serve->geo_path != NULL ||
             serve->dnstap_socket != NULL))
            argp_error(state, "--zone, --zone-list, --routing, --geo, --threads, --xdp, --rrl and "
                              "--dnstap go with --serve ADDR:PORT");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    enum log_level level;

    switch (key) {
    case ARGP_KEY_END:
        if (arguments->serve.address_count > 0 && (arguments->is_check || arguments->config_path))
            argp_error(state, "--serve goes without --config and --check");
        if (!arguments->config_path)
            arguments->config_path = CONFIG_PATH_DEFAULT;
        return parse_serve_option(key, value, state);
    case 'c': arguments->config_path = value; return 0;
    case 'k': arguments->is_check = true; return 0;
    case 'l':
        if (log_level_parse(value, &level) != 0)
            argp_error(state, "'%s' is none of error, warn, info, debug", value);
        arguments->log_level = value;
        return 0;
    default: return parse_serve_option(key, value, state);
    }
}

struct node {
    uv_loop_t loop;
    struct config *config;
    struct cluster *cluster;
    struct net *net;
    struct latency_samples *latency;
    struct querylog *query_log; /* NULL: this node writes none */
    struct dnstap *dnstap;      /* NULL: the file has none */
    struct node_metrics *metrics;
    struct control *control;
    struct service *service;
    uv_signal_t on_term, on_int, on_hup;
    uv_idle_t stop_later; /* stopping starts from a clean turn of the loop */
    bool is_stopping;
    int status; /* exit status */
};

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* The cluster goes when this returns: nobody may call into the control or read the image then. DNS
 * was answered until now, so that a restart takes it away for as short as can be. */
static void on_cluster_closed(void *user)
{
    struct node *node = user;

    net_close(node->net);
    node->net = NULL;
    control_close(node->control);
    node->control = NULL;
    uv_close((uv_handle_t *)&node->on_term, NULL);
    uv_close((uv_handle_t *)&node->on_int, NULL);
    uv_close((uv_handle_t *)&node->on_hup, NULL);
    uv_close((uv_handle_t *)&node->stop_later, NULL);
    service_close(node->service);
}

static void stop_now(uv_idle_t *idle)
{
    struct node *node = idle->data;

    uv_idle_stop(idle);
    log_info("main", "stopping");
    if (node->control)
        control_stop(node->control);
    cluster_close(node->cluster, on_cluster_closed, node);
}

static void stop(struct node *node, int status)
{
    if (node->is_stopping)
        return;
    node->is_stopping = true;
    node->status = status;
    service_stopping(node->service);
    uv_idle_start(&node->stop_later, stop_now);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;

    log_info("main", "signal number=%d", number);
    stop(node, EX_OK);
}

/* As after logrotate has renamed the files. */
static void on_reopen(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;

    log_info("main", "signal number=%d", number);
    service_reloading(node->service);
    if (node->query_log)
        querylog_reopen(node->query_log);
    service_ready(node->service);
}

/* The status line: what an administrator looks for first. */
static void describe(void *user, char out[SERVICE_STATUS_LEN])
{
    static const char *const phases[] = {
        [CLUSTER_UNJOINED] = "answers REFUSED; waits for 'quartet cluster init' or 'quartet join'",
        [CLUSTER_JOINING] = "answers REFUSED; is joining a cluster",
        [CLUSTER_REMOVED] = "answers DNS; was removed from its cluster",
    };
    const struct node *node = user;
    const char *name = node->config->name;
    enum cluster_phase phase = node->cluster ? cluster_phase(node->cluster) : CLUSTER_JOINING;

    if (!node->net)
        snprintf(out, SERVICE_STATUS_LEN, "%s: loading", name);
    else if (phase != CLUSTER_MEMBER)
        snprintf(out, SERVICE_STATUS_LEN, "%s: %s", name, phases[phase]);
    else if (cluster_leader(node->cluster) == 0)
        snprintf(out, SERVICE_STATUS_LEN, "%s: answers DNS; knows no leader of %s", name,
                 cluster_domain(node->cluster));
    else
        snprintf(out, SERVICE_STATUS_LEN, "%s: answers DNS; %s %s", name,
                 cluster_leader(node->cluster) == cluster_self(node->cluster) ? "leads"
                                                                              : "follows in",
                 cluster_domain(node->cluster));
}

static void on_fatal(void *user, const char *message)
{
    log_error("main", "fatal message=\"%s\"", message);
    stop(user, EX_SOFTWARE);
}

static void list_counters(void *user, control_counter_cb add, void *add_user)
{
    struct node *node = user;
    struct net_counters counters;

    if (!node->net)
        return;
    net_read_counters(node->net, &counters);
    for (unsigned i = 0; i < NET_COUNTER_COUNT; i++)
        add(add_user, net_counter_name((enum net_counter)i), counters.events[i]);
    add(add_user, "dns.answered", counters.outcomes[QUERY_ANSWERED]);
    add(add_user, "dns.referred", counters.outcomes[QUERY_REFERRED]);
    add(add_user, "dns.rejected", counters.outcomes[QUERY_REJECTED]);
    add(add_user, "dns.dropped", counters.outcomes[QUERY_DROPPED]);
    add(add_user, "dns.failed", counters.outcomes[QUERY_FAILED]);
    if (node->query_log) {
        struct querylog_counters log;
        querylog_read_counters(node->query_log, &log);
        add(add_user, "query_log.written", log.written);
        add(add_user, "query_log.dropped", log.dropped);
        add(add_user, "query_log.lost", log.lost);
    }
    if (node->dnstap) {
        struct dnstap_counters tap;
        dnstap_read_counters(node->dnstap, &tap);
        add(add_user, "dnstap.connected", tap.is_connected);
        add(add_user, "dnstap.written", tap.written);
        add(add_user, "dnstap.dropped", tap.dropped);
        add(add_user, "dnstap.lost", tap.lost);
    }
}

static void write_metrics(void *user, struct metrics *metrics)
{
    struct node *node = user;

    node_metrics_write(node->metrics, node->net, node->query_log, node->dnstap, node->cluster,
                       metrics);
}

static bool is_serving(void *user)
{
    const struct node *node = user;

    return node->net != NULL;
}

static uint64_t mib(const uint32_t *value, uint32_t standard)
{
    return (uint64_t)(value ? *value : standard) << 20;
}

static int open_query_log(struct node *node)
{
    const struct config_query_log *config = &node->config->query_log;
    const struct querylog_options log_options = {
        .sink = {.folder = config->to == CONFIG_QUERY_LOG_TO_FILE ? config->folder : NULL,
                 .file_len_max = mib(config->file_max, CONFIG_QUERY_LOG_FILE_MAX),
                 .free_len_min = mib(config->free_min, CONFIG_QUERY_LOG_FREE_MIN),
                 .syslog_socket = config->syslog_socket},
        .edge = node->config->name,
        .is_file_per_zone = config->per_zone,
    };

    if (config->to == CONFIG_QUERY_LOG_TO_NOTHING)
        return EX_OK;
    int rc = querylog_open(&log_options, &node->query_log);
    if (rc == 0)
        return EX_OK;
    log_error("main", "open_failed what=query_log reason=\"%s\"", err_text(rc));
    return rc == ERR_INVALID ? EX_CONFIG : EX_OSERR;
}

/* Frames call the node what DNS calls it, else by its name: the reader is the operator's own. */
static int open_dnstap(struct node *node)
{
    static const enum dnstap_messages messages[] = {
        [CONFIG_DNSTAP_BOTH] = DNSTAP_BOTH,
        [CONFIG_DNSTAP_QUERIES] = DNSTAP_QUERIES,
        [CONFIG_DNSTAP_RESPONSES] = DNSTAP_RESPONSES,
    };
    const struct config *config = node->config;
    const struct dnstap_options tap_options = {
        .socket_path = config->dnstap.socket,
        .messages = messages[config->dnstap.messages],
        .sample = config->dnstap.sample ? *config->dnstap.sample : 1,
        .identity = config->dns_identity[0] ? config->dns_identity : config->name,
        .version = config->dns_version[0] ? config->dns_version : argp_program_version,
    };

    if (!config->dnstap.socket[0])
        return EX_OK;
    int rc = dnstap_open(&tap_options, &node->dnstap);
    if (rc == 0)
        return EX_OK;
    log_error("main", "open_failed what=dnstap reason=\"%s\"", err_text(rc));
    return rc == ERR_INVALID ? EX_CONFIG : EX_OSERR;
}

static int open_cluster(struct node *node)
{
    const struct config *config = node->config;
    struct cluster_options cluster_options = {
        .loop = &node->loop,
        .data_dir = config->data_dir,
        .name = config->name,
        .region = config->region,
        .public_addresses = (const char *const *)config->public_addresses,
        .public_address_count = config->public_addresses_count,
        .log_keep_entries = config->log_keep_entries,
        .geo_database = config->geo_database,
        .resolvers = (const char *const *)config->resolvers,
        .resolver_count = config->resolvers_count,
        .alias_ttl_floor_s = config->alias_ttl_floor,
        .alias_ttl_cap_s = config->alias_ttl_cap,
        .latency_window_s = config->latency_window,
        .is_health_off = config->health_checks && !*config->health_checks,
        .health_connections = config->health_connections,
        .backup = {.folder = config->backup.folder,
                   .every_ms = config->backup.every_ms,
                   .keep = config->backup.keep ? *config->backup.keep : CONFIG_BACKUP_KEEP,
                   .key_file = config->backup.key_file},
        .query_log = node->query_log ? querylog_table_of(node->query_log) : NULL,
        .fatal = on_fatal,
        .user = node,
    };
    char error[CLUSTER_ERROR_MAX];
    const struct {
        char *to;
        const char *from;
    } texts[] = {
        {cluster_options.listen.peer, config->peer_listen},
        {cluster_options.listen.admin, config->admin_listen},
        {cluster_options.listen.snapshot, config->snapshot_listen},
        {cluster_options.advertised.peer, config->peer_address},
        {cluster_options.advertised.admin, config->admin_address},
        {cluster_options.advertised.snapshot, config->snapshot_address},
    };
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strlen(texts[i].from) >= CLUSTER_TEXT_MAX) {
            log_error("main", "configuration_wrong address=%s reason=\"too long\"", texts[i].from);
            return EX_CONFIG;
        }
        memcpy(texts[i].to, texts[i].from, strlen(texts[i].from) + 1);
    }
    int rc = cluster_open(&cluster_options, &node->cluster, error);
    if (rc != 0) {
        log_error("main", "open_failed reason=\"%s\"", error);
        if (rc == ERR_BUSY || rc == ERR_EXISTS)
            return EX_UNAVAILABLE;
        return rc == ERR_INVALID ? EX_CONFIG : EX_SOFTWARE;
    }
    return EX_OK;
}

/* The end of a window: what net measured, for the cluster. */
static size_t take_latency(void *user, struct cluster_latency_measure *out, size_t max)
{
    struct node *node = user;
    struct latency_sample *samples = calloc(max, sizeof(*samples));
    uint64_t left_out = 0;

    if (!samples)
        return 0;
    const size_t count = latency_samples_take(node->latency, samples, max, &left_out);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct cluster_latency_measure){
            .prefix = samples[i].prefix, .samples = samples[i].count, .ms = samples[i].ms};
    free(samples);
    if (left_out > 0)
        log_warn("main", "latency_networks_left_out handshakes=%" PRIu64 " networks_max=%u",
                 left_out, LATENCY_NETWORKS_MAX);
    return count;
}

static int open_latency(struct node *node)
{
    if (latency_samples_new(node->config->latency_private, &node->latency) != 0) {
        log_error("main", "open_failed reason=\"out of memory\"");
        return EX_OSERR;
    }
    cluster_set_latency_source(node->cluster, take_latency, node);
    return EX_OK;
}

/* A group by its name or number. */
static int find_group(const char *text, uint32_t *out)
{
    const struct group *group = getgrnam(text);
    char *end;

    if (group) {
        *out = group->gr_gid;
        return EX_OK;
    }
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number >= CONTROL_NO_GROUP) {
        log_error("main", "configuration_wrong gateway_group=%s reason=\"no such group\"", text);
        return EX_CONFIG;
    }
    *out = (uint32_t)number;
    return EX_OK;
}

static int open_control(struct node *node)
{
    char path[PATH_LEN], error[CONTROL_ERROR_LEN];
    struct control_options control_options = {
        .loop = &node->loop,
        .cluster = node->cluster,
        .counters = list_counters,
        .metrics = write_metrics,
        .is_serving = is_serving,
        .counters_user = node,
        .socket_path = path,
        .gateway_path = node->config->gateway_socket,
        .gateway_group = CONTROL_NO_GROUP,
        .name = node->config->name,
        .region = node->config->region,
    };

    if (node->config->gateway_group[0] &&
        find_group(node->config->gateway_group, &control_options.gateway_group) != EX_OK)
        return EX_CONFIG;
    node->metrics = node_metrics_new();
    if (!node->metrics) {
        log_error("main", "open_failed reason=\"out of memory\"");
        return EX_OSERR;
    }
    snprintf(path, sizeof(path), "%s/%s", node->config->data_dir, CONTROL_SOCKET_NAME);
    int rc = control_open(&control_options, &node->control, error);
    if (rc != 0) {
        log_error("main", "listen_failed reason=\"%s\"", error);
        return EX_UNAVAILABLE;
    }
    return EX_OK;
}

static void watch_signals(struct node *node)
{
    ASSERT(uv_idle_init(&node->loop, &node->stop_later) == 0);
    ASSERT(uv_signal_init(&node->loop, &node->on_term) == 0);
    ASSERT(uv_signal_init(&node->loop, &node->on_int) == 0);
    ASSERT(uv_signal_init(&node->loop, &node->on_hup) == 0);
    node->stop_later.data = node->on_term.data = node->on_int.data = node->on_hup.data = node;
    ASSERT(uv_signal_start(&node->on_term, on_signal, SIGTERM) == 0);
    ASSERT(uv_signal_start(&node->on_int, on_signal, SIGINT) == 0);
    ASSERT(uv_signal_start(&node->on_hup, on_reopen, SIGHUP) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static int run_node(struct config *config)
{
    struct node node = {.config = config};

    ASSERT(uv_loop_init(&node.loop) == 0);
    watch_signals(&node);
    int status = service_open(&node.loop, describe, &node, &node.service) == 0 ? EX_OK : EX_OSERR;
    if (status == EX_OK)
        status = open_query_log(&node);
    if (status == EX_OK)
        status = open_dnstap(&node);
    if (status == EX_OK)
        status = open_cluster(&node);
    if (status == EX_OK)
        status = open_latency(&node);
    if (status == EX_OK)
        status = listen_open(config, cluster_image(node.cluster), node.latency, node.query_log,
                             node.dnstap, &node.net);
    if (status == EX_OK)
        status = open_control(&node);
    if (status == EX_OK) {
        log_info("main", "started version=" QUARTET_VERSION " name=%s data_dir=%s", config->name,
                 config->data_dir);
        service_ready(node.service);
    } else if (node.cluster)
        stop(&node, status);
    else
        on_cluster_closed(&node);
    uv_run(&node.loop, UV_RUN_DEFAULT);
    uv_walk(&node.loop, close_handle, NULL);
    uv_run(&node.loop, UV_RUN_DEFAULT);
    uv_loop_close(&node.loop);
    latency_samples_free(node.latency);
    querylog_close(node.query_log);
    dnstap_close(node.dnstap);
    node_metrics_free(node.metrics);
    if (status == EX_OK)
        status = node.status;
    log_info("main", "stopped status=%d", status);
    return status;
}

/* The data folder is made when its parent is there; it holds keys, so nobody else may look in. */
static int prepare_data_dir(const char *path)
{
    if (mkdir(path, S_IRWXU) == 0 || errno == EEXIST)
        return EX_OK;
    log_error("main", "data_dir_failed path=%s reason=\"%s\"", path, strerror(errno));
    return EX_CONFIG;
}

/* What cmake/flags.cmake lets the compiler use. */
static bool has_needed_instructions(void)
{
#if defined(__x86_64__) && defined(__POPCNT__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse4.2");
#else
    return true;
#endif
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};
    struct arguments arguments = {0};
    struct config *config = NULL;
    enum log_level level = LOG_LEVEL_INFO;
    char error[CONFIG_ERROR_LEN];

    if (!has_needed_instructions()) {
        fputs("quartetd: this build needs a processor with x86-64-v2 (POPCNT, SSE4.2)\n", stderr);
        return EX_UNAVAILABLE;
    }
    argp_err_exit_status = EX_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (arguments.serve.address_count > 0) {
        if (arguments.log_level)
            log_level_parse(arguments.log_level, &level);
        log_set_level(level);
        arguments.serve.version = argp_program_version;
        int serve_status = serve_run(&arguments.serve);
        serve_options_fini(&arguments.serve);
        return serve_status;
    }
    if (config_load(arguments.config_path, &config, error) != 0) {
        log_error("main", "configuration_wrong file=%s reason=\"%s\"", arguments.config_path,
                  error);
        return EX_CONFIG;
    }
    log_level_parse(arguments.log_level ? arguments.log_level : config->log_level, &level);
    log_set_level(level);
    int status = EX_OK;
    if (arguments.is_check)
        printf("%s: the configuration of node %s is right\n", arguments.config_path, config->name);
    else
        status = prepare_data_dir(config->data_dir);
    if (status == EX_OK && !arguments.is_check)
        status = run_node(config);
    config_free(config);
    return status;
}
