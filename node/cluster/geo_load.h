/* node/cluster/geo_load.h: loading of location databases on a worker, one at a time; for cluster.c.
 * The rest is in cluster/geo.h. Loop thread. */
#pragma once

#include <stdbool.h>

struct cluster;
struct geo_load;

/* @path: the configuration's, absolute; "" or NULL: none. Begins to load. ERR_INVALID: @path is too
 * long. ERR_NOMEM. */
int geo_load_new(struct cluster *cluster, const char *path, struct geo_load **out);
/* Is a worker at it? Then free must wait; the end wakes the loop. Accepts NULL. */
bool geo_load_is_running(const struct geo_load *load);
void geo_load_free(struct geo_load *load); /* accepts NULL */
