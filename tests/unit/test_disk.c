/* tests/unit/test_disk.c: updates are merged, kept in order, and stop at the first failed write. */
/* links: raft_io raft_core test_driver_lib */
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
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "lib/log_folder.h"
#include "raft/io/disk.h"
#include "raft/io/disk_latency.h"

struct fixture {
    char dir[64];
    uv_loop_t loop;
    uv_timer_t keep; /* the loop never blocks for good */
    struct log_store *store;
    struct disk *disk;
    uint64_t persisted, persisted_calls;
    int done_calls, failed_calls, stopped_calls;
    uint64_t persisted_at_done;
    char message[LOG_STORE_MESSAGE_LEN];
};

static void on_persisted(void *user, uint64_t seq)
{
    struct fixture *f = user;
    assert_true(seq > f->persisted);
    f->persisted = seq;
    f->persisted_calls++;
}

static void on_failed(void *user, const char *message)
{
    struct fixture *f = user;
    f->failed_calls++;
    snprintf(f->message, sizeof(f->message), "%s", message);
}

static void on_done(void *user)
{
    struct fixture *f = user;
    f->done_calls++;
    f->persisted_at_done = f->persisted;
}

static void on_stopped(void *user)
{
    struct fixture *f = user;
    f->stopped_calls++;
}

static void on_keep(uv_timer_t *timer)
{
    (void)timer;
}

static void start(struct fixture *f)
{
    struct log_store_start start;
    const struct disk_handler handler = {f, on_persisted, on_failed, NULL};
    assert_int_equal(log_store_open(f->dir, &start, f->message, &f->store), 0);
    log_store_start_fini(&start);
    assert_int_equal(disk_start(&f->loop, f->store, &handler, &f->disk), 0);
}

static void stop(struct fixture *f)
{
    int before = f->stopped_calls;
    disk_stop(f->disk, on_stopped, f);
    while (f->stopped_calls == before)
        uv_run(&f->loop, UV_RUN_ONCE);
    log_store_close(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    log_folder_make(f->dir, sizeof(f->dir));
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->keep);
    uv_timer_start(&f->keep, on_keep, 5, 5);
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    stop(f);
    uv_close((uv_handle_t *)&f->keep, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    log_folder_remove(f->dir);
    free(f);
    return 0;
}

static int write_one(struct fixture *f, uint64_t index, uint64_t term, size_t len)
{
    const struct raft_hard_state hard = {.term = term};
    struct raft_entry entry = {.index = index, .term = term, .kind = RAFT_ENTRY_NORMAL};
    const struct log_write write = {&hard, &entry, 1};
    entry.data = raft_buf_new(NULL, len);
    int code = disk_write(f->disk, index, &write);
    raft_buf_unref(entry.data);
    return code;
}

static void wait_persisted(struct fixture *f, uint64_t seq)
{
    while (f->persisted < seq && f->failed_calls == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_write_many_share_syncs(void **state)
{
    struct fixture *f = *state;
    struct disk_status status;
    for (uint64_t i = 1; i <= 2000; i++)
        assert_int_equal(write_one(f, i, 1, 100), 0);
    wait_persisted(f, 2000);
    disk_status(f->disk, &status);
    assert_int_equal(status.update_count, 2000);
    assert_true(status.sync_count < 500);
    assert_true(status.sync_count >= 2); /* a batch takes DISK_MERGE_JOBS_MAX at most */
    assert_true(status.max_us >= status.p50_us / 2);
    assert_int_equal(status.queued, 0);
}

static void test_stop_writes_what_is_queued(void **state)
{
    struct fixture *f = *state;
    struct log_store_start found;
    for (uint64_t i = 1; i <= 500; i++)
        write_one(f, i, 1, 10);
    stop(f);
    assert_int_equal(log_store_open(f->dir, &found, f->message, &f->store), 0);
    assert_int_equal(found.entry_count, 500);
    log_store_start_fini(&found);
    log_store_close(f->store);
    start(f);
}

static void test_trim_and_reset_keep_their_place(void **state)
{
    struct fixture *f = *state;
    struct raft_snapshot base = {.index = 50, .term = 1};
    struct log_store_status status;
    for (uint64_t i = 1; i <= 100; i++)
        write_one(f, i, 1, 10);
    assert_int_equal(disk_trim(f->disk, &base, on_done, f), 0);
    for (uint64_t i = 101; i <= 110; i++)
        write_one(f, i, 1, 10);
    wait_persisted(f, 110);
    while (f->done_calls == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->persisted_at_done >= 100);
    log_store_status(f->store, &status);
    assert_int_equal(status.first_index, 51);
    assert_int_equal(status.last_index, 110);
    base = (struct raft_snapshot){.index = 500, .term = 1};
    assert_int_equal(disk_reset(f->disk, &base, on_done, f), 0);
    assert_int_equal(write_one(f, 501, 1, 10), 0);
    wait_persisted(f, 501);
    log_store_status(f->store, &status);
    assert_int_equal(status.first_index, 501);
    assert_int_equal(status.last_index, 501);
}

static void test_failed_write_stops_for_good(void **state)
{
    struct fixture *f = *state;
#ifdef ROCKSDB_IS_STUB
    skip(); /* the stand-in for RocksDB has no disk that can fill up */
#endif
    stop(f);
    pid_t child = fork();
    if (child == 0) { /* in a child: the limit is the process's */
        const struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
        signal(SIGXFSZ, SIG_IGN);
        uv_loop_fork(&f->loop);
        start(f);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        for (uint64_t i = 1; f->failed_calls == 0 && i < 50; i++) {
            if (write_one(f, i, 1, 100000) != 0)
                _exit(2);
            wait_persisted(f, i);
        }
        uint64_t persisted = f->persisted;
        write_one(f, 60, 1, 10);
        for (int i = 0; i < 20; i++)
            uv_run(&f->loop, UV_RUN_ONCE);
        bool is_stopped = f->failed_calls == 1 && f->persisted == persisted && persisted < 10 &&
                          strstr(f->message, "a write failed") != NULL;
        _exit(is_stopped ? 0 : 3);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    start(f);
}

static void test_latency_percentiles(void **state)
{
    struct disk_latency latency = {0};
    (void)state;
    assert_int_equal(disk_latency_at(&latency, 500), 0);
    for (uint64_t i = 0; i < 990; i++)
        disk_latency_add(&latency, 250);
    for (uint64_t i = 0; i < 10; i++)
        disk_latency_add(&latency, 100000);
    assert_in_range(disk_latency_at(&latency, 500), 250, 320);
    assert_in_range(disk_latency_at(&latency, 990), 250, 320);
    assert_in_range(disk_latency_at(&latency, 995), 100000, 130000);
    assert_int_equal(latency.max_us, 100000);
    for (uint64_t us = 0; us < 10; us++)
        disk_latency_add(&latency, us);
    disk_latency_add(&latency, UINT64_MAX);
    assert_in_range(disk_latency_at(&latency, 1), 1, 16);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_write_many_share_syncs),          CASE(test_stop_writes_what_is_queued),
        CASE(test_trim_and_reset_keep_their_place), CASE(test_failed_write_stops_for_good),
        cmocka_unit_test(test_latency_percentiles),
    };
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
