/* node/cli/traffic_instance_commands.c: instances of traffic policies. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

#define TTL_S_STANDARD 60u
#define ID_SIZE 40u

/* Names come from a node, and are checked as foreign octets. */
static void name_text(const ProtobufCBinaryData *name, char out[DNS_NAME_TEXT_SIZE])
{
    snprintf(out, DNS_NAME_TEXT_SIZE, "?");
    if (name->len > 0 && dns_name_check(name->data, name->len) == (int)name->len)
        zone_name_format(name->data, out);
}

static json_t *instance_json(const Ctl__TrafficInstanceReply *instance)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    name_text(&instance->name, name);
    zone_type_format((uint16_t)instance->type, type);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s}", "id", instance->id, "zone_id",
                     instance->zone_id, "name", name, "type", type, "ttl_s", (int)instance->ttl_s,
                     "policy_id", instance->policy_id, "policy_version",
                     (int)instance->policy_version, "state", instance->state);
}

static void print_instance(const Ctl__TrafficInstanceReply *instance)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    name_text(&instance->name, name);
    zone_type_format((uint16_t)instance->type, type);
    printf("id       %s\nzone     %s\nname     %s\ntype     %s\nttl      %us\npolicy   %s version "
           "%u\nstate    %s\n",
           instance->id, instance->zone_id, name, type, instance->ttl_s, instance->policy_id,
           instance->policy_version, instance->state);
}

static int ask_instance(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    Ctl__TrafficInstanceReply *instance = reply->traffic_instance;
    if (!instance)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no traffic policy instance", cli->node);
    char *state = instance ? instance->state : NULL, applied[] = "Applied";
    if (status == CLI_OK && cli->has_wait && reply->change_id[0]) {
        status = cli_wait_change(cli, reply->change_id);
        instance->state = status == CLI_OK ? applied : state;
    }
    if (status == CLI_OK && cli->is_json)
        output_json(instance_json(instance));
    else if (status == CLI_OK)
        print_instance(instance);
    if (instance)
        instance->state = state; /* which goes with the reply */
    cli_free_reply(reply);
    return status;
}

/* A policy by name or id, and a version of it (0: the latest), to @put. */
static int find_policy(struct cli *cli, const char *text, uint32_t version, char id[ID_SIZE],
                       Ctl__TrafficInstancePut *put)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficPolicyGet get = CTL__TRAFFIC_POLICY_GET__INIT;
    struct Ctl__Reply *reply;

    get.id = (char *)text;
    get.version = version;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_POLICY_GET;
    request.traffic_policy_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (reply->traffic_policy) {
        snprintf(id, ID_SIZE, "%s", reply->traffic_policy->id);
        put->policy_id = id;
        put->policy_version = reply->traffic_policy->version;
    } else {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no traffic policy", cli->node);
    }
    cli_free_reply(reply);
    return status;
}

static int put(struct cli *cli, const char *policy, Ctl__TrafficInstancePut *message)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    uint32_t version = 0;
    char id[ID_SIZE];

    if (!cli_value_number(cli, CLI_VALUE_VERSION, &version))
        return CLI_USAGE;
    if (cli->has_ttl && cli->ttl_ms / 1000 > INT32_MAX)
        return cli_fail(cli, CLI_USAGE, "a TTL is at most %d seconds", INT32_MAX);
    if (cli->has_ttl)
        message->ttl_s = (uint32_t)(cli->ttl_ms / 1000);
    int status = find_policy(cli, policy, version, id, message);
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_PUT;
    request.traffic_instance_put = message;
    return status == CLI_OK ? ask_instance(cli, &request) : status;
}

static int run_create(struct cli *cli)
{
    Ctl__TrafficInstancePut message = CTL__TRAFFIC_INSTANCE_PUT__INIT;
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    int status = cli_zone_apex(cli, cli->words[0], apex);

    if (status != CLI_OK)
        return status;
    if (!cli_record_name(cli, cli->words[1], apex, name))
        return CLI_USAGE;
    message.zone = (char *)cli->words[0];
    message.name = (ProtobufCBinaryData){dns_name_len(name), name};
    message.ttl_s = TTL_S_STANDARD;
    return put(cli, cli->words[2], &message);
}

static int ask_get(struct cli *cli, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceGet get = CTL__TRAFFIC_INSTANCE_GET__INIT;

    get.id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_GET;
    request.traffic_instance_get = &get;
    if (reply)
        return cli_ask(cli, &request, reply);
    return ask_instance(cli, &request);
}

