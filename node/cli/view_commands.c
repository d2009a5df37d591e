/* node/cli/view_commands.c: VPCs: which clients they are, and which private zones those see. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/prefix.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/zone_vpc.h"
#include "proto/control.pb-c.h"

#define NETWORK_LEN_MAX 17u /* length in bits, 4 or 16 octets */
#define REGION_DEFAULT "us-east-1"
#define VPC_ID_SIZE 65u /* with NUL */

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* "192.0.2.0/24" to a network of a command. false: told. */
static bool take_network(const struct cli *cli, const char *text, uint8_t storage[NETWORK_LEN_MAX],
                         ProtobufCBinaryData *out)
{
    struct prefix prefix;
    const char *reason;

    if (prefix_parse(text, &prefix, &reason) != 0) {
        cli_fail(cli, CLI_USAGE, "'%s' is no network: %s", text, reason);
        return false;
    }
    storage[0] = prefix.len;
    memcpy(storage + 1, prefix.octets, prefix.is_ipv6 ? 16 : 4);
    *out = (ProtobufCBinaryData){prefix.is_ipv6 ? 17 : 5, storage};
    return true;
}

static int run_set(struct cli *cli)
{
    static uint8_t octets[CLI_WORDS_MAX][NETWORK_LEN_MAX];
    static ProtobufCBinaryData networks[CLI_WORDS_MAX];
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ViewSet set = CTL__VIEW_SET__INIT;

    for (unsigned i = 1; i < cli->word_count; i++) {
        if (!take_network(cli, cli->words[i], octets[i], &networks[set.n_networks++]))
            return CLI_USAGE;
    }
    set.vpc_id = text_of(cli->words[0]);
    set.networks = networks;
    request.kind_case = CTL__REQUEST__KIND_VIEW_SET;
    request.view_set = &set;
    return cli_ask_and_say(cli, &request);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ViewDelete deletion = CTL__VIEW_DELETE__INIT;

    deletion.vpc_id = text_of(cli->words[0]);
    request.kind_case = CTL__REQUEST__KIND_VIEW_DELETE;
    request.view_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void network_text(const ProtobufCBinaryData *network, char out[PREFIX_TEXT_SIZE])
{
    struct prefix prefix = {0};

    out[0] = '\0';
    if (network->len != 5 && network->len != NETWORK_LEN_MAX)
        return;
    prefix.is_ipv6 = network->len == NETWORK_LEN_MAX;
    prefix.len = network->data[0];
    memcpy(prefix.octets, network->data + 1, network->len - 1);
    prefix_format(&prefix, out);
}

static json_t *view_json(const Ctl__View *view)
{
    json_t *networks = json_array();
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < view->n_networks; i++) {
        network_text(&view->networks[i], text);
        json_array_append_new(networks, json_string(text));
    }
    return json_pack("{s:s, s:o, s:I}", "vpc", view->vpc_id, "networks", networks, "zones",
                     (json_int_t)view->zone_count);
}

/* A row a network: the view stands in the first. */
static void add_view(struct table *table, const Ctl__View *view)
{
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < view->n_networks; i++) {
        network_text(&view->networks[i], text);
        table_next_row(table);
        table_cell(table, 0, "%s", i == 0 ? view->vpc_id : "");
        if (i == 0)
            table_cell(table, 1, "%" PRIu64, view->zone_count);
        table_cell(table, 2, "%s", text);
    }
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ViewList list = CTL__VIEW_LIST__INIT;
    json_t *array = cli->is_json ? json_array() : NULL;
    struct Ctl__Reply *reply;
    struct table table;

    request.kind_case = CTL__REQUEST__KIND_VIEW_LIST;
    request.view_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK) {
        json_decref(array);
        return status;
    }
    table_init(&table, "VPC|ZONES|NETWORK");
    for (size_t i = 0; reply->view_list && i < reply->view_list->n_views; i++) {
        if (array)
            json_array_append_new(array, view_json(reply->view_list->views[i]));
        else
            add_view(&table, reply->view_list->views[i]);
    }
    if (array)
        output_json(array);
    else
        table_print(&table);
    cli_free_reply(reply);
    return CLI_OK;
}

/* ---- VPCs of a zone ---- */

static void read_region(const struct cli *cli, Cmd__Vpc *out)
{
    const char *region = cli_value(cli, CLI_VALUE_VPC_REGION);

    out->region = text_of(region ? region : REGION_DEFAULT);
}

