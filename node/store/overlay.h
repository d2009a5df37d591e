/* node/store/overlay.h: the writes of one log entry before they are made, over the stored state.
 * Reads through overlay_kv() see them, a failed command takes its own back, and at the end they are
 * written at once. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/kv.h"

struct overlay; /* opaque */

#define OVERLAY_RANGES_MAX 4096u     /* range deletes in one entry */
#define OVERLAY_LEN_MAX (256u << 20) /* octets of keys, values and bookkeeping of one entry */

/* Empty, over @base (borrowed). NULL: no memory. */
struct overlay *overlay_new(const struct kv *base);
void overlay_free(struct overlay *overlay); /* accepts NULL */
/* Forget everything, and stand on @base from now on. */
void overlay_reset(struct overlay *overlay, const struct kv *base);

/* Reads only: get and scan. */
const struct kv *overlay_kv(const struct overlay *overlay);

/* Keys and values are copied. A failure is kept and reported by overlay_writes(), so that callers
 * need not check each call. */
void overlay_put(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                 struct kv_slice value);
/* The same, to be filled by the caller: @len octets. NULL on failure. */
uint8_t *overlay_put_space(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                           size_t len);
void overlay_delete(struct overlay *overlay, enum kv_family family, struct kv_slice key);
/* From @first up to but without @end. */
void overlay_delete_range(struct overlay *overlay, enum kv_family family, struct kv_slice first,
                          struct kv_slice end);

/* A place to go back to, and going back: whatever was written since is undone. */
struct overlay_mark {
    size_t undo_count;
    size_t range_count;
};
struct overlay_mark overlay_mark(const struct overlay *overlay);
void overlay_rollback(struct overlay *overlay, struct overlay_mark mark);

/* All writes, each key once: range deletes first, then by family and key; the array has room for
 * one more. Borrowed until the next change. ERR_NOMEM, ERR_LIMIT (also of any earlier call since
 * the reset). */
int overlay_writes(struct overlay *overlay, struct kv_write **writes, size_t *count);
