/* node/control/host_requests.c: what this host is like, and, of all members' hosts, what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/each.h"
#include "cluster/host.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/host_judge.h"
#include "control/internal.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

#define ASK_TIMEOUT_MS 6000 /* a report takes HOST_PROBE_WAIT_MS */

/* Those of the probes that found something; the caller frees body->problems and its items. */
static int fill_problems(const struct cluster_host *host, Ctl__HostReportReply *body)
{
    Ctl__HostProblem *items = calloc(host->probe_count + 1, sizeof(*items));

    body->problems = calloc(host->probe_count + 1, sizeof(*body->problems));
    if (!items || !body->problems) {
        free(items);
        return ERR_NOMEM;
    }
    body->problems[0] = items; /* also with none, for the release */
    for (unsigned i = 0; i < host->probe_count; i++) {
        const struct host_probe *probe = &host->probes[i];
        if (probe->problem[0] == '\0')
            continue;
        Ctl__HostProblem *item = &items[body->n_problems];
        *item = (Ctl__HostProblem)CTL__HOST_PROBLEM__INIT;
        item->kind = (uint32_t)probe->kind;
        item->target = (char *)(uintptr_t)probe->target;
        item->what = (char *)(uintptr_t)probe->what;
        item->address = (char *)(uintptr_t)probe->address;
        item->problem = (char *)(uintptr_t)probe->problem;
        body->problems[body->n_problems++] = item;
    }
    return 0;
}

static void release_problems(Ctl__HostReportReply *body)
{
    if (body->problems)
        free(body->problems[0]);
    free(body->problems);
}

static int fill_report(const struct call *call, const struct cluster_host *host,
                       Ctl__HostReportReply *body)
{
    *body = (Ctl__HostReportReply)CTL__HOST_REPORT_REPLY__INIT;
    body->name = call->control->name;
    body->version = (char *)(uintptr_t)QUARTET_VERSION;
    body->wall_ms = clock_wall_ms();
    body->is_clock_synchronised = host->is_clock_synchronised;
    body->sync_count = host->sync_count;
    body->sync_p99_us = host->sync_p99_us;
    body->disk_free = host->disk_free;
    body->certificate_expires_wall_ms = host->certificate_expires_wall_ms;
    body->files_max = host->files_max;
    body->receive_buffer_max = host->receive_buffer_max;
    body->is_drained = host->drained_until_wall_ms != 0;
    return fill_problems(host, body);
}

static void on_host(void *user, const struct cluster_host *host)
{
    struct call *call = user;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__HostReportReply body;

    if (!host) {
        call_fail_code(call, ERR_CLOSED, "look at the host");
        return;
    }
    int rc = fill_report(call, host, &body);
    reply.kind_case = CTL__REPLY__KIND_HOST_REPORT;
    reply.host_report = &body;
    if (rc == 0)
        call_reply(call, &reply);
    else
        call_fail_code(call, rc, "look at the host");
    release_problems(&body);
}

void request_host_report(struct call *call)
{
    int rc = cluster_host(call->cluster, on_host, call);

    if (rc != 0)
        call_fail_code(call, rc, "look at the host");
}

/* One look at all: this host's, and the others' reports, side by side. */
struct round {
    struct call *call;
    unsigned left; /* of the two */
    int rc;
    struct Ctl__Reply *replies[CLUSTER_MEMBERS_MAX]; /* owned; [0] is this node's */
    struct host_view views[CLUSTER_MEMBERS_MAX];
    char names[CLUSTER_MEMBERS_MAX][64], addresses[CLUSTER_MEMBERS_MAX][CLUSTER_TEXT_MAX];
    unsigned count;
    struct host_findings findings;
    Ctl__Finding items[HOST_FINDINGS_MAX], *pointers[HOST_FINDINGS_MAX];
};

static void round_free(struct round *round)
{
    for (unsigned i = 0; i < CLUSTER_MEMBERS_MAX; i++) {
        if (round->replies[i])
            ctl__reply__free_unpacked(round->replies[i], NULL);
    }
    free(round);
}

