#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/member_table.h"
#include "cli/output.h"
#include "cli/term_text.h"
#include "proto/control.pb-c.h"

#define WAIT_STEP_MS 100

static int run_init(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterInit init = CTL__CLUSTER_INIT__INIT;

    if (!cli->domain)
        return cli_fail(cli, CLI_USAGE,
                        "--domain is needed: the cluster's own zone, in which its "
                        "nameservers have their names, such as ns.example.net");
    init.domain = (char *)cli->domain;
    request.kind_case = CTL__REQUEST__KIND_CLUSTER_INIT;
    request.cluster_init = &init;
    return cli_ask_and_say(cli, &request);
}

static int ask_status(struct cli *cli, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterStatus status_request = CTL__CLUSTER_STATUS__INIT;

    request.kind_case = CTL__REQUEST__KIND_CLUSTER_STATUS;
    request.cluster_status = &status_request;
    int status = cli_ask(cli, &request, reply);
    if (status == CLI_OK && !(*reply)->cluster_status) {
        cli_free_reply(*reply);
        return cli_fail(cli, CLI_REFUSED, "%s sent no status", cli->node);
    }
    return status;
}

static void print_status_json(const Ctl__ClusterStatusReply *status)
{
    char id[33] = "";

    if (status->cluster_id.len == 16)
        hex_format(status->cluster_id.data, 16, id);
    output_json(json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:i, s:i, s:i, s:i, s:s, s:o}",
                          "health", status->health, "domain", status->domain, "cluster_id", id,
                          "self", output_json_id(status->self), "leader",
                          output_json_id(status->leader), "term", (json_int_t)status->term,
                          "commit_index", (json_int_t)status->commit_index, "voters",
                          (int)status->voters, "voters_alive", (int)status->voters_alive, "quorum",
                          (int)status->quorum, "can_lose", (int)status->can_lose, "advice",
                          status->advice, "members", member_table_json(status)));
}

static void print_status(const Ctl__ClusterStatusReply *status)
{
    printf("cluster    %s\n", status->domain[0] ? status->domain : "-");
    printf("health     %s\n", status->health);
    printf("voters     %u of %u alive, quorum %u", status->voters_alive, status->voters,
           status->quorum);
    if (status->voters_alive < status->quorum)
        printf("; no change can be made until %u more come back, DNS is answered\n",
               status->quorum - status->voters_alive);
    else if (status->can_lose == 0)
        printf("; none may be lost now\n");
    else
        printf("; %u more may be lost\n", status->can_lose);
    printf("log        term %s, committed to %" PRIu64 "\n\n", term_text(status->term),
           status->commit_index);
    member_table_print(status);
    if (status->advice[0])
        printf("\n%s\n", status->advice);
}

static int run_status(struct cli *cli)
{
    struct Ctl__Reply *reply;
    int status = ask_status(cli, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->is_json)
        print_status_json(reply->cluster_status);
    else
        print_status(reply->cluster_status);
    bool is_bad = strcmp(reply->cluster_status->health, "no quorum") == 0 ||
                  strcmp(reply->cluster_status->health, "not a member") == 0;
    cli_free_reply(reply);
    return is_bad ? CLI_REFUSED : CLI_OK;
}

/* Healthy, with as many voters as there should be for this number of members? */
static bool is_settled(const Ctl__ClusterStatusReply *status)
{
    uint32_t wanted = status->n_members >= 3 ? 3 : 1;

    return strcmp(status->health, "healthy") == 0 && status->voters >= wanted;
}

static int run_wait(struct cli *cli)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    uint64_t end_mono_ms = clock_mono_ms() + cli->timeout_ms;
    char advice[512] = "";

    for (;;) {
        struct Ctl__Reply *reply;
        int status = ask_status(cli, &reply);
        if (status != CLI_OK)
            return status;
        bool is_ready = is_settled(reply->cluster_status);
        snprintf(advice, sizeof(advice), "%s; %s", reply->cluster_status->health,
                 reply->cluster_status->advice);
        cli_free_reply(reply);
        if (is_ready)
            return cli_say(cli, "the cluster is healthy");
        if (clock_mono_ms() >= end_mono_ms)
            return cli_fail(cli, CLI_UNKNOWN, "not healthy within %s: %s",
                            output_duration(cli->timeout_ms), advice);
        nanosleep(&step, NULL);
    }
}

static int print_settings(struct cli *cli, const Ctl__SettingsReply *settings)
{
    if (cli->is_json) {
        output_json(json_pack("{s:b, s:I, s:i, s:i}", "autopilot", settings->autopilot,
                              "dead_after_ms", (json_int_t)settings->dead_after_ms, "voters_max",
                              (int)settings->voters_max, "delete_percent",
                              (int)settings->delete_percent));
    } else {
        printf("autopilot       %s\n", settings->autopilot ? "on" : "off");
        printf("dead-after      %s\n", output_duration(settings->dead_after_ms));
        printf("voters          %u\n", settings->voters_max);
        if (settings->delete_percent > 0)
            printf("delete-percent  %u\n", settings->delete_percent);
        else
            printf("delete-percent  0: no guard against mass deletion\n");
    }
    return CLI_OK;
}

