/* raft/core/transfer.c: handing leadership over (thesis §3.10). */
#include "raft/core/state.h"

static void transfer_end(struct raft *raft, enum raft_transfer_outcome outcome)
{
    raft->transfer = (struct raft_transfer){.outcome = outcome};
}

/* The other voter that answers with the longest known log; NULL: none. One that has died may have
 * as long a log as any. */
struct raft_peer *raft__best_voter(struct raft *raft)
{
    struct raft_peer *best = NULL;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->id == raft->options.id || peer->role != RAFT_VOTER || !raft__is_heard(raft, peer))
            continue;
        if (best == NULL || peer->match > best->match)
            best = peer;
    }
    return best;
}

int raft__transfer(struct raft *raft, raft_id target)
{
    if (raft->role != RAFT_LEADER)
        return RAFT_ENOTLEADER;
    if (raft->transfer.target != 0)
        return RAFT_EBUSY;
    struct raft_peer *peer = target == 0 ? raft__best_voter(raft) : raft__peer(raft, target);
    if (peer == NULL && target == 0 && raft_conf_voters(raft__conf(raft)) > 1)
        return RAFT_ENOQUORUM;
    if (peer == NULL || peer->id == raft->options.id || peer->role != RAFT_VOTER)
        return RAFT_EINVALID;
    raft->transfer = (struct raft_transfer){.target = peer->id,
                                            .deadline_mono_ms = raft->now_mono_ms +
                                                                raft->options.election_timeout_ms};
    raft__transfer_try(raft);
    return 0;
}

/* Order the target to stand for election once it has the whole log: nothing is proposed any more,
 * so that moment comes, and nobody can then refuse it as out of date. */
void raft__transfer_try(struct raft *raft)
{
    if (raft->role != RAFT_LEADER || raft->transfer.target == 0 || raft->transfer.is_ordered)
        return;
    const struct raft_peer *peer = raft__peer(raft, raft->transfer.target);
    if (peer == NULL || peer->role != RAFT_VOTER) {
        transfer_end(raft, RAFT_TRANSFER_TIMEOUT);
        return;
    }
    if (peer->match < raft->log.last_index && RAFT_RULE(transfer_catch_up))
        return;
    struct raft_message message = {.kind = RAFT_MSG_TIMEOUT_NOW, .to = peer->id};
    raft->transfer.is_ordered = true;
    raft__send(raft, &message);
}

void raft__transfer_tick(struct raft *raft)
{
    if (raft->transfer.target != 0 && raft->now_mono_ms >= raft->transfer.deadline_mono_ms)
        transfer_end(raft, RAFT_TRANSFER_TIMEOUT);
}

void raft__transfer_led(struct raft *raft, raft_id leader)
{
    if (raft->transfer.target == 0)
        return;
    transfer_end(raft, leader == raft->options.id ? RAFT_TRANSFER_TIMEOUT : RAFT_TRANSFER_DONE);
}

void raft__receive_timeout_now(struct raft *raft, const struct raft_message *message)
{
    if (raft->role == RAFT_LEADER || (raft->leader != 0 && raft->leader != message->from)) {
        raft__malformed(raft);
        return;
    }
    if (raft->role == RAFT_FOLLOWER && !raft->is_installing && raft__can_lead(raft))
        raft__campaign(raft, true);
}
