/* raft/io/driver_make.c: the leader's half of snapshots: a checkpoint on a worker, one at a time,
 * served to every peer that asks while it is fresh. */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdio.h>

void driver__make_wanted(struct raft_driver *driver, const raft_id *peers, uint32_t count)
{
    struct driver_make *make = &driver->make;
    for (uint32_t i = 0; i < count; i++) {
        bool is_known = false;
        for (uint32_t k = 0; k < make->wanted_count; k++)
            is_known |= make->wanted[k] == peers[i];
        if (!is_known && make->wanted_count < RAFT_MEMBERS_MAX)
            make->wanted[make->wanted_count++] = peers[i];
    }
}

/* Tell the core the outcome for everyone who waits. */
static void answer(struct raft_driver *driver, const struct raft_snapshot *snapshot)
{
    struct driver_make *make = &driver->make;
    struct driver_make asked = *make;
    make->wanted_count = 0;
    for (uint32_t i = 0; i < asked.wanted_count; i++) {
        struct raft_event event = {.kind = snapshot != NULL ? RAFT_EVENT_SNAPSHOT_READY
                                                            : RAFT_EVENT_SNAPSHOT_FAILED,
                                   .peer = asked.wanted[i],
                                   .snapshot = snapshot};
        if (driver__step(driver, &event) == 0 && snapshot != NULL)
            make->sent_count++;
    }
}

static void fail(struct raft_driver *driver, const char *step, int code)
{
    struct driver_make *make = &driver->make;
    driver__log(driver, RAFT_LOG_ERROR, "snapshot_failed step=%s error=\"%s\"", step,
                raft_error_text(code));
    driver__remove_tree(make->dir);
    make->is_working = false;
    answer(driver, NULL);
}

static void on_served(void *user, int result, const uint8_t *snapshot_id)
{
    struct raft_driver *driver = user;
    struct driver_make *make = &driver->make;
    if (!driver__is_stopped(driver)) {
        int code = result;
        const char *step = "serve";
        if (code == 0) {
            step = "locate";
            code = driver->net.ops->locate(driver->net.self, snapshot_id, &make->made);
        }
        if (code != 0) {
            fail(driver, step, code);
        } else {
            make->is_working = false;
            make->has_fresh = true;
            make->fresh = make->made;
            make->fresh_ms = driver__now(driver);
            driver__log(driver, RAFT_LOG_INFO, "snapshot_made index=%" PRIu64, make->made.index);
            answer(driver, &make->fresh);
        }
        driver__pump(driver);
    }
    driver__release(driver);
}

static void run_checkpoint(struct raft_driver *driver)
{
    const struct raft_app *app = &driver->options.app;
    driver->make.code = app->checkpoint(app->user, driver->make.dir, &driver->make.made);
}

static void on_checkpoint(struct raft_driver *driver)
{
    struct driver_make *make = &driver->make;
    if (!driver__is_stopped(driver)) {
        int code = make->code;
        if (code != 0) {
            fail(driver, "checkpoint", code);
        } else {
            driver->pending++;
            code = driver->net.ops->serve(driver->net.self, make->dir, on_served, driver);
            if (code != 0) {
                driver->pending--;
                fail(driver, "serve", code);
            }
        }
        driver__pump(driver);
    }
}

static bool is_fresh(struct raft_driver *driver)
{
    const struct driver_make *make = &driver->make;
    return make->has_fresh && driver__now(driver) - make->fresh_ms < DRIVER_SNAPSHOT_FRESH_MS &&
           make->fresh.index + 1 >= raft_first_index(driver->raft);
}

void driver__make_pump(struct raft_driver *driver)
{
    struct driver_make *make = &driver->make;
    if (make->wanted_count == 0 || make->is_working || driver__is_stopped(driver))
        return;
    if (is_fresh(driver)) {
        answer(driver, &make->fresh);
        return;
    }
    make->is_working = true;
    make->made = (struct raft_snapshot){0};
    snprintf(make->dir, sizeof(make->dir), "%s/checkpoint/%" PRIu64, driver->dir, ++make->number);
    if (driver__work(driver, run_checkpoint, on_checkpoint) != 0)
        fail(driver, "worker", RAFT_ENOMEM);
}
