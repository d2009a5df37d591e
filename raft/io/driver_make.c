/* raft/io/driver_make.c: the leader's half of snapshots: a checkpoint on a worker, one at a time,
 * served to every peer that asks while it is fresh. */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "raft/io/driver_files.h"

static bool is_listed(const raft_id *ids, uint32_t count, raft_id id)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

void driver__make_wanted(struct raft_driver *driver, const raft_id *peers, uint32_t count)
{
    struct driver_make *make = &driver->make;
    for (uint32_t i = 0; i < count; i++)
        if (!is_listed(make->wanted, make->wanted_count, peers[i]) &&
            make->wanted_count < RAFT_MEMBERS_MAX)
            make->wanted[make->wanted_count++] = peers[i];
}

/* Tell the core the outcome for everyone who waits. */
static void answer(struct raft_driver *driver, const struct raft_snapshot *snapshot)
{
    struct driver_make *make = &driver->make;
    raft_id peers[RAFT_MEMBERS_MAX];
    uint32_t count = make->wanted_count;
    memcpy(peers, make->wanted, count * sizeof(*peers));
    make->wanted_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct raft_event event = {.kind = snapshot != NULL ? RAFT_EVENT_SNAPSHOT_READY
                                                            : RAFT_EVENT_SNAPSHOT_FAILED,
                                   .peer = peers[i],
                                   .snapshot = snapshot};
        if (driver__step(driver, &event) != 0 || snapshot == NULL)
            continue;
        make->sent_count++;
        if (!is_listed(make->given, make->given_count, peers[i]) &&
            make->given_count < RAFT_MEMBERS_MAX)
            make->given[make->given_count++] = peers[i];
    }
}

/* Remember what is served, and let the oldest go. */
static void note_served(struct raft_driver *driver, const uint8_t *snapshot_id)
{
    struct driver_make *make = &driver->make;
    if (make->served_count == DRIVER_SERVED_MAX) {
        /* RAFT_ENOENT: it has expired by itself */
        (void)driver->net.ops->unserve(driver->net.self, make->served[0]);
        memmove(make->served[0], make->served[1],
                (DRIVER_SERVED_MAX - 1) * sizeof(make->served[0]));
        make->served_count--;
    }
    memcpy(make->served[make->served_count++], snapshot_id, sizeof(make->served[0]));
}

static void fail(struct raft_driver *driver, const char *step, int code)
{
    struct driver_make *make = &driver->make;
    driver__log(driver, RAFT_LOG_ERROR, "snapshot_failed step=%s error=\"%s\"", step,
                raft_error_text(code));
    driver__remove_tree(make->dir);
    make->is_working = false;
    make->retry_ms = driver__now(driver) + DRIVER_SNAPSHOT_RETRY_MS;
    answer(driver, NULL);
}

/* What was made is served under @snapshot_id and has its locator: give it to all who wait. */
static void take_served(struct raft_driver *driver, const uint8_t *snapshot_id)
{
    struct driver_make *make = &driver->make;
    make->is_working = false;
    make->has_fresh = true;
    make->fresh = make->made;
    make->fresh_ms = driver__now(driver);
    make->given_count = 0;
    note_served(driver, snapshot_id);
    driver__log(driver, RAFT_LOG_INFO, "snapshot_made index=%" PRIu64, make->made.index);
    answer(driver, &make->fresh);
}

static void on_served(void *user, int result, const uint8_t *snapshot_id)
{
    struct raft_driver *driver = user;
    struct raft_net net = driver->net;
    if (!driver__is_stopped(driver)) {
        if (result != 0) {
            fail(driver, "serve", result);
        } else if (net.ops->locate(net.self, snapshot_id, &driver->make.made) != 0) {
            (void)net.ops->unserve(net.self, snapshot_id);
            fail(driver, "locate", RAFT_ELIMIT);
        } else {
            take_served(driver, snapshot_id);
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

/* Will the last one do for all who wait? One who got it and asks again could not use it. */
static bool is_fresh(struct raft_driver *driver)
{
    const struct driver_make *make = &driver->make;
    uint64_t age_ms = driver__now(driver) - make->fresh_ms;
    if (!make->has_fresh || age_ms >= DRIVER_SNAPSHOT_FRESH_MS ||
        make->fresh.index + 1 < raft_first_index(driver->raft))
        return false;
    for (uint32_t i = 0; i < make->wanted_count; i++)
        if (age_ms >= DRIVER_SNAPSHOT_AGAIN_MS &&
            is_listed(make->given, make->given_count, make->wanted[i]))
            return false;
    return true;
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
    if (driver__now(driver) < make->retry_ms)
        return;
    make->is_working = true;
    make->made = (struct raft_snapshot){0};
    snprintf(make->dir, sizeof(make->dir), "%s/checkpoint/%" PRIu64, driver->dir, ++make->number);
    if (driver__work(driver, run_checkpoint, on_checkpoint) != 0)
        fail(driver, "worker", RAFT_ENOMEM);
}
