#include "cluster/override_expiry.h"

#include <string.h>

#include "base/clock.h"
#include "cluster/proposer.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_health.h"
#include "store/store.h"

struct look {
    struct cluster *cluster;
    uint64_t now_mono_ms, now_wall_ms;
    unsigned count;
};

/* What it is judged by is the time in the command, on every node; here it is only found. */
static int propose(const struct look *look, const struct state_override_key *key)
{
    Cmd__DeleteOverride clear = CMD__DELETE_OVERRIDE__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char identifier[STATE_SET_IDENTIFIER_MAX + 1] = "";

    if (key->health_check_id)
        clear.health_check_id = (char *)key->health_check_id;
    else {
        clear.zone_id = (char *)key->zone_id;
        clear.name.data = (uint8_t *)key->set->name;
        clear.name.len = dns_name_len(key->set->name);
        clear.type = key->set->type;
        if (key->set->set_identifier_len > 0)
            memcpy(identifier, key->set->set_identifier, key->set->set_identifier_len);
        clear.set_identifier = identifier;
    }
    clear.only_expired = true;
    command.kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    command.delete_override = &clear;
    command.time_wall_ms = look->now_wall_ms;
    command.actor = (char *)(uintptr_t) "override expiry";
    return proposer_submit(look->cluster->proposer, &command, look->now_mono_ms, 0, NULL, NULL);
}

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    struct look *look = user;

    if (override->expires_wall_ms == 0 || override->expires_wall_ms > look->now_wall_ms)
        return 0;
    if (look->count++ == OVERRIDE_EXPIRY_BATCH_MAX)
        return 1;
    return propose(look, key) == 0 ? 0 : 1; /* busy: at the next look */
}

void override_expiry_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct look look = {cluster, now_mono_ms, clock_wall_ms(), 0};

    if (!cluster__leads(cluster) ||
        now_mono_ms - cluster->overrides_looked_mono_ms < OVERRIDE_EXPIRY_LOOK_MS)
        return;
    cluster->overrides_looked_mono_ms = now_mono_ms;
    (void)state_list_overrides(store_kv(cluster->store), on_override, &look);
}
