#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/cert.h"
#include "cluster/cluster.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

static char *phase_text(enum state_authority_phase phase)
{
    switch (phase) {
    case STATE_AUTHORITY_STEADY: return "steady";
    case STATE_AUTHORITY_TRUST: return "trust";
    case STATE_AUTHORITY_USE: return "use";
    }
    return "unknown";
}

static void fill_ca(const struct cluster_cert_ca *from, Ctl__CertCa *to)
{
    *to = (Ctl__CertCa)CTL__CERT_CA__INIT;
    to->generation = from->generation;
    to->from_wall_ms = from->from_wall_ms;
    to->until_wall_ms = from->until_wall_ms;
    to->sha256 = (ProtobufCBinaryData){sizeof(from->sha256), (uint8_t *)(uintptr_t)from->sha256};
    to->is_signing = from->is_signing;
}

static void fill_member(const struct cluster_cert_member *from, Ctl__CertMember *to)
{
    const struct state_certificate *certificate = &from->certificate;

    *to = (Ctl__CertMember)CTL__CERT_MEMBER__INIT;
    to->id = from->id;
    to->name = (char *)(uintptr_t)from->name;
    to->is_self = from->is_self;
    to->is_waited_for = from->is_waited_for;
    if (certificate->until_wall_ms == 0)
        return;
    to->serial = (ProtobufCBinaryData){sizeof(certificate->serial),
                                       (uint8_t *)(uintptr_t)certificate->serial};
    to->from_wall_ms = certificate->from_wall_ms;
    to->until_wall_ms = certificate->until_wall_ms;
    to->made_wall_ms = from->made_wall_ms;
    to->due_wall_ms = from->due_wall_ms;
    to->generation = certificate->generation;
    to->trusted_generation = certificate->trusted_generation;
    to->oldest_trusted_generation = certificate->oldest_trusted_generation;
    to->is_renewal_due = certificate->is_renewal_due;
}

/* Needs no quorum: of use most when nodes do not hear each other. */
void request_cert_status(struct call *call)
{
    static struct cluster_cert_status status; /* loop thread only */
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CertStatusReply shown = CTL__CERT_STATUS_REPLY__INIT;
    Ctl__CertCa cas[STATE_CAS_MAX], *ca_pointers[STATE_CAS_MAX];
    Ctl__CertMember members[CLUSTER_MEMBERS_MAX], *member_pointers[CLUSTER_MEMBERS_MAX];

    if (cluster_phase(call->cluster) != CLUSTER_MEMBER) {
        call_fail_code(call, ERR_UNAVAILABLE, "show certificates");
        return;
    }
    cluster_cert_status(call->cluster, &status);
    shown.phase = phase_text(status.phase);
    shown.begun_wall_ms = status.begun_wall_ms;
    shown.now_wall_ms = clock_wall_ms();
    for (uint32_t i = 0; i < status.ca_count; i++) {
        fill_ca(&status.cas[i], &cas[i]);
        ca_pointers[i] = &cas[i];
    }
    for (uint32_t i = 0; i < status.member_count; i++) {
        fill_member(&status.members[i], &members[i]);
        member_pointers[i] = &members[i];
    }
    shown.n_cas = status.ca_count;
    shown.cas = ca_pointers;
    shown.n_members = status.member_count;
    shown.members = member_pointers;
    reply.kind_case = CTL__REPLY__KIND_CERT_STATUS;
    reply.cert_status = &shown;
    call_reply(call, &reply);
}

static void on_done(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "%s", message);
    else
        call_done(call, "%s", message);
}

void request_cert_rotate(struct call *call)
{
    const Ctl__CertRotate *rotate = call->request->cert_rotate;
    uint64_t member = 0;
    int rc = 0;

    if (rotate->ca) {
        rc = cluster_ca_rotate(call->cluster, rotate->cancel, on_done, call);
    } else {
        if (rotate->member[0] != '\0')
            rc = cluster_member_find(call->cluster, rotate->member, &member);
        if (rc == ERR_NOT_FOUND || rc == ERR_EXISTS) {
            call_fail(call, rc, "there is no one member '%s'; see 'quartet member list'",
                      rotate->member);
            return;
        }
        rc = cluster_cert_renew(call->cluster, member, on_done, call);
    }
    if (rc != 0)
        call_fail_code(call, rc, "rotate certificates");
}
