/* raft/io/driver_step.c: an event in, its update carried out, the application called. */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define APPLY_ENTRIES_MAX 64       /* in one call of the application … */
#define APPLY_LEN_MAX (256u << 10) /* … and octets, one entry may pass */
#define APPLY_TURN_NS 10000000u    /* then the loop sees to its other duties */

void driver__log(struct raft_driver *driver, enum raft_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    if (driver->options.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    driver->options.log(driver->options.app.user, level, line);
}

bool driver__is_stopped(const struct raft_driver *driver)
{
    return driver->has_failed || driver->is_closing;
}

void driver__fail(struct raft_driver *driver, const char *format, ...)
{
    va_list args;
    if (driver->has_failed)
        return;
    driver->has_failed = true;
    va_start(args, format);
    vsnprintf(driver->message, sizeof(driver->message), format, args);
    va_end(args);
    driver__wake(driver);
}

uint64_t driver__now(struct raft_driver *driver)
{
    uint64_t real_ms = uv_hrtime() / 1000000;
    uint64_t passed_ms = real_ms - driver->clock_real_ms;
    uint64_t most_ms = driver->options.election_timeout_ms / 2;
    driver->clock_real_ms = real_ms;
    driver->clock_ms += passed_ms < most_ms ? passed_ms : most_ms;
    return driver->clock_ms;
}

static int store_update(struct raft_driver *driver, const struct raft_update *update)
{
    const struct log_write write = {.hard_state = update->hard_state,
                                    .entries = update->entries,
                                    .entry_count = update->entry_count};
    return update->seq != 0 ? disk_write(driver->disk, update->seq, &write) : 0;
}

static void send_update(struct raft_driver *driver, const struct raft_update *update)
{
    struct transport transport = driver->net.transport;
    for (uint32_t i = 0; i < update->message_count; i++) {
        if (transport.ops->send(transport.self, &update->messages[i]) == 0)
            driver->sent_count++;
        else
            driver->dropped_count++;
    }
}

/* Queue committed entries. The core bounds them by RAFT_APPLY_MAX. */
static int queue_apply(struct raft_driver *driver, const struct raft_update *update)
{
    uint32_t needed = driver->apply_count + update->apply_count;
    if (driver->apply_first > 0) {
        memmove(driver->apply, driver->apply + driver->apply_first,
                driver->apply_count * sizeof(*driver->apply));
        driver->apply_first = 0;
    }
    if (needed > driver->apply_capacity) {
        struct raft_entry *apply = realloc(driver->apply, 2 * needed * sizeof(*apply));
        if (apply == NULL)
            return RAFT_ENOMEM;
        driver->apply = apply;
        driver->apply_capacity = 2 * needed;
    }
    for (uint32_t i = 0; i < update->apply_count; i++) {
        struct raft_entry *entry = &driver->apply[driver->apply_count++];
        *entry = update->apply[i];
        raft_buf_ref(entry->data);
    }
    return 0;
}

static void take_update(struct raft_driver *driver, const struct raft_update *update)
{
    int code = store_update(driver, update);
    if (code == 0 && update->apply_count > 0)
        code = queue_apply(driver, update);
    if (code != 0) {
        driver__fail(driver, "an update cannot be stored: %s", raft_error_text(code));
        return;
    }
    send_update(driver, update);
    driver__reads_answer(driver, update);
    driver__make_wanted(driver, update->snapshot_wanted, update->snapshot_wanted_count);
    if (update->install != NULL)
        driver__install_wanted(driver, update->install);
    driver__transfer_outcome(driver, update->transfer);
    driver->role_changed |= update->role_changed;
    driver->conf_changed |= update->conf != NULL;
    driver->proposed_index = update->first_proposed;
    driver->proposed_term = update->proposed_term;
}

int driver__step(struct raft_driver *driver, struct raft_event *event)
{
    struct raft_update update;
    if (driver__is_stopped(driver))
        return RAFT_ECLOSED;
    event->now_mono_ms = driver__now(driver);
    event->holds_commit = driver->holds_commit && event->kind != RAFT_EVENT_TICK;
    int code = raft_step(driver->raft, event, &update);
    if (code == RAFT_ENOMEM || code == RAFT_EIO)
        driver__fail(driver, "consensus stopped at event %d: %s", (int)event->kind,
                     raft_error_text(code));
    if (code == RAFT_ECORRUPT)
        driver__fail(
            driver,
            "%.200s: the log has lost entries that this node had acknowledged (an old copy "
            "of the folder, or a disk that loses what it has synced): remove its data "
            "directory and join again with a new token; the others are unaffected",
            driver->dir);
    if (code == RAFT_ESUPERSEDED) {
        driver->is_superseded = true;
        driver__fail(driver, "%s", raft_error_text(code));
    }
    if (code == 0)
        take_update(driver, &update);
    return code;
}

/* How many queued entries one call of the application gets. */
static uint32_t apply_chunk(const struct raft_driver *driver)
{
    const struct raft_entry *entries = driver->apply + driver->apply_first;
    uint32_t count = 0;
    size_t len = 0;
    while (count < driver->apply_count && count < APPLY_ENTRIES_MAX && len < APPLY_LEN_MAX) {
        len += entries[count].data != NULL ? entries[count].data->len : 0;
        count++;
    }
    return count;
}

static void drop_applied(struct raft_driver *driver, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        raft_buf_unref(driver->apply[driver->apply_first + i].data);
    driver->apply_first += count;
    driver->apply_count -= count;
}

/* While the state is being swapped nothing is applied; what it covers is dropped afterwards. */
static bool can_apply(struct raft_driver *driver)
{
    if (driver->install.state >= DRIVER_INSTALL_SWAP)
        return false;
    while (driver->apply_count > 0 &&
           driver->apply[driver->apply_first].index <= driver->applied_index)
        drop_applied(driver, 1);
    return driver->apply_count > 0;
}

static void apply_some(struct raft_driver *driver)
{
    const struct raft_app *app = &driver->options.app;
    uint32_t count = apply_chunk(driver);
    const struct raft_entry *entries = driver->apply + driver->apply_first;
    RAFT_ASSERT(count > 0 && count <= APPLY_ENTRIES_MAX);
    RAFT_ASSERT(entries[0].index == driver->applied_index + 1);
    int code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++)
        if (entries[i].kind == RAFT_ENTRY_CONF)
            code = driver__conf_seen(driver, &entries[i]);
    /* apply() may propose, and a step may move the queue: give it a copy. */
    struct raft_entry given[APPLY_ENTRIES_MAX] = {0};
    memcpy(given, entries, count * sizeof(*given));
    if (code == 0)
        code = app->apply(app->user, given, count);
    if (code != 0) {
        const char *advice =
            code == RAFT_ECORRUPT
                ? "this node's state is damaged: remove its data directory and join again with a "
                  "new token; the rest of the cluster is unaffected"
                : "check the disk and its free space, then start it again";
        driver__fail(driver, "%.200s: entries %" PRIu64 " to %" PRIu64 " cannot be applied: %s; %s",
                     driver->dir, given[0].index, given[count - 1].index, raft_error_text(code),
                     advice);
        return;
    }
    driver->applied_index = given[count - 1].index;
    drop_applied(driver, count);
    struct raft_event event = {.kind = RAFT_EVENT_APPLIED, .index = driver->applied_index};
    driver__step(driver, &event);
}

