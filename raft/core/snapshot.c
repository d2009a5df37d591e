/* raft/core/snapshot.c: snapshots as descriptors (thesis §5); the data travels elsewhere.
 * The leader wants one for a peer that needs entries before its log, or says that its state is
 * quarantined; the peer installs it only where that takes back nothing it committed or stored. */
#include "raft/core/state.h"

void raft__want_snapshot(struct raft *raft, struct raft_peer *peer, uint64_t floor)
{
    raft_peer_snapshot(peer, floor);
    raft_output_want(&raft->output, peer->id);
}

/* @snapshot is a struct raft_snapshot in a shared buffer, which the message keeps alive. */
static void offer(struct raft *raft, struct raft_peer *peer)
{
    struct raft_message message = {
        .kind = RAFT_MSG_SNAPSHOT, .to = peer->id, .snapshot = (void *)peer->snapshot->data};

    raft__check(raft, raft_output_hold(&raft->output, peer->snapshot));
    peer->snapshot_mono_ms = raft->now_mono_ms + raft->options.election_timeout_ms;
    raft__send(raft, &message);
}

static bool snapshot_is_sane(const struct raft *raft, const struct raft_snapshot *snapshot)
{
    return snapshot != NULL && snapshot->index > 0 && snapshot->index <= raft->commit_index &&
           snapshot->term > 0 && snapshot->term <= raft->hard_state.term &&
           snapshot->locator_len <= RAFT_SNAPSHOT_LOCATOR_MAX &&
           raft_conf_is_valid(&snapshot->conf);
}

int raft__snapshot_ready(struct raft *raft, raft_id id, const struct raft_snapshot *snapshot)
{
    struct raft_peer *peer = raft__peer(raft, id);

    if (raft->role != RAFT_LEADER || peer == NULL || peer->state != RAFT_PEER_SNAPSHOT)
        return 0; /* made for a need that has passed */
    if (!snapshot_is_sane(raft, snapshot))
        return RAFT_EINVALID;
    if (snapshot->index < peer->snapshot_floor || snapshot->index < raft->log.base_index) {
        raft__snapshot_failed(raft, id);
        return 0;
    }
    struct raft_buf *copy = raft_buf_new(snapshot, sizeof(*snapshot));
    if (copy == NULL)
        return RAFT_ENOMEM;
    raft_buf_unref(peer->snapshot);
    peer->snapshot = copy;
    offer(raft, peer);
    return 0;
}

void raft__snapshot_failed(struct raft *raft, raft_id id)
{
    struct raft_peer *peer = raft__peer(raft, id);

    if (raft->role != RAFT_LEADER || peer == NULL || peer->state != RAFT_PEER_SNAPSHOT)
        return;
    raft_buf_unref(peer->snapshot);
    peer->snapshot = NULL;
    peer->snapshot_mono_ms = raft->now_mono_ms + raft->options.heartbeat_ms;
}

/* The descriptor may have been lost, so it is repeated; a failed one is made anew. */
void raft__snapshot_tick(struct raft *raft, struct raft_peer *peer)
{
    if (peer->state != RAFT_PEER_SNAPSHOT || raft->now_mono_ms < peer->snapshot_mono_ms)
        return;
    if (peer->snapshot != NULL) {
        offer(raft, peer);
        return;
    }
    peer->snapshot_mono_ms = UINT64_MAX;
    raft_output_want(&raft->output, peer->id);
}

/* May @snapshot take the place of this whole log? Never when that drops an entry that this node
 * committed or acknowledged. Where the log already has the snapshot's last entry there is no need
 * (§5.3: retain what follows), except for a quarantined state: then it must cover all of the log.
 */
static bool may_install(const struct raft *raft, const struct raft_snapshot *snapshot)
{
    uint64_t term = 0;

    if (!RAFT_RULE(snapshot_not_behind))
        return true;
    if (raft->wants_snapshot)
        return snapshot->index >= raft->log.last_index;
    if (snapshot->index <= raft->commit_index)
        return false;
    return raft_log_term(&raft->log, snapshot->index, &term) != 0 || term != snapshot->term;
}

