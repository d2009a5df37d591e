/* Names from outside: as octets and as text. What is accepted must round-trip. links: dns */
#include "dns/name.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_octets(const uint8_t *data, size_t len)
{
    int name_len = dns_name_check(data, len);
    if (name_len < 0)
        return;
    ASSERT((unsigned)name_len == dns_name_len(data));

    uint8_t lower[DNS_NAME_MAX];
    uint8_t again[DNS_NAME_MAX];
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    char text[DNS_NAME_TEXT_SIZE];
    ASSERT(dns_name_lower(data, lower) == (unsigned)name_len);
    ASSERT(dns_name_is_equal(data, lower) && dns_name_compare(data, lower) == 0);
    unsigned labels = dns_name_split(data, offsets);
    ASSERT(labels == dns_name_label_count(data));
    for (unsigned i = 0; i <= labels; i++)
        ASSERT(dns_name_is_within(data, dns_name_skip(lower, i)));
    ASSERT(dns_name_format(data, text, sizeof text) > 0);
    ASSERT(dns_name_parse(text, NULL, again) == name_len);
    ASSERT(memcmp(again, data, (size_t)name_len) == 0);

    /* Two names: the order is antisymmetric and agrees with equality. */
    const uint8_t *rest = data + name_len;
    if (dns_name_check(rest, len - (size_t)name_len) < 0)
        return;
    int order = dns_name_compare(data, rest);
    int reverse = dns_name_compare(rest, data);
    ASSERT((order > 0) == (reverse < 0) && (order < 0) == (reverse > 0));
    ASSERT((order == 0) == dns_name_is_equal(data, rest));
}

static void try_text(const uint8_t *data, size_t len)
{
    uint8_t name[DNS_NAME_MAX];
    char *text = malloc(len + 1);
    ASSERT(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    int name_len = dns_name_parse(text, (const uint8_t *)"\7example\0", name);
    ASSERT(name_len < 0 || dns_name_check(name, sizeof name) == name_len);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    try_octets(data, len);
    try_text(data, len);
    return 0;
}
