#include "cli/zone_history.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/difference.h"
#include "cli/output.h"
#include "cli/record_view.h"
#include "proto/control.pb-c.h"

/* ---- one change ---- */

/* In the words of enum state_change_kind. */
static const char *kind_text(uint32_t kind)
{
    static const char *const texts[] = {"", "record sets", "zone created", "zone deleted",
                                        "imported"};

    return kind < sizeof(texts) / sizeof(texts[0]) ? texts[kind] : "";
}

/* One side of a step; NULL in *@set: there is none. */
static int take_side(const Cmd__RecordSet *from, struct record_view *view,
                     struct zone_record_set *storage, const struct zone_record_set **set)
{
    *set = from ? storage : NULL;
    return from ? record_view_fill(from, view, storage) : 0;
}

static int take_steps(const Ctl__ChangeShowReply *reply, bool is_reverse, struct difference *out)
{
    static struct record_view views[2];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < reply->n_steps; i++) {
        const Ctl__ChangeStep *step = reply->steps[is_reverse ? reply->n_steps - 1 - i : i];
        struct zone_record_set storage[2];
        const struct zone_record_set *before, *after;
        rc = take_side(step->before, &views[0], &storage[0], &before);
        if (rc == 0)
            rc = take_side(step->after, &views[1], &storage[1], &after);
        if (rc == 0)
            rc = is_reverse ? difference_add(out, after, before)
                            : difference_add(out, before, after);
    }
    return rc;
}

/* Ask for @change; its steps, turned round if @is_reverse, go to @out. */
static int ask_change(struct cli *cli, const char *change, bool is_reverse, struct difference *out,
                      struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeShow show = CTL__CHANGE_SHOW__INIT;

    show.change_id = (char *)change;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_SHOW;
    request.change_show = &show;
    int status = cli_ask(cli, &request, reply);
    if (status != CLI_OK)
        return status;
    const Ctl__ChangeShowReply *shown = (*reply)->change_show;
    int rc = shown && shown->change ? take_steps(shown, is_reverse, out) : ERR_INVALID;
    if (rc == 0)
        return CLI_OK;
    cli_free_reply(*reply);
    return cli_fail(cli, CLI_REFUSED, "%s sent no change that makes sense: %s", cli->node,
                    err_text(rc));
}

static void print_heading(const Ctl__ChangeReply *change, uint32_t kind)
{
    char time[CLOCK_TEXT_LEN];

    clock_format(change->time_wall_ms, time);
    printf("change   %s\ntime     %s\nactor    %s\nkind     %s\n", change->change_id, time,
           change->actor, kind_text(kind));
    if (change->comment[0])
        printf("comment  %s\n", change->comment);
}

static json_t *change_object(const Ctl__ChangeReply *change, uint32_t kind)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:s}", "id", change->change_id, "time",
                     output_json_time(change->time_wall_ms), "actor", change->actor, "comment",
                     change->comment, "kind", kind_text(kind));
}

static int show_change(struct cli *cli, const char *id, json_t *array)
{
    struct difference difference = {.count = 0};
    struct Ctl__Reply *reply;
    int status = ask_change(cli, id, false, &difference, &reply);

    if (status == CLI_OK) {
        const Ctl__ChangeShowReply *shown = reply->change_show;
        if (array) {
            json_t *object = change_object(shown->change, shown->kind);
            json_object_set_new(object, "steps", difference_json(&difference));
            json_array_append_new(array, object);
        } else {
            print_heading(shown->change, shown->kind);
            status = difference_print(cli, &difference);
        }
        cli_free_reply(reply);
    }
    difference_fini(&difference);
    return status;
}

/* ---- log ---- */

static int ask_list(struct cli *cli, uint32_t limit, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeList list = CTL__CHANGE_LIST__INIT;

    list.zone = (char *)cli->words[0];
    list.limit = limit;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_LIST;
    request.change_list = &list;
    int status = cli_ask(cli, &request, reply);
    if (status == CLI_OK && !(*reply)->change_list) {
        cli_free_reply(*reply);
        status = cli_fail(cli, CLI_REFUSED, "%s sent no changes", cli->node);
    }
    return status;
}

