#include "cluster/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/apply.h"
#include "cluster/publish_internal.h"
#include "cluster/zone_counts.h"
#include "dns/name.h"
#include "geo/region.h"
#include "store/state_routing.h"
#include "zone/hidden.h"
#include "zone/view.h"

#define RECLAIM_BLOCKS 20000

int publish_new(struct publish **out)
{
    struct publish *publish = calloc(1, sizeof(*publish));

    if (!publish)
        return ERR_NOMEM;
    publish->counts = zone_counts_new();
    int rc = publish->counts ? zone_publisher_new(&publish->image) : ERR_NOMEM;
    if (rc != 0) {
        zone_counts_free(publish->counts);
        free(publish);
        return rc;
    }
    *out = publish;
    return 0;
}

void publish__drop_filling(struct publish *publish, struct content_map *map)
{
    for (uint64_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].filling)
            zone_content_drop(publish->image, map->slots[i].filling);
    }
    content_map_fini(map);
}

void publish_free(struct publish *publish)
{
    if (!publish)
        return;
    publish_rebuild_cancel(publish);
    publish__fill_cancel(publish);
    publish__drop_filling(publish, &publish->map);
    zone_publisher_free(publish->image);
    zone_counts_free(publish->counts);
    free(publish->rdatas);
    free(publish);
}

struct zone_counts *publish_counts(struct publish *publish)
{
    return publish->counts;
}

struct zone_publisher *publish_image(struct publish *publish)
{
    return publish->image;
}

uint64_t publish_index(const struct publish *publish)
{
    return publish->index;
}

bool publish_is_frozen(const struct publish *publish)
{
    return publish->is_frozen;
}

void publish_freeze(struct publish *publish, const char *why)
{
    if (!publish->is_frozen)
        log_error("cluster", "image_frozen index=%" PRIu64 " why=\"%s\"", publish->index, why);
    publish->is_frozen = true;
}

/* State's form of a set → the image's, in scratch memory. ERR_NOMEM. */
static int convert(struct publish *publish, const struct state_record_set *set,
                   struct zone_record_set *out)
{
    size_t offset = 0, count = 0;
    const uint8_t *data;
    uint16_t len;

    if (set->rdata_count > publish->rdata_capacity) {
        size_t bytes = set->rdata_count * sizeof(*publish->rdatas);
        struct zone_rdata *larger = realloc(publish->rdatas, bytes);
        if (!larger)
            return ERR_NOMEM;
        publish->rdatas = larger;
        publish->rdata_capacity = set->rdata_count;
    }
    while (state_set_next(set, &offset, &data, &len)) {
        ASSERT(count < set->rdata_count);
        publish->rdatas[count++] = (struct zone_rdata){data, len};
    }
    *out = (struct zone_record_set){.name = set->name,
                                    .type = set->type,
                                    .rdata_count = (uint16_t)count,
                                    .ttl_s = set->ttl_s,
                                    .rdatas = publish->rdatas,
                                    .set_identifier = set->set_identifier,
                                    .set_identifier_len = (uint8_t)set->set_identifier_len};
    return 0;
}

/* What is not there (any more) has the number 0: no check, no region, no collection. */
static int or_none(int rc)
{
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What the routing names, by its numbers in the image. */
static int resolve(struct publish *publish, const struct publish__place *place,
                   const struct state_record_set *set)
{
    struct zone_routing *routing = &publish->routing;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), routing);

    if (rc == 0 && routing->health_check_id[0])
        rc = or_none(
            state_find_check_slot(place->kv, routing->health_check_id, &routing->check_slot));
    if (rc == 0 && routing->cidr_collection_id[0])
        rc = or_none(
            state_find_cidr_slot(place->kv, routing->cidr_collection_id, &routing->cidr_slot));
    if (rc == 0 && routing->region[0]) {
        routing->region_number = (uint8_t)geo_region_builtin(routing->region);
        if (routing->region_number == GEO_REGION_NONE)
            rc = or_none(
                state_find_region_number(place->kv, routing->region, &routing->region_number));
    }
    if (rc == 0)
        rc = or_none(
            state_find_override_slot(place->kv, place->zone_id, set, &routing->override_slot));
    return rc;
}

static const uint8_t *name_in_image(struct publish *publish, const struct state_record_set *set)
{
    if (!set->is_hidden || !zone_hidden_is_of(set->name, set->instance_id))
        return set->name;
    memcpy(publish->hidden_name, set->name, dns_name_len(set->name));
    zone_hidden_to_image(publish->hidden_name);
    return publish->hidden_name;
}

/* The names that no question has (zone/hidden.h), of @set, which @converted is made of. */
static void hide(struct publish *publish, const struct state_record_set *set,
                 struct zone_record_set *converted)
{
    const uint8_t *target = set->routing ? publish->routing.alias_target : NULL;

    converted->name = name_in_image(publish, set);
    if (!set->instance_id)
        return;
    if (target && zone_hidden_is_of(target, set->instance_id)) {
        memcpy(publish->hidden_target, target, dns_name_len(target));
        zone_hidden_to_image(publish->hidden_target);
        publish->routing.alias_target = publish->hidden_target;
    }
}

