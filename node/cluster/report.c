#include "cluster/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "cluster/ask.h"
#include "cluster/feature.h"
#include "cluster/hash_check.h"
#include "cluster/members.h"
#include "cluster/publish.h"
#include "proto/cluster.pb-c.h"
#include "store/store.h"

static void fill_own(struct cluster *cluster, Clu__Status *status)
{
    struct state_applied applied;

    apply_point(cluster->apply, &applied);
    status->applied_index = applied.index;
    status->image_index = publish_index(cluster->publish);
    hash_check_last(cluster, &status->check_index, &status->check_high, &status->check_low);
    status->version = (char *)(uintptr_t)feature_program_version;
    status->is_quarantined = store_quarantine_reason(cluster->store) != NULL;
}

void report_send(struct cluster *cluster)
{
    Clu__Status status = CLU__STATUS__INIT;
    Clu__Message message = CLU__MESSAGE__INIT;

    if (!cluster->driver || cluster->leader == 0)
        return;
    cluster->reported_mono_ms = clock_mono_ms();
    cluster->is_report_due = false;
    fill_own(cluster, &status);
    if (cluster__leads(cluster)) {
        report_received(cluster, cluster->identity.id, &status);
        return;
    }
    message.kind_case = CLU__MESSAGE__KIND_STATUS;
    message.status = &status;
    (void)message_send(cluster, cluster->leader, &message); /* the next one comes soon */
}

void report_received(struct cluster *cluster, uint64_t from, const Clu__Status *status)
{
    struct member *member = members_find(cluster, from);

    if (!member || !cluster__leads(cluster))
        return;
    struct member_report *report = &member->report;
    report->heard_mono_ms = clock_mono_ms();
    report->applied_index = status->applied_index;
    report->image_index = status->image_index;
    report->check_index = status->check_index;
    report->check_hash = (struct state_hash){status->check_high, status->check_low};
    report->is_quarantined = status->is_quarantined;
    snprintf(report->version, sizeof(report->version), "%s", status->version);
    hash_check_compare(cluster);
}

void report_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    uint64_t ago_ms = now_mono_ms - cluster->reported_mono_ms;

    if (ago_ms >= (cluster->is_report_due ? REPORT_GAP_MS : CLUSTER_REPORT_MS))
        report_send(cluster);
}

void report_reset(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->members.count; i++)
        memset(&cluster->members.list[i].report, 0, sizeof(cluster->members.list[i].report));
}

void report_answer_members(struct cluster *cluster, struct ask_call *call)
{
    Clu__Answer answer = CLU__ANSWER__INIT;
    Clu__Report reports[CLUSTER_MEMBERS_MAX], *list[CLUSTER_MEMBERS_MAX];
    uint64_t now_mono_ms = clock_mono_ms();

    report_send(cluster); /* this node's own figures are free */
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        uint64_t silent_ms = members_silent_ms(cluster, member, now_mono_ms);
        reports[i] = (Clu__Report)CLU__REPORT__INIT;
        reports[i].member = member->id;
        reports[i].is_alive = silent_ms < CLUSTER_ALIVE_MS;
        reports[i].heard_ago_ms = silent_ms;
        reports[i].is_known = member->report.heard_mono_ms != 0;
        reports[i].applied_index = member->report.applied_index;
        reports[i].image_index = member->report.image_index;
        reports[i].version = (char *)(uintptr_t)member->report.version;
        reports[i].is_quarantined = member->report.is_quarantined;
        list[i] = &reports[i];
    }
    answer.n_reports = cluster->members.count;
    answer.reports = list;
    answer.term = cluster->term;
    answer.commit_index = cluster->commit_index;
    ask_reply(cluster, call, &answer);
}

static void poke(struct cluster *cluster, uint64_t id)
{
    Clu__Poke empty = CLU__POKE__INIT;
    Clu__Message message = CLU__MESSAGE__INIT;

    message.kind_case = CLU__MESSAGE__KIND_POKE;
    message.poke = &empty;
    (void)message_send(cluster, id, &message);
}

/* A member that this leader has not heard yet may live and lag: it counts as dead only once the
 * leader has been there for as long as a member may be silent. */
void report_answer_sync(struct cluster *cluster, struct ask_call *call, uint64_t index)
{
    Clu__Answer answer = CLU__ANSWER__INIT;
    uint64_t laggards[CLUSTER_MEMBERS_MAX], now_mono_ms = clock_mono_ms();
    bool is_settled = now_mono_ms - cluster->leading_since_mono_ms >= CLUSTER_ALIVE_MS;

    report_send(cluster);
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        uint64_t silent_ms = members_silent_ms(cluster, member, now_mono_ms);
        if (member->report.image_index >= index || (silent_ms >= CLUSTER_ALIVE_MS && is_settled))
            continue;
        laggards[answer.n_laggards++] = member->id;
        poke(cluster, member->id);
    }
    answer.laggards = laggards;
    answer.is_insync = answer.n_laggards == 0;
    ask_reply(cluster, call, &answer);
}

struct known_ask {
    struct cluster *cluster;
    struct ask_call *call;
    uint64_t id;
};

static void known_read(void *user, int rc, bool was_current)
{
    struct known_ask *known = user;
    Clu__Answer answer = CLU__ANSWER__INIT;

    (void)was_current;
    answer.code = rc;
    answer.is_known = members_find(known->cluster, known->id) != NULL;
    ask_reply(known->cluster, known->call, &answer);
    free(known);
}

void report_answer_known(struct cluster *cluster, struct ask_call *call, uint64_t id)
{
    struct known_ask *known = malloc(sizeof(*known));

    if (known)
        *known = (struct known_ask){cluster, call, id};
    int rc = known ? cluster_read_barrier(cluster, 0, known_read, known) : ERR_NOMEM;
    if (rc != 0) {
        free(known);
        ask_reply_text(cluster, call, rc, err_text(rc));
    }
}
