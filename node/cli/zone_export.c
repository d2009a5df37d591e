#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/record_list.h"
#include "cli/set_copy.h"
#include "cli/zone_import.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"
#include "zone/zone_file.h"

/* The sets come in the order of Route 53; a zone file is in canonical order with the SOA first, so
 * they are gathered, copied and sorted before anything is written. */
struct exported {
    struct zone_record_set **sets; /* each the export's */
    size_t count, capacity;
    size_t routed_count; /* sets that a zone file cannot hold */
};

static int gather(void *user, const struct zone_record_set *set)
{
    struct exported *exported = user;

    if (set->routing) {
        exported->routed_count++;
        return 0;
    }
    if (exported->count == exported->capacity) {
        size_t capacity = exported->capacity ? exported->capacity * 2 : 1024;
        struct zone_record_set **grown =
            realloc(exported->sets, capacity * sizeof(*exported->sets));
        if (!grown)
            return ERR_NOMEM;
        exported->sets = grown;
        exported->capacity = capacity;
    }
    exported->sets[exported->count] = set_copy_new(set);
    return exported->sets[exported->count++] ? 0 : ERR_NOMEM;
}

static int compare_sets(const void *a, const void *b)
{
    return zone_record_set_compare(*(struct zone_record_set *const *)a,
                                   *(struct zone_record_set *const *)b);
}

static const struct zone_record_set *find_soa(const struct exported *exported)
{
    for (size_t i = 0; i < exported->count; i++) {
        if (exported->sets[i]->type == DNS_TYPE_SOA)
            return exported->sets[i];
    }
    return NULL;
}

static int write_all(FILE *out, struct exported *exported)
{
    const struct zone_record_set *soa = find_soa(exported);

    if (!soa)
        return ERR_INVALID;
    int rc = zone_file_write_begin(out, soa->name);
    qsort(exported->sets, exported->count, sizeof(*exported->sets), compare_sets);
    for (size_t i = 0; rc == 0 && i < exported->count; i++)
        rc = zone_file_write_set(out, exported->sets[i]);
    return rc == 0 && fflush(out) != 0 ? ERR_IO : rc;
}

/* A file appears whole or not at all. */
static int write_file(struct cli *cli, struct exported *exported)
{
    char temporary[PATH_MAX];

    snprintf(temporary, sizeof(temporary), "%s.partial", cli->output);
    FILE *out = fopen(temporary, "w");
    if (!out)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", temporary, strerror(errno));
    int rc = write_all(out, exported);
    if (fclose(out) != 0 && rc == 0)
        rc = ERR_IO;
    if (rc == 0 && rename(temporary, cli->output) != 0)
        rc = ERR_IO;
    if (rc == 0)
        return cli_say(cli, "exported %zu record sets to %s", exported->count, cli->output);
    int reason = errno;
    remove(temporary);
    return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->output,
                    rc == ERR_IO ? strerror(reason) : err_text(rc));
}

int zone_export_run(struct cli *cli)
{
    struct exported exported = {.count = 0};

    int status = record_list_each(cli, cli->words[0], NULL, gather, &exported);
    if (status == CLI_OK && exported.routed_count > 0)
        status =
            cli_fail(cli, CLI_REFUSED,
                     "%zu of its record sets have routing, a health check or an alias, which a "
                     "zone file cannot hold: use 'quartet record list %s --route53'",
                     exported.routed_count, cli->words[0]);
    else if (status == CLI_OK && cli->output) {
        status = write_file(cli, &exported);
    } else if (status == CLI_OK) {
        int rc = write_all(stdout, &exported);
        if (rc != 0)
            status = cli_fail(cli, CLI_REFUSED, "cannot write the zone: %s", err_text(rc));
    }
    for (size_t i = 0; i < exported.count; i++)
        free(exported.sets[i]);
    free(exported.sets);
    return status;
}
