#include "store/state_use.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "store/overlay.h"
#include "store/state_set.h"
#include "store/state_value.h"
#include "zone/routing.h"

#define CONTENT_LEN 8u
#define COUNT_LEN 8u
#define TEXTS_MAX 160u /* kind, id and location with their zero octets */
#define KEY_MAX (1u + TEXTS_MAX + CONTENT_LEN)
#define CONTENT_KEY_MIN (1u + CONTENT_LEN + 3u) /* kind, one octet of id, zero octet */
#define KINDS 3u
#define PAGE_KEYS 64u

static const enum state_use_kind kinds[KINDS] = {STATE_USE_CHECK, STATE_USE_CIDR, STATE_USE_REGION};

/* Kind, id, location. */
static size_t put_texts(const struct state_use *use, uint8_t out[TEXTS_MAX])
{
    size_t id_len = strlen(use->id) + 1, len = 1;

    ASSERT(1 + id_len + sizeof(((struct zone_routing *)0)->cidr_location) <= TEXTS_MAX);
    out[0] = (uint8_t)use->kind;
    memcpy(out + len, use->id, id_len);
    len += id_len;
    if (use->location) {
        size_t location_len = strlen(use->location) + 1;
        memcpy(out + len, use->location, location_len);
        len += location_len;
    }
    return len;
}

/* ---- reading ---- */

struct list {
    state_use_cb cb;
    void *user;
};

static int decode_count(struct kv_slice value, void *out)
{
    uint64_t count = value.len == COUNT_LEN ? state_key_u64_decode(value.data) : 0;

    if (count == 0)
        return ERR_CORRUPT;
    *(uint64_t *)out = count;
    return 0;
}

static int on_use(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    uint64_t count;
    int rc = decode_count(value, &count);

    if (rc != 0 || key.len < CONTENT_LEN)
        return ERR_CORRUPT;
    const uint8_t *content = (const uint8_t *)key.data + key.len - CONTENT_LEN;
    return list->cb(list->user, state_key_u64_decode(content), count);
}

int state_list_uses(const struct kv *kv, const struct state_use *use, state_use_cb cb, void *user)
{
    struct list list = {cb, user};
    uint8_t prefix[KEY_MAX] = {'u'};

    if (strlen(use->id) >= sizeof(((struct zone_routing *)0)->region))
        return 0; /* longer than what a set can name */
    struct kv_range range = {.family = KV_USES, .prefix = {prefix, 1 + put_texts(use, prefix + 1)}};
    return kv_scan(kv, &range, on_use, &list);
}

/* ---- counting ---- */

/* Does @routing use something of @kind? */
static bool use_of(const struct zone_routing *routing, enum state_use_kind kind,
                   struct state_use *out)
{
    *out = (struct state_use){.kind = kind};
    if (!routing)
        return false;
    switch (kind) {
    case STATE_USE_CHECK: out->id = routing->health_check_id; break;
    case STATE_USE_REGION: out->id = routing->region; break;
    case STATE_USE_CIDR:
        out->id = routing->cidr_collection_id;
        out->location = routing->cidr_location;
        break;
    }
    return out->id[0] != 0;
}

static bool is_same(const struct state_use *a, const struct state_use *b)
{
    return strcmp(a->id, b->id) == 0 && (!a->location || strcmp(a->location, b->location) == 0);
}

static int count_one(struct overlay *overlay, uint64_t content, const struct state_use *use,
                     bool is_more)
{
    uint8_t octets[KEY_MAX], number[COUNT_LEN];
    uint64_t count = 0;
    size_t texts_len = put_texts(use, octets + 1);
    struct kv_slice key = {octets, 1 + texts_len + CONTENT_LEN};

    octets[0] = 'u';
    state_key_u64(content, octets + 1 + texts_len);
    int rc = state__get_value(overlay_kv(overlay), KV_USES, key, decode_count, &count);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (!is_more && count == 0)
        return ERR_CORRUPT;
    bool is_changed = is_more ? count == 0 : count == 1; /* whether it is used at all */
    count = is_more ? count + 1 : count - 1;
    state_key_u64(count, number);
    if (count > 0)
        overlay_put(overlay, KV_USES, key, kv_slice(number, sizeof(number)));
    else
        overlay_delete(overlay, KV_USES, key);
    if (!is_changed)
        return 0;
    octets[0] = 'c';
    state_key_u64(content, octets + 1);
    (void)put_texts(use, octets + 1 + CONTENT_LEN);
    if (is_more)
        overlay_put(overlay, KV_USES, key, kv_slice(NULL, 0));
    else
        overlay_delete(overlay, KV_USES, key);
    return 0;
}

