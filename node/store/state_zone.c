#include "store/state_zone.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_key.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define HEAD_LEN 2u /* of a key of KV_OBJECTS */
#define SERVED 'n'
#define PRIVATE 'p'
#define ZONE_REFERENCE 'z'

/* ---- keys ---- */

struct object_key {
    uint8_t octets[HEAD_LEN + STATE_KEY_NAME_MAX];
};

static struct kv_slice object_key(struct object_key *key, enum state_object object, char kind,
                                  struct kv_slice rest)
{
    ASSERT(rest.len <= STATE_KEY_NAME_MAX);
    key->octets[0] = (uint8_t)object;
    key->octets[1] = (uint8_t)kind;
    if (rest.len > 0)
        memcpy(key->octets + HEAD_LEN, rest.data, rest.len);
    return kv_slice(key->octets, HEAD_LEN + rest.len);
}

static struct kv_slice served_key(struct object_key *key, const uint8_t *name)
{
    key->octets[0] = STATE_OBJECT_ZONE;
    key->octets[1] = SERVED;
    return kv_slice(key->octets, HEAD_LEN + state_key_name(name, key->octets + HEAD_LEN));
}

struct name_key {
    uint8_t octets[STATE_KEY_NAME_MAX + STATE_ID_SIZE];
};

static struct kv_slice name_key(struct name_key *key, const uint8_t *name, const char *id)
{
    size_t len = state_key_name(name, key->octets), id_len = strnlen(id, STATE_ID_SIZE - 1);

    memcpy(key->octets + len, id, id_len);
    return kv_slice(key->octets, len + id_len);
}

static bool take_id(const void *octets, size_t len, char id[STATE_ID_SIZE])
{
    if (len == 0 || len >= STATE_ID_SIZE)
        return false;
    memcpy(id, octets, len);
    id[len] = 0;
    return true;
}

/* The zone id behind the reversed name in a key of KV_ZONE_NAMES. */
static int id_of_name_key(struct kv_slice key, char id[STATE_ID_SIZE])
{
    const uint8_t *octets = key.data;
    const uint8_t *end = memchr(octets, 0, key.len);

    if (!end)
        return ERR_CORRUPT;
    size_t used = (size_t)(end - octets) + 1;
    return take_id(octets + used, key.len - used, id) ? 0 : ERR_CORRUPT;
}

/* ---- one zone by its name ---- */

struct first {
    char id[STATE_ID_SIZE];
    bool has_flags;
};

static int on_first(void *user, struct kv_slice key, struct kv_slice value)
{
    struct first *first = user;
    int rc = id_of_name_key(key, first->id);

    first->has_flags = value.len > 0;
    return rc < 0 ? rc : 1;
}

static int decode_id(struct kv_slice value, void *out)
{
    return take_id(value.data, value.len, out) ? 0 : ERR_CORRUPT;
}

int state_get_zone_by_name(const struct kv *kv, const uint8_t *name, struct state_zone *out)
{
    struct name_key prefix;
    struct object_key key;
    struct first first = {.id = ""};
    struct kv_range range = {.family = KV_ZONE_NAMES, .prefix = name_key(&prefix, name, "")};
    int rc = kv_scan(kv, &range, on_first, &first);

    if (rc == 0 && first.has_flags)
        rc = state__get_value(kv, KV_OBJECTS, served_key(&key, name), decode_id, first.id);
    return rc != 0 ? rc : state_get_zone(kv, first.id, out);
}

int state_get_zone_of_name(const struct kv *kv, const uint8_t *name, struct state_zone *out)
{
    for (const uint8_t *ancestor = name;; ancestor = dns_name_skip(ancestor, 1)) {
        int rc = state_get_zone_by_name(kv, ancestor, out);
        if (rc != ERR_NOT_FOUND || dns_name_is_root(ancestor))
            return rc;
    }
}

/* ---- lists ---- */

struct zone_list {
    const struct kv *kv;
    state_zone_cb cb;
    void *user;
};

static int on_zone(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct zone_list *list = user;
    struct state_zone zone;
    int rc = state_value_zone(value, &zone);

    (void)key;
    return rc != 0 ? rc : list->cb(list->user, &zone);
}

int state_list_zones(const struct kv *kv, const char *from_id, state_zone_cb cb, void *user)
{
    struct zone_list list = {kv, cb, user};
    struct kv_range range = {.family = KV_ZONES, .from = state_value_text(from_id)};

    return kv_scan(kv, &range, on_zone, &list);
}

