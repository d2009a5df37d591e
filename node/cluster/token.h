/* node/cluster/token.h: the text that lets one node join: which cluster, which CA, which token, and
 * the secret that proves it. Pure; any thread.
 *
 *     QT1.<base64url, unpadded, of: cluster id 16 | SHA-256 of the CA certificate 32 |
 *          token id 8 | secret 32>
 *
 * The CA's hash lets the joiner check whom it talks to before it gives the secret away. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_CLUSTER_ID_LEN 16
#define TOKEN_HASH_LEN 32
#define TOKEN_SECRET_LEN 32
#define TOKEN_TEXT_LEN 122 /* without the final NUL */

struct token {
    uint8_t cluster_id[TOKEN_CLUSTER_ID_LEN];
    uint8_t ca_hash[TOKEN_HASH_LEN]; /* SHA-256 of the CA certificate's DER */
    uint64_t id;                     /* not 0 */
    uint8_t secret[TOKEN_SECRET_LEN];
};

/* @out holds TOKEN_TEXT_LEN + 1 octets. */
void token_format(const struct token *token, char *out);
/* Exactly one text stands for a token: other lengths, characters, padding, stray bits and blanks
 * are ERR_INVALID, another version ERR_VERSION; *@out untouched. */
int token_parse(const char *text, struct token *out);
/* What state keeps of the secret. */
void token_hash(const uint8_t secret[TOKEN_SECRET_LEN], uint8_t out[TOKEN_HASH_LEN]);
/* Does @secret belong to the stored hash? Takes the same time whatever it is. */
bool token_is_secret(const uint8_t secret[TOKEN_SECRET_LEN], const uint8_t hash[TOKEN_HASH_LEN]);
/* Forget the secret. */
void token_wipe(struct token *token);
