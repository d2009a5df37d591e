/* links: cluster store test_apply */
/* Access keys in the state machine. */
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
#include "store/state_credential.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define ID "AKIAABCDEFGH2345IJKL"

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

/* @secret: text, kept as it is; NULL: none. */
static Cmd__Command *put(struct test_apply *test, const char *id, const char *secret, bool is_new)
{
    Cmd__Command *command = test_command(test);
    Cmd__PutCredential *body = test_apply_alloc(test, sizeof(*body));

    cmd__put_credential__init(body);
    body->access_key_id = test_apply_format(test, "%s", id);
    if (secret)
        body->sealed_secret =
            (ProtobufCBinaryData){strlen(secret), (uint8_t *)test_apply_format(test, "%s", secret)};
    body->is_new = is_new;
    command->kind_case = CMD__COMMAND__KIND_PUT_CREDENTIAL;
    command->put_credential = body;
    command->time_wall_ms = 7000 + test->index;
    return command;
}

static Cmd__Command *delete_key(struct test_apply *test, const char *id)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_CREDENTIAL;
    command->delete_credential = test_apply_alloc(test, sizeof(Cmd__DeleteCredential));
    cmd__delete_credential__init(command->delete_credential);
    command->delete_credential->access_key_id = test_apply_format(test, "%s", id);
    return command;
}

static void does(struct test_apply *test, Cmd__Command *command)
{
    const struct apply_result *result = test_apply_one(test, command);
    if (result->code != 0)
        fail_msg("%s", result->message);
}

static void refuses(struct test_apply *test, Cmd__Command *command, int code, const char *words)
{
    const struct apply_result *result = test_apply_one(test, command);

    assert_int_equal(result->code, code);
    if (!strstr(result->message, words))
        fail_msg("'%s' is not in '%s'", words, result->message);
}

static void test_apply_put_credential_is_kept(void **state)
{
    struct test_apply *test = *state;
    struct state_credential got;
    Cmd__Command *command = put(test, ID, "sealed", true);

    command->put_credential->user_name = "deploy";
    command->put_credential->policy = "{\"Statement\": []}";
    command->put_credential->requests_per_s = 5;
    does(test, command);
    assert_int_equal(state_get_credential(&test->kv, ID, &got), 0);
    assert_string_equal(got.id, ID);
    assert_string_equal(got.user_name, "deploy");
    assert_string_equal(got.policy, "{\"Statement\": []}");
    assert_int_equal(got.sealed_len, 6);
    assert_memory_equal(got.sealed, "sealed", 6);
    assert_int_equal(got.requests_per_s, 5);
    assert_int_equal(got.created_wall_ms, command->time_wall_ms);
    assert_false(got.is_inactive);
    test_apply_restart(test);
    assert_int_equal(state_get_credential(&test->kv, ID, &got), 0);
}

static void test_apply_put_credential_without_secret_keeps_it_and_when_it_was_made(void **state)
{
    struct test_apply *test = *state;
    struct state_credential before, after;
    Cmd__Command *command;

    does(test, put(test, ID, "sealed", true));
    assert_int_equal(state_get_credential(&test->kv, ID, &before), 0);
    command = put(test, ID, NULL, false);
    command->put_credential->is_inactive = true;
    does(test, command);
    assert_int_equal(state_get_credential(&test->kv, ID, &after), 0);
    assert_true(after.is_inactive);
    assert_int_equal(after.sealed_len, 6);
    assert_memory_equal(after.sealed, "sealed", 6);
    assert_int_equal(after.created_wall_ms, before.created_wall_ms);
}

/* A new policy does not bring back a key that was switched off meanwhile. */
static void test_apply_put_credential_keeps_what_it_is_told_to(void **state)
{
    struct test_apply *test = *state;
    struct state_credential got;

    Cmd__Command *command = put(test, ID, "sealed", true);
    command->put_credential->user_name = "deploy";
    command->put_credential->requests_per_s = 5;
    command->put_credential->is_inactive = true;
    does(test, command);
    command = put(test, ID, NULL, false);
    command->put_credential->policy = "{\"Statement\": []}";
    command->put_credential->keeps_user_name = true;
    command->put_credential->keeps_is_inactive = true;
    command->put_credential->keeps_requests_per_s = true;
    does(test, command);
    assert_int_equal(state_get_credential(&test->kv, ID, &got), 0);
    assert_true(got.is_inactive);
    assert_string_equal(got.user_name, "deploy");
    assert_int_equal(got.requests_per_s, 5);
    assert_string_equal(got.policy, "{\"Statement\": []}");
    command = put(test, ID, NULL, false);
    command->put_credential->keeps_policy = true;
    does(test, command);
    assert_int_equal(state_get_credential(&test->kv, ID, &got), 0);
    assert_false(got.is_inactive);
    assert_string_equal(got.policy, "{\"Statement\": []}");
}

