/* links: cluster store test_apply */
/* What outlives a health check: its caller reference; and how many overrides there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_gone.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define DAY_MS (24ull * 3600 * 1000)

static int setup(void **state)
{
    struct test_apply *test = calloc(1, sizeof(*test));
    struct kv kv;

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(test, kv);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    test_apply_fini(*state);
    free(*state);
    return 0;
}

static char *id_of(struct test_apply *test, unsigned number)
{
    return test_apply_format(test, "%08x-0000-4000-8000-000000000000", number);
}

static int create(struct test_apply *test, unsigned number, const char *reference, uint64_t day)
{
    Cmd__Command *command = test_command(test);
    Cmd__CreateHealthCheck body = CMD__CREATE_HEALTH_CHECK__INIT;
    Cmd__HealthCheckConfig config = CMD__HEALTH_CHECK_CONFIG__INIT;

    config.type = test_apply_format(test, "TCP");
    config.ip_address = test_apply_format(test, "10.0.0.1");
    config.port = 80;
    config.request_interval_s = 30;
    config.failure_threshold = 3;
    body.health_check_id = id_of(test, number);
    body.caller_reference = test_apply_format(test, "%s", reference);
    body.config = &config;
    command->time_wall_ms = 1 + day * DAY_MS;
    command->kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    command->create_health_check = &body;
    return test_apply_one(test, command)->code;
}

static void delete_check(struct test_apply *test, unsigned number, uint64_t day, bool is_remembered)
{
    Cmd__Command *command = test_command(test);
    Cmd__DeleteHealthCheck body = CMD__DELETE_HEALTH_CHECK__INIT;

    body.health_check_id = id_of(test, number);
    body.remember_reference = is_remembered;
    command->time_wall_ms = 1 + day * DAY_MS;
    command->kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    command->delete_health_check = &body;
    assert_int_equal(test_apply_one(test, command)->code, 0);
}

static int on_object(void *user, struct kv_slice key, struct kv_slice value)
{
    assert_int_equal(state_value_check(KV_OBJECTS, key, value), 0);
    ++*(unsigned *)user;
    return 0;
}

static unsigned count_objects(struct test_apply *test)
{
    unsigned count = 0;

    assert_int_equal(
        kv_scan(&test->kv, &(struct kv_range){.family = KV_OBJECTS}, on_object, &count), 0);
    return count;
}

static void test_reference_of_deleted_check_stays_taken(void **state)
{
    struct test_apply *test = *state;

    assert_int_equal(create(test, 1, "web", 1), 0);
    assert_int_equal(create(test, 9, "web", 1), 0); /* the same again: the first one */
    delete_check(test, 1, 1, true);
    assert_int_equal(create(test, 2, "web", 2), ERR_EXISTS);
    assert_string_equal(test->results[0].error, "HealthCheckAlreadyExists");
    assert_int_equal(create(test, 2, "other", 2), 0);
    assert_int_equal(create(test, 3, "web", 8), ERR_EXISTS);
    assert_int_equal(create(test, 3, "web", 9), 0);
}

static void test_old_deletions_remember_nothing(void **state)
{
    struct test_apply *test = *state;

    assert_int_equal(create(test, 1, "web", 1), 0);
    delete_check(test, 1, 1, false);
    assert_int_equal(count_objects(test), 0);
    assert_int_equal(create(test, 2, "web", 1), 0);
}

static void test_references_are_forgotten(void **state)
{
    struct test_apply *test = *state;

    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(create(test, i, test_apply_format(test, "r%u", i), 1), 0);
    for (unsigned i = 1; i <= 10; i++)
        delete_check(test, i, 1, true);
    assert_int_equal(count_objects(test), 2 * 10 + 1); /* reference and time of each, and a count */
    delete_check(test, 11, 9, true);                   /* eight of the ten go */
    assert_int_equal(count_objects(test), 2 * 3 + 1);
    delete_check(test, 12, 9, true);
    assert_int_equal(count_objects(test), 2 * 2 + 1);
    assert_int_equal(create(test, 30, "r5", 9), 0);
    assert_int_equal(create(test, 31, "r12", 9), ERR_EXISTS);
    delete_check(test, 30, 10, true);
    assert_int_equal(create(test, 32, "r5", 10), ERR_EXISTS);
    delete_check(test, 13, 10, true);
    assert_int_equal(count_objects(test), 2 * 4 + 1);
}