/* Errors first. */
static void fill_findings(struct round *round, Ctl__DoctorReply *body)
{
    for (int wants_error = 1; wants_error >= 0; wants_error--) {
        for (unsigned i = 0; i < round->findings.count; i++) {
            struct host_finding *from = &round->findings.items[i];
            if (from->is_error != wants_error)
                continue;
            Ctl__Finding *item = &round->items[body->n_findings];
            *item = (Ctl__Finding)CTL__FINDING__INIT;
            item->severity = from->is_error ? "error" : "warning";
            item->subject = from->subject;
            item->text = from->text;
            item->advice = from->advice;
            round->pointers[body->n_findings++] = item;
        }
    }
}

static void end(struct round *round)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__DoctorReply body = CTL__DOCTOR_REPLY__INIT;
    char message[80] = "";

    if (--round->left > 0)
        return;
    if (round->rc != 0) {
        call_fail_code(round->call, round->rc, "look at the hosts");
        round_free(round);
        return;
    }
    host_judge(round->views, round->count, &round->findings);
    body.findings = round->pointers;
    fill_findings(round, &body);
    if (round->findings.left_out > 0)
        snprintf(message, sizeof(message), "and %u more of the hosts, which are left out here",
                 round->findings.left_out);
    reply.message = message;
    reply.kind_case = CTL__REPLY__KIND_DOCTOR;
    reply.doctor = &body;
    call_reply(round->call, &reply);
    round_free(round);
}

/* What another node would have sent. */
static int keep_own(struct round *round, const struct cluster_host *host)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__HostReportReply body;
    uint8_t *octets = NULL;

    int rc = fill_report(round->call, host, &body);
    reply.kind_case = CTL__REPLY__KIND_HOST_REPORT;
    reply.host_report = &body;
    if (rc == 0)
        octets = malloc(ctl__reply__get_packed_size(&reply) + 1);
    if (octets)
        round->replies[0] = ctl__reply__unpack(NULL, ctl__reply__pack(&reply, octets), octets);
    free(octets);
    release_problems(&body);
    return round->replies[0] ? 0 : ERR_NOMEM;
}

static void on_own(void *user, const struct cluster_host *host)
{
    struct round *round = user;
    int rc = host ? keep_own(round, host) : ERR_CLOSED;

    if (rc == 0) {
        uint64_t now_wall_ms = round->replies[0]->host_report->wall_ms;
        round->views[0] =
            (struct host_view){round->call->control->name,     "",          NULL,
                               round->replies[0]->host_report, now_wall_ms, now_wall_ms};
    } else {
        round->rc = rc;
    }
    end(round);
}

static void take(struct round *round, const struct cluster_each *from)
{
    unsigned at = round->count++;
    struct host_view *view = &round->views[at];

    memcpy(round->names[at], from->name, sizeof(round->names[at]));
    memcpy(round->addresses[at], from->admin_address, sizeof(round->addresses[at]));
    *view = (struct host_view){.name = round->names[at],
                               .address = round->addresses[at],
                               .begun_wall_ms = from->begun_wall_ms,
                               .ended_wall_ms = from->ended_wall_ms};
    if (from->rc == 0)
        round->replies[at] = ctl__reply__unpack(NULL, from->len, from->octets);
    if (round->replies[at] && round->replies[at]->host_report)
        view->report = round->replies[at]->host_report;
    else if (round->replies[at] && round->replies[at]->code != 0)
        view->why = round->replies[at]->message;
    else
        view->why = from->rc != 0 ? err_text(from->rc) : "its answer cannot be read";
}

static void on_others(void *user, int rc, const struct cluster_each *replies, unsigned count)
{
    struct round *round = user;

    if (rc != 0)
        round->rc = rc;
    for (unsigned i = 0; i < count; i++)
        take(round, &replies[i]);
    end(round);
}

void request_host_doctor(struct call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HostReport report = CTL__HOST_REPORT__INIT;
    struct round *round = calloc(1, sizeof(*round));
    uint8_t octets[64];

    if (!round) {
        call_fail_code(call, ERR_NOMEM, "look at the hosts");
        return;
    }
    *round = (struct round){.call = call, .count = 1, .left = 1};
    request.version = CONTROL_VERSION;
    request.kind_case = CTL__REQUEST__KIND_HOST_REPORT;
    request.host_report = &report;
    size_t len = ctl__request__pack(&request, octets);
    round->rc = cluster_ask_each(call->cluster, octets, len, ASK_TIMEOUT_MS, on_others, round);
    round->left += round->rc == 0;
    int rc = round->rc == 0 ? cluster_host(call->cluster, on_own, round) : round->rc;
    if (rc != 0) {
        round->rc = rc;
        end(round);
    }
}