/* The one at @index does not help; the leader makes another one. */
static void reject_snapshot(struct raft *raft, uint64_t index)
{
    struct raft_message reply = {.kind = RAFT_MSG_APPEND_REPLY,
                                 .to = raft->leader,
                                 .log_index = index,
                                 .round = raft->round_seen,
                                 .rejected = true,
                                 .wants_snapshot = raft->wants_snapshot};

    if (raft->leader != 0)
        raft__send(raft, &reply);
}

void raft__receive_snapshot(struct raft *raft, const struct raft_message *message)
{
    const struct raft_snapshot *snapshot = message->snapshot;

    if (raft->role == RAFT_LEADER || (raft->leader != 0 && raft->leader != message->from)) {
        raft__malformed(raft);
        return;
    }
    raft__become_follower(raft, message->term, message->from);
    raft__reset_election_timer(raft);
    raft->leader_mono_ms = raft->now_mono_ms;
    if (raft->is_installing)
        return; /* this one, or one from before: its outcome will be told */
    if (snapshot->index <= raft->commit_index &&
        !raft__agrees_with_commit(raft, snapshot->index, snapshot->term))
        return;
    if (may_install(raft, snapshot)) {
        raft->is_installing = raft->install_starts = true;
        raft->install = *snapshot;
        raft->install_term = message->term;
        return;
    }
    if (raft->wants_snapshot) {
        reject_snapshot(raft, snapshot->index);
        return;
    }
    if (snapshot->index > raft->verified_index) /* the log has its last entry, so all of it */
        raft->verified_index = snapshot->index;
    raft__commit_to(raft, snapshot->index);
    raft__acknowledge(raft);
}

int raft__installed(struct raft *raft, const struct raft_snapshot *snapshot)
{
    if (!raft->is_installing || snapshot == NULL || snapshot->index != raft->install.index ||
        snapshot->term != raft->install.term)
        return RAFT_EINVALID;
    RAFT_ASSERT(snapshot->index >= raft->commit_index || !RAFT_RULE(snapshot_not_behind));
    struct raft_conf_history confs = {0};
    int rc = raft_conf_history_push(&confs, snapshot->index, &raft->install.conf);
    if (rc != 0)
        return rc;
    raft_conf_history_fini(&raft->confs);
    raft->confs = confs;
    raft_log_reset(&raft->log, snapshot->index, snapshot->term);
    raft->commit_index = raft->applied_index = raft->handed_index = snapshot->index;
    /* It is committed, so every leader has it, unless one of another recovery came meanwhile. */
    raft->verified_index = raft_recovery(raft->install_term) == raft_recovery(raft->hard_state.term)
                               ? snapshot->index
                               : raft__sure_index(raft);
    raft->is_installing = raft->wants_snapshot = raft->ack_due = false;
    raft__rebuild_peers(raft);
    raft__reset_election_timer(raft);
    raft__acknowledge(raft);
    return 0;
}

int raft__install_failed(struct raft *raft)
{
    if (!raft->is_installing)
        return RAFT_EINVALID;
    raft->is_installing = false;
    raft__reset_election_timer(raft);
    reject_snapshot(raft, raft->install.index);
    return 0;
}

void raft__need_snapshot(struct raft *raft)
{
    bool is_new = !raft->wants_snapshot;

    raft->wants_snapshot = true;
    if (raft->role == RAFT_LEADER) /* a healthy state should lead, and can then send one */
        raft__become_follower(raft, raft->hard_state.term, 0);
    if (is_new) /* asked again and again, it must still be able to stand when nobody else can */
        raft__reset_election_timer(raft);
    if (raft->leader != 0)
        raft__acknowledge(raft);
}
