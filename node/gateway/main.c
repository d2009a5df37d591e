/* node/gateway/main.c: quartet-gateway. Reads its options, runs the loop, stops cleanly. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"
#include "config.h"
#include "gateway/gateway.h"
#include "service/service.h"

#define NODE_PATH_STANDARD "/var/lib/quartet/gateway.sock"
#define LISTEN_STANDARD "127.0.0.1:5380"
#define LISTEN_METRICS_STANDARD "127.0.0.1:5381"
#define PEM_LEN_MAX (1u << 20)
#define STOP_GRACE_MS 15000u
#define FILES_SPARE 64u /* descriptors beside those of connections */

const char *argp_program_version = "quartet-gateway " QUARTET_VERSION;

static const char doc[] =
    "quartet-gateway, the Route 53 API of a Quartet cluster: any Route 53 client works against it. "
    "It keeps nothing itself: its node does, and if the gateway dies DNS does not notice."
    "\vRuns in the foreground and logs to standard error. SIGTERM and SIGINT stop it once the "
    "requests under way are answered. Access keys are made by 'quartet credential create'.\n\n"
    "exit status: 0 stopped, 64 wrong arguments, 66 a certificate or key cannot be read, 69 an "
    "address is taken or not allowed, 71 out of memory, 78 the configuration is wrong";

enum {
    OPTION_TLS = 0x100,
    OPTION_CERTIFICATE,
    OPTION_KEY,
    OPTION_BODY,
    OPTION_CONNECTIONS,
    OPTION_PER_ADDRESS,
    OPTION_IDLE,
    OPTION_REQUEST,
    OPTION_MEMORY,
    OPTION_V3,
    OPTION_METRICS,
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0,
     "quartet.yaml of the node beside it: its section 'gateway' and where the node's socket is; "
     "options come before it",
     0},
    {"node", 'n', "SOCKET", 0, "the node's gateway socket (" NODE_PATH_STANDARD ")", 0},
    {"listen", 'L', "ADDR:PORT", 0, "HTTP (" LISTEN_STANDARD ", unless HTTPS is asked for)", 0},
    {"listen-tls", OPTION_TLS, "ADDR:PORT", 0, "HTTPS; needs --certificate and --key", 0},
    {"listen-metrics", OPTION_METRICS, "ADDR:PORT", 0,
     "/metrics, /livez and /readyz, for whoever reaches it (" LISTEN_METRICS_STANDARD
     " if that is free; 'none')",
     0},
    {"certificate", OPTION_CERTIFICATE, "FILE", 0, "PEM, its chain behind it", 0},
    {"key", OPTION_KEY, "FILE", 0, "PEM", 0},
    {"log-level", 'l', "LEVEL", 0, "error, warn, info (a line for each request) or debug", 0},
    {"quiet", 'q', NULL, 0, "no line for each request", 0},
    {0, 0, NULL, 0, "Limits:", 1},
    {"body-max", OPTION_BODY, "OCTETS", 0, "of one request (1048576)", 1},
    {"connections", OPTION_CONNECTIONS, "N", 0, "at once, for each listener (4096)", 1},
    {"connections-per-address", OPTION_PER_ADDRESS, "N", 0, "(a quarter of --connections)", 1},
    {"idle-ms", OPTION_IDLE, "MS", 0, "a connection without a request (60000)", 1},
    {"request-ms", OPTION_REQUEST, "MS", 0,
     "for a request to come in, and for its answer to be taken (30000)", 1},
    {"memory-max", OPTION_MEMORY, "MIB", 0, "address space of this process (no limit)", 1},
    {0, 0, NULL, 0, "Old clients:", 2},
    {"aws3-on-loopback", OPTION_V3, NULL, 0,
     "accept the scheme AWS3-HTTPS from this machine without TLS", 2},
    {0},
};

/* What the command line leaves out is NULL and 0, until the file and then the defaults fill it. */
struct arguments {
    struct gateway_options gateway;
    const char *config_path, *certificate_path, *key_path, *level;
    unsigned memory_mib;
};

static unsigned parse_number(struct argp_state *state, const char *name, const char *text,
                             unsigned long least, unsigned long most)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most)
        argp_error(state, "%s: '%s' is no number from %lu to %lu", name, text, least, most);
    return (unsigned)number;
}