static int tell_zone(const struct zone_list *list, const char *id)
{
    struct state_zone zone;
    int rc = state_get_zone(list->kv, id, &zone);

    if (rc == ERR_NOT_FOUND)
        return 0; /* deleted since the scan began */
    return rc != 0 ? rc : list->cb(list->user, &zone);
}

static int on_zone_name(void *user, struct kv_slice key, struct kv_slice value)
{
    char id[STATE_ID_SIZE];
    int rc = id_of_name_key(key, id);

    (void)value;
    return rc != 0 ? rc : tell_zone(user, id);
}

int state_list_zones_from(const struct kv *kv, const uint8_t *from_name, const char *from_id,
                          state_zone_cb cb, void *user)
{
    struct zone_list list = {kv, cb, user};
    struct name_key from;
    struct kv_range range = {.family = KV_ZONE_NAMES};

    if (from_name)
        range.from = name_key(&from, from_name, from_id ? from_id : "");
    return kv_scan(kv, &range, on_zone_name, &list);
}

int state_list_zones_by_name(const struct kv *kv, const uint8_t *from_name, state_zone_cb cb,
                             void *user)
{
    return state_list_zones_from(kv, from_name, NULL, cb, user);
}

int state_list_zones_of_name(const struct kv *kv, const uint8_t *name, state_zone_cb cb, void *user)
{
    struct zone_list list = {kv, cb, user};
    struct name_key prefix;
    struct kv_range range = {.family = KV_ZONE_NAMES, .prefix = name_key(&prefix, name, "")};

    return kv_scan(kv, &range, on_zone_name, &list);
}

static int on_private(void *user, struct kv_slice key, struct kv_slice value)
{
    char id[STATE_ID_SIZE];

    (void)value;
    if (!take_id((const uint8_t *)key.data + HEAD_LEN, key.len - HEAD_LEN, id))
        return ERR_CORRUPT;
    return tell_zone(user, id);
}

int state_list_private_zones(const struct kv *kv, const char *from_id, state_zone_cb cb, void *user)
{
    struct zone_list list = {kv, cb, user};
    struct object_key prefix, from;
    struct kv_range range = {.family = KV_OBJECTS};

    range.prefix = object_key(&prefix, STATE_OBJECT_ZONE, PRIVATE, kv_slice(NULL, 0));
    if (from_id[0])
        range.from = object_key(&from, STATE_OBJECT_ZONE, PRIVATE, state_value_text(from_id));
    return kv_scan(kv, &range, on_private, &list);
}

struct content_search {
    uint64_t content;
    bool is_found;
    struct state_zone *out;
};

static int on_candidate(void *user, const struct state_zone *zone)
{
    struct content_search *search = user;

    search->is_found = zone->content == search->content;
    if (search->is_found)
        *search->out = *zone;
    return search->is_found;
}

int state_get_zone_of_content(const struct kv *kv, uint64_t content, const uint8_t *name,
                              struct state_zone *out)
{
    struct content_search search = {.content = content, .out = out};

    for (const uint8_t *ancestor = name;; ancestor = dns_name_skip(ancestor, 1)) {
        int rc = state_list_zones_of_name(kv, ancestor, on_candidate, &search);
        if (rc != 0 || search.is_found)
            return rc;
        if (dns_name_is_root(ancestor))
            return ERR_NOT_FOUND;
    }
}

static int count_zone(void *user, struct kv_slice key, struct kv_slice value)
{
    struct state_name_zones *zones = user;
    uint8_t flags = value.len > 0 ? *(const uint8_t *)value.data : 0;

    if (flags & STATE_ZONE_PRIVATE)
        zones->private_count++;
    else
        zones->public_count++;
    return flags == 0 ? id_of_name_key(key, zones->served) : 0;
}

int state_count_zones_of_name(const struct kv *kv, const uint8_t *name,
                              struct state_name_zones *out)
{
    struct state_name_zones zones = {0};
    struct name_key prefix;
    struct kv_range range = {.family = KV_ZONE_NAMES, .prefix = name_key(&prefix, name, "")};
    int rc = kv_scan(kv, &range, count_zone, &zones);

    if (rc == 0)
        *out = zones;
    return rc;
}

/* ---- writes ---- */

static char *text(const char *from) /* what generated structs point to is left alone */
{
    return (char *)from;
}

static uint8_t flags_of(const struct state_zone *zone)
{
    return (uint8_t)((zone->is_not_served ? STATE_ZONE_NOT_SERVED : 0) |
                     (zone->is_private ? STATE_ZONE_PRIVATE : 0));
}

