/* links: cluster test_apply */
/* Round-trip times in the state machine: which figure counts after which windows, imports, bounds,
 * and what grows old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/apply_latency.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_latency.h"

#define WINDOW_S 600u
#define NOW_S 1700000000u

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

/* ---- hysteresis ---- */

struct row {
    const char *what;
    uint16_t first_ms;
    uint16_t ms[8]; /* of windows one after the other; 0: a window without the prefix */
    uint16_t counts_ms[8];
};
static const struct row rows[] = {
    {"within 10 ms", 50, {60, 40, 60, 60, 60}, {50, 50, 50, 50, 50}},
    {"11 ms off, three times", 50, {61, 61, 61}, {50, 50, 61}},
    {"within 10 %", 300, {330, 270, 330, 330}, {300, 300, 300, 300}},
    {"over 10 %", 300, {331, 331, 331}, {300, 300, 331}},
    {"two and back", 50, {80, 80, 55, 80, 80, 80}, {50, 50, 50, 50, 50, 80}},
    {"the last of the row counts", 50, {80, 85, 90}, {50, 50, 90}},
    {"a drift within tolerance of the one before", 50, {70, 79, 88}, {50, 50, 88}},
    {"a jump begins a new row", 50, {80, 80, 120, 120, 120}, {50, 50, 50, 50, 120}},
    {"the other side begins a new row", 50, {61, 39, 61, 39, 39, 39}, {50, 50, 50, 50, 50, 39}},
    {"alternating figures never count", 50, {80, 20, 80, 20, 80, 20}, {50, 50, 50, 50, 50, 50}},
    {"windows without the prefix do not break a row",
     50,
     {80, 0, 80, 0, 0, 80},
     {50, 50, 50, 50, 50, 80}},
    {"down", 200, {100, 100, 100}, {200, 200, 100}},
    {"and up again", 200, {100, 100, 100, 200, 200, 200}, {200, 200, 100, 100, 100, 200}},
};

static void test_take_truth_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct state_latency entry = {
            .source = STATE_LATENCY_MEASURED, .ms = rows[i].first_ms, .window_wall_s = NOW_S};
        for (unsigned k = 0; k < 8 && rows[i].counts_ms[k] != 0; k++) {
            const uint16_t before_ms = entry.ms;
            bool is_changed, is_other = false;
            if (rows[i].ms[k] != 0)
                is_other = apply__latency_take(&entry, rows[i].ms[k], NOW_S + (k + 1) * WINDOW_S,
                                               &is_changed);
            if (entry.ms != rows[i].counts_ms[k])
                fail_msg("%s: window %u counts %u", rows[i].what, k, entry.ms);
            assert_int_equal(is_other, entry.ms != before_ms);
        }
    }
}

static void test_take_same_or_older_window_changes_nothing(void **state)
{
    struct state_latency entry = {.ms = 50, .window_wall_s = NOW_S};
    bool is_changed;

    (void)state;
    assert_false(apply__latency_take(&entry, 90, NOW_S, &is_changed));
    assert_false(is_changed);
    assert_false(apply__latency_take(&entry, 90, NOW_S - 1, &is_changed));
    assert_int_equal(entry.candidate_windows, 0);
    assert_false(apply__latency_take(&entry, 90, NOW_S + 1, &is_changed));
    assert_false(apply__latency_take(&entry, 90, NOW_S + 1, &is_changed));
    assert_int_equal(entry.candidate_windows, 1);
}

static void test_take_a_row_ends_after_a_day_of_silence(void **state)
{
    struct state_latency entry = {.ms = 50, .window_wall_s = NOW_S};
    bool is_changed;

    (void)state;
    apply__latency_take(&entry, 90, NOW_S + 600, &is_changed);
    apply__latency_take(&entry, 90, NOW_S + 600 + 86400, &is_changed);
    assert_int_equal(entry.candidate_windows, 2);
    apply__latency_take(&entry, 90, NOW_S + 601 + 2 * 86400, &is_changed);
    assert_int_equal(entry.candidate_windows, 1);
    assert_int_equal(entry.ms, 50);
}

static void test_take_confirmation_is_written_once_a_day(void **state)
{
    struct state_latency entry = {.ms = 50, .window_wall_s = NOW_S};
    bool is_changed;

    (void)state;
    apply__latency_take(&entry, 55, NOW_S + 86399, &is_changed);
    assert_false(is_changed);
    apply__latency_take(&entry, 55, NOW_S + 86400, &is_changed);
    assert_true(is_changed);
    assert_int_equal(entry.window_wall_s, NOW_S + 86400);
}

