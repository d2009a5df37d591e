#include "lib/test_apply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hex.h"
#include "dns/name.h"

const char *const test_soa = "01610001620000000001000000020000000300000004"
                             "00000005";
const char *const test_ns = "026e7300";

void *test_apply_alloc(struct test_apply *test, size_t len)
{
    ASSERT(test->piece_count < sizeof(test->pieces) / sizeof(test->pieces[0]));
    void *piece = calloc(1, len + 1);
    ASSERT(piece);
    test->pieces[test->piece_count++] = piece;
    return piece;
}

char *test_apply_format(struct test_apply *test, const char *format, ...)
{
    char *text = test_apply_alloc(test, 512);
    va_list args;

    va_start(args, format);
    vsnprintf(text, 512, format, args);
    va_end(args);
    return text;
}

static void on_effect(void *user, const struct apply_effect *effect)
{
    struct test_apply *test = user;

    if (test->effect_count < TEST_EFFECTS_MAX)
        test->effects[test->effect_count++] = effect->kind;
    test->last_effect = *effect;
}

static void on_result(void *user, const struct apply_result *result)
{
    struct test_apply *test = user;
    char *message = test->messages[test->result_count];

    snprintf(message, APPLY_MESSAGE_MAX, "%s", result->message);
    for (size_t i = 0, len = 0; i < result->message_count && len < sizeof(test->problems); i++)
        len += (size_t)snprintf(test->problems + len, sizeof(test->problems) - len, "%s%s",
                                i > 0 ? "; " : "", result->messages[i]);
    test->results[test->result_count] = *result;
    test->results[test->result_count++].message = message;
}

void test_apply_restart(struct test_apply *test)
{
    struct apply_sink sink = {test, on_effect, on_result};
    struct state_applied point;

    apply_free(test->apply);
    test->apply = NULL;
    ASSERT(apply_new(&test->kv, &sink, &test->apply) == 0);
    apply_point(test->apply, &point);
    test->index = point.index;
}

void test_apply_init(struct test_apply *test, struct kv kv_take)
{
    memset(test, 0, sizeof(*test));
    test->kv = kv_take;
    test->client_id = 77;
    test_apply_restart(test);
    if (test->index > 0)
        return;
    Cmd__Command *command = test_command(test);
    command->sequence = test->sequence = 0;
    command->kind_case = CMD__COMMAND__KIND_OPEN_SESSION;
    command->open_session = test_apply_alloc(test, sizeof(Cmd__OpenSession));
    cmd__open_session__init(command->open_session);
    ASSERT(test_apply_batch(test, &command, 1) == 0);
}

void test_apply_fini(struct test_apply *test)
{
    apply_free(test->apply);
    kv_close(&test->kv);
    for (unsigned i = 0; i < test->piece_count; i++)
        free(test->pieces[i]);
}

Cmd__Command *test_command(struct test_apply *test)
{
    Cmd__Command *command = test_apply_alloc(test, sizeof(*command));

    cmd__command__init(command);
    command->client_id = test->client_id;
    command->sequence = ++test->sequence;
    command->done_below = 1;
    command->time_wall_ms = 1000000;
    command->actor = test_apply_format(test, "tester");
    return command;
}

struct raft_entry test_entry(uint64_t index, Cmd__Command *const *commands, unsigned count)
{
    static uint8_t storage[1 << 20];
    struct command_batch batch;

    command_batch_init(&batch, storage, sizeof(storage));
    for (unsigned i = 0; i < count; i++) {
        uint8_t *packed;
        size_t len;
        ASSERT(command_encode(commands[i], &packed, &len) == 0);
        ASSERT(command_batch_add(&batch, packed, len));
        free(packed);
    }
    struct raft_buf *data = raft_buf_new(batch.data, batch.len);
    ASSERT(data);
    return (struct raft_entry){.index = index, .term = 1, .kind = RAFT_ENTRY_NORMAL, .data = data};
}

int test_apply_batch(struct test_apply *test, Cmd__Command *const *commands, unsigned count)
{
    struct raft_entry entry = test_entry(test->index + 1, commands, count);

    test->result_count = test->effect_count = 0;
    int rc = apply_entry(test->apply, &entry);
    raft_buf_unref(entry.data);
    if (rc == 0)
        test->index++;
    return rc;
}

const struct apply_result *test_apply_one(struct test_apply *test, Cmd__Command *command)
{
    ASSERT(test_apply_batch(test, &command, 1) == 0);
    ASSERT(test->result_count == 1);
    return &test->results[0];
}

