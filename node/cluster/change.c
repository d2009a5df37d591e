#include "cluster/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/ask.h"
#include "cluster/autopilot.h"
#include "cluster/change_plan.h"
#include "cluster/drain.h"
#include "cluster/feature.h"
#include "cluster/members.h"
#include "proto/cluster.pb-c.h"
#include "proto/command.pb-c.h"
#include "store/store.h"

#define AUTOPILOT_EVERY_MS 500
#define READDED_MEMBER "the member id was used before; clear the data folder and join again"

#define NOT_BEGUN                                                                                  \
    "the leader could not propose it in time: too few voters answer, or its disk is full; see "    \
    "'quartet cluster status' and 'quartet member list', then ask again"
#define NOT_COMMITTED                                                                              \
    "not committed in time, for too few voters answer; it is done once they do: see 'quartet "     \
    "member list' before you ask again"

/* One change at a time: a plan under way, or nothing. */
struct change {
    bool is_running;
    struct ask_call *call; /* NULL: the autopilot's own */
    struct change_plan plan;
    unsigned at;          /* step of the plan */
    struct raft_buf *add; /* not NULL: the only step is to add add_id with this context */
    uint64_t add_id;
    uint64_t index, term; /* of the step's entry; 0: to be proposed */
    bool is_transferring;
    uint64_t deadline_mono_ms;
    /* Who answers now? A step that moves a vote is proposed on that alone. */
    uint64_t poll_number, polled_mono_ms; /* 0: not asked yet for this step */
    uint64_t round;                       /* that was begun after the question; */
    bool has_round;                       /* answered by a quorum of the voters so far */
    uint64_t decided_mono_ms;             /* last look of the autopilot */
};

struct change *change_new(void)
{
    return calloc(1, sizeof(struct change));
}

void change_free(struct change *change)
{
    if (!change)
        return;
    raft_buf_unref(change->add);
    free(change);
}

static void finish(struct cluster *cluster, int code, const char *message)
{
    struct change *change = cluster->change;
    struct ask_call *call = change->call;
    char text[sizeof(change->plan.message)];

    snprintf(text, sizeof(text), "%s", message); /* it may be the plan's own */
    raft_buf_unref(change->add);
    *change = (struct change){.decided_mono_ms = change->decided_mono_ms,
                              .poll_number = change->poll_number};
    if (call)
        ask_reply_text(cluster, call, code, text);
    else if (code != 0)
        log_info("cluster", "change_not_made why=\"%s\"", text);
}

/* The driver's view and the reports together, as autopilot.h wants it. */
static unsigned look(struct cluster *cluster, struct autopilot_member *out)
{
    const struct change *change = cluster->change;
    struct raft_driver_status status;
    uint64_t now_mono_ms = clock_mono_ms();

    raft_driver_status(cluster->driver, &status);
    for (uint32_t i = 0; i < status.peer_count; i++) {
        const struct raft_driver_peer *peer = &status.peers[i];
        const struct member *member = members_find(cluster, peer->id);
        uint64_t contact_ms =
            peer->contact_age_ms < 0 ? UINT64_MAX : (uint64_t)peer->contact_age_ms;
        uint64_t silent_ms = member ? members_silent_ms(cluster, member, now_mono_ms) : UINT64_MAX;
        bool is_self = peer->id == cluster->identity.id;
        out[i] = (struct autopilot_member){
            .id = peer->id,
            .is_voter = peer->role == RAFT_VOTER,
            .is_leader = is_self,
            .is_quarantined = member && member->report.is_quarantined,
            .is_drained = member && drain_is_on(member, clock_wall_ms()),
            .is_snapshotting = peer->is_snapshotting,
            .has_answered = change->has_round && peer->round_acked >= change->round,
            .silent_ms = is_self                  ? 0
                         : contact_ms < silent_ms ? contact_ms
                                                  : silent_ms,
            .lag_entries = is_self || peer->match_index > status.last_index
                               ? 0
                               : status.last_index - peer->match_index,
        };
    }
    return status.peer_count;
}

/* The same, but a voter that a new leader has not heard yet is not dead before it had the time in
 * which it would have been. */
