/* links: store */
/* The data folder: pointer, leftovers, install with a crash at each step, quarantine, damage. */
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "store/kv_rocks.h"
#include "store/overlay.h"
#include "store/state.h"
#include "store/state_put.h"
#include "store/store.h"

#define SETTINGS 1800

static char folder[64];

static int start(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_store.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    return file_remove_tree(folder);
}

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static bool exists(const char *name)
{
    struct stat info;
    return stat(in_folder(name), &info) == 0;
}

/* Commit one entry that sets a setting. */
static void commit(const struct kv *kv, uint64_t index, const char *value)
{
    struct overlay *overlay = overlay_new(kv);
    struct state_applied point;

    assert_int_equal(state_get_applied(kv, &point), 0);
    point.index = index;
    point.term = 1;
    state_put_setting(overlay, "name", value);
    assert_int_equal(state_commit(overlay, kv, &point), 0);
    overlay_free(overlay);
}

static void assert_state(struct store *store, uint64_t index, const char *value)
{
    struct state_applied point;
    char out[STATE_SETTING_SIZE];

    assert_int_equal(state_get_applied(store_kv(store), &point), 0);
    assert_int_equal(point.index, index);
    if (value) {
        assert_int_equal(state_get_setting(store_kv(store), "name", out), 0);
        assert_string_equal(out, value);
    }
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    assert_int_equal(store_open(folder, &store), 0);
    return store;
}

/* A copy at index 9 in "incoming", while this node is at 3. */
static struct store *open_with_incoming(void)
{
    struct store *store = open_store();

    commit(store_kv(store), 9, "new");
    assert_int_equal(store_checkpoint(store, in_folder("incoming")), 0);
    store_close(store);
    assert_int_equal(file_remove_tree(in_folder("state-1")), 0);
    assert_int_equal(unlink(in_folder("state.current")), 0);
    store = open_store();
    commit(store_kv(store), 3, "old");
    assert_int_equal(store_flush(store), 0);
    return store;
}

static void test_open_empty_then_again(void **state)
{
    struct store *store = open_store();

    (void)state;
    assert_state(store, 0, NULL);
    commit(store_kv(store), 1, "a");
    store_close(store);
    store = open_store();
    assert_state(store, 1, "a");
    assert_int_equal(store_verify(store), 0);
    store_close(store);
}

/* In a process of its own: one entry, then it is killed. */
static void apply_and_die(void)
{
    struct store *store = open_store();

    commit(store_kv(store), 1, "a");
    if (store_write_out(store) != 0)
        _exit(1);
    raise(SIGKILL);
}

static void test_write_out_survives_kill(void **state)
{
    int status;

    (void)state;
    pid_t pid = fork(); /* before any thread of RocksDB's */
    assert_true(pid >= 0);
    if (pid == 0)
        apply_and_die();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct store *store = open_store();
    assert_state(store, 1, "a");
    store_close(store);
}

static void test_install_replaces_state(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_int_equal(store_install(store, in_folder("incoming"), 9), 0);
    assert_state(store, 9, "new");
    assert_false(exists("state-1"));
    assert_false(exists("incoming"));
    store_close(store);
    store = open_store();
    assert_state(store, 9, "new");
    store_close(store);
}

static void test_install_wrong_index_keeps_old(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_int_equal(store_install(store, in_folder("incoming"), 8), ERR_CORRUPT);
    assert_state(store, 3, "old");
    assert_int_equal(store_install(store, in_folder("absent"), 8), ERR_CORRUPT);
    assert_state(store, 3, "old");
    assert_int_equal(store_install(store, in_folder("incoming"), 9), 0);
    store_close(store);
}

/* Without the pointer nothing says that this is a leftover: it may be all that the node has. */
static void test_open_lost_pointer_removes_nothing(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_int_equal(store_install(store, in_folder("incoming"), 9), 0);
    store_close(store);
    assert_int_equal(unlink(in_folder("state.current")), 0);
    assert_int_equal(store_open(folder, &store), ERR_CORRUPT);
    assert_true(exists("state-2"));
    assert_false(exists("state-1"));
}

static void test_remove_then_open_is_empty(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_int_equal(store_install(store, in_folder("incoming"), 9), 0);
    assert_int_equal(store_quarantine(store, "test"), 0);
    store_close(store);
    assert_int_equal(store_remove(folder), 0);
    assert_false(exists("state-2"));
    assert_int_equal(store_remove(folder), 0);
    store = open_store();
    assert_state(store, 0, NULL);
    assert_null(store_quarantine_reason(store));
    store_close(store);
}

