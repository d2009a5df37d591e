#include "cluster/latency.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cluster/apply.h"
#include "cluster/internal.h"
#include "geo/region.h"
#include "proto/command.pb-c.h"
#include "store/state_cidr.h"
#include "store/state_latency.h"
#include "store/store.h"

#define PREFIX_LEN_MAX 17u /* octets of a prefix in a command */

struct latency {
    struct cluster *cluster;
    cluster_latency_cb source;
    void *source_user;
    uint32_t window_s;
    uint64_t window_wall_s;                   /* when the last one ended; 0: none has yet */
    struct cluster_latency_measure *measures; /* of it; NULL: nothing to propose */
    size_t count, at;
    bool is_proposing;     /* a command is under way */
    bool is_unknown_noted; /* that the node's region is not known */
};

struct latency *latency_new(struct cluster *cluster, uint32_t window_s)
{
    struct latency *latency = calloc(1, sizeof(*latency));

    if (!latency)
        return NULL;
    latency->cluster = cluster;
    latency->window_s = window_s > 0 ? window_s : LATENCY_WINDOW_S;
    return latency;
}

void latency_free(struct latency *latency)
{
    if (!latency)
        return;
    free(latency->measures);
    free(latency);
}

void cluster_set_latency_source(struct cluster *cluster, cluster_latency_cb cb, void *user)
{
    cluster->latency->source = cb;
    cluster->latency->source_user = user;
}

static void give_up(struct latency *latency)
{
    free(latency->measures);
    latency->measures = NULL;
    latency->count = latency->at = 0;
}

static void on_proposed(void *user, int rc, const struct apply_result *result)
{
    struct latency *latency = user;
    const int code = rc != 0 ? rc : result->code;

    latency->is_proposing = false;
    if (code == 0)
        return;
    if (code != ERR_CLOSED)
        log_warn("cluster", "latency_window_lost window_wall_s=%" PRIu64 " why=\"%s\"",
                 latency->window_wall_s, rc != 0 ? err_text(rc) : result->message);
    give_up(latency);
}

static int propose(struct latency *latency, Cmd__PutLatencyWindow *window)
{
    Cmd__Command command = CMD__COMMAND__INIT;

    window->region = latency->cluster->region;
    window->window_wall_s = latency->window_wall_s;
    command.kind_case = CMD__COMMAND__KIND_PUT_LATENCY_WINDOW;
    command.put_latency_window = window;
    command.actor = (char *)(uintptr_t) "latency";
    int rc = cluster_propose(latency->cluster, &command, 0, on_proposed, latency);
    latency->is_proposing = rc == 0;
    return rc;
}

/* The next ones; busy: at the next tick. */
static void propose_some(struct latency *latency)
{
    static const size_t max = LATENCY_COMMAND_MEASURES;
    const size_t left = latency->count - latency->at, count = left < max ? left : max;
    Cmd__PutLatencyWindow window = CMD__PUT_LATENCY_WINDOW__INIT;
    Cmd__LatencyMeasure *measures = calloc(count, sizeof(*measures));
    Cmd__LatencyMeasure **pointers = calloc(count, sizeof(Cmd__LatencyMeasure *));
    uint8_t(*octets)[PREFIX_LEN_MAX] = calloc(count, PREFIX_LEN_MAX);

    for (size_t i = 0; measures && pointers && octets && i < count; i++) {
        const struct cluster_latency_measure *from = &latency->measures[latency->at + i];
        octets[i][0] = from->prefix.len;
        memcpy(octets[i] + 1, from->prefix.octets, from->prefix.is_ipv6 ? 16 : 4);
        cmd__latency_measure__init(&measures[i]);
        measures[i].prefix.data = octets[i];
        measures[i].prefix.len = from->prefix.is_ipv6 ? 17 : 5;
        measures[i].ms = from->ms;
        measures[i].samples = from->samples;
        pointers[i] = &measures[i];
        window.n_measures = i + 1;
    }
    window.measures = pointers;
    if (window.n_measures == count && propose(latency, &window) == 0)
        latency->at += count;
    free(measures);
    free(pointers);
    free(octets);
}

/* Without one of these words no command would be taken. */
static bool is_region_known(struct latency *latency)
{
    const char *name = latency->cluster->region;
    struct state_region region;

    if (name[0] == '\0')
        return false;
    if (geo_region_builtin(name) != GEO_REGION_NONE ||
        state_get_region(store_kv(latency->cluster->store), name, &region) == 0) {
        latency->is_unknown_noted = false;
        return true;
    }
    if (!latency->is_unknown_noted)
        log_warn("cluster",
                 "latency_not_kept region=%s action=\"name one of 'quartet region list' "
                 "in the node's configuration, or make it by 'quartet region set'\"",
                 name);
    latency->is_unknown_noted = true;
    return false;
}

/* Even when nobody measures, figures grow old: the leader's empty window sees to that. */
static void propose_nothing(struct latency *latency)
{
    Cmd__PutLatencyWindow window = CMD__PUT_LATENCY_WINDOW__INIT;
    struct state_latency_about about;

    if (!cluster__leads(latency->cluster) || latency->is_proposing ||
        state_get_latency_about(store_kv(latency->cluster->store), &about) != 0 ||
        about.measured_count == 0)
        return;
    (void)propose(latency, &window);
}

/* The source is emptied in any case: what it has is of this window. */
static void end_window(struct latency *latency)
{
    give_up(latency);
    latency->measures = calloc(LATENCY_MEASURES_MAX, sizeof(*latency->measures));
    if (latency->measures && latency->source)
        latency->count =
            latency->source(latency->source_user, latency->measures, LATENCY_MEASURES_MAX);
    if (latency->count > 0 && is_region_known(latency))
        return;
    give_up(latency);
    propose_nothing(latency);
}

void latency_tick(struct latency *latency, uint64_t now_wall_s)
{
    const uint64_t window_wall_s = now_wall_s - now_wall_s % latency->window_s;

    if (latency->window_wall_s == 0)
        latency->window_wall_s = window_wall_s; /* the first one is not whole: it goes with it */
    if (window_wall_s != latency->window_wall_s) {
        latency->window_wall_s = window_wall_s;
        end_window(latency);
    }
    if (latency->measures && !latency->is_proposing) {
        if (latency->at == latency->count)
            give_up(latency);
        else
            propose_some(latency);
    }
}
