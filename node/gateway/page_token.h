/* node/gateway/page_token.h: where a list goes on, as text that tells clients nothing and that they
 * cannot make up by mistake. It is no secret: whoever forges one reads what he may read anyway. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_TOKEN_OCTETS_MAX 128u
#define PAGE_TOKEN_SIZE (2u * (8u + PAGE_TOKEN_OCTETS_MAX) + 1u)

/* Where to go on (@octets) in the list that @list names: an operation with all that it lists. */
void page_token_format(const char *list, const uint8_t *octets, size_t len,
                       char out[PAGE_TOKEN_SIZE]);
/* false: @token was not given out for @list. */
bool page_token_parse(const char *list, const char *token, uint8_t out[PAGE_TOKEN_OCTETS_MAX],
                      size_t *len);
