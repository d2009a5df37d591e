/* tests/unit/test_log_store.c: the log survives what it must, and refuses what it cannot prove. */
/* links: raft_io raft_core test_log */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log_folder.h"
#include "raft/io/log_store.h"
#include "raft/io/log_store_record.h"

/* Under ThreadSanitizer RocksDB is a stand-in without files. */
#ifdef __SANITIZE_THREAD__
#define NEEDS_FILES() skip()
#else
#define NEEDS_FILES() ((void)0)
#endif

struct fixture {
    char dir[64];
    struct log_store *store;
    struct log_store_start start;
    char message[LOG_STORE_MESSAGE_LEN];
};

static void open_store(struct fixture *f)
{
    assert_int_equal(log_store_open(f->dir, &f->start, f->message, &f->store), 0);
}

static void close_store(struct fixture *f)
{
    log_store_start_fini(&f->start);
    log_store_close(f->store);
    f->store = NULL;
}

static void reopen(struct fixture *f)
{
    close_store(f);
    open_store(f);
}

/* The store must refuse to open with @code and a message that has @text in it. */
static void assert_refused(struct fixture *f, int code, const char *text)
{
    struct log_store *store = NULL;
    assert_int_equal(log_store_open(f->dir, &f->start, f->message, &store), code);
    if (strstr(f->message, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, f->message);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    log_folder_make(f->dir, sizeof(f->dir));
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    log_folder_remove(f->dir);
    free(f);
    return 0;
}

/* Write entries @first … @last of @term, each with @len octets of its index's low octet. */
static void append(struct fixture *f, uint64_t first, uint64_t last, uint64_t term, size_t len)
{
    uint32_t count = (uint32_t)(last - first + 1);
    struct raft_entry *entries = calloc(count, sizeof(*entries));
    const struct raft_hard_state state = {.term = term, .voted_for = 7};
    for (uint32_t i = 0; i < count; i++) {
        entries[i] =
            (struct raft_entry){.index = first + i, .term = term, .kind = RAFT_ENTRY_NORMAL};
        if (len > 0) {
            entries[i].data = raft_buf_new(NULL, len);
            memset(entries[i].data->data, (int)(first + i) & 0xff, len);
        }
    }
    const struct log_write write = {.hard_state = &state, .entries = entries, .entry_count = count};
    assert_int_equal(log_store_write(f->store, &write, 1, f->message), 0);
    for (uint32_t i = 0; i < count; i++)
        raft_buf_unref(entries[i].data);
    free(entries);
}

static void test_open_new_is_empty(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->start.entry_count, 0);
    assert_int_equal(f->start.base.index, 0);
    assert_int_equal(f->start.hard_state.term, 0);
    reopen(f);
    assert_int_equal(f->start.entry_count, 0);
}

static void test_write_reopen_gives_all_back(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 100, 3, 50);
    append(f, 101, 101, 4, 0);
    reopen(f);
    assert_int_equal(f->start.entry_count, 101);
    assert_int_equal(f->start.hard_state.term, 4);
    assert_int_equal(f->start.hard_state.voted_for, 7);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(f->start.entries[i].index, i + 1);
        assert_int_equal(f->start.entries[i].term, 3);
        assert_int_equal(f->start.entries[i].data->len, 50);
        assert_int_equal(f->start.entries[i].data->data[49], i + 1);
    }
    assert_null(f->start.entries[100].data);
}

static void test_write_conflict_replaces_tail(void **state)
{
    struct fixture *f = *state;
    uint64_t term = 0;
    append(f, 1, 3000, 1, 10);
    append(f, 1500, 1501, 2, 10); /* a long tail: one range deletion */
    append(f, 1501, 1501, 3, 10);
    append(f, 1400, 1400, 4, 10); /* a short one: single deletions */
    assert_int_equal(log_store_term(f->store, 1399, &term), 0);
    assert_int_equal(term, 1);
    assert_int_equal(log_store_term(f->store, 1401, &term), RAFT_ENOENT);
    append(f, 1401, 1402, 5, 10);
    reopen(f);
    assert_int_equal(f->start.entry_count, 1402);
    assert_int_equal(f->start.entries[1399].term, 4);
    assert_int_equal(f->start.entries[1401].term, 5);
}

