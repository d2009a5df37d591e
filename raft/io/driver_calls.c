/* raft/io/driver_calls.c: what the application asks of the driver: propose, transfer, status. */
#include "raft/io/driver_internal.h"

int raft_driver_propose(struct raft_driver *driver, struct raft_buf *const *data, uint32_t count,
                        uint64_t *first_index, uint64_t *term)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE, .data = data, .data_count = count};
    if (driver->is_low_on_space && raft_role_of(driver->raft) == RAFT_LEADER)
        return RAFT_EBUSY;
    int code = driver__step(driver, &event);
    if (code != 0)
        return code;
    *first_index = driver->proposed_index;
    *term = driver->proposed_term;
    driver__wake(driver);
    return 0;
}

int raft_driver_propose_conf(struct raft_driver *driver, const struct raft_conf_change *change,
                             uint64_t *index, uint64_t *term)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE_CONF, .change = *change};
    if (driver->is_low_on_space && raft_role_of(driver->raft) == RAFT_LEADER)
        return RAFT_EBUSY;
    int code = driver__step(driver, &event);
    if (code != 0)
        return code;
    *index = driver->proposed_index;
    *term = driver->proposed_term;
    driver__wake(driver);
    return 0;
}

void raft_driver_hold_commit(struct raft_driver *driver, bool holds)
{
    struct raft_event event = {.kind = RAFT_EVENT_TICK};
    bool was_held = driver->holds_commit;
    driver->holds_commit = holds;
    if (was_held && !holds && raft_role_of(driver->raft) == RAFT_LEADER)
        driver__step(driver, &event);
}

int raft_driver_transfer(struct raft_driver *driver, raft_id target, raft_driver_done_cb done,
                         void *user)
{
    struct driver_transfer *transfer = &driver->transfer;
    struct raft_event event = {.kind = RAFT_EVENT_TRANSFER, .peer = target};
    if (transfer->is_active)
        return RAFT_EBUSY;
    /* Before the step: its update may already carry the outcome. */
    *transfer = (struct driver_transfer){.is_active = true,
                                         .done = done,
                                         .user = user,
                                         .deadline_ms = driver__now(driver) +
                                                        4u * driver->options.election_timeout_ms};
    int code = driver__step(driver, &event);
    if (code != 0)
        transfer->is_active = false;
    driver__wake(driver);
    return code;
}

void driver__transfer_outcome(struct raft_driver *driver, enum raft_transfer_outcome outcome)
{
    struct driver_transfer *transfer = &driver->transfer;
    if (outcome == RAFT_TRANSFER_NONE || !transfer->is_active)
        return;
    transfer->has_outcome = true;
    transfer->code = outcome == RAFT_TRANSFER_DONE ? 0 : RAFT_ETIMEDOUT;
}

void driver__transfer_pump(struct raft_driver *driver)
{
    struct driver_transfer over = driver->transfer;
    if (!over.is_active || !over.has_outcome)
        return;
    driver->transfer.is_active = false;
    if (over.done != NULL)
        over.done(over.user, over.code);
}

void driver__transfer_tick(struct raft_driver *driver)
{
    struct driver_transfer *transfer = &driver->transfer;
    if (transfer->is_active && driver__now(driver) >= transfer->deadline_ms)
        driver__transfer_outcome(driver, RAFT_TRANSFER_TIMEOUT);
}

int raft_driver_need_snapshot(struct raft_driver *driver)
{
    struct raft_event event = {.kind = RAFT_EVENT_NEED_SNAPSHOT};
    if (driver->install.state != DRIVER_INSTALL_NONE)
        return RAFT_EBUSY;
    int code = driver__step(driver, &event);
    driver__wake(driver);
    return code;
}

int raft_driver_recover(struct raft_driver *driver, uint64_t term, const struct raft_conf *conf)
{
    struct raft_event event = {.kind = RAFT_EVENT_RECOVER, .term = term, .conf = conf};
    int code = driver__step(driver, &event);
    driver__wake(driver);
    return code;
}

int raft_driver_copy_log(struct raft_driver *driver, const char *dir, char *message)
{
    return log_store_copy(driver->store, dir, message);
}

static void peer_status(struct raft_driver *driver, const struct raft_member *member,
                        struct raft_driver_peer *out)
{
    struct raft_progress progress;
    *out = (struct raft_driver_peer){.id = member->id, .role = member->role, .contact_age_ms = -1};
    if (raft_progress_of(driver->raft, member->id, &progress) != 0)
        return;
    out->match_index = progress.match_index;
    out->round_acked = progress.round_acked;
    out->is_snapshotting = progress.is_snapshotting;
    if (progress.last_contact_mono_ms != 0)
        out->contact_age_ms = (int64_t)(driver->clock_ms - progress.last_contact_mono_ms);
}

static void core_status(struct raft_driver *driver, struct raft_driver_status *out)
{
    const struct raft *raft = driver->raft;
    const struct raft_conf *conf = raft_conf_of(raft);
    out->role = raft_role_of(raft);
    out->term = raft_term(raft);
    out->last_term = raft_last_term(raft);
    out->leader = raft_leader(raft);
    out->commit_index = raft_commit_index(raft);
    out->first_index = raft_first_index(raft);
    out->last_index = raft_last_index(raft);
    out->persisted_index = raft_persisted_index(raft);
    out->round_confirmed = raft_round_confirmed(raft);
    out->can_change_conf = raft_can_change_conf(raft);
    out->peer_count = conf->count;
    for (uint32_t i = 0; i < conf->count; i++)
        peer_status(driver, &conf->members[i], &out->peers[i]);
}

void raft_driver_status(struct raft_driver *driver, struct raft_driver_status *out)
{
    struct log_store_status log;
    struct disk_status disk = {0};
    log_store_status(driver->store, &log);
    if (driver->disk != NULL)
        disk_status(driver->disk, &disk);
    *out = (struct raft_driver_status){
        .applied_index = driver->applied_index,
        .is_low_on_space = driver->is_low_on_space,
        .is_installing = driver->install.state != DRIVER_INSTALL_NONE,
        .log_len = log.entries_len,
        .sync_count = disk.sync_count,
        .sync_p50_us = disk.p50_us,
        .sync_p99_us = disk.p99_us,
        .sync_max_us = disk.max_us,
        .messages_sent = driver->sent_count,
        .messages_received = driver->received_count,
        .messages_dropped = driver->dropped_count,
        .snapshots_sent = driver->make.sent_count,
        .snapshots_installed = driver->install.count,
        .disk_free = driver->disk_free,
    };
    core_status(driver, out);
}

void raft_driver_memory(struct raft_driver *driver, struct raft_driver_memory *out)
{
    struct log_store_status log;
    struct log_store_memory memory;
    log_store_status(driver->store, &log);
    log_store_memory(driver->store, &memory);
    uint64_t cached = log.entries_len < RAFT_CACHE_LEN_MAX ? log.entries_len : RAFT_CACHE_LEN_MAX;
    *out = (struct raft_driver_memory){cached, memory.block_cache, memory.memtables,
                                       memory.table_readers};
}
