/* node/store/state_traffic_instance.c: instances of traffic policies. Keys in KV_OBJECTS behind the
 * octet of their kind: 'i' and the id; 'z' and the place, which is zone id, reversed name and type;
 * 'p', the policy's id, its version (2 octets) and the place. The values of the last two are ids.
 */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_put.h"
#include "store/state_traffic.h"
#include "store/state_traffic_keys.h"
#include "store/state_value.h"

#define ZONE_ID_LEN 21u
#define BY_POLICY_LEN (STATE__TRAFFIC_ID_LEN + 2u) /* in front of the place */

static int decode_instance(struct kv_slice value, void *user)
{
    struct state_traffic_instance *out = user, got = {0};
    State__TrafficInstance *from;
    int rc = state__unpack(&state__traffic_instance__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.type = (uint16_t)from->type;
    got.ttl_s = from->ttl_s;
    got.policy_version = from->policy_version;
    got.created_index = from->created_index;
    got.changed_index = from->changed_index;
    bool is_sound = state__take_text(from->instance_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->zone_id, got.zone_id, sizeof(got.zone_id)) &&
                    state__take_text(from->policy_id, got.policy_id, sizeof(got.policy_id)) &&
                    from->type <= UINT16_MAX && from->name.len > 0 &&
                    dns_name_check(from->name.data, from->name.len) == (int)from->name.len;
    if (is_sound) {
        memcpy(got.name, from->name.data, from->name.len);
        *out = got;
    }
    return state__finish(&from->base, is_sound);
}

/* ---- keys ---- */

static struct kv_slice instance_key(const char *id, struct state__traffic_key *key)
{
    return state__traffic_key(STATE_OBJECT_TRAFFIC_INSTANCE, 'i', id, STATE__TRAFFIC_ID_LEN, key);
}

struct place { /* a part of a key */
    const char *zone_id;
    const uint8_t *name; /* NULL: none, and no type */
    uint16_t type;       /* 0: none */
};

static size_t append_place(const struct place *place, uint8_t *out)
{
    size_t len = strlen(place->zone_id);

    ASSERT(len < STATE_ID_SIZE);
    memcpy(out, place->zone_id, len);
    if (!place->name)
        return len;
    len += state_key_name(place->name, out + len);
    if (place->type == 0)
        return len;
    state_key_type(place->type, out + len);
    return len + STATE_KEY_TYPE_LEN;
}

static struct kv_slice place_key(const struct place *place, struct state__traffic_key *key)
{
    struct kv_slice start = state__traffic_key(STATE_OBJECT_TRAFFIC_INSTANCE, 'z', NULL, 0, key);

    return kv_slice(key->octets, start.len + append_place(place, key->octets + start.len));
}

/* @version 0 and no place: all versions of the policy. */
static struct kv_slice by_policy_key(const char *policy_id, uint32_t version,
                                     const struct place *place, struct state__traffic_key *key)
{
    struct kv_slice start = state__traffic_key(STATE_OBJECT_TRAFFIC_INSTANCE, 'p', policy_id,
                                               STATE__TRAFFIC_ID_LEN, key);
    size_t len = start.len;

    if (version > 0) {
        key->octets[len++] = (uint8_t)(version >> 8);
        key->octets[len++] = (uint8_t)version;
    }
    return kv_slice(key->octets, place ? len + append_place(place, key->octets + len) : len);
}

static bool is_place(const uint8_t *octets, size_t len)
{
    uint8_t name[STATE_NAME_MAX];

    if (len < ZONE_ID_LEN + STATE_KEY_TYPE_LEN)
        return false;
    size_t name_len = len - ZONE_ID_LEN - STATE_KEY_TYPE_LEN;
    return state_key_name_decode(octets + ZONE_ID_LEN, name_len, name) == (int)name_len;
}

int state__check_traffic_instance(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    struct state_traffic_instance instance;

    if (key.len < 2)
        return ERR_CORRUPT;
    size_t rest_len = key.len - 2, before = octets[1] == 'p' ? BY_POLICY_LEN : 0;
    if (octets[1] == 'i')
        return rest_len == STATE__TRAFFIC_ID_LEN ? decode_instance(value, &instance) : ERR_CORRUPT;
    if ((octets[1] != 'p' && octets[1] != 'z') || value.len != STATE__TRAFFIC_ID_LEN ||
        rest_len < before)
        return ERR_CORRUPT;
    return is_place(octets + 2 + before, rest_len - before) ? 0 : ERR_CORRUPT;
}

/* ---- reads ---- */

int state__traffic_get_id(const struct kv *kv, struct kv_slice key, char out[STATE_UUID_SIZE])
{
    struct kv_buffer value = {0};
    int rc = kv_get(kv, KV_OBJECTS, key, &value);

    if (rc == 0 && value.len != STATE__TRAFFIC_ID_LEN)
        rc = ERR_CORRUPT;
    if (rc == 0) {
        memcpy(out, value.data, STATE__TRAFFIC_ID_LEN);
        out[STATE__TRAFFIC_ID_LEN] = '\0';
    }
    kv_buffer_fini(&value);
    return rc;
}

int state_get_traffic_instance(const struct kv *kv, const char *id,
                               struct state_traffic_instance *out)
{
    struct state__traffic_key key;

    if (strlen(id) != STATE__TRAFFIC_ID_LEN)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, instance_key(id, &key), decode_instance, out);
}

int state_find_traffic_instance(const struct kv *kv, const char *zone_id, const uint8_t *name,
                                uint16_t type, struct state_traffic_instance *out)
{
    struct state__traffic_key key;
    char id[STATE_UUID_SIZE];
    int rc = state__traffic_get_id(kv, place_key(&(struct place){zone_id, name, type}, &key), id);

    return rc != 0 ? rc : state_get_traffic_instance(kv, id, out);
}