static void test_deleting_again_moves_the_time(void **state)
{
    struct test_apply *test = *state;
    uint64_t gone_wall_ms = 0;

    assert_int_equal(create(test, 1, "web", 1), 0);
    delete_check(test, 1, 1, true);
    assert_int_equal(create(test, 2, "web", 20), 0); /* nothing was deleted meanwhile */
    delete_check(test, 2, 20, true);
    assert_int_equal(count_objects(test), 3);
    assert_int_equal(state_get_gone(&test->kv, "web", &gone_wall_ms), 0);
    assert_int_equal(gone_wall_ms, 1 + 20 * DAY_MS);
    assert_int_equal(create(test, 3, "web", 21), ERR_EXISTS);
}

static void put_count(struct test_apply *test, uint64_t count)
{
    struct overlay *overlay = overlay_new(&test->kv);
    struct state_counters counters;
    struct kv_write *writes;
    size_t write_count;

    assert_int_equal(state_get_counters(&test->kv, &counters), 0);
    counters.override_count = count;
    state_put_counters(overlay, &counters);
    assert_int_equal(overlay_writes(overlay, &writes, &write_count), 0);
    assert_int_equal(kv_write(&test->kv, writes, write_count), 0);
    overlay_free(overlay);
}

static uint64_t get_count(struct test_apply *test)
{
    struct state_counters counters;

    assert_int_equal(state_get_counters(&test->kv, &counters), 0);
    return counters.override_count;
}

static int put_override(struct test_apply *test, unsigned number, bool is_limited)
{
    Cmd__Command *command = test_command(test);
    Cmd__PutOverride body = CMD__PUT_OVERRIDE__INIT;

    body.health_check_id = id_of(test, number);
    body.mode = CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP;
    body.reason = test_apply_format(test, "maintenance");
    body.is_limited = is_limited;
    command->kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command->put_override = &body;
    return test_apply_one(test, command)->code;
}

static void test_overrides_are_counted_once_asked_to(void **state)
{
    struct test_apply *test = *state;
    Cmd__DeleteOverride body = CMD__DELETE_OVERRIDE__INIT;

    for (unsigned i = 1; i <= 4; i++)
        assert_int_equal(create(test, i, test_apply_format(test, "r%u", i), 1), 0);
    assert_int_equal(put_override(test, 1, false), 0);
    assert_int_equal(put_override(test, 2, false), 0);
    assert_int_equal(get_count(test), 0); /* as in old logs */
    assert_int_equal(put_override(test, 2, true), 0);
    assert_int_equal(get_count(test), 0); /* a replaced one counts nowhere */
    assert_int_equal(put_override(test, 3, true), 0);
    assert_int_equal(get_count(test), 1 + 3);
    assert_int_equal(put_override(test, 3, true), 0);
    delete_check(test, 1, 1, true);
    delete_check(test, 4, 1, true);
    assert_int_equal(get_count(test), 1 + 2);
    Cmd__Command *command = test_command(test);
    body.health_check_id = id_of(test, 2);
    command->kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    command->delete_override = &body;
    assert_int_equal(test_apply_one(test, command)->code, 0);
    assert_int_equal(get_count(test), 1 + 1);
}

static void test_too_many_overrides_refused(void **state)
{
    struct test_apply *test = *state;

    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(create(test, i, test_apply_format(test, "r%u", i), 1), 0);
    put_count(test, STATE_OVERRIDES_MAX); /* one less than there may be */
    assert_int_equal(put_override(test, 1, true), 0);
    assert_int_equal(put_override(test, 2, true), ERR_LIMIT);
    assert_int_equal(put_override(test, 1, true), 0);
    assert_int_equal(put_override(test, 3, false), 0); /* of an old log */
    assert_int_equal(get_count(test), STATE_OVERRIDES_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reference_of_deleted_check_stays_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_old_deletions_remember_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deleting_again_moves_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overrides_are_counted_once_asked_to, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_overrides_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