bool zone_vpc_read(const struct cli *cli, struct Cmd__Vpc *out)
{
    const char *id = cli_value(cli, CLI_VALUE_VPC);

    if (!id)
        return false;
    out->id = text_of(id);
    read_region(cli, out);
    return true;
}

static int change(struct cli *cli, Cmd__VpcOperation operation)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__VpcChange change = CTL__VPC_CHANGE__INIT;
    Cmd__Vpc vpc = CMD__VPC__INIT;

    vpc.id = text_of(cli->words[1]);
    read_region(cli, &vpc);
    change.operation = operation;
    change.zone = text_of(cli->words[0]);
    change.vpc = &vpc;
    change.comment = text_of(cli->comment ? cli->comment : "");
    request.kind_case = CTL__REQUEST__KIND_VPC_CHANGE;
    request.vpc_change = &change;
    return cli_ask_and_say(cli, &request);
}

int zone_associate_run(struct cli *cli)
{
    return change(cli, CMD__VPC_OPERATION__VPC_OPERATION_ASSOCIATE);
}

int zone_disassociate_run(struct cli *cli)
{
    return change(cli, CMD__VPC_OPERATION__VPC_OPERATION_DISASSOCIATE);
}

int zone_authorize_run(struct cli *cli)
{
    return change(cli, CMD__VPC_OPERATION__VPC_OPERATION_AUTHORIZE);
}

int zone_deauthorize_run(struct cli *cli)
{
    return change(cli, CMD__VPC_OPERATION__VPC_OPERATION_DEAUTHORIZE);
}

static void add_authorizations(const Ctl__VpcAuthorizationsReply *reply, json_t *array,
                               struct table *table)
{
    for (size_t i = 0; i < reply->n_vpcs; i++) {
        const Cmd__Vpc *vpc = reply->vpcs[i];
        if (array) {
            json_array_append_new(array,
                                  json_pack("{s:s, s:s}", "id", vpc->id, "region", vpc->region));
            continue;
        }
        table_next_row(table);
        table_cell(table, 0, "%s", vpc->id);
        table_cell(table, 1, "%s", vpc->region);
    }
}

/* All pages, each from where the one before ended: @next, which is empty at the end. */
static int ask_authorizations(struct cli *cli, json_t *array, struct table *table)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__VpcAuthorizations list = CTL__VPC_AUTHORIZATIONS__INIT;
    char next[VPC_ID_SIZE] = "";
    struct Ctl__Reply *reply;

    list.zone = text_of(cli->words[0]);
    list.start_vpc_id = next;
    request.kind_case = CTL__REQUEST__KIND_VPC_AUTHORIZATIONS;
    request.vpc_authorizations = &list;
    do {
        int status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            return status;
        next[0] = '\0';
        if (reply->vpc_authorizations) {
            add_authorizations(reply->vpc_authorizations, array, table);
            snprintf(next, sizeof(next), "%s", reply->vpc_authorizations->next_vpc_id);
        }
        cli_free_reply(reply);
    } while (next[0]);
    return CLI_OK;
}

int zone_authorizations_run(struct cli *cli)
{
    json_t *array = cli->is_json ? json_array() : NULL;
    struct table table;

    table_init(&table, "VPC|REGION");
    int status = ask_authorizations(cli, array, &table);
    if (status != CLI_OK)
        json_decref(array);
    else if (array)
        output_json(array);
    else
        table_print(&table);
    return status;
}

const struct cli_command cli_view_commands[] = {
    {"view", "set", "VPC NETWORK...", 2, CLI_WORDS_MAX,
     "say which networks the clients of a VPC are in",
     "Clients whose address is in one of them see the private zones that the VPC is associated "
     "with; of several networks that hold an address the longest counts. The address is the one "
     "that a question comes from, which is the resolver's where there is one. Networks that the "
     "view had before and that are not named again leave it.\n\n"
     "  quartet view set vpc-0a1b2c3d 10.1.0.0/16 2001:db8:1::/48",
     NULL, false, run_set},
    {"view", "list", NULL, 0, 0, "list the VPCs that have networks", NULL, NULL, false, run_list},
    {"view", "delete", "VPC", 1, 1, "take its networks from a VPC that no zone has", NULL, NULL,
     false, run_delete},
    {0},
};
