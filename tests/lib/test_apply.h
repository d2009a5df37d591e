/* tests/lib/test_apply.h: an apply over some storage, commands made easily, and what it told. All
 * memory is the fixture's and goes with it. */
#pragma once

#include "cluster/apply.h"
#include "cluster/command.h"
#include "proto/command.pb-c.h"
#include "store/kv.h"

#define TEST_EFFECTS_MAX 64

struct test_apply {
    struct kv kv;
    struct apply *apply;
    uint64_t index; /* of the last entry */
    uint64_t client_id;
    uint64_t sequence; /* of the last command */
    struct apply_result results[COMMAND_BATCH_COMMANDS_MAX];
    char messages[COMMAND_BATCH_COMMANDS_MAX][APPLY_MESSAGE_MAX];
    char problems[16384];  /* those collected by the last command that had any: "a; b" */
    unsigned result_count; /* of the last entry */
    enum apply_effect_kind effects[TEST_EFFECTS_MAX]; /* of the last entry */
    struct apply_effect last_effect;                  /* its pointers are not to be used */
    unsigned effect_count;
    void *pieces[4096];
    unsigned piece_count;
};

/* Over @kv_take, with a session opened (log index 1) when it is empty. */
void test_apply_init(struct test_apply *test, struct kv kv_take);
void test_apply_fini(struct test_apply *test);
/* Start again on what @test->kv holds now, as after a crash. */
void test_apply_restart(struct test_apply *test);
/* Zeroed memory of the fixture. */
void *test_apply_alloc(struct test_apply *test, size_t len);
char *test_apply_format(struct test_apply *test, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A command with the next sequence and no kind yet. */
Cmd__Command *test_command(struct test_apply *test);
/* An entry for log index @index with these commands; the caller unrefs its data. */
struct raft_entry test_entry(uint64_t index, Cmd__Command *const *commands, unsigned count);
/* Apply commands as the next entry; what apply_entry() returned. */
int test_apply_batch(struct test_apply *test, Cmd__Command *const *commands, unsigned count);
/* One command, which apply takes; its result. */
const struct apply_result *test_apply_one(struct test_apply *test, Cmd__Command *command);

/* Record sets: @rdata lists hex octets, separated by blanks. */
Cmd__RecordSet *test_set(struct test_apply *test, const char *name, uint16_t type, uint32_t ttl_s,
                         const char *rdata);
/* Ids "Z000…N", "C000…N". */
char *test_id(struct test_apply *test, char first, uint64_t number);
/* Commands, ready to be applied. */
Cmd__Command *test_create_zone(struct test_apply *test, uint64_t number, const char *name);
Cmd__Command *test_change(struct test_apply *test, uint64_t zone, uint64_t change,
                          unsigned change_count, ...); /* Cmd__Action, Cmd__RecordSet * … */
Cmd__Command *test_import_begin(struct test_apply *test, uint64_t zone, uint64_t change);
Cmd__Command *test_import_chunk(struct test_apply *test, uint64_t change, unsigned set_count, ...);
Cmd__Command *test_import_commit(struct test_apply *test, uint64_t change, uint64_t chunks);
/* SOA and NS rdata as hex, good for any zone. */
extern const char *const test_soa;
extern const char *const test_ns;
