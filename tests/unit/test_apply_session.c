/* links: cluster test_apply */
/* Each command once: retries, reordering, the window, sessions that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"

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

/* A command that takes one of many uses of a token; counts how often it was applied. */
static Cmd__Command *consume(uint64_t sequence, uint64_t done_below)
{
    static uint8_t octets[32];
    Cmd__Command *command = test_command(&test);

    command->sequence = sequence;
    command->done_below = done_below;
    command->kind_case = CMD__COMMAND__KIND_TOKEN_CONSUME;
    command->token_consume = test_apply_alloc(&test, sizeof(Cmd__TokenConsume));
    cmd__token_consume__init(command->token_consume);
    command->token_consume->token_id = (ProtobufCBinaryData){8, octets};
    command->token_consume->secret_sha256 = (ProtobufCBinaryData){32, octets};
    return command;
}

static void create_token(void)
{
    static uint8_t octets[32];
    Cmd__Command *command = test_command(&test);

    command->sequence = 1;
    command->kind_case = CMD__COMMAND__KIND_TOKEN_CREATE;
    command->token_create = test_apply_alloc(&test, sizeof(Cmd__TokenCreate));
    cmd__token_create__init(command->token_create);
    command->token_create->token_id = (ProtobufCBinaryData){8, octets};
    command->token_create->secret_sha256 = (ProtobufCBinaryData){32, octets};
    command->token_create->uses = 1000;
    command->token_create->expires_wall_ms = 1u << 31;
    assert_int_equal(test_apply_one(&test, command)->code, 0);
}

static Cmd__Command *open_session(uint64_t client_id)
{
    Cmd__Command *command = test_command(&test);

    command->client_id = client_id;
    command->sequence = 0;
    command->kind_case = CMD__COMMAND__KIND_OPEN_SESSION;
    command->open_session = test_apply_alloc(&test, sizeof(Cmd__OpenSession));
    cmd__open_session__init(command->open_session);
    return command;
}

static uint32_t uses_left(void)
{
    static const uint8_t id[8];
    struct state_token token;

    assert_int_equal(state_get_token(&test.kv, id, &token), 0);
    return token.uses_left;
}

static void assert_outcome(Cmd__Command *command, enum apply_outcome outcome, int code)
{
    const struct apply_result *result = test_apply_one(&test, command);

    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->code, code);
    assert_int_equal(result->client_id, command->client_id);
    assert_int_equal(result->sequence, command->sequence);
}

static void test_retry_is_applied_once(void **state)
{
    (void)state;
    create_token();
    assert_outcome(consume(2, 1), APPLY_DONE, 0);
    assert_outcome(consume(2, 1), APPLY_REPEATED, 0);
    assert_int_equal(test.effect_count, 0);
    Cmd__Command *twice[] = {consume(3, 1), consume(3, 1)};
    assert_int_equal(test_apply_batch(&test, twice, 2), 0);
    assert_int_equal(test.results[0].outcome, APPLY_DONE);
    assert_int_equal(test.results[1].outcome, APPLY_REPEATED);
    assert_int_equal(uses_left(), 998);
}

static void test_retry_returns_original_refusal_and_ids(void **state)
{
    Cmd__Command *command = test_create_zone(&test, 1, "a.");

    (void)state;
    assert_outcome(command, APPLY_DONE, 0);
    assert_outcome(command, APPLY_REPEATED, 0);
    assert_string_equal(test.results[0].zone_id, command->create_zone->zone_id);
    assert_string_equal(test.results[0].change_id, command->create_zone->change_id);
    command = test_create_zone(&test, 2, "a.");
    assert_outcome(command, APPLY_REFUSED, ERR_EXISTS);
    assert_outcome(command, APPLY_REPEATED, ERR_EXISTS);
}

static void test_reordered_commands_each_once(void **state)
{
    static const uint64_t order[] = {5, 3, 5, 4, 2, 3, 6, 2, 4};

    (void)state;
    create_token();
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        test_apply_one(&test, consume(order[i], 2));
    assert_int_equal(uses_left(), 995);
}

static void test_below_done_is_settled(void **state)
{
    (void)state;
    create_token();
    assert_outcome(consume(2, 1), APPLY_DONE, 0);
    assert_outcome(consume(5, 4), APPLY_DONE, 0);
    assert_outcome(consume(2, 1), APPLY_SETTLED, ERR_CONFLICT);
    assert_outcome(consume(3, 1), APPLY_SETTLED, ERR_CONFLICT);
    assert_outcome(consume(5, 1), APPLY_REPEATED, 0);
    assert_outcome(consume(4, 1), APPLY_DONE, 0);
    assert_int_equal(uses_left(), 997);
}

