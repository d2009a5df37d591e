/* node/base/text.h: text from outside that will be shown to people. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-8 (RFC 3629: shortest forms, no surrogates) without control characters. */
bool text_is_printable(const char *text);
/* Make it so, in place: octets that are not ASCII, or not printable, become '?'. */
void text_make_printable(char *text);
/* Octets of the UTF-8 character at @at, which is not ASCII; 0: there is none. Reads at most four
 * octets, and none behind a NUL. */
size_t text_utf8_len(const uint8_t *at);
