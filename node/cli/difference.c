#include "cli/difference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/record_view.h"
#include "cli/routing_message.h"
#include "cli/set_copy.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"
#include "zone/routing.h"

#define CHANGES_MAX 1000u          /* of one batch */
#define BATCH_LEN_MAX (400u << 10) /* octets, roughly: a command may have 900 KiB */

int difference_add(struct difference *difference, const struct zone_record_set *before,
                   const struct zone_record_set *after)
{
    if (difference->count == difference->capacity) {
        size_t capacity = difference->capacity ? difference->capacity * 2 : 64;
        struct difference_step *grown = realloc(difference->steps, capacity * sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        difference->steps = grown;
        difference->capacity = capacity;
    }
    struct difference_step step = {before ? set_copy_new(before) : NULL,
                                   after ? set_copy_new(after) : NULL};
    if ((before && !step.before) || (after && !step.after)) {
        free(step.before);
        free(step.after);
        return ERR_NOMEM;
    }
    difference->steps[difference->count++] = step;
    return 0;
}

void difference_fini(struct difference *difference)
{
    for (size_t i = 0; i < difference->count; i++) {
        free(difference->steps[i].before);
        free(difference->steps[i].after);
    }
    free(difference->steps);
}

/* ---- showing ---- */

int difference_print(struct cli *cli, const struct difference *difference)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < difference->count; i++) {
        const struct difference_step *step = &difference->steps[i];
        if (step->before)
            rc = record_view_print_behind("- ", step->before);
        if (rc == 0 && step->after)
            rc = record_view_print_behind("+ ", step->after);
    }
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_REFUSED, "a record set: %s", err_text(rc));
}

struct json_t *difference_json(const struct difference *difference)
{
    json_t *steps = json_array();

    for (size_t i = 0; i < difference->count; i++) {
        const struct difference_step *step = &difference->steps[i];
        json_array_append_new(
            steps, json_pack("{s:o, s:o}", "before",
                             step->before ? record_view_json(step->before) : json_null(), "after",
                             step->after ? record_view_json(step->after) : json_null()));
    }
    return steps;
}

/* ---- sending ---- */

struct batch {
    Cmd__Change changes[CHANGES_MAX], *pointers[CHANGES_MAX];
    size_t count, octets;
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        record_message_free(batch->changes[i].record_set);
    batch->count = batch->octets = 0;
}

/* About what a set takes in a message, rather more than less. */
static size_t octets_of(const struct zone_record_set *set)
{
    size_t octets = 320u + dns_name_len(set->name) + set->set_identifier_len;

    for (unsigned i = 0; i < set->rdata_count; i++)
        octets += 8u + set->rdatas[i].len;
    return octets;
}

static int batch_add(struct batch *batch, Cmd__Action action, const struct zone_record_set *set)
{
    Cmd__Change *change = &batch->changes[batch->count];

    cmd__change__init(change);
    change->action = action;
    change->record_set = record_message_new(set);
    if (!change->record_set)
        return ERR_NOMEM;
    batch->pointers[batch->count++] = change;
    batch->octets += octets_of(set);
    return 0;
}

static bool is_apex_own(const struct zone_record_set *set, const uint8_t *apex)
{
    return dns_name_is_equal(set->name, apex) &&
           (set->type == DNS_TYPE_SOA || set->type == DNS_TYPE_NS);
}

static int add_step(struct batch *batch, const struct difference_step *step,
                    const struct difference_target *target)
{
    bool is_upsert = step->after && ((step->before && is_apex_own(step->after, target->apex)) ||
                                     target->is_forced);
    int rc = 0;

    if (is_upsert)
        return batch_add(batch, CMD__ACTION__ACTION_UPSERT, step->after);
    if (step->before)
        rc = batch_add(batch, CMD__ACTION__ACTION_DELETE, step->before);
    if (rc == 0 && step->after)
        rc = batch_add(batch, CMD__ACTION__ACTION_CREATE, step->after);
    return rc;
}

static const struct zone_record_set *any_of(const struct difference_step *step)
{
    return step->after ? step->after : step->before;
}

/* What is sent first: deletions of aliases, then all but aliases, then aliases. Within that by
 * name, so that what stands at one name changes at once. */
