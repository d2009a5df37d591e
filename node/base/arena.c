#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_LEN (256u << 10)
#define KEPT_LEN_MAX (8u << 20) /* chunks kept over a reset */

struct chunk {
    struct chunk *next;
    size_t len;
    alignas(max_align_t) uint8_t data[];
};

struct arena {
    struct chunk *used; /* newest first; pieces come from the first */
    struct chunk *idle; /* all of CHUNK_LEN */
    size_t offset;      /* in the first used chunk */
    size_t total_len;   /* of used chunks */
    size_t idle_len;
    size_t len_max;
    int is_full;
};

struct arena *arena_new(size_t len_max)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena)
        arena->len_max = len_max;
    return arena;
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_chunks(arena->used);
    free_chunks(arena->idle);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    while (arena->used) {
        struct chunk *chunk = arena->used;
        arena->used = chunk->next;
        if (chunk->len == CHUNK_LEN && arena->idle_len < KEPT_LEN_MAX) {
            chunk->next = arena->idle;
            arena->idle = chunk;
            arena->idle_len += chunk->len;
        } else {
            free(chunk);
        }
    }
    arena->offset = 0;
    arena->total_len = 0;
    arena->is_full = 0;
}

static struct chunk *take_chunk(struct arena *arena, size_t len)
{
    struct chunk *chunk = arena->idle;

    if (len <= CHUNK_LEN && chunk) {
        arena->idle = chunk->next;
        arena->idle_len -= chunk->len;
        return chunk;
    }
    size_t chunk_len = len > CHUNK_LEN ? len : CHUNK_LEN;
    chunk = malloc(sizeof(*chunk) + chunk_len);
    if (chunk)
        chunk->len = chunk_len;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    const size_t align = alignof(max_align_t);

    if (len > arena->len_max) {
        arena->is_full = 1;
        return NULL;
    }
    len = (len + align - 1) / align * align;
    if (!arena->used || arena->used->len - arena->offset < len) {
        size_t grown = arena->total_len + (len > CHUNK_LEN ? len : CHUNK_LEN);
        if (grown > arena->len_max && arena->total_len > 0) {
            arena->is_full = 1;
            return NULL;
        }
        struct chunk *chunk = take_chunk(arena, len);
        if (!chunk)
            return NULL;
        chunk->next = arena->used;
        arena->used = chunk;
        arena->offset = 0;
        arena->total_len += chunk->len;
    }
    void *piece = arena->used->data + arena->offset;
    arena->offset += len;
    return piece;
}

void *arena_copy(struct arena *arena, const void *data, size_t len)
{
    uint8_t *copy = arena_alloc(arena, len + 1);

    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = 0;
    return copy;
}

int arena_is_full(const struct arena *arena)
{
    return arena->is_full;
}
