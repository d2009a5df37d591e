/* node/cluster/own_zone.h: the cluster's own zone and the apex of new zones. The leader keeps the
 * addresses of <name>.<domain> and the zone's NS names as the members are; which names are its to
 * change it keeps in the setting cluster.zone_names. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define OWN_ZONE_NS_MAX 4        /* NS names of a zone: the first members by name */
#define OWN_ZONE_NS_TTL_S 172800 /* as Route 53 has them */
#define OWN_ZONE_SOA_TTL_S 900
#define OWN_ZONE_ADDRESS_TTL_S 3600
#define OWN_ZONE_SETTING "cluster.zone_names"

struct own_zone *own_zone_new(void); /* NULL: no memory */
void own_zone_free(struct own_zone *zone);
void own_zone_members_changed(struct cluster *cluster);
/* A zone was made: the own one is filled at once. */
void own_zone_added(struct cluster *cluster, const uint8_t *name);
void own_zone_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Create the zone itself, as part of init. Codes and callback of cluster_create_zone(). */
int own_zone_create(struct cluster *cluster, cluster_result_cb cb, void *user);