static int put_once(struct publish *publish, const struct content_entry *entry,
                    const struct zone_record_set *set)
{
    if (entry->filling)
        return zone_content_put(publish->image, entry->filling, set);
    if (entry->private_id)
        return zone_private_put(publish->image, entry->private_id, set);
    return zone_change_put(publish->image, entry->apex, set);
}

int publish__put(struct publish *publish, const struct publish__place *place,
                 const struct state_record_set *set)
{
    struct zone_record_set converted;

    int rc = convert(publish, set, &converted);
    if (rc == 0 && set->routing) {
        rc = resolve(publish, place, set);
        converted.routing = &publish->routing;
    }
    if (rc != 0)
        return rc;
    hide(publish, set, &converted);
    rc = put_once(publish, place->entry, &converted);
    if (rc == ERR_NOMEM && publish_reclaim(publish))
        rc = put_once(publish, place->entry, &converted);
    if (rc == 0 || rc == ERR_NOMEM)
        return rc;
    char name[DNS_NAME_TEXT_SIZE];
    if (dns_name_format(set->name, name, sizeof(name)) < 0)
        name[0] = '\0';
    log_error("cluster", "record_set_not_served name=%s type=%u why=\"%s\"", name,
              (unsigned)set->type, err_text(rc));
    return 0;
}

int publish__content_new(struct publish *publish, const uint8_t *apex, const char *private_id,
                         struct zone_content **out)
{
    return private_id ? zone_private_content_new(publish->image, apex, private_id, out)
                      : zone_content_new(publish->image, apex, out);
}

static int zone_added(struct publish *publish, const struct apply_effect *effect)
{
    const char *private_id = effect->is_private ? effect->zone_id : NULL;
    struct zone_content *content = NULL;

    int rc = publish__content_new(publish, effect->name, private_id, &content);
    if (rc == 0)
        publish__mark_content(publish, effect->zone_id, content);
    if (rc == 0)
        rc = zone_change_serve(publish->image, content);
    if (rc != 0) {
        zone_content_drop(publish->image, content);
        return rc;
    }
    return content_map_put(&publish->map, effect->content, effect->name, private_id, NULL);
}

/* @content, and what is shown while that is being read, are in the image no more. */
static void forget_content(struct publish *publish, uint64_t content)
{
    const struct content_entry *entry = content_map_find(&publish->map, content);

    if (entry && entry->fill) {
        content = publish__fill_shown(entry);
        publish__fill_drop(publish, entry);
    }
    content_map_remove(&publish->map, content);
}

