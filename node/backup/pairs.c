#include "backup/pairs.h"

#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/err.h"

struct pairs_hash {
    struct sha256_ctx ctx;
};

struct pairs_hash *pairs_hash_new(void)
{
    struct pairs_hash *hash = malloc(sizeof(*hash));

    if (hash)
        sha256_init(&hash->ctx);
    return hash;
}

void pairs_hash_free(struct pairs_hash *hash)
{
    free(hash);
}

static void put_head(struct kv_slice key, struct kv_slice value, uint8_t *out)
{
    out[0] = (uint8_t)(key.len >> 8);
    out[1] = (uint8_t)key.len;
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)(value.len >> (24 - 8 * i));
}

void pairs_hash_add(struct pairs_hash *hash, enum kv_family family, struct kv_slice key,
                    struct kv_slice value)
{
    uint8_t head[1 + FRAME_PAIR_HEAD_LEN] = {(uint8_t)family};

    put_head(key, value, head + 1);
    sha256_update(&hash->ctx, sizeof(head), head);
    sha256_update(&hash->ctx, key.len, key.data);
    sha256_update(&hash->ctx, value.len, value.data);
}

void pairs_hash_end(struct pairs_hash *hash, uint8_t out[32])
{
    sha256_digest(&hash->ctx, 32, out);
}

size_t pairs_len(struct kv_slice key, struct kv_slice value)
{
    if (key.len == 0 || key.len > PAIRS_KEY_MAX || value.len > PAIRS_VALUE_MAX)
        return 0;
    return FRAME_PAIR_HEAD_LEN + key.len + value.len;
}

void pairs_encode(struct kv_slice key, struct kv_slice value, uint8_t *out)
{
    put_head(key, value, out);
    memcpy(out + FRAME_PAIR_HEAD_LEN, key.data, key.len);
    if (value.len > 0)
        memcpy(out + FRAME_PAIR_HEAD_LEN + key.len, value.data, value.len);
}

int pairs_decode(const uint8_t *octets, size_t len, size_t *at, struct kv_slice *key,
                 struct kv_slice *value)
{
    const uint8_t *head = octets + *at;
    size_t left = len - *at;

    if (left < FRAME_PAIR_HEAD_LEN)
        return ERR_CORRUPT;
    size_t key_len = (size_t)head[0] << 8 | head[1];
    size_t value_len =
        (size_t)head[2] << 24 | (size_t)head[3] << 16 | (size_t)head[4] << 8 | head[5];
    left -= FRAME_PAIR_HEAD_LEN;
    if (key_len == 0 || key_len > left || value_len > left - key_len)
        return ERR_CORRUPT;
    *key = kv_slice(head + FRAME_PAIR_HEAD_LEN, key_len);
    *value = kv_slice(head + FRAME_PAIR_HEAD_LEN + key_len, value_len);
    *at += FRAME_PAIR_HEAD_LEN + key_len + value_len;
    return 0;
}
