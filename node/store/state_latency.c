#include "store/state_latency.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "store/state_key.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define VERSION 1
#define IMPORTED_LEN 3u
#define MEASURED_LEN 14u
#define ABOUT_LEN 25u /* and the key behind it */

static const uint8_t about_key[1] = {0};

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

size_t state_latency_key(const struct state_latency *entry, uint8_t out[STATE_LATENCY_KEY_MAX])
{
    const size_t address_len = entry->prefix.is_ipv6 ? 16 : 4;
    const size_t region_len = strlen(entry->region);

    ASSERT(region_len < STATE_LATENCY_REGION_SIZE);
    out[0] = entry->source;
    out[1] = entry->prefix.is_ipv6 ? '6' : '4';
    memcpy(out + 2, entry->prefix.octets, address_len);
    out[2 + address_len] = entry->prefix.len;
    memcpy(out + 3 + address_len, entry->region, region_len);
    return 3 + address_len + region_len;
}

static int decode_key(struct kv_slice key, struct state_latency *out)
{
    const uint8_t *octets = key.data;

    if (key.len < 3)
        return ERR_CORRUPT;
    const bool is_ipv6 = octets[1] == '6';
    const size_t address_len = is_ipv6 ? 16 : 4;
    if ((octets[0] != STATE_LATENCY_IMPORTED && octets[0] != STATE_LATENCY_MEASURED) ||
        (!is_ipv6 && octets[1] != '4') || key.len <= 3 + address_len ||
        key.len - 3 - address_len >= STATE_LATENCY_REGION_SIZE ||
        octets[2 + address_len] > address_len * 8)
        return ERR_CORRUPT;
    *out = (struct state_latency){
        .source = octets[0],
        .prefix = {.len = octets[2 + address_len], .is_ipv6 = is_ipv6},
    };
    memcpy(out->prefix.octets, octets + 2, address_len);
    memcpy(out->region, octets + 3 + address_len, key.len - 3 - address_len);
    return 0;
}

/* Fills what the value has; @out has its source. */
static int decode_value(struct kv_slice value, struct state_latency *out)
{
    const uint8_t *octets = value.data;
    const bool is_measured = out->source == STATE_LATENCY_MEASURED;

    if (value.len < 1)
        return ERR_CORRUPT;
    if (octets[0] != VERSION)
        return ERR_VERSION;
    if (value.len != (is_measured ? MEASURED_LEN : IMPORTED_LEN) ||
        get16(octets + 1) > STATE_LATENCY_MS_MAX)
        return ERR_CORRUPT;
    out->ms = get16(octets + 1);
    if (is_measured) {
        out->candidate_ms = get16(octets + 3);
        out->candidate_windows = octets[5];
        out->window_wall_s = state_key_u64_decode(octets + 6);
    }
    return 0;
}

static int decode_about(struct kv_slice value, struct state_latency_about *out)
{
    const uint8_t *octets = value.data;

    if (value.len < 1)
        return ERR_CORRUPT;
    if (octets[0] != VERSION)
        return ERR_VERSION;
    if (value.len < ABOUT_LEN || value.len > ABOUT_LEN + STATE_LATENCY_KEY_MAX)
        return ERR_CORRUPT;
    *out = (struct state_latency_about){
        .version = state_key_u64_decode(octets + 1),
        .imported_count = state_key_u64_decode(octets + 9),
        .measured_count = state_key_u64_decode(octets + 17),
        .sweep_key_len = value.len - ABOUT_LEN,
    };
    memcpy(out->sweep_key, octets + ABOUT_LEN, out->sweep_key_len);
    return 0;
}

int state__check_latency(struct kv_slice key, struct kv_slice value)
{
    struct state_latency entry;
    struct state_latency_about about;

    if (key.len == 1 && memcmp(key.data, about_key, 1) == 0)
        return decode_about(value, &about);
    int rc = decode_key(key, &entry);
    return rc != 0 ? rc : decode_value(value, &entry);
}

/* ---- reads ---- */

