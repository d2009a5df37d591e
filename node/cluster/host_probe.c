#include "cluster/host_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/name.h"

#define HEADER_LEN 12u
#define OPT_LEN 11u
#define OPTION_PADDING 12u /* RFC 7830 */
#define TYPE_SOA 6u
#define QUERY_ID 0x5154u /* sockets are connected and short-lived */

static void fail(struct host_probe *probe, const char *why)
{
    snprintf(probe->problem, sizeof(probe->problem), "%s", why);
}

/* HOST:PORT or [HOST]:PORT to a socket that is connected, or about to be. -1: told. */
static int open_socket(struct host_probe *probe, int type)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    char host[CLUSTER_TEXT_MAX];

    snprintf(host, sizeof(host), "%s", probe->address);
    char *colon = strrchr(host, ':');
    if (!colon) {
        fail(probe, "its address is malformed");
        return -1;
    }
    *colon = '\0';
    char *start = host[0] == '[' ? host + 1 : host;
    if (start != host && colon[-1] == ']')
        colon[-1] = '\0';
    int rc = getaddrinfo(start, colon + 1, &hints, &found);
    if (rc != 0) {
        fail(probe, gai_strerror(rc));
        return -1;
    }
    int fd = socket(found->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
        fail(probe, strerror(errno));
        close(fd);
        fd = -1;
    } else if (fd < 0) {
        fail(probe, strerror(errno));
    }
    freeaddrinfo(found);
    return fd;
}

static void judge_mtu(struct host_probe *probe, int fd)
{
    int mtu = 0;
    socklen_t len = sizeof(mtu);

    if (getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len) != 0 &&
        getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len) != 0)
        return; /* the kernel does not say */
    if (mtu < HOST_PROBE_MTU_MIN)
        snprintf(probe->problem, sizeof(probe->problem), "the route takes packets of %d octets",
                 mtu);
}

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* SOA of @name with EDNS, padded to @wanted octets where that is more. Returns the length. */
static size_t make_query(const uint8_t *name, size_t wanted, uint8_t out[HOST_PROBE_DNS_LEN])
{
    size_t at = HEADER_LEN, name_len = dns_name_len(name);

    memset(out, 0, HOST_PROBE_DNS_LEN);
    put_u16(out, QUERY_ID);
    out[5] = out[11] = 1; /* one question, one additional record */
    memcpy(out + at, name, name_len);
    at += name_len;
    put_u16(out + at, TYPE_SOA);
    put_u16(out + at + 2, 1);
    at += 4;
    put_u16(out + at + 1, 41); /* OPT */
    put_u16(out + at + 3, HOST_PROBE_DNS_LEN);
    size_t options = wanted > at + OPT_LEN + 4 ? wanted - at - OPT_LEN : 0;
    put_u16(out + at + 9, options);
    at += OPT_LEN;
    if (options > 0) {
        put_u16(out + at, OPTION_PADDING);
        put_u16(out + at + 2, options - 4);
    }
    return at + options;
}

static void begin(struct host_probe *probe, struct pollfd *poll_fd, const uint8_t *name)
{
    uint8_t query[HOST_PROBE_DNS_LEN];
    bool is_tcp = probe->kind == HOST_PROBE_TCP;

    probe->problem[0] = '\0';
    *poll_fd = (struct pollfd){.fd = open_socket(probe, is_tcp ? SOCK_STREAM : SOCK_DGRAM),
                               .events = is_tcp ? POLLOUT : POLLIN};
    if (poll_fd->fd < 0 || is_tcp)
        return;
    if (probe->kind == HOST_PROBE_MTU) {
        judge_mtu(probe, poll_fd->fd);
        close(poll_fd->fd);
        poll_fd->fd = -1;
        return;
    }
    size_t wanted = probe->kind == HOST_PROBE_DNS_LARGE ? HOST_PROBE_DNS_LEN : 0;
    size_t len = make_query(name, wanted, query);
    if (send(poll_fd->fd, query, len, 0) != (ssize_t)len)
        fail(probe, strerror(errno));
}

/* Is this one decided by what poll() told? */
static bool take_event(struct host_probe *probe, const struct pollfd *poll_fd)
{
    uint8_t reply[HOST_PROBE_DNS_LEN];
    int error = 0;
    socklen_t len = sizeof(error);

    if (probe->kind == HOST_PROBE_TCP) {
        if (getsockopt(poll_fd->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0)
            fail(probe, strerror(error));
        return true;
    }
    ssize_t got = recv(poll_fd->fd, reply, sizeof(reply), 0);
    if (got < 0)
        fail(probe, strerror(errno)); /* refused by ICMP, for one */
    return got < 0 || (got >= (ssize_t)HEADER_LEN && (reply[2] & 0x80) != 0 &&
                       reply[0] == QUERY_ID >> 8 && reply[1] == (QUERY_ID & 0xff));
}

void host_probe_all(struct host_probe *probes, unsigned count, const uint8_t *name)
{
    struct pollfd fds[HOST_PROBES_MAX];
    uint64_t end_mono_ms = clock_mono_ms() + HOST_PROBE_WAIT_MS;
    unsigned left = 0;

    for (unsigned i = 0; i < count; i++) {
        fds[i].fd = -1;
        if (clock_mono_ms() < end_mono_ms)
            begin(&probes[i], &fds[i], name);
        else
            fail(&probes[i], "not looked at: names took too long to resolve");
        left += fds[i].fd >= 0;
    }
    end_mono_ms = clock_mono_ms() + HOST_PROBE_WAIT_MS;
    for (uint64_t now = clock_mono_ms(); left > 0 && now < end_mono_ms; now = clock_mono_ms()) {
        if (poll(fds, count, (int)(end_mono_ms - now)) < 0 && errno != EINTR)
            break;
        for (unsigned i = 0; i < count; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0 || !take_event(&probes[i], &fds[i]))
                continue;
            close(fds[i].fd);
            fds[i].fd = -1;
            left--;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (fds[i].fd < 0)
            continue;
        if (probes[i].problem[0] == '\0')
            fail(&probes[i], "no answer within 2 s");
        close(fds[i].fd);
    }
}
