/* node/store/state_logging.c: keys behind 'Q' in KV_OBJECTS: 'I' and the configuration's id; 'Z'
 * and a zone's id, whose value is the id of its configuration. */
#include "store/state_logging.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define BY_ID 'I'
#define BY_ZONE 'Z'

struct key {
    uint8_t octets[2 + STATE_UUID_SIZE];
};

static struct kv_slice key_of(char kind, const char *id, struct key *key)
{
    size_t len = strlen(id);

    ASSERT(len < STATE_UUID_SIZE);
    key->octets[0] = STATE_OBJECT_QUERY_LOGGING;
    key->octets[1] = (uint8_t)kind;
    memcpy(key->octets + 2, id, len);
    return kv_slice(key->octets, 2 + len);
}

static int decode(struct kv_slice value, void *user)
{
    struct state_logging *out = user, got = {0};
    State__QueryLogging *from;
    int rc = state__unpack(&state__query_logging__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound =
        state__take_text(from->config_id, got.id, sizeof(got.id)) &&
        state__take_text(from->zone_id, got.zone_id, sizeof(got.zone_id)) &&
        state__take_text(from->log_group_arn, got.log_group_arn, sizeof(got.log_group_arn));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static int decode_id(struct kv_slice value, void *user)
{
    char *id = user;

    if (value.len == 0 || value.len >= STATE_UUID_SIZE)
        return ERR_CORRUPT;
    memcpy(id, value.data, value.len);
    id[value.len] = '\0';
    return 0;
}

int state__check_logging(struct kv_slice key, struct kv_slice value)
{
    struct state_logging logging;
    char id[STATE_UUID_SIZE];

    if (key.len <= 2)
        return ERR_CORRUPT;
    switch (((const char *)key.data)[1]) {
    case BY_ID: return decode(value, &logging);
    case BY_ZONE: return decode_id(value, id);
    default: return ERR_CORRUPT;
    }
}

int state_get_logging(const struct kv *kv, const char *id, struct state_logging *out)
{
    struct key key;

    if (strlen(id) >= STATE_UUID_SIZE)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, key_of(BY_ID, id, &key), decode, out);
}

int state_get_logging_of_zone(const struct kv *kv, const char *zone_id, struct state_logging *out)
{
    char id[STATE_UUID_SIZE];
    struct key key;
    int rc = state__get_value(kv, KV_OBJECTS, key_of(BY_ZONE, zone_id, &key), decode_id, id);

    return rc != 0 ? rc : state_get_logging(kv, id, out);
}

struct list {
    state_logging_cb cb;
    void *user;
};

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_logging logging;
    int rc = decode(value, &logging);

    (void)key;
    return rc != 0 ? rc : list->cb(list->user, &logging);
}

int state_list_loggings(const struct kv *kv, const char *from, state_logging_cb cb, void *user)
{
    struct list list = {cb, user};
    struct key prefix, start;
    struct kv_range range = {.family = KV_OBJECTS, .prefix = key_of(BY_ID, "", &prefix)};

    if (from[0])
        range.from = key_of(BY_ID, from, &start);
    return kv_scan(kv, &range, on_pair, &list);
}

void state_put_logging(struct overlay *overlay, const struct state_logging *logging)
{
    State__QueryLogging message = STATE__QUERY_LOGGING__INIT;
    struct key key;

    message.version = STATE_VERSION;
    message.config_id = (char *)logging->id;
    message.zone_id = (char *)logging->zone_id;
    message.log_group_arn = (char *)logging->log_group_arn;
    state__put_message(overlay, KV_OBJECTS, key_of(BY_ID, logging->id, &key), &message.base);
    overlay_put(overlay, KV_OBJECTS, key_of(BY_ZONE, logging->zone_id, &key),
                state_value_text(logging->id));
}

void state_delete_logging(struct overlay *overlay, const struct state_logging *logging)
{
    struct key key;

    overlay_delete(overlay, KV_OBJECTS, key_of(BY_ID, logging->id, &key));
    overlay_delete(overlay, KV_OBJECTS, key_of(BY_ZONE, logging->zone_id, &key));
}