int state_get_latency_about(const struct kv *kv, struct state_latency_about *out)
{
    struct kv_buffer buffer = {0};
    int rc = kv_get(kv, KV_LATENCY, kv_slice(about_key, 1), &buffer);

    if (rc == 0)
        rc = decode_about(kv_slice(buffer.data, buffer.len), out);
    else if (rc == ERR_NOT_FOUND) {
        memset(out, 0, sizeof(*out));
        rc = 0;
    }
    kv_buffer_fini(&buffer);
    return rc;
}

int state_get_latency(const struct kv *kv, const struct state_latency *which,
                      struct state_latency *out)
{
    uint8_t key[STATE_LATENCY_KEY_MAX];
    const size_t key_len = state_latency_key(which, key);
    struct state_latency got = *which;
    struct kv_buffer buffer = {0};
    int rc = kv_get(kv, KV_LATENCY, kv_slice(key, key_len), &buffer);

    if (rc == 0)
        rc = decode_value(kv_slice(buffer.data, buffer.len), &got);
    if (rc == 0)
        *out = got;
    kv_buffer_fini(&buffer);
    return rc;
}

struct list {
    state_latency_cb cb;
    void *user;
};

static int on_entry(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_latency entry;

    if (key.len == 1)
        return 0; /* the account */
    int rc = decode_key(key, &entry);
    if (rc == 0)
        rc = decode_value(value, &entry);
    return rc != 0 ? rc : list->cb(list->user, &entry);
}

int state_list_latency(const struct kv *kv, state_latency_cb cb, void *user)
{
    struct kv_range range = {.family = KV_LATENCY};
    struct list list = {cb, user};

    return kv_scan(kv, &range, on_entry, &list);
}

int state_list_measured(const struct kv *kv, const uint8_t *from, size_t from_len,
                        state_latency_cb cb, void *user)
{
    static const uint8_t prefix[1] = {STATE_LATENCY_MEASURED};
    struct kv_range range = {
        .family = KV_LATENCY, .prefix = kv_slice(prefix, 1), .from = kv_slice(from, from_len)};
    struct list list = {cb, user};

    return kv_scan(kv, &range, on_entry, &list);
}

/* ---- writes ---- */

void state_put_latency_about(struct overlay *overlay, const struct state_latency_about *about)
{
    uint8_t value[ABOUT_LEN + STATE_LATENCY_KEY_MAX];

    value[0] = VERSION;
    state_key_u64(about->version, value + 1);
    state_key_u64(about->imported_count, value + 9);
    state_key_u64(about->measured_count, value + 17);
    memcpy(value + ABOUT_LEN, about->sweep_key, about->sweep_key_len);
    overlay_put(overlay, KV_LATENCY, kv_slice(about_key, 1),
                kv_slice(value, ABOUT_LEN + about->sweep_key_len));
}

void state_put_latency(struct overlay *overlay, const struct state_latency *entry)
{
    uint8_t key[STATE_LATENCY_KEY_MAX], value[MEASURED_LEN];
    const size_t key_len = state_latency_key(entry, key);

    value[0] = VERSION;
    put16(value + 1, entry->ms);
    put16(value + 3, entry->candidate_ms);
    value[5] = entry->candidate_windows;
    state_key_u64(entry->window_wall_s, value + 6);
    overlay_put(
        overlay, KV_LATENCY, kv_slice(key, key_len),
        kv_slice(value, entry->source == STATE_LATENCY_MEASURED ? MEASURED_LEN : IMPORTED_LEN));
}

void state_delete_latency(struct overlay *overlay, const struct state_latency *entry)
{
    uint8_t key[STATE_LATENCY_KEY_MAX];

    overlay_delete(overlay, KV_LATENCY, kv_slice(key, state_latency_key(entry, key)));
}

void state_delete_imported(struct overlay *overlay)
{
    static const uint8_t first[1] = {STATE_LATENCY_IMPORTED}, end[1] = {STATE_LATENCY_MEASURED};

    overlay_delete_range(overlay, KV_LATENCY, kv_slice(first, 1), kv_slice(end, 1));
}
