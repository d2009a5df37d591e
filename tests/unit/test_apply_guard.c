/* links: cluster store test_apply */
/* The guard against mass deletion in the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"

#define SETTING "guard.delete_percent"
#define SETS 48 /* beside SOA and NS: 50 in all */

static void does(struct test_apply *test, Cmd__Command *command)
{
    const struct apply_result *result = test_apply_one(test, command);
    if (result->code != 0)
        fail_msg("%s", result->message);
}

static Cmd__Command *put_setting(struct test_apply *test, const char *value)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command->put_setting = test_apply_alloc(test, sizeof(Cmd__PutSetting));
    cmd__put_setting__init(command->put_setting);
    command->put_setting->name = SETTING;
    command->put_setting->value = test_apply_format(test, "%s", value);
    return command;
}

/* A change of hosts @from to @to - 1 by @action, then by @then unless that is ACTION_NONE. */
static Cmd__Command *change_hosts(struct test_apply *test, unsigned from, unsigned to,
                                  Cmd__Action action, Cmd__Action then)
{
    static uint64_t change_number = 100;
    Cmd__Command *command = test_change(test, 1, change_number++, 0);
    Cmd__ChangeRecordSets *body = command->change_record_sets;

    body->changes = test_apply_alloc(test, 2 * SETS * sizeof(*body->changes));
    for (unsigned round = 0; round < (then == CMD__ACTION__ACTION_NONE ? 1u : 2u); round++) {
        for (unsigned i = from; i < to; i++) {
            Cmd__Change *change = test_apply_alloc(test, sizeof(*change));
            cmd__change__init(change);
            change->action = round == 0 ? action : then;
            change->record_set = test_set(test, test_apply_format(test, "h%u.example.com", i),
                                          DNS_TYPE_A, 60, "c0000201");
            body->changes[body->n_changes++] = change;
        }
    }
    return command;
}

#define DELETE CMD__ACTION__ACTION_DELETE
#define CREATE CMD__ACTION__ACTION_CREATE
#define NONE CMD__ACTION__ACTION_NONE

static int setup(void **state)
{
    struct test_apply *test = calloc(1, sizeof(*test));
    struct kv kv;

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(test, kv);
    does(test, test_create_zone(test, 1, "example.com"));
    does(test, change_hosts(test, 0, SETS, CREATE, NONE));
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    test_apply_fini(*state);
    free(*state);
    return 0;
}

static void refuses(struct test_apply *test, Cmd__Command *command, int code, const char *words)
{
    const struct apply_result *result = test_apply_one(test, command);

    assert_int_equal(result->code, code);
    if (!strstr(result->message, words))
        fail_msg("'%s' is not in '%s'", words, result->message);
    if (code == ERR_DENIED)
        assert_string_equal(result->error, "AccessDenied");
}

static void test_apply_guard_is_off_at_first(void **state)
{
    does(*state, change_hosts(*state, 0, SETS, DELETE, NONE));
}

static void test_apply_guard_refuses_more_than_its_share(void **state)
{
    struct test_apply *test = *state;

    does(test, put_setting(test, "30"));
    refuses(test, change_hosts(test, 0, 16, DELETE, NONE), ERR_DENIED,
            "would remove 16 of the zone's 50 record sets, but at most 30 % may go at once; "
            "'quartet cluster settings --delete-percent'");
    does(test, change_hosts(test, 0, 15, DELETE, NONE)); /* exactly 30 % */
    does(test, put_setting(test, "0"));
    does(test, change_hosts(test, 15, SETS, DELETE, NONE));
}

static void test_apply_guard_lets_ten_go(void **state)
{
    struct test_apply *test = *state;

    does(test, put_setting(test, "1"));
    does(test, change_hosts(test, 0, 10, DELETE, NONE));
    refuses(test, change_hosts(test, 10, 21, DELETE, NONE), ERR_DENIED, "would remove 11");
}

/* Terraform and others replace a set by DELETE and CREATE in one batch. */
static void test_apply_guard_does_not_count_what_is_put_again(void **state)
{
    struct test_apply *test = *state;

    does(test, put_setting(test, "1"));
    does(test, change_hosts(test, 0, SETS, DELETE, CREATE));
}

static void test_apply_guard_setting_is_a_percentage(void **state)
{
    struct test_apply *test = *state;
    static const char *const bad[] = {"101", "-1", "5%", "1000", "x"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(test, put_setting(test, bad[i]), ERR_INVALID, SETTING " is a number up to 100");
    does(test, put_setting(test, "100"));
    does(test, put_setting(test, ""));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_apply_guard_is_off_at_first),
        TEST(test_apply_guard_refuses_more_than_its_share),
        TEST(test_apply_guard_lets_ten_go),
        TEST(test_apply_guard_does_not_count_what_is_put_again),
        TEST(test_apply_guard_setting_is_a_percentage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
