/* links: cluster */
/* Keys that zones are signed by: true ones, sealed, with the tag and digest that everybody else
 * computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/hex.h"
#include "cluster/secrets.h"
#include "cluster/signing_key.h"

static void derive(uint8_t first, struct secrets *out)
{
    uint8_t key[SECRETS_KEY_LEN] = {first}, id[SECRETS_CLUSTER_ID_LEN] = {9};

    secrets_derive(key, id, out);
}

/* RFC 6605 6.1: the P-256 key of example.net with its tag and DS. */
static void test_describe_example_of_rfc6605(void **state)
{
    static const uint8_t owner[] = "\7example\3net";
    static const char expected_ds[] =
        "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
    static const char public_key[] = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
                                     "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
    uint8_t dnskey[SIGNING_KEY_DNSKEY_LEN] = {1, 1, 3, 13}, ds[SIGNING_KEY_DS_LEN];
    char text[BASE64_SIZE(64)], ds_hex[2 * SIGNING_KEY_DS_LEN + 1];
    uint16_t tag = 0;

    (void)state;
    /* From base64, by trying: the house only writes it. */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    for (size_t i = 0, at = 4; public_key[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, public_key[i]) - digits);
        if (i % 4 != 0)
            dnskey[at++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    base64_format(dnskey + 4, 64, text);
    assert_string_equal(text, public_key);
    assert_int_equal(signing_key_describe(owner, dnskey, sizeof(dnskey), &tag, ds), 0);
    assert_int_equal(tag, 55648);
    hex_format(ds, sizeof(ds), ds_hex);
    assert_string_equal(ds_hex, expected_ds);
}

static void test_describe_nonsense_is_refused(void **state)
{
    uint8_t ds[SIGNING_KEY_DS_LEN];
    uint16_t tag;

    (void)state;
    assert_int_equal(signing_key_describe((const uint8_t *)"", (const uint8_t *)"x", 1, &tag, ds),
                     ERR_INVALID);
}

static void test_make_seals_the_key_of_its_dnskey(void **state)
{
    struct signing_key a, b;
    struct secrets ours, theirs;

    (void)state;
    derive(1, &ours);
    derive(2, &theirs);
    assert_int_equal(signing_key_make(&ours, &a), 0);
    assert_int_equal(signing_key_make(&ours, &b), 0);
    assert_memory_equal(a.dnskey, "\1\1\3\15", 4);
    assert_memory_not_equal(a.dnskey, b.dnskey, sizeof(a.dnskey));
    assert_int_equal(signing_key_check(&ours, a.dnskey, sizeof(a.dnskey), a.sealed, a.sealed_len),
                     0);
    assert_int_equal(signing_key_check(&theirs, a.dnskey, sizeof(a.dnskey), a.sealed, a.sealed_len),
                     ERR_CORRUPT);
    assert_int_equal(signing_key_check(&ours, b.dnskey, sizeof(b.dnskey), a.sealed, a.sealed_len),
                     ERR_CORRUPT);
    a.sealed[a.sealed_len / 2] ^= 1;
    assert_int_equal(signing_key_check(&ours, a.dnskey, sizeof(a.dnskey), a.sealed, a.sealed_len),
                     ERR_CORRUPT);
    assert_null(memmem(b.sealed, b.sealed_len, "PRIVATE", 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe_example_of_rfc6605),
        cmocka_unit_test(test_describe_nonsense_is_refused),
        cmocka_unit_test(test_make_seals_the_key_of_its_dnskey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
