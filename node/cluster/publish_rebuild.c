/* The half of publish.h that reads a whole state into the image. The state does not change
 * meanwhile: at the start nothing is applied yet, and while a snapshot is installed the driver
 * holds back entries. loader.h reads; here, on the loop thread, the image grows. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/loader.h"
#include "cluster/publish_internal.h"
#include "dns/name.h"
#include "zone/view.h"

#define STEP_WAIT_MS 1u /* for the reader, in a step of the loop */
#define LATER 1         /* a step cannot go on now */

int publish_rebuild_begin(struct publish *publish, const struct kv *kv)
{
    struct rebuild *rebuild = &publish->rebuild;

    ASSERT(rebuild->stage == REBUILD_OFF);
    publish__fill_cancel(publish); /* all is read */
    memset(rebuild, 0, sizeof(*rebuild));
    int rc = publish__load_logging(publish, kv);
    if (rc == 0)
        rc = loader_start(kv, &rebuild->loader);
    if (rc == 0)
        rebuild->stage = REBUILD_SETS;
    else
        publish_freeze(publish, err_text(rc)); /* it is not of this state */
    return rc;
}

/* Take up the content that comes next: from here on its sets are put. */
static int take_up(struct publish *publish)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct load_content content = loader_content(rebuild->loader, rebuild->content_at);

    int rc = publish__content_new(publish, content.apex,
                                  content.is_private ? content.zone_id : NULL, &rebuild->filling);
    if (rc == 0)
        publish__mark_content(publish, content.zone_id, rebuild->filling);
    return rc;
}

/* The content is complete: serve it, still unseen, or leave an import waiting for its commit. */
static int complete(struct publish *publish)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct load_content content = loader_content(rebuild->loader, rebuild->content_at);
    int rc = content_map_put(&rebuild->fresh, content.number, content.apex,
                             content.is_private ? content.zone_id : NULL,
                             content.is_import ? rebuild->filling : NULL);

    if (rc == 0 && !content.is_import)
        rc = zone_change_serve(publish->image, rebuild->filling);
    if (rc != 0)
        return rc;
    rebuild->filling = NULL;
    rebuild->content_at++;
    return 0;
}

/* One step towards the content of number @until: take up one, or complete one. */
static int approach(struct publish *publish)
{
    struct rebuild *rebuild = &publish->rebuild;

    if (!rebuild->filling)
        return take_up(publish);
    rebuild->sets_left--; /* an empty zone costs something too */
    return complete(publish);
}

static int put_next(struct publish *publish, const struct kv *kv)
{
    struct rebuild *rebuild = &publish->rebuild;
    const struct load_set *next = &rebuild->batch->sets[rebuild->batch_at];

    if (rebuild->content_at < next->content || !rebuild->filling)
        return approach(publish);
    struct content_entry entry = {.filling = rebuild->filling};
    struct publish__place place = {kv, loader_content(rebuild->loader, next->content).zone_id,
                                   &entry};
    int rc = publish__put(publish, &place, &next->set);
    rebuild->sets_left--;
    if (++rebuild->batch_at == rebuild->batch->count) {
        loader_give_back(rebuild->loader, rebuild->batch);
        rebuild->batch = NULL;
    }
    return rc;
}

/* The next batch, or, behind the last one, the contents that are left. */
static int go_on(struct publish *publish, uint32_t wait_ms)
{
    struct rebuild *rebuild = &publish->rebuild;

    if (!rebuild->is_read) {
        int rc = loader_next(rebuild->loader, wait_ms, &rebuild->batch);
        rebuild->batch_at = 0;
        rebuild->is_read = rc == LOADER_END;
        return rc < 0 ? rc : rc == LOADER_LATER ? LATER : 0;
    }
    if (rebuild->content_at < loader_content_count(rebuild->loader))
        return approach(publish);
    loader_stop(rebuild->loader);
    rebuild->loader = NULL;
    rebuild->stage = REBUILD_DROPS;
    return 0;
}

/* Stop serving what the new state does not have. */
static int drop_next(struct publish *publish, const struct kv *kv, bool *is_done)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct state_zone zone;

    *is_done = rebuild->drop_at >= publish->map.capacity;
    if (*is_done)
        return 0;
    struct content_entry *entry = &publish->map.slots[rebuild->drop_at++];
    rebuild->sets_left--;
    if (entry->content == 0)
        return 0;
    if (entry->filling) {
        zone_content_drop(publish->image, entry->filling);
        entry->filling = NULL;
        return 0;
    }
    int rc = entry->private_id ? state_get_zone(kv, entry->private_id, &zone)
                               : state_get_zone_by_name(kv, entry->apex, &zone);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = entry->private_id ? zone_private_drop(publish->image, entry->private_id)
                           : zone_change_drop(publish->image, entry->apex);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int finish(struct publish *publish, const struct kv *kv)
{
    struct state_applied applied;

    int rc = state_get_applied(kv, &applied);
    if (rc == 0)
        rc = publish__load_views(publish, kv);
    if (rc == 0)
        rc = zone_publish(publish->image, applied.index);
    if (rc != 0)
        return rc;
    content_map_fini(&publish->map);
    publish->map = publish->rebuild.fresh;
    memset(&publish->rebuild, 0, sizeof(publish->rebuild));
    publish->index = publish->committed_index = applied.index;
    publish->is_frozen = false;
    return 0;
}

static int step(struct publish *publish, const struct kv *kv, uint32_t wait_ms, bool *is_done)
{
    struct rebuild *rebuild = &publish->rebuild;

    ASSERT(rebuild->stage != REBUILD_OFF);
    if (rebuild->stage == REBUILD_DROPS)
        return drop_next(publish, kv, is_done);
    return rebuild->batch ? put_next(publish, kv) : go_on(publish, wait_ms);
}

void publish_rebuild_cancel(struct publish *publish)
{
    if (!publish)
        return;
    struct rebuild *rebuild = &publish->rebuild;
    if (rebuild->batch)
        loader_give_back(rebuild->loader, rebuild->batch);
    loader_stop(rebuild->loader);
    zone_content_drop(publish->image, rebuild->filling);
    publish__drop_filling(publish, &rebuild->fresh);
    memset(rebuild, 0, sizeof(*rebuild));
}

/* As publish_rebuild_step(); the reader is waited for @wait_ms at a time. */
static int steps(struct publish *publish, const struct kv *kv, unsigned sets_max, uint32_t wait_ms)
{
    struct rebuild *rebuild = &publish->rebuild;
    bool is_done = false;
    int rc = 0;

    ASSERT(sets_max > 0);
    rebuild->sets_left = sets_max;
    while (rc == 0 && !is_done && rebuild->sets_left > 0)
        rc = step(publish, kv, wait_ms, &is_done);
    if (rc == LATER || (rc == 0 && !is_done))
        return 1;
    if (rc == 0)
        rc = finish(publish, kv);
    if (rc != 0) {
        publish_freeze(publish, err_text(rc));
        publish_rebuild_cancel(publish);
    }
    return rc;
}

int publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max)
{
    return steps(publish, kv, sets_max, STEP_WAIT_MS);
}

int publish_rebuild_all(struct publish *publish, const struct kv *kv)
{
    int rc = publish_rebuild_begin(publish, kv);

    while (rc == 0) {
        rc = steps(publish, kv, UINT32_MAX, LOADER_WAIT_FOREVER);
        if (rc <= 0)
            return rc;
        rc = 0;
    }
    return rc;
}