/* ---- commands ---- */

static ProtobufCBinaryData prefix_octets(uint8_t *octets, unsigned number, uint8_t bits)
{
    const uint8_t made[5] = {bits, 198, (uint8_t)(18 + number / 256), (uint8_t)number, 0};

    memcpy(octets, made, sizeof made);
    return (ProtobufCBinaryData){sizeof made, octets};
}

/* Of prefix i: 10 + i ms. */
static Cmd__Command *import(bool is_first, const char *region, unsigned count)
{
    Cmd__Command *command = test_command(&test);
    Cmd__ImportLatency *import = test_apply_alloc(&test, sizeof(*import));
    Cmd__LatencyEntry *entries = test_apply_alloc(&test, (count + 1) * sizeof(*entries));
    uint8_t *octets = test_apply_alloc(&test, (count + 1) * 17);

    cmd__import_latency__init(import);
    import->is_first = is_first;
    import->n_entries = count;
    import->entries = test_apply_alloc(&test, (count + 1) * sizeof(void *));
    for (unsigned i = 0; i < count; i++) {
        import->entries[i] = &entries[i];
        cmd__latency_entry__init(&entries[i]);
        entries[i].prefix = prefix_octets(octets + i * 17, i, 24);
        entries[i].region = (char *)region;
        entries[i].ms = 10 + i;
    }
    command->kind_case = CMD__COMMAND__KIND_IMPORT_LATENCY;
    command->import_latency = import;
    return command;
}

static Cmd__Command *window_of(const char *region, uint64_t wall_s, unsigned count, uint32_t ms)
{
    Cmd__Command *command = test_command(&test);
    Cmd__PutLatencyWindow *window = test_apply_alloc(&test, sizeof(*window));
    Cmd__LatencyMeasure *measures = test_apply_alloc(&test, (count + 1) * sizeof(*measures));
    uint8_t *octets = test_apply_alloc(&test, (count + 1) * 17);

    cmd__put_latency_window__init(window);
    window->region = (char *)region;
    window->window_wall_s = wall_s;
    window->n_measures = count;
    window->measures = test_apply_alloc(&test, (count + 1) * sizeof(void *));
    for (unsigned i = 0; i < count; i++) {
        window->measures[i] = &measures[i];
        cmd__latency_measure__init(&measures[i]);
        measures[i].prefix = prefix_octets(octets + i * 17, i, 24);
        measures[i].ms = ms;
    }
    command->kind_case = CMD__COMMAND__KIND_PUT_LATENCY_WINDOW;
    command->put_latency_window = window;
    command->time_wall_ms = wall_s * 1000;
    return command;
}

static int run(Cmd__Command *command)
{
    return test_apply_one(&test, command)->code;
}

static struct state_latency_about about(void)
{
    struct state_latency_about out;

    assert_int_equal(state_get_latency_about(&test.kv, &out), 0);
    return out;
}

static bool find(uint8_t source, const char *region, unsigned number, struct state_latency *out)
{
    struct state_latency which = {.source = source,
                                  .prefix = {.octets = {198, 18, (uint8_t)number}, .len = 24}};

    snprintf(which.region, sizeof which.region, "%s", region);
    return state_get_latency(&test.kv, &which, out) == 0;
}

static void test_import_first_replaces_the_others_add(void **state)
{
    struct state_latency entry;

    (void)state;
    assert_int_equal(run(import(true, "eu-west-1", 3)), 0);
    assert_int_equal(test.effects[0], APPLY_LATENCY_CHANGED);
    assert_int_equal(run(import(false, "us-east-1", 2)), 0);
    assert_int_equal(run(import(false, "us-east-1", 2)), 0); /* the same again */
    assert_int_equal(about().imported_count, 5);
    assert_int_equal(about().version, 3);
    assert_true(find(STATE_LATENCY_IMPORTED, "eu-west-1", 2, &entry));
    assert_int_equal(entry.ms, 12);
    assert_int_equal(run(window_of("eu-west-1", NOW_S, 4, 77)), 0);
    assert_int_equal(run(import(true, "us-east-1", 1)), 0);
    assert_int_equal(about().imported_count, 1);
    assert_false(find(STATE_LATENCY_IMPORTED, "eu-west-1", 0, &entry));
    assert_true(find(STATE_LATENCY_MEASURED, "eu-west-1", 3, &entry)); /* what is measured stays */
    assert_int_equal(about().measured_count, 4);
}

