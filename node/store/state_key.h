/* node/store/state_key.h: keys of the stored state. Part of the stored format: what is written here
 * never changes under one state version. Pure; any thread.
 *
 * Reversed name: labels from the root down, each followed by a dot, octets other than a-z, 0-9, '-'
 * and '_' as \ooo (octal), then one zero octet. As octets this orders as Route 53 lists names
 * ("com.example.www." compared as text), and a zone's names are neighbours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/kv.h"

#define STATE_KEY_NAME_MAX 1024u /* octets of a reversed name */
#define STATE_KEY_TYPE_LEN 3u
#define STATE_KEY_SET_MAX (8u + STATE_KEY_NAME_MAX + STATE_KEY_TYPE_LEN + 128u)

/* Reversed form of @name (wire octets of any case); its length with the zero octet. */
size_t state_key_name(const uint8_t *name, uint8_t out[STATE_KEY_NAME_MAX]);
/* Back: wire octets, lower case, to @name (255 octets). Octets of @key used, or ERR_CORRUPT. */
int state_key_name_decode(const uint8_t *key, size_t len, uint8_t *name);

/* Types order as their Route 53 names do; types without such a name follow, by number. */
void state_key_type(uint16_t type, uint8_t out[STATE_KEY_TYPE_LEN]);
uint16_t state_key_type_decode(const uint8_t key[STATE_KEY_TYPE_LEN]);

void state_key_u64(uint64_t number, uint8_t out[8]); /* big-endian */
uint64_t state_key_u64_decode(const uint8_t key[8]);

/* The least octets above every key that starts with @key, in place; its new length, 0: none. */
size_t state_key_successor(uint8_t *key, size_t len);
