#include "cli/zone_apply.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/difference.h"
#include "cli/output.h"
#include "cli/record_list.h"
#include "cli/record_references.h"
#include "cli/set_copy.h"
#include "cli/zone_import.h"
#include "dns/type.h"
#include "route53/route53.h"
#include "zone/zone_file.h"

/* Record sets by key; pointers to sets of somebody else's, or copies. */
struct sets {
    const struct zone_record_set **sets;
    size_t count, capacity;
};

/* What the zone is to be, and what it is. */
struct work {
    struct cli *cli;
    const char *zone, *file;
    uint8_t apex[DNS_NAME_MAX];
    struct zone_collection *collection; /* of a zone file; or */
    struct route53_file *json;
    struct sets wanted, present;
    bool keeps_apex;    /* a list of Route 53 has the SOA and NS of wherever it was made */
    bool drops_routing; /* sets with routing, which no zone file holds, go as well */
    size_t routed_count;
};

static int sets_add(struct sets *sets, const struct zone_record_set *set)
{
    if (sets->count == sets->capacity) {
        size_t capacity = sets->capacity ? sets->capacity * 2 : 1024;
        const struct zone_record_set **grown = realloc(sets->sets, capacity * sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        sets->sets = grown;
        sets->capacity = capacity;
    }
    sets->sets[sets->count++] = set;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return set_copy_compare_keys(*(const struct zone_record_set *const *)a,
                                 *(const struct zone_record_set *const *)b);
}

static void sets_sort(struct sets *sets)
{
    if (sets->count > 1)
        qsort(sets->sets, sets->count, sizeof(sets->sets[0]), compare);
}

static void work_fini(struct work *work)
{
    for (size_t i = 0; i < work->present.count; i++)
        free((void *)(uintptr_t)work->present.sets[i]);
    free(work->present.sets);
    free(work->wanted.sets);
    zone_collection_free(work->collection);
    route53_free(work->json);
}

static bool is_apex_own(const struct work *work, const struct zone_record_set *set)
{
    return dns_name_is_equal(set->name, work->apex) &&
           (set->type == DNS_TYPE_SOA || set->type == DNS_TYPE_NS);
}

/* ---- the file ---- */

static void show_error(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    zone_import__show(file, line, "", text);
}

static void show_warning(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    zone_import__show(file, line, "warning: ", text);
}

static void show_nothing(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    (void)file;
    (void)line;
    (void)text;
}

static int take_soa(void *user, const struct zone_file_record *record)
{
    struct work *work = user;

    if (record->type != DNS_TYPE_SOA)
        return 0;
    memcpy(work->apex, record->name, dns_name_len(record->name));
    return 1;
}

/* The zone that a zone file is of: that of its SOA. */
static int find_apex(struct work *work)
{
    static const uint8_t root[] = {0};
    struct zone_file_reader reader = {.record = take_soa,
                                      .error = show_nothing,
                                      .user = work,
                                      .origin = root,
                                      .default_ttl_s = ZONE_IMPORT_TTL_S};
    int rc = zone_file_read(work->file, &reader, NULL);

    if (rc == 1)
        return CLI_OK;
    return cli_fail(work->cli, CLI_USAGE,
                    "%s: no SOA record can be read that tells whose zone it is: name the ZONE",
                    work->file);
}

static int read_zone_file(struct work *work)
{
    struct zone_collection_report report = {.error = show_error, .warning = show_warning};
    uint64_t error_count = 0;
    size_t count;
    int rc = zone_collection_read(work->file, work->apex, ZONE_IMPORT_TTL_S, &report,
                                  &work->collection, &error_count);

    if (rc != 0 && error_count > 0)
        return cli_fail(work->cli, CLI_REFUSED, "%s has %" PRIu64 " error%s; nothing was changed",
                        work->file, error_count, error_count == 1 ? "" : "s");
    if (rc != 0)
        return cli_fail(work->cli, CLI_REFUSED, "%s: %s", work->file, err_text(rc));
    const struct zone_record_set *sets = zone_collection_sets(work->collection, &count);
    for (size_t i = 0; i < count; i++) {
        if (sets_add(&work->wanted, &sets[i]) != 0)
            return cli_fail(work->cli, CLI_REFUSED, "out of memory");
    }
    return CLI_OK;
}

static int take_json(struct work *work)
{
    size_t count;
    const struct route53_change *changes = route53_changes(work->json, &count);
    int status = record_references_resolve(work->cli, work->json);

    if (status == CLI_OK && !route53_is_list(work->json))
        status = cli_fail(work->cli, CLI_REFUSED,
                          "%s is a change batch, no list of a zone's ResourceRecordSets: "
                          "'quartet record apply' takes it",
                          work->file);
    for (size_t i = 0; status == CLI_OK && i < count; i++) {
        if (!is_apex_own(work, &changes[i].set) && sets_add(&work->wanted, &changes[i].set) != 0)
            status = cli_fail(work->cli, CLI_REFUSED, "out of memory");
    }
    work->keeps_apex = true;
    return status;
}

static int read_json(struct work *work)
{
    char error[ROUTE53_ERROR_SIZE];
    int rc = route53_load(work->file, &work->json, error);

    if (rc != 0)
        return cli_fail(work->cli, CLI_REFUSED, "%s: %s", work->file, error);
    const uint8_t *apex = route53_hosted_zone(work->json);
    if (!work->zone && !apex)
        return cli_fail(work->cli, CLI_USAGE,
                        "%s does not say whose zone it is: name the ZONE, or give it a "
                        "\"HostedZone\" member",
                        work->file);
    if (apex && !work->zone)
        memcpy(work->apex, apex, dns_name_len(apex));
    if (apex && !dns_name_is_equal(apex, work->apex))
        return cli_fail(work->cli, CLI_REFUSED, "%s: it is for another zone: HostedZone",
                        work->file);
    return CLI_OK;
}

/* JSON begins with a brace, and no zone file does. */
static int is_json_file(const char *path, bool *out)
{
    FILE *file = fopen(path, "r");
    int c;

    if (!file)
        return ERR_NOT_FOUND;
    while ((c = getc(file)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        ;
    *out = c == '{';
    fclose(file);
    return 0;
}

static int read_file(struct work *work)
{
    bool is_json = false;
    int status = CLI_OK;

    if (is_json_file(work->file, &is_json) != 0)
        return cli_fail(work->cli, CLI_REFUSED, "%s: it cannot be read", work->file);
    if (work->zone)
        status = cli_zone_apex(work->cli, work->zone, work->apex);
    if (status == CLI_OK && is_json)
        status = read_json(work);
    else if (status == CLI_OK && !work->zone)
        status = find_apex(work);
    if (status == CLI_OK)
        status = is_json ? take_json(work) : read_zone_file(work);
    return status;
}

/* ---- the zone ---- */

static int take_present(void *user, const struct zone_record_set *set)
{
    struct work *work = user;

    if (work->keeps_apex && is_apex_own(work, set))
        return 0;
    if (set->routing && work->collection) {
        work->routed_count++;
        if (!work->drops_routing)
            return 0;
    }
    struct zone_record_set *copy = set_copy_new(set);
    if (!copy || sets_add(&work->present, copy) != 0) {
        free(copy);
        return ERR_NOMEM;
    }
    return 0;
}

static int read_present(struct work *work)
{
    int status = record_list_each(work->cli, work->zone, NULL, take_present, work);

    if (status == CLI_OK && work->routed_count > 0 && !work->drops_routing)
        status =
            cli_fail(work->cli, CLI_REFUSED,
                     "%zu of its record sets have routing, a health check or an alias, which "
                     "a zone file cannot hold: --drop-routing deletes them, a file of 'quartet "
                     "record list %s --route53' keeps them",
                     work->routed_count, work->zone);
    return status;
}

/* Both lists in order, side by side. */
static int compute(struct work *work, struct difference *out)
{
    const struct sets *wanted = &work->wanted, *present = &work->present;
    int rc = 0;

    sets_sort(&work->wanted);
    sets_sort(&work->present);
    for (size_t w = 0, p = 0; rc == 0 && (w < wanted->count || p < present->count);) {
        int order = w == wanted->count    ? 1
                    : p == present->count ? -1
                                          : compare(&wanted->sets[w], &present->sets[p]);
        if (order < 0)
            rc = difference_add(out, NULL, wanted->sets[w++]);
        else if (order > 0)
            rc = difference_add(out, present->sets[p++], NULL);
        else {
            if (!set_copy_is_equal(wanted->sets[w], present->sets[p]))
                rc = difference_add(out, present->sets[p], wanted->sets[w]);
            w++;
            p++;
        }
    }
    return rc;
}

/* ---- the whole ---- */

static int show(struct work *work, const struct difference *difference)
{
    if (!work->cli->is_json)
        return difference_print(work->cli, difference);
    output_json(difference_json(difference));
    return CLI_OK;
}

static int make_equal(struct work *work, const struct difference *difference)
{
    struct difference_target target = {work->zone, work->apex, work->cli->comment, false};
    bool is_dry_run = false;
    unsigned batches;

    if (!cli_value_flag(work->cli, CLI_VALUE_DRY_RUN, &is_dry_run))
        return CLI_USAGE;
    if (difference->count == 0)
        return cli_say(work->cli, "nothing to change: the zone is as in %s", work->file);
    int status = show(work, difference);
    if (status != CLI_OK || is_dry_run)
        return status;
    status = difference_send(work->cli, difference, &target, &batches);
    if (status == CLI_OK && !work->cli->is_json)
        status = cli_say(work->cli, "changed %zu record sets in %u batch%s", difference->count,
                         batches, batches == 1 ? "" : "es");
    return status;
}

int zone_apply_run(struct cli *cli)
{
    struct work work = {.cli = cli,
                        .zone = cli->word_count > 1 ? cli->words[0] : NULL,
                        .file = cli->words[cli->word_count - 1]};
    struct difference difference = {.count = 0};
    char name[DNS_NAME_TEXT_SIZE];

    if (!cli_value_flag(cli, CLI_VALUE_DROP_ROUTING, &work.drops_routing))
        return CLI_USAGE;
    int status = read_file(&work);
    if (status == CLI_OK && !work.zone) {
        dns_name_format(work.apex, name, sizeof(name));
        work.zone = name;
    }
    if (status == CLI_OK)
        status = read_present(&work);
    if (status == CLI_OK && compute(&work, &difference) != 0)
        status = cli_fail(cli, CLI_REFUSED, "out of memory");
    if (status == CLI_OK)
        status = make_equal(&work, &difference);
    difference_fini(&difference);
    work_fini(&work);
    return status;
}
