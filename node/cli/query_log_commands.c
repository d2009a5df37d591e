/* node/cli/query_log_commands.c: which zones' queries are logged. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define ARN_SIZE 1100u
#define GROUP_LEN_MAX 512u
#define ARN_HEAD "arn:aws:logs:us-east-1:000000000000:log-group:"

static json_t *config_json(const Ctl__QueryLoggingReply *config)
{
    return json_pack("{s:s, s:s, s:s}", "id", config->id, "zone_id", config->zone_id,
                     "log_group_arn", config->log_group_arn);
}

/* The second word, or a log group named after the zone, as an ARN. */
static void arn_of(const struct cli *cli, char out[ARN_SIZE])
{
    const char *group = cli->word_count > 1 ? cli->words[1] : NULL;

    if (group && strncmp(group, "arn:", 4) == 0) {
        snprintf(out, ARN_SIZE, "%.1000s", group);
        return;
    }
    snprintf(out, ARN_SIZE, ARN_HEAD "%s%.*s", group ? "" : "/aws/route53/", (int)GROUP_LEN_MAX,
             group ? group : cli->words[0]);
    size_t len = strlen(out);
    if (!group && len > 0 && out[len - 1] == '.')
        out[len - 1] = '\0';
}

static int run_enable(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingCreate create = CTL__QUERY_LOGGING_CREATE__INIT;
    struct Ctl__Reply *reply;
    char arn[ARN_SIZE];

    arn_of(cli, arn);
    create.zone = (char *)cli->words[0];
    create.log_group_arn = arn;
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_CREATE;
    request.query_logging_create = &create;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->query_logging)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no configuration", cli->node);
    else if (cli->is_json)
        output_json(config_json(reply->query_logging));
    else
        printf("every node logs queries of %s from now on\nid         %s\nlog group  %s\n",
               cli->words[0], reply->query_logging->id, reply->query_logging->log_group_arn);
    cli_free_reply(reply);
    return status;
}

/* One page of the configurations, of @zone or of all ("" ). */
static int ask_page(struct cli *cli, const char *zone, const char *start_id,
                    struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingList list = CTL__QUERY_LOGGING_LIST__INIT;

    list.zone = (char *)zone;
    list.start_id = (char *)start_id;
    list.limit = 1000;
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_LIST;
    request.query_logging_list = &list;
    int status = cli_ask(cli, &request, reply);
    if (status == CLI_OK && !(*reply)->query_logging_list) {
        cli_free_reply(*reply);
        status = cli_fail(cli, CLI_REFUSED, "%s sent no list", cli->node);
    }
    return status;
}

static int run_disable(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingDelete deletion = CTL__QUERY_LOGGING_DELETE__INIT;
    struct Ctl__Reply *reply;
    int status = ask_page(cli, cli->words[0], "", &reply);

    if (status != CLI_OK)
        return status;
    if (reply->query_logging_list->n_configs == 0) {
        status = cli_fail(cli, CLI_REFUSED, "queries of %s are not logged", cli->words[0]);
    } else {
        deletion.id = reply->query_logging_list->configs[0]->id;
        request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_DELETE;
        request.query_logging_delete = &deletion;
        status = cli_ask_and_say(cli, &request);
    }
    cli_free_reply(reply);
    return status;
}

static void show_page(const Ctl__QueryLoggingListReply *page, json_t *array, struct table *table)
{
    for (size_t i = 0; i < page->n_configs; i++) {
        if (array) {
            json_array_append_new(array, config_json(page->configs[i]));
            continue;
        }
        table_next_row(table);
        table_cell(table, 0, "%s", page->configs[i]->zone_id);
        table_cell(table, 1, "%s", page->configs[i]->id);
        table_cell(table, 2, "%s", page->configs[i]->log_group_arn);
    }
}

static int run_list(struct cli *cli)
{
    json_t *array = cli->is_json ? json_array() : NULL;
    char start_id[40] = "";
    struct table table;
    int status;

    table_init(&table, "ZONE|ID|LOG GROUP");
    do {
        struct Ctl__Reply *reply;
        status = ask_page(cli, "", start_id, &reply);
        if (status != CLI_OK)
            break;
        show_page(reply->query_logging_list, array, &table);
        snprintf(start_id, sizeof(start_id), "%s", reply->query_logging_list->next_id);
        cli_free_reply(reply);
    } while (start_id[0]);
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}

const struct cli_command cli_query_log_commands[] = {
    {"query-log", "enable", "ZONE [LOG-GROUP]", 1, 2, "log every query that a zone answers",
     "Each node writes its own lines, in Route 53's format, to a file in its query_log folder "
     "(DATA_DIR/query-log unless quartet.yaml says otherwise), named after the last part of the "
     "log group's name, or to syslog. LOG-GROUP is a name or an ARN; without it: "
     "/aws/route53/ZONE.\n\n"
     "  quartet query-log enable example.com",
     NULL, false, run_enable},
    {"query-log", "disable", "ZONE", 1, 1, "log a zone's queries no longer", NULL, NULL, false,
     run_disable},
    {"query-log", "list", NULL, 0, 0, "list the zones whose queries are logged", NULL, NULL, false,
     run_list},
    {0},
};
