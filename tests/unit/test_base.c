/* links: base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/random.h"

static void test_err_text_every_code_has_its_own(void **state)
{
    (void)state;
    for (int a = ERR_UNSUPPORTED; a <= ERR_NOMEM; a++) {
        assert_string_not_equal(err_text(a), "unknown error");
        for (int b = ERR_UNSUPPORTED; b < a; b++)
            assert_string_not_equal(err_text(a), err_text(b));
    }
    assert_string_equal(err_text(0), "success");
    assert_string_equal(err_text(1), "unknown error");
}

static void test_hex_parse_id_round_trips(void **state)
{
    (void)state;
    char text[HEX_ID_LEN];
    uint64_t id = 0;

    hex_format_id(0x00ab00000000cdefu, text);
    assert_string_equal(text, "00ab00000000cdef");
    assert_int_equal(hex_parse_id("00AB00000000cdef", &id), 0);
    assert_true(id == 0x00ab00000000cdefu);
}

static void test_hex_parse_bad_text_leaves_output(void **state)
{
    (void)state;
    uint64_t id = 7;
    const char *bad[] = {"", "0", "00ab00000000cdeg", "00ab00000000cdef0", "0x00ab0000000cde"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hex_parse_id(bad[i], &id), ERR_INVALID);
    assert_true(id == 7);
}

static void test_random_text_uses_the_alphabet(void **state)
{
    (void)state;
    char a[65], b[65];

    random_text(a, 64);
    random_text(b, 64);
    assert_int_equal(strlen(a), 64);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 64);
    assert_string_not_equal(a, b);
}

static void test_random_text_at_sorts_by_time(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, 35, 36, 1490633296751u, 1490633296752u, 1u << 31};
    char earlier[21], later[21];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        random_text_at(times[i], earlier, 20);
        random_text_at(times[i] + 1, later, 20);
        assert_int_equal(strspn(earlier, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 20);
        assert_true(strcmp(earlier, later) < 0);
        random_text_at(times[i], later, 20);
        assert_memory_equal(earlier, later, RANDOM_TIME_LEN);
        assert_string_not_equal(earlier, later);
    }
}

static void test_clock_format_known_instant(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_LEN];

    clock_format(1490633296751u, text);
    assert_string_equal(text, "2017-03-27T16:48:16.751Z");
    clock_format(UINT64_MAX, text); /* any garbage fits */
    assert_true(strlen(text) < CLOCK_TEXT_LEN);
}

static void test_file_write_then_read_and_remove(void **state)
{
    (void)state;
    char folder[] = "/tmp/quartet-test-XXXXXX", path[64];
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat info;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a", folder);
    assert_int_equal(file_read(path, 10, &data, &len), ERR_NOT_FOUND);
    assert_int_equal(file_write(path, "one", 3, 0600), 0);
    assert_int_equal(file_write(path, "second", 6, 0600), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(file_read(path, 5, &data, &len), ERR_LIMIT);
    assert_int_equal(file_read(path, 6, &data, &len), 0);
    assert_int_equal(len, 6);
    assert_string_equal((char *)data, "second");
    free(data);
    assert_int_equal(file_remove_tree(folder), 0);
    assert_int_equal(file_remove_tree(folder), 0);
    assert_int_equal(access(folder, F_OK), -1);
}

static void test_log_level_parse_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_WARN;

    assert_int_equal(log_level_parse("loud", &level), ERR_INVALID);
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

/* What log_event() writes to standard error, caught through a pipe. */
static void test_log_event_outside_text_cannot_forge_a_line(void **state)
{
    (void)state;
    int ends[2];
    char line[4096];

    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    assert_int_not_equal(dup2(ends[1], STDERR_FILENO), -1);
    log_warn("test", "odd name=%s", "a\nerror raft forged\x1b[1m");
    char *long_text = malloc(5000);
    assert_non_null(long_text);
    memset(long_text, 'x', 4999);
    long_text[4999] = '\0';
    log_warn("test", "long %s", long_text);
    free(long_text);
    assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
    close(saved);
    close(ends[1]);
    ssize_t len = read(ends[0], line, sizeof(line) - 1);
    close(ends[0]);
    assert_true(len > 0);
    line[len] = '\0';
    assert_ptr_equal(strstr(line, "warn test odd name=a?error raft forged?[1m\n"), line);
    assert_int_equal(line[len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_text_every_code_has_its_own),
        cmocka_unit_test(test_hex_parse_id_round_trips),
        cmocka_unit_test(test_hex_parse_bad_text_leaves_output),
        cmocka_unit_test(test_random_text_uses_the_alphabet),
        cmocka_unit_test(test_random_text_at_sorts_by_time),
        cmocka_unit_test(test_clock_format_known_instant),
        cmocka_unit_test(test_file_write_then_read_and_remove),
        cmocka_unit_test(test_log_level_parse_names),
        cmocka_unit_test(test_log_event_outside_text_cannot_forge_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
