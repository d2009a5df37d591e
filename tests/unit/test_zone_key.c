/* links: zone dns base */
/* Keys keep the canonical order of names (RFC 4034 6.1), for all octets. */
#include "zone/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state = 7;

static unsigned draw(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % limit);
}

/* Labels of one or two octets from a small part of the octets, so that names often share some. */
static void draw_name(uint8_t *out)
{
    unsigned len = 0;
    unsigned first = draw(254);

    for (unsigned labels = draw(4); labels > 0; labels--) {
        uint8_t label_len = (uint8_t)(1 + draw(2));
        out[len++] = label_len;
        for (; label_len > 0; label_len--)
            out[len++] = dns_octet_lower((uint8_t)(draw(3) ? first + draw(3) : draw(256)));
    }
    out[len] = 0;
}

static int compare_keys(const struct zone_key *a, const struct zone_key *b)
{
    for (unsigned at = 0; at < a->symbol_count || at < b->symbol_count; at++) {
        /* Where one key is over and the other is not, the shorter is the ancestor. */
        if (at >= a->symbol_count || at >= b->symbol_count)
            return at >= a->symbol_count ? -1 : 1;
        if (a->symbols[at] != b->symbols[at])
            return a->symbols[at] < b->symbols[at] ? -1 : 1;
    }
    return 0;
}

static void test_key_init_random_names_keep_canonical_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        uint8_t a[16], b[16];
        struct zone_key a_key, b_key;
        draw_name(a);
        draw_name(b);
        zone__key_init(&a_key, a, dns_name_len(a) - 1);
        zone__key_init(&b_key, b, dns_name_len(b) - 1);
        int order = dns_name_compare(a, b);
        assert_int_equal((order > 0) - (order < 0), compare_keys(&a_key, &b_key));
    }
}

static void test_key_init_longest_names_fit(void **state)
{
    uint8_t name[DNS_NAME_MAX];
    struct zone_key key;

    (void)state;
    memset(name, 0, sizeof(name));
    for (unsigned at = 0; at < 254; at += 2)
        name[at] = 1;
    zone__key_init(&key, name, 254);
    assert_int_equal(key.label_count, DNS_NAME_LABELS_MAX);
    assert_int_equal(key.symbol_count, 3 * DNS_NAME_LABELS_MAX);
    name[0] = name[64] = name[128] = 63;
    name[192] = 61;
    zone__key_init(&key, name, 254);
    assert_true(key.symbol_count <= ZONE_KEY_LEN_MAX);
    assert_int_equal(key.symbol_count, 2 * 250 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_init_random_names_keep_canonical_order),
        cmocka_unit_test(test_key_init_longest_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
