/* links: zone dns base */
/* Lists of zones and their files. */
#include "zone/zone_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_split_every_form_of_a_line(void **state)
{
    static const struct {
        const char *line;
        enum zone_list_line outcome;
        const char *name, *path;
    } cases[] = {
        {"", ZONE_LIST_NONE, NULL, NULL},
        {" \t\r\n", ZONE_LIST_NONE, NULL, NULL},
        {"# a.test file", ZONE_LIST_NONE, NULL, NULL},
        {"  #\n", ZONE_LIST_NONE, NULL, NULL},
        {"a.test\n", ZONE_LIST_BAD, NULL, NULL},
        {"a.test \t\n", ZONE_LIST_BAD, NULL, NULL},
        {"a.test file", ZONE_LIST_ENTRY, "a.test", "file"},
        {"\ta.test \t /x/a file\r\n", ZONE_LIST_ENTRY, "a.test", "/x/a file"},
        {"a.test #file\n", ZONE_LIST_ENTRY, "a.test", "#file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64];
        char *name = NULL, *path = NULL;
        snprintf(line, sizeof line, "%s", cases[i].line);
        assert_int_equal(zone_list_split(line, &name, &path), cases[i].outcome);
        if (cases[i].outcome != ZONE_LIST_ENTRY)
            continue;
        assert_string_equal(name, cases[i].name);
        assert_string_equal(path, cases[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split_every_form_of_a_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
