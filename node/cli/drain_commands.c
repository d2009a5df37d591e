/* node/cli/drain_commands.c: a node is taken out of use for maintenance, and back. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/drain_text.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define STEP_MS 250
#define REASON_LEN 256

const char *drain_text(uint64_t until_wall_ms)
{
    static char text[CLOCK_TEXT_LEN + 8];
    char when[CLOCK_TEXT_LEN];

    if (until_wall_ms == 0)
        return "until 'quartet node undrain'";
    clock_format(until_wall_ms, when);
    snprintf(text, sizeof(text), "until %s", when);
    return text;
}

static int ask(struct cli *cli, bool undrain, uint64_t for_ms)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__NodeDrain drain = CTL__NODE_DRAIN__INIT;
    struct Ctl__Reply *reply;

    drain.member = cli->word_count > 0 ? (char *)cli->words[0] : "";
    drain.undrain = undrain;
    drain.for_ms = for_ms;
    request.kind_case = CTL__REQUEST__KIND_NODE_DRAIN;
    request.node_drain = &drain;
    int status = cli_ask(cli, &request, &reply);
    if (status == CLI_OK)
        cli_free_reply(reply);
    return status;
}

static const Ctl__Member *find_member(const Ctl__ClusterStatusReply *status, const char *word)
{
    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__Member *member = status->members[i];
        char id[17];
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)member->id);
        if (word ? strcmp(member->name, word) == 0 || strncmp(id, word, strlen(word)) == 0
                 : member->is_self)
            return member;
    }
    return NULL;
}

/* Would the cluster still take changes without it? true; else @reason says why not. */
static bool is_safe(const Ctl__ClusterStatusReply *status, const Ctl__Member *member,
                    char reason[REASON_LEN])
{
    bool is_voter = strcmp(member->role, "voter") == 0;
    unsigned left = status->voters_alive - (is_voter && member->is_alive);

    if (!member->is_drained)
        snprintf(reason, REASON_LEN, "it is not known to be drained yet");
    else if (member->is_leader)
        snprintf(reason, REASON_LEN, "it leads still, and no other voter takes over");
    else if (is_voter && left < status->quorum)
        snprintf(reason, REASON_LEN,
                 "without it %u of %u voters would answer, and changes need %u; start the others "
                 "first",
                 left, status->voters, status->quorum);
    else
        return true;
    return false;
}

/* What the leader says now. Exit status; @*safe and @reason when that is CLI_OK. */
static int look(struct cli *cli, bool *safe, char reason[REASON_LEN])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterStatus body = CTL__CLUSTER_STATUS__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_CLUSTER_STATUS;
    request.cluster_status = &body;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__Member *member =
        reply->cluster_status
            ? find_member(reply->cluster_status, cli->word_count > 0 ? cli->words[0] : NULL)
            : NULL;
    if (!member)
        snprintf(reason, REASON_LEN, "it is no member any more");
    *safe = member && is_safe(reply->cluster_status, member, reason);
    cli_free_reply(reply);
    return CLI_OK;
}

static int tell(const struct cli *cli, bool safe, const char *reason)
{
    if (cli->is_json) {
        output_json(json_pack("{s:b, s:s}", "safe_to_stop", safe, "reason", safe ? "" : reason));
        return safe ? CLI_OK : CLI_REFUSED;
    }
    if (safe)
        printf("safe to stop: yes\n");
    else
        printf("safe to stop: no: %s\n", reason);
    return safe ? CLI_OK : CLI_REFUSED;
}

static int run_drain(struct cli *cli)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    uint64_t for_ms = 0, end_mono_ms = clock_mono_ms() + cli->timeout_ms;
    char reason[REASON_LEN] = "", told[REASON_LEN] = "";
    bool safe = false;

    if (!cli_value_duration(cli, CLI_VALUE_FOR, &for_ms))
        return CLI_USAGE;
    if (cli_value(cli, CLI_VALUE_FOR) && for_ms == 0)
        return cli_fail(cli, CLI_USAGE, "--for must be above 0");
    int status = ask(cli, false, for_ms);
    if (status == CLI_OK && !cli->is_json)
        printf("drained %s; DNS is answered\n",
               drain_text(for_ms > 0 ? clock_wall_ms() + for_ms : 0));
    while (status == CLI_OK) {
        status = look(cli, &safe, reason);
        if (status != CLI_OK)
            break;
        if (safe || clock_mono_ms() >= end_mono_ms)
            return tell(cli, safe, reason);
        if (!cli->is_json && strcmp(reason, told) != 0) {
            fprintf(stderr, "waiting: %s\n", reason);
            snprintf(told, sizeof(told), "%s", reason);
        }
        nanosleep(&step, NULL);
    }
    return status;
}

static int run_undrain(struct cli *cli)
{
    int status = ask(cli, true, 0);

    return status == CLI_OK ? cli_say(cli, "in use again") : status;
}

static const enum cli_option drain_options[] = {CLI_VALUE_FOR, 0};

const struct cli_command cli_drain_commands[] = {
    {"node", "drain", "[NODE]", 0, 1, "take a node out of use for maintenance; DNS goes on",
     "NODE is a member's name or id; without it, the node that is asked. It hands leadership over "
     "and gives it away again, its gateway says that it is not ready (/readyz), and the autopilot "
     "does not replace it while it is silent. It lasts over restarts, until 'quartet node undrain' "
     "or the end of --for.\n\n"
     "Waits until the node can be stopped without harm, at most --timeout, and says so; exit "
     "status 1 when it cannot: it is drained all the same.\n\n"
     "  quartet node drain --for 30m && systemctl stop quartetd",
     drain_options, false, run_drain},
    {"node", "undrain", "[NODE]", 0, 1, "take a node back into use", NULL, NULL, false,
     run_undrain},
    {0},
};
