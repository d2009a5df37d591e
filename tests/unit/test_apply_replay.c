/* links: cluster test_apply */
/* One log, many lives: over either kind of storage, with a crash after any entry, whatever was lost
 * is applied again and the state and its hash come out the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/kv_rocks.h"
#include "store/store.h"

enum { CREATE = 1, DELETE = 2, UPSERT = 3 };
#define ENTRIES 60u

static struct raft_entry entries[ENTRIES + 1]; /* [i] is log index i */
static struct state_hash hashes[ENTRIES + 1];  /* after it, as a run without faults has it */

static Cmd__Command *command_of(struct test_apply *test, unsigned number)
{
    char name[32];

    snprintf(name, sizeof(name), "n%u.example.", number % 7);
    switch (number % 10) {
    case 0: return test_import_begin(test, 1, 500 + number);
    case 1:
        return test_import_chunk(
            test, 500 + number - 1, 3, test_set(test, "example.", 6, 60, test_soa),
            test_set(test, "example.", 2, 60, test_ns), test_set(test, name, 1, 60, "01020304"));
    case 4: return test_import_commit(test, 500 + number - 4, 1);
    case 6: return test_create_zone(test, number, name);
    case 8: return test_change(test, 1, number, 1, DELETE, test_set(test, name, 1, 60, "01020304"));
    default:
        return test_change(test, 1, number, 2, UPSERT,
                           test_set(test, name, 1, number, "01020304 01020305"), CREATE,
                           test_set(test, "x.example.", 16, number, "0161"));
    }
}

/* Write the log, and the hashes of a life without faults. */
static int write_log(void **state)
{
    static struct test_apply test;
    struct kv kv;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    apply_hash_at(test.apply, 1, &hashes[1]);
    for (unsigned i = 2; i <= ENTRIES; i++) {
        Cmd__Command *commands[3];
        unsigned count = i == 2 ? 1 : i % 3 + 1;
        for (unsigned j = 0; j < count; j++)
            commands[j] =
                i == 2 ? test_create_zone(&test, 1, "example.") : command_of(&test, i + j);
        commands[0]->done_below = commands[0]->sequence > 9 ? commands[0]->sequence - 9 : 1;
        entries[i] = i % 9 == 0
                         ? (struct raft_entry){.index = i, .term = 2, .kind = RAFT_ENTRY_NOOP}
                         : test_entry(i, commands, count);
        assert_int_equal(apply_entry(test.apply, &entries[i]), 0);
        assert_true(apply_hash_at(test.apply, i, &hashes[i]));
    }
    test_apply_fini(&test);
    return 0;
}

/* Apply from what @test holds to log index @last, checking each hash. */
static void replay(struct test_apply *test, uint64_t last)
{
    while (test->index < last) {
        struct state_hash hash;
        test->result_count = test->effect_count = 0;
        assert_int_equal(apply_entry(test->apply, &entries[++test->index]), 0);
        assert_true(apply_hash_at(test->apply, test->index, &hash));
        assert_memory_equal(&hash, &hashes[test->index], sizeof(hash));
    }
}

static void test_rocks_and_memory_agree(void **state)
{
    static struct test_apply test;
    char folder[] = "/tmp/test_apply.XXXXXX";
    struct store *store;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_open(folder, &store), 0);
    test_apply_init(&test, *store_kv(store));
    replay(&test, ENTRIES);
    assert_int_equal(store_verify(store), 0);
    test.kv = (struct kv){0};
    test_apply_fini(&test);
    store_close(store);
    assert_int_equal(file_remove_tree(folder), 0);
}

static void test_crash_after_any_entry_then_replay_agrees(void **state)
{
    static struct test_apply test;

    (void)state;
    for (unsigned crash_at = 1; crash_at <= ENTRIES; crash_at++) {
        for (unsigned lost = 0; lost <= crash_at && lost < 12; lost += 3) {
            struct kv kv;
            assert_int_equal(kv_memory_new(&kv), 0);
            test_apply_init(&test, kv);
            replay(&test, crash_at);
            kv_memory_crash(&test.kv, lost);
            test_apply_restart(&test);
            assert_int_equal(test.index, crash_at - lost);
            if (test.index == 0) {
                test_apply_fini(&test);
                continue;
            }
            replay(&test, ENTRIES);
            test_apply_fini(&test);
        }
    }
}

static void test_replay_of_applied_entries_does_nothing(void **state)
{
    static struct test_apply test;
    struct state_applied before, after;
    struct kv kv;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    replay(&test, ENTRIES);
    apply_point(test.apply, &before);
    test.result_count = test.effect_count = 0;
    for (unsigned i = 2; i <= ENTRIES; i++)
        assert_int_equal(apply_entry(test.apply, &entries[i]), 0);
    apply_point(test.apply, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(test.result_count + test.effect_count, 0);
    test_apply_fini(&test);
}

static void test_failed_write_applies_nothing(void **state)
{
    static struct test_apply test;
    struct kv kv;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    replay(&test, 5);
    test.result_count = test.effect_count = 0;
    kv_memory_fail_next(&test.kv, ERR_IO);
    assert_int_equal(apply_entry(test.apply, &entries[6]), ERR_IO);
    assert_int_equal(test.result_count + test.effect_count, 0);
    replay(&test, ENTRIES);
    test_apply_fini(&test);
}

static void test_checkpoint_goes_on_alike(void **state)
{
    static struct test_apply test, other;
    struct kv kv, copy;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&test, kv);
    replay(&test, 30);
    assert_int_equal(kv_memory_clone(&test.kv, &copy), 0);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(&other, kv);
    replay(&other, 7);
    kv_close(&other.kv);
    other.kv = copy;
    assert_int_equal(apply_reload(other.apply, &other.kv), 0);
    other.index = 30;
    replay(&test, ENTRIES);
    replay(&other, ENTRIES);
    test_apply_fini(&test);
    test_apply_fini(&other);
}

static int free_log(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= ENTRIES; i++)
        raft_buf_unref(entries[i].data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rocks_and_memory_agree),
        cmocka_unit_test(test_crash_after_any_entry_then_replay_agrees),
        cmocka_unit_test(test_replay_of_applied_entries_does_nothing),
        cmocka_unit_test(test_failed_write_applies_nothing),
        cmocka_unit_test(test_checkpoint_goes_on_alike),
    };
    return cmocka_run_group_tests(tests, write_log, free_log);
}