static void tell_changes(struct raft_driver *driver)
{
    const struct raft_app *app = &driver->options.app;
    if (driver->role_changed) {
        driver->role_changed = false;
        app->role_changed(app->user, raft_role_of(driver->raft), raft_term(driver->raft),
                          raft_leader(driver->raft));
    }
    if (driver->conf_changed) {
        struct raft_conf conf = *raft_conf_of(driver->raft); /* the callback may step */
        driver->conf_changed = false;
        app->conf_changed(app->user, &conf);
    }
}

static void tell_failure(struct raft_driver *driver)
{
    const struct raft_app *app = &driver->options.app;
    if (driver->is_failure_told || driver->is_closing)
        return;
    driver->is_failure_told = true;
    if (driver->is_superseded)
        app->superseded(app->user);
    else
        app->fatal(app->user, driver->message);
}

static void pump_once(struct raft_driver *driver)
{
    tell_changes(driver);
    driver__reads_pump(driver);
    driver__transfer_pump(driver);
    driver__make_pump(driver);
    driver__install_pump(driver);
}

void driver__pump(struct raft_driver *driver)
{
    if (driver->is_pumping || driver->is_closing)
        return;
    uint64_t start_ns = uv_hrtime();
    driver->is_pumping = true;
    pump_once(driver);
    while (!driver->has_failed && can_apply(driver)) {
        apply_some(driver);
        if (uv_hrtime() - start_ns > APPLY_TURN_NS) {
            driver__wake(driver);
            break;
        }
    }
    pump_once(driver);
    driver->is_pumping = false;
    if (driver->has_failed)
        tell_failure(driver);
}
