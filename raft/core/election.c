/* raft/core/election.c: terms, votes and pre-votes (thesis §3.4, §3.6.1, §9.6). */
#include "raft/core/state.h"

/* SplitMix64: cheap, and every seed is a good one. */
static uint64_t random_next(struct raft *raft)
{
    uint64_t z = (raft->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void raft__reset_election_timer(struct raft *raft)
{
    uint64_t timeout_ms = raft->options.election_timeout_ms;

    raft->election_mono_ms = raft->now_mono_ms + timeout_ms + random_next(raft) % timeout_ms;
    if (raft->wants_snapshot) /* a quarantined node leads only when nobody else can */
        raft->election_mono_ms += 2 * timeout_ms;
}

void raft__set_hard_state(struct raft *raft, uint64_t term, raft_id voted_for)
{
    RAFT_ASSERT(term >= raft->hard_state.term);
    if (term > raft->hard_state.term)
        raft->held_count = 0; /* what they say of an older term helps nobody */
    raft->hard_state = (struct raft_hard_state){.term = term, .voted_for = voted_for};
    raft->hard_changed = true;
    raft->hard_seq = raft->seq + 1;
}

void raft__become_follower(struct raft *raft, uint64_t term, raft_id leader)
{
    bool is_new_term = term > raft->hard_state.term;
    bool led = raft->role == RAFT_LEADER;

    if (!is_new_term && raft->role == RAFT_FOLLOWER && raft->leader == leader)
        return;
    if (is_new_term)
        raft__set_hard_state(raft, term, 0);
    raft->role = RAFT_FOLLOWER;
    raft->leader = leader;
    raft->verified_index = raft__sure_index(raft);
    raft->round_seen = 0;
    raft->ack_due = false;
    raft__fail_reads(raft);
    if (led) {
        raft__reset_election_timer(raft);
        for (uint32_t i = 0; i < raft->peer_count; i++)
            raft_peer_reset(&raft->peers[i], 1);
    }
    if (leader != 0)
        raft__transfer_led(raft, leader);
}

static void become_leader(struct raft *raft)
{
    RAFT_ASSERT(raft->role == RAFT_CANDIDATE && raft__is_hard_durable(raft));
    raft->role = RAFT_LEADER;
    raft->leader = raft->options.id;
    raft->term_first_index = raft->log.last_index + 1;
    raft->quorum_mono_ms = raft->now_mono_ms + raft->options.election_timeout_ms;
    raft->reads.round_sent = raft->reads.round_confirmed = 0;
    raft__transfer_led(raft, raft->leader);
    for (uint32_t i = 0; i < raft->peer_count; i++)
        raft_peer_reset(&raft->peers[i], raft->log.last_index + 1);
    if (RAFT_RULE(no_op)) /* §6.4: learn at once what is committed */
        raft__append_own(raft, RAFT_ENTRY_NOOP, NULL);
}

static void ask_votes(struct raft *raft, enum raft_message_kind kind, uint64_t term)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        peer->vote = peer->id == raft->options.id ? RAFT_VOTE_GRANTED : RAFT_VOTE_NONE;
        if (peer->id == raft->options.id || !raft__peer_votes(peer))
            continue;
        struct raft_message message = {.kind = kind,
                                       .to = peer->id,
                                       .term = term,
                                       .log_index = raft->log.last_index,
                                       .log_term = raft->log.last_term,
                                       .transfer = raft->is_transfer_vote};
        raft__send(raft, &message);
    }
}

/* What still waits for the disk is then acknowledged to nobody: the only voter leads in the step
 * that makes it durable, and would answer itself. */
static void stop_following(struct raft *raft, enum raft_role role)
{
    raft->role = role;
    raft->leader = 0;
    raft->ack_due = false;
    raft__reset_election_timer(raft);
}

void raft__stand(struct raft *raft)
{
    stop_following(raft, RAFT_CANDIDATE);
    ask_votes(raft, RAFT_MSG_VOTE, raft->hard_state.term);
    raft__count_votes(raft);
}

static void become_candidate(struct raft *raft)
{
    raft__set_hard_state(raft, raft->hard_state.term + 1, raft->options.id);
    raft__stand(raft);
}

