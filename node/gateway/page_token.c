#include "gateway/page_token.h"

#include <string.h>

#include "base/assert.h"
#include "base/hex.h"
#include "base/siphash.h"

#define SUM_LEN 8u
#define LIST_LEN_MAX 256u

/* All gateways give and take the same tokens, so the key is one that all know. */
static const uint8_t key[SIPHASH_KEY_LEN] = "quartet page tok";

/* Over the list's name and the octets behind it. */
static void put_sum(const char *list, const uint8_t *octets, size_t len, uint8_t out[SUM_LEN])
{
    uint8_t input[LIST_LEN_MAX + PAGE_TOKEN_OCTETS_MAX];
    size_t list_len = strnlen(list, LIST_LEN_MAX - 1);

    memcpy(input, list, list_len);
    input[list_len] = 0;
    memcpy(input + list_len + 1, octets, len);
    uint64_t sum = siphash_24(key, input, list_len + 1 + len);
    for (unsigned i = 0; i < SUM_LEN; i++)
        out[i] = (uint8_t)(sum >> 8 * i);
}

void page_token_format(const char *list, const uint8_t *octets, size_t len,
                       char out[PAGE_TOKEN_SIZE])
{
    uint8_t token[SUM_LEN + PAGE_TOKEN_OCTETS_MAX];

    ASSERT(len <= PAGE_TOKEN_OCTETS_MAX);
    put_sum(list, octets, len, token);
    memcpy(token + SUM_LEN, octets, len);
    hex_format(token, SUM_LEN + len, out);
}

bool page_token_parse(const char *list, const char *token, uint8_t out[PAGE_TOKEN_OCTETS_MAX],
                      size_t *len)
{
    uint8_t octets[SUM_LEN + PAGE_TOKEN_OCTETS_MAX], sum[SUM_LEN];
    size_t token_len = strlen(token);

    if (token_len % 2 != 0 || token_len / 2 < SUM_LEN || token_len / 2 > sizeof(octets) ||
        hex_parse(token, octets, token_len / 2) != 0)
        return false;
    put_sum(list, octets + SUM_LEN, token_len / 2 - SUM_LEN, sum);
    if (memcmp(sum, octets, SUM_LEN) != 0)
        return false;
    *len = token_len / 2 - SUM_LEN;
    memcpy(out, octets + SUM_LEN, *len);
    return true;
}
