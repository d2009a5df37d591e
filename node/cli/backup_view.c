#include "cli/backup_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/output.h"

const char *backup_view_key(const struct backup_about *about)
{
    switch (about->seal.kind) {
    case BACKUP_KEY_FILE: return "with a key file";
    case BACKUP_KEY_PASSPHRASE: return "with a passphrase";
    case BACKUP_KEY_NONE: break;
    }
    return "no";
}

/* As 'quartet node status' has it. */
static void format_hash(const struct backup_about *about, char out[33])
{
    uint8_t octets[16];

    memcpy(octets, &about->applied.hash.high, 8);
    memcpy(octets + 8, &about->applied.hash.low, 8);
    hex_format(octets, sizeof(octets), out);
}

void backup_view_print(const struct backup_about *about, uint64_t octets)
{
    char id[2 * STATE_CLUSTER_ID_LEN + 1], taken[CLOCK_TEXT_LEN], hash[33];
    const struct backup_counts *counts = &about->counts;

    hex_format(about->cluster.id, sizeof(about->cluster.id), id);
    clock_format(about->taken_wall_ms, taken);
    printf("cluster      %s, %s\n", about->cluster.domain, id);
    printf("taken        %s on %s (%016" PRIx64 "), quartetd %s\n", taken, about->node_name,
           about->node_id, about->program_version);
    format_hash(about, hash);
    printf("state        of log index %" PRIu64 ", term %" PRIu64 ", hash %s\n",
           about->applied.index, about->applied.term, hash);
    printf("holds        %" PRIu64 " zones, %" PRIu64 " record sets, %" PRIu64 " health checks\n",
           counts->zones, counts->record_sets, counts->health_checks);
    printf("secrets      %" PRIu64 " access keys, %" PRIu64 " signing keys; can be restored: %s\n",
           counts->access_keys, counts->signing_keys, backup_view_key(about));
    printf("size         %" PRIu64 " octets\n", octets);
}

json_t *backup_view_json(const char *path, const struct backup_about *about, uint64_t octets)
{
    static const char *const kinds[] = {"none", "file", "passphrase"};
    char id[2 * STATE_CLUSTER_ID_LEN + 1], hash[33];
    const struct backup_counts *counts = &about->counts;

    hex_format(about->cluster.id, sizeof(about->cluster.id), id);
    format_hash(about, hash);
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I}",
        "file", path, "domain", about->cluster.domain, "cluster_id", id, "taken",
        output_json_time(about->taken_wall_ms), "node_id", output_json_id(about->node_id),
        "node_name", about->node_name, "version", about->program_version, "index",
        (json_int_t)about->applied.index, "term", (json_int_t)about->applied.term, "state_hash",
        hash, "zones", (json_int_t)counts->zones, "record_sets", (json_int_t)counts->record_sets,
        "health_checks", (json_int_t)counts->health_checks, "access_keys",
        (json_int_t)counts->access_keys, "signing_keys", (json_int_t)counts->signing_keys, "key",
        kinds[about->seal.kind], "octets", (json_int_t)octets);
}

void backup_view_progress(const char *doing, uint64_t done, uint64_t total)
{
    if (!isatty(STDERR_FILENO))
        return;
    unsigned percent = total > 0 && done < total ? (unsigned)(100 * done / total) : 100;
    fprintf(stderr, "\r%s: %u %%   ", doing, total > 0 ? percent : 0);
}

void backup_view_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}
