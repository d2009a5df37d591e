#include "store/state.h"

#include <string.h>

#include "base/err.h"
#include "store/state_put.h"
#include "store/state_value.h"

int state__get_value(const struct kv *kv, enum kv_family family, struct kv_slice key,
                     state__decode_cb decode, void *out)
{
    struct kv_buffer value = {0};
    int rc = kv_get(kv, family, key, &value);

    if (rc == 0)
        rc = decode(kv_slice(value.data, value.len), out);
    kv_buffer_fini(&value);
    return rc;
}

static int get_or_zero(const struct kv *kv, const char *key, state__decode_cb decode, void *out,
                       size_t size)
{
    int rc = state__get_value(kv, KV_META, state_value_text(key), decode, out);
    if (rc != ERR_NOT_FOUND)
        return rc;
    memset(out, 0, size);
    return 0;
}

static int decode_applied(struct kv_slice value, void *out)
{
    return state_value_applied(value, out);
}

int state_get_applied(const struct kv *kv, struct state_applied *out)
{
    return get_or_zero(kv, STATE_KEY_APPLIED, decode_applied, out, sizeof(*out));
}

static int decode_cluster(struct kv_slice value, void *out)
{
    return state_value_cluster(value, out);
}

int state_get_cluster(const struct kv *kv, struct state_cluster *out)
{
    return state__get_value(kv, KV_META, state_value_text(STATE_KEY_CLUSTER), decode_cluster, out);
}

static int decode_conf(struct kv_slice value, void *out)
{
    return state_value_conf(value, out);
}

int state_get_conf(const struct kv *kv, struct state_conf *out)
{
    return get_or_zero(kv, STATE_KEY_CONF, decode_conf, out, sizeof(*out));
}

static int decode_counters(struct kv_slice value, void *out)
{
    return state_value_counters(value, out);
}

int state_get_counters(const struct kv *kv, struct state_counters *out)
{
    return get_or_zero(kv, STATE_KEY_COUNTERS, decode_counters, out, sizeof(*out));
}

int state_get_zone_counts(const struct kv *kv, uint64_t *zones, uint64_t *generation)
{
    struct state_counters counters;
    int rc = state_get_counters(kv, &counters);

    if (rc != 0)
        return rc;
    *zones = counters.zone_count;
    *generation = counters.zone_generation;
    return 0;
}

static int decode_zone(struct kv_slice value, void *out)
{
    return state_value_zone(value, out);
}

int state_get_zone(const struct kv *kv, const char *id, struct state_zone *out)
{
    if (id[0] == 0)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_ZONES, state_value_text(id), decode_zone, out);
}

struct set_list {
    state_set_cb cb;
    void *user;
};

static int on_set(void *user, struct kv_slice key, struct kv_slice value)
{
    struct set_list *list = user;
    struct state_record_set set = {0};
    uint8_t name[STATE_NAME_MAX];
    int rc = state_set_key_decode(key, name, &set);

    if (rc == 0)
        rc = state_set_decode(value, &set);
    if (rc != 0)
        return rc;
    return list->cb(list->user, &set);
}

int state_get_record_set(const struct kv *kv, uint64_t content,
                         const struct state_record_set *which, state_set_cb cb, void *user)
{
    struct state_record_set set = {.name = which->name,
                                   .type = which->type,
                                   .set_identifier = which->set_identifier,
                                   .set_identifier_len = which->set_identifier_len};
    uint8_t key[STATE_KEY_SET_MAX];
    struct kv_buffer value = {0};
    size_t key_len = state_set_key(content, &set, key);
    int rc = kv_get(kv, KV_RECORD_SETS, kv_slice(key, key_len), &value);

    if (rc == 0)
        rc = state_set_decode(kv_slice(value.data, value.len), &set);
    if (rc == 0)
        rc = cb(user, &set);
    kv_buffer_fini(&value);
    return rc < 0 ? rc : 0;
}

int state_list_group(const struct kv *kv, uint64_t content, const uint8_t *name, uint16_t type,
                     state_set_cb cb, void *user)
{
    struct set_list list = {.cb = cb, .user = user};
    struct state_record_set which = {.name = name, .type = type};
    uint8_t key[STATE_KEY_SET_MAX];
    struct kv_range range = {.family = KV_RECORD_SETS,
                             .prefix = {key, state_set_key(content, &which, key)}};

    return kv_scan(kv, &range, on_set, &list);
}

/* The key to start from; as long as the key of @start is. */
static size_t start_key(uint64_t content, const struct state_set_start *start, uint8_t *key)
{
    size_t len = 8;

    state_key_u64(content, key);
    if (!start || !start->name)
        return len;
    len += state_key_name(start->name, key + len);
    if (start->type == 0)
        return len;
    state_key_type(start->type, key + len);
    len += STATE_KEY_TYPE_LEN;
    if (start->set_identifier) {
        size_t identifier_len = strnlen(start->set_identifier, STATE_SET_IDENTIFIER_MAX);
        memcpy(key + len, start->set_identifier, identifier_len);
        len += identifier_len;
    }
    if (start->is_after)
        key[len++] = 0; /* the least key that is greater */
    return len;
}

