/* raft/io/driver.c: open, tick, close. */
#include "raft/io/driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/driver_internal.h"
#include "raft/io/driver_start.h"

#define SECOND_MS 1000

static void set_default32(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void set_default64(uint64_t *value, uint64_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

/* Lost leader: 400 to 800 ms until a follower stands, two round trips and two syncs until it leads:
 * writes go on well within 2 s, also when a first vote is split. */
static void set_defaults(struct raft_driver_options *options)
{
    set_default32(&options->election_timeout_ms, 400);
    set_default32(&options->heartbeat_ms, 60);
    set_default32(&options->tick_ms, 10);
    set_default32(&options->read_timeout_ms, 2000);
    set_default32(&options->install_timeout_ms, 600000);
    set_default64(&options->keep_entries, 10000);
    set_default64(&options->keep_len, 64u << 20);
    set_default64(&options->free_space_min, 64u << 20);
}

/* What must not wait for a full second is done by the tick itself. */
static void once_a_second(struct raft_driver *driver)
{
    uint64_t now_ms = driver__now(driver);
    if (now_ms - driver->second_ms < SECOND_MS)
        return;
    driver->second_ms = now_ms;
    driver__trim_tick(driver);
    driver__space_tick(driver);
    driver__guests_tick(driver);
}

void driver__on_tick(struct raft_driver *driver)
{
    struct raft_event event = {.kind = RAFT_EVENT_TICK};
    /* What arrived while the loop was busy is heard before time passes for the core. */
    driver->net.transport.ops->poll(driver->net.transport.self);
    if (driver__is_stopped(driver))
        return;
    driver__step(driver, &event);
    driver__reads_tick(driver);
    driver__transfer_tick(driver);
    driver__install_tick(driver);
    once_a_second(driver);
    driver__pump(driver);
}

static void on_persisted(void *user, uint64_t seq)
{
    struct raft_driver *driver = user;
    struct raft_event event = {.kind = RAFT_EVENT_PERSISTED, .seq = seq};
    driver__step(driver, &event);
    driver__pump(driver);
}

static void on_disk_failed(void *user, const char *message)
{
    struct raft_driver *driver = user;
    driver__fail(driver, "%s", message);
    driver__pump(driver);
}

static void on_disk_stopped(void *user)
{
    driver__release(user);
}

/* Answer what waits, stop the threads; the rest follows as the pending callbacks come in. */
static void shut(struct raft_driver *driver)
{
    struct driver_transfer transfer = driver->transfer;
    driver->is_closed_disk = true;
    driver->transfer.is_active = false;
    driver__reads_close(driver);
    if (transfer.is_active && transfer.done != NULL)
        transfer.done(transfer.user, RAFT_ECLOSED);
    if (driver->install.fetch != NULL)
        driver->net.ops->cancel(driver->net.self, driver->install.fetch);
    driver->install.fetch = NULL;
    if (driver->disk != NULL) {
        struct disk *disk = driver->disk;
        driver->disk = NULL;
        driver->pending++;
        disk_stop(disk, on_disk_stopped, driver);
    }
    driver__release(driver);
}

void driver__on_wake(struct raft_driver *driver)
{
    if (!driver->is_closing)
        driver__pump(driver);
    else if (!driver->is_closed_disk)
        shut(driver);
}

static void driver_free(struct raft_driver *driver)
{
    for (uint32_t i = 0; i < driver->apply_count; i++)
        raft_buf_unref(driver->apply[driver->apply_first + i].data);
    free(driver->apply);
    free(driver->reads.items);
    free(driver->trim.points);
    raft_free(driver->raft);
    log_store_close(driver->store);
    free(driver);
}

static void on_loop_closed(struct raft_driver *driver)
{
    raft_driver_closed_cb closed = driver->closed;
    void *user = driver->closed_user;
    driver_free(driver);
    if (closed != NULL)
        closed(user);
}

void driver__release(struct raft_driver *driver)
{
    RAFT_ASSERT(driver->pending > 0);
    if (--driver->pending == 0)
        driver__loop_close(driver, on_loop_closed);
}

void raft_driver_close(struct raft_driver *driver, raft_driver_closed_cb closed, void *user)
{
    RAFT_ASSERT(!driver->is_closing && !driver->is_pumping);
    driver->is_closing = true;
    driver->closed = closed;
    driver->closed_user = user;
    driver->net.ops->attach(driver->net.self, NULL);
    driver__loop_stop(driver);
    driver__wake(driver);
}

static void on_synced(void *user, uint64_t took_ns)
{
    const struct raft_driver *driver = user;

    if (driver->options.app.synced != NULL)
        driver->options.app.synced(driver->options.app.user, took_ns);
}

static int start_loop(struct raft_driver *driver)
{
    struct transport_handler handler = driver__handler;
    const struct disk_handler disk = {
        .user = driver, .persisted = on_persisted, .failed = on_disk_failed, .synced = on_synced};
    int code = disk_start(driver->options.loop, driver->store, &disk, &driver->disk);
    if (code != 0)
        return code;
    code = driver__loop_open(driver);
    if (code != 0) {
        disk_stop(driver->disk, NULL, NULL);
        return code;
    }
    handler.user = driver;
    driver->net.ops->attach(driver->net.self, &handler);
    driver->pending = 1; /* close() itself */
    driver->role_changed = driver->conf_changed = true;
    driver__wake(driver);
    return 0;
}

int raft_driver_open(const struct raft_driver_options *options, char *message,
                     struct raft_driver **out)
{
    struct raft_driver *driver = calloc(1, sizeof(*driver));
    if (driver == NULL) {
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "out of memory");
        return RAFT_ENOMEM;
    }
    driver->options = *options;
    set_defaults(&driver->options);
    snprintf(driver->dir, sizeof(driver->dir), "%s", options->dir);
    driver->options.dir = driver->dir;
    driver->net = *options->net;
    driver->reads.next_id = 1;
    driver->clock_real_ms = uv_hrtime() / 1000000;
    driver->clock_ms = driver->clock_real_ms;
    int code = driver__load(driver, message);
    if (code == 0) {
        code = start_loop(driver);
        if (code != 0)
            snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "no thread or handle: %s",
                     raft_error_text(code));
    }
    if (code != 0) {
        driver_free(driver);
        return code;
    }
    *out = driver;
    return 0;
}
