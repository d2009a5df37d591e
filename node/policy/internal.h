/* node/policy/internal.h: what the files of the room share. Ranks are numbers, the lesser the
 * better; a key is a rank with the set's index in its lowest bits, so keys are never equal and the
 * lesser index goes before where ranks are. */
#pragma once

#include "base/mix.h"
#include "policy/policy.h"

#define POLICY__INDEX_BITS 10u
#define POLICY__RANK_BITS (64u - POLICY__INDEX_BITS)
#define POLICY__INDEX_MASK ((1u << POLICY__INDEX_BITS) - 1)
_Static_assert(POLICY_SETS_MAX <= POLICY__INDEX_MASK + 1u, "an index fits a key");

static inline uint64_t policy__key(uint64_t rank, unsigned index)
{
    return rank << POLICY__INDEX_BITS | index;
}

static inline unsigned policy__key_index(uint64_t key)
{
    return (unsigned)(key & POLICY__INDEX_MASK);
}

/* hash(seed, number) of policy.h. */
static inline uint64_t policy__hash(uint64_t seed, uint64_t number)
{
    return mix64(seed + number * MIX64_STEP);
}

/* part(draw, count) of policy.h: floor(draw * count / 2^64), in 64-bit arithmetic. */
static inline uint32_t policy__part(uint64_t draw, uint32_t count)
{
    const uint64_t low = (draw & UINT32_MAX) * count;
    return (uint32_t)(((draw >> 32) * count + (low >> 32)) >> 32);
}

/* ---- order.c: ranking->order as keys that are taken out, the least first ---- */

/* The first @count keys of ranking->order are to be taken out. */
void policy__keys_begin(struct policy_ranking *ranking, unsigned count);
/* Take the least key out; there must be one. */
uint64_t policy__keys_take(struct policy_ranking *ranking);
/* Sort them where they lie, the least first. */
void policy__keys_sort(struct policy_ranking *ranking, unsigned count);

/* ---- weighted.c ---- */

/* The rank of a set of @weight that drew @hash: race(hash, weight) of policy.h. */
uint64_t policy__race(uint64_t hash, uint32_t weight);
unsigned policy__weighted_first(const struct policy_ranking *ranking);
/* The keys of those that come after @first. */
void policy__weighted_rest(struct policy_ranking *ranking, unsigned first);

/* ---- nearness.c: latency and geoproximity ---- */

unsigned policy__latency_first(struct policy_ranking *ranking);
void policy__latency_rest(struct policy_ranking *ranking, unsigned first);
unsigned policy__proximity_first(const struct policy_ranking *ranking);
void policy__proximity_rest(struct policy_ranking *ranking, unsigned first);

/* ---- located.c: geolocation and IP-based, found by key ---- */

unsigned policy__located_next(struct policy_ranking *ranking);
