/* node/querylog/ring.h: what one thread that answers has to say about logged queries, on its way to
 * the thread that writes it down. One writer, one reader; neither ever waits, locks or allocates.
 * When the ring is full what does not fit is dropped and counted: answers never wait for the log.
 *
 * A record holds copies, so that a line can be made when the packet and the zone are long gone. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

struct sockaddr;

#define QUERYLOG_RING_RECORDS 8192u /* a power of two; 2.5 MiB */

struct querylog_record {
    _Alignas(64) uint64_t time_wall_ms;
    uint16_t slot; /* which zone: querylog/table.h */
    uint16_t type, rcode;
    bool is_tcp;
    uint8_t client_len; /* octets: 4, 16; 0: not known */
    uint8_t client[16];
    uint8_t subnet_len;  /* octets: 4, 16; 0: the client told none */
    uint8_t subnet_bits; /* how many of them count */
    uint8_t subnet[16];
    uint8_t name[DNS_NAME_MAX]; /* wire octets, lower case */
};

struct querylog_ring {
    /* the writer's */
    _Alignas(64) _Atomic uint64_t written; /* records handed over */
    uint64_t next;                         /* and noted, but not handed over yet */
    uint64_t read_seen;
    _Atomic uint64_t dropped;
    /* the reader's */
    _Alignas(64) _Atomic uint64_t read;
    struct querylog_record records[QUERYLOG_RING_RECORDS];
};

/* NULL: no memory. Freed by querylog_ring_free(), which accepts NULL. */
struct querylog_ring *querylog_ring_new(void);
void querylog_ring_free(struct querylog_ring *ring);

struct querylog_event {
    const struct sockaddr *client; /* NULL: not known */
    const uint8_t *request;        /* octets of a query that was answered from a zone of ours */
    uint16_t request_len;
    uint16_t slot;
    uint16_t rcode;
    bool is_tcp;
    uint64_t time_wall_ms;
};
/* Note one query; seen by the reader after querylog_ring_commit(). Everything is copied. Writer. */
void querylog_ring_note(struct querylog_ring *ring, const struct querylog_event *event);
/* Hand over what was noted. Writer. */
static inline void querylog_ring_commit(struct querylog_ring *ring)
{
    atomic_store_explicit(&ring->written, ring->next, memory_order_release);
}

/* The oldest record, valid until querylog_ring_pop(); NULL: none. Reader. */
const struct querylog_record *querylog_ring_front(struct querylog_ring *ring);
void querylog_ring_pop(struct querylog_ring *ring);
/* How many were dropped so far. Any thread. */
static inline uint64_t querylog_ring_dropped(const struct querylog_ring *ring)
{
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}
