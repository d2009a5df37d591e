/* node/zone/key.h: a name as the trie sees it: labels from the root down, octets turned into
 * symbols of less than 6 bits. Internal to the room. */
#pragma once

#include "dns/name.h"

#include <stdint.h>

#define ZONE_KEY_END 0           /* symbol after each label, and everywhere past the key */
#define ZONE_KEY_SYMBOL_COUNT 46 /* symbols are 0 to 45 */
#define ZONE_KEY_LEN_MAX 510     /* an octet makes at most two */

struct zone_key {
    const uint8_t *name; /* wire form, borrowed */
    uint16_t symbol_count;
    uint8_t label_count;
    uint8_t offsets[DNS_NAME_LABELS_MAX + 1]; /* of the suffix of i labels in `name` */
    uint16_t ends[DNS_NAME_LABELS_MAX + 1];   /* symbols that the i labels nearest the root take */
    uint8_t symbols[ZONE_KEY_LEN_MAX + 1];    /* one more is written than counts */
};

/* The key of the first @len octets of @name: whole labels, lower case, without the root label. */
void zone__key_init(struct zone_key *restrict key, const uint8_t *restrict name, unsigned len);

/* Turn the key of a name below an encloser of so many labels into that of the encloser's wildcard,
 * whose name is put at @name and borrowed. */
void zone__key_to_wildcard(struct zone_key *key, unsigned encloser_labels,
                           uint8_t name[DNS_NAME_MAX]);

static inline unsigned zone__key_symbol(const struct zone_key *key, unsigned at)
{
    return at < key->symbol_count ? key->symbols[at] : ZONE_KEY_END;
}
