/* node/base/hex.h: octets and 64-bit ids as hexadecimal text. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Write 2 × @len lower-case digits and a NUL to @out. */
void hex_format(const uint8_t *octets, size_t len, char *out);
void hex_format_upper(const uint8_t *octets, size_t len, char *out); /* as DS records have it */
/* Read exactly 2 × @len digits of either case, and nothing behind them. 0; ERR_INVALID. */
int hex_parse(const char *text, uint8_t *out, size_t len);
/* A member id: 16 digits. */
#define HEX_ID_LEN 17
void hex_format_id(uint64_t id, char out[HEX_ID_LEN]);
int hex_parse_id(const char *text, uint64_t *out);