int zone_log_run(struct cli *cli)
{
    struct Ctl__Reply *reply;
    int status = ask_list(cli, cli->limit, &reply);

    if (status != CLI_OK)
        return status;
    const Ctl__ChangeListReply *list = reply->change_list;
    json_t *array = cli->is_json ? json_array() : NULL;
    for (size_t i = 0; status == CLI_OK && i < list->n_changes; i++) {
        if (!array && i > 0)
            printf("\n");
        status = show_change(cli, list->changes[i]->change_id, array);
    }
    cli_free_reply(reply);
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    json_decref(array);
    return status;
}

/* ---- diff ---- */

/* The zone's newest change, if none was named. */
static int find_change(struct cli *cli, char out[64])
{
    struct Ctl__Reply *reply;

    if (cli->word_count > 1) {
        snprintf(out, 64, "%s", cli->words[1]);
        return CLI_OK;
    }
    int status = ask_list(cli, 1, &reply);
    if (status != CLI_OK)
        return status;
    if (reply->change_list->n_changes == 0)
        status = cli_fail(cli, CLI_REFUSED, "no change of %s is remembered", cli->words[0]);
    else
        snprintf(out, 64, "%s", reply->change_list->changes[0]->change_id);
    cli_free_reply(reply);
    return status;
}

int zone_diff_run(struct cli *cli)
{
    char id[64];
    json_t *array = cli->is_json ? json_array() : NULL;
    int status = find_change(cli, id);

    if (status == CLI_OK)
        status = show_change(cli, id, array);
    if (status == CLI_OK && array)
        output_json(json_incref(json_array_get(array, 0)));
    json_decref(array);
    return status;
}

/* ---- revert ---- */

#define KIND_RECORD_SETS 1u /* of ChangeShowReply */

static int send_reverse(struct cli *cli, const Ctl__ChangeReply *change,
                        const struct difference *reverse, const uint8_t *apex)
{
    char comment[96];
    bool is_forced = false;
    unsigned batches;

    if (!cli_value_flag(cli, CLI_VALUE_FORCE, &is_forced))
        return CLI_USAGE;
    if (reverse->count > 500 && !is_forced)
        return cli_fail(cli, CLI_REFUSED,
                        "it changed %zu record sets; more than 500 are taken back only by --force, "
                        "which also takes back what was changed since",
                        reverse->count);
    snprintf(comment, sizeof(comment), "reverts %s", change->change_id);
    struct difference_target target = {change->zone_id, apex, cli->comment ? cli->comment : comment,
                                       is_forced};
    int status = difference_send(cli, reverse, &target, &batches);
    if (status == CLI_OK)
        status = cli_say(cli, "took back %zu changes of record sets", reverse->count);
    return status;
}

/* The change's zone must be the one that was named. */
static int check_zone(struct cli *cli, const Ctl__ChangeReply *change, uint8_t apex[DNS_NAME_MAX])
{
    uint8_t named[DNS_NAME_MAX];
    int status = cli_zone_apex(cli, cli->words[0], named);

    if (status == CLI_OK)
        status = cli_zone_apex(cli, change->zone_id, apex);
    if (status == CLI_OK && !dns_name_is_equal(named, apex))
        status = cli_fail(cli, CLI_REFUSED, "change %s was of another zone", change->change_id);
    return status;
}

int zone_revert_run(struct cli *cli)
{
    struct difference reverse = {.count = 0};
    struct Ctl__Reply *reply;
    uint8_t apex[DNS_NAME_MAX];
    char id[64];
    int status = find_change(cli, id);

    if (status == CLI_OK)
        status = ask_change(cli, id, true, &reverse, &reply);
    if (status == CLI_OK) {
        const Ctl__ChangeShowReply *shown = reply->change_show;
        status = check_zone(cli, shown->change, apex);
        if (status == CLI_OK && shown->kind != KIND_RECORD_SETS)
            status = cli_fail(cli, CLI_REFUSED,
                              "change %s (%s) keeps no record sets, so it cannot be taken back", id,
                              kind_text(shown->kind));
        if (status == CLI_OK)
            status = send_reverse(cli, shown->change, &reverse, apex);
        cli_free_reply(reply);
    }
    difference_fini(&reverse);
    return status;
}
