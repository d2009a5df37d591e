/* links: cluster test_apply */
/* Commands as octets: what is not wholly understood is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/command.h"
#include "proto/command.pb-c.h"

static struct command_arena *arena;

static int start(void **state)
{
    (void)state;
    arena = command_arena_new();
    return arena ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    command_arena_free(arena);
    return 0;
}

/* A HashCheck command, and so many octets behind it. */
static uint8_t *encode(const void *extra, size_t extra_len, size_t *len)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__HashCheck check = CMD__HASH_CHECK__INIT;
    uint8_t *packed;

    command.client_id = 5;
    command.sequence = 6;
    command.kind_case = CMD__COMMAND__KIND_HASH_CHECK;
    command.hash_check = &check;
    assert_int_equal(command_encode(&command, &packed, len), 0);
    packed = realloc(packed, *len + extra_len + 1);
    assert_non_null(packed);
    if (extra_len > 0)
        memcpy(packed + *len, extra, extra_len);
    *len += extra_len;
    return packed;
}

static int decode(const void *extra, size_t extra_len)
{
    const Cmd__Command *command;
    size_t len;
    uint8_t *packed = encode(extra, extra_len, &len);
    int rc = command_decode(arena, packed, len, &command);

    free(packed);
    return rc;
}

static void test_decode_round_trip(void **state)
{
    const Cmd__Command *command;
    size_t len;
    uint8_t *packed = encode(NULL, 0, &len);

    (void)state;
    assert_int_equal(command_decode(arena, packed, len, &command), 0);
    assert_int_equal(command->client_id, 5);
    assert_int_equal(command->sequence, 6);
    assert_int_equal(command->kind_case, CMD__COMMAND__KIND_HASH_CHECK);
    free(packed);
}

static void test_decode_unknown_field_is_version(void **state)
{
    (void)state;
    assert_int_equal(decode("\x78\x01", 2), ERR_VERSION);             /* field 15 */
    assert_int_equal(decode("\xd2\x01\x02\x78\x01", 5), ERR_VERSION); /* inside HashCheck */
}

static void test_decode_unknown_kind_is_version(void **state)
{
    const Cmd__Command *command;

    (void)state;
    assert_int_equal(decode("\xfa\x07\x00", 3), ERR_VERSION); /* field 127: a later kind */
    assert_int_equal(command_decode(arena, (const uint8_t *)"", 0, &command), ERR_VERSION);
}

static void test_decode_malformed_is_corrupt(void **state)
{
    (void)state;
    assert_int_equal(decode("\xff", 1), ERR_CORRUPT);
    assert_int_equal(decode("\xd2\x01\x7f", 3), ERR_CORRUPT);
}

static void test_decode_too_long_is_limit(void **state)
{
    const Cmd__Command *command;
    uint8_t *octets = calloc(1, COMMAND_LEN_MAX + 1);

    (void)state;
    assert_non_null(octets);
    assert_int_equal(command_decode(arena, octets, COMMAND_LEN_MAX + 1, &command), ERR_LIMIT);
    free(octets);
}

/* Two octets make a message of hundreds: the arena's bound holds. */
static void test_decode_swelling_is_limit(void **state)
{
    const Cmd__Command *command;
    size_t count = 880u << 9, inner = count * 2, len = 0;
    uint8_t *octets = calloc(1, inner + 64);

    (void)state;
    assert_non_null(octets);
    octets[len++] = 0xb2; /* field 22: ImportChunk */
    octets[len++] = 0x01;
    for (size_t rest = inner; rest > 0; rest >>= 7)
        octets[len++] = (uint8_t)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    for (size_t i = 0; i < count; i++) {
        octets[len++] = 0x12; /* field 2: an empty record set */
        octets[len++] = 0x00;
    }
    assert_int_equal(command_decode(arena, octets, len, &command), ERR_LIMIT);
    free(octets);
}

static void test_batch_holds_commands_in_order(void **state)
{
    uint8_t storage[4096];
    struct command_batch batch;
    const Cmd__Batch *out;
    size_t len;
    uint8_t *packed = encode(NULL, 0, &len);

    (void)state;
    command_batch_init(&batch, storage, sizeof(storage));
    assert_true(command_batch_add(&batch, packed, len));
    assert_true(command_batch_add(&batch, packed, len));
    assert_int_equal(command_batch_decode(arena, batch.data, batch.len, &out), 0);
    assert_int_equal(out->n_commands, 2);
    assert_int_equal(out->commands[1]->sequence, 6);
    free(packed);
}

