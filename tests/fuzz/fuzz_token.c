/* links: cluster
 * Join tokens as typed: what parses must format to the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct token token;
    char again[TOKEN_TEXT_LEN + 1];

    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (token_parse(text, &token) == 0) {
        token_format(&token, again);
        if (strcmp(text, again) != 0)
            abort();
    }
    free(text);
    return 0;
}
