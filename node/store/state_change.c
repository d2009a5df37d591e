/* node/store/state_change.c: the journal of changes (declared in state.h and state_put.h). */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_put.h"
#include "store/state_value.h"

static void change_key(uint64_t index, uint32_t place, uint8_t out[STATE_KEY_CHANGE_LEN])
{
    state_key_u64(index, out);
    out[8] = (uint8_t)(place >> 24);
    out[9] = (uint8_t)(place >> 16);
    out[10] = (uint8_t)(place >> 8);
    out[11] = (uint8_t)place;
}

/* Octets that a set takes in the journal: type (2), identifier (1 + n), value. */
static size_t journal_len(const struct state_record_set *set)
{
    return set ? 3 + set->set_identifier_len + state_set_value_len(set) : 0;
}

static void journal_set(const struct state_record_set *set, uint8_t *out)
{
    out[0] = (uint8_t)(set->type >> 8);
    out[1] = (uint8_t)set->type;
    out[2] = (uint8_t)set->set_identifier_len;
    if (set->set_identifier_len > 0)
        memcpy(out + 3, set->set_identifier, set->set_identifier_len);
    state_set_encode(set, out + 3 + set->set_identifier_len);
}

/* Length-delimited field @number of @len octets: its tag and length; the octets follow. */
static uint8_t *put_header(uint8_t *at, unsigned number, size_t len)
{
    *at++ = (uint8_t)(number << 3 | 2);
    for (; len >= 0x80; len >>= 7)
        *at++ = (uint8_t)(len | 0x80);
    *at++ = (uint8_t)len;
    return at;
}

static size_t header_len(size_t len)
{
    size_t header = 2;

    for (; len >= 0x80; len >>= 7)
        header++;
    return header;
}

static size_t field_len(size_t len)
{
    return len > 0 ? header_len(len) + len : 0;
}

static const uint8_t *action_name(const struct state_action *action)
{
    return action->before ? action->before->name : action->after->name;
}

static size_t action_len(const struct state_action *action)
{
    return field_len(dns_name_len(action_name(action))) + field_len(journal_len(action->before)) +
           field_len(journal_len(action->after));
}

/* A ChangeAction, packed by hand so that no set is copied twice. */
static uint8_t *put_action(uint8_t *at, const struct state_action *action)
{
    const uint8_t *name = action_name(action);
    size_t name_len = dns_name_len(name);

    at = put_header(at, 10, action_len(action));
    at = put_header(at, 1, name_len);
    memcpy(at, name, name_len);
    at += name_len;
    if (action->before) {
        at = put_header(at, 2, journal_len(action->before));
        journal_set(action->before, at);
        at += journal_len(action->before);
    }
    if (action->after) {
        at = put_header(at, 3, journal_len(action->after));
        journal_set(action->after, at);
        at += journal_len(action->after);
    }
    return at;
}

void state_put_change(struct overlay *overlay, const struct state_change *change, uint32_t place,
                      const struct state_action *actions)
{
    State__Change message = STATE__CHANGE__INIT;
    uint8_t key[STATE_KEY_CHANGE_LEN];

    message.version = STATE_VERSION;
    message.change_id = (char *)change->id;
    message.index = change->index;
    message.time_wall_ms = change->time_wall_ms;
    message.zone_id = (char *)change->zone_id;
    message.zone_name.data = (uint8_t *)change->zone_name;
    message.zone_name.len = dns_name_len(change->zone_name);
    message.actor = (char *)change->actor;
    message.comment = (char *)change->comment;
    message.kind = (uint32_t)change->kind;

    size_t head_len = state__change__get_packed_size(&message), len = head_len;
    for (uint32_t i = 0; i < change->action_count; i++)
        len += header_len(action_len(&actions[i])) + action_len(&actions[i]);
    change_key(change->index, place, key);
    uint8_t *space = overlay_put_space(overlay, KV_CHANGES, kv_slice(key, sizeof(key)), len);
    if (!space)
        return;
    uint8_t *at = space + state__change__pack(&message, space);
    for (uint32_t i = 0; i < change->action_count; i++)
        at = put_action(at, &actions[i]);
    ASSERT(at == space + len);
    overlay_put(overlay, KV_CHANGE_IDS, state_value_text(change->id), kv_slice(key, sizeof(key)));
}

struct trim {
    struct overlay *overlay;
    struct state_counters *counters;
    uint64_t left;
};

static int on_oldest(void *user, struct kv_slice key, struct kv_slice value)
{
    struct trim *trim = user;
    struct state_change change;

    if (trim->left == 0)
        return 1;
    int rc = state_value_change(value, &change, NULL, NULL);
    if (rc != 0)
        return rc;
    if (key.len != STATE_KEY_CHANGE_LEN)
        return ERR_CORRUPT;
    overlay_delete(trim->overlay, KV_CHANGES, key);
    overlay_delete(trim->overlay, KV_CHANGE_IDS, state_value_text(change.id));
    memcpy(trim->counters->change_from, key.data, key.len);
    trim->counters->change_count--;
    trim->left--;
    return 0;
}

int state_trim_changes(struct overlay *overlay, struct state_counters *counters, uint64_t count)
{
    struct trim trim = {overlay, counters, count};
    struct kv_range range = {.family = KV_CHANGES,
                             .from = {counters->change_from, STATE_KEY_CHANGE_LEN}};
    uint8_t from[STATE_KEY_CHANGE_LEN]; /* the callback moves the other one */

    memcpy(from, counters->change_from, sizeof(from));
    range.from.data = from;
    return kv_scan(overlay_kv(overlay), &range, on_oldest, &trim);
}

int state_get_change(const struct kv *kv, const char *id, struct state_change *out,
                     state_action_cb cb, void *user)
{
    struct kv_buffer key = {0}, value = {0};
    int rc = kv_get(kv, KV_CHANGE_IDS, state_value_text(id), &key);

    if (rc == 0)
        rc = kv_get(kv, KV_CHANGES, kv_slice(key.data, key.len), &value);
    if (rc == 0)
        rc = state_value_change(kv_slice(value.data, value.len), out, cb, user);
    kv_buffer_fini(&key);
    kv_buffer_fini(&value);
    return rc;
}

struct change_list {
    state_change_cb cb;
    void *user;
};

static int on_change(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct change_list *list = user;
    struct state_change change;
    int rc = state_value_change(value, &change, NULL, NULL);

    (void)key;
    return rc != 0 ? rc : list->cb(list->user, &change);
}

int state_list_changes(const struct kv *kv, uint64_t from_index, state_change_cb cb, void *user)
{
    struct change_list list = {cb, user};
    uint8_t from[8];
    struct kv_range range = {.family = KV_CHANGES, .from = {from, sizeof(from)}};

    state_key_u64(from_index, from);
    return kv_scan(kv, &range, on_change, &list);
}
