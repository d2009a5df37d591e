/* node/store/state_traffic.c: traffic policies. Keys in KV_OBJECTS behind the octet of their kind:
 * 'i' and the id; 'v', the id and the version (2 octets), and 'd' the same for the document's
 * octets; 'n' and the name, and 'o' and the number (8 octets), whose values are ids; 'c': counters.
 * The instances are in state_traffic_instance.c. */
#include "store/state_traffic.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_traffic_keys.h"
#include "store/state_value.h"

#define VERSION_KEY_LEN (STATE__TRAFFIC_ID_LEN + 2u)

/* ---- values ---- */

static int decode_policy(struct kv_slice value, void *user)
{
    struct state_traffic_policy *out = user, got = {0};
    State__TrafficPolicy *from;
    int rc = state__unpack(&state__traffic_policy__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.type = (uint16_t)from->type;
    got.number = from->number;
    got.latest_version = from->latest_version;
    got.version_count = from->version_count;
    bool is_sound = state__take_text(from->policy_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->name, got.name, sizeof(got.name)) &&
                    from->type <= UINT16_MAX && from->latest_version >= from->version_count &&
                    from->latest_version <= STATE_TRAFFIC_VERSIONS_MAX;
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static int decode_version(struct kv_slice value, void *user)
{
    struct state_traffic_version *out = user; /* its number stays */
    State__TrafficPolicyVersion *from;
    int rc = state__unpack(&state__traffic_policy_version__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->type <= UINT16_MAX &&
                    state__take_text(from->comment, out->comment, sizeof(out->comment));
    if (is_sound)
        out->type = (uint16_t)from->type;
    return state__finish(&from->base, is_sound);
}

static int decode_counters(struct kv_slice value, void *user)
{
    struct state_traffic_counters *out = user;
    State__TrafficCounters *from;
    int rc = state__unpack(&state__traffic_counters__descriptor, value, &from);

    if (rc != 0)
        return rc;
    out->policy_count = from->policy_count;
    out->policy_number = from->policy_number;
    out->instance_count = from->instance_count;
    return state__finish(&from->base, true);
}

/* ---- keys ---- */

static struct kv_slice version_key(char what, const char *id, uint32_t version,
                                   struct state__traffic_key *key)
{
    uint8_t rest[VERSION_KEY_LEN];

    ASSERT(version <= STATE_TRAFFIC_VERSIONS_MAX + 1);
    memcpy(rest, id, STATE__TRAFFIC_ID_LEN);
    rest[STATE__TRAFFIC_ID_LEN] = (uint8_t)(version >> 8);
    rest[STATE__TRAFFIC_ID_LEN + 1] = (uint8_t)version;
    return state__traffic_key(STATE_OBJECT_TRAFFIC_POLICY, what, rest, sizeof(rest), key);
}

static uint32_t version_of_key(struct kv_slice key)
{
    const uint8_t *end = (const uint8_t *)key.data + key.len;

    return (uint32_t)(end[-2] << 8 | end[-1]);
}

static struct kv_slice policy_key(const char *id, struct state__traffic_key *key)
{
    return state__traffic_key(STATE_OBJECT_TRAFFIC_POLICY, 'i', id, STATE__TRAFFIC_ID_LEN, key);
}

static struct kv_slice name_key(const char *name, struct state__traffic_key *key)
{
    return state__traffic_key(STATE_OBJECT_TRAFFIC_POLICY, 'n', name, strlen(name), key);
}

static struct kv_slice order_key(uint64_t number, struct state__traffic_key *key)
{
    uint8_t rest[8];

    state_key_u64(number, rest);
    return state__traffic_key(STATE_OBJECT_TRAFFIC_POLICY, 'o', rest, sizeof(rest), key);
}

static struct kv_slice counters_key(struct state__traffic_key *key)
{
    return state__traffic_key(STATE_OBJECT_TRAFFIC_POLICY, 'c', NULL, 0, key);
}

int state__check_traffic_policy(struct kv_slice key, struct kv_slice value)
{
    union {
        struct state_traffic_policy policy;
        struct state_traffic_version version;
        struct state_traffic_counters counters;
    } out;

    if (key.len < 2)
        return ERR_CORRUPT;
    size_t rest_len = key.len - 2;
    switch (((const char *)key.data)[1]) {
    case 'i':
        return rest_len == STATE__TRAFFIC_ID_LEN ? decode_policy(value, &out.policy) : ERR_CORRUPT;
    case 'v':
        return rest_len == VERSION_KEY_LEN ? decode_version(value, &out.version) : ERR_CORRUPT;
    case 'd':
        return rest_len == VERSION_KEY_LEN && value.len <= STATE_TRAFFIC_DOCUMENT_MAX ? 0
                                                                                      : ERR_CORRUPT;
    case 'n':
        return rest_len > 0 && rest_len < STATE_TRAFFIC_NAME_SIZE &&
                       value.len == STATE__TRAFFIC_ID_LEN
                   ? 0
                   : ERR_CORRUPT;
    case 'o': return rest_len == 8 && value.len == STATE__TRAFFIC_ID_LEN ? 0 : ERR_CORRUPT;
    case 'c': return rest_len == 0 ? decode_counters(value, &out.counters) : ERR_CORRUPT;
    default: return ERR_CORRUPT;
    }
}

/* ---- reads ---- */

int state_get_traffic_counters(const struct kv *kv, struct state_traffic_counters *out)
{
    struct state__traffic_key key;
    int rc = state__get_value(kv, KV_OBJECTS, counters_key(&key), decode_counters, out);

    if (rc != ERR_NOT_FOUND)
        return rc;
    *out = (struct state_traffic_counters){0};
    return 0;
}

int state_get_traffic_policy(const struct kv *kv, const char *id, struct state_traffic_policy *out)
{
    struct state__traffic_key key;

    if (strlen(id) != STATE__TRAFFIC_ID_LEN)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, policy_key(id, &key), decode_policy, out);
}

int state_get_traffic_policy_by_name(const struct kv *kv, const char *name,
                                     struct state_traffic_policy *out)
{
    struct state__traffic_key key;
    char id[STATE_UUID_SIZE];

    if (strlen(name) >= STATE_TRAFFIC_NAME_SIZE)
        return ERR_NOT_FOUND;
    int rc = state__traffic_get_id(kv, name_key(name, &key), id);
    return rc != 0 ? rc : state_get_traffic_policy(kv, id, out);
}

struct list {
    const struct kv *kv;
    state_traffic_policy_cb policy;
    state_traffic_version_cb version;
    void *user;
};

static int on_order(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_traffic_policy policy;
    char id[STATE_UUID_SIZE] = "";

    (void)key;
    if (value.len != STATE__TRAFFIC_ID_LEN)
        return ERR_CORRUPT;
    memcpy(id, value.data, STATE__TRAFFIC_ID_LEN);
    int rc = state_get_traffic_policy(list->kv, id, &policy);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    return list->policy(list->user, &policy);
}

int state_list_traffic_policies(const struct kv *kv, uint64_t from, state_traffic_policy_cb cb,
                                void *user)
{
    struct list list = {.kv = kv, .policy = cb, .user = user};
    struct state__traffic_key key;
    struct kv_range range = {.family = KV_OBJECTS, .from = order_key(from, &key)};

    range.prefix = kv_slice(range.from.data, 2);
    return kv_scan(kv, &range, on_order, &list);
}

int state_get_traffic_version(const struct kv *kv, const char *id, uint32_t version,
                              struct state_traffic_version *out)
{
    struct state_traffic_version got = {.version = version};
    struct state__traffic_key key;

    if (strlen(id) != STATE__TRAFFIC_ID_LEN || version > STATE_TRAFFIC_VERSIONS_MAX)
        return ERR_NOT_FOUND;
    int rc =
        state__get_value(kv, KV_OBJECTS, version_key('v', id, version, &key), decode_version, &got);
    if (rc == 0)
        *out = got;
    return rc;
}

int state_get_traffic_document(const struct kv *kv, const char *id, uint32_t version,
                               struct kv_buffer *out)
{
    struct state__traffic_key key;

    if (strlen(id) != STATE__TRAFFIC_ID_LEN || version > STATE_TRAFFIC_VERSIONS_MAX)
        return ERR_NOT_FOUND;
    return kv_get(kv, KV_OBJECTS, version_key('d', id, version, &key), out);
}

static int on_version(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_traffic_version version = {.version = version_of_key(key)};
    int rc = key.len == 2 + VERSION_KEY_LEN ? decode_version(value, &version) : ERR_CORRUPT;

    return rc != 0 ? rc : list->version(list->user, &version);
}

int state_list_traffic_versions(const struct kv *kv, const char *id, uint32_t from,
                                state_traffic_version_cb cb, void *user)
{
    struct list list = {.kv = kv, .version = cb, .user = user};
    struct state__traffic_key key;
    struct kv_range range = {.family = KV_OBJECTS};

    if (strlen(id) != STATE__TRAFFIC_ID_LEN)
        return ERR_NOT_FOUND;
    if (from > STATE_TRAFFIC_VERSIONS_MAX)
        return 0;
    range.from = version_key('v', id, from, &key);
    range.prefix = kv_slice(range.from.data, 2 + STATE__TRAFFIC_ID_LEN);
    return kv_scan(kv, &range, on_version, &list);
}

/* ---- writes ---- */

void state_put_traffic_counters(struct overlay *overlay,
                                const struct state_traffic_counters *counters)
{
    State__TrafficCounters message = STATE__TRAFFIC_COUNTERS__INIT;
    struct state__traffic_key key;

    message.version = STATE_VERSION;
    message.policy_count = counters->policy_count;
    message.policy_number = counters->policy_number;
    message.instance_count = counters->instance_count;
    state__put_message(overlay, KV_OBJECTS, counters_key(&key), &message.base);
}

void state_put_traffic_policy(struct overlay *overlay, const struct state_traffic_policy *policy)
{
    State__TrafficPolicy message = STATE__TRAFFIC_POLICY__INIT;
    struct kv_slice id = kv_slice(policy->id, STATE__TRAFFIC_ID_LEN);
    struct state__traffic_key key;

    ASSERT(strlen(policy->id) == STATE__TRAFFIC_ID_LEN);
    message.version = STATE_VERSION;
    message.policy_id = (char *)policy->id;
    message.name = (char *)policy->name;
    message.type = policy->type;
    message.number = policy->number;
    message.latest_version = policy->latest_version;
    message.version_count = policy->version_count;
    state__put_message(overlay, KV_OBJECTS, policy_key(policy->id, &key), &message.base);
    if (policy->latest_version > 1)
        return; /* they are there since the first version */
    overlay_put(overlay, KV_OBJECTS, name_key(policy->name, &key), id);
    overlay_put(overlay, KV_OBJECTS, order_key(policy->number, &key), id);
}

void state_delete_traffic_policy(struct overlay *overlay, const struct state_traffic_policy *policy)
{
    struct state__traffic_key key;

    overlay_delete(overlay, KV_OBJECTS, policy_key(policy->id, &key));
    overlay_delete(overlay, KV_OBJECTS, name_key(policy->name, &key));
    overlay_delete(overlay, KV_OBJECTS, order_key(policy->number, &key));
}

void state_put_traffic_version(struct overlay *overlay, const char *id,
                               const struct state_traffic_version *version)
{
    State__TrafficPolicyVersion message = STATE__TRAFFIC_POLICY_VERSION__INIT;
    struct state__traffic_key key;

    message.version = STATE_VERSION;
    message.comment = (char *)version->comment;
    message.type = version->type;
    state__put_message(overlay, KV_OBJECTS, version_key('v', id, version->version, &key),
                       &message.base);
}

void state_put_traffic_document(struct overlay *overlay, const char *id, uint32_t version,
                                struct kv_slice document)
{
    struct state__traffic_key key;

    ASSERT(document.len <= STATE_TRAFFIC_DOCUMENT_MAX);
    overlay_put(overlay, KV_OBJECTS, version_key('d', id, version, &key), document);
}

void state_delete_traffic_version(struct overlay *overlay, const char *id, uint32_t version)
{
    struct state__traffic_key key;

    overlay_delete(overlay, KV_OBJECTS, version_key('v', id, version, &key));
    overlay_delete(overlay, KV_OBJECTS, version_key('d', id, version, &key));
}
