/* node/cli/alias_commands.c: the outside names that aliases lead to. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"

static const char *type_text(const Ctl__AliasTarget *target)
{
    return target->type == DNS_TYPE_A ? "A" : "AAAA";
}

/* Names come from a node: they are checked before they are read. */
static void name_text(const Ctl__AliasTarget *target, char out[DNS_NAME_TEXT_SIZE])
{
    if (dns_name_check(target->name.data, target->name.len) != (int)target->name.len ||
        dns_name_format(target->name.data, out, DNS_NAME_TEXT_SIZE) < 0)
        snprintf(out, DNS_NAME_TEXT_SIZE, "?");
}

static json_t *target_json(const Ctl__AliasTarget *target)
{
    char name[DNS_NAME_TEXT_SIZE];
    json_t *addresses = json_array();

    name_text(target, name);
    for (size_t i = 0; i < target->n_addresses; i++)
        json_array_append_new(addresses, json_string(target->addresses[i]));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:I}", "name", name, "type", type_text(target),
        "state", target->state, "problem", target->problem, "addresses", addresses, "ttl",
        (json_int_t)target->ttl_s, "resolved",
        target->resolved_wall_ms > 0 ? output_json_time(target->resolved_wall_ms) : json_null(),
        "next", target->next_wall_ms > 0 ? output_json_time(target->next_wall_ms) : json_null(),
        "used_by", (json_int_t)target->used_by_count);
}

static void print_json(const Ctl__AliasStatusReply *status)
{
    json_t *array = json_array();

    for (size_t i = 0; i < status->n_targets; i++)
        json_array_append_new(array, target_json(status->targets[i]));
    output_json(array);
}

/* "192.0.2.1, 192.0.2.2 and 3 more". */
static void addresses_text(const Ctl__AliasTarget *target, char *out, size_t size)
{
    size_t len = 0;

    snprintf(out, size, "-");
    for (size_t i = 0; i < target->n_addresses && len < size; i++) {
        if (i == 4) {
            snprintf(out + len, size - len, " and %zu more", target->n_addresses - i);
            return;
        }
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? ", " : "",
                                target->addresses[i]);
    }
}

static void print_target(struct table *table, const Ctl__AliasTarget *target, uint64_t now_wall_ms)
{
    char name[DNS_NAME_TEXT_SIZE], addresses[OUTPUT_CELL_LEN];

    name_text(target, name);
    addresses_text(target, addresses, sizeof(addresses));
    table_next_row(table);
    table_cell(table, 0, "%s", name);
    table_cell(table, 1, "%s", type_text(target));
    table_cell(table, 2, "%s", target->state);
    table_cell(table, 3, "%s", addresses);
    table_cell(table, 4, target->n_addresses > 0 ? "%u" : "-", target->ttl_s);
    if (target->resolved_wall_ms > 0 && target->resolved_wall_ms <= now_wall_ms)
        table_cell(table, 5, "%s ago", output_duration(now_wall_ms - target->resolved_wall_ms));
    else
        table_cell(table, 5, "-");
    if (target->next_wall_ms > now_wall_ms)
        table_cell(table, 6, "in %s", output_duration(target->next_wall_ms - now_wall_ms));
    else
        table_cell(table, 6, "now");
    table_cell(table, 7, "%u", target->used_by_count);
    table_cell(table, 8, "%s", target->problem);
}

static void print_targets(const Ctl__AliasStatusReply *status, const char *message)
{
    const uint64_t now_wall_ms = clock_wall_ms();
    struct table table;

    if (status->n_targets == 0) {
        printf("no alias leads outside the cluster's zones\n");
        return;
    }
    table_init(&table, "TARGET|TYPE|STATE|ADDRESSES|TTL|RESOLVED|NEXT|USED BY|PROBLEM");
    for (size_t i = 0; i < status->n_targets; i++)
        print_target(&table, status->targets[i], now_wall_ms);
    table_print(&table);
    if (message[0])
        printf("%s\n", message);
}

static int run_status(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__AliasStatus status_request = CTL__ALIAS_STATUS__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_ALIAS_STATUS;
    request.alias_status = &status_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->alias_status)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no list", cli->node);
    else if (cli->is_json)
        print_json(reply->alias_status);
    else
        print_targets(reply->alias_status, reply->message);
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_alias_commands[] = {
    {"alias", "status", NULL, 0, 0, "names outside the zones that aliases lead to, on a node",
     "Each node asks its own resolvers. 'stale': the resolvers give no answer any more, and the "
     "last one is served; 'failed': there has been none yet.\n\n  quartet alias status",
     NULL, false, run_status},
    {0},
};