struct list {
    const struct kv *kv;
    state_traffic_instance_cb cb;
    void *user;
    const char *zone_id; /* by policy: of this zone only; or NULL */
    uint32_t count;
};

static int on_entry(void *user, struct kv_slice key, struct kv_slice value)
{
    struct list *list = user;
    struct state_traffic_instance instance;
    char id[STATE_UUID_SIZE] = "";

    (void)key;
    if (value.len != STATE__TRAFFIC_ID_LEN)
        return ERR_CORRUPT;
    memcpy(id, value.data, STATE__TRAFFIC_ID_LEN);
    int rc = state_get_traffic_instance(list->kv, id, &instance);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    if (list->zone_id && strcmp(list->zone_id, instance.zone_id) != 0)
        return 0;
    return list->cb(list->user, &instance);
}

int state_list_traffic_instances(const struct kv *kv, const struct state_traffic_range *range,
                                 state_traffic_instance_cb cb, void *user)
{
    struct list list = {.kv = kv, .cb = cb, .user = user, .zone_id = range->zone_id};
    struct state__traffic_key prefix, from;
    struct kv_range scan = {.family = KV_OBJECTS};
    const char *from_zone_id = range->from_zone_id ? range->from_zone_id : range->zone_id;
    struct place start = {from_zone_id, range->from_name, range->from_type};
    struct place zone = {range->zone_id ? range->zone_id : "", NULL, 0};

    if (range->policy_id && strlen(range->policy_id) != STATE__TRAFFIC_ID_LEN)
        return ERR_NOT_FOUND;
    if ((from_zone_id && strlen(from_zone_id) >= STATE_ID_SIZE) ||
        strlen(zone.zone_id) >= STATE_ID_SIZE)
        return 0; /* there is no such zone, and none behind it */
    if (range->policy_id)
        scan.prefix = by_policy_key(range->policy_id, range->policy_version, NULL, &prefix);
    else
        scan.prefix = place_key(&zone, &prefix);
    if (from_zone_id && range->policy_id)
        scan.from = by_policy_key(range->policy_id, range->policy_version, &start, &from);
    else if (from_zone_id)
        scan.from = place_key(&start, &from);
    return kv_scan(kv, &scan, on_entry, &list);
}

static int on_counted(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key, (void)value;
    ++*(uint32_t *)user;
    return 0;
}

int state_count_traffic_instances(const struct kv *kv, const char *policy_id, uint32_t version,
                                  uint32_t *out)
{
    struct state__traffic_key key;
    struct kv_range range = {.family = KV_OBJECTS};
    uint32_t count = 0;

    if (strlen(policy_id) != STATE__TRAFFIC_ID_LEN)
        return ERR_NOT_FOUND;
    range.prefix = by_policy_key(policy_id, version, NULL, &key);
    int rc = kv_scan(kv, &range, on_counted, &count);
    if (rc == 0)
        *out = count;
    return rc;
}

static int on_first(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key, (void)value;
    *(bool *)user = true;
    return 1;
}

int state_has_traffic_instance(const struct kv *kv, const char *zone_id, bool *out)
{
    struct state__traffic_key key;
    struct kv_range range = {.family = KV_OBJECTS,
                             .prefix = place_key(&(struct place){zone_id, NULL, 0}, &key)};

    *out = false;
    return kv_scan(kv, &range, on_first, out);
}

/* ---- writes ---- */

static void delete_indexes(struct overlay *overlay, const struct state_traffic_instance *instance)
{
    struct place place = {instance->zone_id, instance->name, instance->type};
    struct state__traffic_key key;

    overlay_delete(overlay, KV_OBJECTS, place_key(&place, &key));
    overlay_delete(overlay, KV_OBJECTS,
                   by_policy_key(instance->policy_id, instance->policy_version, &place, &key));
}

void state_put_traffic_instance(struct overlay *overlay, const struct state_traffic_instance *old,
                                const struct state_traffic_instance *instance)
{
    State__TrafficInstance message = STATE__TRAFFIC_INSTANCE__INIT;
    struct place place = {instance->zone_id, instance->name, instance->type};
    struct kv_slice id = kv_slice(instance->id, STATE__TRAFFIC_ID_LEN);
    struct state__traffic_key key;

    ASSERT(strlen(instance->id) == STATE__TRAFFIC_ID_LEN && instance->type != 0);
    ASSERT(strlen(instance->policy_id) == STATE__TRAFFIC_ID_LEN && instance->policy_version != 0);
    if (old)
        delete_indexes(overlay, old);
    message.version = STATE_VERSION;
    message.instance_id = (char *)instance->id;
    message.zone_id = (char *)instance->zone_id;
    message.name = (ProtobufCBinaryData){dns_name_len(instance->name), (uint8_t *)instance->name};
    message.type = instance->type;
    message.ttl_s = instance->ttl_s;
    message.policy_id = (char *)instance->policy_id;
    message.policy_version = instance->policy_version;
    message.created_index = instance->created_index;
    message.changed_index = instance->changed_index;
    state__put_message(overlay, KV_OBJECTS, instance_key(instance->id, &key), &message.base);
    overlay_put(overlay, KV_OBJECTS, place_key(&place, &key), id);
    overlay_put(overlay, KV_OBJECTS,
                by_policy_key(instance->policy_id, instance->policy_version, &place, &key), id);
}

void state_delete_traffic_instance(struct overlay *overlay,
                                   const struct state_traffic_instance *instance)
{
    struct state__traffic_key key;

    overlay_delete(overlay, KV_OBJECTS, instance_key(instance->id, &key));
    delete_indexes(overlay, instance);
}
