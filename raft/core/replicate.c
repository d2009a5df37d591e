/* raft/core/replicate.c: the leader's side of the log (thesis §3.5, §10.2.1). */
#include "raft/core/state.h"

void raft__append_own(struct raft *raft, enum raft_entry_kind kind, struct raft_buf *data)
{
    struct raft_entry entry = {.index = raft->log.last_index + 1,
                               .term = raft->hard_state.term,
                               .kind = kind,
                               .data = data};

    raft__check(raft, raft_log_append(&raft->log, &entry, raft->seq + 1));
    if (raft->failure == 0 && kind == RAFT_ENTRY_CONF)
        raft__conf_entered(raft, &entry);
    if (!RAFT_RULE(ack_durable))
        raft__advance_commit(raft);
}

static int may_propose(const struct raft *raft)
{
    if (raft->role != RAFT_LEADER)
        return RAFT_ENOTLEADER;
    if (raft->transfer.target != 0 && RAFT_RULE(transfer_catch_up))
        return RAFT_EBUSY; /* §3.10 step 1 */
    if (raft->log.last_index - raft->commit_index >= RAFT_UNCOMMITTED_MAX ||
        raft->log.unstored_len >= RAFT_UNSTORED_LEN_MAX)
        return RAFT_EBUSY;
    return 0;
}

int raft__propose(struct raft *raft, const struct raft_event *event)
{
    int rc = may_propose(raft);

    if (rc != 0)
        return rc;
    if (event->data_count == 0 || event->data_count > RAFT_APPEND_ENTRIES_MAX)
        return RAFT_ELIMIT;
    for (uint32_t i = 0; i < event->data_count; i++) {
        if (event->data[i] != NULL && event->data[i]->len > RAFT_ENTRY_LEN_MAX)
            return RAFT_ELIMIT;
    }
    for (uint32_t i = 0; i < event->data_count && raft->failure == 0; i++)
        raft__append_own(raft, RAFT_ENTRY_NORMAL, event->data[i]);
    return 0;
}

/* Read entries for @message into the output; returns their octets. */
static size_t attach_entries(struct raft *raft, struct raft_peer *peer, size_t room,
                             struct raft_message *message)
{
    uint64_t left = raft->log.last_index - peer->next + 1;
    uint32_t count = left < RAFT_APPEND_ENTRIES_MAX ? (uint32_t)left : RAFT_APPEND_ENTRIES_MAX;
    struct raft_entry *entries = NULL;
    size_t len = 0;

    raft__check(raft, raft_output_reserve(&raft->output, count, &entries));
    if (raft->failure != 0)
        return 0;
    int rc = raft_log_read(&raft->log, peer->next, room, entries, &count);
    if (rc == RAFT_ECOMPACTED) /* storage is ahead of TRIMMED */
        raft__want_snapshot(raft, peer, peer->next);
    else
        raft__check(raft, rc);
    if (rc != 0)
        return 0;
    raft_output_commit(&raft->output, count);
    for (uint32_t i = 0; i < count; i++)
        len += entries[i].data != NULL ? entries[i].data->len : 0;
    message->entry_count = count;
    return len;
}

/* One APPEND; @room octets of entries, 0: none. */
static void send_append(struct raft *raft, struct raft_peer *peer, size_t room)
{
    struct raft_message message = {.kind = RAFT_MSG_APPEND,
                                   .to = peer->id,
                                   .commit = raft->commit_index,
                                   .round = raft->reads.round_sent,
                                   .log_index = peer->next - 1,
                                   .hint = peer->match};

    peer->heartbeat_mono_ms = raft->now_mono_ms + raft->options.heartbeat_ms;
    int rc = raft_log_term(&raft->log, message.log_index, &message.log_term);
    if (rc == RAFT_ECOMPACTED) {
        raft__want_snapshot(raft, peer, raft->log.base_index);
        return;
    }
    raft__check(raft, rc);
    size_t len = room > 0 ? attach_entries(raft, peer, room, &message) : 0;
    if (raft->failure != 0 || peer->state == RAFT_PEER_SNAPSHOT)
        return;
    uint64_t last = message.log_index + message.entry_count;
    if (message.entry_count > 0)
        raft_peer_sent(peer, last, len);
    peer->commit_sent = raft->commit_index < last ? raft->commit_index : last;
    peer->is_probing = true;
    raft__send(raft, &message);
}

/* An empty append. A replicating peer that lost one of the appends before it says so. */
void raft__heartbeat(struct raft *raft, struct raft_peer *peer)
{
    if (peer->state != RAFT_PEER_SNAPSHOT) {
        send_append(raft, peer, 0);
        return;
    }
    /* Says nothing of the log or the commit index: a snapshot in the making must not fall behind.
     */
    struct raft_message message = {
        .kind = RAFT_MSG_APPEND, .to = peer->id, .round = raft->reads.round_sent};
    peer->heartbeat_mono_ms = raft->now_mono_ms + raft->options.heartbeat_ms;
    raft__send(raft, &message);
}

