#include "cluster/token.h"

#include <string.h>

#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "base/assert.h"
#include "base/err.h"

#define TOKEN_PREFIX "QT1."
#define PREFIX_LEN 4
#define OCTETS_LEN (TOKEN_CLUSTER_ID_LEN + TOKEN_HASH_LEN + 8 + TOKEN_SECRET_LEN)
#define DIGITS_LEN (TOKEN_TEXT_LEN - PREFIX_LEN)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 88 octets are 29 groups of three and one octet over: 118 digits, the last with four free bits. */
_Static_assert(OCTETS_LEN % 3 == 1 && DIGITS_LEN == OCTETS_LEN / 3 * 4 + 2, "token length");

static void encode(const uint8_t *octets, char *out)
{
    unsigned bits = 0, held = 0;

    for (unsigned i = 0; i < OCTETS_LEN; i++) {
        held = held << 8 | octets[i];
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            *out++ = digits[held >> bits & 63];
        }
        held &= (1u << bits) - 1;
    }
    *out++ = digits[held << (6 - bits) & 63];
    *out = '\0';
}

/* The value of one digit without a branch or table that depends on it: part of the text is secret.
 * Above 63: not a digit. */
static unsigned value_of(unsigned char c)
{
    unsigned value = 64;

    for (unsigned i = 0; i < 64; i++) {
        unsigned difference = (unsigned)(unsigned char)digits[i] ^ c;
        unsigned is_equal = ((difference - 1) >> 8) & 1; /* 1 only when difference is 0 */
        value ^= (0u - is_equal) & (value ^ i);
    }
    return value;
}

static int decode(const char *text, uint8_t *out)
{
    unsigned bits = 0, held = 0, wrong = 0;

    for (unsigned i = 0; i < DIGITS_LEN; i++) {
        unsigned value = value_of((unsigned char)text[i]);
        wrong |= value >> 6;
        held = held << 6 | (value & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(held >> bits);
            held &= (1u << bits) - 1;
        }
    }
    return wrong != 0 || held != 0 ? ERR_INVALID : 0;
}

void token_format(const struct token *token, char *out)
{
    uint8_t octets[OCTETS_LEN];
    uint8_t *at = octets;

    ASSERT(token->id != 0);
    memcpy(at, token->cluster_id, TOKEN_CLUSTER_ID_LEN);
    at += TOKEN_CLUSTER_ID_LEN;
    memcpy(at, token->ca_hash, TOKEN_HASH_LEN);
    at += TOKEN_HASH_LEN;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(token->id >> shift);
    memcpy(at, token->secret, TOKEN_SECRET_LEN);
    memcpy(out, TOKEN_PREFIX, PREFIX_LEN);
    encode(octets, out + PREFIX_LEN);
    explicit_bzero(octets, sizeof(octets));
}

int token_parse(const char *text, struct token *out)
{
    uint8_t octets[OCTETS_LEN];
    const uint8_t *at = octets;
    uint64_t id = 0;

    if (strnlen(text, TOKEN_TEXT_LEN + 1) < PREFIX_LEN || memcmp(text, "QT", 2) != 0)
        return ERR_INVALID;
    if (memcmp(text, TOKEN_PREFIX, PREFIX_LEN) != 0)
        return ERR_VERSION;
    if (strnlen(text, TOKEN_TEXT_LEN + 1) != TOKEN_TEXT_LEN)
        return ERR_INVALID;
    int rc = decode(text + PREFIX_LEN, octets);
    for (unsigned i = 0; i < 8; i++)
        id = id << 8 | octets[TOKEN_CLUSTER_ID_LEN + TOKEN_HASH_LEN + i];
    if (rc == 0 && id == 0)
        rc = ERR_INVALID;
    if (rc == 0) {
        memcpy(out->cluster_id, at, TOKEN_CLUSTER_ID_LEN);
        memcpy(out->ca_hash, at + TOKEN_CLUSTER_ID_LEN, TOKEN_HASH_LEN);
        out->id = id;
        memcpy(out->secret, at + OCTETS_LEN - TOKEN_SECRET_LEN, TOKEN_SECRET_LEN);
    }
    explicit_bzero(octets, sizeof(octets));
    return rc;
}

void token_hash(const uint8_t secret[TOKEN_SECRET_LEN], uint8_t out[TOKEN_HASH_LEN])
{
    struct sha256_ctx hash;

    sha256_init(&hash);
    sha256_update(&hash, TOKEN_SECRET_LEN, secret);
    sha256_digest(&hash, TOKEN_HASH_LEN, out);
    explicit_bzero(&hash, sizeof(hash));
}

bool token_is_secret(const uint8_t secret[TOKEN_SECRET_LEN], const uint8_t hash[TOKEN_HASH_LEN])
{
    uint8_t own[TOKEN_HASH_LEN];

    token_hash(secret, own);
    return memeql_sec(own, hash, TOKEN_HASH_LEN);
}

void token_wipe(struct token *token)
{
    explicit_bzero(token, sizeof(*token));
}
