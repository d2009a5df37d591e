#include "base/ring.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define HEADER_LEN 8u   /* a record's length, before it */
#define SKIP UINT64_MAX /* instead of a length: the next record is at the start of the ring */

struct ring *ring_new(uint64_t size)
{
    ASSERT(size >= 64 && (size & (size - 1)) == 0);
    struct ring *ring = aligned_alloc(_Alignof(struct ring), sizeof(*ring) + size);

    if (!ring)
        return NULL;
    memset(ring, 0, sizeof(*ring));
    ring->size = size;
    return ring;
}

void ring_free(struct ring *ring)
{
    free(ring);
}

/* So that one always fits into an empty ring, wherever its next position is. */
size_t ring_record_max(const struct ring *ring)
{
    return ring->size / 2 - HEADER_LEN;
}

static uint64_t place_len(size_t len)
{
    return HEADER_LEN + (((uint64_t)len + 7) & ~UINT64_C(7));
}

static uint64_t *header_at(struct ring *ring, uint64_t position)
{
    return (uint64_t *)(void *)(ring->octets + (position & (ring->size - 1)));
}

/* To the end of the ring's octets. */
static uint64_t tail_len(const struct ring *ring, uint64_t position)
{
    return ring->size - (position & (ring->size - 1));
}

static bool has_room(struct ring *ring, uint64_t len)
{
    if (ring->next + len - ring->read_seen <= ring->size)
        return true;
    ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
    return ring->next + len - ring->read_seen <= ring->size;
}

void *ring_reserve(struct ring *ring, size_t len)
{
    ASSERT(len <= ring_record_max(ring));
    const uint64_t tail = tail_len(ring, ring->next), needed = place_len(len);
    const uint64_t skipped = tail < needed ? tail : 0;

    if (!has_room(ring, skipped + needed)) {
        ring_drop(ring);
        return NULL;
    }
    if (skipped > 0)
        *header_at(ring, ring->next) = SKIP;
    ring->next += skipped;
    return header_at(ring, ring->next) + 1;
}

void ring_add(struct ring *ring, size_t len)
{
    *header_at(ring, ring->next) = len;
    ring->next += place_len(len);
}

const void *ring_front(struct ring *ring, size_t *len)
{
    const uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);

    if (at != written && *header_at(ring, at) == SKIP) {
        at += tail_len(ring, at);
        atomic_store_explicit(&ring->read, at, memory_order_release);
    }
    if (at == written)
        return NULL;
    const uint64_t *header = header_at(ring, at);
    *len = (size_t)*header;
    return header + 1;
}

void ring_pop(struct ring *ring)
{
    const uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);

    atomic_store_explicit(&ring->read, at + place_len((size_t)*header_at(ring, at)),
                          memory_order_release);
}
