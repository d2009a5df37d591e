/* node/cli/traffic_policy_commands.c: traffic policies and their versions. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define DOCUMENT_LEN_MAX 102400u

static json_t *policy_json(const Ctl__TrafficPolicyReply *policy, bool is_version)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "id", policy->id, "name", policy->name, "type",
                  policy->type, "latest_version", (int)policy->latest_version, "version_count",
                  (int)policy->version_count, "instance_count", (int)policy->instance_count);

    if (is_version) {
        json_object_set_new(object, "version", json_integer(policy->version));
        json_object_set_new(object, "comment", json_string(policy->comment));
        json_object_set_new(object, "document", json_string(policy->document));
    }
    return object;
}

static void print_policy(const Ctl__TrafficPolicyReply *policy)
{
    printf("name       %s\nid         %s\ntype       %s\nversion    %u of %u\ninstances  %u\n",
           policy->name, policy->id, policy->type, policy->version, policy->latest_version,
           policy->instance_count);
    if (policy->comment[0] != '\0')
        printf("comment    %s\n", policy->comment);
}

static int ask_policy(struct cli *cli, struct Ctl__Request *request, bool with_document)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    const Ctl__TrafficPolicyReply *policy = reply->traffic_policy;
    if (!policy)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no traffic policy", cli->node);
    else if (cli->is_json)
        output_json(policy_json(policy, true));
    else {
        print_policy(policy);
        if (with_document)
            printf("\n%s\n", policy->document);
    }
    cli_free_reply(reply);
    return status;
}

static int put(struct cli *cli, Ctl__TrafficPolicyPut *put)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    uint8_t *document;
    size_t len;
    int rc = file_read(cli->words[1], DOCUMENT_LEN_MAX, &document, &len);

    if (rc != 0)
        return cli_fail(cli, CLI_USAGE, "%s: %s", cli->words[1], err_text(rc));
    put->document = (char *)document;
    put->comment = cli->comment ? (char *)cli->comment : put->comment;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_PUT;
    request.traffic_policy_put = put;
    int status = memchr(document, '\0', len)
                     ? cli_fail(cli, CLI_USAGE, "%s is no JSON", cli->words[1])
                     : ask_policy(cli, &request, false);
    free(document);
    return status;
}

static int run_create(struct cli *cli)
{
    Ctl__TrafficPolicyPut message = CTL__TRAFFIC_POLICY_PUT__INIT;

    message.name = (char *)cli->words[0];
    return put(cli, &message);
}

static int run_version(struct cli *cli)
{
    Ctl__TrafficPolicyPut message = CTL__TRAFFIC_POLICY_PUT__INIT;

    message.id = (char *)cli->words[0];
    return put(cli, &message);
}

/* The argument VERSION. 0: told. */
static uint32_t version_of(const struct cli *cli, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number >= 1 && number <= 1000)
        return (uint32_t)number;
    cli_fail(cli, CLI_USAGE, "'%s' is no version: they are numbers from 1 to 1000", text);
    return 0;
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyGet get = CTL__TRAFFIC_POLICY_GET__INIT;

    get.id = (char *)cli->words[0];
    if (!cli_value_number(cli, CLI_VALUE_VERSION, &get.version))
        return CLI_USAGE;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_GET;
    request.traffic_policy_get = &get;
    return ask_policy(cli, &request, true);
}

static int run_update(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyUpdate update = CTL__TRAFFIC_POLICY_UPDATE__INIT;

    update.id = (char *)cli->words[0];
    update.version = version_of(cli, cli->words[1]);
    if (update.version == 0)
        return CLI_USAGE;
    update.comment = (char *)cli->words[2];
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_UPDATE;
    request.traffic_policy_update = &update;
    return ask_policy(cli, &request, false);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyDelete deletion = CTL__TRAFFIC_POLICY_DELETE__INIT;

    deletion.id = (char *)cli->words[0];
    deletion.version = version_of(cli, cli->words[1]);
    if (deletion.version == 0)
        return CLI_USAGE;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_DELETE;
    request.traffic_policy_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void show_page(const Ctl__TrafficPolicyListReply *page, bool are_versions, json_t *array,
                      struct table *table)
{
    for (size_t i = 0; i < page->n_policies; i++) {
        const Ctl__TrafficPolicyReply *policy = page->policies[i];
        if (array) {
            json_array_append_new(array, policy_json(policy, are_versions));
            continue;
        }
        table_next_row(table);
        table_cell(table, 0, "%s", policy->name);
        table_cell(table, 1, "%s", policy->id);
        table_cell(table, 2, "%s", policy->type);
        table_cell(table, 3, "%u", are_versions ? policy->version : policy->latest_version);
        if (are_versions)
            table_cell(table, 4, "%s", policy->comment);
        else
            table_cell(table, 4, "%u", policy->instance_count);
    }
}

/* Without a word the policies, with one the versions of that policy. */
static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyList list = CTL__TRAFFIC_POLICY_LIST__INIT;
    bool are_versions = cli->word_count > 0, has_more = true;
    json_t *array = cli->is_json ? json_array() : NULL;
    char start_id[40];
    struct table table;
    int status = CLI_OK;

    table_init(&table,
               are_versions ? "NAME|ID|TYPE|VERSION|COMMENT" : "NAME|ID|TYPE|LATEST|INSTANCES");
    list.id = are_versions ? (char *)cli->words[0] : list.id;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_LIST;
    request.traffic_policy_list = &list;
    while (status == CLI_OK && has_more) {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        const Ctl__TrafficPolicyListReply *page = reply->traffic_policy_list;
        has_more = page && (page->next_version > 0 || page->next_id[0] != '\0');
        if (page)
            show_page(page, are_versions, array, &table);
        if (has_more) {
            snprintf(start_id, sizeof(start_id), "%s", page->next_id);
            list.start_id = start_id;
            list.start_version = page->next_version;
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

static const enum cli_option put_options[] = {CLI_OPTION_COMMENT, 0};
static const enum cli_option show_options[] = {CLI_VALUE_VERSION, 0};

const struct cli_command cli_traffic_policy_commands[] = {
    {"traffic-policy", "create", "NAME FILE", 2, 2, "make a traffic policy of a document",
     "FILE is a document of Route 53 (AWSPolicyFormatVersion 2015-10-01 or 2023-05-09). It is "
     "checked now, and served where an instance of it is made:\n\n"
     "  quartet traffic-policy create web policy.json --comment \"first try\"\n"
     "  quartet traffic-instance create example.com www web",
     put_options, false, run_create},
    {"traffic-policy", "version", "POLICY FILE", 2, 2, "add a version to a traffic policy",
     "Instances stay at the version that they have until they are updated: quartet "
     "traffic-instance update.",
     put_options, false, run_version},
    {"traffic-policy", "list", "[POLICY]", 0, 1, "list the traffic policies, or one's versions",
     NULL, NULL, false, run_list},
    {"traffic-policy", "show", "POLICY", 1, 1, "show a traffic policy with its document",
     "POLICY is a name or an id. Without --version the latest version.", show_options, false,
     run_show},
    {"traffic-policy", "update", "POLICY VERSION COMMENT", 3, 3, "change a version's comment",
     "Documents do not change: add a version.", NULL, false, run_update},
    {"traffic-policy", "delete", "POLICY VERSION", 2, 2, "delete a version without instances",
     "The policy goes with its last version.", NULL, false, run_delete},
    {0},
};
