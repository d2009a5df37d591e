#include "cluster/upgrade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/apply.h"
#include "cluster/feature.h"
#include "cluster/internal.h"
#include "proto/command.pb-c.h"

#define MESSAGE_MAX 1024

unsigned cluster_feature_level(const struct cluster *cluster)
{
    return cluster->feature_level;
}

void upgrade_explain(unsigned level, unsigned known, char *out, size_t size)
{
    snprintf(out, size,
             "the cluster runs at feature level %u since 'quartet upgrade finalize', and this "
             "program (%s) knows levels up to %u: install %s or later, as the other members have",
             level, feature_program_version, known, feature_version_of(level));
}

/* The names of members that @is_meant, as "ns1, ns2"; how many there are. */
static unsigned list_members(const struct cluster_status *status, unsigned target, bool is_silent,
                             char *out, size_t size)
{
    unsigned count = 0;
    size_t at = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < status->member_count; i++) {
        const struct cluster_member_status *member = &status->members[i];
        if (is_silent ? member->is_alive : member->feature_level >= target)
            continue;
        count++;
        if (at < size - 1)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", member->name);
    }
    return count;
}

unsigned upgrade_judge(const struct cluster_status *status, char *why, size_t size)
{
    char names[512];
    unsigned target = 0;

    for (uint32_t i = 0; i < status->member_count; i++) {
        if (status->members[i].feature_level > target)
            target = status->members[i].feature_level;
    }
    if (target <= status->feature_level) {
        snprintf(why, size,
                 "nothing is to be raised: the cluster runs at feature level %u, and no member's "
                 "program knows a higher one",
                 status->feature_level);
        return 0;
    }
    if (list_members(status, target, false, names, sizeof(names)) > 0) {
        snprintf(why, size,
                 "feature level %u is not known to the programs of %s yet: upgrade them first, see "
                 "'quartet upgrade plan'",
                 target, names);
        return 0;
    }
    if (list_members(status, target, true, names, sizeof(names)) > 0) {
        snprintf(why, size,
                 "these members are silent, and may come back with an older program: %s. Bring "
                 "them back, or take what is gone for good out by 'quartet member remove'",
                 names);
        return 0;
    }
    return target;
}

struct finalize_call {
    struct cluster *cluster;
    cluster_done_cb cb;
    void *user;
    unsigned target;
};

static void finish(struct finalize_call *call, int rc, const char *message)
{
    call->cb(call->user, rc, message);
    free(call);
}

static void raised(void *user, int rc, const struct apply_result *result)
{
    struct finalize_call *call = user;
    char text[MESSAGE_MAX];

    if (rc != 0) {
        finish(call, rc, err_text(rc));
        return;
    }
    snprintf(text, sizeof(text),
             "The cluster runs at feature level %u now. Programs before %s cannot take part any "
             "more.",
             call->target, feature_version_of(call->target));
    finish(call, result->code, result->code == 0 ? text : result->message);
}

static void on_status(void *user, const struct cluster_status *status)
{
    struct finalize_call *call = user;
    Cmd__RaiseFeatureLevel raise = CMD__RAISE_FEATURE_LEVEL__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char why[MESSAGE_MAX];

    call->target = upgrade_judge(status, why, sizeof(why));
    if (call->target == 0) {
        finish(call, ERR_CONFLICT, why);
        return;
    }
    raise.level = call->target;
    command.kind_case = CMD__COMMAND__KIND_RAISE_FEATURE_LEVEL;
    command.raise_feature_level = &raise;
    int rc = cluster_propose(call->cluster, &command, 0, raised, call);
    if (rc != 0)
        finish(call, rc, err_text(rc));
}

int cluster_upgrade_finalize(struct cluster *cluster, cluster_done_cb cb, void *user)
{
    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    struct finalize_call *call = calloc(1, sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct finalize_call){.cluster = cluster, .cb = cb, .user = user};
    int rc = cluster_status(cluster, on_status, call);
    if (rc != 0)
        free(call);
    return rc;
}