static int phase_of(const struct difference_step *step)
{
    bool was_alias = step->before && step->before->routing && step->before->routing->is_alias;
    bool is_alias = step->after && step->after->routing && step->after->routing->is_alias;

    return is_alias ? 2 : was_alias && !step->after ? 0 : 1;
}

static int compare_steps(const void *a, const void *b)
{
    const struct difference_step *x = *(const struct difference_step *const *)a;
    const struct difference_step *y = *(const struct difference_step *const *)b;
    int order = phase_of(x) - phase_of(y);

    if (order == 0)
        order = dns_name_compare(any_of(x)->name, any_of(y)->name);
    if (order == 0) /* deletions make room for others of the name */
        order = (x->after != NULL) - (y->after != NULL);
    return order != 0 ? order : set_copy_compare_keys(any_of(x), any_of(y));
}

static int send_batch(struct cli *cli, const struct batch *batch,
                      const struct difference_target *target, bool is_last)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange change = CTL__RECORD_CHANGE__INIT;
    struct Ctl__Reply *reply;

    change.zone = (char *)target->zone;
    change.comment = target->comment ? (char *)target->comment : "";
    change.n_changes = batch->count;
    change.changes = (Cmd__Change **)batch->pointers;
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

/* Steps still to be sent; the first one of a batch is always in it. */
struct queue {
    const struct difference_step *const *steps;
    size_t count, next;
};

static bool begins_name(const struct queue *queue)
{
    const struct difference_step *step = queue->steps[queue->next];
    const struct difference_step *last = queue->steps[queue->next - 1];

    return phase_of(step) != phase_of(last) ||
           !dns_name_is_equal(any_of(step)->name, any_of(last)->name);
}

/* Does the batch end before the next step? It must when it is full; once it is nearly full, it does
 * at a new name, so that what stands at one name changes at once. */
static bool is_over(const struct batch *batch, const struct queue *queue)
{
    const struct difference_step *step = queue->steps[queue->next];
    size_t needed = step->before && step->after ? 2 : 1;
    size_t rest = queue->count - queue->next;

    if (batch->count == 0)
        return false;
    if (batch->count + needed > CHANGES_MAX || batch->octets > BATCH_LEN_MAX)
        return true;
    return batch->count > CHANGES_MAX / 10 * 9 && batch->count + 2 * rest > CHANGES_MAX &&
           begins_name(queue);
}

static int fill_batch(struct batch *batch, struct queue *queue,
                      const struct difference_target *target)
{
    int rc = 0;

    while (rc == 0 && queue->next < queue->count && !is_over(batch, queue))
        rc = add_step(batch, queue->steps[queue->next++], target);
    return rc;
}

static int send_steps(struct cli *cli, struct queue *queue, const struct difference_target *target,
                      unsigned *batches)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    int status = batch ? CLI_OK : cli_fail(cli, CLI_REFUSED, "out of memory");

    while (status == CLI_OK && queue->next < queue->count) {
        size_t begin = queue->next;
        int rc = fill_batch(batch, queue, target);
        status = rc == 0 ? send_batch(cli, batch, target, queue->next == queue->count)
                         : cli_fail(cli, CLI_REFUSED, "%s", err_text(rc));
        batch_clear(batch);
        if (status == CLI_OK)
            ++*batches;
        else if (begin > 0)
            fprintf(stderr, "quartet: %zu of %zu changes were made before\n", begin, queue->count);
    }
    free(batch);
    return status;
}

int difference_send(struct cli *cli, const struct difference *difference,
                    const struct difference_target *target, unsigned *batches)
{
    const struct difference_step **steps = malloc((difference->count + 1) * sizeof(*steps));

    *batches = 0;
    if (!steps)
        return cli_fail(cli, CLI_REFUSED, "out of memory");
    for (size_t i = 0; i < difference->count; i++)
        steps[i] = &difference->steps[i];
    qsort(steps, difference->count, sizeof(*steps), compare_steps);
    struct queue queue = {.steps = steps, .count = difference->count};
    int status = send_steps(cli, &queue, target, batches);
    free(steps);
    return status;
}