static void test_install_crash_before_pointer_keeps_old(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    store_close(store);
    assert_int_equal(rename(in_folder("incoming"), in_folder("state-2")), 0);
    store = open_store();
    assert_state(store, 3, "old");
    assert_false(exists("state-2"));
    store_close(store);
}

static void test_install_crash_after_pointer_has_new(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_int_equal(store_quarantine(store, "diverged"), 0);
    store_close(store);
    assert_int_equal(rename(in_folder("incoming"), in_folder("state-2")), 0);
    assert_int_equal(file_write(in_folder("state.current"), "state-2\n", 8, 0600), 0);
    store = open_store();
    assert_state(store, 9, "new");
    assert_null(store_quarantine_reason(store)); /* was of the old one */
    assert_false(exists("state-1"));
    assert_false(exists("state.quarantine"));
    store_close(store);
}

static void test_quarantine_lasts_until_install(void **state)
{
    struct store *store = open_with_incoming();

    (void)state;
    assert_null(store_quarantine_reason(store));
    assert_int_equal(store_quarantine(store, "hash differs at 3"), 0);
    store_close(store);
    store = open_store();
    assert_string_equal(store_quarantine_reason(store), "hash differs at 3");
    assert_int_equal(store_install(store, in_folder("incoming"), 9), 0);
    assert_null(store_quarantine_reason(store));
    store_close(store);
    store = open_store();
    assert_null(store_quarantine_reason(store));
    store_close(store);
}

static uint64_t memtables_of(const struct store *store)
{
    struct kv_rocks_memory memory;

    kv_rocks_memory(store_kv(store), &memory);
    return memory.memtables;
}

static void test_settle_empties_large_memtables(void **state)
{
    static uint8_t value[4096];
    struct store *store = open_store();
    uint8_t key[4] = {0};
    struct kv_write write = {KV_RECORD_SETS, KV_PUT, {key, 4}, {value, sizeof(value)}};

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        key[0] = (uint8_t)(i >> 8);
        key[1] = (uint8_t)i;
        assert_int_equal(kv_write(store_kv(store), &write, 1), 0);
    }
    uint64_t before = memtables_of(store);
    assert_true(before > 2000 * sizeof(value));
    store_settle(store);
    for (unsigned i = 0; i < 10000 && memtables_of(store) > before / 4; i++)
        usleep(1000); /* another thread writes */
    assert_true(memtables_of(store) <= before / 4);
    store_settle(store); /* there is little now: no further file */
    store_close(store);
}

static void test_open_twice_is_busy(void **state)
{
    struct store *store = open_store(), *other;

    (void)state;
    assert_int_equal(store_open(folder, &other), ERR_BUSY);
    store_close(store);
}

static void test_open_damaged_pointer_is_corrupt(void **state)
{
    struct store *store = open_store();

    (void)state;
    store_close(store);
    assert_int_equal(file_write(in_folder("state.current"), "rubbish", 7, 0600), 0);
    assert_int_equal(store_open(folder, &store), ERR_CORRUPT);
    assert_true(exists("state-1")); /* nothing was thrown away */
}

static void test_open_state_gone_is_corrupt(void **state)
{
    struct store *store = open_store();

    (void)state;
    store_close(store);
    assert_int_equal(file_remove_tree(in_folder("state-1")), 0);
    assert_int_equal(store_open(folder, &store), ERR_CORRUPT);
}

static void test_open_damaged_value_is_refused(void **state)
{
    struct store *store = open_store();
    struct kv_write write = {KV_META, KV_PUT, {"applied", 7}, {"\x08\x01\xff", 3}};

    (void)state;
    assert_int_equal(kv_write(store_kv(store), &write, 1), 0);
    assert_int_equal(store_verify(store), ERR_CORRUPT);
    store_close(store);
    assert_int_equal(store_open(folder, &store), ERR_CORRUPT);
}

/* One bit, in place; again: as it was. */
static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int octet = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(octet ^ 4, file), octet ^ 4);
    assert_int_equal(fclose(file), 0);
}

static int count_one(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)user;
    return 0;
}

