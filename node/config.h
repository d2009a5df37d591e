/* node/config.h: the node's own small configuration file (YAML); all else is replicated state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH_DEFAULT "/etc/quartet/quartet.yaml"
#define CONFIG_ERROR_LEN 1024
#define CONFIG_ADDRESSES_MAX 16
#define CONFIG_PUBLIC_ADDRESSES_MAX 8
#define CONFIG_UDP_THREADS_MAX 64
#define CONFIG_TCP_CONNECTIONS_MAX 1048576
#define CONFIG_TCP_IDLE_MS_MIN 100
#define CONFIG_TCP_IDLE_MS_MAX 3600000
#define CONFIG_LOG_KEEP_ENTRIES_MIN 100
#define CONFIG_DNS_TEXT_MAX 128
#define CONFIG_PATH_LEN_MAX 1000
#define CONFIG_DNS_XDP_MAX 8
#define CONFIG_RESOLVERS_MAX 8
#define CONFIG_ALIAS_TTL_FLOOR 5 /* seconds */
#define CONFIG_ALIAS_TTL_CAP 300
#define CONFIG_ALIAS_TTL_MAX 86400
#define CONFIG_LATENCY_WINDOW_MAX 86400 /* seconds */
#define CONFIG_DNS_PORT 53
#define CONFIG_HEALTH_CONNECTIONS_MAX 16384
#define CONFIG_RRL_RATE_MAX 100000
#define CONFIG_RRL_BURST_MAX_MS 60000
#define CONFIG_RRL_SLIP_MAX 10
#define CONFIG_RRL_EXEMPT_MAX 4096
#define CONFIG_QUERY_LOG_FILE_MAX 1024 /* MiB */
#define CONFIG_QUERY_LOG_FREE_MIN 512
#define CONFIG_QUERY_LOG_MIB_MAX 16777216
#define CONFIG_QUERY_LOG_PATH_MAX 900
#define CONFIG_GATEWAY_BODY_MIN 1024 /* octets; the gateway's own limits, see gateway/gateway.h */
#define CONFIG_GATEWAY_BODY_MAX (3 << 20)
#define CONFIG_GATEWAY_CONNECTIONS_MAX 65536
#define CONFIG_GATEWAY_MS_MIN 100
#define CONFIG_GATEWAY_MS_MAX 3600000
#define CONFIG_GATEWAY_MEMORY_MIN 64 /* MiB */
#define CONFIG_GATEWAY_MEMORY_MAX (1 << 20)
#define CONFIG_BACKUP_EVERY_MAX_MS (UINT64_C(366) * 86400 * 1000)
#define CONFIG_BACKUP_KEEP 28
#define CONFIG_BACKUP_KEEP_MAX 100000
#define CONFIG_PEER_PORT 5301 /* admin and snapshot listeners: the next two ports, unless named */

/* Response rate limiting (net/rrl.h): what the file says; NULL, or no exempt prefix, where it says
 * nothing, which leaves the limiter's own default. What is there is checked. */
struct config_rrl {
    bool *enabled;         /* on unless false */
    bool *log_only;        /* count, but send everything */
    uint32_t *rate;        /* equal replies a second to one network; 0: no limit */
    uint32_t *prefix_rate; /* all replies a second to one network; 0: no limit */
    uint32_t *burst_ms;
    uint32_t *slip;
    uint32_t *ipv4_prefix; /* bits that make a network: 1 to 32 */
    uint32_t *ipv6_prefix; /* 1 to 64 */
    char **exempt;         /* prefixes, in place of the loopback ones */
    unsigned exempt_count;
};

/* The log of queries (querylog/querylog.h). What the file leaves out is filled in. */
enum config_query_log_to {
    CONFIG_QUERY_LOG_TO_FILE,
    CONFIG_QUERY_LOG_TO_SYSLOG,
    CONFIG_QUERY_LOG_TO_NOTHING, /* this node writes none, whatever is logged */
};
struct config_query_log {
    enum config_query_log_to to;
    char *folder;        /* of the files; DATA_DIR/query-log */
    bool per_zone;       /* a file for each zone, not for each log group */
    uint32_t *file_max;  /* MiB; then FILE becomes FILE.1; 0: no bound */
    uint32_t *free_min;  /* MiB; nothing is written while the file system has less left; 0: off */
    char *syslog_socket; /* /dev/log */
};

