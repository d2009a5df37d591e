#include "cli/record_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/record_references.h"
#include "cli/routing_message.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"
#include "route53/route53.h"

#define CHANGES_MAX 1000u          /* of one batch */
#define BATCH_LEN_MAX (400u << 10) /* octets, roughly: a command may have 900 KiB */

/* What is sent of a file, in the order in which it is sent. */
struct plan {
    const struct route53_change **changes;
    size_t count;
    size_t left_out; /* SOA and NS of the apex, from a list */
};

/* A list is of another zone, or of this one before: either way its SOA and NS are not wanted. */
static bool is_apex_own(const struct route53_change *change, const uint8_t *apex)
{
    return dns_name_is_equal(change->set.name, apex) &&
           (change->set.type == DNS_TYPE_SOA || change->set.type == DNS_TYPE_NS);
}

/* ---- the order of a list, which may take several batches ---- */

#define DEPTH_MAX 16u /* as aliases may lead; a loop ends here too, and the node says so */

struct item {
    const struct route53_change *change;
    size_t group; /* sets of one name and type */
};

static int compare_sets(const void *a, const void *b)
{
    const struct zone_record_set *x = &((const struct item *)a)->change->set;
    const struct zone_record_set *y = &((const struct item *)b)->change->set;
    int order = dns_name_compare(x->name, y->name);

    return order != 0 ? order : (x->type > y->type) - (x->type < y->type);
}

/* The group that an alias leads to; NULL: none of this file. */
static const struct item *find_target(const struct item *items, size_t count,
                                      const struct zone_record_set *set)
{
    struct route53_change wanted = {.set = {.name = set->routing->alias_target, .type = set->type}};
    struct item key = {.change = &wanted};

    return bsearch(&key, items, count, sizeof(*items), compare_sets);
}

/* Each group is one deeper than what its aliases lead to. */
static void find_depths(const struct item *items, size_t count, unsigned *depths)
{
    for (unsigned pass = 0; pass < DEPTH_MAX; pass++) {
        for (size_t i = 0; i < count; i++) {
            const struct zone_record_set *set = &items[i].change->set;
            const struct item *target =
                set->routing && set->routing->is_alias ? find_target(items, count, set) : NULL;
            if (target && depths[target->group] + 1 > depths[items[i].group] &&
                depths[items[i].group] < DEPTH_MAX)
                depths[items[i].group] = depths[target->group] + 1;
        }
    }
}

/* What aliases lead to comes before them, and groups stay together. */
static int order_list(const struct route53_change **changes, size_t count)
{
    struct item *items = malloc((count + 1) * sizeof(*items));
    unsigned *depths = calloc(count + 1, sizeof(*depths));
    size_t at = 0;

    if (!items || !depths) {
        free(items);
        free(depths);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = (struct item){changes[i], 0};
    qsort(items, count, sizeof(*items), compare_sets);
    for (size_t i = 1; i < count; i++)
        items[i].group = items[i - 1].group + (compare_sets(&items[i - 1], &items[i]) != 0);
    find_depths(items, count, depths);
    for (unsigned depth = 0; depth <= DEPTH_MAX; depth++) {
        for (size_t i = 0; i < count; i++) {
            if (depths[items[i].group] == depth)
                changes[at++] = items[i].change;
        }
    }
    free(items);
    free(depths);
    return 0;
}

static int make_plan(const struct route53_file *file, const uint8_t *apex, struct plan *out)
{
    size_t count;
    const struct route53_change *changes = route53_changes(file, &count);
    bool is_list = route53_is_list(file);

    memset(out, 0, sizeof(*out));
    out->changes = malloc((count + 1) * sizeof(*out->changes));
    if (!out->changes)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (is_list && is_apex_own(&changes[i], apex))
            out->left_out++;
        else
            out->changes[out->count++] = &changes[i];
    }
    int rc = is_list ? order_list(out->changes, out->count) : 0;
    if (rc != 0)
        free(out->changes);
    return rc;
}

/* About what a set takes in a message, rather more than less. */
static size_t octets_of(const struct zone_record_set *set)
{
    size_t octets = 64u + dns_name_len(set->name) + set->set_identifier_len;

    for (unsigned i = 0; i < set->rdata_count; i++)
        octets += 8u + set->rdatas[i].len;
    if (set->routing)
        octets += 256;
    if (set->routing && set->routing->is_alias)
        octets += dns_name_len(set->routing->alias_target);
    return octets;
}

/* How many changes from @from on go into one batch: sets of one name and type stay together. */
static size_t count_batch(const struct plan *plan, size_t from)
{
    size_t octets = 0, whole = 0, count = 0;

    for (size_t i = from; i < plan->count && count < CHANGES_MAX; i++, count++) {
        const struct zone_record_set *set = &plan->changes[i]->set;
        const struct zone_record_set *last = i > from ? &plan->changes[i - 1]->set : set;
        if (set->type != last->type || !dns_name_is_equal(set->name, last->name))
            whole = count;
        octets += octets_of(set);
        if (octets > BATCH_LEN_MAX && whole > 0)
            return whole;
    }
    return from + count == plan->count || whole == 0 ? count : whole;
}

