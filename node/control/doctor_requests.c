/* node/control/doctor_requests.c: what is wrong with routing, as this node sees it. Which members
 * live is asked from the leader; the state is looked through on a worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/alias.h"
#include "cluster/doctor.h"
#include "cluster/geo.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"

#define UNRESOLVED_MAX 1000u /* more are left to 'quartet alias status' */

struct examination {
    struct call *call;
    struct doctor_facts facts;
    char path[sizeof(((struct geo_database_about *)NULL)->path)];
    char problem[GEO_ERROR_SIZE];
    struct doctor_outside unresolved[UNRESOLVED_MAX];
    Ctl__Finding findings[DOCTOR_FINDINGS_MAX]; /* of the reply */
    Ctl__Finding *pointers[DOCTOR_FINDINGS_MAX];
};

static void take_geo(struct examination *examination)
{
    struct doctor_facts *facts = &examination->facts;
    struct cluster_geo geo;

    cluster_geo_status(examination->call->cluster, &geo);
    facts->has_database = geo.about != NULL;
    if (geo.about) {
        facts->database_built_wall_s = geo.about->built_wall_s;
        memcpy(examination->path, geo.about->path, sizeof(examination->path));
    }
    memcpy(examination->problem, geo.problem, sizeof(examination->problem));
    facts->database_path = examination->path;
    facts->database_problem = examination->problem;
}

/* The regions where a member lives. */
static void take_members(struct doctor_facts *facts, const struct cluster_status *status)
{
    facts->knows_regions = status->health == CLUSTER_HEALTHY || status->health == CLUSTER_DEGRADED;
    for (uint32_t i = 0; i < status->member_count; i++) {
        const struct cluster_member_status *member = &status->members[i];
        if (!member->is_alive || facts->region_count == STATE_MEMBERS_MAX)
            continue;
        snprintf(facts->regions[facts->region_count++], STATE_SETTING_NAME_SIZE, "%s",
                 member->region);
    }
}

static int on_alias(void *user, const struct cluster_alias *alias)
{
    struct examination *examination = user;
    struct doctor_facts *facts = &examination->facts;

    if (alias->resolved_wall_ms != 0 || strcmp(alias->state, "failed") != 0 ||
        facts->unresolved_count == UNRESOLVED_MAX)
        return 0;
    struct doctor_outside *out = &examination->unresolved[facts->unresolved_count++];
    dns_name_lower(alias->name, out->name);
    out->type = alias->type;
    return 0;
}

static void take_finding(const struct doctor_finding *from, Ctl__Finding *out)
{
    ctl__finding__init(out);
    out->severity = from->severity == DOCTOR_ERROR ? "error" : "warning";
    out->subject = (char *)(uintptr_t)from->subject;
    out->text = (char *)(uintptr_t)from->text;
    out->advice = (char *)(uintptr_t)from->advice;
}

/* Errors first. */
static void fill(const struct doctor_report *report, Ctl__Finding *findings, Ctl__DoctorReply *out)
{
    for (unsigned severity = DOCTOR_ERROR; severity <= DOCTOR_WARNING; severity++) {
        for (unsigned i = 0; i < doctor_finding_count(report); i++) {
            const struct doctor_finding *from = doctor_finding_at(report, i);
            if (from->severity != (enum doctor_severity)severity)
                continue;
            take_finding(from, &findings[out->n_findings]);
            out->findings[out->n_findings] = &findings[out->n_findings];
            out->n_findings++;
        }
    }
}

static void reply_with(struct examination *examination, const struct doctor_report *report)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__DoctorReply body = CTL__DOCTOR_REPLY__INIT;
    char message[100] = "";

    body.findings = examination->pointers;
    fill(report, examination->findings, &body);
    if (doctor_left_out(report) > 0)
        snprintf(message, sizeof(message), "and %u more findings, which are left out here",
                 doctor_left_out(report));
    reply.message = message;
    reply.kind_case = CTL__REPLY__KIND_DOCTOR;
    reply.doctor = &body;
    call_reply(examination->call, &reply);
}

static void on_examined(void *user, int rc, const struct doctor_report *report)
{
    struct examination *examination = user;

    if (rc == 0)
        reply_with(examination, report);
    else
        call_fail_code(examination->call, rc, "look through the state");
    free(examination);
}

static void end(struct examination *examination, int rc)
{
    if (rc == ERR_BUSY)
        call_fail(examination->call, rc, "the state is being looked through: try again soon");
    else
        call_fail_code(examination->call, rc, "look through the state");
    free(examination);
}

static void on_status(void *user, const struct cluster_status *status)
{
    struct examination *examination = user;

    take_members(&examination->facts, status);
    take_geo(examination);
    examination->facts.unresolved = examination->unresolved;
    examination->facts.now_wall_ms = clock_wall_ms();
    int rc = cluster_alias_list(examination->call->cluster, on_alias, examination);
    if (rc == 0)
        rc = cluster_doctor(examination->call->cluster, &examination->facts, on_examined,
                            examination);
    if (rc != 0)
        end(examination, rc);
}

void request_doctor(struct call *call)
{
    struct examination *examination = calloc(1, sizeof(*examination));

    if (!examination) {
        call_fail_code(call, ERR_NOMEM, "look through the state");
        return;
    }
    examination->call = call;
    int rc =
        call_state(call) ? cluster_status(call->cluster, on_status, examination) : ERR_UNAVAILABLE;
    if (rc != 0)
        end(examination, rc);
}
