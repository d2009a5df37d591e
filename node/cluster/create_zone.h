/* node/cluster/create_zone.h: zones that are made with the cluster's name servers, or others. Loop
 * thread. */
#pragma once

#include "cluster/cluster.h"

struct Cmd__Vpc;

struct cluster_zone {
    const uint8_t *name;                            /* wire octets */
    const char *comment, *caller_reference, *actor; /* NULL: empty */
    uint32_t timeout_ms;                            /* 0: CLUSTER_TIMEOUT_MS */
    bool may_repeat_name; /* if a public zone has the name this one is not served; else refused */
    const char *delegation_set_id; /* NULL: none */
    const uint8_t (*servers)[255]; /* its name servers, wire octets */
    unsigned server_count;         /* 0: the cluster's nodes */
    const struct Cmd__Vpc *vpc;    /* of a private zone; NULL: a public one */
};
/* CreateZone with a new id, an SOA, and the NS names given or those of up to four nodes. Without a
 * caller reference one is made. */
int cluster_create_zone(struct cluster *cluster, const struct cluster_zone *zone,
                        cluster_result_cb cb, void *user);
/* The name servers that zones are given, wire octets: how many; ERR_UNAVAILABLE, ERR_INVALID. */
#define CLUSTER_NAME_SERVERS_MAX 4
int cluster_name_servers(struct cluster *cluster, uint8_t out[CLUSTER_NAME_SERVERS_MAX][255]);
