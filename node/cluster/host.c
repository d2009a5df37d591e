#include "cluster/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <uv.h>

#include "base/clock.h"
#include "base/file.h"
#include "cluster/each.h"
#include "cluster/internal.h"
#include "dns/name.h"

#define ADDRESSES_PROBED_MAX 2 /* public addresses of one member */
#define RECEIVE_BUFFER_PATH "/proc/sys/net/core/rmem_max"

struct look {
    struct cluster *cluster;
    uv_work_t work;
    cluster_host_cb cb;
    void *user;
    uint8_t name[DNS_NAME_MAX];
    struct cluster_host host;
    struct host_probe probes[HOST_PROBES_MAX];
    unsigned count;
};

static struct host_probe *add(struct look *look, const struct member *member,
                              enum host_probe_kind kind, const char *what)
{
    if (look->count == HOST_PROBES_MAX)
        return NULL;
    struct host_probe *probe = &look->probes[look->count++];
    *probe = (struct host_probe){.kind = kind, .what = what};
    snprintf(probe->target, sizeof(probe->target), "%.63s", member->about.name);
    return probe;
}

static void add_port(struct look *look, const struct member *member, enum host_probe_kind kind,
                     const char *what, const char *address)
{
    struct host_probe *probe = address[0] != '\0' ? add(look, member, kind, what) : NULL;

    if (probe)
        snprintf(probe->address, sizeof(probe->address), "%.255s", address);
}

/* Nobody can be delegated to a loopback address: that is a cluster on one machine. */
static bool is_loopback(const struct state_member *about, unsigned i)
{
    const uint8_t *octets = about->dns_addresses[i].octets;

    if (about->dns_addresses[i].len == 4)
        return octets[0] == 127;
    return memcmp(octets, &in6addr_loopback, 16) == 0;
}

static void add_dns(struct look *look, const struct member *member)
{
    for (unsigned i = 0; i < member->about.dns_address_count && i < ADDRESSES_PROBED_MAX; i++) {
        char text[INET6_ADDRSTRLEN] = "", address[INET6_ADDRSTRLEN + 8];
        bool is_v4 = member->about.dns_addresses[i].len == 4;
        if (is_loopback(&member->about, i) ||
            !inet_ntop(is_v4 ? AF_INET : AF_INET6, member->about.dns_addresses[i].octets, text,
                       sizeof(text)))
            continue;
        snprintf(address, sizeof(address), is_v4 ? "%s:53" : "[%s]:53", text);
        add_port(look, member, HOST_PROBE_DNS, "DNS", address);
        add_port(look, member, HOST_PROBE_DNS_LARGE, "DNS", address);
    }
}

static void add_members(struct look *look)
{
    const struct cluster *cluster = look->cluster;

    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        if (!member->is_described)
            continue;
        add_dns(look, member); /* also this node's own */
        if (member->id == cluster->identity.id)
            continue;
        add_port(look, member, HOST_PROBE_TCP, "peer", member->about.peer_address);
        add_port(look, member, HOST_PROBE_TCP, "admin", member->about.admin_address);
        add_port(look, member, HOST_PROBE_TCP, "snapshot", member->about.snapshot_address);
        add_port(look, member, HOST_PROBE_MTU, "path", member->about.peer_address);
    }
}

static uint64_t read_number(const char *path)
{
    uint8_t *text;
    size_t len;

    if (file_read(path, 64, &text, &len) != 0)
        return 0;
    uint64_t value = strtoull((char *)text, NULL, 10);
    free(text);
    return value;
}

static void look_around(uv_work_t *work)
{
    struct look *look = work->data;
    struct timex timex = {.modes = 0};
    struct rlimit files;

    int state = adjtimex(&timex);
    look->host.is_clock_synchronised =
        state >= 0 && state != TIME_ERROR && (timex.status & STA_UNSYNC) == 0;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        look->host.files_max = files.rlim_cur;
    look->host.receive_buffer_max = read_number(RECEIVE_BUFFER_PATH);
    host_probe_all(look->probes, look->count, look->name);
    look->host.wall_ms = clock_wall_ms();
}

static void looked(uv_work_t *work, int status)
{
    struct look *look = work->data;
    struct cluster *cluster = look->cluster;

    cluster->each_count--;
    look->host.probes = look->probes;
    look->host.probe_count = look->count;
    look->cb(look->user, status != 0 || cluster->is_closing ? NULL : &look->host);
    free(look);
    cluster__wake(cluster); /* a close may wait for this */
}

int cluster_host(struct cluster *cluster, cluster_host_cb cb, void *user)
{
    struct cluster_node node;

    if (cluster->phase != CLUSTER_MEMBER || cluster->stop != CLUSTER_STOP_NONE)
        return ERR_UNAVAILABLE;
    if (cluster->each_count == CLUSTER_EACH_AT_ONCE)
        return ERR_BUSY;
    struct look *look = calloc(1, sizeof(*look));
    if (!look)
        return ERR_NOMEM;
    *look = (struct look){.cluster = cluster, .cb = cb, .user = user};
    cluster_node(cluster, &node);
    look->host.sync_count = node.sync_count;
    look->host.sync_p99_us = node.sync_p99_us;
    look->host.disk_free = node.disk_free;
    look->host.certificate_expires_wall_ms = node.certificate_expires_wall_ms;
    look->host.drained_until_wall_ms = node.drained_until_wall_ms;
    if (dns_name_parse(cluster->domain, NULL, look->name) < 0)
        look->name[0] = 0; /* the root: refused, which is an answer */
    add_members(look);
    look->work.data = look;
    if (uv_queue_work(cluster->loop, &look->work, look_around, looked) != 0) {
        free(look);
        return ERR_NOMEM;
    }
    cluster->each_count++;
    return 0;
}