static int decode(const struct state_record_set *set, struct zone_routing *storage,
                  const struct zone_routing **out)
{
    *out = NULL;
    if (!set || !set->routing)
        return 0;
    *out = storage;
    return state_routing_decode(kv_slice(set->routing, set->routing_len), storage);
}

int state__count_uses(struct overlay *overlay, uint64_t content,
                      const struct state_record_set *before, const struct state_record_set *after)
{
    struct zone_routing storage[2];
    const struct zone_routing *old, *new;
    int rc = decode(before, &storage[0], &old);

    if (rc == 0)
        rc = decode(after, &storage[1], &new);
    for (unsigned i = 0; i < KINDS && rc == 0; i++) {
        struct state_use old_use, new_use;
        bool is_old = use_of(old, kinds[i], &old_use), is_new = use_of(new, kinds[i], &new_use);
        if (is_old && is_new && is_same(&old_use, &new_use))
            continue;
        if (is_old)
            rc = count_one(overlay, content, &old_use, false);
        if (rc == 0 && is_new)
            rc = count_one(overlay, content, &new_use, true);
    }
    return rc;
}

/* ---- contents that go ---- */

/* Keys are collected first, some at a time: what is scanned must not change meanwhile. */
struct page {
    uint8_t keys[PAGE_KEYS][KEY_MAX];
    size_t lens[PAGE_KEYS];
    size_t count;
};

static int on_content_use(void *user, struct kv_slice key, struct kv_slice value)
{
    struct page *page = user;

    (void)value;
    if (key.len < CONTENT_KEY_MIN || key.len > KEY_MAX)
        return ERR_CORRUPT;
    memcpy(page->keys[page->count], key.data, key.len);
    page->lens[page->count++] = key.len;
    return page->count == PAGE_KEYS;
}

/* @key: 'c', content, texts; its other half: 'u', texts, content. */
static void forget(struct overlay *overlay, const uint8_t *key, size_t len)
{
    uint8_t other[KEY_MAX] = {'u'};
    size_t texts_len = len - 1 - CONTENT_LEN;

    memcpy(other + 1, key + 1 + CONTENT_LEN, texts_len);
    memcpy(other + 1 + texts_len, key + 1, CONTENT_LEN);
    overlay_delete(overlay, KV_USES, kv_slice(key, len));
    overlay_delete(overlay, KV_USES, kv_slice(other, len));
}

int state__forget_uses(struct overlay *overlay, uint64_t content)
{
    uint8_t prefix[1 + CONTENT_LEN] = {'c'}, from[KEY_MAX];
    struct kv_range range = {.family = KV_USES, .prefix = kv_slice(prefix, sizeof(prefix))};
    struct page page = {.count = PAGE_KEYS};

    state_key_u64(content, prefix + 1);
    while (page.count == PAGE_KEYS) {
        page.count = 0;
        int rc = kv_scan(overlay_kv(overlay), &range, on_content_use, &page);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < page.count; i++)
            forget(overlay, page.keys[i], page.lens[i]);
        if (page.count > 0) { /* the rest is behind the last one */
            size_t len = page.lens[page.count - 1];
            memcpy(from, page.keys[page.count - 1], len);
            range.from = kv_slice(from, len);
        }
    }
    return 0;
}

/* ---- checking ---- */

int state__check_use(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    uint64_t count;

    if (key.len < CONTENT_KEY_MIN || key.len > KEY_MAX)
        return ERR_CORRUPT;
    if (octets[0] == 'u')
        return decode_count(value, &count);
    return octets[0] == 'c' && value.len == 0 ? 0 : ERR_CORRUPT;
}