static void test_write_many_updates_is_one_order(void **state)
{
    struct fixture *f = *state;
    struct raft_entry a[3], b = {.index = 2, .term = 2, .kind = RAFT_ENTRY_NOOP};
    const struct raft_hard_state first = {.term = 1}, second = {.term = 2, .voted_for = 9};
    for (uint64_t i = 0; i < 3; i++)
        a[i] = (struct raft_entry){.index = i + 1, .term = 1, .kind = RAFT_ENTRY_NOOP};
    const struct log_write writes[] = {{&first, a, 3}, {&second, &b, 1}};
    assert_int_equal(log_store_write(f->store, writes, 2, f->message), 0);
    reopen(f);
    assert_int_equal(f->start.entry_count, 2);
    assert_int_equal(f->start.entries[1].term, 2);
    assert_int_equal(f->start.hard_state.voted_for, 9);
}

static void test_read_respects_bounds(void **state)
{
    struct fixture *f = *state;
    struct raft_entry out[16];
    uint32_t count = 16;
    append(f, 1, 100, 1, 100);
    assert_int_equal(log_store_read(f->store, 90, 350, out, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(out[2].index, 92);
    for (uint32_t i = 0; i < count; i++)
        raft_buf_unref(out[i].data);
    count = 16;
    assert_int_equal(log_store_read(f->store, 90, 1, out, &count), 0);
    assert_int_equal(count, 1);
    raft_buf_unref(out[0].data);
    count = 16;
    assert_int_equal(log_store_read(f->store, 95, 100000, out, &count), 0);
    assert_int_equal(count, 6);
    for (uint32_t i = 0; i < count; i++)
        raft_buf_unref(out[i].data);
    assert_int_equal(log_store_read(f->store, 101, 1, out, &count), RAFT_ENOENT);
}

static struct raft_snapshot base_at(uint64_t index, uint64_t term)
{
    struct raft_snapshot base = {.index = index, .term = term};
    base.conf.count = 2;
    base.conf.members[0] = (struct raft_member){.id = 5, .role = RAFT_VOTER};
    base.conf.members[1] = (struct raft_member){.id = 6, .role = RAFT_LEARNER};
    return base;
}

static void test_trim_forgets_the_front(void **state)
{
    struct fixture *f = *state;
    struct raft_snapshot base = base_at(600, 1);
    struct raft_entry out[2];
    uint32_t count = 2;
    uint64_t term = 0;
    append(f, 1, 1000, 1, 10);
    assert_int_equal(log_store_trim(f->store, &base, f->message), 0);
    assert_int_equal(log_store_read(f->store, 600, 100, out, &count), RAFT_ECOMPACTED);
    assert_int_equal(log_store_term(f->store, 599, &term), RAFT_ECOMPACTED);
    assert_int_equal(log_store_term(f->store, 600, &term), 0);
    reopen(f);
    assert_int_equal(f->start.base.index, 600);
    assert_int_equal(f->start.base.conf.count, 2);
    assert_int_equal(f->start.base.conf.members[1].role, RAFT_LEARNER);
    assert_int_equal(f->start.entry_count, 400);
    assert_int_equal(f->start.entries[0].index, 601);
    base = base_at(1000, 1);
    assert_int_equal(log_store_trim(f->store, &base, f->message), 0);
    reopen(f);
    assert_int_equal(f->start.entry_count, 0);
    append(f, 1001, 1001, 1, 1);
}

static void test_trim_gives_disk_space_back(void **state)
{
    struct fixture *f = *state;
    NEEDS_FILES();
    for (uint64_t i = 0; i < 12; i++)
        append(f, i * 100 + 1, i * 100 + 100, 1, 100000);
    uint64_t before = log_folder_len(f->dir);
    struct raft_snapshot base = base_at(1200, 1);
    assert_int_equal(log_store_trim(f->store, &base, f->message), 0);
    append(f, 1201, 1500, 1, 100000); /* the write buffers roll over */
    for (int i = 0; i < 6000 && log_folder_len(f->dir) >= before; i++) /* two minutes */
        usleep(20000);
    assert_true(before > 100u * 1000 * 1000);
    assert_true(log_folder_len(f->dir) < before);
}

static void test_reset_to_snapshot_drops_an_old_log(void **state)
{
    struct fixture *f = *state;
    struct raft_snapshot base = base_at(5000, 9);
    append(f, 1, 100, 9, 10);
    assert_int_equal(log_store_reset(f->store, &base, f->message), 0);
    reopen(f);
    assert_int_equal(f->start.base.index, 5000);
    assert_int_equal(f->start.base.term, 9);
    assert_int_equal(f->start.entry_count, 0);
    append(f, 5001, 5001, 9, 10);
    reopen(f);
    assert_int_equal(f->start.entry_count, 1);
}

static void test_reset_keeps_a_matching_tail(void **state)
{
    struct fixture *f = *state;
    struct raft_snapshot base = base_at(50, 1);
    append(f, 1, 100, 1, 10);
    assert_int_equal(log_store_reset(f->store, &base, f->message), 0);
    reopen(f);
    assert_int_equal(f->start.base.index, 50);
    assert_int_equal(f->start.entry_count, 50);
}

static void test_reset_drops_a_conflicting_tail(void **state)
{
    struct fixture *f = *state;
    struct raft_snapshot base = base_at(50, 2);
    append(f, 1, 100, 1, 10);
    const struct raft_hard_state newer = {.term = 2};
    const struct log_write write = {.hard_state = &newer};
    assert_int_equal(log_store_write(f->store, &write, 1, f->message), 0);
    assert_int_equal(log_store_reset(f->store, &base, f->message), 0);
    reopen(f);
    assert_int_equal(f->start.entry_count, 0);
}

static void test_open_flipped_bit_refuses(void **state)
{
    struct fixture *f = *state;
    uint8_t key[LOG_RECORD_KEY_LEN];
    append(f, 1, 10, 1, 32);
    close_store(f);
    log_record_key(7, key);
    log_folder_flip(f->dir, key, sizeof(key), LOG_RECORD_HEADER_LEN + 5);
    assert_refused(f, RAFT_ECORRUPT, "entry 7: the checksum does not match");
    assert_non_null(strstr(f->message, "join again"));
    log_folder_flip(f->dir, key, sizeof(key), LOG_RECORD_HEADER_LEN + 5);
    open_store(f);
}

static void test_open_entry_under_wrong_key_refuses(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 10, 1, 32);
    close_store(f);
    log_folder_copy(f->dir, 3, 4);
    assert_refused(f, RAFT_ECORRUPT, "entry 4: the checksum does not match");
}

static void test_open_gap_refuses(void **state)
{
    struct fixture *f = *state;
    uint8_t key[LOG_RECORD_KEY_LEN];
    append(f, 1, 10, 1, 32);
    close_store(f);
    log_record_key(4, key);
    log_folder_delete(f->dir, key, sizeof(key));
    assert_refused(f, RAFT_ECORRUPT, "entries 4 to 4 are missing");
}

static void test_open_term_beyond_hard_state_refuses(void **state)
{
    struct fixture *f = *state;
    const struct raft_hard_state older = {.term = 1};
    const struct log_write write = {.hard_state = &older};
    append(f, 1, 3, 2, 32);
    assert_int_equal(log_store_write(f->store, &write, 1, f->message), 0);
    close_store(f);
    assert_refused(f, RAFT_ECORRUPT, "entry 1 has term 2");
}

static void test_open_falling_term_refuses(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 3, 2, 32);
    append(f, 4, 4, 1, 32);
    append(f, 5, 5, 3, 32);
    close_store(f);
    assert_refused(f, RAFT_ECORRUPT, "entry 4 has term 1");
}

