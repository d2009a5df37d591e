/* The calls of cluster.h and status.h that any node takes: commands, read barriers, questions to
 * the leader. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/ask.h"
#include "cluster/change.h"
#include "cluster/feature.h"
#include "cluster/internal.h"
#include "cluster/proposer.h"
#include "proto/cluster.pb-c.h"
#include "proto/command.pb-c.h"

#define SYNC_TIMEOUT_MS 1000
#define NO_LEADER                                                                                  \
    "There is no leader, for too few voters answer each other; it may still be done. Bring dead "  \
    "nodes back, then look at 'quartet member list' before you ask again"
#define NO_ANSWER                                                                                  \
    "The leader has not answered in time; it may still be done: see 'quartet member list' before " \
    "you ask again"

static int check_member(const struct cluster *cluster)
{
    if (cluster->is_closing)
        return ERR_CLOSED;
    return cluster->phase == CLUSTER_MEMBER && cluster->driver ? 0 : ERR_UNAVAILABLE;
}

/* Also: do all members know this kind of command? */
static int check_command(const struct cluster *cluster, const struct Cmd__Command *command)
{
    int rc = check_member(cluster);

    if (rc == 0 && feature_of_kind((int)command->kind_case) > cluster->feature_level)
        rc = ERR_FEATURE;
    return rc;
}

int cluster_propose(struct cluster *cluster, const struct Cmd__Command *command,
                    uint32_t timeout_ms, cluster_result_cb cb, void *user)
{
    int rc = check_command(cluster, command);

    if (rc != 0)
        return rc;
    return proposer_submit(cluster->proposer, command, clock_mono_ms(), timeout_ms, cb, user);
}

int cluster_propose_bulk(struct cluster *cluster, const struct Cmd__Command *command,
                         cluster_result_cb cb, void *user)
{
    int rc = check_command(cluster, command);

    if (rc != 0)
        return rc;
    return proposer_submit_bulk(cluster->proposer, command, clock_mono_ms(), cb, user);
}

struct read_call {
    struct cluster *cluster;
    cluster_read_cb cb;
    void *user;
};

static void read_done(void *user, int code, bool was_current)
{
    struct read_call *call = user;
    struct cluster *cluster = call->cluster;

    cluster->reads_count--;
    int rc = cluster__error(code);
    if (rc == ERR_TIMEOUT && cluster->leader == 0)
        rc = ERR_UNAVAILABLE;
    call->cb(call->user, rc, was_current);
    free(call);
}

int cluster_read_barrier(struct cluster *cluster, uint32_t timeout_ms, cluster_read_cb cb,
                         void *user)
{
    int rc = check_member(cluster);

    if (rc != 0)
        return rc;
    if (cluster->reads_count >= CLUSTER_READS_MAX)
        return ERR_BUSY;
    struct read_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    if (timeout_ms == 0)
        timeout_ms = CLUSTER_TIMEOUT_MS;
    *call = (struct read_call){cluster, cb, user};
    rc = raft_driver_read(cluster->driver, timeout_ms, read_done, call);
    if (rc != 0) {
        free(call);
        return cluster__error(rc);
    }
    cluster->reads_count++;
    return 0;
}

struct done_call {
    struct cluster *cluster;
    cluster_done_cb cb; /* may be NULL */
    void *user;
};

static void change_answered(void *user, int rc, const Clu__Answer *answer)
{
    struct done_call *call = user;

    if (call->cb && rc == ERR_TIMEOUT)
        call->cb(call->user, rc, call->cluster->leader == 0 ? NO_LEADER : NO_ANSWER);
    else if (call->cb && rc != 0)
        call->cb(call->user, rc, err_text(rc));
    else if (call->cb)
        call->cb(call->user, answer->code, answer->message);
    free(call);
}

int cluster_member_change(struct cluster *cluster, const struct cluster_member_request *request,
                          cluster_done_cb cb, void *user)
{
    uint32_t timeout_ms = request->timeout_ms ? request->timeout_ms : CLUSTER_CHANGE_TIMEOUT_MS;
    Clu__Ask ask = CLU__ASK__INIT;
    Clu__AskChange change = CLU__ASK_CHANGE__INIT;

    int rc = check_member(cluster);
    if (rc != 0)
        return rc;
    struct done_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct done_call){cluster, cb, user};
    change.op = request->op;
    change.member = request->id;
    change.other = request->other;
    ask.kind_case = CLU__ASK__KIND_CHANGE;
    ask.change = &change;
    rc = ask_leader(cluster, &ask, timeout_ms, change_answered, call);
    if (rc != 0)
        free(call);
    return rc;
}

struct sync_call {
    cluster_sync_cb cb;
    void *user;
};

static void sync_answered(void *user, int rc, const Clu__Answer *answer)
{
    struct sync_call *call = user;
    struct cluster_sync sync = {0};

    if (rc == 0 && answer->code == 0) {
        sync.is_known = true;
        sync.is_insync = answer->is_insync;
        for (size_t i = 0; i < answer->n_laggards && i < CLUSTER_MEMBERS_MAX; i++)
            sync.laggards[sync.laggard_count++] = answer->laggards[i];
    }
    call->cb(call->user, &sync);
    free(call);
}

int cluster_change_status(struct cluster *cluster, uint64_t index, cluster_sync_cb cb, void *user)
{
    Clu__Ask ask = CLU__ASK__INIT;
    Clu__AskSync sync = CLU__ASK_SYNC__INIT;

    int rc = check_member(cluster);
    if (rc != 0)
        return rc;
    struct sync_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct sync_call){cb, user};
    sync.index = index;
    ask.kind_case = CLU__ASK__KIND_SYNC;
    ask.sync = &sync;
    rc = ask_leader(cluster, &ask, SYNC_TIMEOUT_MS, sync_answered, call);
    if (rc != 0)
        free(call);
    return rc;
}