static unsigned look_kindly(struct cluster *cluster, struct autopilot_member *out)
{
    unsigned count = look(cluster, out);
    uint64_t leading_ms = clock_mono_ms() - cluster->leading_since_mono_ms;

    for (unsigned i = 0; i < count; i++) {
        if (out[i].is_voter && out[i].silent_ms > leading_ms)
            out[i].silent_ms = leading_ms;
    }
    return count;
}

struct naming {
    struct cluster *cluster;
    char text[4][65]; /* a message names at most three */
    unsigned next;
};
static const char *name_cb(void *user, uint64_t id)
{
    struct naming *naming = user;
    return members_name(naming->cluster, id, naming->text[naming->next++ % 4]);
}

static void begin(struct cluster *cluster, struct ask_call *call)
{
    cluster->change->is_running = true;
    cluster->change->call = call;
    cluster->change->deadline_mono_ms = clock_mono_ms() + CHANGE_TIMEOUT_MS;
    change_tick(cluster, clock_mono_ms());
}

void change_asked(struct cluster *cluster, struct ask_call *call, const Clu__AskChange *asked)
{
    struct autopilot_member members[RAFT_MEMBERS_MAX];
    struct change *change = cluster->change;
    struct naming naming = {.cluster = cluster};
    struct change_request request = {(enum cluster_member_op)asked->op, asked->member, asked->other,
                                     name_cb, &naming};
    struct change_plan plan;

    if (change->is_running) { /* asked again until it is this one's turn */
        ask_reply_text(cluster, call, RAFT_ENOTLEADER, "");
        return;
    }
    unsigned count = look_kindly(cluster, members);
    int rc = change_plan(members, count, &request, &plan);
    bool is_settled = clock_mono_ms() - cluster->leading_since_mono_ms >= AUTOPILOT_ALIVE_MS;
    if (rc == ERR_CONFLICT && !is_settled) {
        /* A new leader has not heard everybody yet: it is asked again until it can judge. */
        ask_reply_text(cluster, call, RAFT_ENOTLEADER, "");
        return;
    }
    if (rc != 0 || plan.count == 0) {
        ask_reply_text(cluster, call, rc, plan.message);
        return;
    }
    change->plan = plan;
    begin(cluster, call);
}

/* 0: go on and add; else answered. */
static bool check_add(struct cluster *cluster, struct ask_call *call,
                      const Cmd__MemberContext *context)
{
    const struct member *known = members_find(cluster, context->id);
    char text[160];

    if (known) {
        ask_reply_text(cluster, call, 0, "it is a member");
        return false;
    }
    if (feature_told(context->feature_level) < cluster->feature_level) {
        ask_reply_text(cluster, call, ERR_VERSION, "its program is too old for this cluster");
        return false;
    }
    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (strcmp(cluster->members.list[i].about.name, context->name) != 0)
            continue;
        snprintf(text, sizeof(text),
                 "a member is named %.64s: choose another name, or remove that one first",
                 context->name);
        ask_reply_text(cluster, call, ERR_EXISTS, text);
        return false;
    }
    if (cluster->change->is_running) {
        /* Nodes that join together, or the autopilot's promotion of the last one: the turn comes.
         */
        ask_reply_text(cluster, call, RAFT_ENOTLEADER, "");
        return false;
    }
    if (cluster->members.count >= RAFT_MEMBERS_MAX) {
        ask_reply_text(cluster, call, ERR_LIMIT, "the cluster has as many members as it may");
        return false;
    }
    return true;
}

void change_asked_add(struct cluster *cluster, struct ask_call *call,
                      const Cmd__MemberContext *context)
{
    if (!check_add(cluster, call, context))
        return;
    size_t len = cmd__member_context__get_packed_size(context);
    struct raft_buf *add = raft_buf_new(NULL, len);
    if (!add) {
        ask_reply_text(cluster, call, ERR_NOMEM, err_text(ERR_NOMEM));
        return;
    }
    cmd__member_context__pack(context, add->data);
    cluster->change->add = add;
    cluster->change->add_id = context->id;
    snprintf(cluster->change->plan.message, sizeof(cluster->change->plan.message),
             "%.64s is a replica", context->name);
    begin(cluster, call);
}

