/* node/cluster/alias.h: what this node knows of the outside names that aliases lead to. Loop
 * thread. */
#pragma once

#include <stdint.h>

struct cluster;

struct cluster_alias {
    const uint8_t *name;    /* wire form, lower case */
    uint16_t type;          /* A or AAAA */
    uint32_t used_by_count; /* record sets */
    const char *state;      /* resolving, good, stale, failed */
    const char *problem;    /* of the last try if it failed; else "" */
    /* The answer's, all 0 without one. */
    const uint8_t (*addresses)[16]; /* of A the first 4 octets */
    unsigned address_count;
    uint32_t ttl_s; /* as served */
    uint64_t resolved_wall_ms;
    uint64_t next_wall_ms; /* when it is asked for next; 0: just now */
};
/* 0: go on. */
typedef int (*cluster_alias_cb)(void *user, const struct cluster_alias *alias);
/* The outside names, in canonical order; at most RESOLVE_TARGETS_MAX, and as many that are refused
 * because there are more. ERR_NOMEM; what @cb gave. */
int cluster_alias_list(struct cluster *cluster, cluster_alias_cb cb, void *user);
