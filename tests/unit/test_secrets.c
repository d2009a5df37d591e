/* links: cluster */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/secrets.h"

#define TEXT "a private key, say"
#define TEXT_LEN (sizeof(TEXT) - 1)

static void derive(uint8_t first, struct secrets *out)
{
    uint8_t key[SECRETS_KEY_LEN] = {first}, id[SECRETS_CLUSTER_ID_LEN] = {9};
    secrets_derive(key, id, out);
}

static void test_derive_keys_differ_and_repeat(void **state)
{
    struct secrets a, b, c;

    (void)state;
    derive(1, &a);
    derive(1, &b);
    derive(2, &c);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(a.mac_key, c.mac_key, SECRETS_KEY_LEN);
    assert_memory_not_equal(a.mac_key, a.admin_secret, SECRETS_KEY_LEN);
    assert_memory_not_equal(a.mac_key, a.seal_key, SECRETS_KEY_LEN);
    assert_memory_not_equal(a.seal_key, a.cluster_key, SECRETS_KEY_LEN);
}

static void test_open_sealed_same(void **state)
{
    struct secrets secrets;
    uint8_t nonce[12], sealed[TEXT_LEN + SECRETS_SEAL_EXTRA], plain[TEXT_LEN];

    (void)state;
    derive(1, &secrets);
    random_bytes(nonce, sizeof(nonce));
    secrets_seal(&secrets, "ca.key", nonce, (const uint8_t *)TEXT, TEXT_LEN, sealed);
    assert_int_equal(secrets_open(&secrets, "ca.key", sealed, sizeof(sealed), plain), 0);
    assert_memory_equal(plain, TEXT, TEXT_LEN);
}

static void test_open_changed_refused(void **state)
{
    struct secrets secrets, other;
    uint8_t nonce[12] = {0}, sealed[TEXT_LEN + SECRETS_SEAL_EXTRA], plain[TEXT_LEN];

    (void)state;
    derive(1, &secrets);
    derive(2, &other);
    secrets_seal(&secrets, "ca.key", nonce, (const uint8_t *)TEXT, TEXT_LEN, sealed);
    assert_int_equal(secrets_open(&other, "ca.key", sealed, sizeof(sealed), plain), ERR_CORRUPT);
    assert_int_equal(secrets_open(&secrets, "ca.kex", sealed, sizeof(sealed), plain), ERR_CORRUPT);
    assert_int_equal(secrets_open(&secrets, "ca.key", sealed, 28, plain), ERR_CORRUPT);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        assert_int_equal(secrets_open(&secrets, "ca.key", sealed, sizeof(sealed), plain),
                         i == 0 ? ERR_VERSION : ERR_CORRUPT);
        sealed[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derive_keys_differ_and_repeat),
        cmocka_unit_test(test_open_sealed_same),
        cmocka_unit_test(test_open_changed_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