Cmd__RecordSet *test_set(struct test_apply *test, const char *name, uint16_t type, uint32_t ttl_s,
                         const char *rdata)
{
    Cmd__RecordSet *set = test_apply_alloc(test, sizeof(*set));
    uint8_t *wire = test_apply_alloc(test, DNS_NAME_MAX);
    int len = dns_name_parse(name, NULL, wire);

    ASSERT(len > 0);
    cmd__record_set__init(set);
    set->name = (ProtobufCBinaryData){(size_t)len, wire};
    set->type = type;
    set->ttl_s = ttl_s;
    set->rdata = test_apply_alloc(test, 64 * sizeof(*set->rdata));
    while (*rdata) {
        size_t digits = strcspn(rdata, " ");
        char *text = test_apply_format(test, "%.*s", (int)digits, rdata);
        uint8_t *octets = test_apply_alloc(test, digits / 2);
        ASSERT(set->n_rdata < 64 && hex_parse(text, octets, digits / 2) == 0);
        set->rdata[set->n_rdata++] = (ProtobufCBinaryData){digits / 2, octets};
        rdata += digits;
        rdata += strspn(rdata, " ");
    }
    return set;
}

char *test_id(struct test_apply *test, char first, uint64_t number)
{
    return test_apply_format(test, "%c%020" PRIu64, first, number);
}

Cmd__Command *test_create_zone(struct test_apply *test, uint64_t number, const char *name)
{
    Cmd__Command *command = test_command(test);
    Cmd__CreateZone *zone = test_apply_alloc(test, sizeof(*zone));

    cmd__create_zone__init(zone);
    command->kind_case = CMD__COMMAND__KIND_CREATE_ZONE;
    command->create_zone = zone;
    zone->zone_id = test_id(test, 'Z', number);
    zone->change_id = test_id(test, 'C', 1000000 + number);
    zone->record_sets = test_apply_alloc(test, 2 * sizeof(*zone->record_sets));
    zone->n_record_sets = 2;
    zone->record_sets[0] = test_set(test, name, 6, 900, test_soa);
    zone->record_sets[1] = test_set(test, name, 2, 172800, test_ns);
    zone->name = zone->record_sets[0]->name;
    return command;
}

Cmd__Command *test_change(struct test_apply *test, uint64_t zone, uint64_t change,
                          unsigned change_count, ...)
{
    Cmd__Command *command = test_command(test);
    Cmd__ChangeRecordSets *changes = test_apply_alloc(test, sizeof(*changes));
    va_list args;

    cmd__change_record_sets__init(changes);
    command->kind_case = CMD__COMMAND__KIND_CHANGE_RECORD_SETS;
    command->change_record_sets = changes;
    changes->zone_id = test_id(test, 'Z', zone);
    changes->change_id = test_id(test, 'C', change);
    changes->n_changes = change_count;
    changes->changes = test_apply_alloc(test, change_count * sizeof(*changes->changes));
    va_start(args, change_count);
    for (unsigned i = 0; i < change_count; i++) {
        changes->changes[i] = test_apply_alloc(test, sizeof(Cmd__Change));
        cmd__change__init(changes->changes[i]);
        changes->changes[i]->action = (Cmd__Action)va_arg(args, int);
        changes->changes[i]->record_set = va_arg(args, Cmd__RecordSet *);
    }
    va_end(args);
    return command;
}

Cmd__Command *test_import_begin(struct test_apply *test, uint64_t zone, uint64_t change)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_IMPORT_BEGIN;
    command->import_begin = test_apply_alloc(test, sizeof(Cmd__ImportBegin));
    cmd__import_begin__init(command->import_begin);
    command->import_begin->zone_id = test_id(test, 'Z', zone);
    command->import_begin->change_id = test_id(test, 'C', change);
    return command;
}

Cmd__Command *test_import_chunk(struct test_apply *test, uint64_t change, unsigned set_count, ...)
{
    Cmd__Command *command = test_command(test);
    Cmd__ImportChunk *chunk = test_apply_alloc(test, sizeof(*chunk));
    va_list args;

    cmd__import_chunk__init(chunk);
    command->kind_case = CMD__COMMAND__KIND_IMPORT_CHUNK;
    command->import_chunk = chunk;
    chunk->change_id = test_id(test, 'C', change);
    chunk->n_record_sets = set_count;
    chunk->record_sets = test_apply_alloc(test, set_count * sizeof(*chunk->record_sets));
    va_start(args, set_count);
    for (unsigned i = 0; i < set_count; i++)
        chunk->record_sets[i] = va_arg(args, Cmd__RecordSet *);
    va_end(args);
    return command;
}

Cmd__Command *test_import_commit(struct test_apply *test, uint64_t change, uint64_t chunks)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_IMPORT_COMMIT;
    command->import_commit = test_apply_alloc(test, sizeof(Cmd__ImportCommit));
    cmd__import_commit__init(command->import_commit);
    command->import_commit->change_id = test_id(test, 'C', change);
    command->import_commit->chunk_count = chunks;
    return command;
}
