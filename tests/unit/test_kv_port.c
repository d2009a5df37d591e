/* links: store test_kv */
/* The key-value port: both makers keep the same contract. */
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
#include "store/kv_rocks.h"
#include "store/overlay.h"

static char folder[64];
static struct kv kv;

static int start_memory(void **state)
{
    (void)state;
    return kv_memory_new(&kv);
}

static int start_rocks(void **state)
{
    char path[128];

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_kv.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/db", folder);
    return kv_rocks_open(path, true, &kv);
}

static int stop(void **state)
{
    (void)state;
    kv_close(&kv);
    int rc = folder[0] ? file_remove_tree(folder) : 0;
    folder[0] = 0;
    return rc;
}

static struct kv_slice text(const char *from)
{
    return kv_slice(from, strlen(from));
}

static int put(const char *key, const char *value)
{
    struct kv_write write = {KV_ZONES, KV_PUT, text(key), text(value)};
    return kv_write(&kv, &write, 1);
}

/* The value of @key, or "-". */
static const char *value_of(const struct kv *from, const char *key)
{
    static char out[64];
    struct kv_buffer buffer = {0};
    int rc = kv_get(from, KV_ZONES, text(key), &buffer);

    if (rc == ERR_NOT_FOUND)
        return "-";
    assert_int_equal(rc, 0);
    assert_true(buffer.len < sizeof(out));
    if (buffer.len > 0)
        memcpy(out, buffer.data, buffer.len);
    out[buffer.len] = 0;
    kv_buffer_fini(&buffer);
    return out;
}

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    char *out = user;
    size_t len = strlen(out);

    snprintf(out + len, 256 - len, "%.*s=%.*s ", (int)key.len, (const char *)key.data,
             (int)value.len, (const char *)value.data);
    return strstr(out, "stop") ? 1 : 0;
}

static const char *scan(const struct kv *from, const char *prefix, const char *start)
{
    static char out[256];
    struct kv_range range = {.family = KV_ZONES, .prefix = text(prefix), .from = text(start)};

    out[0] = 0;
    assert_int_equal(kv_scan(from, &range, on_pair, out), 0);
    return out;
}

static void test_get_missing_not_found(void **state)
{
    (void)state;
    assert_string_equal(value_of(&kv, "a"), "-");
}

static void test_write_put_and_delete(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("a", "2"), 0);
    assert_string_equal(value_of(&kv, "a"), "2");
    struct kv_write write = {KV_ZONES, KV_DELETE, text("a"), text("")};
    assert_int_equal(kv_write(&kv, &write, 1), 0);
    assert_string_equal(value_of(&kv, "a"), "-");
}

static void test_write_families_are_apart(void **state)
{
    struct kv_buffer buffer = {0};

    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(kv_get(&kv, KV_META, text("a"), &buffer), ERR_NOT_FOUND);
}

static void test_write_empty_value_is_there(void **state)
{
    (void)state;
    assert_int_equal(put("a", ""), 0);
    assert_string_equal(value_of(&kv, "a"), "");
}

static void test_write_range_then_put_keeps_the_put(void **state)
{
    (void)state;
    assert_int_equal(put("b1", "1"), 0);
    assert_int_equal(put("b2", "1"), 0);
    assert_int_equal(put("c", "1"), 0);
    struct kv_write writes[] = {{KV_ZONES, KV_DELETE_RANGE, text("b"), text("c")},
                                {KV_ZONES, KV_PUT, text("b2"), text("2")}};
    assert_int_equal(kv_write(&kv, writes, 2), 0);
    assert_string_equal(scan(&kv, "", ""), "b2=2 c=1 ");
}

static void test_write_put_then_range_takes_the_put(void **state)
{
    (void)state;
    assert_int_equal(put("b1", "1"), 0);
    struct kv_write writes[] = {{KV_ZONES, KV_PUT, text("b2"), text("2")},
                                {KV_ZONES, KV_DELETE_RANGE, text("b"), text("c")},
                                {KV_ZONES, KV_PUT, text("b3"), text("3")}};
    assert_int_equal(kv_write(&kv, writes, 3), 0);
    assert_string_equal(scan(&kv, "", ""), "b3=3 ");
}

/* Small ranges and large ones are deleted in different ways. */
static void test_write_range_of_any_size(void **state)
{
    static const unsigned sizes[] = {1, 999, 1000, 1001, 5000};
    char key[16];

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(put("a", "1"), 0);
        assert_int_equal(put("c", "1"), 0);
        for (unsigned n = 0; n < sizes[i]; n++) {
            snprintf(key, sizeof(key), "b%05u", n);
            assert_int_equal(put(key, "1"), 0);
        }
        struct kv_write range = {KV_ZONES, KV_DELETE_RANGE, text("b"), text("c")};
        assert_int_equal(kv_write(&kv, &range, 1), 0);
        assert_string_equal(scan(&kv, "", ""), "a=1 c=1 ");
    }
}

