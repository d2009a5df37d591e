/* node/health/schedule.c: when each check starts. A check has a place in its interval, by hash,
 * that no other node has; only the first start, of a check that is new here, comes sooner. */
#include <string.h>

#include <uv.h>

#include "base/assert.h"
#include "base/siphash.h"
#include "health/internal.h"

#define FIRST_WINDOW_MS 1000 /* for one new check; 1 ms more for each that is there */
#define NS_PER_MS 1000000u

static uint64_t interval_ms(const struct health_check *check)
{
    return (uint64_t)check->spec.interval_s * 1000;
}

static void count_lateness(struct health_check *check)
{
    struct health_checker *checker = check->checker;
    uint64_t now_mono_ms = uv_hrtime() / NS_PER_MS;
    uint64_t late_ms =
        now_mono_ms > check->start_due_mono_ms ? now_mono_ms - check->start_due_mono_ms : 0;

    if (late_ms >= HEALTH_LATE_MS)
        health__count(checker, HEALTH_COUNT_LATE);
    if (late_ms >= HEALTH_LATENESS_SIZE)
        late_ms = HEALTH_LATENESS_SIZE - 1;
    atomic_fetch_add_explicit(&checker->lateness[late_ms], 1, memory_order_relaxed);
    health__count(checker, HEALTH_COUNT_STARTED);
}

static void start(struct health_check *check)
{
    struct health_checker *checker = check->checker;
    struct health_run *run = checker->free_runs;

    checker->free_runs = run->next_free;
    count_lateness(check);
    health__count(checker, HEALTH_COUNT_RUNNING);
    run_start(run, check);
}

static void wait_for_run(struct health_check *check)
{
    struct health_checker *checker = check->checker;

    check->is_waiting = true;
    check->next_waiting = NULL;
    check->previous_waiting = checker->waiting_last;
    if (checker->waiting_last)
        checker->waiting_last->next_waiting = check;
    else
        checker->waiting_first = check;
    checker->waiting_last = check;
    health__count(checker, HEALTH_COUNT_WAITING);
}

static void wait_no_more(struct health_check *check)
{
    struct health_checker *checker = check->checker;

    if (check->previous_waiting)
        check->previous_waiting->next_waiting = check->next_waiting;
    else
        checker->waiting_first = check->next_waiting;
    if (check->next_waiting)
        check->next_waiting->previous_waiting = check->previous_waiting;
    else
        checker->waiting_last = check->previous_waiting;
    check->is_waiting = false;
    health__count_down(checker, HEALTH_COUNT_WAITING);
}

void schedule_next(struct health_checker *checker)
{
    struct health_check *check = checker->waiting_first;

    if (!check || !checker->free_runs || checker->is_closing)
        return;
    wait_no_more(check);
    start(check);
}

static void on_due(uv_timer_t *timer);

static void arm(struct health_check *check)
{
    uint64_t now_mono_ms = uv_now(check->checker->loop);
    uint64_t wait_ms = check->due_mono_ms > now_mono_ms ? check->due_mono_ms - now_mono_ms : 0;

    ASSERT(uv_timer_start(check->timer, on_due, wait_ms, 0) == 0);
}

/* The next time that is at the check's place, half an interval from now or later: so the second
 * start is not on the heels of an early first one, and a loop that was held up skips what it has
 * missed. */
static uint64_t next_due(const struct health_check *check, uint64_t now_mono_ms)
{
    uint64_t interval = interval_ms(check);
    uint64_t from = now_mono_ms + interval / 2;
    uint64_t over = (from + interval - check->phase_ms % interval) % interval;

    return over == 0 ? from : from + interval - over;
}

static void on_due(uv_timer_t *timer)
{
    struct health_check *check = timer->data;
    uint64_t due_mono_ms = check->due_mono_ms;

    check->due_mono_ms = next_due(check, uv_now(check->checker->loop));
    arm(check);
    if (check->run || check->is_waiting) {
        health__count(check->checker, HEALTH_COUNT_SKIPPED);
        return;
    }
    check->start_due_mono_ms = due_mono_ms;
    if (check->checker->free_runs)
        start(check);
    else
        wait_for_run(check);
}

void schedule_begin(struct health_check *check)
{
    static const uint8_t key[SIPHASH_KEY_LEN] = "quartet health";
    uint8_t place[sizeof(uint64_t) + HEALTH_ID_SIZE] = {0};
    uint64_t window_ms = FIRST_WINDOW_MS + check->checker->checks.count;

    memcpy(place, &check->checker->options.node, sizeof(uint64_t));
    memcpy(place + sizeof(uint64_t), check->id, strlen(check->id));
    uint64_t hash = siphash_24(key, place, sizeof(place));
    check->phase_ms = hash % interval_ms(check);
    if (window_ms > interval_ms(check))
        window_ms = interval_ms(check);
    check->due_mono_ms = uv_now(check->checker->loop) + (hash >> 32) % window_ms;
    arm(check);
}

void schedule_end(struct health_check *check)
{
    uv_timer_stop(check->timer);
    if (check->is_waiting)
        wait_no_more(check);
}
