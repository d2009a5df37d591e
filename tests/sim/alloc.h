/* tests/sim/alloc.h: memory of the simulator; without memory the run ends. */
#pragma once

#include <stddef.h>

void *sim_new(size_t len); /* zeroed */
void *sim_copy(const void *data, size_t len);
/* Make room for @need items of @item_len in *@items; new items are not zeroed. */
void sim_grow(void **items, size_t *room, size_t need, size_t item_len);
void sim_free(void *data);

/* A fault of the simulator itself (not of what it tests): say so and abort. */
#define SIM_ASSERT(claim) ((claim) ? (void)0 : sim_assert_failed(#claim, __FILE__, __LINE__))
_Noreturn void sim_assert_failed(const char *claim, const char *file, int line);
