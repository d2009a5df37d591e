/* tests/sim/rng.c: xoshiro256** seeded by splitmix64 (Blackman and Vigna, public domain). */
#include "sim/rng.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

void rng_init(struct rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix(&seed);
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Multiply and shift: a bias of 2^-32 and less does not matter to an adversary. */
uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    if (bound >> 32)
        return rng_next(rng) % bound;
    return ((rng_next(rng) >> 32) * bound) >> 32;
}

uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high)
{
    return low >= high ? low : low + rng_below(rng, high - low + 1);
}

bool rng_chance(struct rng *rng, uint32_t per_mille)
{
    return per_mille > 0 && rng_below(rng, 1000) < per_mille;
}
