#include "cluster/import_expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "cluster/proposer.h"
#include "proto/command.pb-c.h"

void import_expiry_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    Cmd__ImportExpire expire = CMD__IMPORT_EXPIRE__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint64_t now_wall_ms = clock_wall_ms(), begun_wall_ms;

    if (!cluster__leads(cluster) ||
        now_mono_ms - cluster->imports_looked_mono_ms < IMPORT_EXPIRY_LOOK_MS)
        return;
    cluster->imports_looked_mono_ms = now_mono_ms;
    if (!apply_oldest_import(cluster->apply, &begun_wall_ms) || now_wall_ms < IMPORT_EXPIRY_MS ||
        begun_wall_ms >= now_wall_ms - IMPORT_EXPIRY_MS)
        return;
    expire.before_wall_ms = now_wall_ms - IMPORT_EXPIRY_MS;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_EXPIRE;
    command.import_expire = &expire;
    command.actor = (char *)(uintptr_t) "import expiry";
    if (proposer_submit(cluster->proposer, &command, now_mono_ms, 0, NULL, NULL) == 0)
        log_info("cluster", "imports_expire begun_s_ago=%llu",
                 (unsigned long long)(now_wall_ms - begun_wall_ms) / 1000);
}
