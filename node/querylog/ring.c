#include "querylog/ring.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dns/question.h"

#define MASK (QUERYLOG_RING_RECORDS - 1)
_Static_assert((QUERYLOG_RING_RECORDS & MASK) == 0, "a power of two");

struct querylog_ring *querylog_ring_new(void)
{
    struct querylog_ring *ring = aligned_alloc(_Alignof(struct querylog_ring), sizeof(*ring));

    if (ring) /* records are written before they are read: their pages come when they are used */
        memset(ring, 0, offsetof(struct querylog_ring, records));
    return ring;
}

void querylog_ring_free(struct querylog_ring *ring)
{
    free(ring);
}

/* The record to fill next; NULL: the ring is full. */
static struct querylog_record *reserve(struct querylog_ring *ring)
{
    if (ring->next - ring->read_seen == QUERYLOG_RING_RECORDS) {
        ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
        if (ring->next - ring->read_seen == QUERYLOG_RING_RECORDS)
            return NULL;
    }
    return &ring->records[ring->next & MASK];
}

static void copy_client(const struct sockaddr *client, struct querylog_record *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    out->client_len = 0;
    if (client && client->sa_family == AF_INET) {
        memcpy(out->client, &((const struct sockaddr_in *)(const void *)client)->sin_addr, 4);
        out->client_len = 4;
    } else if (client && client->sa_family == AF_INET6) {
        const uint8_t *octets =
            ((const struct sockaddr_in6 *)(const void *)client)->sin6_addr.s6_addr;
        const bool is_mapped = memcmp(octets, mapped, sizeof(mapped)) == 0;
        out->client_len = is_mapped ? 4 : 16;
        memcpy(out->client, is_mapped ? octets + 12 : octets, out->client_len);
    }
}

/* A subnet of no bits says nothing (RFC 7871 7.1.2). */
static void copy_subnet(const struct dns_options *options, struct querylog_record *out)
{
    const struct dns_ecs *ecs = &options->ecs;

    out->subnet_len = 0;
    if ((options->has & DNS_HAS_ECS) == 0 || ecs->family == DNS_ECS_NONE || ecs->source_bits == 0)
        return;
    out->subnet_len = ecs->family == DNS_ECS_IPV6 ? 16 : 4;
    out->subnet_bits = ecs->source_bits;
    memset(out->subnet, 0, sizeof(out->subnet));
    memcpy(out->subnet, ecs->address, ecs->address_len);
}

void querylog_ring_note(struct querylog_ring *ring, const struct querylog_event *event)
{
    struct querylog_record *record = reserve(ring);
    struct dns_question question;

    if (!record) {
        uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
        atomic_store_explicit(&ring->dropped, dropped + 1, memory_order_relaxed);
        return;
    }
    /* The answer path has read it before, but keeps nothing of it: only logged queries pay. */
    if (dns_question_parse(event->request, event->request_len, &question) != DNS_VERDICT_OK)
        return;
    record->time_wall_ms = event->time_wall_ms;
    record->slot = event->slot;
    record->type = question.type;
    record->rcode = event->rcode;
    record->is_tcp = event->is_tcp;
    copy_client(event->client, record);
    copy_subnet(&question.options, record);
    memcpy(record->name, question.name_lower, question.name_len);
    ring->next++;
}

const struct querylog_record *querylog_ring_front(struct querylog_ring *ring)
{
    const uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);

    if (at == atomic_load_explicit(&ring->written, memory_order_acquire))
        return NULL;
    return &ring->records[at & MASK];
}

void querylog_ring_pop(struct querylog_ring *ring)
{
    const uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);

    atomic_store_explicit(&ring->read, at + 1, memory_order_release);
}
