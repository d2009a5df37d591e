/* raft/io/mac.h: HMAC-SHA256 over frames. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_LEN 32
#define MAC_KEY_LEN 32

/* Write MAC_LEN octets to @out, which may not overlap @data. */
void mac_compute(const uint8_t *key, const uint8_t *data, size_t len, uint8_t *out);
/* Compares in constant time. */
bool mac_is_valid(const uint8_t *key, const uint8_t *data, size_t len, const uint8_t *mac);
