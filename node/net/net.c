/* node/net/net.c: open all sockets first, then start the threads, so that a failure leaves nothing
 * half running. */
#include "net/net.h"

#include "base/assert.h"
#include "base/err.h"
#include "net/env.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "net/thread.h"
#include "net/udp.h"
#include "net/xdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FREE_PORT_TRIES = 16,
    XDP_WORKERS_MAX = 128,
    FILES_KEPT = 1024, /* for storage, peers and what else a node opens; or half of all files */
};

struct net {
    unsigned address_count;
    struct sockaddr_storage addresses[NET_ADDRESSES_MAX]; /* with their true ports */
    unsigned worker_count;                                /* started */
    struct udp_worker *workers[NET_UDP_THREADS_MAX];
    struct tcp_server *tcp;
    struct net_env env;
    unsigned xdp_worker_count; /* started */
    struct xdp_worker *xdp_workers[XDP_WORKERS_MAX];
    struct net_error xdp_problems[NET_XDP_INTERFACES_MAX]; /* "": none */
    unsigned socket_count;
    int sockets[NET_SOCKETS_MAX]; /* the threads' own, listed for an heir */
};

/* Sockets on their way to the threads; -1 where there is none (any more). */
struct socket_table {
    int tcp[NET_ADDRESSES_MAX];
    int udp[NET_UDP_THREADS_MAX][NET_ADDRESSES_MAX]; /* one row for each worker */
};

static void close_row(int row[NET_ADDRESSES_MAX])
{
    for (unsigned i = 0; i < NET_ADDRESSES_MAX; i++) {
        if (row[i] >= 0)
            close(row[i]);
        row[i] = -1;
    }
}

static void close_table(struct socket_table *table)
{
    close_row(table->tcp);
    for (unsigned i = 0; i < NET_UDP_THREADS_MAX; i++)
        close_row(table->udp[i]);
}

/* One of the kept sockets that is as wanted, or -1. */
static int take_kept(const struct net_options *options, const struct sockaddr_storage *address,
                     int type)
{
    for (unsigned i = 0; i < options->kept_fds_count; i++) {
        int fd = options->kept_fds[i];
        if (fd >= 0 && socket_fits(fd, address, type)) {
            options->kept_fds[i] = -1;
            return fd;
        }
    }
    return -1;
}

static int open_udp(const struct net_options *options, const struct sockaddr_storage *address,
                    struct net_error *error)
{
    int fd = take_kept(options, address, SOCK_DGRAM);
    return fd >= 0 ? fd : socket_open_udp(address, error);
}

/* The TCP socket of an address, which nobody shares, so that a second server is noticed; then the
 * first worker's UDP socket on the same port. */
static int open_pair(const struct net_options *options, struct sockaddr_storage *address, int *tcp,
                     int *udp, struct net_error *error)
{
    socklen_t len = sizeof *address;
    int tcp_fd = take_kept(options, address, SOCK_STREAM);
    if (tcp_fd < 0)
        tcp_fd = socket_open_tcp(address, TCP_BACKLOG, error);
    if (tcp_fd < 0)
        return tcp_fd;
    struct sockaddr_storage bound = {0};
    ASSERT(getsockname(tcp_fd, (struct sockaddr *)&bound, &len) == 0);
    int udp_fd = open_udp(options, &bound, error);
    if (udp_fd < 0) {
        close(tcp_fd);
        return udp_fd;
    }
    *address = bound;
    *tcp = tcp_fd;
    *udp = udp_fd;
    return 0;
}

static unsigned choose_thread_count(const struct net_options *options)
{
    if (options->udp_threads != 0)
        return options->udp_threads;
    unsigned cpus = thread_count_cpus();
    return cpus < NET_UDP_THREADS_MAX ? cpus : NET_UDP_THREADS_MAX;
}

static void list_row(struct net *net, const int row[NET_ADDRESSES_MAX])
{
    for (unsigned i = 0; i < NET_ADDRESSES_MAX; i++)
        if (row[i] >= 0)
            net->sockets[net->socket_count++] = row[i];
}

static void list_sockets(struct net *net, const struct socket_table *table)
{
    list_row(net, table->tcp);
    for (unsigned i = 0; i < NET_UDP_THREADS_MAX; i++)
        list_row(net, table->udp[i]);
}

/* All sockets of one address. A free port of TCP may be taken for UDP: then another is tried. */
static int open_address(struct net *net, const struct net_options *options, unsigned index,
                        struct socket_table *table, struct net_error *error)
{
    const unsigned thread_count = choose_thread_count(options);
    struct sockaddr_storage *address = &net->addresses[index];
    unsigned tries = socket_get_port(address) == 0 ? FREE_PORT_TRIES : 1;
    int code;
    do
        code = open_pair(options, address, &table->tcp[index], &table->udp[0][index], error);
    while (code == ERR_EXISTS && --tries > 0);
    for (unsigned i = 1; code == 0 && i < thread_count; i++) {
        int fd = open_udp(options, address, error);
        if (fd < 0)
            code = fd;
        else
            table->udp[i][index] = fd;
    }
    return code;
}

