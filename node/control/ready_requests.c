/* node/control/ready_requests.c: shall this node be asked for DNS? Losing the quorum or the leader
 * is no reason against: the node answers from what it knows, as do all others then. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cluster/measures.h"
#include "control/call.h"
#include "control/internal.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

#define CHECKS_MAX 8u
#define TEXT_SIZE 160u
/* Behind the log by more than so many entries a node has been away, and its answers are of then.
 * One entry may hold a thousand changes, so a node that keeps up with a burst is tens behind. */
#define LAG_ENTRIES_MAX 1000u

struct checks {
    Ctl__ReadyCheck items[CHECKS_MAX];
    Ctl__ReadyCheck *pointers[CHECKS_MAX];
    char texts[CHECKS_MAX][TEXT_SIZE];
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void add(struct checks *checks, const char *name,
                                                      bool is_good, const char *format, ...)
{
    Ctl__ReadyCheck *item = &checks->items[checks->count];
    char *text = checks->texts[checks->count];
    va_list args;

    va_start(args, format);
    vsnprintf(text, TEXT_SIZE, format, args);
    va_end(args);
    *item = (Ctl__ReadyCheck)CTL__READY_CHECK__INIT;
    item->name = (char *)(uintptr_t)name;
    item->is_good = is_good;
    item->text = text;
    checks->pointers[checks->count++] = item;
}

static void check_member(struct checks *checks, struct cluster *cluster)
{
    switch (cluster_phase(cluster)) {
    case CLUSTER_UNJOINED: add(checks, "member", false, "has not joined a cluster"); break;
    case CLUSTER_JOINING: add(checks, "member", false, "is joining a cluster"); break;
    case CLUSTER_MEMBER: add(checks, "member", true, "is a member"); break;
    case CLUSTER_REMOVED: add(checks, "member", false, "was removed from the cluster"); break;
    }
}

static void check_state(struct checks *checks, struct cluster *cluster,
                        const struct cluster_node *node, const struct cluster_measures *measures)
{
    if (cluster_state(cluster) == NULL)
        add(checks, "state", false, "there is none yet");
    else if (node->is_quarantined)
        add(checks, "state", false, "differs from the cluster's: waits for a snapshot");
    else
        add(checks, "state", true, "is that of entry %" PRIu64 "%s", node->applied_index,
            measures->is_installing ? ", a snapshot is on its way" : "");
}

/* Asked for by 'quartet node drain': who asks for readiness shall send no more. */
static void check_drain(struct checks *checks, const struct cluster_node *node)
{
    if (node->drained_until_wall_ms != 0)
        add(checks, "drain", false, "is drained: 'quartet node undrain' ends that");
    else
        add(checks, "drain", true, "is not drained");
}

static void check_image(struct checks *checks, const struct cluster_node *node,
                        const struct cluster_measures *measures)
{
    uint64_t lag =
        node->commit_index > node->image_index ? node->commit_index - node->image_index : 0;

    if (measures->is_frozen)
        add(checks, "image", false, "is frozen at entry %" PRIu64 ": out of memory",
            node->image_index);
    else if (measures->is_filling)
        add(checks, "image", true,
            "answers are of entry %" PRIu64 ", and of later ones but for a zone that is being read",
            node->image_index);
    else
        add(checks, "image", lag <= LAG_ENTRIES_MAX,
            "answers are of entry %" PRIu64 ", %" PRIu64 " behind (at most %u)", node->image_index,
            lag, LAG_ENTRIES_MAX);
}

/* Needs no quorum: it is about this node alone. */
void request_ready(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ReadyReply ready = CTL__READY_REPLY__INIT;
    const struct control *control = call->control;
    struct checks checks = {.count = 0};
    struct cluster_measures measures;
    struct cluster_node node;

    cluster_node(call->cluster, &node);
    cluster_measure(call->cluster, &measures);
    check_member(&checks, call->cluster);
    check_state(&checks, call->cluster, &node, &measures);
    check_image(&checks, &node, &measures);
    check_drain(&checks, &node);
    bool is_serving = control->is_serving && control->is_serving(control->counters_user);
    add(&checks, "dns", is_serving, is_serving ? "is answered" : "is not answered");
    ready.n_checks = checks.count;
    ready.checks = checks.pointers;
    reply.kind_case = CTL__REPLY__KIND_READY;
    reply.ready = &ready;
    call_reply(call, &reply);
}
