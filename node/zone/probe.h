/* node/zone/probe.h: a lookup in steps, so that many go on side by side. In a large image nearly
 * every step of a lookup reads memory that no cache has; each step here reads what the one before
 * asked for, so between them there is time for the steps of other lookups. Part of the answer path:
 * allocates nothing, waits for nothing. */
#pragma once

#include "zone/key.h"
#include "zone/lookup.h"
#include "zone/trie.h"

struct zone_view;

struct zone_probe { /* the lookup's own; caller's storage, never cleared */
    const struct zone_image *image;
    const struct zone *zone; /* that holds the name, once known */
    uint8_t stage;
    uint8_t apex_labels;
    bool has_views; /* the image has: the client's has to be found and entered */
    uint16_t qtype;
    struct zone_key key;
    struct zone_trie_walk walk;
};

/* Begin to look up @name (borrowed until the end), @name_len octets with its root, and @qtype as
 * zone_lookup() does. */
void zone_probe_begin(struct zone_probe *probe, const struct zone_image *image, const uint8_t *name,
                      unsigned name_len, uint16_t qtype);
/* Right after the beginning: look it up as seen from @view (zone/view.h). */
void zone_probe_enter(struct zone_probe *probe, const struct zone_view *view);
/* Go one step further; false when there is no more to fetch. The number of steps is bounded by the
 * length of the name. */
bool zone_probe_step(struct zone_probe *probe);
/* After the last step, once: what was found. Fills all of *@out. */
void zone_probe_end(struct zone_probe *probe, struct zone_match *out);
