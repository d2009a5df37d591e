/* node/net/net.h: DNS sockets and their limits: UDP workers and one TCP thread, from open to close.
 * Sockets only: what a reply says is decided by query_answer().
 *
 * Threads: net_open() and net_close() on the caller's (main) thread; workers live in between and
 * touch nothing of the caller's but the image publisher. net_read_counters() on any thread. */
#pragma once

#include "net/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct dnstap;          /* dnstap/dnstap.h */
struct latency_samples; /* net/latency_samples.h */
struct querylog;        /* querylog/querylog.h */
struct rrl_options;
struct zone_publisher;

#define NET_ADDRESSES_MAX 64u
#define NET_UDP_THREADS_MAX 64u
#define NET_XDP_INTERFACES_MAX 8u
#define NET_SOCKETS_MAX (NET_ADDRESSES_MAX * (NET_UDP_THREADS_MAX + 1u))
#define NET_TCP_CONNECTIONS_MAX 1048576u
#define NET_TCP_CONNECTIONS_DEFAULT 4096u
#define NET_TCP_PER_PREFIX_SHARE 16u   /* by default a network may have 1/16 of all connections */
#define NET_TCP_PER_PREFIX_MIN 64u     /* or this many, whichever is more */
#define NET_TCP_IDLE_DEFAULT_MS 10000u /* RFC 7766 6.2.3: "of the order of a few seconds" */
#define NET_TCP_MEMORY_DEFAULT (32u * 1024u * 1024u)

struct net_options {
    const struct sockaddr_storage *addresses; /* borrowed for the call; each gets UDP and TCP */
    unsigned address_count;                   /* 1 to NET_ADDRESSES_MAX */
    unsigned udp_threads;                     /* 1 to NET_UDP_THREADS_MAX; 0: one for each CPU */
    unsigned tcp_connections_max;             /* 0: NET_TCP_CONNECTIONS_DEFAULT */
    unsigned tcp_connections_per_prefix;      /* of an IPv4 /24 or IPv6 /56; 0: their share */
    uint32_t tcp_idle_ms;                     /* 0: NET_TCP_IDLE_DEFAULT_MS */
    size_t tcp_memory_max;                    /* octets; 0: NET_TCP_MEMORY_DEFAULT */
    const struct zone_publisher *publisher;   /* of the image; must outlive the net */
    struct latency_samples *latency; /* what TCP clients' handshakes tell; outlives the net; NULL */
    const char *identity;            /* NSID, hostname.bind, id.server; NULL or "": none; copied */
    const char *version;             /* version.bind, version.server; likewise */
    const uint8_t *cookie_key; /* 16 octets that server cookies are made with; NULL: none; copied */
    const struct rrl_options *rrl;     /* response rate limits of UDP; borrowed; NULL: none */
    bool is_rrl_log_only;              /* count what would be limited, and send everything */
    const char *const *xdp_interfaces; /* that answer by AF_XDP; needs one port in all addresses */
    unsigned xdp_interface_count;      /* 0 to NET_XDP_INTERFACES_MAX */
    struct querylog *log;    /* of queries of logged zones; outlives the net; NULL: none */
    struct dnstap *tap;      /* of all exchanges; outlives the net; NULL: none */
    int *kept_fds;           /* open sockets of an earlier process: what fits is taken over, with
                              * what waits in it, and becomes -1 here; NULL: none */
    unsigned kept_fds_count; /* the rest stays the caller's */
};

struct net_error {
    char text[256]; /* what failed, for which address, and the operating system's words */
};

struct net;

enum net_transport { NET_TRANSPORT_UDP, NET_TRANSPORT_XDP, NET_TRANSPORT_TCP, NET_TRANSPORT_COUNT };

/* Listen on all addresses and start the threads. UDP goes by AF_XDP, too, on the interfaces named;
 * one that cannot is no failure, see net_get_xdp_problem(). An address with port 0 gets a free
 * port, the same for UDP and TCP. On 0 the caller owns *@out; otherwise nothing is left open, *@out
 * is untouched and @error says why. ERR_INVALID (no or too many addresses, a text over 128 octets),
 * ERR_EXISTS (address in use), ERR_DENIED (port needs a capability), ERR_IO, ERR_NOMEM. */
int net_open(const struct net_options *options, struct net **out, struct net_error *error);
/* Stop the threads and close all sockets; replies being written are cut off. Accepts NULL. */
void net_close(struct net *net);

/* The bound sockets, for an heir (options.kept_fds); they are closed by net_close() in this
 * process.
 * @out has room for NET_SOCKETS_MAX. Returns how many. */
unsigned net_list_sockets(const struct net *net, int *out);
/* Why options.xdp_interfaces[@index] is served by sockets alone; NULL: it goes by AF_XDP. */
const char *net_get_xdp_problem(const struct net *net, unsigned index);
/* The address that listens for options.addresses[@index], with its true port. */
void net_get_address(const struct net *net, unsigned index, struct sockaddr_storage *out);
/* Raise the process's limit of open files as far as it may go, and say how many TCP connections fit
 * beside the other files of a node: @wanted (0: the default) or fewer. Before net_open(). */
unsigned net_fit_tcp_connections(unsigned wanted);

/* Sums over all threads; each figure is exact at some moment of the call. */
void net_read_counters(const struct net *net, struct net_counters *out);
/* The same of the threads of one transport alone. */
void net_read_transport(const struct net *net, enum net_transport transport,
                        struct net_counters *out);
void net_read_zones(const struct net *net, struct net_zone_counters *out);

/* "192.0.2.1:53" or "[2001:db8::1]:53" (numbers only; the port may be left out: 53). 0, or
 * ERR_INVALID with *@out untouched. */
int net_address_parse(const char *text, struct sockaddr_storage *out);
#define NET_ADDRESS_TEXT_SIZE 64u
void net_address_format(const struct sockaddr_storage *address, char out[NET_ADDRESS_TEXT_SIZE]);