static struct tcp_limits choose_tcp_limits(const struct net_options *options)
{
    struct tcp_limits limits = {
        .connections_max = options->tcp_connections_max,
        .per_prefix = options->tcp_connections_per_prefix,
        .idle_ms = options->tcp_idle_ms != 0 ? options->tcp_idle_ms : NET_TCP_IDLE_DEFAULT_MS,
        .memory_max =
            options->tcp_memory_max != 0 ? options->tcp_memory_max : NET_TCP_MEMORY_DEFAULT,
    };
    if (limits.connections_max == 0)
        limits.connections_max = NET_TCP_CONNECTIONS_DEFAULT;
    if (limits.per_prefix == 0)
        limits.per_prefix = limits.connections_max / NET_TCP_PER_PREFIX_SHARE;
    if (options->tcp_connections_per_prefix == 0 && limits.per_prefix < NET_TCP_PER_PREFIX_MIN)
        limits.per_prefix = NET_TCP_PER_PREFIX_MIN;
    return limits;
}

/* Start the threads; each takes its row of sockets whatever the outcome. Where there is one worker
 * for each processor, each stays on its own; fewer go where there is room. */
static int start_threads(struct net *net, const struct net_options *options, unsigned thread_count,
                         struct socket_table *table, struct net_error *error)
{
    const bool is_pinned = thread_count == thread_count_cpus();
    int code = 0;
    for (unsigned i = 0; code == 0 && i < thread_count; i++) {
        code =
            udp_worker_start(table->udp[i], net->address_count, &net->env, &net->workers[i], error);
        memset(table->udp[i], -1, sizeof table->udp[i]);
        net->worker_count += code == 0;
        if (code == 0 && is_pinned)
            udp_worker_pin(net->workers[i], i);
    }
    if (code != 0)
        return code;
    struct tcp_options tcp = {
        .fds_take = table->tcp,
        .fd_count = net->address_count,
        .limits = choose_tcp_limits(options),
        .env = &net->env,
        .latency = options->latency,
    };
    code = tcp_server_start(&tcp, &net->tcp, error);
    memset(table->tcp, -1, sizeof table->tcp);
    return code;
}

static void stop_xdp_workers(struct net *net, unsigned down_to)
{
    while (net->xdp_worker_count > down_to)
        xdp_worker_stop(net->xdp_workers[--net->xdp_worker_count]);
}

/* All queues of one interface, or none of them with the reason noted: sockets then do all. */
static void start_xdp(struct net *net, const char *interface, struct net_error *problem)
{
    const struct xdp_options options = {.interface = interface,
                                        .addresses = net->addresses,
                                        .address_count = net->address_count,
                                        .env = &net->env};
    const unsigned before = net->xdp_worker_count;
    int code = 0;
    if (before == XDP_WORKERS_MAX) {
        snprintf(problem->text, sizeof problem->text,
                 "cannot use AF_XDP on %s: the interfaces before it have %u queues", interface,
                 before);
        return;
    }
    int queue_count = xdp_count_queues(interface, problem);
    for (int queue = 0; code == 0 && queue < queue_count; queue++) {
        if (net->xdp_worker_count == XDP_WORKERS_MAX)
            break; /* further queues go to the sockets */
        code = xdp_worker_start(&options, (unsigned)queue, &net->xdp_workers[net->xdp_worker_count],
                                problem);
        net->xdp_worker_count += code == 0;
    }
    if (code != 0)
        stop_xdp_workers(net, before);
}

static int check_options(const struct net_options *options, struct net_error *error)
{
    const char *problem = NULL;
    if (options->address_count == 0 || options->address_count > NET_ADDRESSES_MAX)
        problem = "DNS needs 1 to 64 addresses to listen on";
    else if (options->udp_threads > NET_UDP_THREADS_MAX)
        problem = "DNS can have at most 64 UDP threads";
    else if (options->xdp_interface_count > NET_XDP_INTERFACES_MAX)
        problem = "DNS can use AF_XDP on at most 8 interfaces";
    else if (options->tcp_connections_max > NET_TCP_CONNECTIONS_MAX)
        problem = "DNS can have at most 1,048,576 TCP connections";
    for (unsigned i = 0; problem == NULL && i < options->address_count; i++)
        if (options->addresses[i].ss_family != AF_INET &&
            options->addresses[i].ss_family != AF_INET6)
            problem = "DNS listens on IPv4 and IPv6 addresses only";
        else if (options->xdp_interface_count > 0 && i > 0 &&
                 (socket_get_port(&options->addresses[i]) == 0 ||
                  socket_get_port(&options->addresses[i]) !=
                      socket_get_port(&options->addresses[0])))
            problem = "with AF_XDP all addresses must have one port";
    if (problem == NULL)
        return 0;
    snprintf(error->text, sizeof error->text, "%s", problem);
    return ERR_INVALID;
}

