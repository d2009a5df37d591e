/* node/net/local_addresses.c: what getifaddrs() says, until rtnetlink tells of a change. */
#include "net/local_addresses.h"

#include "base/err.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct in6_addr local_addresses_map(struct in_addr address)
{
    struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&mapped.s6_addr[12], &address, sizeof address);
    return mapped;
}

static bool read_one(const struct sockaddr *from, struct in6_addr *out)
{
    if (from == NULL)
        return false;
    if (from->sa_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)from)->sin6_addr;
        return !IN6_IS_ADDR_LOOPBACK(out);
    }
    if (from->sa_family != AF_INET)
        return false;
    const struct in_addr address = ((const struct sockaddr_in *)from)->sin_addr;
    *out = local_addresses_map(address);
    return (ntohl(address.s_addr) >> 24) != IN_LOOPBACKNET;
}

/* False: as before. */
static bool read_all(struct local_addresses *local)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return false;
    local->count = local->last = 0;
    for (const struct ifaddrs *at = list; at != NULL && local->count < LOCAL_ADDRESSES_MAX;
         at = at->ifa_next)
        local->count += read_one(at->ifa_addr, &local->addresses[local->count]);
    freeifaddrs(list);
    return true;
}

int local_addresses_open(struct local_addresses *out)
{
    const struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                       .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return ERR_IO;
    /* Watched before they are read, so that no change falls between. */
    if (bind(fd, (const struct sockaddr *)&groups, sizeof groups) != 0 || !read_all(out)) {
        close(fd);
        return ERR_IO;
    }
    out->events_fd = fd;
    out->is_stale = false;
    return 0;
}

void local_addresses_close(struct local_addresses *local)
{
    close(local->events_fd);
    local->events_fd = -1;
}

static bool find(struct local_addresses *local, const struct in6_addr *address)
{
    if (local->count > 0 && IN6_ARE_ADDR_EQUAL(&local->addresses[local->last], address))
        return true;
    for (unsigned i = 0; i < local->count; i++)
        if (IN6_ARE_ADDR_EQUAL(&local->addresses[i], address)) {
            local->last = i;
            return true;
        }
    return false;
}

/* Take all events; what they say does not matter, nor that some were lost. */
static bool has_changed(const struct local_addresses *local)
{
    char event[4096];
    bool is_changed = false;
    ssize_t got;
    do {
        got = recv(local->events_fd, event, sizeof event, MSG_DONTWAIT);
        is_changed |= got > 0 || (got < 0 && errno == ENOBUFS);
    } while (got > 0 || (got < 0 && (errno == ENOBUFS || errno == EINTR)));
    return is_changed;
}

bool local_addresses_has(struct local_addresses *local, const struct in6_addr *address)
{
    if (find(local, address))
        return true;
    local->is_stale |= has_changed(local);
    if (!local->is_stale || !read_all(local))
        return false;
    local->is_stale = false;
    return find(local, address);
}