static void test_scan_prefix_and_start(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("ab", "2"), 0);
    assert_int_equal(put("ac", "3"), 0);
    assert_int_equal(put("b\xff", "4"), 0);
    assert_string_equal(scan(&kv, "a", ""), "a=1 ab=2 ac=3 ");
    assert_string_equal(scan(&kv, "a", "abc"), "ac=3 ");
    assert_string_equal(scan(&kv, "b\xff", ""), "b\xff=4 ");
    assert_string_equal(scan(&kv, "zz", ""), "");
}

static void test_scan_stops_when_told(void **state)
{
    (void)state;
    assert_int_equal(put("a", "stop"), 0);
    assert_int_equal(put("b", "1"), 0);
    assert_string_equal(scan(&kv, "", ""), "a=stop ");
}

static int on_pair_fail(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)user, (void)key, (void)value;
    return ERR_CORRUPT;
}

static void test_scan_returns_error_of_callback(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(kv_scan(&kv, &(struct kv_range){.family = KV_ZONES}, on_pair_fail, NULL),
                     ERR_CORRUPT);
}

static void test_overlay_reads_what_it_wrote(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("b", "1"), 0);
    assert_int_equal(put("d", "1"), 0);
    struct overlay *overlay = overlay_new(&kv);
    assert_non_null(overlay);
    overlay_put(overlay, KV_ZONES, text("c"), text("2"));
    overlay_put(overlay, KV_ZONES, text("b"), text("2"));
    overlay_delete(overlay, KV_ZONES, text("a"));
    overlay_put(overlay, KV_ZONES, text("e"), text("2"));
    assert_string_equal(scan(overlay_kv(overlay), "", ""), "b=2 c=2 d=1 e=2 ");
    assert_string_equal(scan(overlay_kv(overlay), "", "c"), "c=2 d=1 e=2 ");
    assert_string_equal(value_of(overlay_kv(overlay), "a"), "-");
    assert_string_equal(value_of(overlay_kv(overlay), "b"), "2");
    assert_string_equal(value_of(overlay_kv(overlay), "d"), "1");
    assert_string_equal(scan(&kv, "", ""), "a=1 b=1 d=1 ");
    overlay_free(overlay);
}

static void test_overlay_rollback_undoes_all(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("b", "1"), 0);
    struct overlay *overlay = overlay_new(&kv);
    overlay_put(overlay, KV_ZONES, text("c"), text("2"));
    struct overlay_mark mark = overlay_mark(overlay);
    overlay_put(overlay, KV_ZONES, text("c"), text("3"));
    overlay_put(overlay, KV_ZONES, text("aa"), text("3"));
    overlay_delete(overlay, KV_ZONES, text("b"));
    overlay_delete_range(overlay, KV_ZONES, text("a"), text("z"));
    assert_string_equal(scan(overlay_kv(overlay), "", ""), "");
    overlay_rollback(overlay, mark);
    assert_string_equal(scan(overlay_kv(overlay), "", ""), "a=1 b=1 c=2 ");
    struct kv_write *writes;
    size_t count;
    assert_int_equal(overlay_writes(overlay, &writes, &count), 0);
    assert_int_equal(count, 1);
    overlay_free(overlay);
}

static void test_overlay_range_hides_base_and_own(void **state)
{
    (void)state;
    assert_int_equal(put("a1", "1"), 0);
    assert_int_equal(put("a2", "1"), 0);
    assert_int_equal(put("b", "1"), 0);
    struct overlay *overlay = overlay_new(&kv);
    overlay_put(overlay, KV_ZONES, text("a3"), text("2"));
    overlay_delete_range(overlay, KV_ZONES, text("a"), text("b"));
    overlay_put(overlay, KV_ZONES, text("a2"), text("3"));
    assert_string_equal(scan(overlay_kv(overlay), "", ""), "a2=3 b=1 ");
    struct kv_write *writes;
    size_t count;
    assert_int_equal(overlay_writes(overlay, &writes, &count), 0);
    assert_int_equal(kv_write(&kv, writes, count), 0);
    assert_string_equal(scan(&kv, "", ""), "a2=3 b=1 ");
    overlay_free(overlay);
}

/* A random sequence of writes and reads against the memory maker as the model. */
static void test_overlay_random_agrees_with_model(void **state)
{
    struct kv model;
    uint64_t seed = 42;
    struct overlay *overlay = overlay_new(&kv);

    (void)state;
    assert_int_equal(kv_memory_new(&model), 0);
    for (unsigned step = 0; step < 4000; step++) {
        char key[8], end[8];
        struct kv_write write = {KV_ZONES, KV_PUT, {0}, {0}};
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned number = (unsigned)(seed >> 40) % 90, kind = (unsigned)(seed >> 33) % 20;
        snprintf(key, sizeof(key), "%02u", number);
        snprintf(end, sizeof(end), "%02u~", number + 3);
        write.key = text(key);
        if (kind == 0) {
            write.op = KV_DELETE_RANGE;
            write.value = text(end);
            overlay_delete_range(overlay, KV_ZONES, write.key, write.value);
        } else if (kind < 6) {
            write.op = KV_DELETE;
            overlay_delete(overlay, KV_ZONES, write.key);
        } else {
            write.value = text(kind & 1 ? "x" : "y");
            overlay_put(overlay, KV_ZONES, write.key, write.value);
        }
        assert_int_equal(kv_write(&model, &write, 1), 0);
        if (step % 7 == 0) {
            char expected[256];
            snprintf(expected, sizeof(expected), "%s", scan(&model, "3", ""));
            assert_string_equal(scan(overlay_kv(overlay), "3", ""), expected);
        }
        if (step % 501 == 0) {
            struct kv_write *writes;
            size_t count;
            assert_int_equal(overlay_writes(overlay, &writes, &count), 0);
            if (count > 0)
                assert_int_equal(kv_write(&kv, writes, count), 0);
            overlay_reset(overlay, &kv);
        }
    }
    overlay_free(overlay);
    kv_close(&model);
}

