/* node/store/state_override.c: overrides (declared in state_health.h). Keys: the id of a check,
 * which starts with a hexadecimal digit; or the zone's id ("Z" and 20 characters), then name, type
 * and identifier as in the key of a record set. The zone's id and not its content's number, so that
 * an override outlives the import of the zone. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_health.h"
#include "store/state_put.h"
#include "store/state_routing.h"
#include "store/state_value.h"

#define CHECK_ID_LEN (STATE_UUID_SIZE - 1)
#define ZONE_ID_LEN 21u
#define CONTENT_LEN 8u /* in front of a record set's key */
#define KEY_MAX STATE_OVERRIDE_KEY_MAX

static int decode_override(struct kv_slice value, void *user)
{
    struct state_override *out = user, got = {0};
    State__Override *from;
    int rc = state__unpack(&state__override__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.mode = (enum state_override_mode)from->mode;
    got.set_wall_ms = from->set_wall_ms;
    got.expires_wall_ms = from->expires_wall_ms;
    got.slot = from->slot;
    got.octet_index = from->octet_index;
    bool is_sound = from->mode >= STATE_OVERRIDE_FORCE_UP && from->mode <= STATE_OVERRIDE_DRAIN &&
                    state__take_text(from->reason, got.reason, sizeof(got.reason)) &&
                    state__take_text(from->actor, got.actor, sizeof(got.actor));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static bool is_of_check(const struct state_override_key *key)
{
    return key->health_check_id && key->health_check_id[0] != 0;
}

size_t state_override_octets(const struct state_override_key *key, uint8_t out[KEY_MAX])
{
    uint8_t set_key[STATE_KEY_SET_MAX];

    if (is_of_check(key)) {
        if (strlen(key->health_check_id) != CHECK_ID_LEN || key->health_check_id[0] == 'Z')
            return 0;
        memcpy(out, key->health_check_id, CHECK_ID_LEN);
        return CHECK_ID_LEN;
    }
    if (strlen(key->zone_id) != ZONE_ID_LEN || key->zone_id[0] != 'Z')
        return 0;
    size_t len = state_set_key(0, key->set, set_key) - CONTENT_LEN;
    memcpy(out, key->zone_id, ZONE_ID_LEN);
    memcpy(out + ZONE_ID_LEN, set_key + CONTENT_LEN, len);
    return ZONE_ID_LEN + len;
}

struct decoded_key {
    struct state_override_key key;
    char id[STATE_UUID_SIZE]; /* of the check or of the zone */
    struct state_record_set set;
    uint8_t octets[STATE_KEY_SET_MAX]; /* what the identifier points into */
    uint8_t name[STATE_NAME_MAX];
};

static int decode_key(struct kv_slice key, struct decoded_key *out)
{
    const uint8_t *octets = key.data;

    memset(out, 0, sizeof(*out));
    if (key.len == 0)
        return ERR_CORRUPT;
    if (octets[0] != 'Z') {
        if (key.len != CHECK_ID_LEN)
            return ERR_CORRUPT;
        memcpy(out->id, octets, CHECK_ID_LEN);
        out->key.health_check_id = out->id;
        return 0;
    }
    if (key.len <= ZONE_ID_LEN || key.len > KEY_MAX - CONTENT_LEN)
        return ERR_CORRUPT;
    memcpy(out->id, octets, ZONE_ID_LEN);
    memcpy(out->octets + CONTENT_LEN, octets + ZONE_ID_LEN, key.len - ZONE_ID_LEN);
    out->key.zone_id = out->id;
    out->key.set = &out->set;
    return state_set_key_decode(kv_slice(out->octets, CONTENT_LEN + key.len - ZONE_ID_LEN),
                                out->name, &out->set);
}

int state__check_override(struct kv_slice key, struct kv_slice value)
{
    struct state_override override;
    struct decoded_key decoded;
    int rc = decode_key(key, &decoded);

    return rc != 0 ? rc : decode_override(value, &override);
}

int state_get_override(const struct kv *kv, const struct state_override_key *key,
                       struct state_override *out)
{
    uint8_t octets[KEY_MAX];
    size_t len = state_override_octets(key, octets);

    if (len == 0)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OVERRIDES, kv_slice(octets, len), decode_override, out);
}

int state_find_override_slot(const struct kv *kv, const char *zone_id,
                             const struct state_record_set *set, uint32_t *slot)
{
    struct state_override override;
    int rc = state_get_override(kv, &(struct state_override_key){.zone_id = zone_id, .set = set},
                                &override);

    if (rc == 0)
        *slot = override.slot;
    return rc;
}

struct list {
    state_override_cb cb;
    void *user;
};

static int on_override(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_override override;
    struct decoded_key decoded;
    int rc = decode_key(key, &decoded);

    if (rc == 0)
        rc = decode_override(value, &override);
    return rc != 0 ? rc : list->cb(list->user, &decoded.key, &override);
}

int state_list_overrides(const struct kv *kv, state_override_cb cb, void *user)
{
    return state_list_overrides_from(kv, kv_slice(NULL, 0), cb, user);
}

int state_list_overrides_from(const struct kv *kv, struct kv_slice from, state_override_cb cb,
                              void *user)
{
    struct list list = {cb, user};
    struct kv_range range = {.family = KV_OVERRIDES, .from = from};

    return kv_scan(kv, &range, on_override, &list);
}

int state_list_zone_overrides(const struct kv *kv, const char *zone_id, state_override_cb cb,
                              void *user)
{
    struct list list = {cb, user};
    struct kv_range range = {.family = KV_OVERRIDES, .prefix = state_value_text(zone_id)};

    return kv_scan(kv, &range, on_override, &list);
}

void state_put_override(struct overlay *overlay, const struct state_override_key *key,
                        const struct state_override *override)
{
    State__Override message = STATE__OVERRIDE__INIT;
    uint8_t octets[KEY_MAX];
    size_t len = state_override_octets(key, octets);

    ASSERT(len > 0);
    message.version = STATE_VERSION;
    message.mode = override->mode;
    message.reason = (char *) override->reason;
    message.actor = (char *) override->actor;
    message.set_wall_ms = override->set_wall_ms;
    message.expires_wall_ms = override->expires_wall_ms;
    message.slot = override->slot;
    message.octet_index = override->octet_index;
    state__put_message(overlay, KV_OVERRIDES, kv_slice(octets, len), &message.base);
}

void state_delete_override(struct overlay *overlay, const struct state_override_key *key)
{
    uint8_t octets[KEY_MAX];
    size_t len = state_override_octets(key, octets);

    if (len > 0)
        overlay_delete(overlay, KV_OVERRIDES, kv_slice(octets, len));
}
