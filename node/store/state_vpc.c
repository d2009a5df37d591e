/* node/store/state_vpc.c: keys of KV_OBJECTS. A view: 'V' and the VPC's id. Of kind 'W', behind
 * which an octet says what it is:
 *   'A' zone id '/' VPC id      an association: VpcLink
 *   'T' zone id '/' VPC id      an authorization: VpcLink
 *   'V' VPC id '/' zone id      the associations by VPC: empty
 *   'N' VPC id '/' name         the same by the zone's name, reversed (state_key.h): its id
 * Ids hold no '/'. */
#include "store/state_vpc.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_key.h"
#include "store/state_object.h"
#include "store/state_value.h"

enum part { ASSOCIATION = 'A', AUTHORIZATION = 'T', BY_VPC = 'V', BY_NAME = 'N' };

#define SEPARATOR '/'

/* ---- keys ---- */

struct key {
    uint8_t octets[2 + STATE_VPC_ID_SIZE + STATE_KEY_NAME_MAX];
    size_t len;
};

static struct kv_slice key_slice(const struct key *key)
{
    return kv_slice(key->octets, key->len);
}

static void key_add(struct key *key, const void *octets, size_t len)
{
    ASSERT(len <= sizeof(key->octets) - key->len);
    memcpy(key->octets + key->len, octets, len);
    key->len += len;
}

static void view_key(const char *vpc_id, struct key *key)
{
    key->len = 1;
    key->octets[0] = STATE_OBJECT_VIEW;
    key_add(key, vpc_id, strnlen(vpc_id, STATE_VPC_ID_SIZE));
}

/* All keys of a part that begin with @first. */
static void part_key(enum part part, const char *first, struct key *key)
{
    const uint8_t separator = SEPARATOR;

    key->len = 2;
    key->octets[0] = STATE_OBJECT_VPC;
    key->octets[1] = (uint8_t)part;
    key_add(key, first, strnlen(first, STATE_VPC_ID_SIZE));
    key_add(key, &separator, 1);
}

static void pair_key(enum part part, const char *first, const char *second, struct key *key)
{
    part_key(part, first, key);
    key_add(key, second, strnlen(second, STATE_VPC_ID_SIZE));
}

static void name_key(const char *vpc_id, const uint8_t *name, struct key *key)
{
    uint8_t reversed[STATE_KEY_NAME_MAX];

    part_key(BY_NAME, vpc_id, key);
    key_add(key, reversed, state_key_name(name, reversed));
}

/* The text behind the separator of a key, which fits @size with its NUL. */
static int second_of(struct kv_slice key, char *out, size_t size)
{
    const uint8_t *octets = key.data;
    const uint8_t *separator = memchr(octets, SEPARATOR, key.len);

    if (!separator)
        return ERR_CORRUPT;
    const size_t len = key.len - (size_t)(separator + 1 - octets);
    if (len == 0 || len >= size || memchr(separator + 1, 0, len))
        return ERR_CORRUPT;
    memcpy(out, separator + 1, len);
    out[len] = '\0';
    return 0;
}

/* ---- values ---- */

