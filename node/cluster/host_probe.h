/* node/cluster/host_probe.h: can this host reach the others', port by port? Blocks for
 * HOST_PROBE_WAIT_MS at most, and for names that have to be resolved: as long again, and for one
 * name more; on a worker. No state. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cluster/cluster.h"

#define HOST_PROBES_MAX 512
#define HOST_PROBE_WAIT_MS 2000
#define HOST_PROBE_DNS_LEN 1232 /* octets of UDP that must get through (DNS flag day 2020) */
#define HOST_PROBE_MTU_MIN 1280 /* what IPv6 asks of every link, and those octets need */
#define HOST_PROBE_PROBLEM_LEN 120

enum host_probe_kind {
    HOST_PROBE_TCP,       /* a connection is taken */
    HOST_PROBE_MTU,       /* of the route, as the kernel knows it, is enough */
    HOST_PROBE_DNS,       /* port 53 answers */
    HOST_PROBE_DNS_LARGE, /* also a question of HOST_PROBE_DNS_LEN octets */
};
struct host_probe {
    enum host_probe_kind kind;
    char target[64];                      /* the member's name */
    const char *what;                     /* "peer", "admin", "snapshot", "DNS"; static */
    char address[CLUSTER_TEXT_MAX];       /* HOST:PORT */
    char problem[HOST_PROBE_PROBLEM_LEN]; /* out; "": none */
};

/* Make all of them at once. @name: wire octets of a name to ask for. */
void host_probe_all(struct host_probe *probes, unsigned count, const uint8_t *name);
