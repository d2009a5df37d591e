/* node/cluster/host.h: what this host is like, for 'quartet doctor': clock, disk, limits, and which
 * ports of the other members it reaches. Loop thread; looks on a worker. */
#pragma once

#include "cluster/host_probe.h"

struct cluster_host {
    uint64_t wall_ms;
    bool is_clock_synchronised;       /* as the kernel is told by NTP or PTP */
    uint64_t sync_count, sync_p99_us; /* of the log's disk since the start */
    uint64_t disk_free, certificate_expires_wall_ms;
    uint64_t files_max, receive_buffer_max; /* RLIMIT_NOFILE, net.core.rmem_max; 0: unknown */
    uint64_t drained_until_wall_ms;         /* 0: not */
    const struct host_probe *probes;
    unsigned probe_count;
};
/* @host NULL: the node is being closed. Borrowed. */
typedef void (*cluster_host_cb)(void *user, const struct cluster_host *host);
/* At once: ERR_UNAVAILABLE (not a member), ERR_BUSY, ERR_NOMEM. */
int cluster_host(struct cluster *cluster, cluster_host_cb cb, void *user);
