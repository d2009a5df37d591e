#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hex.h"
#include "cluster/cluster.h"
#include "cluster/drain.h"
#include "cluster/status.h"
#include "cluster/upgrade.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

#define TOKENS_SHOWN_MAX 1024
#define DRAIN_MAX_MS (UINT64_C(366) * 86400 * 1000)

static void on_done(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "%s", message);
    else
        call_done(call, "%s", message);
}

void request_cluster_init(struct call *call)
{
    int rc = cluster_init(call->cluster, call->request->cluster_init->domain, on_done, call);

    if (rc == ERR_CONFLICT)
        call_fail(call, rc,
                  "this node is a member of a cluster already, or is joining one; see "
                  "'quartet node status'");
    else if (rc == ERR_INVALID)
        call_fail(call, rc,
                  "'%s' is no domain name for the cluster's own zone; give one such as "
                  "ns.example.net",
                  call->request->cluster_init->domain);
    else if (rc != 0)
        call_fail_code(call, rc, "make a cluster");
}

void request_cluster_join(struct call *call)
{
    const Ctl__ClusterJoin *join = call->request->cluster_join;
    int rc = cluster_join(call->cluster, join->address, join->token, NULL, on_done, call);

    if (rc == ERR_CONFLICT)
        call_fail(call, rc,
                  "this node is a member of another cluster, or is joining one; see 'quartet node "
                  "status'. To use it elsewhere, stop it and remove its data directory");
    else if (rc == ERR_INVALID)
        call_fail(call, rc,
                  "the address (HOST:PORT of a member's admin port) or the token is malformed; "
                  "make a token on a member by 'quartet token create'");
    else if (rc != 0)
        call_fail_code(call, rc, "join");
}

static char *health_text(enum cluster_health health)
{
    switch (health) {
    case CLUSTER_HEALTHY: return "healthy";
    case CLUSTER_DEGRADED: return "degraded";
    case CLUSTER_NO_QUORUM: return "no quorum";
    case CLUSTER_NOT_MEMBER: return "not a member";
    }
    return "unknown";
}

static void fill_member(const struct cluster_member_status *from, Ctl__Member *to)
{
    *to = (Ctl__Member)CTL__MEMBER__INIT;
    to->id = from->id;
    to->name = (char *)from->name;
    to->region = (char *)from->region;
    to->version = (char *)from->version;
    to->role = from->role == CLUSTER_ROLE_VOTER ? "voter" : "replica";
    to->is_self = from->is_self;
    to->is_leader = from->is_leader;
    to->is_alive = from->is_alive;
    to->is_quarantined = from->is_quarantined;
    to->is_known = from->is_known;
    to->applied_index = from->applied_index;
    to->image_index = from->image_index;
    to->lag_entries = from->lag_entries;
    to->heard_ago_ms = from->heard_ago_ms;
    to->peer_address = (char *)from->addresses.peer;
    to->admin_address = (char *)from->addresses.admin;
    to->is_drained = from->drained_until_wall_ms != 0;
    if (from->drained_until_wall_ms != CLUSTER_DRAIN_ENDLESS)
        to->drained_until_wall_ms = from->drained_until_wall_ms;
    to->feature_level = from->feature_level;
}

static void on_status(void *user, const struct cluster_status *status)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ClusterStatusReply cluster = CTL__CLUSTER_STATUS_REPLY__INIT;
    Ctl__Member members[CLUSTER_MEMBERS_MAX], *pointers[CLUSTER_MEMBERS_MAX];
    uint8_t id[16];

    memcpy(id, &status->cluster_id_high, 8);
    memcpy(id + 8, &status->cluster_id_low, 8);
    cluster.health = health_text(status->health);
    cluster.domain = (char *)status->domain;
    cluster.cluster_id = (ProtobufCBinaryData){sizeof(id), id};
    cluster.self = status->self;
    cluster.leader = status->leader;
    cluster.term = status->term;
    cluster.commit_index = status->commit_index;
    cluster.voters = status->voters;
    cluster.voters_alive = status->voters_alive;
    cluster.quorum = status->quorum;
    cluster.can_lose = status->can_lose;
    cluster.advice = (char *)status->advice;
    cluster.feature_level = status->feature_level;
    for (uint32_t i = 0; i < status->member_count; i++) {
        fill_member(&status->members[i], &members[i]);
        pointers[i] = &members[i];
    }
    cluster.n_members = status->member_count;
    cluster.members = pointers;
    reply.kind_case = CTL__REPLY__KIND_CLUSTER_STATUS;
    reply.cluster_status = &cluster;
    call_reply(user, &reply);
}