static void test_window_bounds_sequences(void **state)
{
    (void)state;
    create_token();
    assert_outcome(consume(4097, 1), APPLY_TOO_FAR, ERR_LIMIT);
    assert_outcome(consume(4096, 1), APPLY_DONE, 0);
    assert_outcome(consume(4097, 2), APPLY_DONE, 0);
    assert_outcome(consume(UINT64_MAX, 1), APPLY_TOO_FAR, ERR_LIMIT);
    assert_outcome(consume(UINT64_MAX, UINT64_MAX - 1), APPLY_DONE, 0);
    assert_outcome(consume(UINT64_MAX, UINT64_MAX - 1), APPLY_REPEATED, 0);
    assert_int_equal(uses_left(), 997);
}

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key;
    *(size_t *)user += value.len;
    return 0;
}

static size_t session_len(void)
{
    size_t len = 0;

    assert_int_equal(kv_scan(&test.kv, &(struct kv_range){.family = KV_SESSIONS}, on_pair, &len),
                     0);
    return len;
}

static void test_settled_results_are_forgotten(void **state)
{
    (void)state;
    create_token();
    size_t before = session_len();
    for (uint64_t i = 2; i < 50; i++)
        assert_outcome(consume(i, 1), APPLY_DONE, 0);
    assert_int_equal(session_len(), before + 48); /* an octet each */
    assert_outcome(consume(50, 50), APPLY_DONE, 0);
    assert_int_equal(session_len(), before);
}

/* Two clients take turns within one entry: the results of neither are lost, nor those of refused
 * commands, whose other writes are taken back. */
static void test_sessions_take_turns_in_an_entry(void **state)
{
    (void)state;
    create_token();
    assert_outcome(open_session(78), APPLY_DONE, 0);
    Cmd__Command *entry[6], *bad;
    for (uint64_t i = 0; i < 6; i++) {
        entry[i] = consume(2 + i / 2, 1);
        entry[i]->client_id = 77 + i % 2;
    }
    bad = test_create_zone(&test, 1, "a");
    bad->create_zone->zone_id = "no id";
    bad->sequence = 3;
    bad->done_below = 1;
    entry[2] = bad;
    assert_int_equal(test_apply_batch(&test, entry, 6), 0);
    assert_int_equal(test.results[2].outcome, APPLY_REFUSED);
    assert_int_equal(uses_left(), 995);
    assert_int_equal(test_apply_batch(&test, entry, 6), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(test.results[i].outcome, APPLY_REPEATED);
        assert_int_equal(test.results[i].code, i == 2 ? ERR_INVALID : 0);
    }
    assert_int_equal(uses_left(), 995);
}

static void test_unknown_session_is_not_applied(void **state)
{
    (void)state;
    create_token();
    Cmd__Command *command = consume(2, 1);
    command->client_id = 1234;
    assert_outcome(command, APPLY_NO_SESSION, ERR_NOT_FOUND);
    assert_int_equal(uses_left(), 1000);
}

static void test_open_session_again_is_harmless(void **state)
{
    (void)state;
    create_token();
    assert_outcome(consume(2, 1), APPLY_DONE, 0);
    assert_outcome(open_session(77), APPLY_DONE, 0);
    assert_outcome(consume(2, 1), APPLY_REPEATED, 0);
}

static void test_sessions_least_recently_used_goes(void **state)
{
    (void)state;
    create_token(); /* session 77 is the oldest, but is used again below */
    for (uint64_t i = 0; i < 1023; i++)
        assert_outcome(open_session(10000 + i), APPLY_DONE, 0);
    assert_outcome(consume(2, 1), APPLY_DONE, 0);
    assert_outcome(open_session(50000), APPLY_DONE, 0);
    Cmd__Command *command = consume(1, 1);
    command->client_id = 10000;
    assert_outcome(command, APPLY_NO_SESSION, ERR_NOT_FOUND);
    assert_outcome(consume(2, 1), APPLY_REPEATED, 0);
    command = consume(1, 1);
    command->client_id = 10001;
    assert_outcome(command, APPLY_DONE, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_retry_is_applied_once),
        CASE(test_retry_returns_original_refusal_and_ids),
        CASE(test_reordered_commands_each_once),
        CASE(test_below_done_is_settled),
        CASE(test_window_bounds_sequences),
        CASE(test_settled_results_are_forgotten),
        CASE(test_sessions_take_turns_in_an_entry),
        CASE(test_unknown_session_is_not_applied),
        CASE(test_open_session_again_is_harmless),
        CASE(test_sessions_least_recently_used_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
