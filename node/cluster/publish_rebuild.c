/* The half of publish.h that reads a whole state into the image. The state does not change
 * meanwhile: at the start nothing is applied yet, and while a snapshot is installed the driver
 * holds back entries. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/publish_internal.h"
#include "dns/name.h"

static int collect_import(void *user, const struct state_import *import)
{
    struct rebuild *rebuild = user;

    if (rebuild->import_count == STATE_IMPORTS_MAX)
        return ERR_CORRUPT;
    rebuild->imports[rebuild->import_count++] = *import;
    return 0;
}

int publish_rebuild_begin(struct publish *publish, const struct kv *kv)
{
    struct rebuild *rebuild = &publish->rebuild;

    ASSERT(rebuild->stage == REBUILD_OFF);
    memset(rebuild, 0, sizeof(*rebuild));
    int rc = state_list_imports(kv, collect_import, rebuild);
    if (rc == 0)
        rebuild->stage = REBUILD_ZONES;
    return rc;
}

/* Take up one content: from here on its sets are read. */
static int take_up(struct publish *publish, uint64_t number, const uint8_t *apex, bool is_import)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct zone_content *content = NULL;

    int rc = zone_content_new(publish->image, apex, &content);
    if (rc == 0)
        rc = content_map_put(&rebuild->fresh, number, apex, content);
    if (rc != 0) {
        zone_content_drop(publish->image, content);
        return rc;
    }
    memcpy(rebuild->apex, apex, dns_name_len(apex));
    rebuild->content = number;
    rebuild->is_import = is_import;
    rebuild->has_last = false;
    return 0;
}

struct taken {
    struct publish *publish;
    bool is_found;
};

static int take_zone(void *user, const struct state_zone *zone)
{
    struct taken *taken = user;

    /* A longer id than all others, so it orders directly behind this one. */
    size_t len = strlen(zone->id);
    ASSERT(len + 2 <= STATE_ID_SIZE);
    memcpy(taken->publish->rebuild.zone_id, zone->id, len);
    memcpy(taken->publish->rebuild.zone_id + len, "0", 2);
    taken->is_found = true;
    int rc = take_up(taken->publish, zone->content, zone->name, false);
    return rc != 0 ? rc : 1;
}

static int next_zone(struct publish *publish, const struct kv *kv)
{
    struct taken taken = {.publish = publish};

    int rc = state_list_zones(kv, publish->rebuild.zone_id, take_zone, &taken);
    if (rc == 0 && !taken.is_found)
        publish->rebuild.stage = REBUILD_IMPORTS;
    return rc;
}

static int next_import(struct publish *publish, const struct kv *kv)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct state_zone zone;

    if (rebuild->import_at == rebuild->import_count) {
        rebuild->stage = REBUILD_DROPS;
        return 0;
    }
    const struct state_import *import = &rebuild->imports[rebuild->import_at++];
    int rc = state_get_zone(kv, import->zone_id, &zone);
    return rc != 0 ? rc : take_up(publish, import->content, zone.name, true);
}

static int put_set(void *user, const struct state_record_set *set)
{
    struct publish *publish = user;
    struct rebuild *rebuild = &publish->rebuild;

    int rc = publish__put(publish, &rebuild->fresh, rebuild->content, set);
    if (rc != 0)
        return rc;
    rebuild->has_last = true;
    memcpy(rebuild->last_name, set->name, dns_name_len(set->name));
    rebuild->last_type = set->type;
    memcpy(rebuild->last_identifier, set->set_identifier ? set->set_identifier : "",
           set->set_identifier_len);
    rebuild->last_identifier[set->set_identifier_len] = '\0';
    if (rebuild->sets_left > 0)
        rebuild->sets_left--;
    return rebuild->sets_left == 0;
}

/* The content is complete: serve it, still unseen, or leave an import waiting for its commit. */
static int complete(struct publish *publish)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct content_entry *entry = content_map_find(&rebuild->fresh, rebuild->content);

    ASSERT(entry && entry->filling);
    rebuild->content = 0;
    if (rebuild->is_import)
        return 0;
    int rc = zone_change_serve(publish->image, entry->filling);
    if (rc == 0)
        entry->filling = NULL;
    return rc;
}

static int fill(struct publish *publish, const struct kv *kv)
{
    struct rebuild *rebuild = &publish->rebuild;
    struct state_set_start start = {.name = rebuild->last_name,
                                    .type = rebuild->last_type,
                                    .set_identifier = rebuild->last_identifier,
                                    .is_after = true};

    int rc = state_list_record_sets(kv, rebuild->content, rebuild->has_last ? &start : NULL,
                                    put_set, publish);
    if (rc != 0 || rebuild->sets_left == 0)
        return rc;
    rebuild->sets_left--; /* an empty zone costs something too */
    return complete(publish);
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
    int rc = state_get_zone_by_name(kv, entry->apex, &zone);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = zone_change_drop(publish->image, entry->apex);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int finish(struct publish *publish, const struct kv *kv)
{
    struct state_applied applied;

    int rc = state_get_applied(kv, &applied);
    if (rc == 0)
        rc = zone_publish(publish->image, applied.index);
    if (rc != 0)
        return rc;
    content_map_fini(&publish->map);
    publish->map = publish->rebuild.fresh;
    memset(&publish->rebuild, 0, sizeof(publish->rebuild));
    publish->index = applied.index;
    publish->is_frozen = false;
    return 0;
}

static int step(struct publish *publish, const struct kv *kv, bool *is_done)
{
    struct rebuild *rebuild = &publish->rebuild;

    if (rebuild->content != 0)
        return fill(publish, kv);
    switch (rebuild->stage) {
    case REBUILD_ZONES: return next_zone(publish, kv);
    case REBUILD_IMPORTS: return next_import(publish, kv);
    case REBUILD_DROPS: return drop_next(publish, kv, is_done);
    case REBUILD_OFF: break;
    }
    ASSERT(rebuild->stage != REBUILD_OFF);
    return 0;
}

int publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max)
{
    struct rebuild *rebuild = &publish->rebuild;
    bool is_done = false;
    int rc = 0;

    ASSERT(sets_max > 0);
    rebuild->sets_left = sets_max;
    while (rc == 0 && !is_done && rebuild->sets_left > 0)
        rc = step(publish, kv, &is_done);
    if (rc == 0 && !is_done)
        return 1;
    if (rc == 0)
        rc = finish(publish, kv);
    if (rc != 0) {
        publish__freeze(publish, err_text(rc));
        for (uint64_t i = 0; i < rebuild->fresh.capacity; i++) {
            if (rebuild->fresh.slots[i].filling)
                zone_content_drop(publish->image, rebuild->fresh.slots[i].filling);
        }
        content_map_fini(&rebuild->fresh);
        memset(rebuild, 0, sizeof(*rebuild));
    }
    return rc;
}