static void transferred(void *user, int code)
{
    struct cluster *cluster = user;
    struct change *change = cluster->change;

    if (!change || !change->is_running || !change->is_transferring)
        return; /* the change of leader has ended it already */
    if (code != 0)
        finish(cluster, ERR_TIMEOUT, "no other voter took over the leadership; try again");
    else if (change->at + 1 < change->plan.count)
        finish(cluster, RAFT_ENOTLEADER, ""); /* the next leader does the rest */
    else
        finish(cluster, 0, change->plan.message);
}

static void start_transfer(struct cluster *cluster, uint64_t to)
{
    int rc = raft_driver_transfer(cluster->driver, to, transferred, cluster);

    if (rc == 0)
        cluster->change->is_transferring = true;
    else if (rc != RAFT_EBUSY && rc != RAFT_ENOQUORUM)
        finish(cluster, cluster__error(rc), raft_error_text(rc));
}

struct poll {
    struct cluster *cluster;
    uint64_t number;
};

static void polled(void *user, int rc, bool was_current)
{
    struct poll *poll = user;
    struct cluster *cluster = poll->cluster;
    struct change *change = cluster->change;
    struct raft_driver_status status;

    (void)was_current;
    if (rc == 0 && change && change->is_running && change->poll_number == poll->number) {
        raft_driver_status(cluster->driver, &status);
        change->round = status.round_confirmed;
        change->has_round = true;
    }
    free(poll);
}

/* A read barrier has a round of heartbeats begin; a new leader waits with it until it has committed
 * an entry of its own. */
static void start_poll(struct cluster *cluster)
{
    struct change *change = cluster->change;
    struct poll *poll = malloc(sizeof(*poll));

    if (!poll)
        return; /* the next tick tries again, as after a failure below */
    change->has_round = false;
    *poll = (struct poll){cluster, ++change->poll_number};
    if (cluster_read_barrier(cluster, CHANGE_POLL_MS, polled, poll) == 0)
        change->polled_mono_ms = clock_mono_ms();
    else
        free(poll);
}

/* Would those who answer now be a quorum after the step? That they were alive a moment ago is not
 * enough: a change that their quorum cannot commit leaves a cluster without any. true: go on; else
 * later, or the change is over. */
static bool check_quorum(struct cluster *cluster)
{
    struct autopilot_member members[RAFT_MEMBERS_MAX];
    struct change *change = cluster->change;
    char message[sizeof(change->plan.message)];

    const struct change_step *step = change_plan_next_vote(&change->plan, change->at);
    if (change->add || !step)
        return true;
    if (change->polled_mono_ms == 0) {
        start_poll(cluster);
        return false;
    }
    unsigned count = look_kindly(cluster, members);
    bool is_over = clock_mono_ms() - change->polled_mono_ms >= CHANGE_POLL_MS;
    int rc = change_plan_judge(members, count, step, is_over, message, sizeof(message));
    if (rc < 0)
        finish(cluster, rc, message);
    return rc == 0;
}

static void propose_step(struct cluster *cluster)
{
    static const enum raft_conf_change_kind kinds[] = {
        [CHANGE_STEP_PROMOTE] = RAFT_CONF_PROMOTE,
        [CHANGE_STEP_DEMOTE] = RAFT_CONF_DEMOTE,
        [CHANGE_STEP_REMOVE] = RAFT_CONF_REMOVE,
    };
    struct change *change = cluster->change;
    struct raft_conf_change conf = {RAFT_CONF_ADD_LEARNER, change->add_id, change->add};

    if (!change->add) {
        const struct change_step *step = &change->plan.steps[change->at];
        if (step->kind == CHANGE_STEP_TRANSFER) {
            start_transfer(cluster, step->id);
            return;
        }
        conf = (struct raft_conf_change){kinds[step->kind], step->id, NULL};
    }
    int rc = raft_driver_propose_conf(cluster->driver, &conf, &change->index, &change->term);
    change->polled_mono_ms = 0; /* for the next step; or if this one waits, it is asked anew */
    if (rc == RAFT_EINVALID)
        finish(cluster, ERR_CONFLICT, change->add ? READDED_MEMBER : "the members do not allow it");
    else if (rc == RAFT_ENOTLEADER)
        finish(cluster, RAFT_ENOTLEADER, "");
    else if (rc != 0 && rc != RAFT_EBUSY && rc != RAFT_ENOQUORUM)
        finish(cluster, cluster__error(rc), raft_error_text(rc));
    else if (rc == 0)
        log_info("cluster", "members_changing member=%016" PRIx64 " kind=%d", conf.id,
                 (int)conf.kind);
}

