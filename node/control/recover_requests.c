/* node/control/recover_requests.c: going on after the loss of the quorum. The other members are
 * asked for their status by their admin ports, for there is no leader to ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/each.h"
#include "cluster/recover.h"
#include "cluster/recover_plan.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/internal.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

#define ASK_TIMEOUT_MS 4000
#define WHY_LEN 96

/* Who is left, and what follows. */
struct survey {
    struct call *call;
    void (*next)(struct survey *survey);
    struct recover_member members[CLUSTER_MEMBERS_MAX];
    char names[CLUSTER_MEMBERS_MAX][64];
    char addresses[CLUSTER_MEMBERS_MAX][CLUSTER_TEXT_MAX];
    char whys[CLUSTER_MEMBERS_MAX][WHY_LEN];
    unsigned count;
    struct recover_plan plan;
};

static void add_self(struct survey *survey)
{
    struct cluster *cluster = survey->call->cluster;
    struct cluster_log_end end = {0};
    struct recover_member *out = &survey->members[survey->count];
    uint64_t self = cluster_self(cluster);

    snprintf(survey->names[survey->count], 64, "%s", survey->call->control->name);
    snprintf(survey->addresses[survey->count], CLUSTER_TEXT_MAX, "%s",
             cluster_admin_address(cluster));
    bool is_member = cluster_log_end(cluster, &end);
    *out = (struct recover_member){.id = self,
                                   .name = survey->names[survey->count],
                                   .admin_address = survey->addresses[survey->count],
                                   .is_self = true,
                                   .is_voter = is_member && cluster_votes_in_log(cluster, self),
                                   .answers = is_member,
                                   .is_quarantined = end.is_quarantined,
                                   .leader = end.leader,
                                   .term = end.term,
                                   .last_term = end.last_term,
                                   .last_index = end.last_index,
                                   .applied_index = end.applied_index};
    survey->count++;
}

/* Any member's certificate is good at any address: where a node was cleared and joined anew,
 * another one answers in place of the old member, whose vote and log are gone. */
static void take_status(struct recover_member *out, const Ctl__NodeStatusReply *status, char *why)
{
    bool is_member = strcmp(status->phase, "member") == 0;

    out->answers = is_member && status->id == out->id;
    if (is_member && !out->answers)
        snprintf(why, WHY_LEN, "another node answers at its address (%.40s)", status->name);
    else if (!out->answers)
        snprintf(why, WHY_LEN, "it answers, but takes part in no cluster (%.20s)", status->phase);
    out->is_quarantined = status->is_quarantined;
    out->leader = status->leader;
    out->term = status->term;
    out->last_term = status->last_term;
    out->last_index = status->last_index;
    out->applied_index = status->applied_index;
}

static void add_other(struct survey *survey, const struct cluster_each *from)
{
    unsigned at = survey->count++;
    struct recover_member *out = &survey->members[at];

    memcpy(survey->names[at], from->name, sizeof(survey->names[at]));
    memcpy(survey->addresses[at], from->admin_address, sizeof(survey->addresses[at]));
    *out =
        (struct recover_member){.id = from->id,
                                .name = survey->names[at],
                                .admin_address = survey->addresses[at],
                                .is_voter = cluster_votes_in_log(survey->call->cluster, from->id)};
    Ctl__Reply *reply = from->rc == 0 ? ctl__reply__unpack(NULL, from->len, from->octets) : NULL;
    if (reply && reply->node_status)
        take_status(out, reply->node_status, survey->whys[at]);
    else
        snprintf(survey->whys[at], WHY_LEN, "%s",
                 from->rc != 0 ? err_text(from->rc) : "its answer cannot be read");
    if (reply)
        ctl__reply__free_unpacked(reply, NULL);
}

static void on_answers(void *user, int rc, const struct cluster_each *replies, unsigned count)
{
    struct survey *survey = user;

    if (rc != 0 || cluster_phase(survey->call->cluster) != CLUSTER_MEMBER) {
        call_fail_code(survey->call, rc != 0 ? rc : ERR_UNAVAILABLE, "ask the other members");
        free(survey);
        return;
    }
    add_self(survey);
    for (unsigned i = 0; i < count; i++)
        add_other(survey, &replies[i]);
    (void)recover_plan(survey->members, survey->count, &survey->plan);
    survey->next(survey);
}

