#include "cluster/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "cluster/change.h"
#include "cluster/report.h"
#include "cluster/verdicts.h"
#include "proto/cluster.pb-c.h"

#define ASK_RESEND_MS 700

struct waiting { /* the asker's side; id 0: free */
    uint64_t id;
    ask_cb cb;
    void *user;
    uint64_t asked_mono_ms, deadline_mono_ms, send_at_mono_ms;
    uint8_t *packed; /* Clu__Ask */
    size_t len;
};

struct ask_call { /* the leader's side; from 0: free */
    uint64_t from, id;
    uint64_t order;  /* of arrival */
    uint8_t *answer; /* packed Clu__Answer, NULL while it is worked on */
    size_t answer_len;
};

struct asks {
    uint64_t next_id, next_order;
    struct waiting waiting[ASK_WAITING_MAX];
    struct ask_call calls[ASK_CALLS_MAX];
};

struct asks *asks_new(struct cluster *cluster)
{
    struct asks *asks = calloc(1, sizeof(*asks));

    (void)cluster;
    if (asks) /* a restarted node must not be given answers to its earlier questions */
        asks->next_id = clock_wall_ms() << 20;
    return asks;
}

static void finish(struct waiting *waiting, int rc, const Clu__Answer *answer)
{
    struct waiting done = *waiting;

    free(waiting->packed);
    *waiting = (struct waiting){0};
    done.cb(done.user, rc, answer);
}

static void forget_call(struct ask_call *call)
{
    free(call->answer);
    *call = (struct ask_call){0};
}

void asks_free(struct asks *asks, int rc)
{
    if (!asks)
        return;
    for (unsigned i = 0; i < ASK_WAITING_MAX; i++) {
        if (asks->waiting[i].id != 0)
            finish(&asks->waiting[i], rc, NULL);
    }
    for (unsigned i = 0; i < ASK_CALLS_MAX; i++)
        forget_call(&asks->calls[i]);
    free(asks);
}

int ask_leader(struct cluster *cluster, Clu__Ask *ask, uint32_t timeout_ms, ask_cb cb, void *user)
{
    struct asks *asks = cluster->asks;
    struct waiting *slot = NULL;
    uint64_t now_mono_ms = clock_mono_ms();

    if (cluster->is_closing)
        return ERR_CLOSED;
    for (unsigned i = 0; i < ASK_WAITING_MAX && !slot; i++) {
        if (asks->waiting[i].id == 0)
            slot = &asks->waiting[i];
    }
    if (!slot)
        return ERR_BUSY;
    ask->id = ++asks->next_id;
    size_t len = clu__ask__get_packed_size(ask);
    uint8_t *packed = malloc(len);
    if (!packed)
        return ERR_NOMEM;
    clu__ask__pack(ask, packed);
    *slot = (struct waiting){.id = ask->id,
                             .cb = cb,
                             .user = user,
                             .asked_mono_ms = now_mono_ms,
                             .deadline_mono_ms = now_mono_ms + timeout_ms,
                             .packed = packed,
                             .len = len};
    cluster__wake(cluster);
    return 0;
}

static void send_one(struct cluster *cluster, struct waiting *waiting)
{
    Clu__Ask *ask = clu__ask__unpack(NULL, waiting->len, waiting->packed);

    if (!ask)
        return;
    if (cluster__leads(cluster)) {
        ask_received(cluster, cluster->identity.id, ask);
    } else {
        Clu__Message message = CLU__MESSAGE__INIT;
        message.kind_case = CLU__MESSAGE__KIND_ASK;
        message.ask = ask;
        (void)message_send(cluster, cluster->leader, &message); /* sent again if it is lost */
    }
    clu__ask__free_unpacked(ask, NULL);
}

void asks_flush(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (!cluster->asks || cluster->leader == 0)
        return;
    for (unsigned i = 0; i < ASK_WAITING_MAX; i++) {
        struct waiting *waiting = &cluster->asks->waiting[i];
        if (waiting->id == 0 || waiting->send_at_mono_ms > now_mono_ms)
            continue;
        waiting->send_at_mono_ms = now_mono_ms + ASK_RESEND_MS;
        send_one(cluster, waiting);
    }
}

static bool is_over(const struct cluster *cluster, const struct waiting *waiting,
                    uint64_t now_mono_ms)
{
    uint64_t since_mono_ms = waiting->asked_mono_ms > cluster->leader_heard_mono_ms
                                 ? waiting->asked_mono_ms
                                 : cluster->leader_heard_mono_ms;

    return waiting->deadline_mono_ms <= now_mono_ms ||
           (cluster->leader == 0 && now_mono_ms - since_mono_ms >= ASK_LEADERLESS_MS);
}