/* Without --ttl it stays as it is. */
static int run_update(struct cli *cli)
{
    Ctl__TrafficInstancePut message = CTL__TRAFFIC_INSTANCE_PUT__INIT;
    struct Ctl__Reply *reply;
    int status = ask_get(cli, &reply);

    if (status != CLI_OK)
        return status;
    message.id = (char *)cli->words[0];
    message.ttl_s = reply->traffic_instance ? reply->traffic_instance->ttl_s : TTL_S_STANDARD;
    cli_free_reply(reply);
    return put(cli, cli->words[1], &message);
}

static int run_show(struct cli *cli)
{
    return ask_get(cli, NULL);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceDelete deletion = CTL__TRAFFIC_INSTANCE_DELETE__INIT;

    deletion.id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_DELETE;
    request.traffic_instance_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void show_page(const Ctl__TrafficInstanceListReply *page, json_t *array, struct table *table)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    for (size_t i = 0; i < page->n_instances; i++) {
        const Ctl__TrafficInstanceReply *instance = page->instances[i];
        if (array) {
            json_array_append_new(array, instance_json(instance));
            continue;
        }
        name_text(&instance->name, name);
        zone_type_format((uint16_t)instance->type, type);
        table_next_row(table);
        table_cell(table, 0, "%s", name);
        table_cell(table, 1, "%s", type);
        table_cell(table, 2, "%s", instance->id);
        table_cell(table, 3, "%s", instance->policy_id);
        table_cell(table, 4, "%u", instance->policy_version);
        table_cell(table, 5, "%s", instance->state);
    }
}

/* Where the next page begins. false: that was the last. */
static bool next_page(const Ctl__TrafficInstanceListReply *page, char zone_id[ID_SIZE],
                      uint8_t name[DNS_NAME_MAX], Ctl__TrafficInstanceList *list)
{
    size_t len = page ? page->next_name.len : 0;

    if (len == 0 || len > DNS_NAME_MAX)
        return false;
    snprintf(zone_id, ID_SIZE, "%s", page->next_zone_id);
    memcpy(name, page->next_name.data, len);
    list->start_zone_id = zone_id;
    list->start_name = (ProtobufCBinaryData){len, name};
    list->start_type = page->next_type;
    return true;
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TrafficInstanceList list = CTL__TRAFFIC_INSTANCE_LIST__INIT;
    json_t *array = cli->is_json ? json_array() : NULL;
    char zone_id[ID_SIZE];
    uint8_t name[DNS_NAME_MAX];
    struct table table;
    int status = CLI_OK;

    table_init(&table, "NAME|TYPE|ID|POLICY|VERSION|STATE");
    list.zone = cli->word_count > 0 ? (char *)cli->words[0] : list.zone;
    request.kind_case = CTL__REQUEST__KIND_TRAFFIC_INSTANCE_LIST;
    request.traffic_instance_list = &list;
    for (bool has_more = true; has_more && status == CLI_OK;) {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        if (reply->traffic_instance_list)
            show_page(reply->traffic_instance_list, array, &table);
        has_more = next_page(reply->traffic_instance_list, zone_id, name, &list);
        cli_free_reply(reply);
    }
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}

static const enum cli_option put_options[] = {CLI_OPTION_TTL, CLI_VALUE_VERSION, CLI_OPTION_WAIT,
                                              0};
static const enum cli_option delete_options[] = {CLI_OPTION_WAIT, 0};

const struct cli_command cli_traffic_instance_commands[] = {
    {"traffic-instance", "create", "ZONE NAME POLICY", 3, 3, "answer a name by a traffic policy",
     "The policy becomes record sets: one at NAME (@: the zone itself), and hidden ones behind it, "
     "which 'quartet record list ZONE --all' shows. Without --version the policy's latest version, "
     "without --ttl 60 seconds.\n\n"
     "  quartet traffic-instance create example.com www web --ttl 30 --wait",
     put_options, false, run_create},
    {"traffic-instance", "list", "[ZONE]", 0, 1, "list the instances of traffic policies", NULL,
     NULL, false, run_list},
    {"traffic-instance", "show", "ID", 1, 1, "show an instance of a traffic policy", NULL, NULL,
     false, run_show},
    {"traffic-instance", "update", "ID POLICY", 2, 2, "give an instance another version or policy",
     "Its record sets are replaced all at once: no client sees a mix. The policy must be of the "
     "same record type.\n\n"
     "  quartet traffic-instance update 0f3d… web --version 2 --wait",
     put_options, false, run_update},
    {"traffic-instance", "delete", "ID", 1, 1, "delete an instance with its record sets", NULL,
     delete_options, false, run_delete},
    {0},
};
