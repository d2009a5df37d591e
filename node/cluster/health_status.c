#include "cluster/health_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/ask.h"
#include "cluster/members.h"
#include "proto/cluster.pb-c.h"

#define ASK_OPINIONS_MS 2000

struct opinions_ask {
    struct cluster *cluster;
    cluster_opinions_cb cb;
    void *user;
};

static int by_node(const void *a, const void *b)
{
    const struct cluster_opinion *one = a, *two = b;

    return strcmp(one->node, two->node);
}

static void fill(struct cluster *cluster, const Clu__Opinion *from, struct cluster_opinion *out)
{
    const struct member *member = members_find(cluster, from->member);

    members_name(cluster, from->member, out->node);
    snprintf(out->region, sizeof(out->region), "%.63s", member ? member->about.region : "");
    out->is_known = from->health != 0;
    out->is_healthy = from->health == 1;
    snprintf(out->status, sizeof(out->status), "%s", from->status);
    out->checked_wall_ms = from->checked_wall_ms;
    snprintf(out->last_failure, sizeof(out->last_failure), "%s", from->last_failure);
    out->last_failure_wall_ms = from->last_failure_wall_ms;
}

static void answered(void *user, int rc, const Clu__Answer *answer)
{
    struct opinions_ask *ask = user;
    struct cluster_opinion *list = NULL;
    unsigned count = 0;

    if (rc == 0)
        rc = answer->code;
    if (rc == 0) {
        list = calloc(CLUSTER_MEMBERS_MAX, sizeof(*list));
        rc = list ? 0 : ERR_NOMEM;
    }
    for (size_t i = 0; rc == 0 && i < answer->n_opinions && count < CLUSTER_MEMBERS_MAX; i++)
        fill(ask->cluster, answer->opinions[i], &list[count++]);
    if (count > 0)
        qsort(list, count, sizeof(*list), by_node);
    ask->cb(ask->user, rc, list, count);
    free(list);
    free(ask);
}

int cluster_opinions(struct cluster *cluster, const char *id, cluster_opinions_cb cb, void *user)
{
    struct opinions_ask *ask = malloc(sizeof(*ask));
    Clu__AskOpinions about = CLU__ASK_OPINIONS__INIT;
    Clu__Ask message = CLU__ASK__INIT;

    if (!ask)
        return ERR_NOMEM;
    *ask = (struct opinions_ask){cluster, cb, user};
    about.health_check_id = (char *)(uintptr_t)id;
    message.kind_case = CLU__ASK__KIND_OPINIONS;
    message.opinions = &about;
    int rc = ask_leader(cluster, &message, ASK_OPINIONS_MS, answered, ask);
    if (rc != 0)
        free(ask);
    return rc;
}