void change_applied(struct cluster *cluster, uint64_t index, uint64_t term)
{
    struct change *change = cluster->change;

    if (!change->is_running || change->index == 0 || index < change->index)
        return;
    if (index > change->index || term != change->term) {
        finish(cluster, RAFT_ENOTLEADER, ""); /* another leader's entry took its place */
        return;
    }
    change->index = 0;
    if (change->add || ++change->at == change->plan.count)
        finish(cluster, 0, change->plan.message);
}

void change_leader_changed(struct cluster *cluster)
{
    struct change *change = cluster->change;

    if (!change || !change->is_running || cluster__leads(cluster))
        return;
    /* A transfer that was all there was to do has succeeded; anything else is asked again. */
    bool is_done = change->is_transferring && change->at + 1 == change->plan.count;
    finish(cluster, is_done ? 0 : RAFT_ENOTLEADER, change->plan.message);
}

static void ask_autopilot(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct autopilot_member members[RAFT_MEMBERS_MAX];
    struct autopilot_settings settings = {
        cluster->settings.autopilot, cluster->settings.dead_after_ms, cluster->settings.voters_max};
    struct autopilot_decision decision;
    struct change *change = cluster->change;
    char name[65];

    if (now_mono_ms - change->decided_mono_ms < AUTOPILOT_EVERY_MS)
        return;
    change->decided_mono_ms = now_mono_ms;
    unsigned count = look(cluster, members);
    autopilot_decide(members, count, &settings, now_mono_ms - cluster->leading_since_mono_ms,
                     &decision);
    if (decision.action == AUTOPILOT_NOTHING)
        return;
    bool is_promotion = decision.action == AUTOPILOT_PROMOTE;
    log_info("cluster", "autopilot action=%s member=%s why=\"%s\"",
             is_promotion ? "promote" : "demote", members_name(cluster, decision.id, name),
             decision.why);
    change->plan.count = 1;
    change->plan.steps[0] =
        (struct change_step){is_promotion ? CHANGE_STEP_PROMOTE : CHANGE_STEP_DEMOTE, decision.id};
    begin(cluster, NULL);
}

void change_hand_over(struct cluster *cluster)
{
    struct autopilot_member members[RAFT_MEMBERS_MAX];
    struct change *change = cluster->change;
    struct change_plan plan;

    if (change->is_running || !cluster__leads(cluster))
        return;
    unsigned count = look(cluster, members);
    int rc = change_plan_hand_over(members, count, &plan);
    log_warn("cluster", "quarantined_leader next=\"%s\"",
             rc != 0 ? plan.message : "handing the leadership over");
    if (rc != 0)
        return;
    change->plan = plan;
    begin(cluster, NULL);
}

void change_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct change *change = cluster->change;

    if (!cluster__leads(cluster))
        return;
    if (!change->is_running) {
        if (!store_quarantine_reason(
                cluster->store)) /* it would undo what change_hand_over() did */
            ask_autopilot(cluster, now_mono_ms);
        return;
    }
    if (now_mono_ms >= change->deadline_mono_ms) {
        finish(cluster, change->index == 0 ? ERR_BUSY : ERR_TIMEOUT,
               change->index == 0 ? NOT_BEGUN : NOT_COMMITTED);
        return;
    }
    if (change->index == 0 && !change->is_transferring && check_quorum(cluster))
        propose_step(cluster);
}
