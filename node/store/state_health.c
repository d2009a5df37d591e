/* node/store/state_health.c: health checks and what is known of them. Keys of KV_HEALTH_CHECKS:
 * ids, which start with a hexadecimal digit; behind them "parent:", a child's id and its parent's,
 * and "reference:" with a caller's reference, whose value is the id. */
#include "store/state_health.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_put.h"
#include "store/state_routing.h"
#include "store/state_value.h"

#define ID_LEN (STATE_UUID_SIZE - 1)
#define PARENT "parent:"
#define PARENT_LEN (sizeof(PARENT) - 1)
#define REFERENCE "reference:"
#define REFERENCE_LEN (sizeof(REFERENCE) - 1)

static const char *const type_names[] = {
    NULL, "HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP", "CALCULATED"};
#define TYPE_COUNT (sizeof(type_names) / sizeof(type_names[0]))

const char *state_check_type_name(unsigned type)
{
    return type < TYPE_COUNT ? type_names[type] : NULL;
}

unsigned state_check_type_find(const char *name)
{
    for (unsigned i = 1; i < TYPE_COUNT; i++) {
        if (strcmp(name, type_names[i]) == 0)
            return i;
    }
    return 0;
}

/* ---- values ---- */

static bool take_texts(char *const *from, size_t count, char *out, size_t size, uint32_t max)
{
    if (count > max)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!state__take_text(from[i], out + i * size, size))
            return false;
    }
    return true;
}

static bool take_config(const State__HealthConfig *from, struct state_check_config *out)
{
    if (!from || !state_check_type_name(from->type) || from->port > UINT16_MAX)
        return false;
    out->type = (enum state_check_type)from->type;
    out->request_interval_s = from->request_interval_s;
    out->failure_threshold = from->failure_threshold;
    out->health_threshold = from->health_threshold;
    out->port = (uint16_t)from->port;
    out->measure_latency = from->measure_latency;
    out->is_inverted = from->is_inverted;
    out->is_disabled = from->is_disabled;
    out->enable_sni = from->enable_sni;
    out->verify_certificate = from->verify_certificate;
    out->child_count = (uint32_t)from->n_children;
    out->region_count = (uint32_t)from->n_regions;
    return state__take_text(from->ip_address, out->ip_address, sizeof(out->ip_address)) &&
           state__take_text(from->resource_path, out->resource_path, STATE_CHECK_TEXT_SIZE) &&
           state__take_text(from->fully_qualified_domain_name, out->fully_qualified_domain_name,
                            STATE_CHECK_TEXT_SIZE) &&
           state__take_text(from->search_string, out->search_string, STATE_CHECK_TEXT_SIZE) &&
           take_texts(from->children, from->n_children, out->children[0], STATE_UUID_SIZE,
                      STATE_CHECK_CHILDREN_MAX) &&
           take_texts(from->regions, from->n_regions, out->regions[0], STATE_SETTING_NAME_SIZE,
                      STATE_CHECK_REGIONS_MAX);
}