/* A leader that leaves has no later event to tell the others why. */
static bool may_hold_commit(const struct raft *raft)
{
    const struct raft_conf *conf = &raft_conf_history_last(&raft->confs)->conf;
    const struct raft_member *own = raft_conf_find(conf, raft->options.id);

    return raft->holds_commit && own != NULL && own->role == RAFT_VOTER;
}

/* Has @peer anything to learn that no append on its way says? While entries are on their way to
 * it, the next acknowledgement calls again, and by then the next entries may carry the news: so
 * nothing is lost by waiting, and under load half of the messages are saved. */
static bool must_hear(const struct raft *raft, const struct raft_peer *peer)
{
    if (peer->heartbeat_mono_ms == 0)
        return true;
    if (peer->state == RAFT_PEER_PROBE)
        return !peer->is_probing;
    return !may_hold_commit(raft) && peer->state == RAFT_PEER_REPLICATE &&
           peer->commit_sent < raft->commit_index && peer->commit_sent < peer->next - 1 &&
           peer->inflight_count == 0;
}

void raft__flush(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peer_count && raft->failure == 0; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->id == raft->options.id)
            continue;
        while (peer->state == RAFT_PEER_REPLICATE && peer->next <= raft->log.last_index &&
               raft_peer_room(peer) > 0 && raft->failure == 0)
            send_append(raft, peer, raft_peer_room(peer));
        if (must_hear(raft, peer))
            raft__heartbeat(raft, peer);
    }
}

#define HINT_STEPS_MAX                                                                             \
    1024 /* terms looked at for one rejection; the next one goes on from there                     \
          */

/* The newest index at most @hint whose entry could be the peer's, which has @hint_term there:
 * whole terms are passed over in one round trip (§3.5, last paragraph). */
static uint64_t resume_index(struct raft *raft, uint64_t hint, uint64_t hint_term)
{
    uint64_t index = hint < raft->log.last_index ? hint : raft->log.last_index;
    uint64_t term;

    for (uint32_t step = 0; step < HINT_STEPS_MAX && index > raft->log.base_index; step++) {
        int rc = raft_log_term(&raft->log, index, &term);
        if (rc != RAFT_ECOMPACTED)
            raft__check(raft, rc);
        if (rc != 0 || term <= hint_term)
            break;
        index--;
    }
    return index;
}

static void receive_rejection(struct raft *raft, struct raft_peer *peer,
                              const struct raft_message *message)
{
    if (peer->state == RAFT_PEER_SNAPSHOT) {
        const struct raft_snapshot *offered =
            peer->snapshot != NULL ? (const void *)peer->snapshot->data : NULL;
        if (offered != NULL && message->log_index == offered->index)
            raft__snapshot_failed(raft, peer->id);
        return;
    }
    if (message->log_index <= peer->match ||
        (peer->state == RAFT_PEER_PROBE && message->log_index != peer->next - 1))
        return; /* overtaken by another reply */
    uint64_t next = resume_index(raft, message->hint, message->log_term) + 1;
    if (next > message->log_index)
        next = message->log_index;
    if (next <= peer->match)
        next = peer->match + 1;
    raft_peer_probe(peer, next);
}

static void receive_match(struct raft *raft, struct raft_peer *peer,
                          const struct raft_message *message)
{
    raft_peer_acked(peer, message->log_index);
    if (peer->state == RAFT_PEER_PROBE)
        raft_peer_replicate(peer);
    if (peer->state == RAFT_PEER_SNAPSHOT && !message->wants_snapshot &&
        peer->match >= peer->snapshot_floor)
        raft_peer_replicate(peer);
    /* The peer's log ends where its match does only once it holds an entry of this term. */
    if (peer->state == RAFT_PEER_REPLICATE && message->wants_snapshot &&
        peer->match >= raft->term_first_index)
        raft__want_snapshot(raft, peer, peer->next - 1);
    raft__advance_commit(raft);
    raft__transfer_try(raft);
}

void raft__receive_append_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft__peer(raft, message->from);

    if (raft->role != RAFT_LEADER || peer == NULL)
        return;
    if (message->term == raft->hard_state.term &&
        (message->round > raft->reads.round_sent ||
         (!message->rejected && message->log_index > raft->log.last_index))) {
        raft__malformed(raft);
        return;
    }
    if (message->log_index > raft->log.last_index && !message->rejected)
        return; /* only with drop_old_acks broken */
    peer->contact_mono_ms = raft->now_mono_ms;
    if (message->round > peer->round_acked)
        peer->round_acked = message->round;
    raft__confirm_round(raft);
    if (message->rejected)
        receive_rejection(raft, peer, message);
    else
        receive_match(raft, peer, message);
}