static int run_settings(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__SettingsGet get = CTL__SETTINGS_GET__INIT;
    Ctl__SettingsSet set = CTL__SETTINGS_SET__INIT;
    struct Ctl__Reply *reply;
    uint32_t delete_percent = 0;

    if (cli->autopilot && strcmp(cli->autopilot, "on") != 0 && strcmp(cli->autopilot, "off") != 0)
        return cli_fail(cli, CLI_USAGE, "--autopilot is on or off");
    if (!cli_value_number(cli, CLI_VALUE_DELETE_PERCENT, &delete_percent))
        return CLI_USAGE;
    request.kind_case = CTL__REQUEST__KIND_SETTINGS_GET;
    request.settings_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    Ctl__SettingsReply *settings = reply->settings;
    if (!settings) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no settings", cli->node);
    } else if (!cli->autopilot && !cli->dead_after_ms && !cli->voters &&
               !cli_value(cli, CLI_VALUE_DELETE_PERCENT)) {
        status = print_settings(cli, settings);
    } else {
        if (cli->autopilot)
            settings->autopilot = strcmp(cli->autopilot, "on") == 0;
        if (cli->dead_after_ms)
            settings->dead_after_ms = (uint32_t)cli->dead_after_ms;
        if (cli->voters)
            settings->voters_max = cli->voters;
        if (cli_value(cli, CLI_VALUE_DELETE_PERCENT))
            settings->delete_percent = delete_percent;
        set.settings = settings;
        request.kind_case = CTL__REQUEST__KIND_SETTINGS_SET;
        request.settings_set = &set;
        status = cli_ask_and_say(cli, &request);
    }
    cli_free_reply(reply);
    return status;
}

static int run_join(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterJoin join = CTL__CLUSTER_JOIN__INIT;

    if (!cli->token)
        return cli_fail(cli, CLI_USAGE,
                        "--token is needed; make one on a member: quartet token create");
    join.address = (char *)cli->words[0];
    join.token = (char *)cli->token;
    request.kind_case = CTL__REQUEST__KIND_CLUSTER_JOIN;
    request.cluster_join = &join;
    if (cli->timeout_ms < 60000)
        cli->timeout_ms = 60000; /* it waits for a place in the cluster, not for one answer */
    return cli_ask_and_say(cli, &request);
}

static const enum cli_option init_options[] = {CLI_OPTION_DOMAIN, 0};
static const enum cli_option join_options[] = {CLI_OPTION_TOKEN, 0};
static const enum cli_option settings_options[] = {CLI_OPTION_AUTOPILOT, CLI_OPTION_DEAD_AFTER,
                                                   CLI_OPTION_VOTERS, CLI_VALUE_DELETE_PERCENT, 0};

const struct cli_command cli_cluster_commands[] = {
    {"cluster", "init", NULL, 0, 0, "make a new cluster of this one node",
     "The node becomes the first voter; it makes the cluster's certificate authority and serves "
     "the "
     "zone of --domain, in which every member's nameserver has its name and addresses.\n\n"
     "  quartet cluster init --domain ns.example.net",
     init_options, false, run_init},
    {NULL, "join", "ADDRESS", 1, 1, "make this node a member of a cluster",
     "ADDRESS is the admin address HOST:PORT of any member (port 5302 by default). The token's "
     "hash of "
     "the cluster's certificate authority is checked before anything secret is sent. Doing it "
     "again "
     "is harmless.\n\n"
     "  quartet join 192.0.2.1:5302 --token QT1.…",
     join_options, false, run_join},
    {"cluster", "status", NULL, 0, 0, "on one screen: is it healthy, who lags, what to do",
     "Exit status 1 when there is no quorum or the node is in no cluster.", NULL, false,
     run_status},
    {"cluster", "wait", NULL, 0, 0, "wait until the cluster is healthy",
     "Healthy: every member is alive and in sync, and with three members or more there are three "
     "voters. Exit status 4 when it is not within --timeout.\n\n"
     "  quartet cluster wait --timeout 2m",
     NULL, false, run_wait},
    {"cluster", "settings", NULL, 0, 0, "show or change cluster-wide settings",
     "  quartet cluster settings\n"
     "  quartet cluster settings --autopilot off\n"
     "  quartet cluster settings --voters 5 --dead-after 60s\n"
     "  quartet cluster settings --delete-percent 20",
     settings_options, false, run_settings},
    {0},
};
