/* tests/sim/rng.h: the only source of chance (xoshiro256**). Equal seeds give equal runs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* [0, bound); 0 when @bound is 0 */
uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high); /* [low, high] */
bool rng_chance(struct rng *rng, uint32_t per_mille);