void request_cluster_status(struct call *call)
{
    int rc = cluster_status(call->cluster, on_status, call);
    if (rc != 0)
        call_fail_code(call, rc, "ask for the cluster's status");
}

void request_upgrade_finalize(struct call *call)
{
    int rc = cluster_upgrade_finalize(call->cluster, on_done, call);
    if (rc != 0)
        call_fail_code(call, rc, "raise the feature level");
}

void request_settings_get(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__SettingsReply shown = CTL__SETTINGS_REPLY__INIT;
    struct cluster_settings settings;

    if (!call_state(call)) {
        call_fail_code(call, ERR_UNAVAILABLE, "read the settings");
        return;
    }
    cluster_settings_get(call->cluster, &settings);
    shown.autopilot = settings.autopilot;
    shown.dead_after_ms = settings.dead_after_ms;
    shown.voters_max = settings.voters_max;
    shown.delete_percent = settings.delete_percent;
    reply.kind_case = CTL__REPLY__KIND_SETTINGS;
    reply.settings = &shown;
    call_reply(call, &reply);
}

void request_settings_set(struct call *call)
{
    const Ctl__SettingsReply *wanted = call->request->settings_set->settings;

    if (!wanted) {
        call_fail(call, ERR_INVALID, "no settings given");
        return;
    }
    struct cluster_settings settings = {.autopilot = wanted->autopilot,
                                        .dead_after_ms = wanted->dead_after_ms,
                                        .voters_max = wanted->voters_max,
                                        .delete_percent = wanted->delete_percent};
    int rc = cluster_settings_set(call->cluster, &settings, on_done, call);
    if (rc == ERR_INVALID)
        call_fail(call, rc,
                  "voters is 1, 3 or 5, dead-after 3s to 24h, and delete-percent 0 to 100");
    else if (rc != 0)
        call_fail_code(call, rc, "change the settings");
}

static void on_token(void *user, int rc, const char *text, uint64_t expires_wall_ms)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TokenReply token = CTL__TOKEN_REPLY__INIT;
    struct call *call = user;

    if (rc != 0) {
        call_fail_code(call, rc, "make a token");
        return;
    }
    token.address = (char *)cluster_admin_address(call->cluster);
    token.token = (char *)text;
    token.expires_wall_ms = expires_wall_ms;
    reply.kind_case = CTL__REPLY__KIND_TOKEN;
    reply.token = &token;
    call_reply(call, &reply);
}

void request_token_create(struct call *call)
{
    const Ctl__TokenCreate *create = call->request->token_create;
    int rc = cluster_token_create(call->cluster, create->ttl_ms, create->uses, on_token, call);

    if (rc == ERR_INVALID)
        call_fail(call, rc, "a token needs a life above 0 and at least one use");
    else if (rc != 0)
        call_fail_code(call, rc, "make a token");
}

static void list_tokens(struct call *call)
{
    static struct cluster_token_info infos[TOKENS_SHOWN_MAX]; /* loop thread only */
    static Ctl__Token tokens[TOKENS_SHOWN_MAX], *pointers[TOKENS_SHOWN_MAX];
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TokenListReply list = CTL__TOKEN_LIST_REPLY__INIT;

    unsigned count = cluster_token_list(call->cluster, infos, TOKENS_SHOWN_MAX);
    if (count > TOKENS_SHOWN_MAX)
        count = TOKENS_SHOWN_MAX;
    for (unsigned i = 0; i < count; i++) {
        tokens[i] = (Ctl__Token)CTL__TOKEN__INIT;
        tokens[i].id = infos[i].id;
        tokens[i].expires_wall_ms = infos[i].expires_wall_ms;
        tokens[i].uses_left = infos[i].uses_left;
        pointers[i] = &tokens[i];
    }
    list.n_tokens = count;
    list.tokens = pointers;
    reply.kind_case = CTL__REPLY__KIND_TOKEN_LIST;
    reply.token_list = &list;
    call_reply(call, &reply);
}