int net_open(const struct net_options *options, struct net **out, struct net_error *error)
{
    struct socket_table table;
    unsigned thread_count = choose_thread_count(options);
    int code = check_options(options, error);
    if (code != 0)
        return code;
    struct net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        snprintf(error->text, sizeof error->text, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    memset(&table, -1, sizeof table);
    code = net_env_init(&net->env, options);
    if (code != 0)
        snprintf(error->text, sizeof error->text, "%s",
                 code == ERR_INVALID
                     ? "a text that DNS tells has over 128 octets, or a rate limit is out of bounds"
                     : err_text(code));
    net->address_count = options->address_count;
    memcpy(net->addresses, options->addresses, options->address_count * sizeof *options->addresses);
    for (unsigned i = 0; code == 0 && i < net->address_count; i++)
        code = open_address(net, options, i, &table, error);
    list_sockets(net, &table);
    if (code == 0)
        code = start_threads(net, options, thread_count, &table, error);
    close_table(&table);
    for (unsigned i = 0; code == 0 && i < options->xdp_interface_count; i++)
        start_xdp(net, options->xdp_interfaces[i], &net->xdp_problems[i]);
    if (code != 0) {
        net_close(net);
        return code;
    }
    *out = net;
    return 0;
}

void net_close(struct net *net)
{
    if (net == NULL)
        return;
    stop_xdp_workers(net, 0);
    tcp_server_stop(net->tcp);
    for (unsigned i = 0; i < net->worker_count; i++)
        udp_worker_stop(net->workers[i]);
    net_env_fini(&net->env);
    free(net);
}

unsigned net_list_sockets(const struct net *net, int *out)
{
    memcpy(out, net->sockets, net->socket_count * sizeof *out);
    return net->socket_count;
}

const char *net_get_xdp_problem(const struct net *net, unsigned index)
{
    ASSERT(index < NET_XDP_INTERFACES_MAX);
    const char *text = net->xdp_problems[index].text;
    return text[0] != '\0' ? text : NULL;
}

void net_get_address(const struct net *net, unsigned index, struct sockaddr_storage *out)
{
    ASSERT(index < net->address_count);
    *out = net->addresses[index];
}

unsigned net_fit_tcp_connections(unsigned wanted)
{
    struct rlimit limit;
    if (wanted == 0)
        wanted = NET_TCP_CONNECTIONS_DEFAULT;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t kept = FILES_KEPT + TCP_SPARE_SLOTS;
    if (kept > limit.rlim_cur / 2)
        kept = limit.rlim_cur / 2;
    rlim_t fitting = limit.rlim_cur - kept;
    return fitting < wanted ? (unsigned)fitting : wanted;
}

static void add_transport(const struct net *net, enum net_transport transport,
                          struct net_counters *out)
{
    if (transport == NET_TRANSPORT_TCP)
        net_cells_sum(tcp_server_cells(net->tcp), out);
    for (unsigned i = 0; transport == NET_TRANSPORT_UDP && i < net->worker_count; i++)
        net_cells_sum(udp_worker_cells(net->workers[i]), out);
    for (unsigned i = 0; transport == NET_TRANSPORT_XDP && i < net->xdp_worker_count; i++)
        net_cells_sum(xdp_worker_cells(net->xdp_workers[i]), out);
}

void net_read_transport(const struct net *net, enum net_transport transport,
                        struct net_counters *out)
{
    memset(out, 0, sizeof *out);
    add_transport(net, transport, out);
}

void net_read_counters(const struct net *net, struct net_counters *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < NET_TRANSPORT_COUNT; i++)
        add_transport(net, (enum net_transport)i, out);
}

void net_read_zones(const struct net *net, struct net_zone_counters *out)
{
    memset(out, 0, sizeof *out);
    net_cells_sum_zones(tcp_server_cells(net->tcp), out);
    for (unsigned i = 0; i < net->worker_count; i++)
        net_cells_sum_zones(udp_worker_cells(net->workers[i]), out);
    for (unsigned i = 0; i < net->xdp_worker_count; i++)
        net_cells_sum_zones(xdp_worker_cells(net->xdp_workers[i]), out);
}
