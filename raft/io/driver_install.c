/* raft/io/driver_install.c: the follower's half of snapshots: fetch, let the application swap it
 * in, reset the log, tell the core. Every step can be repeated after a crash: a fetch goes on with
 * what is there, and a state that was swapped in while the log was not yet reset is found by
 * raft_driver_open(). */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "raft/io/driver_files.h"

static int finish(struct raft_driver *driver, enum raft_event_kind kind)
{
    struct driver_install *install = &driver->install;
    struct raft_snapshot snapshot = install->snapshot;
    struct raft_event event = {.kind = kind, .snapshot = &snapshot};
    install->state = DRIVER_INSTALL_NONE;
    return driver__step(driver, &event);
}

static void fail(struct raft_driver *driver, const char *step, int code)
{
    driver__log(driver, RAFT_LOG_WARN, "install_failed step=%s index=%" PRIu64 " error=\"%s\"",
                step, driver->install.snapshot.index, raft_error_text(code));
    finish(driver, RAFT_EVENT_INSTALL_FAILED);
}

static void on_fetched(void *user, int result)
{
    struct raft_driver *driver = user;
    struct driver_install *install = &driver->install;
    install->is_fetching = false;
    install->fetch = NULL;
    if (!driver__is_stopped(driver)) {
        if (result != 0)
            fail(driver, "fetch", result);
        else
            install->state = DRIVER_INSTALL_WAIT;
        driver__pump(driver);
    }
    driver__release(driver);
}

static void start_fetch(struct raft_driver *driver)
{
    struct driver_install *install = &driver->install;
    snprintf(install->dir, sizeof(install->dir), "%s/staging", driver->dir);
    install->is_fetching = true;
    driver->pending++;
    int code = driver->net.ops->fetch(driver->net.self, &install->snapshot, install->dir,
                                      on_fetched, driver, &install->fetch);
    if (code == 0)
        return;
    driver->pending--;
    install->is_fetching = false;
    fail(driver, "fetch", code);
}

void driver__install_wanted(struct raft_driver *driver, const struct raft_snapshot *snapshot)
{
    struct driver_install *install = &driver->install;
    if (install->state != DRIVER_INSTALL_NONE)
        return; /* the core asks once; it hears the outcome of the one under way */
    install->state = DRIVER_INSTALL_FETCH;
    install->snapshot = *snapshot;
    install->deadline_ms = driver__now(driver) + driver->options.install_timeout_ms;
    driver__log(driver, RAFT_LOG_INFO, "install_started index=%" PRIu64, snapshot->index);
    driver__wake(driver); /* the fetch starts outside of the core's step */
}

/* The data is here. A trim under way may move the log's start past the snapshot, so it ends first.
 */
static void start_swap(struct raft_driver *driver)
{
    struct driver_install *install = &driver->install;
    const struct raft_app *app = &driver->options.app;
    struct log_store_status log;
    if (driver->trim.is_flushing || driver->trim.is_trimming)
        return;
    log_store_status(driver->store, &log);
    if (install->snapshot.index + 1 < log.first_index) {
        fail(driver, "behind_own_log", RAFT_ECOMPACTED);
        return;
    }
    install->state = DRIVER_INSTALL_SWAP;
    app->install(app->user, install->dir, &install->snapshot);
}

void driver__install_pump(struct raft_driver *driver)
{
    struct driver_install *install = &driver->install;
    if (driver__is_stopped(driver))
        return;
    if (install->state == DRIVER_INSTALL_FETCH && !install->is_fetching)
        start_fetch(driver);
    if (install->state == DRIVER_INSTALL_WAIT)
        start_swap(driver);
}

void driver__install_tick(struct raft_driver *driver)
{
    struct driver_install *install = &driver->install;
    if (install->state != DRIVER_INSTALL_FETCH || install->fetch == NULL ||
        driver__now(driver) < install->deadline_ms)
        return;
    driver->net.ops->cancel(driver->net.self, install->fetch);
    install->fetch = NULL; /* on_fetched() still comes, with RAFT_ECLOSED */
}

static void on_reset(void *user)
{
    struct raft_driver *driver = user;
    struct driver_install *install = &driver->install;
    if (driver__is_stopped(driver))
        return;
    driver->applied_index = install->snapshot.index;
    if (driver__conf_reset(driver, install->snapshot.index, &install->snapshot.conf) != 0) {
        driver__fail(driver, "out of memory after a snapshot");
        return;
    }
    install->count++;
    driver__log(driver, RAFT_LOG_INFO, "install_done index=%" PRIu64, install->snapshot.index);
    if (finish(driver, RAFT_EVENT_INSTALLED) != 0) /* log and core no longer agree */
        driver__fail(driver, "the core did not expect the snapshot that was installed");
    driver__pump(driver);
}

void raft_driver_installed(struct raft_driver *driver, int code)
{
    struct driver_install *install = &driver->install;
    if (driver__is_stopped(driver))
        return;
    RAFT_ASSERT(install->state == DRIVER_INSTALL_SWAP);
    if (driver__remove_tree(install->dir) != 0)
        driver__log(driver, RAFT_LOG_WARN, "staging_not_removed dir=\"%s\"", install->dir);
    if (code != 0) {
        fail(driver, "swap", code);
    } else {
        install->state = DRIVER_INSTALL_RESET;
        code = disk_reset(driver->disk, &install->snapshot, on_reset, driver);
        if (code != 0)
            driver__fail(driver, "the log cannot be reset: %s", raft_error_text(code));
    }
    driver__wake(driver);
}
