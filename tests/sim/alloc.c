/* tests/sim/alloc.c: malloc that does not fail, and the simulator's own assertions. */
#include "sim/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sim_new(size_t len)
{
    void *data = calloc(1, len > 0 ? len : 1);
    SIM_ASSERT(data != NULL);
    return data;
}

void *sim_copy(const void *data, size_t len)
{
    void *copy = sim_new(len);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

void sim_grow(void **items, size_t *room, size_t need, size_t item_len)
{
    if (need <= *room)
        return;
    size_t next = *room < 16 ? 16 : *room * 2;
    if (next < need)
        next = need;
    void *moved = realloc(*items, next * item_len);
    SIM_ASSERT(moved != NULL);
    *items = moved;
    *room = next;
}

void sim_free(void *data)
{
    free(data);
}

void sim_assert_failed(const char *claim, const char *file, int line)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s:%d: the simulator's own assertion failed: %s\n", file, line, claim);
    abort();
}
