#include "cluster/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/apply_feature.h"
#include "cluster/apply_guard.h"
#include "cluster/proposer.h"
#include "proto/command.pb-c.h"

#define NAME_AUTOPILOT "cluster.autopilot"
#define NAME_DEAD_AFTER "cluster.dead_after_ms"
#define NAME_VOTERS_MAX "cluster.voters_max"

void settings_defaults(struct cluster_settings *out)
{
    *out = (struct cluster_settings){true, SETTINGS_DEAD_AFTER_MS, 5, 0};
}

static bool is_valid(const struct cluster_settings *settings)
{
    return settings->delete_percent <= 100 &&
           settings->dead_after_ms >= SETTINGS_DEAD_AFTER_MIN_MS &&
           settings->dead_after_ms <= SETTINGS_DEAD_AFTER_MAX_MS &&
           (settings->voters_max == 1 || settings->voters_max == 3 || settings->voters_max == 5);
}

static bool read_number(const struct kv *kv, const char *name, uint32_t *out)
{
    char text[STATE_SETTING_SIZE], *end;

    if (state_get_setting(kv, name, text) != 0)
        return false;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

void settings_reload(struct cluster *cluster)
{
    const struct kv *kv = cluster_state(cluster);
    struct cluster_settings settings;
    char text[STATE_SETTING_SIZE];

    settings_defaults(&settings);
    if (state_get_setting(kv, NAME_AUTOPILOT, text) == 0)
        settings.autopilot = strcmp(text, "off") != 0;
    read_number(kv, NAME_DEAD_AFTER, &settings.dead_after_ms);
    read_number(kv, NAME_VOTERS_MAX, &settings.voters_max);
    read_number(kv, STATE_SETTING_GUARD_DELETE, &settings.delete_percent);
    if (is_valid(&settings))
        cluster->settings = settings;
    (void)apply_feature_level(kv, &cluster->feature_level); /* else what was known before */
}

void cluster_settings_get(struct cluster *cluster, struct cluster_settings *out)
{
    *out = cluster->settings;
}

struct setting_call {
    cluster_done_cb cb;
    void *user;
    unsigned left;
    int rc;
};

static void setting_put(void *user, int rc, const struct apply_result *result)
{
    struct setting_call *call = user;

    if (rc == 0)
        rc = result->code;
    if (rc != 0)
        call->rc = rc;
    if (--call->left > 0)
        return;
    if (call->cb)
        call->cb(call->user, call->rc,
                 call->rc == 0 ? "The settings are stored." : err_text(call->rc));
    free(call);
}

static int put(struct cluster *cluster, const char *name, const char *value,
               struct setting_call *call)
{
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    setting.name = (char *)(uintptr_t)name;
    setting.value = (char *)(uintptr_t)value;
    command.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command.put_setting = &setting;
    int rc = cluster_propose(cluster, &command, 0, setting_put, call);
    if (rc == 0)
        call->left++;
    return rc;
}

int cluster_settings_set(struct cluster *cluster, const struct cluster_settings *settings,
                         cluster_done_cb cb, void *user)
{
    char dead_after[16], voters_max[16], delete_percent[16];

    if (!is_valid(settings))
        return ERR_INVALID;
    struct setting_call *call = calloc(1, sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct setting_call){.cb = cb, .user = user};
    snprintf(dead_after, sizeof(dead_after), "%" PRIu32, settings->dead_after_ms);
    snprintf(voters_max, sizeof(voters_max), "%" PRIu32, settings->voters_max);
    snprintf(delete_percent, sizeof(delete_percent), "%" PRIu32, settings->delete_percent);
    int rc = put(cluster, NAME_AUTOPILOT, settings->autopilot ? "on" : "off", call);
    if (rc == 0)
        rc = put(cluster, NAME_DEAD_AFTER, dead_after, call);
    if (rc == 0)
        rc = put(cluster, NAME_VOTERS_MAX, voters_max, call);
    if (rc == 0 && settings->delete_percent != cluster->settings.delete_percent)
        rc = put(cluster, STATE_SETTING_GUARD_DELETE, delete_percent, call);
    if (call->left == 0) {
        free(call);
        return rc;
    }
    if (rc != 0) /* some are under way: their callbacks tell */
        call->rc = rc;
    return 0;
}