static void test_open_damaged_hard_state_refuses(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    log_folder_flip(f->dir, log_record_hard_state_key, LOG_RECORD_META_LEN, 9);
    assert_refused(f, RAFT_ECORRUPT, "term and vote");
}

static void test_open_damaged_base_refuses(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    log_folder_flip(f->dir, log_record_base_key, LOG_RECORD_META_LEN, 3);
    assert_refused(f, RAFT_ECORRUPT, "where the log begins");
}

static void test_open_newer_version_refuses(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    log_folder_flip(f->dir, log_record_version_key, LOG_RECORD_META_LEN, 0);
    assert_refused(f, RAFT_EVERSION, "format version 0, known is 1");
}

static void test_open_lost_version_refuses(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1, 1, 1);
    close_store(f);
    log_folder_delete(f->dir, log_record_version_key, LOG_RECORD_META_LEN);
    assert_refused(f, RAFT_ECORRUPT, "no format version");
}

static void test_open_twice_says_who_has_it(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, RAFT_EBUSY, "Another quartetd is running");
}

/* A power cut may tear the record that was being written; nothing waited for it. */
static void test_open_torn_wal_tail_loses_only_that(void **state)
{
    struct fixture *f = *state;
    NEEDS_FILES();
    append(f, 1, 10, 1, 100);
    append(f, 11, 11, 1, 100);
    close_store(f);
    log_folder_truncate_wal(f->dir, 20);
    open_store(f);
    assert_int_equal(f->start.entry_count, 10);
}

