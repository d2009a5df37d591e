#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define MEMBERS_MAX 64

static int ask_status(struct cli *cli, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ClusterStatus body = CTL__CLUSTER_STATUS__INIT;

    request.kind_case = CTL__REQUEST__KIND_CLUSTER_STATUS;
    request.cluster_status = &body;
    int status = cli_ask(cli, &request, reply);
    if (status != CLI_OK)
        return status;
    if (!(*reply)->cluster_status || (*reply)->cluster_status->n_members == 0 ||
        (*reply)->cluster_status->n_members > MEMBERS_MAX) {
        cli_free_reply(*reply);
        return cli_fail(cli, CLI_REFUSED, "%s is no member of a cluster", cli->node);
    }
    return CLI_OK;
}

/* As dpkg orders them: what has a '~' behind it comes before what has none (0.2.0~next1, 0.2.0). */
static int compare_versions(const char *one, const char *other)
{
    size_t at = 0;

    while (one[at] != '\0' && one[at] == other[at])
        at++;
    if (one[at] == '~' || other[at] == '~')
        return one[at] == '~' ? -1 : 1;
    return strverscmp(one, other);
}

/* The newest version that a member runs. */
static const char *newest_version(const Ctl__ClusterStatusReply *status)
{
    const char *newest = "";

    for (size_t i = 0; i < status->n_members; i++) {
        if (compare_versions(status->members[i]->version, newest) > 0)
            newest = status->members[i]->version;
    }
    return newest;
}

static bool is_mixed(const Ctl__ClusterStatusReply *status)
{
    for (size_t i = 1; i < status->n_members; i++) {
        if (strcmp(status->members[i]->version, status->members[0]->version) != 0)
            return true;
    }
    return false;
}

/* The lowest and the highest level that members know. */
static void known_levels(const Ctl__ClusterStatusReply *status, unsigned *low, unsigned *high)
{
    *low = *high = status->members[0]->feature_level;
    for (size_t i = 1; i < status->n_members; i++) {
        unsigned level = status->members[i]->feature_level;
        *low = level < *low ? level : *low;
        *high = level > *high ? level : *high;
    }
}

static const char *condition_of(const Ctl__Member *member)
{
    if (!member->is_alive)
        return "silent";
    return member->is_known && member->lag_entries == 0 ? "in sync" : "behind";
}

/* ---- status ---- */

static json_t *members_json(const Ctl__ClusterStatusReply *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__Member *member = status->members[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s}", "name", member->name,
                                              "version", member->version, "feature_level",
                                              (int)member->feature_level, "condition",
                                              condition_of(member)));
    }
    return list;
}

static void print_status(const Ctl__ClusterStatusReply *status)
{
    struct table table;
    unsigned low, high;

    known_levels(status, &low, &high);
    printf("The cluster runs at feature level %u.\n\n", status->feature_level);
    table_init(&table, "NODE|VERSION|KNOWS LEVEL|CONDITION");
    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__Member *member = status->members[i];
        table_next_row(&table);
        table_cell(&table, 0, "%s%s", member->name, member->is_self ? "*" : "");
        table_cell(&table, 1, "%s", member->version[0] ? member->version : "-");
        table_cell(&table, 2, "%u", member->feature_level);
        table_cell(&table, 3, "%s", condition_of(member));
    }
    table_print(&table);
    if (high > low)
        printf("\nNot every node knows level %u yet: upgrade the others, see 'quartet upgrade "
               "plan'. Until 'quartet upgrade finalize' each can go back.\n",
               high);
    else if (high > status->feature_level)
        printf("\nEvery node knows level %u. When you are content with the new version: 'quartet "
               "upgrade finalize'. Until then each node can go back, after it none can.\n",
               high);
    else if (is_mixed(status))
        printf("\nNodes run different versions of one feature level: each can go forth and "
               "back.\n");
}

static int run_status(struct cli *cli)
{
    struct Ctl__Reply *reply;
    int status = ask_status(cli, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->is_json)
        output_json(json_pack("{s:i, s:o}", "feature_level",
                              (int)reply->cluster_status->feature_level, "members",
                              members_json(reply->cluster_status)));
    else
        print_status(reply->cluster_status);
    cli_free_reply(reply);
    return CLI_OK;
}

/* ---- plan ---- */

struct plan {
    const Ctl__ClusterStatusReply *status;
    const Ctl__Member *steps[MEMBERS_MAX]; /* in this order */
    unsigned step_count;
    char problem[1024]; /* why not to begin; "" */
};

static unsigned rank_of(const Ctl__Member *member)
{
    if (member->is_leader)
        return 2;
    return strcmp(member->role, "voter") == 0 ? 1 : 0;
}

/* Replicas, then voters, then the leader; of a cluster that runs two versions, those with the older
 * one. */
static void order_steps(struct plan *plan)
{
    const Ctl__ClusterStatusReply *status = plan->status;
    const char *newest = newest_version(status);

    for (unsigned rank = 0; rank <= 2; rank++) {
        for (size_t i = 0; i < status->n_members; i++) {
            const Ctl__Member *member = status->members[i];
            bool is_done = is_mixed(status) && strcmp(member->version, newest) == 0;
            if (rank_of(member) == rank && !is_done)
                plan->steps[plan->step_count++] = member;
        }
    }
}

