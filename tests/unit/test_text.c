/* links: base */
/* Text that is shown to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void test_printable_is_utf8_without_control_characters(void **state)
{
    static const char *const good[] = {
        "", "a b~", "\xc2\xa0", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80"};
    static const char *const bad[] = {"\n",
                                      "\x7f",
                                      "\x80",
                                      "\xc2",
                                      "\xc0\x80",
                                      "\xc2\x85",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "a\xffz"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(text_is_printable(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(text_is_printable(bad[i]));
}

static void test_make_printable(void **state)
{
    char text[] = "a\x01\xc3\xa4 ~\x7f";

    (void)state;
    text_make_printable(text);
    assert_string_equal(text, "a??? ~?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_is_utf8_without_control_characters),
        cmocka_unit_test(test_make_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
