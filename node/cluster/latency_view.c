#include "cluster/latency_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/geo_parts.h"
#include "cluster/internal.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "store/state_latency.h"
#include "store/state_routing.h"
#include "store/store.h"

#define CALM_MS 1000u
#define LATE_MS 10000u
#define AGAIN_MS 60000u
#define FIRST_CAPACITY 1024u

struct latency_view {
    struct cluster *cluster;
    bool is_dirty;
    uint64_t first_mono_ms, last_mono_ms; /* of the changes since the last compilation began */
    uint64_t again_mono_ms;               /* not before: the last compilation failed */
    uv_work_t work;
    bool is_running;
    struct geo_latency *compiled; /* the worker's until it ends; NULL: there are no figures */
    int code;
};

struct latency_view *latency_view_new(struct cluster *cluster)
{
    struct latency_view *view = calloc(1, sizeof(*view));

    if (view)
        view->cluster = cluster;
    return view;
}

bool latency_view_is_running(const struct latency_view *view)
{
    return view && view->is_running;
}

void latency_view_free(struct latency_view *view)
{
    free(view);
}

struct entries {
    const struct kv *kv;
    struct geo_latency_entry *list;
    size_t count, capacity;
    char region[STATE_LATENCY_REGION_SIZE]; /* of the entry before; "" before the first */
    uint8_t region_number;                  /* GEO_REGION_NONE: there is none of that name */
};

/* Entries of a region that was deleted stay, and count again if it comes back. */
static int find_region(struct entries *entries, const char *name)
{
    if (entries->region[0] && strcmp(entries->region, name) == 0)
        return 0;
    uint8_t number = (uint8_t)geo_region_builtin(name);
    int rc = number == GEO_REGION_NONE ? state_find_region_number(entries->kv, name, &number) : 0;
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    entries->region_number = rc == 0 ? number : GEO_REGION_NONE;
    memcpy(entries->region, name, strlen(name) + 1);
    return 0;
}

static int on_entry(void *user, const struct state_latency *entry)
{
    struct entries *entries = user;
    int rc = find_region(entries, entry->region);

    if (rc != 0 || entries->region_number == GEO_REGION_NONE)
        return rc;
    if (entries->count == entries->capacity) {
        const size_t capacity = entries->count > 0 ? 2 * entries->count : FIRST_CAPACITY;
        void *larger = realloc(entries->list, capacity * sizeof(*entries->list));
        if (!larger)
            return ERR_NOMEM;
        entries->list = larger;
        entries->capacity = capacity;
    }
    entries->list[entries->count++] = (struct geo_latency_entry){.prefix = entry->prefix,
                                                                 .region = entries->region_number,
                                                                 .source = entry->source,
                                                                 .ms = entry->ms};
    return 0;
}

static int compile(const struct kv *kv, struct geo_latency **out)
{
    struct entries entries = {.kv = kv};
    struct state_latency_about about;
    struct geo_latency *latency = NULL;

    int rc = state_get_latency_about(kv, &about);
    if (rc == 0)
        rc = state_list_latency(kv, on_entry, &entries);
    if (rc == 0 && entries.count > 0)
        rc = geo_latency_new(entries.list, entries.count, about.version, &latency);
    free(entries.list);
    if (rc == 0)
        *out = latency;
    return rc;
}

static void show(struct latency_view *view)
{
    int rc = view->code;

    if (rc == 0)
        rc = geo_parts_set_latency(view->cluster->geo_parts, view->compiled);
    view->compiled = NULL;
    if (rc == 0) {
        geo_parts_publish(view->cluster->geo_parts);
        return;
    }
    log_error("cluster", "latencies_not_compiled why=\"%s\" action=\"routing by the old ones\"",
              err_text(rc));
    latency_view_changed(view);
    view->again_mono_ms = view->last_mono_ms + AGAIN_MS;
}

static void run(uv_work_t *work)
{
    struct latency_view *view = work->data;
    struct cluster *cluster = view->cluster;

    pthread_rwlock_rdlock(&cluster->store_lock);
    view->code = compile(store_kv(cluster->store), &view->compiled);
    pthread_rwlock_unlock(&cluster->store_lock);
}

static void on_run(uv_work_t *work, int status)
{
    struct latency_view *view = work->data;

    (void)status; /* never cancelled */
    view->is_running = false;
    show(view);
    cluster__wake(view->cluster); /* a close may wait for this */
}

int latency_view_load(struct latency_view *view)
{
    view->code = compile(store_kv(view->cluster->store), &view->compiled);
    if (view->code == 0)
        show(view);
    return view->code;
}

void latency_view_changed(struct latency_view *view)
{
    view->last_mono_ms = clock_mono_ms();
    if (!view->is_dirty)
        view->first_mono_ms = view->last_mono_ms;
    view->is_dirty = true;
}

void latency_view_tick(struct latency_view *view, uint64_t now_mono_ms)
{
    if (!view->is_dirty || view->is_running || now_mono_ms < view->again_mono_ms ||
        (now_mono_ms - view->last_mono_ms < CALM_MS && now_mono_ms - view->first_mono_ms < LATE_MS))
        return;
    view->work.data = view;
    if (uv_queue_work(view->cluster->loop, &view->work, run, on_run) != 0)
        return;
    view->is_dirty = false;
    view->is_running = true;
}
