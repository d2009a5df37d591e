/* raft/core/step.c: one event in, one update out. */
#include "raft/core/state.h"

void raft__check(struct raft *raft, int rc)
{
    if (rc != 0 && raft->failure == 0)
        raft->failure = rc == RAFT_ENOMEM ? RAFT_ENOMEM : RAFT_EIO;
}

void raft__malformed(struct raft *raft)
{
    raft->malformed_count++;
}

const struct raft_conf *raft__conf(const struct raft *raft)
{
    return &raft_conf_history_last(&raft->confs)->conf;
}

struct raft_peer *raft__peer(struct raft *raft, raft_id id)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].id == id)
            return &raft->peers[i];
    }
    return NULL;
}

bool raft__peer_votes(const struct raft_peer *peer)
{
    return peer->role == RAFT_VOTER || !RAFT_RULE(learner_no_vote);
}

/* Leader: it answered within an election time-out, or is this node. */
bool raft__is_heard(const struct raft *raft, const struct raft_peer *peer)
{
    return peer->id == raft->options.id ||
           (peer->contact_mono_ms != 0 &&
            raft->now_mono_ms - peer->contact_mono_ms <= raft->options.election_timeout_ms);
}

/* Figure 4.6 and §4.2.2: a server that its latest configuration demotes or removes still stands for
 * election while that is not committed: nobody else may have the entry, and a longer log then
 * refuses its vote to those who could go on without it. */
bool raft__can_lead(const struct raft *raft)
{
    if (!raft__has_recovered(raft))
        return false;
    for (uint32_t i = 0; i < raft->confs.count; i++) {
        const struct raft_member *own =
            raft_conf_find(&raft->confs.items[i].conf, raft->options.id);
        if (own != NULL && (own->role == RAFT_VOTER || !RAFT_RULE(learner_no_vote)))
            return true;
    }
    return false;
}

uint32_t raft__quorum(const struct raft *raft)
{
    return raft_conf_voters(raft__conf(raft)) / 2 + 1;
}

bool raft__has_committed_in_term(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->commit_index >= raft->term_first_index;
}

/* §3.3: does a newer term in it concern this node? A pre-vote's is only a question (§9.6). */
static bool raises_term(const struct raft *raft, const struct raft_message *message)
{
    if (message->term <= raft->hard_state.term || message->kind == RAFT_MSG_PRE_VOTE)
        return false;
    return message->kind != RAFT_MSG_PRE_VOTE_REPLY || message->rejected;
}

/* Is the message of an older term to be passed over? It may be answered first. */
static bool is_stale(struct raft *raft, const struct raft_message *message)
{
    if (message->term >= raft->hard_state.term || message->kind == RAFT_MSG_READ)
        return false;
    if (message->kind == RAFT_MSG_APPEND_REPLY || message->kind == RAFT_MSG_VOTE_REPLY)
        return RAFT_RULE(drop_old_acks);
    raft__reject_stale(raft, message);
    return true;
}

static void dispatch(struct raft *raft, const struct raft_message *message)
{
    switch (message->kind) {
    case RAFT_MSG_PRE_VOTE:
    case RAFT_MSG_VOTE: raft__receive_vote(raft, message); break;
    case RAFT_MSG_PRE_VOTE_REPLY:
    case RAFT_MSG_VOTE_REPLY: raft__receive_vote_reply(raft, message); break;
    case RAFT_MSG_APPEND: raft__receive_append(raft, message); break;
    case RAFT_MSG_APPEND_REPLY: raft__receive_append_reply(raft, message); break;
    case RAFT_MSG_SNAPSHOT: raft__receive_snapshot(raft, message); break;
    case RAFT_MSG_TIMEOUT_NOW: raft__receive_timeout_now(raft, message); break;
    case RAFT_MSG_READ: raft__receive_read(raft, message); break;
    case RAFT_MSG_READ_REPLY: raft__receive_read_reply(raft, message); break;
    }
}

