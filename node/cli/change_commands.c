#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

static json_t *change_json(const Ctl__ChangeReply *change)
{
    json_t *laggards = json_array();

    for (size_t i = 0; i < change->n_laggards; i++)
        json_array_append_new(laggards, json_string(change->laggards[i]));
    json_t *object =
        json_pack("{s:s, s:I, s:o, s:s, s:s, s:s, s:i, s:o}", "id", change->change_id, "index",
                  (json_int_t)change->index, "time", output_json_time(change->time_wall_ms),
                  "zone_id", change->zone_id, "actor", change->actor, "comment", change->comment,
                  "actions", (int)change->action_count, "laggards", laggards);
    if (change->status[0])
        json_object_set_new(object, "status", json_string(change->status));
    return object;
}

static void print_change(const Ctl__ChangeReply *change)
{
    char time[CLOCK_TEXT_LEN];

    clock_format(change->time_wall_ms, time);
    printf("change   %s\nstatus   %s", change->change_id, change->status);
    for (size_t i = 0; i < change->n_laggards; i++)
        printf("%s%s", i ? ", " : ", not served yet by ", change->laggards[i]);
    printf("\nindex    %" PRIu64 "\ntime     %s\nzone     %s\nactor    %s\nactions  %u\n",
           change->index, time, change->zone_id, change->actor, change->action_count);
    if (change->comment[0])
        printf("comment  %s\n", change->comment);
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeGet get = CTL__CHANGE_GET__INIT;
    struct Ctl__Reply *reply;

    get.change_id = (char *)cli->words[0];
    get.wait = cli->has_wait;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_GET;
    request.change_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->change) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no change", cli->node);
    } else {
        if (cli->is_json)
            output_json(change_json(reply->change));
        else
            print_change(reply->change);
        if (cli->has_wait && strcmp(reply->change->status, "INSYNC") != 0)
            status = CLI_UNKNOWN;
    }
    cli_free_reply(reply);
    return status;
}

static void print_changes(const Ctl__ChangeListReply *list)
{
    struct table table;

    table_init(&table, "CHANGE|TIME|ZONE|ACTIONS|ACTOR|COMMENT");
    for (size_t i = 0; i < list->n_changes; i++) {
        const Ctl__ChangeReply *change = list->changes[i];
        char time[CLOCK_TEXT_LEN];
        clock_format(change->time_wall_ms, time);
        table_next_row(&table);
        table_cell(&table, 0, "%s", change->change_id);
        table_cell(&table, 1, "%s", time);
        table_cell(&table, 2, "%s", change->zone_id);
        table_cell(&table, 3, "%u", change->action_count);
        table_cell(&table, 4, "%s", change->actor);
        table_cell(&table, 5, "%s", change->comment);
    }
    table_print(&table);
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeList list = CTL__CHANGE_LIST__INIT;
    struct Ctl__Reply *reply;

    list.zone = cli->word_count > 0 ? (char *)cli->words[0] : "";
    list.limit = cli->limit;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_LIST;
    request.change_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->change_list) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no changes", cli->node);
    } else if (cli->is_json) {
        json_t *changes = json_array();
        for (size_t i = 0; i < reply->change_list->n_changes; i++)
            json_array_append_new(changes, change_json(reply->change_list->changes[i]));
        output_json(changes);
    } else {
        print_changes(reply->change_list);
    }
    cli_free_reply(reply);
    return status;
}

static const enum cli_option show_options[] = {CLI_OPTION_WAIT, 0};
static const enum cli_option list_options[] = {CLI_OPTION_LIMIT, 0};

const struct cli_command cli_change_commands[] = {
    {"change", "show", "CHANGE", 1, 1, "is a change served by every live node yet?",
     "Exit status 4 with --wait when it is not within --timeout.\n\n"
     "  quartet change show C0123456789ABCDEFGHIJ --wait",
     show_options, false, run_show},
    {"change", "list", "[ZONE]", 0, 1, "the newest changes", NULL, list_options, false, run_list},
    {0},
};