void state_put_zone_name(struct overlay *overlay, const struct state_zone *zone)
{
    struct name_key key;
    uint8_t flags = flags_of(zone);

    overlay_put(overlay, KV_ZONE_NAMES, name_key(&key, zone->name, zone->id),
                kv_slice(&flags, flags != 0));
}

static void put_indexes(struct overlay *overlay, const struct state_zone *zone)
{
    struct object_key key;

    state_put_zone_name(overlay, zone);
    if (zone->is_private)
        overlay_put(overlay, KV_OBJECTS,
                    object_key(&key, STATE_OBJECT_ZONE, PRIVATE, state_value_text(zone->id)),
                    kv_slice(NULL, 0));
}

void state_put_zone(struct overlay *overlay, const struct state_zone *zone)
{
    State__Zone message = STATE__ZONE__INIT;

    message.version = STATE_VERSION;
    message.zone_id = text(zone->id);
    message.name = (ProtobufCBinaryData){dns_name_len(zone->name), (uint8_t *)zone->name};
    message.content = zone->content;
    message.record_set_count = zone->record_set_count;
    message.comment = text(zone->comment);
    message.caller_reference = text(zone->caller_reference);
    message.created_index = zone->created_index;
    message.changed_index = zone->changed_index;
    message.created_wall_ms = zone->created_wall_ms;
    message.is_private = zone->is_private;
    message.is_not_served = zone->is_not_served;
    message.delegation_set_id = text(zone->delegation_set_id);
    message.accelerated_recovery = zone->accelerated_recovery;
    state__put_message(overlay, KV_ZONES, state_value_text(zone->id), &message.base);
    if (zone->changed_index == zone->created_index)
        put_indexes(overlay, zone);
}

void state_delete_zone(struct overlay *overlay, const struct state_zone *zone)
{
    struct name_key key;
    struct object_key private_key;

    overlay_delete(overlay, KV_ZONES, state_value_text(zone->id));
    overlay_delete(overlay, KV_ZONE_NAMES, name_key(&key, zone->name, zone->id));
    if (zone->is_private)
        overlay_delete(
            overlay, KV_OBJECTS,
            object_key(&private_key, STATE_OBJECT_ZONE, PRIVATE, state_value_text(zone->id)));
}

int state_settle_zone_name(struct overlay *overlay, const uint8_t *name)
{
    const struct kv *kv = overlay_kv(overlay);
    struct state_name_zones zones;
    struct object_key key;
    char stored[STATE_ID_SIZE] = "";
    int rc = state_count_zones_of_name(kv, name, &zones);

    if (rc == 0)
        rc = state__get_value(kv, KV_OBJECTS, served_key(&key, name), decode_id, stored);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    bool is_wanted = zones.served[0] && zones.public_count + zones.private_count > 1;
    if (!is_wanted && stored[0])
        overlay_delete(overlay, KV_OBJECTS, served_key(&key, name));
    else if (is_wanted && strcmp(stored, zones.served) != 0)
        overlay_put(overlay, KV_OBJECTS, served_key(&key, name), state_value_text(zones.served));
    return 0;
}

/* ---- caller references ---- */

int state_has_zone_reference(const struct kv *kv, const char *reference, bool *out)
{
    struct object_key key;
    struct kv_buffer value = {0};
    int rc = kv_get(
        kv, KV_OBJECTS,
        object_key(&key, STATE_OBJECT_REFERENCE, ZONE_REFERENCE, state_value_text(reference)),
        &value);

    kv_buffer_fini(&value);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    *out = rc == 0;
    return 0;
}

void state_put_zone_reference(struct overlay *overlay, const char *reference)
{
    struct object_key key;

    overlay_put(
        overlay, KV_OBJECTS,
        object_key(&key, STATE_OBJECT_REFERENCE, ZONE_REFERENCE, state_value_text(reference)),
        kv_slice(NULL, 0));
}

/* ---- verification ---- */

int state__check_zone_object(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    uint8_t name[STATE_NAME_MAX];
    char id[STATE_ID_SIZE];

    if (key.len <= HEAD_LEN)
        return ERR_CORRUPT;
    if (octets[0] == STATE_OBJECT_REFERENCE || octets[1] == PRIVATE)
        return value.len == 0 ? 0 : ERR_CORRUPT;
    if (octets[1] != SERVED)
        return ERR_CORRUPT;
    int used = state_key_name_decode(octets + HEAD_LEN, key.len - HEAD_LEN, name);
    if (used < 0)
        return used;
    return (size_t)used == key.len - HEAD_LEN && take_id(value.data, value.len, id) ? 0
                                                                                    : ERR_CORRUPT;
}
