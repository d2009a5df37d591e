/* Prefixes as text from outside, one a line: what is accepted round-trips, and a set of them holds
 * the first and last address of each. links: base */
#include "base/prefix.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define PREFIXES_MAX 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool try_line(const char *text, struct prefix *out)
{
    struct prefix again;
    const char *reason = NULL;
    char formatted[PREFIX_TEXT_SIZE];
    int err = prefix_parse(text, out, &reason);
    if (err != 0) {
        ASSERT(err == ERR_INVALID && reason != NULL);
        return false;
    }
    prefix_format(out, formatted);
    ASSERT(prefix_parse(formatted, &again, &reason) == 0);
    ASSERT(memcmp(&again, out, sizeof again) == 0);
    return true;
}

static void check_edges(const struct prefix_set *set, const struct prefix *prefix)
{
    unsigned bits = prefix->is_ipv6 ? 128 : 32;
    uint8_t last[16];
    memcpy(last, prefix->octets, sizeof last);
    for (unsigned bit = prefix->len; bit < bits; bit++)
        last[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    ASSERT(prefix_set_has(set, prefix->octets, prefix->is_ipv6));
    ASSERT(prefix_set_has(set, last, prefix->is_ipv6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct prefix prefixes[PREFIXES_MAX];
    size_t count = 0;
    char *text = malloc(len + 1);
    ASSERT(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    for (char *line = text; line != NULL && count < PREFIXES_MAX;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        count += try_line(line, &prefixes[count]);
        line = end != NULL ? end + 1 : NULL;
    }
    free(text);

    struct prefix_set *set;
    ASSERT(prefix_set_new(prefixes, count, &set) == 0);
    for (size_t i = 0; i < count; i++)
        check_edges(set, &prefixes[i]);
    prefix_set_free(set);
    return 0;
}
