/* node/store/state_latency.h: round-trip times from client prefixes to regions, as stored: what an
 * operator imported and what nodes measured, side by side. In a compact form by hand, because there
 * may be millions. Keys of KV_LATENCY: source (1 octet, as geo/latency.h numbers them), '4' or '6',
 * address (4 or 16), length in bits (1), name of the region; so all of one source stand together,
 * by address. Values: version (1), milliseconds (2, big-endian); of a measured one then also the
 * candidate (2), its windows (1) and the last window (8). The key of one zero octet has the table's
 * own account. Part of the stored format. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "store/state_health.h"

struct overlay;

#define STATE_LATENCY_IMPORTED 1u
#define STATE_LATENCY_MEASURED 2u
#define STATE_LATENCY_MS_MAX 60000u
#define STATE_LATENCY_REGION_SIZE 65u
#define STATE_LATENCY_KEY_MAX (3u + 16u + STATE_LATENCY_REGION_SIZE)

struct state_latency {
    uint8_t source;
    struct prefix prefix;
    char region[STATE_LATENCY_REGION_SIZE];
    uint16_t ms; /* what counts */
    /* of a measured one: a figure that may take its place, and in how many windows it was seen */
    uint16_t candidate_ms;
    uint8_t candidate_windows; /* 0: there is none */
    uint64_t window_wall_s;    /* the last one that confirmed the figure, or had a candidate */
};
struct state_latency_about {
    uint64_t version; /* counts changes of what counts */
    uint64_t imported_count, measured_count;
    /* Where apply looks for measured ones that are too old next. */
    uint8_t sweep_key[STATE_LATENCY_KEY_MAX];
    size_t sweep_key_len; /* 0: from the first */
};

/* Reads: as store/state.h. All zero, with 0, when there is none yet. */
int state_get_latency_about(const struct kv *kv, struct state_latency_about *out);
/* @which: source, prefix, region. ERR_NOT_FOUND. */
int state_get_latency(const struct kv *kv, const struct state_latency *which,
                      struct state_latency *out);
typedef int (*state_latency_cb)(void *user, const struct state_latency *entry);
/* All, imported ones first; positive: stop. */
int state_list_latency(const struct kv *kv, state_latency_cb cb, void *user);
/* The measured ones from the key @from on (length 0: all). */
int state_list_measured(const struct kv *kv, const uint8_t *from, size_t from_len,
                        state_latency_cb cb, void *user);

/* Key of an entry; its length. */
size_t state_latency_key(const struct state_latency *entry, uint8_t out[STATE_LATENCY_KEY_MAX]);

/* Writes: apply only. */
void state_put_latency_about(struct overlay *overlay, const struct state_latency_about *about);
void state_put_latency(struct overlay *overlay, const struct state_latency *entry);
void state_delete_latency(struct overlay *overlay, const struct state_latency *entry);
/* All imported ones. */
void state_delete_imported(struct overlay *overlay);