static int decode_view(struct kv_slice value, void *user)
{
    struct state_view *out = user; /* its VPC id stays */
    State__View *from;
    int rc = state__unpack(&state__view__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->slot < STATE_VIEWS_MAX && from->n_networks <= STATE_VIEW_NETWORKS_MAX;
    for (size_t i = 0; is_sound && i < from->n_networks; i++)
        is_sound = from->networks[i].len == 5 || from->networks[i].len == STATE_NETWORK_LEN_MAX;
    for (size_t i = 0; is_sound && i < from->n_networks; i++) {
        memcpy(out->networks[i].octets, from->networks[i].data, from->networks[i].len);
        out->networks[i].len = (uint8_t)from->networks[i].len;
    }
    if (is_sound) {
        out->slot = from->slot;
        out->network_count = (uint32_t)from->n_networks;
    }
    return state__finish(&from->base, is_sound);
}

static int decode_link(struct kv_slice value, void *user)
{
    struct state_vpc *out = user; /* its id stays */
    State__VpcLink *from;
    int rc = state__unpack(&state__vpc_link__descriptor, value, &from);

    if (rc != 0)
        return rc;
    return state__finish(&from->base,
                         state__take_text(from->region, out->region, sizeof(out->region)));
}

static int check_part(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    char text[STATE_VPC_ID_SIZE];
    struct state_vpc vpc;

    switch (key.len > 1 ? octets[1] : 0) {
    case ASSOCIATION:
    case AUTHORIZATION:
        return second_of(key, text, sizeof(text)) == 0 ? decode_link(value, &vpc) : ERR_CORRUPT;
    case BY_VPC:
        return value.len == 0 && second_of(key, text, STATE_ID_SIZE) == 0 ? 0 : ERR_CORRUPT;
    case BY_NAME: return value.len > 0 && value.len < STATE_ID_SIZE ? 0 : ERR_CORRUPT;
    default: return ERR_CORRUPT;
    }
}

int state__check_vpc(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    struct state_view view;

    if (octets[0] == STATE_OBJECT_VPC)
        return check_part(key, value);
    return key.len > 1 && key.len <= STATE_VPC_ID_SIZE ? decode_view(value, &view) : ERR_CORRUPT;
}

/* ---- reads ---- */

int state_get_view(const struct kv *kv, const char *vpc_id, struct state_view *out)
{
    struct key key;

    if (strlen(vpc_id) >= STATE_VPC_ID_SIZE)
        return ERR_NOT_FOUND;
    view_key(vpc_id, &key);
    int rc = state__get_value(kv, KV_OBJECTS, key_slice(&key), decode_view, out);
    if (rc == 0)
        memcpy(out->vpc_id, vpc_id, strlen(vpc_id) + 1);
    return rc;
}

struct list {
    union {
        state_view_cb view;
        state_vpc_cb vpc;
        state_vpc_zone_cb zone;
    } cb;
    void *user;
};

static int on_view(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_view view = {.slot = 0};

    if (key.len <= 1 || key.len > STATE_VPC_ID_SIZE)
        return ERR_CORRUPT;
    memcpy(view.vpc_id, (const char *)key.data + 1, key.len - 1);
    int rc = decode_view(value, &view);
    return rc != 0 ? rc : list->cb.view(list->user, &view);
}

int state_list_views(const struct kv *kv, state_view_cb cb, void *user)
{
    struct list list = {.cb.view = cb, .user = user};
    struct kv_range range = {.family = KV_OBJECTS};
    struct key key;

    view_key("", &key);
    range.prefix = key_slice(&key);
    return kv_scan(kv, &range, on_view, &list);
}

static int get_link(const struct kv *kv, enum part part, const char *zone_id, const char *vpc_id,
                    struct state_vpc *out)
{
    struct state_vpc got = {.id = ""};
    struct key key;

    if (strlen(zone_id) >= STATE_ID_SIZE || !state__take_text(vpc_id, got.id, sizeof(got.id)))
        return ERR_NOT_FOUND;
    pair_key(part, zone_id, vpc_id, &key);
    int rc = state__get_value(kv, KV_OBJECTS, key_slice(&key), decode_link, &got);
    if (rc == 0)
        *out = got;
    return rc;
}

int state_get_association(const struct kv *kv, const char *zone_id, const char *vpc_id,
                          struct state_vpc *out)
{
    return get_link(kv, ASSOCIATION, zone_id, vpc_id, out);
}

int state_get_authorization(const struct kv *kv, const char *zone_id, const char *vpc_id,
                            struct state_vpc *out)
{
    return get_link(kv, AUTHORIZATION, zone_id, vpc_id, out);
}

static int on_link(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_vpc vpc;
    int rc = second_of(key, vpc.id, sizeof(vpc.id));

    if (rc == 0)
        rc = decode_link(value, &vpc);
    return rc != 0 ? rc : list->cb.vpc(list->user, &vpc);
}

static int list_links(const struct kv *kv, enum part part, const char *zone_id, const char *from,
                      const struct list *list)
{
    struct kv_range range = {.family = KV_OBJECTS};
    struct key prefix, start;

    if (strlen(zone_id) >= STATE_ID_SIZE)
        return ERR_NOT_FOUND;
    part_key(part, zone_id, &prefix);
    pair_key(part, zone_id, from, &start);
    range.prefix = key_slice(&prefix);
    range.from = key_slice(&start);
    return kv_scan(kv, &range, on_link, (void *)(uintptr_t)list);
}

int state_list_associations(const struct kv *kv, const char *zone_id, const char *from_vpc_id,
                            state_vpc_cb cb, void *user)
{
    const struct list list = {.cb.vpc = cb, .user = user};
    return list_links(kv, ASSOCIATION, zone_id, from_vpc_id, &list);
}

int state_list_authorizations(const struct kv *kv, const char *zone_id, const char *from_vpc_id,
                              state_vpc_cb cb, void *user)
{
    const struct list list = {.cb.vpc = cb, .user = user};
    return list_links(kv, AUTHORIZATION, zone_id, from_vpc_id, &list);
}

static int on_vpc_zone(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    char zone_id[STATE_ID_SIZE];
    int rc = second_of(key, zone_id, sizeof(zone_id));

    (void)value;
    return rc != 0 ? rc : list->cb.zone(list->user, zone_id);
}

int state_list_vpc_zones(const struct kv *kv, const char *vpc_id, const char *from_zone_id,
                         state_vpc_zone_cb cb, void *user)
{
    struct list list = {.cb.zone = cb, .user = user};
    struct kv_range range = {.family = KV_OBJECTS};
    struct key prefix, start;

    if (strlen(vpc_id) >= STATE_VPC_ID_SIZE)
        return 0; /* none has such an id */
    part_key(BY_VPC, vpc_id, &prefix);
    pair_key(BY_VPC, vpc_id, from_zone_id, &start);
    range.prefix = key_slice(&prefix);
    range.from = key_slice(&start);
    return kv_scan(kv, &range, on_vpc_zone, &list);
}

int state_find_vpc_zone(const struct kv *kv, const char *vpc_id, const uint8_t *name,
                        char zone_id[STATE_ID_SIZE])
{
    struct kv_buffer value = {0};
    struct key key;

    if (strlen(vpc_id) >= STATE_VPC_ID_SIZE)
        return ERR_NOT_FOUND;
    name_key(vpc_id, name, &key);
    int rc = kv_get(kv, KV_OBJECTS, key_slice(&key), &value);
    if (rc == 0 && (value.len == 0 || value.len >= STATE_ID_SIZE))
        rc = ERR_CORRUPT;
    if (rc == 0) {
        memcpy(zone_id, value.data, value.len);
        zone_id[value.len] = '\0';
    }
    kv_buffer_fini(&value);
    return rc;
}

/* ---- writes ---- */

void state_put_view(struct overlay *overlay, const struct state_view *view)
{
    State__View message = STATE__VIEW__INIT;
    ProtobufCBinaryData networks[STATE_VIEW_NETWORKS_MAX];
    struct key key;

    ASSERT(view->slot < STATE_VIEWS_MAX && view->network_count <= STATE_VIEW_NETWORKS_MAX);
    for (uint32_t i = 0; i < view->network_count; i++)
        networks[i] = (ProtobufCBinaryData){view->networks[i].len,
                                            (uint8_t *)(uintptr_t)view->networks[i].octets};
    message.version = STATE_VERSION;
    message.slot = view->slot;
    message.n_networks = view->network_count;
    message.networks = networks;
    view_key(view->vpc_id, &key);
    state__put_message(overlay, KV_OBJECTS, key_slice(&key), &message.base);
}

void state_delete_view(struct overlay *overlay, const char *vpc_id)
{
    struct key key;

    view_key(vpc_id, &key);
    overlay_delete(overlay, KV_OBJECTS, key_slice(&key));
}

static void put_link(struct overlay *overlay, enum part part, const char *zone_id,
                     const struct state_vpc *vpc)
{
    State__VpcLink message = STATE__VPC_LINK__INIT;
    struct key key;

    message.version = STATE_VERSION;
    message.region = (char *)(uintptr_t)vpc->region;
    pair_key(part, zone_id, vpc->id, &key);
    state__put_message(overlay, KV_OBJECTS, key_slice(&key), &message.base);
}

void state_put_association(struct overlay *overlay, const struct state_zone *zone,
                           const struct state_vpc *vpc)
{
    struct key key;

    put_link(overlay, ASSOCIATION, zone->id, vpc);
    pair_key(BY_VPC, vpc->id, zone->id, &key);
    overlay_put(overlay, KV_OBJECTS, key_slice(&key), kv_slice("", 0));
    name_key(vpc->id, zone->name, &key);
    overlay_put(overlay, KV_OBJECTS, key_slice(&key), state_value_text(zone->id));
}

void state_delete_association(struct overlay *overlay, const struct state_zone *zone,
                              const char *vpc_id)
{
    struct key key;

    pair_key(ASSOCIATION, zone->id, vpc_id, &key);
    overlay_delete(overlay, KV_OBJECTS, key_slice(&key));
    pair_key(BY_VPC, vpc_id, zone->id, &key);
    overlay_delete(overlay, KV_OBJECTS, key_slice(&key));
    name_key(vpc_id, zone->name, &key);
    overlay_delete(overlay, KV_OBJECTS, key_slice(&key));
}

void state_put_authorization(struct overlay *overlay, const char *zone_id,
                             const struct state_vpc *vpc)
{
    put_link(overlay, AUTHORIZATION, zone_id, vpc);
}

void state_delete_authorization(struct overlay *overlay, const char *zone_id, const char *vpc_id)
{
    struct key key;

    pair_key(AUTHORIZATION, zone_id, vpc_id, &key);
    overlay_delete(overlay, KV_OBJECTS, key_slice(&key));
}
