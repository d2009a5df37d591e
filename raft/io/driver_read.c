/* raft/io/driver_read.c: linearizable read barriers. A read that comes alone starts a round of the
 * core at once; those that come while others wait share one a turn of the loop. An unanswered round
 * (a lost message, no leader) is asked again. */
#include "raft/io/driver_internal.h"

#include <stdlib.h>
#include <string.h>

#define DONE_AT_ONCE 64

static int grow(struct driver_reads *reads)
{
    if (reads->count < reads->capacity)
        return 0;
    uint32_t capacity = reads->capacity > 0 ? reads->capacity * 2 : 64;
    struct driver_read *items = realloc(reads->items, capacity * sizeof(*items));
    if (items == NULL)
        return RAFT_ENOMEM;
    reads->items = items;
    reads->capacity = capacity;
    return 0;
}

static void ask(struct raft_driver *driver)
{
    struct driver_reads *reads = &driver->reads;
    struct raft_event event = {.kind = RAFT_EVENT_READ, .read_id = reads->next_id++};
    reads->is_wanted = false;
    reads->asked_ms = driver__now(driver);
    driver__step(driver, &event); /* RAFT_EBUSY: the next tick asks again */
}

int raft_driver_read(struct raft_driver *driver, uint32_t timeout_ms, raft_driver_read_cb done,
                     void *user)
{
    struct driver_reads *reads = &driver->reads;
    if (driver__is_stopped(driver))
        return RAFT_ECLOSED;
    if (reads->count >= RAFT_READS_MAX)
        return RAFT_EBUSY;
    if (timeout_ms == 0)
        timeout_ms = driver->options.read_timeout_ms;
    int code = grow(reads);
    if (code != 0)
        return code;
    reads->items[reads->count++] =
        (struct driver_read){.id = reads->next_id,
                             .done = done,
                             .user = user,
                             .applied_index = driver->applied_index,
                             .deadline_ms = driver__now(driver) + timeout_ms};
    reads->is_wanted = true;
    if (reads->count == 1)
        ask(driver); /* its messages are under way while the caller goes on with his turn */
    if (reads->is_wanted || reads->items[0].is_answered)
        driver__wake(driver);
    return 0;
}

void driver__reads_answer(struct raft_driver *driver, const struct raft_update *update)
{
    struct driver_reads *reads = &driver->reads;
    for (uint32_t i = 0; i < update->read_count; i++) {
        const struct raft_read *answer = &update->reads[i];
        if (answer->outcome != RAFT_READ_OK)
            continue; /* asked again until the deadline */
        for (uint32_t k = 0; k < reads->count; k++) {
            struct driver_read *read = &reads->items[k];
            if (read->is_answered || read->id > answer->read_id)
                continue;
            read->is_answered = true;
            read->index = answer->index;
        }
    }
}

/* Take up to DONE_AT_ONCE reads that are over out of the table; 0 time: only answered ones. */
static uint32_t take_done(struct raft_driver *driver, uint64_t now_ms, struct driver_read *out,
                          int *codes)
{
    struct driver_reads *reads = &driver->reads;
    uint32_t kept = 0, taken = 0;
    for (uint32_t i = 0; i < reads->count; i++) {
        struct driver_read *read = &reads->items[i];
        bool is_served = read->is_answered && read->index <= driver->applied_index;
        bool is_late = read->deadline_ms <= now_ms;
        if ((is_served || is_late) && taken < DONE_AT_ONCE) {
            codes[taken] = is_served ? 0 : RAFT_ETIMEDOUT;
            out[taken++] = *read;
        } else {
            reads->items[kept++] = *read;
        }
    }
    reads->count = kept;
    return taken;
}

static void finish(struct raft_driver *driver, uint64_t now_ms)
{
    struct driver_read done[DONE_AT_ONCE];
    int codes[DONE_AT_ONCE];
    uint32_t count;
    do {
        count = take_done(driver, now_ms, done, codes);
        for (uint32_t i = 0; i < count; i++)
            done[i].done(done[i].user, codes[i],
                         codes[i] == 0 && done[i].index <= done[i].applied_index);
    } while (count == DONE_AT_ONCE);
}

void driver__reads_pump(struct raft_driver *driver)
{
    if (driver->reads.is_wanted)
        ask(driver);
    if (driver->reads.count > 0)
        finish(driver, 0);
}

void driver__reads_tick(struct raft_driver *driver)
{
    struct driver_reads *reads = &driver->reads;
    if (reads->count == 0)
        return;
    uint64_t now_ms = driver__now(driver);
    finish(driver, now_ms);
    for (uint32_t i = 0; i < reads->count; i++)
        if (!reads->items[i].is_answered &&
            now_ms - reads->asked_ms >= 2u * driver->options.heartbeat_ms) {
            ask(driver);
            return;
        }
}

void driver__reads_close(struct raft_driver *driver)
{
    struct driver_reads *reads = &driver->reads;
    for (uint32_t i = 0; i < reads->count; i++)
        reads->items[i].done(reads->items[i].user, RAFT_ECLOSED, false);
    free(reads->items);
    *reads = (struct driver_reads){0};
}