/* A bad record with good ones behind it is damage to acknowledged data. */
static void test_open_damaged_wal_middle_refuses(void **state)
{
    struct fixture *f = *state;
    NEEDS_FILES();
    for (uint64_t i = 1; i <= 10; i++)
        append(f, i, i, 1, 1000);
    close_store(f);
    log_folder_flip_wal(f->dir, 4000);
    assert_refused(f, RAFT_ECORRUPT, "join again");
}

/* A disk that takes no more octets: in a child, because the limit is the process's. */
static void test_write_on_full_disk_fails(void **state)
{
    struct fixture *f = *state;
    NEEDS_FILES();
    close_store(f);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
        const struct raft_hard_state hard = {.term = 1};
        struct raft_entry entry = {.index = 1, .term = 1, .kind = RAFT_ENTRY_NORMAL};
        const struct log_write write = {&hard, &entry, 1};
        signal(SIGXFSZ, SIG_IGN);
        if (log_store_open(f->dir, &f->start, f->message, &f->store) != 0 ||
            setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        int code = 0;
        entry.data = raft_buf_new(NULL, 100000);
        for (entry.index = 1; code == 0 && entry.index < 10; entry.index++)
            code = log_store_write(f->store, &write, 1, f->message);
        _exit(code == RAFT_EIO && strstr(f->message, "must stop") != NULL ? 0 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    open_store(f); /* what was acknowledged before is whole */
    assert_true(f->start.entry_count >= 1 && f->start.entry_count < 9);
}

static void test_trim_target_follows_count_and_size(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 2000, 1, 1000);
    assert_int_equal(log_store_trim_target(f->store, 10000, 64u << 20), 0);
    assert_int_equal(log_store_trim_target(f->store, 500, 64u << 20), 1500);
    assert_int_equal(log_store_trim_target(f->store, 1990, 64u << 20), 0); /* not worth it */
    uint64_t by_len = log_store_trim_target(f->store, 10000, 1000 * 1024);
    assert_true(by_len >= 700 && by_len <= 1000);
    reopen(f);
    assert_int_equal(log_store_trim_target(f->store, 10000, 1000 * 1024), by_len);
    struct log_store_status status;
    log_store_status(f->store, &status);
    assert_int_equal(status.entries_len, 2000 * (1000 + LOG_RECORD_HEADER_LEN));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_open_new_is_empty),
        CASE(test_write_reopen_gives_all_back),
        CASE(test_write_conflict_replaces_tail),
        CASE(test_write_many_updates_is_one_order),
        CASE(test_read_respects_bounds),
        CASE(test_trim_forgets_the_front),
        CASE(test_trim_gives_disk_space_back),
        CASE(test_reset_to_snapshot_drops_an_old_log),
        CASE(test_reset_keeps_a_matching_tail),
        CASE(test_reset_drops_a_conflicting_tail),
        CASE(test_open_flipped_bit_refuses),
        CASE(test_open_entry_under_wrong_key_refuses),
        CASE(test_open_gap_refuses),
        CASE(test_open_term_beyond_hard_state_refuses),
        CASE(test_open_falling_term_refuses),
        CASE(test_open_damaged_hard_state_refuses),
        CASE(test_open_damaged_base_refuses),
        CASE(test_open_newer_version_refuses),
        CASE(test_open_lost_version_refuses),
        CASE(test_open_twice_says_who_has_it),
        CASE(test_open_torn_wal_tail_loses_only_that),
        CASE(test_open_damaged_wal_middle_refuses),
        CASE(test_write_on_full_disk_fails),
        CASE(test_trim_target_follows_count_and_size),
    };
    return cmocka_run_group_tests_name("log_store", tests, NULL, NULL);
}