static error_t parse_limit(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct gateway_options *gateway = &arguments->gateway;

    switch (key) {
    case OPTION_BODY:
        gateway->body_len_max =
            parse_number(state, "--body-max", value, 1024, GATEWAY_BODY_LEN_MAX);
        return 0;
    case OPTION_CONNECTIONS:
        gateway->connections_max =
            parse_number(state, "--connections", value, 1, GATEWAY_CONNECTIONS_MAX);
        return 0;
    case OPTION_PER_ADDRESS:
        gateway->connections_per_address_max =
            parse_number(state, "--connections-per-address", value, 1, GATEWAY_CONNECTIONS_MAX);
        return 0;
    case OPTION_IDLE:
        gateway->idle_ms = parse_number(state, "--idle-ms", value, 100, 3600000);
        return 0;
    case OPTION_REQUEST:
        gateway->request_ms = parse_number(state, "--request-ms", value, 100, 3600000);
        return 0;
    case OPTION_MEMORY:
        arguments->memory_mib = parse_number(state, "--memory-max", value, 64, 1u << 20);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void check_arguments(const struct arguments *arguments, struct argp_state *state)
{
    const struct gateway_options *gateway = &arguments->gateway;

    if (arguments->config_path)
        return; /* what is missing may be in the file */
    if (gateway->listen_tls && (!arguments->certificate_path || !arguments->key_path))
        argp_error(state, "--listen-tls needs --certificate FILE and --key FILE");
    if (!gateway->listen_tls && (arguments->certificate_path || arguments->key_path))
        argp_error(state, "--certificate and --key go with --listen-tls ADDR:PORT");
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct gateway_options *gateway = &arguments->gateway;
    enum log_level level;

    switch (key) {
    case 'c': arguments->config_path = value; return 0;
    case 'n': gateway->node_path = value; return 0;
    case 'L': gateway->listen = value; return 0;
    case OPTION_TLS: gateway->listen_tls = value; return 0;
    case OPTION_METRICS: gateway->listen_metrics = value; return 0;
    case OPTION_CERTIFICATE: arguments->certificate_path = value; return 0;
    case OPTION_KEY: arguments->key_path = value; return 0;
    case OPTION_V3: gateway->may_v3_on_loopback = true; return 0;
    case 'q': gateway->is_quiet = true; return 0;
    case 'l':
        if (log_level_parse(value, &level) != 0)
            argp_error(state, "'%s' is none of error, warn, info, debug", value);
        arguments->level = value;
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' is no option", value); return 0;
    case ARGP_KEY_END: check_arguments(arguments, state); return 0;
    default: return parse_limit(key, value, state);
    }
}

static void fill_text(const char **option, const char *text)
{
    if (!*option)
        *option = text;
}

static void fill_number(unsigned *option, uint32_t number)
{
    if (*option == 0)
        *option = number;
}

/* What the command line has not said, as the file says. */
static void fill_from(struct arguments *arguments, const struct config *config)
{
    const struct config_gateway *file = &config->gateway;
    struct gateway_options *gateway = &arguments->gateway;

    fill_text(&gateway->node_path, config->gateway_socket);
    fill_text(&gateway->listen, file->listen);
    fill_text(&gateway->listen_tls, file->listen_tls);
    fill_text(&gateway->listen_metrics, file->listen_metrics);
    if (gateway->listen_tls) {
        fill_text(&arguments->certificate_path, file->certificate);
        fill_text(&arguments->key_path, file->key);
    }
    fill_text(&arguments->level, file->log_level);
    fill_number(&gateway->connections_max, file->connections);
    fill_number(&gateway->connections_per_address_max, file->connections_per_address);
    fill_number(&gateway->idle_ms, file->idle_ms);
    fill_number(&gateway->request_ms, file->request_ms);
    fill_number(&arguments->memory_mib, file->memory_max);
    if (gateway->body_len_max == 0)
        gateway->body_len_max = file->body_max;
    gateway->is_quiet |= file->quiet;
    gateway->may_v3_on_loopback |= file->aws3_on_loopback;
}

/* The file, whose texts the options then point into, and the defaults. EX_OK, or it was logged. */
static int complete_arguments(struct arguments *arguments, struct config **config)
{
    struct gateway_options *gateway = &arguments->gateway;
    char error[CONFIG_ERROR_LEN];

    if (arguments->config_path) {
        if (config_load(arguments->config_path, config, error) != 0) {
            log_error("main", "configuration_wrong file=%s reason=\"%s\"", arguments->config_path,
                      error);
            return EX_CONFIG;
        }
        fill_from(arguments, *config);
    }
    if (gateway->listen_tls && (!arguments->certificate_path || !arguments->key_path)) {
        log_error("main", "options_wrong reason=\"HTTPS needs a certificate and a key\"");
        return EX_USAGE;
    }
    fill_text(&gateway->node_path, NODE_PATH_STANDARD);
    if (!gateway->listen_tls)
        fill_text(&gateway->listen, LISTEN_STANDARD);
    gateway->may_miss_metrics = !gateway->listen_metrics;
    fill_text(&gateway->listen_metrics, LISTEN_METRICS_STANDARD);
    if (strcmp(gateway->listen_metrics, "none") == 0)
        gateway->listen_metrics = NULL;
    return EX_OK;
}

/* A whole file as text, for the caller to free(); NULL: it has been logged why not. */
static char *read_pem(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(PEM_LEN_MAX + 1) : NULL;
    size_t len = text ? fread(text, 1, PEM_LEN_MAX + 1, file) : 0;
    bool is_whole = text && !ferror(file) && len > 0 && len <= PEM_LEN_MAX;

    if (!is_whole)
        log_error("main", "read_failed file=%s reason=\"%s\"", path,
                  file && text ? "empty, too long or unreadable" : strerror(errno));
    else
        text[len] = '\0';
    if (file)
        fclose(file);
    if (is_whole)
        return text;
    free(text);
    return NULL;
}

/* As many descriptors as the connections need, if the system lets us. */
static void raise_file_limit(const struct gateway_options *gateway)
{
    struct rlimit limit;
    unsigned connections =
        gateway->connections_max ? gateway->connections_max : GATEWAY_CONNECTIONS_STANDARD;
    rlim_t wanted = (gateway->listen && gateway->listen_tls ? 2u : 1u) * connections + FILES_SPARE;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        log_warn("main", "descriptors_few have=%lu wanted=%lu", (unsigned long)limit.rlim_cur,
                 (unsigned long)wanted);
}

static void limit_memory(unsigned mib)
{
    const struct rlimit limit = {(rlim_t)mib << 20, (rlim_t)mib << 20};

    if (mib > 0 && setrlimit(RLIMIT_AS, &limit) != 0)
        log_warn("main", "memory_limit_failed reason=\"%s\"", strerror(errno));
}

/* ---- the process ---- */

struct process {
    uv_loop_t loop;
    uv_signal_t on_term, on_int;
    struct gateway *gateway;
    struct service *service;
    const char *listen; /* for the status line */
};

static void describe(void *user, char out[SERVICE_STATUS_LEN])
{
    const struct process *process = user;

    snprintf(out, SERVICE_STATUS_LEN, "serves the Route 53 API at %s", process->listen);
}

static void on_closed(void *user)
{
    struct process *process = user;

    uv_close((uv_handle_t *)&process->on_term, NULL);
    uv_close((uv_handle_t *)&process->on_int, NULL);
    service_close(process->service);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct process *process = handle->data;
    struct gateway *gateway = process->gateway;

    log_info("main", "signal number=%d", number);
    service_stopping(process->service);
    process->gateway = NULL;
    if (gateway)
        gateway_close(gateway, STOP_GRACE_MS, on_closed, process);
}

static int run(struct arguments *arguments)
{
    const struct gateway_options *gateway = &arguments->gateway;
    struct process process = {.listen =
                                  gateway->listen_tls ? gateway->listen_tls : gateway->listen};
    char error[GATEWAY_ERROR_LEN];
    int status = EX_OK;

    ASSERT(uv_loop_init(&process.loop) == 0);
    ASSERT(uv_signal_init(&process.loop, &process.on_term) == 0);
    ASSERT(uv_signal_init(&process.loop, &process.on_int) == 0);
    process.on_term.data = process.on_int.data = &process;
    ASSERT(uv_signal_start(&process.on_term, on_signal, SIGTERM) == 0);
    ASSERT(uv_signal_start(&process.on_int, on_signal, SIGINT) == 0);
    signal(SIGPIPE, SIG_IGN);
    arguments->gateway.loop = &process.loop;
    snprintf(error, sizeof(error), "%s", err_text(ERR_NOMEM));
    int rc = service_open(&process.loop, describe, &process, &process.service);
    if (rc == 0)
        rc = gateway_open(gateway, &process.gateway, error);
    if (rc != 0) {
        log_error("main", "open_failed reason=\"%s\"", error);
        status = rc == ERR_NOMEM ? EX_OSERR : rc == ERR_IO ? EX_UNAVAILABLE : EX_USAGE;
        on_closed(&process);
    } else {
        log_info("main", "started version=" QUARTET_VERSION " node=%s", gateway->node_path);
        service_ready(process.service);
    }
    uv_run(&process.loop, UV_RUN_DEFAULT);
    uv_loop_close(&process.loop);
    log_info("main", "stopped status=%d", status);
    return status;
}

/* With the certificate and key that the options name. */
static int run_with_certificate(struct arguments *arguments)
{
    char *certificate = NULL, *key = NULL;
    int status = EX_NOINPUT;

    if (arguments->certificate_path) {
        arguments->gateway.certificate = certificate = read_pem(arguments->certificate_path);
        arguments->gateway.key = key = read_pem(arguments->key_path);
    }
    if (!arguments->certificate_path || (certificate && key))
        status = run(arguments);
    free(certificate);
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
    return status;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};
    struct arguments arguments = {0};
    struct config *config = NULL;
    enum log_level level = LOG_LEVEL_INFO;

    argp_err_exit_status = EX_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int status = complete_arguments(&arguments, &config);
    if (status == EX_OK) {
        if (arguments.level)
            log_level_parse(arguments.level, &level);
        log_set_level(level);
        raise_file_limit(&arguments.gateway);
        limit_memory(arguments.memory_mib);
        status = run_with_certificate(&arguments);
    }
    config_free(config);
    return status;
}
