/* node/cluster/ask.h: questions that only the leader answers, from any node (also from the leader
 * to itself). The asker repeats a question until it is answered or its time is over, to whoever
 * leads by then; the leader remembers what it was asked, so that a repeated question is not done
 * twice. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define ASK_WAITING_MAX 256 /* questions of this node; more: ERR_BUSY */
#define ASK_CALLS_MAX 256   /* remembered by the leader; the oldest that are answered make room */
#define ASK_LEADERLESS_MS                                                                          \
    8000 /* without a leader for so long, a question is over: many elections */

struct Clu__Ask;
struct Clu__Answer;
struct ask_call; /* the leader's side of one question */

struct asks *asks_new(struct cluster *cluster); /* NULL: no memory */
void asks_free(struct asks *asks, int rc);      /* pending callbacks get @rc */

/* @answer (borrowed) when rc is 0, then answer->code says how it went. ERR_TIMEOUT (also
 * after ASK_LEADERLESS_MS), ERR_CLOSED. */
typedef void (*ask_cb)(void *user, int rc, const struct Clu__Answer *answer);
/* @ask (borrowed): kind filled in. At once: ERR_BUSY, ERR_CLOSED, ERR_NOMEM. */
int ask_leader(struct cluster *cluster, struct Clu__Ask *ask, uint32_t timeout_ms, ask_cb cb,
               void *user);
void asks_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Send what is due now; before the loop sleeps. */
void asks_flush(struct cluster *cluster, uint64_t now_mono_ms);
void asks_leader_changed(struct cluster *cluster);

/* From members. */
void ask_received(struct cluster *cluster, uint64_t from, const struct Clu__Ask *ask);
void ask_answered(struct cluster *cluster, const struct Clu__Answer *answer);

/* The leader's answer, exactly once per call; @answer's id is filled in. */
void ask_reply(struct cluster *cluster, struct ask_call *call, struct Clu__Answer *answer);
/* The same with a code and a sentence. RAFT_ENOTLEADER: the asker tries the next leader. */
void ask_reply_text(struct cluster *cluster, struct ask_call *call, int code, const char *message);
