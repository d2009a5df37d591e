/* raft/io/driver_start.c: the first start of a cluster, and every later one. */
#include "raft/io/driver_start.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "raft/io/driver_files.h"
#include "raft/io/driver_internal.h"

#define BOOTSTRAP_TERM 1

static int log_path(const char *dir, char *out, size_t out_len, char *message)
{
    int len = snprintf(out, out_len, "%s/log", dir);
    if (len > 0 && (size_t)len < out_len && len < DRIVER_PATH_LEN)
        return 0;
    snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "the data directory's path is too long");
    return RAFT_EINVALID;
}

int raft_driver_bootstrap(const char *dir, raft_id id, struct raft_buf *context, char *message)
{
    char path[PATH_MAX];
    struct log_store *store = NULL;
    struct log_store_start start = {0};
    int code = log_path(dir, path, sizeof(path), message);
    if (code == 0)
        code = log_store_open(path, &start, message, &store);
    if (code != 0)
        return code;
    bool is_used = start.hard_state.term != 0 || start.base.index != 0 || start.entry_count != 0;
    log_store_start_fini(&start);
    if (is_used) {
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN,
                 "%.200s: there is a log already: this node belongs to a cluster", path);
        log_store_close(store);
        return RAFT_EINVALID;
    }
    const struct raft_conf conf = {.members = {{.id = id, .role = RAFT_VOTER}}, .count = 1};
    const struct raft_conf_change change = {
        .kind = RAFT_CONF_PROMOTE, .id = id, .context = context};
    const struct raft_hard_state state = {.term = BOOTSTRAP_TERM};
    struct raft_entry entry = {.index = 1,
                               .term = BOOTSTRAP_TERM,
                               .kind = RAFT_ENTRY_CONF,
                               .data = raft_conf_entry_encode(&conf, &change)};
    const struct log_write write = {.hard_state = &state, .entries = &entry, .entry_count = 1};
    if (entry.data != NULL) {
        code = log_store_write(store, &write, 1, message);
    } else {
        code = RAFT_ENOMEM;
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "out of memory");
    }
    raft_buf_unref(entry.data);
    log_store_close(store);
    return code;
}

static uint64_t term_at(const struct log_store_start *start, uint64_t index)
{
    return index == start->base.index ? start->base.term
                                      : start->entries[index - start->base.index - 1].term;
}

/* The state was swapped for a snapshot and the process ended before the log was reset: do it now.
 */
static int reset_log(struct raft_driver *driver, struct log_store_start *start,
                     const struct raft_snapshot *state, char *message)
{
    char path[PATH_MAX];
    struct raft_hard_state hard_state = start->hard_state;
    const struct log_write write = {.hard_state = &hard_state};
    int code = 0;
    driver__log(driver, RAFT_LOG_INFO, "log_reset_to_state index=%" PRIu64, state->index);
    if (hard_state.term < state->term) {
        hard_state = (struct raft_hard_state){.term = state->term};
        code = log_store_write(driver->store, &write, 1, message);
    }
    if (code == 0)
        code = log_store_reset(driver->store, state, message);
    if (code != 0)
        return code;
    log_store_start_fini(start);
    log_store_close(driver->store);
    driver->store = NULL;
    code = log_path(driver->dir, path, sizeof(path), message);
    return code != 0 ? code : log_store_open(path, start, message, &driver->store);
}

/* Log and state must overlap: log starts at or before the state's end, and agrees with it there. */
static int reconcile(struct raft_driver *driver, struct log_store_start *start,
                     const struct raft_snapshot *state, char *message)
{
    if (state->index < start->base.index) {
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN,
                 "%.200s: the state ends at %" PRIu64 ", the log begins behind it, after %" PRIu64
                 ". Remove this node's data directory and join again with a new token; the rest of "
                 "the cluster is unaffected.",
                 driver->dir, state->index, start->base.index);
        return RAFT_EINVALID;
    }
    bool is_beyond = state->index > start->base.index + start->entry_count;
    if (is_beyond || term_at(start, state->index) != state->term)
        return reset_log(driver, start, state, message);
    return 0;
}

/* The members at the log's base, and every change that the state holds already. */
static int note_confs(struct raft_driver *driver, const struct log_store_start *start)
{
    int code = driver__conf_reset(driver, start->base.index, &start->base.conf);
    for (uint64_t i = 0; i < start->entry_count && code == 0; i++) {
        const struct raft_entry *entry = &start->entries[i];
        if (entry->index <= driver->applied_index && entry->kind == RAFT_ENTRY_CONF)
            code = driver__conf_seen(driver, entry);
    }
    return code;
}

static int build_core(struct raft_driver *driver, const struct log_store_start *found,
                      char *message)
{
    const struct raft_driver_options *options = &driver->options;
    const struct raft_options core = {
        .id = options->id,
        .seed = options->seed,
        .election_timeout_ms = options->election_timeout_ms,
        .heartbeat_ms = options->heartbeat_ms,
        .now_mono_ms = driver->clock_ms,
        .reader = {.user = driver->store, .read = log_store_read, .term = log_store_term}};
    const struct raft_start start = {.hard_state = found->hard_state,
                                     .base = found->base,
                                     .entries = found->entries,
                                     .entry_count = found->entry_count,
                                     .applied = driver->applied_index};
    int code = note_confs(driver, found);
    if (code == 0)
        code = raft_new(&core, &start, &driver->raft);
    if (code != 0)
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "%.200s: consensus cannot start: %s",
                 driver->dir, raft_error_text(code));
    return code;
}

static int prepare_folders(struct raft_driver *driver, char *message)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/checkpoint", driver->dir);
    if (driver__remove_tree(path) == 0 && driver__make_dir(path) == 0)
        return 0;
    snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "%.200s: cannot be made or emptied: %s", path,
             "check the folder's owner, mode and disk");
    return RAFT_EIO;
}

int driver__load(struct raft_driver *driver, char *message)
{
    char path[PATH_MAX];
    struct log_store_start start = {0};
    struct raft_snapshot state = {0};
    const struct raft_app *app = &driver->options.app;
    int code = log_path(driver->dir, path, sizeof(path), message);
    if (code == 0)
        code = prepare_folders(driver, message);
    if (code == 0)
        code = log_store_open(path, &start, message, &driver->store);
    if (code != 0)
        return code;
    code = app->applied(app->user, &state);
    if (code != 0)
        snprintf(message, RAFT_DRIVER_MESSAGE_LEN, "%.200s: the state cannot be read: %s",
                 driver->dir, raft_error_text(code));
    else
        code = reconcile(driver, &start, &state, message);
    driver->applied_index = state.index;
    if (code == 0)
        code = build_core(driver, &start, message);
    log_store_start_fini(&start);
    return code;
}
