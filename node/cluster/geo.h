/* node/cluster/geo.h: this node's location database: loaded at the start from the file that was
 * loaded last, or that the configuration names, and anew on demand. Loading is on a worker; DNS
 * goes on, by the old database until the new one is whole. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cluster/cluster.h"
#include "geo/database.h"

struct geo_address;
struct geo_location;

struct cluster_geo {
    const struct geo_database_about *about; /* borrowed until the next call; NULL: no database */
    uint32_t load_ms;                       /* that the worker took */
    bool is_loading;
    char problem[GEO_ERROR_SIZE]; /* of the last load that failed, after which none succeeded */
};

/* Load @path (absolute) and route by it; kept in mind, so that a restart loads it again. @cb with a
 * sentence. At once: ERR_BUSY (one is being loaded), ERR_INVALID (no absolute path, or too long),
 * ERR_CLOSED, ERR_NOMEM. To @cb what geo_database_load() gives; the old one then stays. */
int cluster_geo_load(struct cluster *cluster, const char *path, cluster_done_cb cb, void *user);
void cluster_geo_status(struct cluster *cluster, struct cluster_geo *out);
/* As geo_database_find() in the database there is. false: there is none, or it does not say. */
bool cluster_geo_locate(struct cluster *cluster, const struct geo_address *address,
                        struct geo_location *out, unsigned *scope_bits);
