/* node/cli/delegation_commands.c: reusable delegation sets, and limits. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define SETS_PAGE 500

static void server_text(const ProtobufCBinaryData *name, char out[DNS_NAME_TEXT_SIZE])
{
    out[0] = '\0';
    if (dns_name_check(name->data, name->len) == (int)name->len)
        dns_name_format(name->data, out, DNS_NAME_TEXT_SIZE);
}

static json_t *set_json(const Ctl__DelegationSetReply *set)
{
    char name[DNS_NAME_TEXT_SIZE];
    json_t *servers = json_array();

    for (size_t i = 0; i < set->n_name_servers; i++) {
        server_text(&set->name_servers[i], name);
        json_array_append_new(servers, json_string(name));
    }
    return json_pack("{s:s, s:s, s:I, s:o}", "id", set->id, "caller_reference",
                     set->caller_reference, "zones", (json_int_t)set->zone_count, "name_servers",
                     servers);
}

static void print_set(const Ctl__DelegationSetReply *set)
{
    char name[DNS_NAME_TEXT_SIZE];

    printf("id           %s\nreference    %s\nzones        %" PRIu64 "\n", set->id,
           set->caller_reference, set->zone_count);
    for (size_t i = 0; i < set->n_name_servers; i++) {
        server_text(&set->name_servers[i], name);
        printf("%-12s %s\n", i == 0 ? "name servers" : "", name);
    }
}

static int ask_set(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    if (!reply->delegation_set)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no delegation set", cli->node);
    else if (cli->is_json)
        output_json(set_json(reply->delegation_set));
    else
        print_set(reply->delegation_set);
    cli_free_reply(reply);
    return status;
}

static int run_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetCreate create = CTL__DELEGATION_SET_CREATE__INIT;
    const char *zone = cli_value(cli, CLI_VALUE_ZONE);

    create.caller_reference = (char *)(cli->caller_reference ? cli->caller_reference : "");
    create.zone = (char *)(zone ? zone : "");
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_CREATE;
    request.delegation_set_create = &create;
    return ask_set(cli, &request);
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetGet get = CTL__DELEGATION_SET_GET__INIT;

    get.id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_GET;
    request.delegation_set_get = &get;
    return ask_set(cli, &request);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetDelete deletion = CTL__DELEGATION_SET_DELETE__INIT;

    deletion.id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_DELETE;
    request.delegation_set_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void list_page(json_t *array, struct table *table, const Ctl__DelegationSetListReply *page)
{
    char name[DNS_NAME_TEXT_SIZE];

    for (size_t i = 0; i < page->n_delegation_sets; i++) {
        const Ctl__DelegationSetReply *set = page->delegation_sets[i];
        if (array) {
            json_array_append_new(array, set_json(set));
            continue;
        }
        name[0] = '\0';
        if (set->n_name_servers > 0)
            server_text(&set->name_servers[0], name);
        table_next_row(table);
        table_cell(table, 0, "%s", set->id);
        table_cell(table, 1, "%" PRIu64, set->zone_count);
        table_cell(table, 2, "%zu", set->n_name_servers);
        table_cell(table, 3, "%s", name);
        table_cell(table, 4, "%s", set->caller_reference);
    }
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__DelegationSetList list = CTL__DELEGATION_SET_LIST__INIT;
    json_t *array = cli->is_json ? json_array() : NULL;
    struct table table;
    char start[64] = "";
    bool has_more = true;
    int status = CLI_OK;

    list.limit = SETS_PAGE;
    list.start_id = start;
    request.kind_case = CTL__REQUEST__KIND_DELEGATION_SET_LIST;
    request.delegation_set_list = &list;
    table_init(&table, "ID|ZONES|NAME SERVERS|FIRST|REFERENCE");
    while (has_more) {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        has_more = false;
        if (reply->delegation_set_list) {
            list_page(array, &table, reply->delegation_set_list);
            snprintf(start, sizeof(start), "%s", reply->delegation_set_list->next_id);
            has_more = start[0] != '\0';
        }
        cli_free_reply(reply);
    }
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}

static void print_limits(const struct cli *cli, const Ctl__LimitsReply *limits)
{
    json_t *array = cli->is_json ? json_array() : NULL;
    struct table table;

    table_init(&table, "LIMIT|AT MOST|NOW");
    for (size_t i = 0; i < limits->n_limits; i++) {
        const Ctl__Limit *limit = limits->limits[i];
        if (array) {
            json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "type", limit->type, "value",
                                                   (json_int_t)limit->value, "count",
                                                   (json_int_t)limit->count));
            continue;
        }
        table_next_row(&table);
        table_cell(&table, 0, "%s", limit->type);
        table_cell(&table, 1, "%" PRIu64, limit->value);
        table_cell(&table, 2, "%" PRIu64, limit->count);
    }
    if (array)
        output_json(array);
    else
        table_print(&table);
}

static int run_limits(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Limits limits = CTL__LIMITS__INIT;
    struct Ctl__Reply *reply;
    const char *zone = cli_value(cli, CLI_VALUE_ZONE), *set;

    set = cli_value(cli, CLI_VALUE_DELEGATION_SET);
    limits.zone = (char *)(zone ? zone : "");
    limits.delegation_set_id = (char *)(set ? set : "");
    if (cli->word_count == 1)
        return cli_fail(cli, CLI_USAGE, "say the number too, or 'usual'");
    if (cli->word_count == 2) {
        limits.set_type = (char *)cli->words[0];
        limits.set_value = (char *)(strcmp(cli->words[1], "usual") == 0 ? "" : cli->words[1]);
    }
    request.kind_case = CTL__REQUEST__KIND_LIMITS;
    request.limits = &limits;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (reply->limits)
        print_limits(cli, reply->limits);
    else
        status = cli_fail(cli, CLI_REFUSED, "%s sent no limits", cli->node);
    cli_free_reply(reply);
    return status;
}

static const enum cli_option create_options[] = {CLI_VALUE_ZONE, CLI_OPTION_CALLER_REFERENCE, 0};
static const enum cli_option limit_options[] = {CLI_VALUE_ZONE, CLI_VALUE_DELEGATION_SET, 0};

const struct cli_command cli_delegation_commands[] = {
    {"delegation-set", "create", NULL, 0, 0, "name servers that several zones may be made with",
     "They are those of the cluster now, or (--zone) those that a zone has. Zones keep them when "
     "the cluster's nodes change.\n\n"
     "  quartet delegation-set create\n"
     "  quartet zone create example.com --delegation-set N0123456789ABCDEFGHIJ",
     create_options, false, run_create},
    {"delegation-set", "list", NULL, 0, 0, "all delegation sets", NULL, NULL, false, run_list},
    {"delegation-set", "show", "ID", 1, 1, "one delegation set and its name servers", NULL, NULL,
     false, run_show},
    {"delegation-set", "delete", "ID", 1, 1, "delete a delegation set that no zone is of", NULL,
     NULL, false, run_delete},
    {0},
};

const struct cli_command cli_limit_commands[] = {
    {NULL, "limits", "[TYPE NUMBER]", 0, 2, "how many of a thing there may be, and are",
     "With a type and a number, or 'usual', that limit is set first. The types are Route 53's: "
     "MAX_HOSTED_ZONES_BY_OWNER and what else is listed; MAX_RRSETS_BY_ZONE and "
     "MAX_VPCS_ASSOCIATED_BY_ZONE (shown by --zone); MAX_ZONES_BY_REUSABLE_DELEGATION_SET (shown "
     "by --delegation-set).\n\n"
     "  quartet limits\n"
     "  quartet limits MAX_HOSTED_ZONES_BY_OWNER 500\n"
     "  quartet limits --zone example.com",
     limit_options, false, run_limits},
    {0},
};
