#include "zone/key.h"

#include "base/assert.h"
#include "dns/name.h"

#include <string.h>

/* Symbols in the order of octets, so that keys sort as names do (RFC 4034 6.1): 0 ends a label;
 * what host names are made of has a symbol of its own: '-' 2, digits 4 to 13, '_' 15, letters 17 to
 * 42; every other octet is one of the escapes 1, 3, 14, 16, 43 to 45 and a second symbol. */
/* clang-format off */
static const uint8_t FIRST[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3,
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 14, 14, 14, 14,
    14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14,
    14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 43, 43, 43, 43,
    43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43,
    43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43, 43,
    43, 43, 43, 43, 43, 43, 43, 43, 44, 44, 44, 44, 44, 44, 44, 44,
    44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44,
    44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44,
    44, 44, 44, 44, 44, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45,
    45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45,
    45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45,
};
static const uint8_t SECOND[256] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 0, 1, 2,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
    7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 0,
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5,
    6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
    38, 39, 40, 41, 42, 43, 44, 45, 1, 2, 3, 4, 5, 6, 7, 8,
    9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
};
/* clang-format on */

static unsigned append_label(uint8_t *symbols, unsigned len, const uint8_t *label)
{
    for (unsigned i = 1; i <= label[0]; i++) {
        symbols[len++] = FIRST[label[i]];
        if (SECOND[label[i]] != 0)
            symbols[len++] = SECOND[label[i]];
    }
    symbols[len++] = ZONE_KEY_END;
    return len;
}

void zone__key_init(struct zone_key *key, const uint8_t *name, unsigned len)
{
    uint8_t starts[DNS_NAME_LABELS_MAX + 1];
    unsigned label_count = 0;
    unsigned symbol_count = 0;

    for (unsigned at = 0; at < len; at += 1u + name[at]) {
        ASSERT(label_count < DNS_NAME_LABELS_MAX);
        starts[label_count++] = (uint8_t)at;
    }
    key->name = name;
    key->label_count = (uint8_t)label_count;
    key->offsets[0] = (uint8_t)len;
    key->ends[0] = 0;
    for (unsigned i = 1; i <= label_count; i++) {
        unsigned start = starts[label_count - i];
        symbol_count = append_label(key->symbols, symbol_count, name + start);
        key->offsets[i] = (uint8_t)start;
        key->ends[i] = (uint16_t)symbol_count;
    }
    key->symbol_count = (uint16_t)symbol_count;
}
