/* node/serve/load.h: zone files into the image, by as many threads as there are processors. */
#pragma once

#include <stddef.h>

struct serve_zone;
struct zone_publisher;

struct serve_loaded {
    size_t zone_count;   /* zones that are served now from what was read */
    size_t set_count;    /* record sets in them */
    size_t failed_count; /* zones whose files have errors; told on standard error */
};

/* Read every file; each zone without errors replaces what the image served under its name, for the
 * next publish. Caller is the publisher's writer; nothing else may write meanwhile. 0 or ERR_NOMEM.
 */
int serve_load(struct zone_publisher *publisher, const struct serve_zone *zones, size_t zone_count,
               struct serve_loaded *out);
