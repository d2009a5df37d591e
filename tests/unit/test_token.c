/* links: cluster */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/token.h"

static void make(struct token *token, char text[TOKEN_TEXT_LEN + 1])
{
    memset(token, 0, sizeof(*token));
    random_bytes(token, sizeof(*token));
    token->id |= 1;
    token_format(token, text);
}

static void test_parse_formatted_same(void **state)
{
    struct token token, back;
    char text[TOKEN_TEXT_LEN + 1];

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        make(&token, text);
        assert_int_equal(strlen(text), TOKEN_TEXT_LEN);
        memset(&back, 0, sizeof(back));
        assert_int_equal(token_parse(text, &back), 0);
        assert_memory_equal(back.cluster_id, token.cluster_id, sizeof(token.cluster_id));
        assert_memory_equal(back.ca_hash, token.ca_hash, sizeof(token.ca_hash));
        assert_true(back.id == token.id);
        assert_memory_equal(back.secret, token.secret, sizeof(token.secret));
    }
}

static void test_format_known_octets_known_text(void **state)
{
    struct token token;
    char text[TOKEN_TEXT_LEN + 1];

    (void)state;
    memset(&token, 0xff, sizeof(token));
    token_format(&token, text);
    assert_memory_equal(text, "QT1.____", 8);
    assert_int_equal(text[TOKEN_TEXT_LEN - 1], 'w'); /* two bits used: 110000 */
}

static void test_parse_any_changed_character_refused_or_different(void **state)
{
    struct token token, back;
    char text[TOKEN_TEXT_LEN + 1], changed[TOKEN_TEXT_LEN + 1];

    (void)state;
    make(&token, text);
    for (unsigned at = 0; at < TOKEN_TEXT_LEN; at++) {
        for (unsigned c = 1; c < 256; c++) {
            memcpy(changed, text, sizeof(text));
            changed[at] = (char)c;
            if (c == (unsigned char)text[at] || token_parse(changed, &back) != 0)
                continue;
            char again[TOKEN_TEXT_LEN + 1];
            token_format(&back, again);
            assert_string_equal(again, changed); /* one text, one token */
        }
    }
}

static void test_parse_wrong_form_refused(void **state)
{
    struct token token, back;
    char text[TOKEN_TEXT_LEN + 1], longer[TOKEN_TEXT_LEN + 8];

    (void)state;
    make(&token, text);
    assert_int_equal(token_parse("", &back), ERR_INVALID);
    assert_int_equal(token_parse("QT1.", &back), ERR_INVALID);
    snprintf(longer, sizeof(longer), "%s=", text);
    assert_int_equal(token_parse(longer, &back), ERR_INVALID);
    snprintf(longer, sizeof(longer), "%s\n", text);
    assert_int_equal(token_parse(longer, &back), ERR_INVALID);
    snprintf(longer, sizeof(longer), " %s", text);
    assert_int_equal(token_parse(longer, &back), ERR_INVALID);
    text[2] = '2';
    assert_int_equal(token_parse(text, &back), ERR_VERSION);
    text[2] = '1';
    text[TOKEN_TEXT_LEN - 1]++; /* stray bits behind the last octet */
    assert_int_equal(token_parse(text, &back), ERR_INVALID);
}

static void test_is_secret_other_secret_false(void **state)
{
    uint8_t secret[TOKEN_SECRET_LEN] = {1}, hash[TOKEN_HASH_LEN];

    (void)state;
    token_hash(secret, hash);
    assert_true(token_is_secret(secret, hash));
    secret[31] ^= 1;
    assert_false(token_is_secret(secret, hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_formatted_same),
        cmocka_unit_test(test_format_known_octets_known_text),
        cmocka_unit_test(test_parse_any_changed_character_refused_or_different),
        cmocka_unit_test(test_parse_wrong_form_refused),
        cmocka_unit_test(test_is_secret_other_secret_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
