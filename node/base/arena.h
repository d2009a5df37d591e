/* node/base/arena.h: memory that is handed out piece by piece and taken back all at once. One
 * thread at a time per arena. */
#pragma once

#include <stddef.h>

struct arena; /* opaque */

/* An arena that hands out at most @len_max octets between two resets. NULL: no memory. */
struct arena *arena_new(size_t len_max);
void arena_free(struct arena *arena); /* accepts NULL */
/* Take back everything; keeps a little memory for the next round. */
void arena_reset(struct arena *arena);
/* @len octets aligned for any type, not zeroed, until the next reset. NULL: no memory, or the bound
 * is reached (arena_is_full()). */
void *arena_alloc(struct arena *arena, size_t len);
/* A copy of @len octets and a NUL behind them. NULL as above. */
void *arena_copy(struct arena *arena, const void *data, size_t len);
/* Was an allocation refused for the bound since the last reset? */
int arena_is_full(const struct arena *arena);
