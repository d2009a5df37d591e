/* raft/io/driver_trim.c: keeps the log short, and watches the free space of the disk. */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define LIVE_CONTACT_MS 10000 /* a follower that answered within this is not left behind … */
#define OVERLONG_FACTOR 4     /* … unless the log is this many times too long */
#define CONF_POINTS_MAX 4096  /* then the oldest is forgotten: the log is not trimmed before it */
#define HANDOVER_INTERVAL_MS 5000

static int add_point(struct driver_trim *trim, uint64_t index, const struct raft_conf *conf)
{
    if (trim->count == CONF_POINTS_MAX) {
        memmove(trim->points, trim->points + 1, (trim->count - 1) * sizeof(*trim->points));
        trim->count--;
    }
    if (trim->count == trim->capacity) {
        uint32_t capacity = trim->capacity > 0 ? trim->capacity * 2 : 8;
        struct driver_conf_point *points = realloc(trim->points, capacity * sizeof(*points));
        if (points == NULL)
            return RAFT_ENOMEM;
        trim->points = points;
        trim->capacity = capacity;
    }
    trim->points[trim->count++] = (struct driver_conf_point){.index = index, .conf = *conf};
    return 0;
}

int driver__conf_seen(struct raft_driver *driver, const struct raft_entry *entry)
{
    struct driver_trim *trim = &driver->trim;
    struct raft_conf conf;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;
    if (trim->count > 0 && trim->points[trim->count - 1].index >= entry->index)
        return 0; /* applied again after a restart */
    int code = entry->data == NULL
                   ? RAFT_ECORRUPT
                   : raft_conf_entry_decode(entry->data, &conf, &change, &context, &context_len);
    return code == 0 ? add_point(trim, entry->index, &conf) : code;
}

int driver__conf_reset(struct raft_driver *driver, uint64_t index, const struct raft_conf *conf)
{
    driver->trim.count = 0;
    return add_point(&driver->trim, index, conf);
}

/* The members at @index, NULL when no longer known. */
static const struct raft_conf *conf_at(const struct driver_trim *trim, uint64_t index)
{
    for (uint32_t i = trim->count; i > 0; i--)
        if (trim->points[i - 1].index <= index)
            return &trim->points[i - 1].conf;
    return NULL;
}

/* Points before the one that holds at @index are not needed any more. */
static void forget_before(struct driver_trim *trim, uint64_t index)
{
    uint32_t gone = 0;
    while (gone + 1 < trim->count && trim->points[gone + 1].index <= index)
        gone++;
    trim->count -= gone;
    memmove(trim->points, trim->points + gone, trim->count * sizeof(*trim->points));
}

/* The least index that a live follower has; UINT64_MAX when none counts. */
static uint64_t slowest_live(struct raft_driver *driver)
{
    const struct raft_conf *conf = raft_conf_of(driver->raft);
    uint64_t least = UINT64_MAX, now_ms = driver__now(driver);
    if (raft_role_of(driver->raft) != RAFT_LEADER)
        return least;
    for (uint32_t i = 0; i < conf->count; i++) {
        struct raft_progress progress;
        if (conf->members[i].id == driver->options.id ||
            raft_progress_of(driver->raft, conf->members[i].id, &progress) != 0)
            continue;
        bool is_live = progress.last_contact_mono_ms != 0 &&
                       now_ms - progress.last_contact_mono_ms < LIVE_CONTACT_MS;
        if (is_live && progress.match_index < least)
            least = progress.match_index;
    }
    return least;
}

static uint64_t choose_target(struct raft_driver *driver)
{
    const struct raft_driver_options *options = &driver->options;
    uint64_t target =
        log_store_trim_target(driver->store, options->keep_entries, options->keep_len);
    if (target == 0)
        return 0;
    uint64_t forced = log_store_trim_target(driver->store, OVERLONG_FACTOR * options->keep_entries,
                                            OVERLONG_FACTOR * options->keep_len);
    uint64_t live = slowest_live(driver);
    if (target > live)
        target = live > forced ? live : forced;
    return target < driver->applied_index ? target : driver->applied_index;
}

static void on_trimmed(void *user)
{
    struct raft_driver *driver = user;
    struct driver_trim *trim = &driver->trim;
    trim->is_trimming = false;
    if (driver__is_stopped(driver))
        return;
    forget_before(trim, trim->target);
    struct raft_event event = {.kind = RAFT_EVENT_TRIMMED, .index = trim->target};
    driver__step(driver, &event);
    driver__pump(driver);
}

/* The state is durable up to the target and beyond: the entries may go. */
static void start_trim(struct raft_driver *driver)
{
    struct driver_trim *trim = &driver->trim;
    const struct raft_conf *conf = conf_at(trim, trim->target);
    struct raft_snapshot base = {.index = trim->target};
    if (conf == NULL || log_store_term(driver->store, trim->target, &base.term) != 0)
        return;
    base.conf = *conf;
    trim->is_trimming = true;
    int code = disk_trim(driver->disk, &base, on_trimmed, driver);
    if (code != 0)
        driver__fail(driver, "the log cannot be trimmed: %s", raft_error_text(code));
}

static void run_flush(struct raft_driver *driver)
{
    const struct raft_app *app = &driver->options.app;
    driver->trim.code = app->flush(app->user);
}

static void on_flushed(struct raft_driver *driver)
{
    struct driver_trim *trim = &driver->trim;
    trim->is_flushing = false;
    if (!driver__is_stopped(driver)) {
        if (trim->code != 0)
            driver__log(driver, RAFT_LOG_ERROR, "flush_failed error=\"%s\"",
                        raft_error_text(trim->code));
        else
            start_trim(driver);
        driver__pump(driver);
    }
}

void driver__trim_tick(struct raft_driver *driver)
{
    struct driver_trim *trim = &driver->trim;
    if (trim->is_flushing || trim->is_trimming || driver->install.state >= DRIVER_INSTALL_WAIT)
        return;
    trim->target = choose_target(driver);
    if (trim->target == 0 || trim->target < raft_first_index(driver->raft))
        return;
    trim->is_flushing = driver__work(driver, run_flush, on_flushed) == 0;
}

static void hand_over(struct raft_driver *driver)
{
    uint64_t now_ms = driver__now(driver);
    if (raft_role_of(driver->raft) != RAFT_LEADER ||
        (driver->handover_ms != 0 && now_ms - driver->handover_ms < HANDOVER_INTERVAL_MS))
        return;
    struct raft_event event = {.kind = RAFT_EVENT_TRANSFER};
    driver->handover_ms = now_ms;
    driver__step(driver, &event); /* no other voter: it stays, and takes no proposals */
}

void driver__space_tick(struct raft_driver *driver)
{
    struct statvfs info;
    if (statvfs(driver->dir, &info) != 0)
        return;
    uint64_t least = driver->options.free_space_min;
    driver->disk_free = (uint64_t)info.f_bavail * info.f_frsize;
    if (!driver->is_low_on_space && driver->disk_free < least) {
        driver->is_low_on_space = true;
        driver__log(driver, RAFT_LOG_ERROR,
                    "disk_space_low free=%" PRIu64 " least=%" PRIu64
                    " effect=\"this node takes no changes and does not lead\"",
                    driver->disk_free, least);
    } else if (driver->is_low_on_space && driver->disk_free > least + least / 4) {
        driver->is_low_on_space = false;
        driver->handover_ms = 0;
        driver__log(driver, RAFT_LOG_INFO, "disk_space_back free=%" PRIu64, driver->disk_free);
    }
    if (driver->is_low_on_space)
        hand_over(driver);
}