static void test_apply_put_credential_breaking_a_rule_is_refused(void **state)
{
    struct test_apply *test = *state;
    static const char *const bad_ids[] = {"", "AKIASHORT", "akiaabcdefgh2345ijkl",
                                          "AKIAABCDEFGH2345IJK-"};
    char *long_text = test_apply_alloc(test, 30000);
    Cmd__Command *command;

    for (size_t i = 0; i < sizeof(bad_ids) / sizeof(bad_ids[0]); i++)
        refuses(test, put(test, bad_ids[i], "s", true), ERR_INVALID, "an access key's id is 16 to");
    refuses(test, put(test, ID, NULL, true), ERR_INVALID, "needs a secret");
    refuses(test, put(test, ID, "s", false), ERR_NOT_FOUND, "there is no access key " ID);
    refuses(test, delete_key(test, ID), ERR_NOT_FOUND, "there is no access key " ID);
    memset(long_text, 'a', 20481);
    command = put(test, ID, "s", true);
    command->put_credential->policy = long_text;
    refuses(test, command, ERR_LIMIT, "at most 20480 octets");
    command = put(test, ID, long_text, true);
    command->put_credential->sealed_secret.len = 257;
    refuses(test, command, ERR_LIMIT, "sealed secret");
    command = put(test, ID, "s", true);
    command->put_credential->user_name = "a\nb";
    refuses(test, command, ERR_INVALID, "the user's name is not printable");
    command = put(test, ID, "s", true);
    command->put_credential->user_name = test_apply_format(test, "%065d", 0);
    refuses(test, command, ERR_LIMIT, "the user's name");
    command = put(test, ID, "s", true);
    command->put_credential->requests_per_s = 1000001;
    refuses(test, command, ERR_INVALID, "requests a second");
    does(test, put(test, ID, "s", true));
    refuses(test, put(test, ID, "s", true), ERR_EXISTS, "there is an access key " ID);
}

static int count_one(void *user, const struct state_credential *credential)
{
    (void)credential;
    ++*(unsigned *)user;
    return 0;
}

static void test_apply_put_credential_over_the_limit_is_refused(void **state)
{
    struct test_apply *test = *state;
    unsigned count = 0;

    Cmd__PutCredential *body = put(test, ID, "s", true)->put_credential;
    for (unsigned i = 0; i < STATE_CREDENTIALS_MAX; i++) {
        Cmd__Command *command = test_command(test);
        snprintf(body->access_key_id, sizeof(ID), "AKIA%016u", i);
        command->kind_case = CMD__COMMAND__KIND_PUT_CREDENTIAL;
        command->put_credential = body;
        does(test, command);
    }
    assert_int_equal(state_list_credentials(&test->kv, count_one, &count), 0);
    assert_int_equal(count, STATE_CREDENTIALS_MAX);
    refuses(test, put(test, ID, "s", true), ERR_LIMIT, "there are 1000 access keys");
    does(test, delete_key(test, "AKIA0000000000000007"));
    does(test, put(test, ID, "s", true));
}

static void test_apply_delete_credential_leaves_nothing(void **state)
{
    struct test_apply *test = *state;
    struct state_credential got;

    does(test, put(test, ID, "s", true));
    does(test, delete_key(test, ID));
    assert_int_equal(state_get_credential(&test->kv, ID, &got), ERR_NOT_FOUND);
    does(test, put(test, ID, "t", true));
}

/* What is stored is checked like foreign octets. */
static void test_state_value_check_credential_finds_damage(void **state)
{
    (void)state;
    static const uint8_t newer[] = {0x08, 0x02}, no_id[] = {0x08, 0x01};

    assert_int_equal(state_value_check(KV_OBJECTS, kv_slice("A" ID, 21), kv_slice(no_id, 2)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OBJECTS, kv_slice("A" ID, 21), kv_slice(newer, 2)),
                     ERR_VERSION);
    assert_int_equal(state_value_check(KV_OBJECTS, kv_slice("", 0), kv_slice(no_id, 2)),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OBJECTS, kv_slice("!", 1), kv_slice(no_id, 2)),
                     ERR_CORRUPT);
}

static int check_one(void *user, struct kv_slice key, struct kv_slice value)
{
    ++*(unsigned *)user;
    return state_value_check(KV_OBJECTS, key, value);
}

static void test_state_value_check_credential_accepts_what_apply_writes(void **state)
{
    struct test_apply *test = *state;
    unsigned count = 0;

    does(test, put(test, ID, "s", true));
    assert_int_equal(
        kv_scan(&test->kv, &(struct kv_range){.family = KV_OBJECTS}, check_one, &count), 0);
    assert_int_equal(count, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_apply_put_credential_is_kept),
        TEST(test_apply_put_credential_without_secret_keeps_it_and_when_it_was_made),
        TEST(test_apply_put_credential_keeps_what_it_is_told_to),
        TEST(test_apply_put_credential_breaking_a_rule_is_refused),
        TEST(test_apply_put_credential_over_the_limit_is_refused),
        TEST(test_apply_delete_credential_leaves_nothing),
        TEST(test_state_value_check_credential_finds_damage),
        TEST(test_state_value_check_credential_accepts_what_apply_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
