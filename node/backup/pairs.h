/* node/backup/pairs.h: pairs to and from the octets of a part, and the hash over the pairs of a
 * backup, which does not depend on how they were cut into parts. Within the room. */
#pragma once

#include "backup/frame.h"

#define PAIRS_KEY_MAX 0xffffu
#define PAIRS_VALUE_MAX (64u << 20)

struct pairs_hash;                             /* opaque */
struct pairs_hash *pairs_hash_new(void);       /* NULL: no memory */
void pairs_hash_free(struct pairs_hash *hash); /* accepts NULL */
void pairs_hash_add(struct pairs_hash *hash, enum kv_family family, struct kv_slice key,
                    struct kv_slice value);
void pairs_hash_end(struct pairs_hash *hash, uint8_t out[32]);

/* Octets of a pair in a part; 0: it does not fit the form. */
size_t pairs_len(struct kv_slice key, struct kv_slice value);
void pairs_encode(struct kv_slice key, struct kv_slice value, uint8_t *out);
/* The next pair of hostile octets from *@at on. ERR_CORRUPT. */
int pairs_decode(const uint8_t *octets, size_t len, size_t *at, struct kv_slice *key,
                 struct kv_slice *value);
