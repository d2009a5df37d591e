#include "cluster/drain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "cluster/members.h"
#include "proto/command.pb-c.h"

#define EVERY_MS 1000
#define FRESH_MS 1000 /* an heir was heard within this */
#define ENDLESS "endless"

struct drain_call {
    cluster_done_cb cb;
    void *user;
};

static void setting_name(uint64_t id, char out[STATE_SETTING_NAME_SIZE])
{
    char text[HEX_ID_LEN];

    hex_format_id(id, text);
    snprintf(out, STATE_SETTING_NAME_SIZE, "drain.%s", text);
}

static uint64_t read_until(const struct kv *kv, uint64_t id)
{
    char name[STATE_SETTING_NAME_SIZE], text[STATE_SETTING_SIZE], *end;

    setting_name(id, name);
    if (state_get_setting(kv, name, text) != 0)
        return 0;
    if (strcmp(text, ENDLESS) == 0)
        return CLUSTER_DRAIN_ENDLESS;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' ? value : 0;
}

void drain_reload(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->members.count; i++) {
        struct member *member = &cluster->members.list[i];
        member->drained_until_wall_ms = read_until(cluster_state(cluster), member->id);
    }
}

bool drain_is_on(const struct member *member, uint64_t now_wall_ms)
{
    return member->drained_until_wall_ms > now_wall_ms;
}

uint64_t cluster_drained_until(struct cluster *cluster, uint64_t id)
{
    const struct member *member = members_find(cluster, id);

    return member && drain_is_on(member, clock_wall_ms()) ? member->drained_until_wall_ms : 0;
}

static void stored(void *user, int rc, const struct apply_result *result)
{
    struct drain_call *call = user;

    if (rc == 0)
        rc = result->code;
    if (call->cb)
        call->cb(call->user, rc, rc == 0 ? "stored" : err_text(rc));
    free(call);
}

static int put(struct cluster *cluster, uint64_t id, const char *value, cluster_done_cb cb,
               void *user)
{
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char name[STATE_SETTING_NAME_SIZE];
    struct drain_call *call = malloc(sizeof(*call));

    if (!call)
        return ERR_NOMEM;
    *call = (struct drain_call){cb, user};
    setting_name(id, name);
    setting.name = name;
    setting.value = (char *)(uintptr_t)value;
    command.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command.put_setting = &setting;
    int rc = cluster_propose(cluster, &command, 0, stored, call);
    if (rc != 0)
        free(call);
    return rc;
}

int cluster_drain(struct cluster *cluster, uint64_t id, uint64_t until_wall_ms, cluster_done_cb cb,
                  void *user)
{
    char value[24] = "";

    if (!members_find(cluster, id))
        return ERR_NOT_FOUND;
    if (until_wall_ms == CLUSTER_DRAIN_ENDLESS)
        snprintf(value, sizeof(value), ENDLESS);
    else if (until_wall_ms != 0)
        snprintf(value, sizeof(value), "%" PRIu64, until_wall_ms);
    return put(cluster, id, value, cb, user);
}

/* The voter that is not drained, was heard a moment ago and has most of the log. */
static uint64_t find_heir(struct cluster *cluster, uint64_t now_wall_ms)
{
    struct raft_driver_status status;
    const struct raft_driver_peer *best = NULL;

    raft_driver_status(cluster->driver, &status);
    for (uint32_t i = 0; i < status.peer_count; i++) {
        const struct raft_driver_peer *peer = &status.peers[i];
        const struct member *member = members_find(cluster, peer->id);
        if (peer->id == cluster->identity.id || peer->role != RAFT_VOTER || !member ||
            drain_is_on(member, now_wall_ms) || member->report.is_quarantined ||
            peer->contact_age_ms < 0 || peer->contact_age_ms > FRESH_MS)
            continue;
        if (!best || peer->match_index > best->match_index)
            best = peer;
    }
    return best ? best->id : 0;
}

static void hand_over(struct cluster *cluster, uint64_t now_wall_ms)
{
    uint64_t heir = find_heir(cluster, now_wall_ms);

    if (heir != 0 && raft_driver_transfer(cluster->driver, heir, NULL, NULL) == 0)
        log_info("cluster", "leadership_handed_over why=\"drained\" to=%016" PRIx64, heir);
}

void drain_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    uint64_t now_wall_ms = clock_wall_ms();

    if (!cluster__leads(cluster) || now_mono_ms - cluster->drain_looked_mono_ms < EVERY_MS)
        return;
    cluster->drain_looked_mono_ms = now_mono_ms;
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        if (drain_is_on(member, now_wall_ms) && member->id == cluster->identity.id)
            hand_over(cluster, now_wall_ms);
        else if (member->drained_until_wall_ms != 0 && !drain_is_on(member, now_wall_ms))
            (void)put(cluster, member->id, "", NULL, NULL); /* else with the next look */
    }
}