void request_token_list(struct call *call)
{
    call_read(call, list_tokens);
}

void request_token_revoke(struct call *call)
{
    int rc = cluster_token_revoke(call->cluster, call->request->token_revoke->id, on_done, call);

    if (rc == ERR_INVALID)
        call_fail(call, rc, "a token's id has 16 hexadecimal digits; see 'quartet token list'");
    else if (rc != 0)
        call_fail_code(call, rc, "revoke the token");
}

/* true with *@out; false: the call has failed. An empty text is 0 when @is_optional. */
static bool find_member(struct call *call, const char *text, bool is_optional, uint64_t *out)
{
    *out = 0;
    if (is_optional && text[0] == '\0')
        return true;
    int rc = cluster_member_find(call->cluster, text, out);
    if (rc == ERR_EXISTS)
        call_fail(call, rc, "'%s' is the beginning of more than one member's id", text);
    else if (rc != 0)
        call_fail(call, rc, "there is no member '%s'; see 'quartet member list'", text);
    return rc == 0;
}

void request_member_change(struct call *call)
{
    static const struct {
        Ctl__MemberOperation asked;
        enum cluster_member_op op;
    } operations[] = {
        {CTL__MEMBER_OPERATION__MEMBER_OPERATION_REMOVE, CLUSTER_REMOVE},
        {CTL__MEMBER_OPERATION__MEMBER_OPERATION_REPLACE, CLUSTER_REPLACE},
        {CTL__MEMBER_OPERATION__MEMBER_OPERATION_PROMOTE, CLUSTER_PROMOTE},
        {CTL__MEMBER_OPERATION__MEMBER_OPERATION_DEMOTE, CLUSTER_DEMOTE},
        {CTL__MEMBER_OPERATION__MEMBER_OPERATION_TRANSFER, CLUSTER_TRANSFER},
    };
    const Ctl__MemberChange *change = call->request->member_change;

    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (operations[i].asked != change->operation)
            continue;
        struct cluster_member_request request = {.op = operations[i].op};
        if (!find_member(call, change->member, request.op == CLUSTER_TRANSFER, &request.id) ||
            !find_member(call, change->other, true, &request.other))
            return;
        uint32_t left_ms = call_timeout_left_ms(call);
        request.timeout_ms = left_ms - left_ms / 10; /* so that the outcome is told in time */
        int rc = cluster_member_change(call->cluster, &request, on_done, call);
        if (rc != 0)
            call_fail_code(call, rc, "change the members");
        return;
    }
    call_fail(call, ERR_UNSUPPORTED, "this node does not know that member operation");
}

static void on_drained(void *user, int rc, const char *message)
{
    struct call *call = user;
    bool is_over = call->request->node_drain->undrain;

    (void)message;
    if (rc != 0)
        call_fail_code(call, rc, is_over ? "take the node back into use" : "drain the node");
    else
        call_done(call, "%s", is_over ? "the node is in use again" : "the node is drained");
}

void request_node_drain(struct call *call)
{
    const Ctl__NodeDrain *drain = call->request->node_drain;
    uint64_t id = cluster_self(call->cluster), until_wall_ms = CLUSTER_DRAIN_ENDLESS;

    if (drain->member[0] != '\0' && !find_member(call, drain->member, false, &id))
        return;
    if (drain->undrain)
        until_wall_ms = 0;
    else if (drain->for_ms > 0 && drain->for_ms < DRAIN_MAX_MS)
        until_wall_ms = clock_wall_ms() + drain->for_ms;
    int rc = cluster_drain(call->cluster, id, until_wall_ms, on_drained, call);
    if (rc != 0)
        call_fail_code(call, rc == ERR_NOT_FOUND ? ERR_UNAVAILABLE : rc, "drain the node");
}