static int decode_check(struct kv_slice value, void *user)
{
    struct state_check *out = user, got = {0};
    State__HealthCheck *from;
    int rc = state__unpack(&state__health_check__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.version = from->check_version;
    got.slot = from->slot;
    got.created_index = from->created_index;
    got.created_wall_ms = from->created_wall_ms;
    bool is_sound = state__take_text(from->health_check_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->caller_reference, got.caller_reference,
                                     sizeof(got.caller_reference)) &&
                    take_config(from->config, &got.config);
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static int decode_status(struct kv_slice value, void *user)
{
    struct state_check_status *out = user, got = {0};
    State__Verdict *from;
    int rc = state__unpack(&state__verdict__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.verdict = (enum state_verdict)from->verdict;
    got.judged_version = from->judged_version;
    got.healthy_checkers = from->healthy_checkers;
    got.checkers = from->checkers;
    got.since_index = from->since_index;
    got.since_wall_ms = from->since_wall_ms;
    got.octet = (uint8_t)from->octet;
    got.octet_index = from->octet_index;
    got.healthy_children = from->healthy_children;
    bool is_sound = from->verdict <= STATE_VERDICT_UNHEALTHY && from->octet <= UINT8_MAX &&
                    state__take_text(from->reason, got.reason, sizeof(got.reason));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static int check_index_key(struct kv_slice key, struct kv_slice value)
{
    if (key.len >= PARENT_LEN && memcmp(key.data, PARENT, PARENT_LEN) == 0)
        return key.len == PARENT_LEN + 2 * ID_LEN && value.len == 0 ? 0 : ERR_CORRUPT;
    if (key.len > REFERENCE_LEN && memcmp(key.data, REFERENCE, REFERENCE_LEN) == 0)
        return value.len == ID_LEN ? 0 : ERR_CORRUPT;
    return ERR_CORRUPT;
}

int state__check_health(enum kv_family family, struct kv_slice key, struct kv_slice value)
{
    union {
        struct state_check check;
        struct state_check_status status;
    } out;

    if (family == KV_OVERRIDES)
        return state__check_override(key, value);
    if (family == KV_VERDICTS)
        return key.len == ID_LEN ? decode_status(value, &out.status) : ERR_CORRUPT;
    return key.len == ID_LEN ? decode_check(value, &out.check) : check_index_key(key, value);
}

/* ---- reads ---- */

int state_get_check(const struct kv *kv, const char *id, struct state_check *out)
{
    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND; /* might be the key of something else */
    return state__get_value(kv, KV_HEALTH_CHECKS, kv_slice(id, ID_LEN), decode_check, out);
}

int state_get_check_status(const struct kv *kv, const char *id, struct state_check_status *out)
{
    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_VERDICTS, kv_slice(id, ID_LEN), decode_status, out);
}

struct reference_key {
    char octets[REFERENCE_LEN + STATE_CHECK_REFERENCE_SIZE];
};

static struct kv_slice reference_key(const char *reference, struct reference_key *key)
{
    size_t len = strnlen(reference, STATE_CHECK_REFERENCE_SIZE);

    memcpy(key->octets, REFERENCE, REFERENCE_LEN);
    memcpy(key->octets + REFERENCE_LEN, reference, len);
    return kv_slice(key->octets, REFERENCE_LEN + len);
}

int state_get_check_by_reference(const struct kv *kv, const char *caller_reference,
                                 struct state_check *out)
{
    struct reference_key key;
    struct kv_buffer value = {0};
    char id[STATE_UUID_SIZE] = "";
    int rc = kv_get(kv, KV_HEALTH_CHECKS, reference_key(caller_reference, &key), &value);

    if (rc == 0 && value.len != ID_LEN)
        rc = ERR_CORRUPT;
    if (rc == 0)
        memcpy(id, value.data, ID_LEN);
    kv_buffer_fini(&value);
    return rc != 0 ? rc : state_get_check(kv, id, out);
}

struct list {
    union {
        state_check_cb check;
        state_parent_cb parent;
    } cb;
    void *user;
};

static int on_check(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_check check;

    if (key.len != ID_LEN)
        return 1; /* what is behind the ids */
    int rc = decode_check(value, &check);
    return rc != 0 ? rc : list->cb.check(list->user, &check);
}

int state_list_checks(const struct kv *kv, const char *from_id, state_check_cb cb, void *user)
{
    struct list list = {.cb.check = cb, .user = user};
    struct kv_range range = {.family = KV_HEALTH_CHECKS, .from = state_value_text(from_id)};

    return kv_scan(kv, &range, on_check, &list);
}

struct parent_key {
    char octets[PARENT_LEN + 2 * ID_LEN];
};

static struct kv_slice parent_key(const char *child_id, const char *parent_id,
                                  struct parent_key *key)
{
    memcpy(key->octets, PARENT, PARENT_LEN);
    memcpy(key->octets + PARENT_LEN, child_id, ID_LEN);
    memcpy(key->octets + PARENT_LEN + ID_LEN, parent_id, ID_LEN);
    return kv_slice(key->octets, sizeof(key->octets));
}

static int on_parent(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    char id[STATE_UUID_SIZE] = "";

    (void)value;
    if (key.len != PARENT_LEN + 2 * ID_LEN)
        return ERR_CORRUPT;
    memcpy(id, (const char *)key.data + PARENT_LEN + ID_LEN, ID_LEN);
    return list->cb.parent(list->user, id);
}

int state_list_parents(const struct kv *kv, const char *id, state_parent_cb cb, void *user)
{
    struct list list = {.cb.parent = cb, .user = user};
    struct parent_key key;
    struct kv_range range = {.family = KV_HEALTH_CHECKS};

    if (strlen(id) != ID_LEN)
        return 0;
    range.prefix = parent_key(id, id, &key);
    range.prefix.len = PARENT_LEN + ID_LEN;
    return kv_scan(kv, &range, on_parent, &list);
}

int state_find_check_slot(const struct kv *kv, const char *health_check_id, uint32_t *slot)
{
    struct state_check check;
    int rc = state_get_check(kv, health_check_id, &check);

    if (rc == 0)
        *slot = check.slot;
    return rc;
}

/* ---- writes ---- */

static void put_config(const struct state_check_config *config, State__HealthConfig *out)
{
    out->type = config->type;
    out->ip_address = (char *)config->ip_address;
    out->port = config->port;
    out->resource_path = (char *)config->resource_path;
    out->fully_qualified_domain_name = (char *)config->fully_qualified_domain_name;
    out->search_string = (char *)config->search_string;
    out->request_interval_s = config->request_interval_s;
    out->failure_threshold = config->failure_threshold;
    out->measure_latency = config->measure_latency;
    out->is_inverted = config->is_inverted;
    out->is_disabled = config->is_disabled;
    out->health_threshold = config->health_threshold;
    out->enable_sni = config->enable_sni;
    out->verify_certificate = config->verify_certificate;
}

static void put_message(struct overlay *overlay, const struct state_check *check)
{
    State__HealthCheck message = STATE__HEALTH_CHECK__INIT;
    State__HealthConfig config = STATE__HEALTH_CONFIG__INIT;
    char *children[STATE_CHECK_CHILDREN_MAX], *regions[STATE_CHECK_REGIONS_MAX];

    put_config(&check->config, &config);
    for (uint32_t i = 0; i < check->config.child_count; i++)
        children[i] = (char *)check->config.children[i];
    for (uint32_t i = 0; i < check->config.region_count; i++)
        regions[i] = (char *)check->config.regions[i];
    config.children = children;
    config.n_children = check->config.child_count;
    config.regions = regions;
    config.n_regions = check->config.region_count;
    message.version = STATE_VERSION;
    message.health_check_id = (char *)check->id;
    message.check_version = check->version;
    message.slot = check->slot;
    message.caller_reference = (char *)check->caller_reference;
    message.created_wall_ms = check->created_wall_ms;
    message.created_index = check->created_index;
    message.config = &config;
    state__put_message(overlay, KV_HEALTH_CHECKS, kv_slice(check->id, ID_LEN), &message.base);
}

static bool has_child(const struct state_check *check, const char *id)
{
    for (uint32_t i = 0; check && i < check->config.child_count; i++) {
        if (strcmp(check->config.children[i], id) == 0)
            return true;
    }
    return false;
}

/* Children of @old (NULL: none) that @check (NULL: none) lacks lose this parent, new ones get it.
 */
static void put_parents(struct overlay *overlay, const struct state_check *check,
                        const struct state_check *old)
{
    struct parent_key key;

    for (uint32_t i = 0; old && i < old->config.child_count; i++) {
        if (!has_child(check, old->config.children[i]))
            overlay_delete(overlay, KV_HEALTH_CHECKS,
                           parent_key(old->config.children[i], old->id, &key));
    }
    for (uint32_t i = 0; check && i < check->config.child_count; i++) {
        if (!has_child(old, check->config.children[i]))
            overlay_put(overlay, KV_HEALTH_CHECKS,
                        parent_key(check->config.children[i], check->id, &key), kv_slice(NULL, 0));
    }
}

void state_put_check(struct overlay *overlay, const struct state_check *check,
                     const struct state_check *old)
{
    struct reference_key key;

    ASSERT(strlen(check->id) == ID_LEN);
    ASSERT(check->config.child_count <= STATE_CHECK_CHILDREN_MAX);
    ASSERT(check->config.region_count <= STATE_CHECK_REGIONS_MAX);
    put_message(overlay, check);
    put_parents(overlay, check, old);
    if (!old)
        overlay_put(overlay, KV_HEALTH_CHECKS, reference_key(check->caller_reference, &key),
                    kv_slice(check->id, ID_LEN));
}

void state_delete_check(struct overlay *overlay, const struct state_check *check)
{
    struct reference_key key;

    put_parents(overlay, NULL, check);
    overlay_delete(overlay, KV_HEALTH_CHECKS, reference_key(check->caller_reference, &key));
    overlay_delete(overlay, KV_HEALTH_CHECKS, kv_slice(check->id, ID_LEN));
    overlay_delete(overlay, KV_VERDICTS, kv_slice(check->id, ID_LEN));
}

void state_put_check_status(struct overlay *overlay, const char *id,
                            const struct state_check_status *status)
{
    State__Verdict message = STATE__VERDICT__INIT;

    message.version = STATE_VERSION;
    message.verdict = status->verdict;
    message.judged_version = status->judged_version;
    message.healthy_checkers = status->healthy_checkers;
    message.checkers = status->checkers;
    message.reason = (char *)status->reason;
    message.since_index = status->since_index;
    message.since_wall_ms = status->since_wall_ms;
    message.octet = status->octet;
    message.octet_index = status->octet_index;
    message.healthy_children = status->healthy_children;
    state__put_message(overlay, KV_VERDICTS, kv_slice(id, ID_LEN), &message.base);
}
