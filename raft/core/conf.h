/* raft/core/conf.h: rules of configurations, and the configurations along the log.
 * A configuration holds from the moment it is in the log (thesis §4.1), so one that is truncated
 * must give way to the one before it: all that may still be truncated are kept. */
#pragma once

#include "raft/core/entry.h"

/* Ascending ids, known roles, between 1 and RAFT_VOTERS_MAX voters. */
bool raft_conf_is_valid(const struct raft_conf *conf);
/* Make one change to a copy of @conf. 0; RAFT_EINVALID; RAFT_ELIMIT (too many members, voters). */
int raft_conf_apply(const struct raft_conf *conf, const struct raft_conf_change *change,
                    struct raft_conf *out);

struct raft_conf_at {
    uint64_t index; /* of the entry, or of the snapshot */
    struct raft_conf conf;
};
/* Ascending by index: [0] is never truncated, the last one is in force. */
struct raft_conf_history {
    struct raft_conf_at *items;
    uint32_t count, capacity;
};
void raft_conf_history_fini(struct raft_conf_history *history);
/* RAFT_ENOMEM. */
int raft_conf_history_push(struct raft_conf_history *history, uint64_t index,
                           const struct raft_conf *conf);
/* Forget the entries from @first on. Did the configuration in force change? */
bool raft_conf_history_truncate(struct raft_conf_history *history, uint64_t first);
/* @commit can no longer be truncated: forget what only a deeper truncation would need. */
void raft_conf_history_prune(struct raft_conf_history *history, uint64_t commit);
const struct raft_conf_at *raft_conf_history_last(const struct raft_conf_history *history);