static void receive(struct raft *raft, const struct raft_message *message)
{
    if (message == NULL || !raft__message_is_well_formed(raft, message)) {
        raft__malformed(raft);
        return;
    }
    if (!raft__is_of_this_recovery(raft, message))
        return;
    bool is_vote = message->kind == RAFT_MSG_VOTE || message->kind == RAFT_MSG_PRE_VOTE;
    if (is_vote && raft__ignores_vote(raft, message))
        return;
    if (raises_term(raft, message))
        raft__become_follower(raft, message->term, 0);
    if (!is_stale(raft, message))
        dispatch(raft, message);
}

static void unreachable(struct raft *raft, raft_id id)
{
    struct raft_peer *peer = raft__peer(raft, id);

    if (raft->role != RAFT_LEADER || peer == NULL || peer->state != RAFT_PEER_REPLICATE)
        return;
    /* Of a peer that has not answered in this term nothing is known: look where the term began, not
     * at the beginning of a trimmed log, which would cost the peer a snapshot for nothing. */
    raft_peer_probe(peer, peer->match > 0 ? peer->match + 1 : raft->term_first_index);
    peer->is_probing = true; /* the next heartbeat probes */
}

static int propose(struct raft *raft, const struct raft_event *event, struct raft_update *update)
{
    uint64_t first = raft->log.last_index + 1;
    int rc = event->kind == RAFT_EVENT_PROPOSE ? raft__propose(raft, event)
                                               : raft__propose_conf(raft, &event->change, &first);

    if (rc == 0) {
        update->first_proposed = first;
        update->proposed_term = raft->hard_state.term;
    }
    return rc;
}

static int handle(struct raft *raft, const struct raft_event *event, struct raft_update *update)
{
    switch (event->kind) {
    case RAFT_EVENT_TICK: raft__tick(raft); return 0;
    case RAFT_EVENT_MESSAGE: receive(raft, event->message); return 0;
    case RAFT_EVENT_PROPOSE:
    case RAFT_EVENT_PROPOSE_CONF: return propose(raft, event, update);
    case RAFT_EVENT_PERSISTED: raft__persisted(raft, event->seq); return 0;
    case RAFT_EVENT_APPLIED: return raft__applied(raft, event->index);
    case RAFT_EVENT_READ: return raft__read(raft, event->read_id);
    case RAFT_EVENT_TRANSFER: return raft__transfer(raft, event->peer);
    case RAFT_EVENT_SNAPSHOT_READY: return raft__snapshot_ready(raft, event->peer, event->snapshot);
    case RAFT_EVENT_SNAPSHOT_FAILED: raft__snapshot_failed(raft, event->peer); return 0;
    case RAFT_EVENT_INSTALLED: return raft__installed(raft, event->snapshot);
    case RAFT_EVENT_INSTALL_FAILED: return raft__install_failed(raft);
    case RAFT_EVENT_TRIMMED: return raft__trimmed(raft, event->index);
    case RAFT_EVENT_UNREACHABLE: unreachable(raft, event->peer); return 0;
    case RAFT_EVENT_NEED_SNAPSHOT: raft__need_snapshot(raft); return 0;
    case RAFT_EVENT_RECOVER: return raft__recover(raft, event);
    }
    return RAFT_EINVALID;
}

int raft_step(struct raft *raft, const struct raft_event *event, struct raft_update *update)
{
    enum raft_role role = raft->role;
    raft_id leader = raft->leader;
    uint64_t term = raft->hard_state.term;

    RAFT_ASSERT(event->now_mono_ms >= raft->now_mono_ms);
    *update = (struct raft_update){0};
    if (raft->failure != 0)
        return raft->failure;
    raft->now_mono_ms = event->now_mono_ms;
    raft->holds_commit = event->holds_commit;
    raft__begin(raft);
    int rc = handle(raft, event, update);
    if (rc == 0 && raft->failure == 0)
        raft__finish(raft, update);
    if (rc == 0)
        rc = raft->failure;
    if (rc != 0) {
        *update = (struct raft_update){0};
        return rc;
    }
    update->role_changed =
        role != raft->role || leader != raft->leader || term != raft->hard_state.term;
    RAFT_ASSERT(raft->applied_index <= raft->handed_index &&
                raft->handed_index <= raft->commit_index &&
                raft->commit_index <= raft->log.last_index &&
                raft->log.persisted_index <= raft->log.last_index);
    return 0;
}