static void check(struct plan *plan)
{
    const Ctl__ClusterStatusReply *status = plan->status;

    for (size_t i = 0; i < status->n_members && plan->problem[0] == '\0'; i++) {
        const Ctl__Member *member = status->members[i];
        if (strcmp(condition_of(member), "silent") == 0 || member->is_quarantined)
            snprintf(plan->problem, sizeof(plan->problem),
                     "%s is %s: repair it, or take it out by 'quartet member remove', first",
                     member->name, member->is_alive ? "quarantined" : "silent");
    }
    if (plan->problem[0] == '\0' && status->leader == 0)
        snprintf(plan->problem, sizeof(plan->problem),
                 "no leader is known: see 'quartet cluster status'");
}

static const char *title_of(const Ctl__Member *member)
{
    static const char *const titles[] = {"replica", "voter", "leader"};

    return titles[rank_of(member)];
}

static void print_checks(const struct plan *plan)
{
    const Ctl__ClusterStatusReply *status = plan->status;

    if (plan->problem[0] != '\0') {
        printf("Do not begin: %s.\n\n", plan->problem);
        return;
    }
    printf("ready     all %zu nodes are alive", status->n_members);
    if (status->can_lose > 0)
        printf("; %u voter%s may be away at a time\n", status->can_lose,
               status->can_lose == 1 ? "" : "s");
    else
        printf("; while a voter restarts no change is taken, and DNS is answered\n");
    printf("runs      feature level %u, newest version %s\n\n", status->feature_level,
           newest_version(status));
}

static void print_plan(const struct plan *plan)
{
    print_checks(plan);
    for (unsigned i = 0; i < plan->step_count; i++) {
        const Ctl__Member *member = plan->steps[i];
        printf("%u. %s, %s, %s (%s)\n", i + 1, member->name, title_of(member), member->version,
               member->peer_address);
        if (member->is_leader && plan->status->voters > 1)
            printf("     quartet member transfer         another voter leads\n");
        printf("     install the new version on it and restart quartetd\n"
               "     quartet cluster wait            it is back and in sync: only then go on\n");
    }
    printf("%s%u. quartet upgrade status            every node runs the new version\n"
           "%u. quartet upgrade finalize          once you are content with it\n\n"
           "Until the last step the versions work together, and each node can go back: install "
           "the old\nversion on it and restart quartetd. After it, none can.\n",
           plan->step_count > 0 ? "" : "Every node runs the newest version.\n",
           plan->step_count + 1, plan->step_count + 2);
}

static void print_plan_json(const struct plan *plan)
{
    json_t *steps = json_array();

    for (unsigned i = 0; i < plan->step_count; i++)
        json_array_append_new(steps, json_pack("{s:s, s:s, s:s}", "name", plan->steps[i]->name,
                                               "role", title_of(plan->steps[i]), "version",
                                               plan->steps[i]->version));
    output_json(json_pack("{s:b, s:s, s:i, s:o}", "is_ready", plan->problem[0] == '\0', "problem",
                          plan->problem, "feature_level", (int)plan->status->feature_level, "steps",
                          steps));
}

static int run_plan(struct cli *cli)
{
    struct Ctl__Reply *reply;
    int status = ask_status(cli, &reply);

    if (status != CLI_OK)
        return status;
    struct plan plan = {.status = reply->cluster_status};
    order_steps(&plan);
    check(&plan);
    if (cli->is_json)
        print_plan_json(&plan);
    else
        print_plan(&plan);
    cli_free_reply(reply);
    return plan.problem[0] == '\0' ? CLI_OK : CLI_REFUSED;
}

/* ---- finalize ---- */

static int run_finalize(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__UpgradeFinalize body = CTL__UPGRADE_FINALIZE__INIT;

    request.kind_case = CTL__REQUEST__KIND_UPGRADE_FINALIZE;
    request.upgrade_finalize = &body;
    return cli_ask_and_say(cli, &request);
}

const struct cli_command cli_upgrade_commands[] = {
    {"upgrade", "plan", NULL, 0, 0, "what to do on which node, in order, to upgrade",
     "Replicas first, the leader last, one at a time; with a cluster that runs two versions, what "
     "is left to do. Exit status 1 when something stands against it.",
     NULL, false, run_plan},
    {"upgrade", "status", NULL, 0, 0, "the nodes' versions, and the cluster's feature level",
     "Nodes of one version and the next work together. What only the next one knows is not used "
     "before 'quartet upgrade finalize', so each node can go back until then.",
     NULL, false, run_status},
    {"upgrade", "finalize", NULL, 0, 0, "let the cluster use what only the new version knows",
     "Raises the cluster's feature level to what every node's program knows. Refused, with their "
     "names, while a node does not know it or is silent. There is no way back: a node with an "
     "older program refuses to start or join afterwards, and says which version it needs.",
     NULL, false, run_finalize},
    {0},
};