static void become_pre_candidate(struct raft *raft)
{
    stop_following(raft, RAFT_PRE_CANDIDATE);
    ask_votes(raft, RAFT_MSG_PRE_VOTE, raft->hard_state.term + 1);
    raft__count_votes(raft);
}

void raft__campaign(struct raft *raft, bool is_transfer)
{
    raft__fail_reads(raft);
    if (raft->is_installing || !raft__can_lead(raft)) {
        /* It cannot lead; but it must not name a leader that is long gone either. */
        raft__become_follower(raft, raft->hard_state.term, 0);
        raft__reset_election_timer(raft);
        return;
    }
    raft->is_transfer_vote = is_transfer;
    if (is_transfer || !RAFT_RULE(pre_vote))
        become_candidate(raft);
    else
        become_pre_candidate(raft);
}

void raft__count_votes(struct raft *raft)
{
    uint32_t granted = 0;

    if (raft->role == RAFT_CANDIDATE && !raft__is_hard_durable(raft))
        return; /* its own vote is not cast before it is durable */
    for (uint32_t i = 0; i < raft->peer_count; i++)
        granted += raft->peers[i].vote == RAFT_VOTE_GRANTED && raft__peer_votes(&raft->peers[i]);
    if (granted < raft__quorum(raft))
        return;
    if (raft->role == RAFT_PRE_CANDIDATE)
        become_candidate(raft);
    else
        become_leader(raft);
}

/* §4.2.3: who hears a leader, or is one, does not help to depose it. */
bool raft__ignores_vote(const struct raft *raft, const struct raft_message *message)
{
    if (!RAFT_RULE(check_quorum) || message->transfer || message->term <= raft->hard_state.term)
        return false;
    return raft->role == RAFT_LEADER ||
           (raft->leader != 0 &&
            raft->now_mono_ms - raft->leader_mono_ms < raft->options.election_timeout_ms);
}

/* §3.6.1: is the asker's log at least as new as this one? */
static bool log_is_new_enough(const struct raft *raft, const struct raft_message *message)
{
    if (message->log_term != raft->log.last_term)
        return message->log_term > raft->log.last_term;
    return message->log_index >= raft->log.last_index;
}

static bool may_grant(const struct raft *raft, const struct raft_message *message)
{
    if (!log_is_new_enough(raft, message))
        return false;
    if (message->kind == RAFT_MSG_PRE_VOTE)
        return message->term > raft->hard_state.term;
    return raft->hard_state.voted_for == message->from ||
           (raft->hard_state.voted_for == 0 && raft->leader == 0);
}

/* PRE_VOTE or VOTE, of this term or (pre-vote) a later one. The asker takes this node for a voter;
 * this log may not say so yet, and without its vote a majority might be missing (§4.2.1). */
void raft__receive_vote(struct raft *raft, const struct raft_message *message)
{
    bool is_granted = may_grant(raft, message);
    bool is_pre = message->kind == RAFT_MSG_PRE_VOTE;

    if (is_granted && !is_pre && raft->hard_state.voted_for == 0) {
        raft__become_follower(raft, raft->hard_state.term, 0);
        raft__set_hard_state(raft, raft->hard_state.term, message->from);
        raft__reset_election_timer(raft);
    }
    struct raft_message reply = {.kind = is_pre ? RAFT_MSG_PRE_VOTE_REPLY : RAFT_MSG_VOTE_REPLY,
                                 .to = message->from,
                                 .term = is_granted ? message->term : raft->hard_state.term,
                                 .rejected = !is_granted};
    raft__send(raft, &reply);
}

void raft__receive_vote_reply(struct raft *raft, const struct raft_message *message)
{
    bool is_pre = message->kind == RAFT_MSG_PRE_VOTE_REPLY;
    struct raft_peer *peer = raft__peer(raft, message->from);

    if (peer == NULL || raft->role != (is_pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE))
        return;
    if (is_pre && !message->rejected && message->term != raft->hard_state.term + 1)
        return; /* of an older campaign */
    peer->vote = message->rejected ? RAFT_VOTE_REJECTED : RAFT_VOTE_GRANTED;
    raft__count_votes(raft);
}