static void test_batch_add_full_changes_nothing(void **state)
{
    uint8_t storage[40];
    struct command_batch batch;
    size_t len;
    uint8_t *packed = encode(NULL, 0, &len);

    (void)state;
    command_batch_init(&batch, storage, sizeof(storage));
    while (command_batch_add(&batch, packed, len))
        continue;
    assert_in_range(batch.len, 2, sizeof(storage));
    assert_int_equal(batch.count, (sizeof(storage) - 2) / (len + 2));
    free(packed);
}

static void test_batch_bounds_commands(void **state)
{
    static uint8_t storage[1 << 20];
    struct command_batch batch;
    size_t len;
    uint8_t *packed = encode(NULL, 0, &len);

    (void)state;
    command_batch_init(&batch, storage, sizeof(storage));
    while (command_batch_add(&batch, packed, len))
        continue;
    assert_int_equal(batch.count, COMMAND_BATCH_COMMANDS_MAX);
    free(packed);
}

static void test_batch_other_version_is_version(void **state)
{
    const Cmd__Batch *out;

    (void)state;
    assert_int_equal(command_batch_decode(arena, (const uint8_t *)"\x08\x02", 2, &out),
                     ERR_VERSION);
    assert_int_equal(command_batch_decode(arena, (const uint8_t *)"\x08\x00", 2, &out),
                     ERR_CORRUPT);
    assert_int_equal(command_batch_decode(arena, (const uint8_t *)"", 0, &out), ERR_CORRUPT);
    assert_int_equal(command_batch_decode(arena, (const uint8_t *)"\x08\x01\x08\x02", 4, &out),
                     ERR_CORRUPT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

/* What no node could decode must not get into an entry: it would stop all of them. */
static void test_encode_over_a_bound_refused(void **state)
{
    static Cmd__VerdictOf verdict;
    static Cmd__VerdictOf *verdicts[COMMAND_VERDICTS_MAX + 1];
    static ProtobufCBinaryData blocks[COMMAND_CIDR_BLOCKS_MAX + 1];
    Cmd__PutVerdicts put = CMD__PUT_VERDICTS__INIT;
    Cmd__ChangeCidrCollection change = CMD__CHANGE_CIDR_COLLECTION__INIT;
    Cmd__CidrChange one = CMD__CIDR_CHANGE__INIT, *changes[] = {&one};
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t *octets;
    size_t len;

    (void)state;
    cmd__verdict_of__init(&verdict);
    for (size_t i = 0; i <= COMMAND_VERDICTS_MAX; i++)
        verdicts[i] = &verdict;
    put.verdicts = verdicts;
    command.kind_case = CMD__COMMAND__KIND_PUT_VERDICTS;
    command.put_verdicts = &put;
    put.n_verdicts = COMMAND_VERDICTS_MAX + 1;
    assert_int_equal(command_encode(&command, &octets, &len), ERR_LIMIT);
    put.n_verdicts = COMMAND_VERDICTS_MAX;
    assert_int_equal(command_encode(&command, &octets, &len), 0);
    free(octets);

    command.kind_case = CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION;
    command.change_cidr_collection = &change;
    change.changes = changes;
    change.n_changes = 1;
    one.blocks = blocks;
    one.n_blocks = COMMAND_CIDR_BLOCKS_MAX + 1;
    assert_int_equal(command_encode(&command, &octets, &len), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_decode_round_trip),
        CASE(test_decode_unknown_field_is_version),
        CASE(test_decode_unknown_kind_is_version),
        CASE(test_decode_malformed_is_corrupt),
        CASE(test_decode_too_long_is_limit),
        CASE(test_decode_swelling_is_limit),
        CASE(test_batch_holds_commands_in_order),
        CASE(test_batch_add_full_changes_nothing),
        CASE(test_batch_bounds_commands),
        CASE(test_batch_other_version_is_version),
        CASE(test_encode_over_a_bound_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
