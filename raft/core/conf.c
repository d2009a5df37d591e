/* raft/core/conf.c: configurations: rules, single changes, history along the log. */
#include "raft/core/conf.h"

#include <stdlib.h>
#include <string.h>

#include "raft/core/assert.h"

const struct raft_member *raft_conf_find(const struct raft_conf *conf, raft_id id)
{
    for (uint32_t i = 0; i < conf->count; i++) {
        if (conf->members[i].id == id)
            return &conf->members[i];
    }
    return NULL;
}

uint32_t raft_conf_voters(const struct raft_conf *conf)
{
    uint32_t voters = 0;

    for (uint32_t i = 0; i < conf->count; i++)
        voters += conf->members[i].role == RAFT_VOTER;
    return voters;
}

bool raft_conf_is_valid(const struct raft_conf *conf)
{
    if (conf->count == 0 || conf->count > RAFT_MEMBERS_MAX)
        return false;
    raft_id before = 0;
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct raft_member *member = &conf->members[i];
        if (member->id <= before || (member->role != RAFT_VOTER && member->role != RAFT_LEARNER))
            return false;
        before = member->id;
    }
    uint32_t voters = raft_conf_voters(conf);
    return voters >= 1 && voters <= RAFT_VOTERS_MAX;
}

static int conf_insert(struct raft_conf *conf, raft_id id)
{
    uint32_t at = 0;

    if (id == 0 || raft_conf_find(conf, id) != NULL)
        return RAFT_EINVALID;
    if (conf->count == RAFT_MEMBERS_MAX)
        return RAFT_ELIMIT;
    while (at < conf->count && conf->members[at].id < id)
        at++;
    memmove(&conf->members[at + 1], &conf->members[at],
            (conf->count - at) * sizeof(conf->members[0]));
    conf->members[at] = (struct raft_member){.id = id, .role = RAFT_LEARNER};
    conf->count++;
    return 0;
}

static int conf_set_role(struct raft_conf *conf, raft_id id, enum raft_member_role role)
{
    struct raft_member *member = (struct raft_member *)raft_conf_find(conf, id);

    if (member == NULL || member->role == role)
        return RAFT_EINVALID;
    uint32_t voters = raft_conf_voters(conf);
    if (role == RAFT_VOTER && voters == RAFT_VOTERS_MAX)
        return RAFT_ELIMIT;
    if (role == RAFT_LEARNER && voters == 1)
        return RAFT_EINVALID;
    member->role = role;
    return 0;
}

static int conf_remove(struct raft_conf *conf, raft_id id)
{
    const struct raft_member *member = raft_conf_find(conf, id);

    if (member == NULL || (member->role == RAFT_VOTER && raft_conf_voters(conf) == 1))
        return RAFT_EINVALID;
    size_t at = (size_t)(member - conf->members);
    memmove(&conf->members[at], &conf->members[at + 1],
            (conf->count - at - 1) * sizeof(conf->members[0]));
    conf->count--;
    conf->members[conf->count] = (struct raft_member){0};
    return 0;
}

int raft_conf_apply(const struct raft_conf *conf, const struct raft_conf_change *change,
                    struct raft_conf *out)
{
    struct raft_conf copy = *conf;
    int rc = RAFT_EINVALID;

    switch (change->kind) {
    case RAFT_CONF_ADD_LEARNER: rc = conf_insert(&copy, change->id); break;
    case RAFT_CONF_PROMOTE: rc = conf_set_role(&copy, change->id, RAFT_VOTER); break;
    case RAFT_CONF_DEMOTE: rc = conf_set_role(&copy, change->id, RAFT_LEARNER); break;
    case RAFT_CONF_REMOVE: rc = conf_remove(&copy, change->id); break;
    case RAFT_CONF_UPDATE: rc = raft_conf_find(&copy, change->id) != NULL ? 0 : rc; break;
    case RAFT_CONF_RECOVER: break; /* no change that a leader proposes */
    }
    if (rc == 0)
        *out = copy;
    return rc;
}

void raft_conf_history_fini(struct raft_conf_history *history)
{
    free(history->items);
    *history = (struct raft_conf_history){0};
}

int raft_conf_history_push(struct raft_conf_history *history, uint64_t index,
                           const struct raft_conf *conf)
{
    if (history->count == history->capacity) {
        uint32_t capacity = history->capacity == 0 ? 4 : 2 * history->capacity;
        void *items = realloc(history->items, capacity * sizeof(history->items[0]));
        if (items == NULL)
            return RAFT_ENOMEM;
        history->items = items;
        history->capacity = capacity;
    }
    RAFT_ASSERT(history->count == 0 || history->items[history->count - 1].index < index);
    history->items[history->count++] = (struct raft_conf_at){.index = index, .conf = *conf};
    return 0;
}

bool raft_conf_history_truncate(struct raft_conf_history *history, uint64_t first)
{
    uint32_t before = history->count;

    while (history->count > 1 && history->items[history->count - 1].index >= first)
        history->count--;
    RAFT_ASSERT(history->items[history->count - 1].index < first);
    return history->count != before;
}

void raft_conf_history_prune(struct raft_conf_history *history, uint64_t commit)
{
    uint32_t drop = 0;

    while (drop + 1 < history->count && history->items[drop + 1].index <= commit)
        drop++;
    if (drop == 0)
        return;
    history->count -= drop;
    memmove(history->items, &history->items[drop], history->count * sizeof(history->items[0]));
}

const struct raft_conf_at *raft_conf_history_last(const struct raft_conf_history *history)
{
    RAFT_ASSERT(history->count > 0);
    return &history->items[history->count - 1];
}
