#include "config.h"

#include <arpa/inet.h>
#include <cyaml/cyaml.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/prefix.h"
#include "config_internal.h"

#define LABEL_LEN_MAX 63
#define GATEWAY_SOCKET_NAME "/gateway.sock"

static const cyaml_schema_value_t address_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

/* CYAML_BOOL takes "off", and whatever else it does not know, for true. */
static const cyaml_strval_t switch_words[] = {
    {"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {"on", 1}, {"off", 0},
};

#define RRL_BOOL(key)                                                                              \
    CYAML_FIELD_ENUM_PTR(#key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_rrl, key,    \
                         switch_words, CYAML_ARRAY_LEN(switch_words))
#define RRL_UINT(key) CYAML_FIELD_UINT_PTR(#key, CYAML_FLAG_OPTIONAL, struct config_rrl, key)

static const cyaml_schema_field_t rrl_fields[] = {
    RRL_BOOL(enabled),
    RRL_BOOL(log_only),
    RRL_UINT(rate),
    RRL_UINT(prefix_rate),
    RRL_UINT(burst_ms),
    RRL_UINT(slip),
    RRL_UINT(ipv4_prefix),
    RRL_UINT(ipv6_prefix),
    CYAML_FIELD_SEQUENCE("exempt", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_rrl,
                         exempt, &address_schema, 1, CONFIG_RRL_EXEMPT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_strval_t query_log_to_words[] = {
    {"file", CONFIG_QUERY_LOG_TO_FILE},
    {"syslog", CONFIG_QUERY_LOG_TO_SYSLOG},
    {"off", CONFIG_QUERY_LOG_TO_NOTHING},
};
static const cyaml_strval_t query_log_per_words[] = {{"log_group", false}, {"zone", true}};

static const cyaml_schema_field_t query_log_fields[] = {
    CYAML_FIELD_ENUM("to", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_query_log, to,
                     query_log_to_words, CYAML_ARRAY_LEN(query_log_to_words)),
    CYAML_FIELD_STRING_PTR("folder", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config_query_log, folder, 1, CONFIG_QUERY_LOG_PATH_MAX),
    CYAML_FIELD_ENUM("per", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_query_log,
                     per_zone, query_log_per_words, CYAML_ARRAY_LEN(query_log_per_words)),
    CYAML_FIELD_UINT_PTR("file_max", CYAML_FLAG_OPTIONAL, struct config_query_log, file_max),
    CYAML_FIELD_UINT_PTR("free_min", CYAML_FLAG_OPTIONAL, struct config_query_log, free_min),
    CYAML_FIELD_STRING_PTR("syslog_socket", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config_query_log, syslog_socket, 1, CONFIG_QUERY_LOG_PATH_MAX),
    CYAML_FIELD_END,
};

static const cyaml_strval_t dnstap_messages_words[] = {
    {"both", CONFIG_DNSTAP_BOTH},
    {"queries", CONFIG_DNSTAP_QUERIES},
    {"responses", CONFIG_DNSTAP_RESPONSES},
};

static const cyaml_schema_field_t dnstap_fields[] = {
    CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_POINTER, struct config_dnstap, socket, 1,
                           CONFIG_DNSTAP_SOCKET_MAX),
    CYAML_FIELD_ENUM("messages", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_dnstap,
                     messages, dnstap_messages_words, CYAML_ARRAY_LEN(dnstap_messages_words)),
    CYAML_FIELD_UINT_PTR("sample", CYAML_FLAG_OPTIONAL, struct config_dnstap, sample),
    CYAML_FIELD_END,
};

#define GATEWAY_TEXT(key)                                                                          \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_gateway,  \
                           key, 1, CONFIG_PATH_LEN_MAX)
#define GATEWAY_UINT(key) CYAML_FIELD_UINT(#key, CYAML_FLAG_OPTIONAL, struct config_gateway, key)
#define GATEWAY_BOOL(key)                                                                          \
    CYAML_FIELD_ENUM(#key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_gateway, key,    \
                     switch_words, CYAML_ARRAY_LEN(switch_words))

static const cyaml_schema_field_t gateway_fields[] = {
    GATEWAY_TEXT(listen),
    GATEWAY_TEXT(listen_tls),
    GATEWAY_TEXT(listen_metrics),
    GATEWAY_TEXT(certificate),
    GATEWAY_TEXT(key),
    GATEWAY_TEXT(log_level),
    GATEWAY_BOOL(quiet),
    GATEWAY_BOOL(aws3_on_loopback),
    GATEWAY_UINT(body_max),
    GATEWAY_UINT(connections),
    GATEWAY_UINT(connections_per_address),
    GATEWAY_UINT(idle_ms),
    GATEWAY_UINT(request_ms),
    GATEWAY_UINT(memory_max),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t backup_fields[] = {
    CYAML_FIELD_STRING_PTR("folder", CYAML_FLAG_POINTER, struct config_backup, folder, 1,
                           CONFIG_PATH_LEN_MAX),
    CYAML_FIELD_STRING_PTR("every", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_backup,
                           every, 1, LABEL_LEN_MAX),
    CYAML_FIELD_UINT_PTR("keep", CYAML_FLAG_OPTIONAL, struct config_backup, keep),
    CYAML_FIELD_STRING_PTR("key_file", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config_backup, key_file, 1, CONFIG_PATH_LEN_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config, name, 1, LABEL_LEN_MAX),
    CYAML_FIELD_STRING_PTR("region", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           region, 0, LABEL_LEN_MAX),
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           data_dir, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("gateway_socket", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config, gateway_socket, 1, CONFIG_PATH_LEN_MAX),
    CYAML_FIELD_STRING_PTR("gateway_group", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           gateway_group, 1, LABEL_LEN_MAX),
    CYAML_FIELD_STRING_PTR("log_level", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           log_level, 1, LABEL_LEN_MAX),
    CYAML_FIELD_SEQUENCE("dns_listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                         dns_listen, &address_schema, 1, CONFIG_ADDRESSES_MAX),
    CYAML_FIELD_UINT("dns_threads", CYAML_FLAG_OPTIONAL, struct config, dns_threads),
    CYAML_FIELD_SEQUENCE("dns_xdp", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                         dns_xdp, &address_schema, 1, CONFIG_DNS_XDP_MAX),
    CYAML_FIELD_STRING_PTR("dns_identity", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           dns_identity, 0, CONFIG_DNS_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("dns_version", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           dns_version, 0, CONFIG_DNS_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("geo_database", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           geo_database, 1, CONFIG_PATH_LEN_MAX),
    CYAML_FIELD_SEQUENCE("resolvers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                         resolvers, &address_schema, 0, CONFIG_RESOLVERS_MAX),
    CYAML_FIELD_UINT("alias_ttl_floor", CYAML_FLAG_OPTIONAL, struct config, alias_ttl_floor),
    CYAML_FIELD_UINT("alias_ttl_cap", CYAML_FLAG_OPTIONAL, struct config, alias_ttl_cap),
    CYAML_FIELD_UINT("latency_window", CYAML_FLAG_OPTIONAL, struct config, latency_window),
    CYAML_FIELD_ENUM("latency_private", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config,
                     latency_private, switch_words, CYAML_ARRAY_LEN(switch_words)),
    CYAML_FIELD_MAPPING("rrl", CYAML_FLAG_OPTIONAL, struct config, rrl, rrl_fields),
    CYAML_FIELD_MAPPING("query_log", CYAML_FLAG_OPTIONAL, struct config, query_log,
                        query_log_fields),
    CYAML_FIELD_MAPPING("dnstap", CYAML_FLAG_OPTIONAL, struct config, dnstap, dnstap_fields),
    CYAML_FIELD_MAPPING("gateway", CYAML_FLAG_OPTIONAL, struct config, gateway, gateway_fields),
    CYAML_FIELD_MAPPING("backup", CYAML_FLAG_OPTIONAL, struct config, backup, backup_fields),
    CYAML_FIELD_UINT("tcp_connections_max", CYAML_FLAG_OPTIONAL, struct config,
                     tcp_connections_max),
    CYAML_FIELD_UINT("tcp_connections_per_prefix", CYAML_FLAG_OPTIONAL, struct config,
                     tcp_connections_per_prefix),
    CYAML_FIELD_UINT("tcp_idle_ms", CYAML_FLAG_OPTIONAL, struct config, tcp_idle_ms),
    CYAML_FIELD_UINT("log_keep_entries", CYAML_FLAG_OPTIONAL, struct config, log_keep_entries),
    CYAML_FIELD_ENUM_PTR("health_checks", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config,
                         health_checks, switch_words, CYAML_ARRAY_LEN(switch_words)),
    CYAML_FIELD_UINT("health_connections", CYAML_FLAG_OPTIONAL, struct config, health_connections),
    CYAML_FIELD_STRING_PTR("peer_listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           peer_listen, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("admin_listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           admin_listen, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("snapshot_listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config, snapshot_listen, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("peer_address", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           peer_address, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("admin_address", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                           admin_address, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("snapshot_address", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct config, snapshot_address, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("public_addresses", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct config, public_addresses, &address_schema, 0,
                         CONFIG_PUBLIC_ADDRESSES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields),
};

/* libcyaml tells what is wrong, then where, in several calls: they are joined in @user. */
static void collect_log(cyaml_log_t level, void *user, const char *format, va_list args)
{
    char *error = user;
    size_t have = strlen(error);

    (void)level;
    if (have >= CONFIG_ERROR_LEN - 1)
        return;
    vsnprintf(error + have, CONFIG_ERROR_LEN - have, format, args);
    for (char *at = error + have; *at; at++) {
        if (*at == '\n')
            *at = at[1] ? ';' : ' ';
    }
}

static void cyaml_settings(cyaml_config_t *settings, char *error)
{
    *settings = (cyaml_config_t){
        .log_fn = collect_log,
        .log_ctx = error,
        .log_level = CYAML_LOG_WARNING,
        .mem_fn = cyaml_mem,
    };
}

void config_free(struct config *config)
{
    cyaml_config_t settings;
    char error[CONFIG_ERROR_LEN] = "";

    cyaml_settings(&settings, error);
    cyaml_free(&settings, &config_schema, config, 0);
}

__attribute__((format(printf, 2, 3))) static int refuse(char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, CONFIG_ERROR_LEN, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* Strings stay malloc'd, as cyaml_free() expects. */
static int set_text(char **field, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return ERR_NOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int default_text(char **field, const char *text)
{
    return *field ? 0 : set_text(field, text);
}

int config__split_address(const char *text, char host[CONFIG_HOST_LEN_MAX + 1], unsigned *port)
{
    const char *end, *rest;

    if (*text == '[') {
        end = strchr(++text, ']');
        rest = end ? end + 1 : NULL;
    } else {
        end = strchr(text, ':');
        if (!end || strchr(end + 1, ':'))
            end = text + strlen(text);
        rest = end;
    }
    if (!end || end == text || (size_t)(end - text) > CONFIG_HOST_LEN_MAX)
        return ERR_INVALID;
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    if (*rest == '\0')
        return 0;
    size_t digits = strspn(rest + 1, "0123456789");
    if (*rest != ':' || digits == 0 || digits > CONFIG_PORT_LEN_MAX || rest[1 + digits] != '\0')
        return ERR_INVALID;
    unsigned long value = strtoul(rest + 1, NULL, 10);
    if (value == 0 || value > UINT16_MAX)
        return ERR_INVALID;
    *port = (unsigned)value;
    return 0;
}

/* Bring *@field into the form HOST:PORT; @port is taken where the text has none, and returned. */
static int normalise_address(char **field, const char *key, unsigned *port, char *error)
{
    char host[CONFIG_HOST_LEN_MAX + 1], text[CONFIG_HOST_LEN_MAX + CONFIG_PORT_LEN_MAX + 4];

    if (config__split_address(*field, host, port) != 0)
        return refuse(error, "%s: '%s' is not HOST:PORT or [IPV6]:PORT", key, *field);
    snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, *port);
    return set_text(field, text);
}

static int default_dns_listen(struct config *config)
{
    static const char *const everywhere[] = {"0.0.0.0:53", "[::]:53"};

    if (config->dns_listen)
        return 0;
    config->dns_listen = calloc(2, sizeof(char *));
    if (!config->dns_listen)
        return ERR_NOMEM;
    config->dns_listen_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        if (set_text(&config->dns_listen[i], everywhere[i]) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

static bool is_wildcard(const char *address)
{
    return strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
}

/* The admin and snapshot listeners follow the peer listener's host, on the next ports. */
static int default_beside(char **field, const char *peer, unsigned port)
{
    char host[CONFIG_HOST_LEN_MAX + 1], text[CONFIG_HOST_LEN_MAX + CONFIG_PORT_LEN_MAX + 4];
    unsigned ignored = 0;

    if (*field)
        return 0;
    if (config__split_address(peer, host, &ignored) != 0)
        return ERR_INVALID;
    snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    return set_text(field, text);
}

static int check_cluster_addresses(struct config *config, char *error)
{
    unsigned port = CONFIG_PEER_PORT;
    int rc = default_text(&config->peer_listen, "0.0.0.0");
    if (rc == 0)
        rc = normalise_address(&config->peer_listen, "peer_listen", &port, error);
    if (rc != 0)
        return rc;
    if (port > UINT16_MAX - 2u && (!config->admin_listen || !config->snapshot_listen))
        return refuse(error, "peer_listen: no room for the two ports behind %u", port);
    if (!config->peer_address && is_wildcard(config->peer_listen))
        return refuse(error, "peer_address is needed: say how the other nodes reach this one "
                             "(HOST or HOST:PORT), as peer_listen names no host");
    rc = default_text(&config->peer_address, config->peer_listen);
    if (rc == 0)
        rc = normalise_address(&config->peer_address, "peer_address", &port, error);

    char **beside[] = {&config->admin_listen, &config->snapshot_listen, &config->admin_address,
                       &config->snapshot_address};
    static const char *const keys[] = {"admin_listen", "snapshot_listen", "admin_address",
                                       "snapshot_address"};
    for (unsigned i = 0; rc == 0 && i < 4; i++) {
        unsigned next = port + 1 + i % 2;
        rc = default_beside(beside[i], i < 2 ? config->peer_listen : config->peer_address, next);
        if (rc == 0)
            rc = normalise_address(beside[i], keys[i], &next, error);
    }
    return rc;
}

static int check_name(const char *name, char *error)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        bool is_edge = i == 0 || i == len - 1;
        if (!(islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) ||
              (name[i] == '-' && !is_edge)))
            return refuse(error, "name: '%s' is not one lower-case DNS label such as ns1", name);
    }
    return 0;
}

bool config__is_ip_address(const char *text)
{
    uint8_t octets[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

static int check_public_addresses(const struct config *config, char *error)
{
    for (unsigned i = 0; i < config->public_addresses_count; i++) {
        if (!config__is_ip_address(config->public_addresses[i]))
            return refuse(error, "public_addresses: '%s' is no IPv4 or IPv6 address",
                          config->public_addresses[i]);
    }
    return 0;
}

static int check_dns_listen(struct config *config, char *error)
{
    char host[CONFIG_HOST_LEN_MAX + 1];
    unsigned first_port = 0;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < config->dns_listen_count; i++) {
        unsigned port = CONFIG_DNS_PORT;
        rc = normalise_address(&config->dns_listen[i], "dns_listen", &port, error);
        if (rc == 0 && (config__split_address(config->dns_listen[i], host, &port) != 0 ||
                        !config__is_ip_address(host)))
            rc = refuse(error, "dns_listen: '%s' is no IPv4 or IPv6 address with a port",
                        config->dns_listen[i]);
        if (i == 0)
            first_port = port;
        if (rc == 0 && config->dns_xdp_count > 0 && port != first_port)
            rc = refuse(error, "dns_xdp: all of dns_listen must have one port, not %u and %u",
                        first_port, port);
    }
    return rc;
}

static int check_rrl(const struct config_rrl *rrl, char *error)
{
    const struct {
        const char *key;
        const uint32_t *value;
        uint32_t min, max;
    } bounds[] = {
        {"rate", rrl->rate, 0, CONFIG_RRL_RATE_MAX},
        {"prefix_rate", rrl->prefix_rate, 0, CONFIG_RRL_RATE_MAX},
        {"burst_ms", rrl->burst_ms, 0, CONFIG_RRL_BURST_MAX_MS},
        {"slip", rrl->slip, 0, CONFIG_RRL_SLIP_MAX},
        {"ipv4_prefix", rrl->ipv4_prefix, 1, 32},
        {"ipv6_prefix", rrl->ipv6_prefix, 1, 64},
    };

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (bounds[i].value &&
            (*bounds[i].value < bounds[i].min || *bounds[i].value > bounds[i].max))
            return refuse(error, "rrl: %s: %u is not from %u to %u", bounds[i].key,
                          *bounds[i].value, bounds[i].min, bounds[i].max);
    }
    for (unsigned i = 0; i < rrl->exempt_count; i++) {
        struct prefix prefix;
        const char *reason;
        if (prefix_parse(rrl->exempt[i], &prefix, &reason) != 0)
            return refuse(error, "rrl: exempt: '%s' %s", rrl->exempt[i], reason);
    }
    return 0;
}

static int check_query_log(struct config *config, char *error)
{
    struct config_query_log *log = &config->query_log;
    char folder[CONFIG_QUERY_LOG_PATH_MAX + 1];
    int len = snprintf(folder, sizeof(folder), "%s/query-log", config->data_dir);

    if (!log->folder && (len < 0 || (size_t)len >= sizeof(folder)))
        return refuse(error, "query_log: folder: data_dir is too long for one in it");
    int rc = default_text(&log->folder, folder);
    if (rc == 0)
        rc = default_text(&log->syslog_socket, "/dev/log");
    if (rc == 0 && (log->folder[0] != '/' || log->syslog_socket[0] != '/'))
        return refuse(error, "query_log: '%s' is no whole path, which begins with /",
                      log->folder[0] != '/' ? log->folder : log->syslog_socket);
    if ((log->file_max && *log->file_max > CONFIG_QUERY_LOG_MIB_MAX) ||
        (log->free_min && *log->free_min > CONFIG_QUERY_LOG_MIB_MAX))
        return refuse(error, "query_log: file_max and free_min: at most %d MiB",
                      CONFIG_QUERY_LOG_MIB_MAX);
    return rc;
}

static int check_dnstap(struct config *config, char *error)
{
    struct config_dnstap *dnstap = &config->dnstap;
    int rc = default_text(&dnstap->socket, "");

    if (rc == 0 && dnstap->socket[0] && dnstap->socket[0] != '/')
        return refuse(error, "dnstap: socket: '%s' is no whole path, which begins with /",
                      dnstap->socket);
    if (dnstap->sample && (*dnstap->sample == 0 || *dnstap->sample > CONFIG_DNSTAP_SAMPLE_MAX))
        return refuse(error, "dnstap: sample: %u is not from 1 to %d", *dnstap->sample,
                      CONFIG_DNSTAP_SAMPLE_MAX);
    return rc;
}

/* "90s", "15m", "6h", "7d", in milliseconds; 0: it is none of these. */
static uint64_t parse_time(const char *text)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0')
        return 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == text[digits])
            return strtoul(text, NULL, 10) * units[i].ms;
    }
    return 0;
}

static int check_backup(struct config *config, char *error)
{
    struct config_backup *backup = &config->backup;
    int rc = default_text(&backup->folder, "");

    if (rc == 0)
        rc = default_text(&backup->every, "6h");
    if (rc == 0)
        rc = default_text(&backup->key_file, "");
    if (rc != 0)
        return rc;
    if ((backup->folder[0] && backup->folder[0] != '/') ||
        (backup->key_file[0] && backup->key_file[0] != '/'))
        return refuse(error, "backup: '%s' is no whole path, which begins with /",
                      backup->folder[0] != '/' ? backup->folder : backup->key_file);
    backup->every_ms = parse_time(backup->every);
    if (backup->every_ms == 0 || backup->every_ms > CONFIG_BACKUP_EVERY_MAX_MS)
        return refuse(error, "backup: every: '%s' is no time; write 90s, 15m, 6h or 7d",
                      backup->every);
    if (backup->keep && (*backup->keep == 0 || *backup->keep > CONFIG_BACKUP_KEEP_MAX))
        return refuse(error, "backup: keep: %u is not from 1 to %d", *backup->keep,
                      CONFIG_BACKUP_KEEP_MAX);
    return 0;
}

static int check_tcp(const struct config *config, char *error)
{
    if (config->tcp_connections_max > CONFIG_TCP_CONNECTIONS_MAX)
        return refuse(error, "tcp_connections_max: %u is over %d", config->tcp_connections_max,
                      CONFIG_TCP_CONNECTIONS_MAX);
    if (config->tcp_idle_ms != 0 && (config->tcp_idle_ms < CONFIG_TCP_IDLE_MS_MIN ||
                                     config->tcp_idle_ms > CONFIG_TCP_IDLE_MS_MAX))
        return refuse(error, "tcp_idle_ms: %u is not within %d and %d", config->tcp_idle_ms,
                      CONFIG_TCP_IDLE_MS_MIN, CONFIG_TCP_IDLE_MS_MAX);
    return 0;
}

/* A name would have to be resolved first. */
static int check_resolvers(struct config *config, char *error)
{
    char host[CONFIG_HOST_LEN_MAX + 1];
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < config->resolvers_count; i++) {
        unsigned port = CONFIG_DNS_PORT;
        if (config__split_address(config->resolvers[i], host, &port) != 0 ||
            !config__is_ip_address(host))
            return refuse(error, "resolvers: '%s' is not ADDRESS, ADDRESS:PORT or [IPV6]:PORT",
                          config->resolvers[i]);
        rc = normalise_address(&config->resolvers[i], "resolvers", &port, error);
    }
    if (config->alias_ttl_floor > CONFIG_ALIAS_TTL_MAX ||
        config->alias_ttl_cap > CONFIG_ALIAS_TTL_MAX)
        return refuse(error, "alias_ttl_floor and alias_ttl_cap: at most %d seconds",
                      CONFIG_ALIAS_TTL_MAX);
    return rc;
}

/* The defaults are filled in here, so that one that is given is compared with the other. */
static int check_alias_ttls(struct config *config, char *error)
{
    if (config->alias_ttl_floor == 0)
        config->alias_ttl_floor = CONFIG_ALIAS_TTL_FLOOR;
    if (config->alias_ttl_cap == 0)
        config->alias_ttl_cap = CONFIG_ALIAS_TTL_CAP;
    if (config->alias_ttl_floor > config->alias_ttl_cap)
        return refuse(error, "alias_ttl_floor: %u is over alias_ttl_cap, %u",
                      config->alias_ttl_floor, config->alias_ttl_cap);
    return 0;
}

/* Only the node's user may enter the data folder, so what a group shall reach stands elsewhere. */
static int check_gateway_socket(struct config *config, char *error)
{
    char path[CONFIG_PATH_LEN_MAX + sizeof(GATEWAY_SOCKET_NAME)];

    if (config->gateway_socket && config->gateway_socket[0] != '/')
        return refuse(error, "gateway_socket: '%s' is no whole path, which begins with /",
                      config->gateway_socket);
    if (config->gateway_group && !config->gateway_socket)
        return refuse(error, "gateway_group needs gateway_socket, a path outside of data_dir: "
                             "others may not enter that");
    snprintf(path, sizeof(path), "%.*s" GATEWAY_SOCKET_NAME, CONFIG_PATH_LEN_MAX, config->data_dir);
    int rc = default_text(&config->gateway_socket, path);
    return rc == 0 ? default_text(&config->gateway_group, "") : rc;
}

static int check(struct config *config, char *error)
{
    enum log_level level;
    int rc = default_text(&config->region, "");
    if (rc == 0)
        rc = default_text(&config->data_dir, "/var/lib/quartet");
    if (rc == 0)
        rc = check_gateway_socket(config, error);
    if (rc == 0)
        rc = default_text(&config->log_level, "info");
    if (rc == 0)
        rc = default_text(&config->dns_identity, "");
    if (rc == 0)
        rc = default_text(&config->dns_version, "");
    if (rc == 0)
        rc = default_text(&config->geo_database, "");
    if (rc == 0 && config->geo_database[0] && config->geo_database[0] != '/')
        rc = refuse(error, "geo_database: '%s' is no whole path, which begins with /",
                    config->geo_database);
    if (rc == 0)
        rc = default_dns_listen(config);
    if (rc == 0)
        rc = check_name(config->name, error);
    if (rc == 0 && log_level_parse(config->log_level, &level) != 0)
        rc =
            refuse(error, "log_level: '%s' is none of error, warn, info, debug", config->log_level);
    if (rc == 0 && config->dns_threads > CONFIG_UDP_THREADS_MAX)
        rc = refuse(error, "dns_threads: %u is over %d", config->dns_threads,
                    CONFIG_UDP_THREADS_MAX);
    if (rc == 0 && config->log_keep_entries != 0 &&
        config->log_keep_entries < CONFIG_LOG_KEEP_ENTRIES_MIN)
        rc = refuse(error, "log_keep_entries: %u is below %d", config->log_keep_entries,
                    CONFIG_LOG_KEEP_ENTRIES_MIN);
    if (rc == 0 && config->health_connections > CONFIG_HEALTH_CONNECTIONS_MAX)
        rc = refuse(error, "health_connections: %u is over %d", config->health_connections,
                    CONFIG_HEALTH_CONNECTIONS_MAX);
    if (rc == 0)
        rc = check_rrl(&config->rrl, error);
    if (rc == 0)
        rc = check_query_log(config, error);
    if (rc == 0)
        rc = check_dnstap(config, error);
    if (rc == 0)
        rc = check_backup(config, error);
    if (rc == 0)
        rc = check_tcp(config, error);
    if (rc == 0)
        rc = config__check_gateway(&config->gateway, error);
    if (rc == 0)
        rc = check_dns_listen(config, error);
    if (rc == 0)
        rc = check_resolvers(config, error);
    if (rc == 0)
        rc = check_alias_ttls(config, error);
    if (rc == 0 && config->latency_window > CONFIG_LATENCY_WINDOW_MAX)
        rc = refuse(error, "latency_window: %u is over %d seconds", config->latency_window,
                    CONFIG_LATENCY_WINDOW_MAX);
    if (rc == 0)
        rc = check_cluster_addresses(config, error);
    return rc == 0 ? check_public_addresses(config, error) : rc;
}

int config_load(const char *path, struct config **out, char error[CONFIG_ERROR_LEN])
{
    cyaml_config_t settings;
    struct config *config = NULL;

    error[0] = '\0';
    if (access(path, R_OK) != 0) {
        int rc = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        snprintf(error, CONFIG_ERROR_LEN, "%s: %s", path, strerror(errno));
        return rc;
    }
    cyaml_settings(&settings, error);
    if (cyaml_load_file(path, &settings, &config_schema, (cyaml_data_t **)&config, NULL) !=
        CYAML_OK) {
        if (error[0] == '\0')
            snprintf(error, CONFIG_ERROR_LEN, "not valid YAML");
        return ERR_INVALID;
    }
    if (!config)
        return refuse(error, "the file is empty; it needs at least 'name:'");
    int rc = check(config, error);
    if (rc != 0) {
        if (rc == ERR_NOMEM)
            snprintf(error, CONFIG_ERROR_LEN, "%s", err_text(rc));
        config_free(config);
        return rc;
    }
    *out = config;
    return 0;
}