int state_list_record_sets(const struct kv *kv, uint64_t content,
                           const struct state_set_start *start, state_set_cb cb, void *user)
{
    struct set_list list = {.cb = cb, .user = user};
    uint8_t prefix[8], from[STATE_KEY_SET_MAX + 1];
    struct kv_range range = {.family = KV_RECORD_SETS, .prefix = {prefix, sizeof(prefix)}};

    state_key_u64(content, prefix);
    range.from = kv_slice(from, start_key(content, start, from));
    return kv_scan(kv, &range, on_set, &list);
}

struct routed_list {
    const struct kv *kv;
    state_routed_cb cb;
    void *user;
    uint64_t content; /* of the key that is told */
    int rc;           /* what the callback returned */
};

static int on_routed_set(void *user, const struct state_record_set *set)
{
    struct routed_list *list = user;

    list->rc = list->cb(list->user, list->content, set);
    return list->rc;
}

static int on_routed(void *user, struct kv_slice key, struct kv_slice value)
{
    struct routed_list *list = user;
    struct state_record_set which = {0};
    uint8_t name[STATE_NAME_MAX];
    int rc = state_set_key_decode(key, name, &which);

    (void)value;
    if (rc != 0)
        return rc;
    list->content = state_key_u64_decode(key.data);
    list->rc = 0;
    rc = state_get_record_set(list->kv, list->content, &which, on_routed_set, list);
    if (rc == ERR_NOT_FOUND)
        return 0; /* gone since the scan began */
    return rc != 0 ? rc : list->rc;
}

int state_list_routed(const struct kv *kv, uint64_t content, state_routed_cb cb, void *user)
{
    struct routed_list list = {.kv = kv, .cb = cb, .user = user};
    uint8_t prefix[8];
    struct kv_range range = {.family = KV_ROUTED};

    state_key_u64(content, prefix);
    if (content != 0)
        range.prefix = kv_slice(prefix, sizeof(prefix));
    return kv_scan(kv, &range, on_routed, &list);
}

static int note_any(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key;
    (void)value;
    *(bool *)user = true;
    return 1;
}

int state_has_routed(const struct kv *kv, uint64_t content, bool *out)
{
    uint8_t prefix[8];
    struct kv_range range = {.family = KV_ROUTED};
    bool has_any = false;

    state_key_u64(content, prefix);
    if (content != 0)
        range.prefix = kv_slice(prefix, sizeof(prefix));
    int rc = kv_scan(kv, &range, note_any, &has_any);
    if (rc == 0)
        *out = has_any;
    return rc;
}

static int decode_member(struct kv_slice value, void *out)
{
    return state_value_member(value, out);
}

int state_get_member(const struct kv *kv, uint64_t id, struct state_member *out)
{
    uint8_t key[8];

    state_key_u64(id, key);
    return state__get_value(kv, KV_MEMBERS, kv_slice(key, sizeof(key)), decode_member, out);
}

struct list {
    union {
        state_token_cb token;
        state_import_cb import;
    } cb;
    void *user;
};

static int decode_token(struct kv_slice value, void *out)
{
    return state_value_token(value, out);
}

int state_get_token(const struct kv *kv, const uint8_t id[STATE_TOKEN_ID_LEN],
                    struct state_token *out)
{
    return state__get_value(kv, KV_TOKENS, kv_slice(id, STATE_TOKEN_ID_LEN), decode_token, out);
}

static int on_token(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_token token;
    int rc = state_value_token(value, &token);

    (void)key;
    return rc != 0 ? rc : list->cb.token(list->user, &token);
}

int state_list_tokens(const struct kv *kv, state_token_cb cb, void *user)
{
    struct list list = {.cb.token = cb, .user = user};
    return kv_scan(kv, &(struct kv_range){.family = KV_TOKENS}, on_token, &list);
}

static int decode_import(struct kv_slice value, void *out)
{
    return state_value_import(value, out);
}

int state_get_import(const struct kv *kv, const char *change_id, struct state_import *out)
{
    if (change_id[0] == 0)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_IMPORTS, state_value_text(change_id), decode_import, out);
}

static int on_import(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_import import;
    int rc = state_value_import(value, &import);

    (void)key;
    return rc != 0 ? rc : list->cb.import(list->user, &import);
}

int state_list_imports(const struct kv *kv, state_import_cb cb, void *user)
{
    struct list list = {.cb.import = cb, .user = user};
    return kv_scan(kv, &(struct kv_range){.family = KV_IMPORTS}, on_import, &list);
}

int state_get_setting(const struct kv *kv, const char *name, char out[STATE_SETTING_SIZE])
{
    struct kv_buffer value = {0};
    int rc = kv_get(kv, KV_SETTINGS, state_value_text(name), &value);

    if (rc == 0 && value.len >= STATE_SETTING_SIZE)
        rc = ERR_CORRUPT;
    if (rc == 0) {
        memcpy(out, value.data, value.len);
        out[value.len] = 0;
    }
    kv_buffer_fini(&value);
    return rc;
}

int state_get_secret(const struct kv *kv, const char *name, struct kv_buffer *out)
{
    return kv_get(kv, KV_SECRETS, state_value_text(name), out);
}