/* Queries and replies by dnstap (dnstap/dnstap.h). */
enum config_dnstap_messages {
    CONFIG_DNSTAP_BOTH,
    CONFIG_DNSTAP_QUERIES,
    CONFIG_DNSTAP_RESPONSES,
};
#define CONFIG_DNSTAP_SOCKET_MAX 107 /* octets: what the address of a Unix socket holds */
#define CONFIG_DNSTAP_SAMPLE_MAX 1000000
struct config_dnstap {
    char *socket; /* whole path that the reader listens at; "": no dnstap */
    enum config_dnstap_messages messages;
    uint32_t *sample; /* one in so many; NULL: 1, all */
};

/* quartet-gateway reads these (gateway/gateway.h); the node only checks them. NULL and 0: left out,
 * and the gateway's own default is taken. Addresses are HOST:PORT with an IP address. */
struct config_gateway {
    char *listen;     /* HTTP */
    char *listen_tls; /* HTTPS, with both of the next */
    char *certificate, *key;
    char *listen_metrics; /* metrics and probes; or "none" */
    char *log_level;
    bool quiet;
    bool aws3_on_loopback;
    uint32_t body_max, connections, connections_per_address;
    uint32_t idle_ms, request_ms;
    uint32_t memory_max; /* MiB */
};

/* Backups by the clock (cluster/backup.h). */
struct config_backup {
    char *folder;      /* whole path; "" if left out: none are made */
    char *every;       /* "6h" */
    uint32_t *keep;    /* 28 */
    char *key_file;    /* whole path; "": without a key */
    uint64_t every_ms; /* what `every` says */
};

/* Strings are owned by the configuration; addresses are checked and normalised to HOST:PORT or
 * [HOST]:PORT. What the file leaves out is filled in. */
struct config {
    char *name;           /* one DNS label; required */
    char *region;         /* "" if left out */
    char *data_dir;       /* /var/lib/quartet */
    char *gateway_socket; /* DATA_DIR/gateway.sock */
    char *gateway_group;  /* whose members may use it; "" if left out: the node's user alone */
    char *log_level;
    char **dns_listen; /* 0.0.0.0:53 and [::]:53 */
    unsigned dns_listen_count;
    uint32_t dns_threads; /* UDP workers; 0: one for each processor */
    char **dns_xdp;       /* interfaces that answer UDP by AF_XDP, too; none if left out */
    unsigned dns_xdp_count;
    char *dns_identity; /* told to who asks by NSID or id.server; "" if left out: nobody */
    char *dns_version;  /* told to who asks by version.bind; likewise */
    uint32_t tcp_connections_max; /* these three: 0: the default of net */
    uint32_t tcp_connections_per_prefix;
    uint32_t tcp_idle_ms;
    uint32_t log_keep_entries; /* kept for nodes that were away; 0: the default of raft/io */
    char *geo_database;        /* path of a location database; "" if left out: none */
    char **resolvers;          /* ADDRESS:PORT; none: those of /etc/resolv.conf */
    unsigned resolvers_count;
    uint32_t alias_ttl_floor, alias_ttl_cap; /* seconds */
    uint32_t latency_window;                 /* seconds; 0: the default of cluster */
    bool latency_private;                    /* measure private clients, too */
    struct config_rrl rrl;
    struct config_query_log query_log;
    struct config_dnstap dnstap;
    struct config_gateway gateway;
    struct config_backup backup;
    bool *health_checks;         /* this node checks endpoints; NULL or true: yes */
    uint32_t health_connections; /* of checks at once; 0: the default of health/checker.h */
    char *peer_listen;           /* 0.0.0.0:5301 */
    char *admin_listen;
    char *snapshot_listen;
    char *peer_address; /* where the others reach this node; as peer_listen if that names a host */
    char *admin_address;
    char *snapshot_address;
    char **public_addresses; /* what the cluster zone serves for this nameserver; may be none */
    unsigned public_addresses_count;
};

/* Read and check @path. On 0 the caller owns *@out (config_free). Else @error says what is wrong,
 * where, and what is expected. ERR_NOT_FOUND, ERR_IO, ERR_INVALID, ERR_NOMEM. Any thread. */
int config_load(const char *path, struct config **out, char error[CONFIG_ERROR_LEN]);
void config_free(struct config *config); /* accepts NULL */
