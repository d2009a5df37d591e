/* node/control/zone_view.h: zones as replies show them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kv;
struct state_zone;
struct zone_views; /* opaque */
struct Ctl__ZoneReply;

/* Room for @limit zones; NULL: no memory. */
struct zone_views *zone_views_new(size_t limit);
void zone_views_free(struct zone_views *views); /* accepts NULL */
/* Add one, with the names of its apex NS set and the VPCs that see it, or without. ERR_LIMIT (no
 * more room); ERR_* of reads.
 */
int zone_views_add(struct zone_views *views, const struct kv *kv, const struct state_zone *zone,
                   bool with_servers);
/* How many there are, and the replies: they are the views'. */
size_t zone_views_get(const struct zone_views *views, struct Ctl__ZoneReply ***out);
