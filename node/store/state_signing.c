/* node/store/state_signing.c: keys behind 'K' in KV_OBJECTS: the zone's id, a slash, the name. */
#include "store/state_signing.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

struct key {
    uint8_t octets[1 + STATE_ID_SIZE + 1 + STATE_SIGNING_NAME_SIZE];
};

static struct kv_slice key_of(const char *zone_id, const char *name, struct key *key)
{
    size_t id_len = strlen(zone_id), name_len = strlen(name);

    ASSERT(id_len < STATE_ID_SIZE && name_len < STATE_SIGNING_NAME_SIZE);
    key->octets[0] = STATE_OBJECT_SIGNING_KEY;
    memcpy(key->octets + 1, zone_id, id_len);
    key->octets[1 + id_len] = '/';
    memcpy(key->octets + 2 + id_len, name, name_len);
    return kv_slice(key->octets, 2 + id_len + name_len);
}

static bool take_octets(const ProtobufCBinaryData *from, uint8_t *out, size_t size, size_t *len)
{
    if (from->len == 0 || from->len > size)
        return false;
    memcpy(out, from->data, from->len);
    *len = from->len;
    return true;
}

static int decode(struct kv_slice value, void *user)
{
    struct state_signing_key *out = user, got = {0};
    State__SigningKey *from;
    int rc = state__unpack(&state__signing_key__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.is_active = from->is_active;
    got.created_wall_ms = from->created_wall_ms;
    got.modified_wall_ms = from->modified_wall_ms;
    bool is_sound =
        state__take_text(from->zone_id, got.zone_id, sizeof(got.zone_id)) &&
        state__take_text(from->name, got.name, sizeof(got.name)) &&
        state__take_text(from->caller_reference, got.caller_reference,
                         sizeof(got.caller_reference)) &&
        state__take_text(from->kms_arn, got.kms_arn, sizeof(got.kms_arn)) &&
        take_octets(&from->dnskey, got.dnskey, sizeof(got.dnskey), &got.dnskey_len) &&
        take_octets(&from->sealed_private_key, got.sealed, sizeof(got.sealed), &got.sealed_len);
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state__check_signing_key(struct kv_slice key, struct kv_slice value)
{
    struct state_signing_key out;

    return key.len > 2 ? decode(value, &out) : ERR_CORRUPT;
}

int state_get_signing_key(const struct kv *kv, const char *zone_id, const char *name,
                          struct state_signing_key *out)
{
    struct key key;

    if (strlen(name) >= STATE_SIGNING_NAME_SIZE)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, key_of(zone_id, name, &key), decode, out);
}

struct list {
    state_signing_key_cb cb;
    void *user;
};

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_signing_key out;
    int rc = decode(value, &out);

    (void)key;
    return rc != 0 ? rc : list->cb(list->user, &out);
}

int state_list_signing_keys(const struct kv *kv, const char *zone_id, state_signing_key_cb cb,
                            void *user)
{
    struct list list = {cb, user};
    struct key prefix;
    static const char all[] = {STATE_OBJECT_SIGNING_KEY};
    struct kv_range range = {.family = KV_OBJECTS, .prefix = kv_slice(all, sizeof(all))};

    if (zone_id)
        range.prefix = key_of(zone_id, "", &prefix);
    return kv_scan(kv, &range, on_pair, &list);
}

void state_put_signing_key(struct overlay *overlay, const struct state_signing_key *signing)
{
    State__SigningKey message = STATE__SIGNING_KEY__INIT;
    struct key key;

    message.version = STATE_VERSION;
    message.zone_id = (char *)signing->zone_id;
    message.name = (char *)signing->name;
    message.caller_reference = (char *)signing->caller_reference;
    message.kms_arn = (char *)signing->kms_arn;
    message.is_active = signing->is_active;
    message.dnskey = (ProtobufCBinaryData){signing->dnskey_len, (uint8_t *)signing->dnskey};
    message.sealed_private_key =
        (ProtobufCBinaryData){signing->sealed_len, (uint8_t *)signing->sealed};
    message.created_wall_ms = signing->created_wall_ms;
    message.modified_wall_ms = signing->modified_wall_ms;
    state__put_message(overlay, KV_OBJECTS, key_of(signing->zone_id, signing->name, &key),
                       &message.base);
}

void state_delete_signing_key(struct overlay *overlay, const char *zone_id, const char *name)
{
    struct key key;

    overlay_delete(overlay, KV_OBJECTS, key_of(zone_id, name, &key));
}
