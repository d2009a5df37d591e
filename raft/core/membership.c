/* raft/core/membership.c: one change of members at a time (thesis §4.1-4.3). */
#include <string.h>

#include "raft/core/state.h"

/* Peers follow the configuration in force; who stays keeps what is known of it. */
void raft__rebuild_peers(struct raft *raft)
{
    const struct raft_conf *conf = raft__conf(raft);
    struct raft_peer peers[RAFT_MEMBERS_MAX] = {0};

    for (uint32_t i = 0; i < conf->count; i++) {
        struct raft_peer *before = raft__peer(raft, conf->members[i].id);
        if (before != NULL) {
            peers[i] = *before;
            before->snapshot = NULL; /* moved */
        } else {
            peers[i].id = conf->members[i].id;
            raft_peer_probe(&peers[i], raft->log.last_index + 1);
        }
        peers[i].role = conf->members[i].role;
    }
    for (uint32_t i = 0; i < raft->peer_count; i++)
        raft_peer_fini(&raft->peers[i]);
    memcpy(raft->peers, peers, sizeof(peers));
    raft->peer_count = conf->count;
    raft->conf_changed = true;
}

/* §4.1: a server uses the latest configuration in its log, committed or not. */
void raft__conf_entered(struct raft *raft, const struct raft_entry *entry)
{
    struct raft_conf conf;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;

    int rc = raft_conf_entry_decode(entry->data, &conf, &change, &context, &context_len);
    RAFT_ASSERT(rc == 0); /* own ones are encoded here, others' are checked on arrival */
    rc = raft_conf_history_push(&raft->confs, entry->index, &conf);
    raft__check(raft, rc);
    if (rc == 0)
        raft__rebuild_peers(raft);
}

/* §4.1: "a server must be prepared to fall back to the previous configuration in its log". */
void raft__conf_truncated(struct raft *raft, uint64_t first)
{
    if (raft_conf_history_truncate(&raft->confs, first))
        raft__rebuild_peers(raft);
}

static bool may_change(const struct raft *raft)
{
    bool is_settled = raft_conf_history_last(&raft->confs)->index <= raft->commit_index;

    /* Without an own committed entry, an unknown change of an older term may be under way. */
    return (is_settled || !RAFT_RULE(one_change)) &&
           (raft__has_committed_in_term(raft) || !RAFT_RULE(change_after_commit));
}

bool raft_can_change_conf(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->transfer.target == 0 && may_change(raft);
}

/* The change is in force as soon as it is in this log, and only a quorum of the new voters can
 * commit it or take it back: without one that answers, nothing would ever go on. */
static bool hears_quorum_of(struct raft *raft, const struct raft_conf *conf)
{
    uint32_t heard = 0;

    for (uint32_t i = 0; i < conf->count; i++) {
        const struct raft_peer *peer = raft__peer(raft, conf->members[i].id);
        heard += conf->members[i].role == RAFT_VOTER && peer != NULL && raft__is_heard(raft, peer);
    }
    return heard >= raft_conf_voters(conf) / 2 + 1;
}

/* After a recovery a member votes only once a leader has reached it (recover.c). One that has not
 * answered this leader may be outside: were its vote needed to elect the next one, it would be
 * missing although the member lives and is heard. */
static bool can_vote(struct raft *raft, const struct raft_conf_change *change)
{
    const struct raft_peer *peer = raft__peer(raft, change->id);

    return change->kind != RAFT_CONF_PROMOTE || raft_generation(raft->hard_state.term) == 0 ||
           peer == NULL || peer->id == raft->options.id || peer->contact_mono_ms != 0;
}

int raft__propose_conf(struct raft *raft, const struct raft_conf_change *change, uint64_t *index)
{
    struct raft_conf conf;

    if (raft->role != RAFT_LEADER)
        return RAFT_ENOTLEADER;
    if ((raft->transfer.target != 0 && RAFT_RULE(transfer_catch_up)) || !may_change(raft))
        return RAFT_EBUSY;
    int rc = raft_conf_apply(raft__conf(raft), change, &conf);
    if (rc != 0)
        return rc;
    if (change->context != NULL && change->context->len > RAFT_ENTRY_LEN_MAX / 2)
        return RAFT_ELIMIT;
    if ((!hears_quorum_of(raft, &conf) || !can_vote(raft, change)) && RAFT_RULE(change_heard))
        return RAFT_ENOQUORUM;
    struct raft_buf *data = raft_conf_entry_encode(&conf, change);
    if (data == NULL)
        return RAFT_ENOMEM;
    *index = raft->log.last_index + 1;
    raft__append_own(raft, RAFT_ENTRY_CONF, data);
    raft_buf_unref(data);
    return 0;
}

/* §4.2.2: a leader that is no voter any more leads until that is committed, then hands over. */
void raft__leave_if_removed(struct raft *raft)
{
    const struct raft_conf_at *last = raft_conf_history_last(&raft->confs);
    const struct raft_member *own = raft_conf_find(&last->conf, raft->options.id);

    if (raft->role != RAFT_LEADER || last->index > raft->commit_index ||
        (own != NULL && own->role == RAFT_VOTER))
        return;
    struct raft_peer *heir = raft__best_voter(raft);
    if (heir != NULL && heir->match == raft->log.last_index) {
        struct raft_message message = {.kind = RAFT_MSG_TIMEOUT_NOW, .to = heir->id};
        raft__send(raft, &message);
    }
    raft__become_follower(raft, raft->hard_state.term, 0);
}