/* The same for who reads a family himself: that read or the check of the others tells. */
static void assert_told_or_whole_unread(void)
{
    const struct kv_range all = {.family = KV_SETTINGS, .is_verifying = true};
    struct store *store;
    unsigned count = 0;

    int rc = store_open_unread(folder, &store);
    if (rc != 0) {
        assert_int_equal(rc, ERR_CORRUPT);
        return;
    }
    rc = kv_scan(store_kv(store), &all, count_one, &count);
    if (rc == 0)
        rc = kv_verify_except(store_kv(store), KV_SETTINGS);
    assert_true(rc == ERR_CORRUPT || (rc == 0 && count == SETTINGS));
    store_close(store);
}

/* Open what is there: damage is told, or all of it is there. */
static void assert_told_or_whole(void)
{
    struct store *store;
    unsigned count = 0;

    assert_told_or_whole_unread();
    int rc = store_open(folder, &store);
    if (rc != 0) {
        assert_int_equal(rc, ERR_CORRUPT);
        return;
    }
    const struct kv_range all = {.family = KV_SETTINGS};
    assert_int_equal(kv_scan(store_kv(store), &all, count_one, &count), 0);
    assert_int_equal(count, SETTINGS);
    store_close(store);
}

/* Files of several levels, as a state has that has lived for a while. */
static void fill_levels(void)
{
    struct store *store = open_store();

    for (unsigned i = 0; i < SETTINGS; i++) {
        struct overlay *overlay = overlay_new(store_kv(store));
        struct state_applied point = {.index = i + 1, .term = 1};
        char name[32], copy[32];
        snprintf(name, sizeof(name), "name-%06u", (i * 7) % SETTINGS);
        state_put_setting(overlay, name, "a value of some octets, so that there are blocks");
        assert_int_equal(state_commit(overlay, store_kv(store), &point), 0);
        overlay_free(overlay);
        snprintf(copy, sizeof(copy), "copy-%u", i);
        if (i % (SETTINGS / 9) == 0) /* each writes files */
            assert_int_equal(store_checkpoint(store, in_folder(copy)), 0);
    }
    usleep(300000); /* RocksDB merges them on a thread of its own */
    store_close(store);
}

static void test_open_flipped_bit_is_told_or_harmless(void **state)
{
    char path[PATH_MAX];
    unsigned files = 0;

    (void)state;
    fill_levels();
    file_remove_tree(in_folder("copy-0"));
    DIR *dir = opendir(in_folder("state-1"));
    assert_non_null(dir);
    for (struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        struct stat info;
        snprintf(path, sizeof(path), "%s/state-1/%s", folder, item->d_name);
        if (!strstr(item->d_name, ".sst") || stat(path, &info) != 0)
            continue;
        files++;
        for (long at = 5; at < info.st_size && access(path, F_OK) == 0;
             at += info.st_size / 3 + 1) {
            flip(path, at);
            assert_told_or_whole();
            if (access(path, F_OK) == 0)
                flip(path, at);
        }
    }
    closedir(dir);
    assert_true(files >= 2);
}

static void test_open_newer_version_is_refused(void **state)
{
    struct store *store = open_store();
    struct kv_write write = {KV_META, KV_PUT, {"applied", 7}, {"\x08\x02", 2}};

    (void)state;
    assert_int_equal(kv_write(store_kv(store), &write, 1), 0);
    store_close(store);
    assert_int_equal(store_open(folder, &store), ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_out_survives_kill, start, stop), /* first */
        cmocka_unit_test_setup_teardown(test_open_empty_then_again, start, stop),
        cmocka_unit_test_setup_teardown(test_install_replaces_state, start, stop),
        cmocka_unit_test_setup_teardown(test_install_wrong_index_keeps_old, start, stop),
        cmocka_unit_test_setup_teardown(test_open_lost_pointer_removes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_remove_then_open_is_empty, start, stop),
        cmocka_unit_test_setup_teardown(test_install_crash_before_pointer_keeps_old, start, stop),
        cmocka_unit_test_setup_teardown(test_install_crash_after_pointer_has_new, start, stop),
        cmocka_unit_test_setup_teardown(test_quarantine_lasts_until_install, start, stop),
        cmocka_unit_test_setup_teardown(test_open_twice_is_busy, start, stop),
        cmocka_unit_test_setup_teardown(test_settle_empties_large_memtables, start, stop),
        cmocka_unit_test_setup_teardown(test_open_damaged_pointer_is_corrupt, start, stop),
        cmocka_unit_test_setup_teardown(test_open_state_gone_is_corrupt, start, stop),
        cmocka_unit_test_setup_teardown(test_open_damaged_value_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_open_flipped_bit_is_told_or_harmless, start, stop),
        cmocka_unit_test_setup_teardown(test_open_newer_version_is_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
