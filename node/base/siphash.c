/* node/base/siphash.c: the algorithm of the paper, section 2: two rounds for each word of the
 * message, four at the end. Words are little-endian at any alignment. */
#include "base/siphash.h"

enum { WORD_LEN = 8 };

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t get_word(const uint8_t *at, unsigned len)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < len; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void add_rounds(struct sip *sip, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        sip->v0 += sip->v1;
        sip->v2 += sip->v3;
        sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
        sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
        sip->v0 = rotate(sip->v0, 32);
        sip->v2 += sip->v1;
        sip->v0 += sip->v3;
        sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
        sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
        sip->v2 = rotate(sip->v2, 32);
    }
}

static void add_word(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    add_rounds(sip, 2);
    sip->v0 ^= word;
}

uint64_t siphash_24(const uint8_t key[SIPHASH_KEY_LEN], const uint8_t *octets, size_t len)
{
    const uint64_t k0 = get_word(key, WORD_LEN), k1 = get_word(key + WORD_LEN, WORD_LEN);
    struct sip sip = {
        k0 ^ UINT64_C(0x736f6d6570736575), /* "somepseudorandomlygeneratedbytes" */
        k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    for (; len - at >= WORD_LEN; at += WORD_LEN)
        add_word(&sip, get_word(octets + at, WORD_LEN));
    add_word(&sip, get_word(octets + at, (unsigned)(len - at)) | (uint64_t)(len & 0xff) << 56);
    sip.v2 ^= 0xff;
    add_rounds(&sip, 4);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
