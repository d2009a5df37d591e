#include "policy/health.h"

#include "base/err.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CHUNK_SLOTS 4096u
#define CHUNK_COUNT (POLICY_SLOT_MAX / CHUNK_SLOTS)
#define OCTET_UNWRITTEN ((uint8_t)(POLICY_HEALTHY_BIT | POLICY_HEALTH_NONE))

/* Slots are given out from 1 on, so chunks fill up in order and few are half empty. Octets and
 * indexes lie apart: answers read the octets of many slots and an index hardly ever. */
struct chunk {
    _Atomic uint8_t octets[CHUNK_SLOTS];
    _Atomic uint64_t since[CHUNK_SLOTS];
};

/* A chunk never moves and goes only with the whole, so readers need no section around them. */
struct policy_health {
    _Atomic(struct chunk *) chunks[CHUNK_COUNT];
};

int policy_health_new(struct policy_health **out)
{
    struct policy_health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return ERR_NOMEM;
    *out = health;
    return 0;
}

void policy_health_free(struct policy_health *health)
{
    if (health == NULL)
        return;
    for (unsigned i = 0; i < CHUNK_COUNT; i++)
        free(atomic_load_explicit(&health->chunks[i], memory_order_relaxed));
    free(health);
}

/* NULL: nothing near the slot was ever written. */
static struct chunk *chunk_of(const struct policy_health *health, uint32_t slot)
{
    if (slot == POLICY_SLOT_NONE || slot >= POLICY_SLOT_MAX)
        return NULL;
    return atomic_load_explicit(&health->chunks[slot / CHUNK_SLOTS], memory_order_acquire);
}

uint8_t policy_health_get(const struct policy_health *health, uint32_t slot)
{
    const struct chunk *chunk = chunk_of(health, slot);
    if (chunk == NULL)
        return OCTET_UNWRITTEN;
    return atomic_load_explicit(&chunk->octets[slot % CHUNK_SLOTS], memory_order_acquire);
}

uint64_t policy_health_since(const struct policy_health *health, uint32_t slot)
{
    const struct chunk *chunk = chunk_of(health, slot);
    if (chunk == NULL)
        return 0;
    return atomic_load_explicit(&chunk->since[slot % CHUNK_SLOTS], memory_order_acquire);
}

static struct chunk *chunk_new(void)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    for (unsigned i = 0; i < CHUNK_SLOTS; i++)
        atomic_init(&chunk->octets[i], OCTET_UNWRITTEN);
    return chunk;
}

/* The chunk of @slot, made if it must be. ERR_LIMIT, ERR_NOMEM. */
static int take_chunk(struct policy_health *health, uint32_t slot, struct chunk **out)
{
    if (slot == POLICY_SLOT_NONE || slot >= POLICY_SLOT_MAX)
        return ERR_LIMIT;
    struct chunk *chunk = chunk_of(health, slot);
    if (chunk == NULL) {
        chunk = chunk_new();
        if (chunk == NULL)
            return ERR_NOMEM;
        atomic_store_explicit(&health->chunks[slot / CHUNK_SLOTS], chunk, memory_order_release);
    }
    *out = chunk;
    return 0;
}

/* The index first: who reads the new octet then finds the index that belongs to it. */
int policy_health_restore(struct policy_health *health, uint32_t slot, uint8_t octet,
                          uint64_t since_index)
{
    struct chunk *chunk;
    int rc = take_chunk(health, slot, &chunk);

    if (rc != 0)
        return rc;
    atomic_store_explicit(&chunk->since[slot % CHUNK_SLOTS], since_index, memory_order_relaxed);
    atomic_store_explicit(&chunk->octets[slot % CHUNK_SLOTS], octet, memory_order_release);
    return 0;
}

int policy_health_set(struct policy_health *health, uint32_t slot, uint8_t octet, uint64_t index)
{
    bool is_flip = policy_is_healthy(policy_health_get(health, slot)) != policy_is_healthy(octet);

    return policy_health_restore(health, slot, octet,
                                 is_flip ? index : policy_health_since(health, slot));
}
