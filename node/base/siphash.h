/* node/base/siphash.h: SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs
 * that stays unpredictable to whoever chooses the inputs but lacks the key. Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_LEN 16u

/* The 64-bit hash of @len octets under @key; the wire form of the algorithm is this number, least
 * octet first. */
uint64_t siphash_24(const uint8_t key[SIPHASH_KEY_LEN], const uint8_t *octets, size_t len);
