/* node/cluster/apply_feature.c: the cluster's feature level (feature.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cluster/apply_feature.h"
#include "cluster/feature.h"
#include "proto/command.pb-c.h"

int apply_feature_level(const struct kv *kv, unsigned *out)
{
    char text[STATE_SETTING_SIZE];
    int rc = state_get_setting(kv, APPLY_SETTING_FEATURE_LEVEL, text);

    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    *out = rc == 0 ? feature_told((unsigned)strtoul(text, NULL, 10)) : FEATURE_FIRST;
    return 0;
}

static int check_members(struct apply *apply, unsigned level)
{
    struct state_conf conf;
    int rc = state_get_conf(apply__kv(apply), &conf);

    for (uint32_t i = 0; rc == 0 && i < conf.count; i++) {
        struct state_member member = {0};
        rc = state_get_member(apply__kv(apply), conf.members[i].id, &member);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        rc = 0;
        if (feature_told(member.feature_level) < level)
            return apply__refuse(apply, ERR_CONFLICT,
                                 "the program of member %016" PRIx64
                                 " does not know feature level %u",
                                 conf.members[i].id, level);
    }
    return rc;
}

int apply__raise_feature_level(struct apply *apply, const struct Cmd__RaiseFeatureLevel *command)
{
    char text[16];
    unsigned now = FEATURE_FIRST;
    int rc = apply_feature_level(apply__kv(apply), &now);

    if (rc == 0 && command->level <= now)
        rc =
            apply__refuse(apply, ERR_CONFLICT, "the cluster runs at feature level %u already", now);
    if (rc == 0)
        rc = check_members(apply, command->level);
    if (rc != 0)
        return rc;
    /* It said that it knew it, and was put back to an older version since: it cannot go on. */
    if (command->level > feature_known())
        return ERR_VERSION;
    snprintf(text, sizeof(text), "%u", command->level);
    state_put_setting(apply->overlay, APPLY_SETTING_FEATURE_LEVEL, text);
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_SETTINGS_CHANGED,
                                                     .setting = APPLY_SETTING_FEATURE_LEVEL});
}
