#include "zone/key.h"

#include "base/assert.h"
#include "dns/name.h"

#include <string.h>

/* Symbols in the order of octets, so that keys sort as names do (RFC 4034 6.1): 0 ends a label;
 * what host names are made of has a symbol of its own: '-' 2, digits 4 to 13, '_' 15, letters 17 to
 * 42; every other octet is one of the escapes 1, 3, 14, 16, 43 to 45 and a second symbol. A second
 * symbol of 0 is none: both are always written, and the next octet overwrites what is not used. */
/* clang-format off */
static const uint8_t SYMBOLS[256][2] = {
    {1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7}, {1, 8},
    {1, 9}, {1, 10}, {1, 11}, {1, 12}, {1, 13}, {1, 14}, {1, 15}, {1, 16},
    {1, 17}, {1, 18}, {1, 19}, {1, 20}, {1, 21}, {1, 22}, {1, 23}, {1, 24},
    {1, 25}, {1, 26}, {1, 27}, {1, 28}, {1, 29}, {1, 30}, {1, 31}, {1, 32},
    {1, 33}, {1, 34}, {1, 35}, {1, 36}, {1, 37}, {1, 38}, {1, 39}, {1, 40},
    {1, 41}, {1, 42}, {1, 43}, {1, 44}, {1, 45}, {2, 0}, {3, 1}, {3, 2},
    {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 0}, {11, 0},
    {12, 0}, {13, 0}, {14, 1}, {14, 2}, {14, 3}, {14, 4}, {14, 5}, {14, 6},
    {14, 7}, {14, 8}, {14, 9}, {14, 10}, {14, 11}, {14, 12}, {14, 13}, {14, 14},
    {14, 15}, {14, 16}, {14, 17}, {14, 18}, {14, 19}, {14, 20}, {14, 21}, {14, 22},
    {14, 23}, {14, 24}, {14, 25}, {14, 26}, {14, 27}, {14, 28}, {14, 29}, {14, 30},
    {14, 31}, {14, 32}, {14, 33}, {14, 34}, {14, 35}, {14, 36}, {14, 37}, {15, 0},
    {16, 1}, {17, 0}, {18, 0}, {19, 0}, {20, 0}, {21, 0}, {22, 0}, {23, 0},
    {24, 0}, {25, 0}, {26, 0}, {27, 0}, {28, 0}, {29, 0}, {30, 0}, {31, 0},
    {32, 0}, {33, 0}, {34, 0}, {35, 0}, {36, 0}, {37, 0}, {38, 0}, {39, 0},
    {40, 0}, {41, 0}, {42, 0}, {43, 1}, {43, 2}, {43, 3}, {43, 4}, {43, 5},
    {43, 6}, {43, 7}, {43, 8}, {43, 9}, {43, 10}, {43, 11}, {43, 12}, {43, 13},
    {43, 14}, {43, 15}, {43, 16}, {43, 17}, {43, 18}, {43, 19}, {43, 20}, {43, 21},
    {43, 22}, {43, 23}, {43, 24}, {43, 25}, {43, 26}, {43, 27}, {43, 28}, {43, 29},
    {43, 30}, {43, 31}, {43, 32}, {43, 33}, {43, 34}, {43, 35}, {43, 36}, {43, 37},
    {43, 38}, {43, 39}, {43, 40}, {43, 41}, {43, 42}, {43, 43}, {43, 44}, {43, 45},
    {44, 1}, {44, 2}, {44, 3}, {44, 4}, {44, 5}, {44, 6}, {44, 7}, {44, 8},
    {44, 9}, {44, 10}, {44, 11}, {44, 12}, {44, 13}, {44, 14}, {44, 15}, {44, 16},
    {44, 17}, {44, 18}, {44, 19}, {44, 20}, {44, 21}, {44, 22}, {44, 23}, {44, 24},
    {44, 25}, {44, 26}, {44, 27}, {44, 28}, {44, 29}, {44, 30}, {44, 31}, {44, 32},
    {44, 33}, {44, 34}, {44, 35}, {44, 36}, {44, 37}, {44, 38}, {44, 39}, {44, 40},
    {44, 41}, {44, 42}, {44, 43}, {44, 44}, {44, 45}, {45, 1}, {45, 2}, {45, 3},
    {45, 4}, {45, 5}, {45, 6}, {45, 7}, {45, 8}, {45, 9}, {45, 10}, {45, 11},
    {45, 12}, {45, 13}, {45, 14}, {45, 15}, {45, 16}, {45, 17}, {45, 18}, {45, 19},
    {45, 20}, {45, 21}, {45, 22}, {45, 23}, {45, 24}, {45, 25}, {45, 26}, {45, 27},
    {45, 28}, {45, 29}, {45, 30}, {45, 31}, {45, 32}, {45, 33}, {45, 34}, {45, 35},
    {45, 36}, {45, 37}, {45, 38}, {45, 39}, {45, 40}, {45, 41}, {45, 42}, {45, 43},
};
/* clang-format on */

/* `restrict` and the copies of lengths let the compiler keep in registers what stores of octets
 * could otherwise change. */
static unsigned append_label(uint8_t *restrict symbols, unsigned len, const uint8_t *restrict label)
{
    const uint8_t *end = label + 1 + label[0];
    uint8_t *at = symbols + len;

    for (label++; label < end; label++) {
        uint16_t pair;
        memcpy(&pair, SYMBOLS[*label], sizeof(pair));
        memcpy(at, &pair, sizeof(pair));
        at += 1 + (SYMBOLS[*label][1] != 0);
    }
    *at++ = ZONE_KEY_END;
    return (unsigned)(at - symbols);
}

void zone__key_init(struct zone_key *restrict key, const uint8_t *restrict name, unsigned len)
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
        const unsigned start = starts[label_count - i];
        symbol_count = append_label(key->symbols, symbol_count, name + start);
        key->offsets[i] = (uint8_t)start;
        key->ends[i] = (uint16_t)symbol_count;
    }
    key->symbol_count = (uint16_t)symbol_count;
}

void zone__key_to_wildcard(struct zone_key *key, unsigned encloser_labels,
                           uint8_t name[DNS_NAME_MAX])
{
    const unsigned suffix_at = key->offsets[encloser_labels];
    const unsigned suffix_len = key->offsets[0] - suffix_at;
    const unsigned label_count = encloser_labels + 1;

    ASSERT(encloser_labels < key->label_count);
    name[0] = 1;
    name[1] = '*';
    memcpy(name + 2, key->name + suffix_at, suffix_len);
    for (unsigned i = 1; i <= encloser_labels; i++)
        key->offsets[i] = (uint8_t)(key->offsets[i] - suffix_at + 2);
    key->name = name;
    key->offsets[0] = (uint8_t)(2 + suffix_len);
    key->offsets[label_count] = 0;
    key->symbol_count = (uint16_t)append_label(key->symbols, key->ends[encloser_labels], name);
    key->ends[label_count] = key->symbol_count;
    key->label_count = (uint8_t)label_count;
}
