/* raft/io/codec_arena.c: a bounded bump allocator for one decoding. */
#include "raft/io/codec_internal.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_LEN (32u << 10)

struct block {
    struct block *next;
    alignas(max_align_t) uint8_t data[];
};
struct codec__arena {
    struct block *blocks;
    uint8_t *free;     /* in the newest block */
    size_t free_len;   /* octets left there */
    size_t budget_len; /* octets that may still be taken from the heap */
};

struct codec__arena *codec__arena_new(size_t len_max)
{
    struct codec__arena *arena = calloc(1, sizeof(*arena));
    if (arena != NULL)
        arena->budget_len = len_max;
    return arena;
}

void codec__arena_free(struct codec__arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->blocks != NULL) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

/* A large request gets a block of its own; what is left of the block before is given up. */
static bool arena_grow(struct codec__arena *arena, size_t len)
{
    size_t block_len = len > BLOCK_LEN / 4 ? len : BLOCK_LEN;
    if (block_len > arena->budget_len)
        return false;
    struct block *block = malloc(sizeof(*block) + block_len);
    if (block == NULL)
        return false;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->budget_len -= block_len;
    arena->free = block->data;
    arena->free_len = block_len;
    return true;
}

void *codec__arena_alloc(struct codec__arena *arena, size_t len)
{
    const size_t align = alignof(max_align_t);
    if (len > SIZE_MAX - align)
        return NULL;
    len = (len + align - 1) / align * align;
    if (len > arena->free_len && !arena_grow(arena, len))
        return NULL;
    void *out = arena->free;
    arena->free += len;
    arena->free_len -= len;
    return out;
}