static void test_memory_crash_loses_newest_batches(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(kv_flush(&kv), 0);
    assert_int_equal(put("a", "2"), 0);
    struct kv_write range = {KV_ZONES, KV_DELETE_RANGE, text("a"), text("z")};
    assert_int_equal(kv_write(&kv, &range, 1), 0);
    assert_int_equal(put("b", "1"), 0);
    assert_int_equal(kv_memory_unflushed(&kv), 3);
    struct kv copy;
    assert_int_equal(kv_memory_clone(&kv, &copy), 0);
    kv_memory_crash(&kv, 2);
    assert_string_equal(scan(&kv, "", ""), "a=2 ");
    assert_string_equal(scan(&copy, "", ""), "b=1 ");
    kv_memory_crash(&kv, 9);
    assert_string_equal(scan(&kv, "", ""), "a=2 ");
    kv_close(&copy);
}

static void test_rocks_reopen_finds_writes(void **state)
{
    char path[128];

    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(kv_flush(&kv), 0);
    kv_close(&kv);
    snprintf(path, sizeof(path), "%s/db", folder);
    assert_int_equal(kv_rocks_open(path, false, &kv), 0);
    assert_string_equal(value_of(&kv, "a"), "1");
}

static void test_rocks_checkpoint_is_a_copy(void **state)
{
    struct kv copy;
    char path[128];

    (void)state;
    assert_int_equal(put("a", "1"), 0);
    snprintf(path, sizeof(path), "%s/copy", folder);
    assert_int_equal(kv_checkpoint(&kv, path), 0);
    assert_int_equal(put("a", "2"), 0);
    assert_int_equal(kv_rocks_open(path, false, &copy), 0);
    assert_string_equal(value_of(&copy, "a"), "1");
    kv_close(&copy);
    assert_int_equal(kv_verify(&kv), 0);
}

static void test_rocks_verify_ends_when_told(void **state)
{
    atomic_bool is_stopped = false;

    (void)state;
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("b", "2"), 0);
    assert_int_equal(kv_verify_until(&kv, &is_stopped), 0);
    is_stopped = true;
    assert_int_equal(kv_verify_until(&kv, &is_stopped), ERR_CLOSED);
}

static void test_rocks_open_twice_is_busy(void **state)
{
    struct kv other;
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/db", folder);
    assert_int_equal(kv_rocks_open(path, false, &other), ERR_BUSY);
}

static void test_rocks_open_missing_not_found(void **state)
{
    struct kv other;
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/none", folder);
    assert_int_equal(kv_rocks_open(path, false, &other), ERR_NOT_FOUND);
}

#define BOTH(test)                                                                                 \
    {#test " (memory)", test, start_memory, stop, NULL},                                           \
    {                                                                                              \
#test " (rocks)", test, start_rocks, stop, NULL                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_get_missing_not_found),
        BOTH(test_write_put_and_delete),
        BOTH(test_write_families_are_apart),
        BOTH(test_write_empty_value_is_there),
        BOTH(test_write_range_then_put_keeps_the_put),
        BOTH(test_write_put_then_range_takes_the_put),
        BOTH(test_write_range_of_any_size),
        BOTH(test_scan_prefix_and_start),
        BOTH(test_scan_stops_when_told),
        BOTH(test_scan_returns_error_of_callback),
        BOTH(test_overlay_reads_what_it_wrote),
        BOTH(test_overlay_rollback_undoes_all),
        BOTH(test_overlay_range_hides_base_and_own),
        BOTH(test_overlay_random_agrees_with_model),
        cmocka_unit_test_setup_teardown(test_memory_crash_loses_newest_batches, start_memory, stop),
        cmocka_unit_test_setup_teardown(test_rocks_reopen_finds_writes, start_rocks, stop),
        cmocka_unit_test_setup_teardown(test_rocks_checkpoint_is_a_copy, start_rocks, stop),
        cmocka_unit_test_setup_teardown(test_rocks_verify_ends_when_told, start_rocks, stop),
        cmocka_unit_test_setup_teardown(test_rocks_open_twice_is_busy, start_rocks, stop),
        cmocka_unit_test_setup_teardown(test_rocks_open_missing_not_found, start_rocks, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
