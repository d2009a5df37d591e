/* node/base/ring.h: records of any length on their way from one thread to another. One writer, one
 * reader; neither ever waits, locks or allocates. When the ring is full what does not fit is
 * dropped and counted: threads that answer never wait for whoever writes down what they say.
 *
 * A record lies in one piece, so that it is written and read where it is. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    /* the writer's; positions count octets and never wrap */
    _Alignas(64) _Atomic uint64_t written; /* handed over */
    uint64_t next;                         /* and added, but not handed over yet */
    uint64_t read_seen;
    uint64_t size;
    _Atomic uint64_t dropped;
    /* the reader's */
    _Alignas(64) _Atomic uint64_t read;
    _Alignas(64) uint8_t octets[];
};

/* @size: octets, a power of two; their pages come when they are used. NULL: no memory. Freed by
 * ring_free(), which accepts NULL. */
struct ring *ring_new(uint64_t size);
void ring_free(struct ring *ring);
/* The longest record that ring_reserve() may be asked for. */
size_t ring_record_max(const struct ring *ring);

/* Room for a record of @len octets, aligned to 8; NULL: the ring is full, and one more is counted
 * as dropped. It is no record until ring_add(). Writer. */
void *ring_reserve(struct ring *ring, size_t len);
/* What was reserved last is a record of @len octets, or fewer than were asked for. The reader sees
 * it after ring_commit(). Writer. */
void ring_add(struct ring *ring, size_t len);
/* Hand over what was added. Writer. */
static inline void ring_commit(struct ring *ring)
{
    atomic_store_explicit(&ring->written, ring->next, memory_order_release);
}
/* Count a record that was not even tried. Writer. */
static inline void ring_drop(struct ring *ring)
{
    uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    atomic_store_explicit(&ring->dropped, dropped + 1, memory_order_relaxed);
}

/* The oldest record and its length, valid until ring_pop(); NULL: none. Reader. */
const void *ring_front(struct ring *ring, size_t *len);
/* Give back the room of ring_front()'s record. Reader. */
void ring_pop(struct ring *ring);
/* How many were dropped so far. Any thread. */
static inline uint64_t ring_dropped(const struct ring *ring)
{
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}
