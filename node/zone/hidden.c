#include "zone/hidden.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"

#include <stdio.h>
#include <string.h>

#define START "_tp"
#define START_LEN 3u
#define DIGITS_LEN 32u

static void digits_of(const char *id, char out[DIGITS_LEN + 1])
{
    size_t len = 0;

    for (size_t i = 0; i < ZONE_HIDDEN_ID_LEN && len < DIGITS_LEN; i++)
        if (id[i] != '-')
            out[len++] = id[i];
    out[len] = '\0';
}

int zone_hidden_name(const uint8_t *apex, const char *id, unsigned number, uint8_t *out)
{
    char digits[DIGITS_LEN + 1], label[1 + ZONE_HIDDEN_LABEL_LEN + 1];

    ASSERT(number < ZONE_HIDDEN_MAX);
    digits_of(id, digits);
    const int len = snprintf(label, sizeof(label), "%c" START "%s%03u", (char)ZONE_HIDDEN_LABEL_LEN,
                             digits, number);
    ASSERT(len == 1 + (int)ZONE_HIDDEN_LABEL_LEN);
    return dns_name_join((const uint8_t *)label, (unsigned)len, apex, out) < 0 ? ERR_LIMIT : 0;
}

bool zone_hidden_is_of(const uint8_t *name, const char *id)
{
    char digits[DIGITS_LEN + 1];

    digits_of(id, digits);
    return name[0] == ZONE_HIDDEN_LABEL_LEN && memcmp(name + 1, START, START_LEN) == 0 &&
           memcmp(name + 1 + START_LEN, digits, strlen(digits)) == 0;
}

void zone_hidden_to_image(uint8_t *name)
{
    ASSERT(name[0] == ZONE_HIDDEN_LABEL_LEN && name[2] == 't' && name[3] == 'p');
    name[2] = 'T';
    name[3] = 'P';
}