static void begin(struct call *call, void (*next)(struct survey *survey))
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__NodeStatus status = CTL__NODE_STATUS__INIT;
    struct survey *survey = calloc(1, sizeof(*survey));
    uint8_t octets[64];

    request.version = CONTROL_VERSION;
    request.kind_case = CTL__REQUEST__KIND_NODE_STATUS;
    request.node_status = &status;
    size_t len = ctl__request__pack(&request, octets);
    int rc = ERR_NOMEM;
    if (survey) {
        *survey = (struct survey){.call = call, .next = next};
        rc = cluster_ask_each(call->cluster, octets, len, ASK_TIMEOUT_MS, on_answers, survey);
    }
    if (rc != 0) {
        free(survey);
        call_fail_code(call, rc, "ask the other members");
    }
}

static void reply_with(struct survey *survey)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__RecoverReply body = CTL__RECOVER_REPLY__INIT;
    Ctl__Survivor list[CLUSTER_MEMBERS_MAX], *pointers[CLUSTER_MEMBERS_MAX];

    for (unsigned i = 0; i < survey->count; i++) {
        const struct recover_member *from = &survey->members[i];
        list[i] = (Ctl__Survivor)CTL__SURVIVOR__INIT;
        list[i].id = from->id;
        list[i].name = (char *)(uintptr_t)from->name;
        list[i].admin_address = (char *)(uintptr_t)from->admin_address;
        list[i].is_self = from->is_self;
        list[i].is_voter = from->is_voter;
        list[i].answers = from->answers;
        list[i].why = survey->whys[i];
        list[i].is_quarantined = from->is_quarantined;
        list[i].leader = from->leader;
        list[i].term = from->term;
        list[i].last_term = from->last_term;
        list[i].last_index = from->last_index;
        list[i].applied_index = from->applied_index;
        pointers[i] = &list[i];
    }
    body.members = pointers;
    body.n_members = survey->count;
    body.refusal = survey->plan.refusal;
    body.loss = survey->plan.loss;
    body.generation = survey->plan.generation;
    body.domain = (char *)(uintptr_t)cluster_domain(survey->call->cluster);
    body.self = cluster_self(survey->call->cluster);
    reply.kind_case = CTL__REPLY__KIND_RECOVER;
    reply.recover = &body;
    call_reply(survey->call, &reply);
    free(survey);
}

void request_recover_plan(struct call *call)
{
    begin(call, reply_with);
}

static void on_recovered(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "%s", message);
    else
        call_done(call, "%s", message);
}

static void carry_out(struct survey *survey)
{
    struct call *call = survey->call;
    const Ctl__Recover *asked = call->request->recover;
    struct cluster_recover_request request = {.last_term = asked->last_term,
                                              .last_index = asked->last_index,
                                              .generation = survey->plan.generation};

    if (survey->plan.refusal[0] != '\0') {
        call_fail(call, ERR_CONFLICT, "%s", survey->plan.refusal);
    } else if (asked->generation != survey->plan.generation ||
               asked->last_term != survey->members[0].last_term ||
               asked->last_index != survey->members[0].last_index) {
        call_fail(call, ERR_CONFLICT,
                  "this node's log has changed since it was looked at: look "
                  "anew");
    } else {
        for (unsigned i = 1; i < survey->count; i++) {
            if (survey->members[i].answers &&
                cluster_is_in_log(call->cluster, survey->members[i].id))
                request.learners[request.learner_count++] = survey->members[i].id;
        }
        int rc = cluster_recover(call->cluster, &request, on_recovered, call);
        if (rc != 0)
            call_fail_code(call, rc, "recover the cluster");
    }
    free(survey);
}

void request_recover(struct call *call)
{
    const char *domain = call->request->recover->domain;

    if (domain[0] == '\0' || strcmp(domain, cluster_domain(call->cluster)) != 0)
        call_fail(call, ERR_DENIED, "'%s' is not the cluster's name, which is %s", domain,
                  cluster_domain(call->cluster));
    else
        begin(call, carry_out);
}