struct batch {
    Cmd__Change *changes, **pointers;
    size_t count;
};

static void batch_fini(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        record_message_free(batch->changes[i].record_set);
    free(batch->changes);
    free(batch->pointers);
}

static int batch_init(const struct plan *plan, size_t from, size_t count, struct batch *out)
{
    static const Cmd__Action actions[] = {
        [ROUTE53_CREATE] = CMD__ACTION__ACTION_CREATE,
        [ROUTE53_DELETE] = CMD__ACTION__ACTION_DELETE,
        [ROUTE53_UPSERT] = CMD__ACTION__ACTION_UPSERT,
    };

    out->count = 0;
    out->changes = malloc(count * sizeof(*out->changes));
    out->pointers = malloc(count * sizeof(Cmd__Change *));
    for (; out->changes && out->pointers && out->count < count; out->count++) {
        Cmd__Change *change = &out->changes[out->count];
        cmd__change__init(change);
        change->action = actions[plan->changes[from + out->count]->action];
        change->record_set = record_message_new(&plan->changes[from + out->count]->set);
        out->pointers[out->count] = change;
        if (!change->record_set)
            break;
    }
    if (out->count == count)
        return 0;
    batch_fini(out);
    return ERR_NOMEM;
}

static int send_batch(struct cli *cli, const struct batch *batch, const char *comment, bool is_last)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange change = CTL__RECORD_CHANGE__INIT;
    struct Ctl__Reply *reply;

    change.zone = (char *)cli->words[0];
    change.comment = (char *)comment;
    change.n_changes = batch->count;
    change.changes = batch->pointers;
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &change;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (cli->has_wait && is_last)
        status = cli_wait_change(cli, reply->change_id);
    cli_free_reply(reply);
    return status;
}

static int say_done(struct cli *cli, const struct plan *plan, unsigned batches)
{
    const char *word = batches == 1 ? "batch" : "batches";

    if (plan->left_out > 0)
        return cli_say(cli,
                       "made %zu changes in %u %s; SOA and NS of the zone itself were left as they "
                       "are",
                       plan->count, batches, word);
    return cli_say(cli, "made %zu changes in %u %s", plan->count, batches, word);
}

static int send_all(struct cli *cli, const struct plan *plan, const char *comment)
{
    unsigned batches = 0;

    for (size_t from = 0, count; from < plan->count; from += count, batches++) {
        struct batch batch;
        count = count_batch(plan, from);
        if (batch_init(plan, from, count, &batch) != 0)
            return cli_fail(cli, CLI_REFUSED, "out of memory");
        int status = send_batch(cli, &batch, comment, from + count == plan->count);
        batch_fini(&batch);
        if (status != CLI_OK && from > 0)
            fprintf(stderr, "quartet: %zu of %zu changes were made before\n", from, plan->count);
        if (status != CLI_OK)
            return status;
    }
    return say_done(cli, plan, batches);
}

static int apply_file(struct cli *cli, struct route53_file *file, const uint8_t *apex)
{
    const uint8_t *zone = route53_hosted_zone(file);
    struct plan plan;
    size_t collections;

    (void)route53_collections(file, &collections);
    if (zone && !dns_name_is_equal(zone, apex))
        return cli_fail(cli, CLI_REFUSED, "%s: it is for another zone: HostedZone", cli->words[1]);
    if (collections > 0)
        return cli_fail(cli, CLI_REFUSED,
                        "%s: CidrCollections are for quartetd --serve; a cluster has them by "
                        "'quartet cidr create'",
                        cli->words[1]);
    int status = record_references_resolve(cli, file);
    if (status != CLI_OK)
        return status;
    if (make_plan(file, apex, &plan) != 0)
        return cli_fail(cli, CLI_REFUSED, "out of memory");
    if (!route53_is_list(file) && plan.count > CHANGES_MAX)
        status = cli_fail(cli, CLI_REFUSED, "%s: a change batch has at most %u changes, not %zu",
                          cli->words[1], CHANGES_MAX, plan.count);
    else if (plan.count == 0)
        status = cli_fail(cli, CLI_REFUSED, "%s: there is nothing to change in it", cli->words[1]);
    else
        status = send_all(cli, &plan, cli->comment ? cli->comment : route53_comment(file));
    free(plan.changes);
    return status;
}

int record_apply_run(struct cli *cli)
{
    uint8_t apex[DNS_NAME_MAX];
    char error[ROUTE53_ERROR_SIZE];
    struct route53_file *file;
    int status = cli_zone_apex(cli, cli->words[0], apex);

    if (status != CLI_OK)
        return status;
    int rc = route53_load(cli->words[1], &file, error);
    if (rc != 0)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", cli->words[1], error);
    status = apply_file(cli, file, apex);
    route53_free(file);
    return status;
}
