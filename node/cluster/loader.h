/* node/cluster/loader.h: reads a whole state on a thread of its own, so that decoding it and
 * building the image from it go on side by side. First the contents that there are, in order of
 * their numbers; then their record sets in the order of their keys, in batches; then it checks all
 * else that is stored. Every block is read with its checksum, as kv_verify() does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/state_set.h"

struct kv;
struct loader; /* opaque */

struct load_content {
    uint64_t number;
    const uint8_t *apex; /* wire octets, lower case; valid until loader_stop(), as is: */
    const char *zone_id;
    bool is_import; /* not served: an import under way fills it */
    bool is_private;
};
struct load_set {
    uint32_t content; /* which one: counted from 0; never less than in the set before */
    struct state_record_set set;
};
#define LOAD_BATCH_SETS_MAX 1024u
#define LOAD_BATCH_LEN_MAX (136u << 10)
struct load_batch {
    struct load_batch *next;
    size_t count, len;
    struct load_set sets[LOAD_BATCH_SETS_MAX];
    uint8_t octets[LOAD_BATCH_LEN_MAX]; /* what the sets point into */
};

/* Begin to read @kv, which is borrowed and must not change until loader_stop(). ERR_NOMEM. */
int loader_start(const struct kv *kv, struct loader **out);
/* Stop wherever it is, wait for the thread, free all. Accepts NULL. */
void loader_stop(struct loader *loader);

enum loader_outcome {
    LOADER_END = 0,   /* that was all, and it was whole */
    LOADER_BATCH = 1, /* *@out is the caller's until loader_give_back() */
    LOADER_LATER = 2, /* nothing within the time */
};
#define LOADER_WAIT_FOREVER UINT32_MAX
/* The next batch; one thread. LOADER_*; ERR_CORRUPT, ERR_VERSION, ERR_IO, ERR_NOMEM: what was read
 * so far is no whole state. */
int loader_next(struct loader *loader, uint32_t wait_ms, const struct load_batch **out);
void loader_give_back(struct loader *loader, const struct load_batch *batch);
/* How many contents there are: known once loader_next() has told LOADER_BATCH or LOADER_END. */
uint32_t loader_content_count(const struct loader *loader);
struct load_content loader_content(const struct loader *loader, uint32_t at);
