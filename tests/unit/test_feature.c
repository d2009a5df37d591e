/* links: cluster test_apply */
/* The cluster's feature level: raised through apply, judged, and what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/apply_feature.h"
#include "cluster/feature.h"
#include "cluster/upgrade.h"
#include "lib/kv_memory.h"
#include "lib/test_members.h"

static struct test_apply test;

static int start(void **state)
{
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

/* A member tells the highest level that its program knows. */
static int tell(uint64_t id, unsigned level)
{
    Cmd__UpdateMember update = CMD__UPDATE_MEMBER__INIT;
    Cmd__MemberContext context;

    test_member_context(&context, id);
    context.feature_level = level;
    update.member = &context;
    return test_run(&test, CMD__COMMAND__KIND_UPDATE_MEMBER, &update)->code;
}

static int raise_to(uint32_t level)
{
    Cmd__RaiseFeatureLevel command = CMD__RAISE_FEATURE_LEVEL__INIT;

    command.level = level;
    return test_run(&test, CMD__COMMAND__KIND_RAISE_FEATURE_LEVEL, &command)->code;
}

static void test_feature_level_raised_when_every_member_knows_it(void **state)
{
    Cmd__RaiseFeatureLevel raise = CMD__RAISE_FEATURE_LEVEL__INIT;
    Cmd__Command *command;
    unsigned level = 0;

    (void)state;
    test_two_members(&test);
    assert_int_equal(raise_to(1), ERR_CONFLICT); /* it is 1 */
    assert_int_equal(raise_to(2), ERR_CONFLICT); /* nobody knows it: refused here, too, */
    assert_int_equal(tell(1, 2), 0);
    assert_int_equal(raise_to(2), ERR_CONFLICT);
    assert_int_equal(tell(2, 2), 0);
    command = test_command(&test);
    command->kind_case = CMD__COMMAND__KIND_RAISE_FEATURE_LEVEL;
    command->raise_feature_level = &raise;
    raise.level = 2; /* and where all the others go on, this program stops */
    assert_int_equal(test_apply_batch(&test, &command, 1), ERR_VERSION);
    assert_int_equal(apply_feature_level(&test.kv, &level), 0);
    assert_int_equal(level, 1);
}

static void test_upgrade_judge_names_whom_it_waits_for(void **state)
{
    struct cluster_status *status = calloc(1, sizeof(*status));
    char why[512];

    (void)state;
    status->feature_level = 1;
    status->member_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(status->members[i].name, sizeof(status->members[i].name), "ns%u", i + 1);
        status->members[i].is_alive = true;
        status->members[i].feature_level = 1;
    }
    assert_int_equal(upgrade_judge(status, why, sizeof(why)), 0);
    assert_non_null(strstr(why, "nothing is to be raised"));
    status->members[0].feature_level = 2;
    assert_int_equal(upgrade_judge(status, why, sizeof(why)), 0);
    assert_non_null(strstr(why, "programs of ns2, ns3 yet"));
    status->members[1].feature_level = status->members[2].feature_level = 2;
    status->members[2].is_alive = false;
    assert_int_equal(upgrade_judge(status, why, sizeof(why)), 0);
    assert_non_null(strstr(why, "older program: ns3."));
    status->members[2].is_alive = true;
    assert_int_equal(upgrade_judge(status, why, sizeof(why)), 2);
    free(status);
}

static void test_feature_table_is_what_it_says(void **state)
{
    (void)state;
    assert_int_equal(feature_known(), feature_level_count);
    assert_int_equal(feature_of_kind(CMD__COMMAND__KIND_CREATE_ZONE), FEATURE_FIRST);
    assert_int_equal(feature_told(0), FEATURE_FIRST);
    assert_string_equal(feature_version_of(1), "0.1.0");
    assert_string_equal(feature_version_of(feature_known() + 1), "a later version");
    assert_string_equal(feature_version_of(0), "a later version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_feature_level_raised_when_every_member_knows_it, start,
                                        stop),
        cmocka_unit_test(test_upgrade_judge_names_whom_it_waits_for),
        cmocka_unit_test(test_feature_table_is_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
