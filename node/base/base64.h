/* node/base/base64.h: octets as base64 (RFC 4648 4), with padding. Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1) /* of the text, with its NUL */

void base64_format(const uint8_t *octets, size_t len, char *out);
