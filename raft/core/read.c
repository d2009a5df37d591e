/* raft/core/read.c: linearizable reads without a log entry (ReadIndex, thesis §6.4). Reads that
 * arrive while a heartbeat round is under way share the next one; a follower likewise asks its
 * leader for all of its waiting reads at once. */
#include "raft/core/state.h"

static struct raft_waiting_read *reads_at(struct raft_reads *reads, uint32_t i)
{
    return &reads->items[(reads->head + i) % RAFT_READS_MAX];
}

static void answer(struct raft *raft, const struct raft_waiting_read *read,
                   enum raft_read_outcome outcome, uint64_t index)
{
    if (read->from == 0) {
        struct raft_read out = {.read_id = read->read_id, .outcome = outcome, .index = index};
        raft__check(raft, raft_output_read(&raft->output, &out));
        return;
    }
    struct raft_message reply = {.kind = RAFT_MSG_READ_REPLY,
                                 .to = read->from,
                                 .log_index = index,
                                 .round = read->read_id,
                                 .rejected = outcome != RAFT_READ_OK};
    raft__send(raft, &reply);
}

static int queue_read(struct raft *raft, const struct raft_waiting_read *read)
{
    struct raft_reads *reads = &raft->reads;

    if (raft->role == RAFT_LEADER && !RAFT_RULE(read_round)) {
        answer(raft, read, RAFT_READ_OK, raft->commit_index);
        return 0;
    }
    if (reads->count == RAFT_READS_MAX)
        return RAFT_EBUSY;
    *reads_at(reads, reads->count) = *read;
    reads->count++;
    return 0;
}

int raft__read(struct raft *raft, uint64_t read_id)
{
    struct raft_waiting_read read = {.read_id = read_id};

    if (raft->leader == 0) {
        answer(raft, &read, RAFT_READ_NO_LEADER, 0);
        return 0;
    }
    return queue_read(raft, &read);
}

void raft__fail_reads(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;

    for (uint32_t i = 0; i < reads->count; i++)
        answer(raft, reads_at(reads, i), RAFT_READ_NO_LEADER, 0);
    reads->head = reads->count = 0;
    reads->ask = 0;
}

static void pop_read(struct raft *raft, uint64_t index)
{
    struct raft_reads *reads = &raft->reads;

    answer(raft, reads_at(reads, 0), RAFT_READ_OK, index);
    reads->head = (reads->head + 1) % RAFT_READS_MAX;
    reads->count--;
}

static void send_ask(struct raft *raft)
{
    struct raft_message message = {
        .kind = RAFT_MSG_READ, .to = raft->leader, .round = raft->reads.ask};

    raft->reads.ask_mono_ms = raft->now_mono_ms;
    raft__send(raft, &message);
}

/* Whoever asks has begun its reads before, and says by that what an answer to a heartbeat would:
 * once they had begun, it knew of no newer term. For its own reads that is its vote, however late
 * it comes; of reads that began after it was sent it says nothing, so it counts only for a round
 * without others. A single reader at one of three voters waits for one way there and back. */
static void count_asker(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;
    struct raft_peer *asker = raft__peer(raft, reads_at(reads, 0)->from);

    if (asker != NULL && reads->count == 1)
        asker->round_acked = reads->round_sent;
}

/* All waiting reads get this round; steps 1 to 3 of §6.4. */
static void start_leader_round(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;

    if (reads->round_sent != reads->round_confirmed || !raft__has_committed_in_term(raft))
        return;
    reads->round_sent++;
    for (uint32_t i = 0; i < reads->count; i++) {
        reads_at(reads, i)->index = raft->commit_index;
        reads_at(reads, i)->round = reads->round_sent;
    }
    count_asker(raft);
    raft__confirm_round(raft); /* a single voter needs no one else */
    if (reads->round_confirmed == reads->round_sent)
        return;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft__peer_votes(&raft->peers[i]))
            raft->peers[i].heartbeat_mono_ms = 0;
    }
}

void raft__start_round(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;

    if (reads->count == 0)
        return;
    if (raft->role == RAFT_LEADER) {
        start_leader_round(raft);
    } else if (raft->leader != 0 && reads->ask == 0) {
        reads->ask = ++reads->ask_last;
        for (uint32_t i = 0; i < reads->count; i++)
            reads_at(reads, i)->round = reads->ask;
        send_ask(raft);
    }
}

void raft__confirm_round(struct raft *raft)
{
    struct raft_reads *reads = &raft->reads;
    uint32_t confirmed = 0;

    if (reads->round_sent == reads->round_confirmed)
        return;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        confirmed += raft__peer_votes(peer) &&
                     (peer->id == raft->options.id || peer->round_acked >= reads->round_sent);
    }
    if (confirmed < raft__quorum(raft))
        return;
    reads->round_confirmed = reads->round_sent;
    while (reads->count > 0 && reads_at(reads, 0)->round == reads->round_confirmed)
        pop_read(raft, reads_at(reads, 0)->index);
}

/* The ask or its reply may be lost; while its leader lives it is asked again. */
void raft__retry_ask(struct raft *raft)
{
    if (raft->reads.ask != 0 &&
        raft->now_mono_ms - raft->reads.ask_mono_ms >= 2 * (uint64_t)raft->options.heartbeat_ms)
        send_ask(raft);
}

void raft__receive_read(struct raft *raft, const struct raft_message *message)
{
    struct raft_waiting_read read = {.read_id = message->round, .from = message->from};

    if (raft->role != RAFT_LEADER)
        answer(raft, &read, RAFT_READ_NO_LEADER, 0);
    else
        (void)queue_read(raft, &read); /* full: it asks again */
}

void raft__receive_read_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_reads *reads = &raft->reads;

    if (raft->role == RAFT_LEADER || message->from != raft->leader || reads->ask == 0 ||
        message->round != reads->ask)
        return;
    if (message->rejected) {
        raft__fail_reads(raft);
        return;
    }
    while (reads->count > 0 && reads_at(reads, 0)->round == reads->ask)
        pop_read(raft, message->log_index);
    reads->ask = 0;
}
