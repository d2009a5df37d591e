/* raft/core/recover.c: a cluster whose quorum is gone for good goes on from one survivor, by an
 * operator's word. No theorem covers that: what only the lost ones had committed is lost. What must
 * hold all the same:
 *
 *  - The survivor starts a new *generation* of terms. One term then never names two leaders, in
 *    whatever way the old members come back, so log matching (thesis §3.5) holds between them.
 *  - Messages of another recovery are not even answered. So old members cannot learn the new terms:
 *    they can neither vote here nor depose anybody. Nor can members of a recovery elsewhere that
 *    did not know of this one and is of the same generation; random bits tell the two apart. Where
 *    old members are a quorum of the old configuration they still are one among themselves;
 *    node/cluster tells them as soon as it can.
 *  - Only a leader that counts a member in its configuration brings it into its recovery: by an
 *    append or a snapshot. Old members that were left out never get one.
 *  - So a member, or a new server, is asked for its vote in vain before a leader has reached it: it
 *    is made a voter only once it has answered one (membership.c).
 *  - Until its log holds an entry of the recovery, a member does not stand for election: whom to
 *    ask it knows from before, and it may be the only voter of a recovery elsewhere.
 *  - A member that has committed what the survivor did not have (it was elected over again
 *    meanwhile, by those said to be lost) is told so, RAFT_ESUPERSEDED, and never made to
 *    contradict itself.
 *
 * The operator chooses the survivor with the newest log (§3.6.1), which holds every entry that any
 * other survivor has committed: see node/cluster/recover.h. */
#include "raft/core/state.h"

#define TERM_MAX (UINT64_MAX / 2) /* as message.c */

uint64_t raft_recovery_term(uint32_t generation, uint64_t chance)
{
    uint64_t bits = chance >> (64 - (RAFT_GENERATION_SHIFT - RAFT_CHANCE_SHIFT));

    if (!RAFT_RULE(recovery_chance))
        bits = 0;
    return (uint64_t)generation << RAFT_GENERATION_SHIFT | bits << RAFT_CHANCE_SHIFT;
}

bool raft__is_of_this_recovery(const struct raft *raft, const struct raft_message *message)
{
    uint64_t own = raft_recovery(raft->hard_state.term);
    uint64_t theirs = raft_recovery(message->term);

    bool is_of_leader = message->kind == RAFT_MSG_APPEND || message->kind == RAFT_MSG_SNAPSHOT;

    return theirs == own || (theirs > own && is_of_leader) || !RAFT_RULE(recovery_apart);
}

bool raft__has_recovered(const struct raft *raft)
{
    return raft_recovery(raft->log.last_term) == raft_recovery(raft->hard_state.term);
}

uint64_t raft__sure_index(struct raft *raft)
{
    uint64_t term = 0;
    uint64_t recovery = raft_recovery(raft->hard_state.term);

    if (recovery == 0)
        return raft->commit_index;
    raft__check(raft, raft_log_term(&raft->log, raft->commit_index, &term));
    return raft_recovery(term) == recovery ? raft->commit_index : 0;
}

/* @index is committed here: does the leader have the same entry there? Before any recovery it
 * always does. What the log no longer holds cannot be compared, but its terms are none later than
 * its base's; the next entry that it holds is compared. Storage may be trimmed before this log is
 * told (TRIMMED): of what is missing there only the last term is a bound. */
bool raft__agrees_with_commit(struct raft *raft, uint64_t index, uint64_t term)
{
    uint64_t own = 0;

    if (raft_generation(raft->hard_state.term) == 0 || !RAFT_RULE(recovery_superseded))
        return true;
    int rc = raft_log_term(&raft->log, index, &own);
    bool is_dropped = rc == RAFT_ECOMPACTED;
    uint64_t latest = index < raft->log.base_index ? raft->log.base_term : raft->log.last_term;
    if (!is_dropped)
        raft__check(raft, rc);
    bool differs = is_dropped ? term > latest : own != term;
    if (raft->failure == 0 && differs)
        raft->failure = RAFT_ESUPERSEDED;
    return raft->failure == 0;
}

static bool conf_fits(const struct raft *raft, const struct raft_conf *conf)
{
    const struct raft_member *own;

    if (conf == NULL || !raft_conf_is_valid(conf) || raft_conf_voters(conf) != 1)
        return false;
    own = raft_conf_find(conf, raft->options.id);
    if (own == NULL || own->role != RAFT_VOTER)
        return false;
    for (uint32_t i = 0; RAFT_RULE(recovery_members) && i < conf->count; i++) {
        if (raft_conf_find(raft__conf(raft), conf->members[i].id) == NULL)
            return false; /* a stranger's log may hold anything */
    }
    return true;
}

int raft__recover(struct raft *raft, const struct raft_event *event)
{
    const struct raft_conf_change change = {.kind = RAFT_CONF_RECOVER, .id = raft->options.id};

    bool is_busy = raft->role == RAFT_LEADER || raft->is_installing || raft->wants_snapshot;
    bool is_new = raft_generation(event->term) > raft_generation(raft->hard_state.term);

    if (is_busy && RAFT_RULE(recovery_idle))
        return RAFT_EBUSY;
    if (event->term >= TERM_MAX || !conf_fits(raft, event->conf) ||
        (!is_new && RAFT_RULE(recovery_new_term)))
        return RAFT_EINVALID;
    struct raft_buf *data = raft_conf_entry_encode(event->conf, &change);
    if (data == NULL)
        return RAFT_ENOMEM;
    raft__fail_reads(raft);
    raft__become_follower(raft, event->term, 0);
    raft__set_hard_state(raft, event->term, raft->options.id);
    raft__append_own(raft, RAFT_ENTRY_CONF, data);
    raft_buf_unref(data);
    raft->is_transfer_vote = false;
    if (raft->failure == 0)
        raft__stand(raft); /* leads once term, vote and entry are durable, which is one write */
    return 0;
}
