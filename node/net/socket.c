/* node/net/socket.c */
#include "net/socket.h"

#include "base/assert.h"
#include "base/err.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PORT_DEFAULT = 53,
    /* What waits while the process restarts: some 20,000 queries. A wish: without CAP_NET_ADMIN
     * net.core.rmem_max is the most. */
    RECEIVE_BUFFER_OCTETS = 16 * 1024 * 1024,
};

static socklen_t address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

bool socket_is_wildcard(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Say what failed; returns the ERR_* for @system_errno. */
static int fail(struct net_error *error, const char *protocol,
                const struct sockaddr_storage *address, int system_errno)
{
    char text[NET_ADDRESS_TEXT_SIZE];
    net_address_format(address, text);
    snprintf(error->text, sizeof error->text, "cannot listen on %s (%s): %s", text, protocol,
             strerror(system_errno));
    switch (system_errno) {
    case EADDRINUSE: return ERR_EXISTS;
    case EACCES:
    case EPERM: return ERR_DENIED;
    case ENOMEM:
    case ENOBUFS: return ERR_NOMEM;
    default: return ERR_IO;
    }
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Replies are never fragmented, here or on the way, whatever a forged ICMP message says that the
 * path takes (RFC 9715 3.1). They fit where IPv6 does; a client behind a narrower link asks again
 * with a smaller size or by TCP. */
static bool set_udp_options(int fd, const struct sockaddr_storage *address)
{
    bool is_ipv6 = address->ss_family == AF_INET6;
    if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS))
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_OCTETS);
    if (!set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return false;
    if (is_ipv6)
        return set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) &&
               (!socket_is_wildcard(address) || set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) &&
           (!socket_is_wildcard(address) || set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
}

/* An unbound socket with its options, or -1 with errno. */
static int open_unbound(const struct sockaddr_storage *address, int type)
{
    int fd = socket(address->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    bool is_set = type == SOCK_DGRAM ? set_udp_options(fd, address)
                                     : set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address->ss_family == AF_INET6)
        is_set = is_set && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (is_set)
        return fd;
    int system_errno = errno;
    close(fd);
    errno = system_errno;
    return -1;
}

int socket_open_udp(const struct sockaddr_storage *address, struct net_error *error)
{
    int fd = open_unbound(address, SOCK_DGRAM);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)address, address_len(address)) == 0)
        return fd;
    int code = fail(error, "UDP", address, errno);
    if (fd >= 0)
        close(fd);
    return code;
}

int socket_open_tcp(const struct sockaddr_storage *address, int backlog, struct net_error *error)
{
    int fd = open_unbound(address, SOCK_STREAM);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)address, address_len(address)) == 0 &&
        listen(fd, backlog) == 0)
        return fd;
    int code = fail(error, "TCP", address, errno);
    if (fd >= 0)
        close(fd);
    return code;
}

static bool has_option(int fd, int level, int option, int value)
{
    int got = 0;
    socklen_t len = sizeof got;
    return getsockopt(fd, level, option, &got, &len) == 0 && got == value;
}

static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family || socket_get_port(a) != socket_get_port(b))
        return false;
    if (a->ss_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                  &((const struct sockaddr_in6 *)b)->sin6_addr);
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

bool socket_fits(int fd, const struct sockaddr_storage *address, int type)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0 ||
        !is_same_address(&bound, address) || !has_option(fd, SOL_SOCKET, SO_TYPE, type))
        return false;
    if (type == SOCK_STREAM)
        return has_option(fd, SOL_SOCKET, SO_ACCEPTCONN, 1);
    return has_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) && set_udp_options(fd, address);
}

uint16_t socket_get_port(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

void socket_set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
}

/* A decimal port that is the whole of @text, or -1. */
static int port_parse(const char *text)
{
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 5)
        return -1;
    char *end;
    long port = strtol(text, &end, 10);
    return *end == '\0' && port <= UINT16_MAX ? (int)port : -1;
}

/* Split "[host]:port", "host:port" or "host"; returns the port or -1. */
static int split(const char *text, char host[INET6_ADDRSTRLEN], bool *is_ipv6)
{
    *is_ipv6 = text[0] == '[';
    const char *start = text + *is_ipv6;
    size_t host_len = strcspn(start, *is_ipv6 ? "]" : ":");
    const char *rest = start + host_len;
    if (*is_ipv6 && *rest++ != ']')
        return -1;
    if (host_len >= INET6_ADDRSTRLEN || (*rest != '\0' && *rest != ':'))
        return -1;
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    return *rest == ':' ? port_parse(rest + 1) : PORT_DEFAULT;
}

int net_address_parse(const char *text, struct sockaddr_storage *out)
{
    char host[INET6_ADDRSTRLEN];
    bool is_ipv6;
    struct sockaddr_storage address = {0};
    int port = split(text, host, &is_ipv6);
    if (port < 0)
        return ERR_INVALID;
    address.ss_family = is_ipv6 ? AF_INET6 : AF_INET;
    void *octets = is_ipv6 ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                           : (void *)&((struct sockaddr_in *)&address)->sin_addr;
    if (inet_pton(address.ss_family, host, octets) != 1)
        return ERR_INVALID;
    socket_set_port(&address, (uint16_t)port);
    *out = address;
    return 0;
}

void net_address_format(const struct sockaddr_storage *address, char out[NET_ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_ipv6 = address->ss_family == AF_INET6;
    const void *octets = is_ipv6 ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                                 : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
    inet_ntop(address->ss_family, octets, host, sizeof host);
    snprintf(out, NET_ADDRESS_TEXT_SIZE, is_ipv6 ? "[%s]:%u" : "%s:%u", host,
             socket_get_port(address));
}
