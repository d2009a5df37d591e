#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "cli/cli.h"
#include "cli/member_table.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

static const char *plain_condition(const Ctl__ClusterStatusReply *status, const Ctl__Member *member)
{
    if (status->leader == 0 && !member->is_self)
        return "unknown"; /* only a leader hears them all */
    if (!member->is_alive)
        return "silent";
    if (member->is_quarantined)
        return "quarantined";
    if (!member->is_known)
        return "not heard yet";
    return member->lag_entries > 0 ? "behind" : "in sync";
}

static const char *condition_of(const Ctl__ClusterStatusReply *status, const Ctl__Member *member)
{
    static char text[40];

    snprintf(text, sizeof(text), "%s%s", plain_condition(status, member),
             member->is_drained ? ", drained" : "");
    return text;
}

void member_table_print(const struct Ctl__ClusterStatusReply *status)
{
    struct table table;

    table_init(&table, "NODE|ID|ROLE|CONDITION|SERVES|LAG|HEARD|REGION|ADDRESS|VERSION");
    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__Member *member = status->members[i];
        table_next_row(&table);
        table_cell(&table, 0, "%s%s", member->name, member->is_self ? "*" : "");
        table_cell(&table, 1, "%016" PRIx64, member->id);
        table_cell(&table, 2, "%s", member->is_leader ? "leader" : member->role);
        table_cell(&table, 3, "%s", condition_of(status, member));
        if (member->is_known) {
            table_cell(&table, 4, "%" PRIu64, member->image_index);
            table_cell(&table, 5, "%" PRIu64, member->lag_entries);
            table_cell(&table, 6, "%s ago", output_duration(member->heard_ago_ms));
        } else {
            for (unsigned column = 4; column < 7; column++)
                table_cell(&table, column, "-");
        }
        table_cell(&table, 7, "%s", member->region[0] ? member->region : "-");
        table_cell(&table, 8, "%s", member->peer_address);
        table_cell(&table, 9, "%s", member->version[0] ? member->version : "-");
    }
    table_print(&table);
}

struct json_t *member_table_json(const struct Ctl__ClusterStatusReply *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__Member *member = status->members[i];
        json_array_append_new(
            list,
            json_pack(
                "{s:o, s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:s, "
                "s:s, s:b}",
                "id", output_json_id(member->id), "name", member->name, "role", member->role,
                "condition", condition_of(status, member), "is_leader", member->is_leader,
                "is_self", member->is_self, "is_alive", member->is_alive, "region", member->region,
                "is_known", member->is_known, "applied_index", (json_int_t)member->applied_index,
                "image_index", (json_int_t)member->image_index, "lag_entries",
                (json_int_t)member->lag_entries, "heard_ago_ms", (json_int_t)member->heard_ago_ms,
                "peer_address", member->peer_address, "admin_address", member->admin_address,
                "version", member->version, "is_drained", member->is_drained));
    }
    return list;
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterStatus status_request = CTL__CLUSTER_STATUS__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_CLUSTER_STATUS;
    request.cluster_status = &status_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->cluster_status)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no members", cli->node);
    else if (cli->is_json)
        output_json(member_table_json(reply->cluster_status));
    else
        member_table_print(reply->cluster_status);
    cli_free_reply(reply);
    return status;
}

static int change(struct cli *cli, Ctl__MemberOperation operation)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__MemberChange member_change = CTL__MEMBER_CHANGE__INIT;

    member_change.operation = operation;
    member_change.member = cli->word_count > 0 ? (char *)cli->words[0] : "";
    member_change.other = cli->with ? (char *)cli->with : "";
    request.kind_case = CTL__REQUEST__KIND_MEMBER_CHANGE;
    request.member_change = &member_change;
    if (cli->timeout_ms < 30000)
        cli->timeout_ms = 30000; /* several steps, each through the log */
    return cli_ask_and_say(cli, &request);
}

static int run_remove(struct cli *cli)
{
    return change(cli, CTL__MEMBER_OPERATION__MEMBER_OPERATION_REMOVE);
}

static int run_replace(struct cli *cli)
{
    return change(cli, CTL__MEMBER_OPERATION__MEMBER_OPERATION_REPLACE);
}

static int run_promote(struct cli *cli)
{
    return change(cli, CTL__MEMBER_OPERATION__MEMBER_OPERATION_PROMOTE);
}

static int run_demote(struct cli *cli)
{
    return change(cli, CTL__MEMBER_OPERATION__MEMBER_OPERATION_DEMOTE);
}

static int run_transfer(struct cli *cli)
{
    return change(cli, CTL__MEMBER_OPERATION__MEMBER_OPERATION_TRANSFER);
}

static const enum cli_option replace_options[] = {CLI_OPTION_WITH, 0};

#define MEMBER_TEXT "MEMBER is a name, an id, or the beginning of an id.\n\n"

const struct cli_command cli_member_commands[] = {
    {"member", "list", NULL, 0, 0, "the members of the cluster", NULL, NULL, false, run_list},
    {"member", "remove", "MEMBER", 1, 1, "remove a member for good",
     MEMBER_TEXT
     "A node that was removed never comes back under its id: to use its machine again, "
     "remove the data directory and join anew. Refused when it would cost the quorum.\n\n"
     "  quartet member remove ns3",
     NULL, false, run_remove},
    {"member", "replace", "MEMBER", 1, 1, "put a replica in the place of a lost voter",
     MEMBER_TEXT "The replica becomes a voter first, then the lost one is removed.\n\n"
                 "  quartet member replace ns2 --with ns4",
     replace_options, false, run_replace},
    {"member", "promote", "MEMBER", 1, 1, "make a replica a voter", MEMBER_TEXT, NULL, false,
     run_promote},
    {"member", "demote", "MEMBER", 1, 1, "make a voter a replica", MEMBER_TEXT, NULL, false,
     run_demote},
    {"member", "transfer", "[MEMBER]", 0, 1, "hand leadership over",
     MEMBER_TEXT "Without MEMBER: to the best voter.", NULL, false, run_transfer},
    {0},
};
