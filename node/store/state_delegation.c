#include "store/state_delegation.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_value.h"

#define HEAD_LEN 2u
#define SET 'S'
#define REFERENCE 'R'
#define ZONE 'Z'
#define ID_LEN (STATE_ID_SIZE - 3) /* a letter and 20 characters */

struct key {
    uint8_t octets[HEAD_LEN + STATE_REFERENCE_SIZE];
};

static struct kv_slice make_key(struct key *key, char kind, const char *first, const char *second)
{
    size_t first_len = strlen(first), second_len = strlen(second);

    ASSERT(first_len + second_len < STATE_REFERENCE_SIZE);
    key->octets[0] = STATE_OBJECT_DELEGATION_SET;
    key->octets[1] = (uint8_t)kind;
    memcpy(key->octets + HEAD_LEN, first, first_len);
    memcpy(key->octets + HEAD_LEN + first_len, second, second_len);
    return kv_slice(key->octets, HEAD_LEN + first_len + second_len);
}

static bool take_servers(const State__DelegationSet *from, struct state_delegation_set *out)
{
    if (from->n_name_servers > STATE_DELEGATION_SERVERS_MAX)
        return false;
    out->server_count = (uint32_t)from->n_name_servers;
    for (uint32_t i = 0; i < out->server_count; i++) {
        const ProtobufCBinaryData *name = &from->name_servers[i];
        if (name->len == 0 || dns_name_check(name->data, name->len) != (int)name->len)
            return false;
        memcpy(out->servers[i], name->data, name->len);
    }
    return true;
}

static int decode_set(struct kv_slice value, void *user)
{
    struct state_delegation_set *out = user, got = {0};
    State__DelegationSet *from;
    int rc = state__unpack(&state__delegation_set__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.zone_count = from->zone_count;
    got.created_wall_ms = from->created_wall_ms;
    bool is_sound = state__take_text(from->delegation_set_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->caller_reference, got.caller_reference,
                                     sizeof(got.caller_reference)) &&
                    take_servers(from, &got);
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state_get_delegation_set(const struct kv *kv, const char *id, struct state_delegation_set *out)
{
    struct key key;

    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, make_key(&key, SET, id, ""), decode_set, out);
}

struct list {
    const struct kv *kv;
    state_delegation_set_cb set;
    state_zone_cb zone;
    void *user;
};

static int on_set(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_delegation_set set;
    int rc = decode_set(value, &set);

    (void)key;
    return rc != 0 ? rc : list->set(list->user, &set);
}

int state_list_delegation_sets(const struct kv *kv, const char *from_id, state_delegation_set_cb cb,
                               void *user)
{
    struct list list = {.kv = kv, .set = cb, .user = user};
    struct key prefix, from;
    struct kv_range range = {.family = KV_OBJECTS, .prefix = make_key(&prefix, SET, "", "")};

    if (from_id[0])
        range.from = make_key(&from, SET, from_id, "");
    return kv_scan(kv, &range, on_set, &list);
}

static int on_zone(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_zone zone;
    char id[STATE_ID_SIZE] = "";

    (void)value;
    if (key.len <= HEAD_LEN + ID_LEN || key.len - HEAD_LEN - ID_LEN >= sizeof(id))
        return ERR_CORRUPT;
    memcpy(id, (const char *)key.data + HEAD_LEN + ID_LEN, key.len - HEAD_LEN - ID_LEN);
    int rc = state_get_zone(list->kv, id, &zone);
    if (rc == ERR_NOT_FOUND)
        return 0; /* deleted since the scan began */
    return rc != 0 ? rc : list->zone(list->user, &zone);
}

int state_list_zones_of_set(const struct kv *kv, const char *set_id, const char *from_id,
                            state_zone_cb cb, void *user)
{
    struct list list = {.kv = kv, .zone = cb, .user = user};
    struct key prefix, from;
    struct kv_range range = {.family = KV_OBJECTS};

    if (strlen(set_id) != ID_LEN)
        return 0;
    range.prefix = make_key(&prefix, ZONE, set_id, "");
    if (from_id[0])
        range.from = make_key(&from, ZONE, set_id, from_id);
    return kv_scan(kv, &range, on_zone, &list);
}

int state_has_delegation_reference(const struct kv *kv, const char *reference, bool *out)
{
    struct key key;
    struct kv_buffer value = {0};
    int rc = kv_get(kv, KV_OBJECTS, make_key(&key, REFERENCE, reference, ""), &value);

    kv_buffer_fini(&value);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    *out = rc == 0;
    return 0;
}

static char *text(const char *from) /* what generated structs point to is left alone */
{
    return (char *)from;
}

void state_put_delegation_set(struct overlay *overlay, const struct state_delegation_set *set)
{
    State__DelegationSet message = STATE__DELEGATION_SET__INIT;
    ProtobufCBinaryData servers[STATE_DELEGATION_SERVERS_MAX];
    struct key key;

    ASSERT(set->server_count <= STATE_DELEGATION_SERVERS_MAX);
    for (uint32_t i = 0; i < set->server_count; i++)
        servers[i] =
            (ProtobufCBinaryData){dns_name_len(set->servers[i]), (uint8_t *)set->servers[i]};
    message.version = STATE_VERSION;
    message.delegation_set_id = text(set->id);
    message.caller_reference = text(set->caller_reference);
    message.zone_count = set->zone_count;
    message.created_wall_ms = set->created_wall_ms;
    message.name_servers = servers;
    message.n_name_servers = set->server_count;
    state__put_message(overlay, KV_OBJECTS, make_key(&key, SET, set->id, ""), &message.base);
    overlay_put(overlay, KV_OBJECTS, make_key(&key, REFERENCE, set->caller_reference, ""),
                kv_slice(NULL, 0));
}

void state_delete_delegation_set(struct overlay *overlay, const char *id)
{
    struct key key;

    overlay_delete(overlay, KV_OBJECTS, make_key(&key, SET, id, ""));
}

void state_put_zone_of_set(struct overlay *overlay, const char *set_id, const char *zone_id)
{
    struct key key;

    overlay_put(overlay, KV_OBJECTS, make_key(&key, ZONE, set_id, zone_id), kv_slice(NULL, 0));
}

void state_delete_zone_of_set(struct overlay *overlay, const char *set_id, const char *zone_id)
{
    struct key key;

    overlay_delete(overlay, KV_OBJECTS, make_key(&key, ZONE, set_id, zone_id));
}

int state__check_delegation_set(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    struct state_delegation_set set;

    if (key.len <= HEAD_LEN)
        return ERR_CORRUPT;
    switch (octets[1]) {
    case SET: return decode_set(value, &set);
    case REFERENCE:
    case ZONE: return value.len == 0 ? 0 : ERR_CORRUPT;
    default: return ERR_CORRUPT;
    }
}