static int zone_removed(struct publish *publish, const struct apply_effect *effect)
{
    int rc = effect->is_private ? zone_private_drop(publish->image, effect->zone_id)
                                : zone_change_drop(publish->image, effect->name);

    forget_content(publish, effect->content);
    zone_counts_remove(publish->counts, effect->zone_id);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int content_started(struct publish *publish, const struct kv *kv,
                           const struct apply_effect *effect)
{
    struct state_zone zone;
    struct zone_content *content = NULL;

    if (state_get_zone(kv, effect->zone_id, &zone) != 0)
        return 0; /* the zone went in the same entry */
    const char *private_id = zone.is_private ? zone.id : NULL;
    int rc = publish__content_new(publish, zone.name, private_id, &content);
    if (rc == 0)
        publish__mark_content(publish, zone.id, content);
    if (rc == 0)
        rc = content_map_put(&publish->map, effect->content, zone.name, private_id, content);
    if (rc != 0)
        zone_content_drop(publish->image, content);
    return rc;
}

static int content_dropped(struct publish *publish, const struct apply_effect *effect)
{
    struct content_entry *entry = content_map_find(&publish->map, effect->content);

    if (entry) {
        ASSERT(!entry->fill); /* another zone of the name was activated before */
        zone_content_drop(publish->image, entry->filling);
        content_map_remove(&publish->map, effect->content);
    }
    return 0;
}

static int content_switched(struct publish *publish, const struct apply_effect *effect)
{
    struct content_entry *entry = content_map_find(&publish->map, effect->content);

    if (!entry || !entry->filling)
        return ERR_NOT_FOUND;
    if (effect->is_not_served)
        return content_dropped(publish, effect);
    publish__mark_content(publish, effect->zone_id, entry->filling); /* it may have changed */
    int rc = zone_change_serve(publish->image, entry->filling);
    if (rc != 0)
        return rc;
    entry->filling = NULL;
    forget_content(publish, effect->old_content);
    return 0;
}

/* Contents that are not known went in the same entry. */
static int set_put(struct publish *publish, const struct kv *kv, const struct apply_effect *effect)
{
    const struct publish__place place = {kv, effect->zone_id,
                                         content_map_find(&publish->map, effect->content)};

    return place.entry ? publish__put(publish, &place, &effect->record_set) : 0;
}

static int remove_once(struct publish *publish, const struct content_entry *entry,
                       const struct state_record_set *set)
{
    const uint8_t *name = name_in_image(publish, set);
    const struct zone_record_set which = {.name = name,
                                          .type = set->type,
                                          .set_identifier = set->set_identifier,
                                          .set_identifier_len = (uint8_t)set->set_identifier_len};

    if (entry->filling)
        return zone_content_remove(publish->image, entry->filling, &which);
    if (entry->private_id)
        return zone_private_remove(publish->image, entry->private_id, name, set->type,
                                   set->set_identifier, set->set_identifier_len);
    return zone_change_remove(publish->image, entry->apex, name, set->type, set->set_identifier,
                              set->set_identifier_len);
}

/* What the image has not, because it refused it or because a set of another policy took the place
 * of all the others, need not be removed. */
static int set_removed(struct publish *publish, const struct apply_effect *effect)
{
    struct content_entry *entry = content_map_find(&publish->map, effect->content);
    const struct state_record_set *set = &effect->record_set;

    return entry ? or_none(remove_once(publish, entry, set)) : 0;
}

struct putting {
    struct publish *publish;
    struct publish__place place;
};

static int put_again(void *user, const struct state_record_set *set)
{
    struct putting *putting = user;

    /* Simple sets of records are always answered: the override of one is only shown. */
    return set->routing ? publish__put(putting->publish, &putting->place, set) : 0;
}

/* The set's number may be another now. */
static int override_changed(struct publish *publish, const struct kv *kv,
                            const struct apply_effect *effect)
{
    struct putting putting = {publish, {kv, effect->zone_id, NULL}};
    struct state_zone zone;
    int rc = state_get_zone(kv, effect->zone_id, &zone);

    if (rc != 0)
        return or_none(rc);
    putting.place.entry = content_map_find(&publish->map, zone.content);
    if (!putting.place.entry)
        return 0; /* the zone comes whole, behind this */
    return or_none(
        state_get_record_set(kv, zone.content, &effect->record_set, put_again, &putting));
}

static int note(struct publish *publish, const struct kv *kv, const struct apply_effect *effect)
{
    switch (effect->kind) {
    case APPLY_ZONE_ADDED: return zone_added(publish, effect);
    case APPLY_ZONE_REMOVED: return zone_removed(publish, effect);
    case APPLY_ZONE_SERVED: return publish__fill_begin(publish, effect);
    case APPLY_RECORD_SET_PUT: return set_put(publish, kv, effect);
    case APPLY_RECORD_SET_REMOVED: return set_removed(publish, effect);
    case APPLY_CONTENT_STARTED: return content_started(publish, kv, effect);
    case APPLY_CONTENT_SWITCHED: return content_switched(publish, effect);
    case APPLY_CONTENT_DROPPED: return content_dropped(publish, effect);
    case APPLY_OVERRIDE_CHANGED: return override_changed(publish, kv, effect);
    case APPLY_VIEW_ADDED:
    case APPLY_VIEW_CHANGED:
    case APPLY_ZONE_LINKED:
    case APPLY_ZONE_UNLINKED: return publish__view_effect(publish, kv, effect);
    case APPLY_LOGGING_CHANGED: return publish__logging_changed(publish, kv, effect);
    default: return 0; /* nothing that DNS serves */
    }
}

void publish_effect(struct publish *publish, const struct kv *kv, const struct apply_effect *effect)
{
    if (publish->is_frozen)
        return;
    int rc = note(publish, kv, effect);
    if (rc == ERR_NOMEM && publish_reclaim(publish))
        rc = note(publish, kv, effect);
    if (rc != 0)
        publish_freeze(publish, err_text(rc));
}

int publish__show(struct publish *publish)
{
    const uint64_t index = publish__fill_limit(publish, publish->committed_index);

    int rc = zone_publish(publish->image, index);
    if (rc == ERR_NOMEM && publish_reclaim(publish))
        rc = zone_publish(publish->image, index);
    if (rc != 0)
        return rc;
    publish->index = index;
    publish->is_show_due = false;
    return 0;
}

void publish_commit(struct publish *publish, uint64_t index)
{
    if (publish->is_frozen || index == publish->committed_index)
        return;
    publish->committed_index = index;
    int rc = publish__show(publish);
    if (rc != 0)
        publish_freeze(publish, err_text(rc));
}

void publish_refresh(struct publish *publish)
{
    if (publish->is_frozen || publish->rebuild.stage != REBUILD_OFF)
        return;
    int rc = zone_publish(publish->image, publish->index);
    if (rc == ERR_NOMEM && publish_reclaim(publish))
        rc = zone_publish(publish->image, publish->index);
    if (rc != 0) /* nothing is lost: the next commit shows it */
        log_warn("cluster", "image_not_refreshed why=\"%s\"", err_text(rc));
}

bool publish_reclaim(struct publish *publish)
{
    return zone_image_reclaim(publish->image, RECLAIM_BLOCKS) > 0;
}