void asks_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    for (unsigned i = 0; cluster->asks && i < ASK_WAITING_MAX; i++) {
        struct waiting *waiting = &cluster->asks->waiting[i];
        if (waiting->id != 0 && is_over(cluster, waiting, now_mono_ms))
            finish(waiting, ERR_TIMEOUT, NULL);
    }
    asks_flush(cluster, now_mono_ms);
}

/* Calls that were begun under the old leadership are over: their askers ask again. */
void asks_leader_changed(struct cluster *cluster)
{
    if (!cluster->asks)
        return;
    for (unsigned i = 0; i < ASK_WAITING_MAX; i++)
        cluster->asks->waiting[i].send_at_mono_ms = 0;
    cluster__wake(cluster);
}

static struct ask_call *find_call(struct asks *asks, uint64_t from, uint64_t id)
{
    for (unsigned i = 0; i < ASK_CALLS_MAX; i++) {
        if (asks->calls[i].from == from && asks->calls[i].id == id)
            return &asks->calls[i];
    }
    return NULL;
}

/* A free slot, or the oldest answered one; NULL: all are being worked on. */
static struct ask_call *new_call(struct asks *asks)
{
    struct ask_call *best = NULL;

    for (unsigned i = 0; i < ASK_CALLS_MAX; i++) {
        struct ask_call *call = &asks->calls[i];
        if (call->from == 0)
            return call;
        if (call->answer && (!best || call->order < best->order))
            best = call;
    }
    if (best)
        forget_call(best);
    return best;
}

static void send_answer(struct cluster *cluster, uint64_t to, const uint8_t *packed, size_t len)
{
    Clu__Answer *answer = clu__answer__unpack(NULL, len, packed);

    if (!answer)
        return;
    if (to == cluster->identity.id) {
        ask_answered(cluster, answer);
    } else {
        Clu__Message message = CLU__MESSAGE__INIT;
        message.kind_case = CLU__MESSAGE__KIND_ANSWER;
        message.answer = answer;
        (void)message_send(cluster, to, &message); /* asked again if it is lost */
    }
    clu__answer__free_unpacked(answer, NULL);
}

static void handle(struct cluster *cluster, struct ask_call *call, const Clu__Ask *ask)
{
    switch (ask->kind_case) {
    case CLU__ASK__KIND_MEMBERS: report_answer_members(cluster, call); break;
    case CLU__ASK__KIND_SYNC: report_answer_sync(cluster, call, ask->sync->index); break;
    case CLU__ASK__KIND_CHANGE: change_asked(cluster, call, ask->change); break;
    case CLU__ASK__KIND_ADD: change_asked_add(cluster, call, ask->add); break;
    case CLU__ASK__KIND_KNOWN: report_answer_known(cluster, call, ask->known->member); break;
    case CLU__ASK__KIND_OPINIONS:
        verdicts_answer(cluster, call, ask->opinions->health_check_id);
        break;
    default:
        ask_reply_text(cluster, call, ERR_UNSUPPORTED, "the leader does not know this request");
    }
}

void ask_received(struct cluster *cluster, uint64_t from, const Clu__Ask *ask)
{
    struct asks *asks = cluster->asks;

    if (!asks || !cluster__leads(cluster) || ask->id == 0)
        return; /* the asker turns to whoever leads once it knows */
    struct ask_call *call = find_call(asks, from, ask->id);
    if (call) {
        if (call->answer)
            send_answer(cluster, from, call->answer, call->answer_len);
        return;
    }
    call = new_call(asks);
    if (!call)
        return;
    *call = (struct ask_call){.from = from, .id = ask->id, .order = ++asks->next_order};
    handle(cluster, call, ask);
}

void ask_reply(struct cluster *cluster, struct ask_call *call, Clu__Answer *answer)
{
    ASSERT(call->from != 0 && !call->answer);
    answer->id = call->id;
    size_t len = clu__answer__get_packed_size(answer);
    uint8_t *packed = malloc(len);
    if (!packed || answer->code == RAFT_ENOTLEADER) {
        /* Not to be remembered: the question is asked again, maybe here. */
        free(packed);
        forget_call(call);
        return;
    }
    clu__answer__pack(answer, packed);
    call->answer = packed;
    call->answer_len = len;
    send_answer(cluster, call->from, packed, len);
}

void ask_reply_text(struct cluster *cluster, struct ask_call *call, int code, const char *message)
{
    Clu__Answer answer = CLU__ANSWER__INIT;

    answer.code = code;
    answer.message = (char *)(uintptr_t)message;
    ask_reply(cluster, call, &answer);
}

void ask_answered(struct cluster *cluster, const Clu__Answer *answer)
{
    for (unsigned i = 0; cluster->asks && i < ASK_WAITING_MAX; i++) {
        struct waiting *waiting = &cluster->asks->waiting[i];
        if (waiting->id == answer->id && answer->id != 0) {
            finish(waiting, 0, answer);
            return;
        }
    }
}
