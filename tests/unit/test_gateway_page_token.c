/* links: gateway */
/* Where lists go on: tokens that are given out, and those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_token.h"

static void test_token_gives_its_octets_again(void **state)
{
    uint8_t octets[PAGE_TOKEN_OCTETS_MAX], out[PAGE_TOKEN_OCTETS_MAX];
    char token[PAGE_TOKEN_SIZE], again[PAGE_TOKEN_SIZE];
    size_t len = 99;

    (void)state;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)i;
    for (size_t wanted = 0; wanted <= sizeof(octets); wanted++) {
        page_token_format("ListCidrBlocks a", octets, wanted, token);
        assert_true(page_token_parse("ListCidrBlocks a", token, out, &len));
        assert_int_equal(len, wanted);
        assert_memory_equal(out, octets, len);
    }
    page_token_format("ListCidrBlocks a", octets, len, again);
    assert_string_equal(token, again); /* at every gateway the same */
}

static void test_token_of_another_list_refused(void **state)
{
    uint8_t out[PAGE_TOKEN_OCTETS_MAX];
    char token[PAGE_TOKEN_SIZE];
    size_t len = 99;

    (void)state;
    page_token_format("ListCidrBlocks a", (const uint8_t *)"start", 5, token);
    assert_false(page_token_parse("ListCidrBlocks b", token, out, &len));
    assert_false(page_token_parse("ListCidrBlocks ", token, out, &len));
    assert_int_equal(len, 99);
}

static void test_malformed_token_refused(void **state)
{
    uint8_t out[PAGE_TOKEN_OCTETS_MAX];
    char token[PAGE_TOKEN_SIZE + 64];
    size_t len;

    (void)state;
    page_token_format("list", (const uint8_t *)"start", 5, token);
    for (size_t i = 0; token[i]; i++) {
        char good = token[i];
        token[i] = good == '0' ? '1' : '0';
        assert_false(page_token_parse("list", token, out, &len));
        token[i] = '\0';
        assert_false(page_token_parse("list", token, out, &len));
        token[i] = good;
    }
    memset(token, '0', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    assert_false(page_token_parse("list", token, out, &len));
    assert_false(page_token_parse("list", "", out, &len));
    assert_false(page_token_parse("list", "zz", out, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_gives_its_octets_again),
        cmocka_unit_test(test_token_of_another_list_refused),
        cmocka_unit_test(test_malformed_token_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