static void test_import_malformed_is_refused_whole(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_int_equal(run(import(true, "eu-west-1", 2)), 0);
    assert_int_equal(run(import(true, "nowhere-1", 2)), ERR_NOT_FOUND);
    command = import(true, "eu-west-1", 2);
    command->import_latency->entries[1]->ms = 60001;
    assert_int_equal(run(command), ERR_INVALID);
    command = import(true, "eu-west-1", 2);
    command->import_latency->entries[1]->prefix.data[0] = 33;
    assert_int_equal(run(command), ERR_INVALID);
    command = import(true, "eu-west-1", 2);
    command->import_latency->entries[1]->prefix.data[0] = 20; /* bits behind the length */
    command->import_latency->entries[1]->prefix.data[3] = 1;
    assert_int_equal(run(command), ERR_INVALID);
    command = import(true, "eu-west-1", 2);
    command->import_latency->entries[0]->prefix.len = 4;
    assert_int_equal(run(command), ERR_INVALID);
    assert_int_equal(about().imported_count, 2);
    assert_int_equal(about().version, 1);
}

static void test_window_figures_change_after_three(void **state)
{
    struct state_latency entry;

    (void)state;
    assert_int_equal(run(window_of("eu-west-1", NOW_S, 2, 50)), 0);
    assert_int_equal(test.effect_count, 1);
    assert_int_equal(about().version, 1);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(run(window_of("eu-west-1", NOW_S + i * WINDOW_S, 1, 90)), 0);
        assert_int_equal(test.effect_count, 0);
    }
    assert_true(find(STATE_LATENCY_MEASURED, "eu-west-1", 0, &entry));
    assert_int_equal(entry.ms, 50);
    assert_int_equal(run(window_of("eu-west-1", NOW_S + 3 * WINDOW_S, 1, 90)), 0);
    assert_int_equal(test.effect_count, 1);
    assert_true(find(STATE_LATENCY_MEASURED, "eu-west-1", 0, &entry));
    assert_int_equal(entry.ms, 90);
    assert_true(find(STATE_LATENCY_MEASURED, "eu-west-1", 1, &entry));
    assert_int_equal(entry.ms, 50);
    assert_int_equal(about().version, 2);
}

static void test_window_malformed_is_refused(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_int_equal(run(window_of("nowhere-1", NOW_S, 1, 50)), ERR_NOT_FOUND);
    command = window_of("eu-west-1", NOW_S, 1, 50);
    command->put_latency_window->window_wall_s = NOW_S + 1; /* in the future */
    assert_int_equal(run(command), ERR_INVALID);
    command = window_of("eu-west-1", NOW_S, 1, 50);
    command->put_latency_window->window_wall_s = NOW_S - 86401;
    assert_int_equal(run(command), ERR_INVALID);
    command = window_of("eu-west-1", NOW_S, 1, 50);
    command->put_latency_window->measures[0]->prefix.data[0] = 16;
    command->put_latency_window->measures[0]->prefix.data[3] = 0;
    assert_int_equal(run(command), ERR_INVALID);
    assert_int_equal(about().measured_count, 0);
}

static void test_window_takes_old_figures_away_in_steps(void **state)
{
    struct state_latency entry;

    (void)state;
    assert_int_equal(run(window_of("eu-west-1", NOW_S, 2500, 50)), 0);
    assert_int_equal(run(window_of("eu-west-1", NOW_S + 20 * 86400, 3, 50)), 0);
    assert_int_equal(about().measured_count, 2500);
    const uint64_t later_s = NOW_S + 31 * 86400;
    unsigned windows = 0;
    while (about().measured_count > 3 && windows++ < 10)
        assert_int_equal(run(window_of("", later_s + windows, 0, 0)), 0);
    assert_in_range(windows, 3, 4);
    assert_true(find(STATE_LATENCY_MEASURED, "eu-west-1", 2, &entry));
    assert_false(find(STATE_LATENCY_MEASURED, "eu-west-1", 3, &entry));
    assert_int_equal(run(window_of("", later_s + 86400, 0, 0)), 0);
    assert_int_equal(about().measured_count, 3);
}

#define RING(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING(test_take_truth_table),
        RING(test_take_same_or_older_window_changes_nothing),
        RING(test_take_a_row_ends_after_a_day_of_silence),
        RING(test_take_confirmation_is_written_once_a_day),
        RING(test_import_first_replaces_the_others_add),
        RING(test_import_malformed_is_refused_whole),
        RING(test_window_figures_change_after_three),
        RING(test_window_malformed_is_refused),
        RING(test_window_takes_old_figures_away_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
