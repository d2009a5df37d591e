/* node/cli/recover_commands.c: a cluster whose quorum is gone for good goes on from one survivor.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/term_text.h"
#include "proto/control.pb-c.h"

#define RECOVER_TIMEOUT_MS 60000 /* a copy of all is made first */

static int ask_plan(struct cli *cli, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecoverPlan plan = CTL__RECOVER_PLAN__INIT;

    request.kind_case = CTL__REQUEST__KIND_RECOVER_PLAN;
    request.recover_plan = &plan;
    int status = cli_ask(cli, &request, reply);
    if (status == CLI_OK && !(*reply)->recover) {
        cli_free_reply(*reply);
        return cli_fail(cli, CLI_REFUSED, "%s sent no plan", cli->node);
    }
    return status;
}

static void print_survivors(const Ctl__RecoverReply *plan)
{
    struct table table;

    table_init(&table, "NODE|ROLE|ANSWERS|LAST ENTRY|OF TERM|APPLIED|ADMIN ADDRESS");
    for (size_t i = 0; i < plan->n_members; i++) {
        const Ctl__Survivor *member = plan->members[i];
        table_next_row(&table);
        table_cell(&table, 0, "%s%s", member->name, member->is_self ? "*" : "");
        table_cell(&table, 1, "%s", member->is_voter ? "voter" : "replica");
        table_cell(&table, 6, "%s", member->admin_address);
        if (!member->answers) {
            table_cell(&table, 2, "no: %s", member->why);
            for (unsigned column = 3; column < 6; column++)
                table_cell(&table, column, "-");
            continue;
        }
        table_cell(&table, 2, "%s", member->is_quarantined ? "quarantined" : "yes");
        table_cell(&table, 3, "%" PRIu64, member->last_index);
        table_cell(&table, 4, "%s", term_text(member->last_term));
        table_cell(&table, 5, "%" PRIu64, member->applied_index);
    }
    table_print(&table);
}

static json_t *plan_json(const Ctl__RecoverReply *plan)
{
    json_t *members = json_array();

    for (size_t i = 0; i < plan->n_members; i++) {
        const Ctl__Survivor *member = plan->members[i];
        json_array_append_new(
            members,
            json_pack("{s:o, s:s, s:s, s:b, s:b, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:s}", "id",
                      output_json_id(member->id), "name", member->name, "role",
                      member->is_voter ? "voter" : "replica", "is_self", member->is_self, "answers",
                      member->answers, "why", member->why, "is_quarantined", member->is_quarantined,
                      "leader", output_json_id(member->leader), "term", (json_int_t)member->term,
                      "last_term", (json_int_t)member->last_term, "last_index",
                      (json_int_t)member->last_index, "applied_index",
                      (json_int_t)member->applied_index, "admin_address", member->admin_address));
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "domain", plan->domain, "refusal", plan->refusal,
                     "loss", plan->loss, "generation", (int)plan->generation, "members", members);
}

/* The cluster's name, typed by somebody who has read what goes before. */
static bool is_confirmed(const Ctl__RecoverReply *plan)
{
    char line[300];
    size_t len = strlen(plan->domain);

    printf("To go on from this node, type the cluster's name (%s): ", plan->domain);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (len > 0 && plan->domain[len - 1] == '.' && strlen(line) == len - 1)
        len--;
    return len > 0 && strlen(line) == len && strncmp(line, plan->domain, len) == 0;
}

static int recover(struct cli *cli, const Ctl__RecoverReply *plan)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Recover body = CTL__RECOVER__INIT;

    body.domain = plan->domain;
    body.generation = plan->generation;
    for (size_t i = 0; i < plan->n_members; i++) {
        if (plan->members[i]->is_self) {
            body.last_term = plan->members[i]->last_term;
            body.last_index = plan->members[i]->last_index;
        }
    }
    request.kind_case = CTL__REQUEST__KIND_RECOVER;
    request.recover = &body;
    if (cli->timeout_ms < RECOVER_TIMEOUT_MS)
        cli->timeout_ms = RECOVER_TIMEOUT_MS;
    int status = cli_ask_and_say(cli, &request);
    if (status == CLI_OK && !cli->is_json)
        printf("The survivors follow as replicas and become voters again as there are enough; see "
               "'quartet cluster status'. Add nodes with: quartet token create\n");
    return status;
}

static int decide(struct cli *cli, const Ctl__RecoverReply *plan, bool is_sure, bool is_dry)
{
    if (cli->is_json && (is_dry || plan->refusal[0])) {
        output_json(plan_json(plan));
        return plan->refusal[0] ? CLI_REFUSED : CLI_OK;
    }
    if (!cli->is_json) {
        print_survivors(plan);
        printf("\n");
    }
    if (plan->refusal[0])
        return cli_fail(cli, CLI_REFUSED, "not recovered: %s", plan->refusal);
    if (!cli->is_json)
        printf(
            "%s\n\nFirst a copy of this node's log, state and keys is made in its data folder.\n",
            plan->loss);
    if (is_dry)
        return CLI_OK;
    if (is_sure)
        return recover(cli, plan);
    if (cli->is_json || !isatty(STDIN_FILENO))
        return cli_fail(cli, CLI_USAGE, "nothing was done: add --yes to go on without a question");
    return is_confirmed(plan)
               ? recover(cli, plan)
               : cli_fail(cli, CLI_REFUSED, "that is not its name: nothing was done");
}

static int run_recover(struct cli *cli)
{
    struct Ctl__Reply *reply;
    bool is_sure = false, is_dry = false;

    if (!cli_value_flag(cli, CLI_VALUE_YES, &is_sure) ||
        !cli_value_flag(cli, CLI_VALUE_DRY_RUN, &is_dry))
        return CLI_USAGE;
    int status = ask_plan(cli, &reply);
    if (status != CLI_OK)
        return status;
    status = decide(cli, reply->recover, is_sure, is_dry);
    cli_free_reply(reply);
    return status;
}

static const enum cli_option recover_options[] = {CLI_VALUE_YES, CLI_VALUE_DRY_RUN, 0};

const struct cli_command cli_recover_commands[] = {
    {"cluster", "recover", NULL, 0, 0, "go on without a quorum that is gone for good",
     "Only when a majority of the voters will never come back: their disks are gone. Ask a node "
     "that is left. It asks all others how much of the log they have, shows them, and goes on from "
     "its own log as the only voter, if no other has more; the others that answered follow it. "
     "What "
     "was committed only on those that are lost, is lost. DNS is answered all the while.\n\n"
     "The lost nodes must be off, or cleared: what they still take among each other is lost, too. "
     "Once they hear the cluster they are told, and stop.\n\n"
     "A copy of the node's log, state and keys is made first, in DATADIR/recovery; to go back, "
     "stop "
     "the node and put these in the place of what is in the data folder.\n\n"
     "  quartet cluster recover              # shows, and asks\n"
     "  quartet cluster recover --dry-run    # only shows\n"
     "  quartet cluster recover --yes        # for scripts",
     recover_options, false, run_recover},
    {0},
};
