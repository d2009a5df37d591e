/* node/base/mix.h: a mixer of 64 bits, for hash tables and for draws that keep no secret. Routing
 * on every node relies on its values: they never change. Pure; any thread. */
#pragma once

#include <stdint.h>

/* Steps of a sequence whose mixed members are a splitmix64 generator. */
#define MIX64_STEP UINT64_C(0x9e3779b97f4a7c15)

/* splitmix64's output function: one to one, each bit of the result depends on all of @x. */
static inline uint64_t mix64(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}
