#include "store/state_set.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#define VERSION_PLAIN 1
#define VERSION_ROUTED 2
#define VERSION_MADE 3 /* by a traffic policy instance */
#define VERSION_TEXTS 4
#define MADE_LEN (1u + STATE_SET_INSTANCE_LEN)
#define FLAG_HIDDEN 1u

static uint16_t read_u16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

bool state_set_next(const struct state_record_set *set, size_t *offset, const uint8_t **rdata,
                    uint16_t *rdata_len)
{
    if (*offset + 2 > set->rdata_len)
        return false;
    *rdata_len = read_u16(set->rdata + *offset);
    *rdata = set->rdata + *offset + 2;
    *offset += 2u + *rdata_len;
    ASSERT(*offset <= set->rdata_len);
    return true;
}

bool state_set_has(const struct state_record_set *set, const uint8_t *rdata, uint16_t rdata_len)
{
    const uint8_t *other;
    uint16_t other_len;
    size_t offset = 0;

    while (state_set_next(set, &offset, &other, &other_len)) {
        if (zone_rdata_is_same(set->type, other, other_len, rdata, rdata_len))
            return true;
    }
    return false;
}

bool state_set_is_of(const struct state_record_set *set, const char *instance_id)
{
    if (!set->instance_id || !instance_id)
        return !set->instance_id && !instance_id;
    return strlen(instance_id) == STATE_SET_INSTANCE_LEN &&
           memcmp(set->instance_id, instance_id, STATE_SET_INSTANCE_LEN) == 0;
}

static bool is_same_maker(const struct state_record_set *a, const struct state_record_set *b)
{
    if (!a->instance_id || !b->instance_id)
        return !a->instance_id && !b->instance_id;
    return a->is_hidden == b->is_hidden &&
           memcmp(a->instance_id, b->instance_id, STATE_SET_INSTANCE_LEN) == 0;
}

bool state_set_is_equal(const struct state_record_set *a, const struct state_record_set *b)
{
    const uint8_t *rdata;
    uint16_t rdata_len;
    size_t offset = 0;

    if (a->ttl_s != b->ttl_s || a->rdata_count != b->rdata_count || a->rdata_len != b->rdata_len)
        return false;
    if (a->routing_len != b->routing_len ||
        (a->routing_len > 0 && memcmp(a->routing, b->routing, a->routing_len) != 0))
        return false;
    if (!is_same_maker(a, b))
        return false;
    if (a->rdata_len == 0 || memcmp(a->rdata, b->rdata, a->rdata_len) == 0)
        return true;
    /* No two records of a set are alike, so equal counts and one-way inclusion mean equal. */
    while (state_set_next(a, &offset, &rdata, &rdata_len)) {
        if (!state_set_has(b, rdata, rdata_len))
            return false;
    }
    return true;
}

size_t state_set_value_len(const struct state_record_set *set)
{
    size_t made_len = set->instance_id ? MADE_LEN : 0;
    size_t texts_len = set->texts ? 4 + set->texts_len : 0;
    size_t routing_len = set->instance_id || set->routing || set->texts ? 2 + set->routing_len : 0;

    return STATE_SET_HEADER_LEN + made_len + routing_len + texts_len + set->rdata_len;
}

static uint8_t version_of(const struct state_record_set *set)
{
    if (set->instance_id)
        return VERSION_MADE;
    if (set->texts)
        return VERSION_TEXTS;
    return set->routing ? VERSION_ROUTED : VERSION_PLAIN;
}

static uint8_t *put_maker(const struct state_record_set *set, uint8_t *at)
{
    *at++ = set->is_hidden ? FLAG_HIDDEN : 0;
    memcpy(at, set->instance_id, STATE_SET_INSTANCE_LEN);
    return at + STATE_SET_INSTANCE_LEN;
}

static uint8_t *put_texts(const struct state_record_set *set, uint8_t *at)
{
    *at++ = (uint8_t)(set->texts_len >> 24);
    *at++ = (uint8_t)(set->texts_len >> 16);
    *at++ = (uint8_t)(set->texts_len >> 8);
    *at++ = (uint8_t)set->texts_len;
    memcpy(at, set->texts, set->texts_len);
    return at + set->texts_len;
}

size_t state_set_encode(const struct state_record_set *set, uint8_t *out)
{
    uint8_t *at = out + STATE_SET_HEADER_LEN;

    ASSERT(set->rdata_len <= STATE_SET_RDATA_MAX && set->routing_len <= STATE_ROUTING_MAX);
    ASSERT(set->routing || set->routing_len == 0);
    ASSERT(set->instance_id || !set->is_hidden);
    ASSERT(!set->texts || (!set->instance_id && set->texts_len <= STATE_SET_TEXTS_MAX));
    out[0] = version_of(set);
    out[1] = (uint8_t)(set->ttl_s >> 24);
    out[2] = (uint8_t)(set->ttl_s >> 16);
    out[3] = (uint8_t)(set->ttl_s >> 8);
    out[4] = (uint8_t)set->ttl_s;
    out[5] = (uint8_t)(set->rdata_count >> 8);
    out[6] = (uint8_t)set->rdata_count;
    if (set->instance_id)
        at = put_maker(set, at);
    if (out[0] != VERSION_PLAIN) {
        *at++ = (uint8_t)(set->routing_len >> 8);
        *at++ = (uint8_t)set->routing_len;
        if (set->routing_len > 0)
            memcpy(at, set->routing, set->routing_len);
        at += set->routing_len;
    }
    if (set->texts)
        at = put_texts(set, at);
    if (set->rdata_len > 0)
        memcpy(at, set->rdata, set->rdata_len);
    return state_set_value_len(set);
}

/* The records' lengths add up to @len, and there are @count of them. */
static bool is_records(const uint8_t *octets, size_t len, unsigned count)
{
    size_t offset = 0;

    for (; offset < len; count--) {
        if (count == 0 || len - offset < 2 || len - offset - 2 < read_u16(octets + offset))
            return false;
        offset += 2u + read_u16(octets + offset);
    }
    return count == 0;
}

/* Flags and id of the maker of a value of version 3; moves *@offset behind them. */
static bool take_maker(struct kv_slice value, size_t *offset, struct state_record_set *out)
{
    const uint8_t *octets = (const uint8_t *)value.data + *offset;

    if (value.len - *offset < MADE_LEN || octets[0] > FLAG_HIDDEN)
        return false;
    out->is_hidden = octets[0] & FLAG_HIDDEN;
    out->instance_id = (const char *)octets + 1;
    *offset += MADE_LEN;
    return true;
}

/* The texts of a value of version 4; moves *@offset behind them. */
static bool take_texts(struct kv_slice value, size_t *offset, struct state_record_set *out)
{
    const uint8_t *octets = (const uint8_t *)value.data + *offset;

    if (value.len - *offset < 4)
        return false;
    out->texts_len = (size_t)read_u16(octets) << 16 | read_u16(octets + 2);
    out->texts = octets + 4;
    *offset += 4;
    if (out->texts_len == 0 || out->texts_len > STATE_SET_TEXTS_MAX ||
        out->texts_len > value.len - *offset)
        return false;
    *offset += out->texts_len;
    return true;
}

/* The routing that begins at *@offset of a value of version 2 to 4; moves *@offset behind it. */
static bool take_routing(struct kv_slice value, size_t *offset, struct state_record_set *out)
{
    const uint8_t *octets = (const uint8_t *)value.data + *offset;
    struct zone_routing routing;

    if (value.len - *offset < 2 || value.len - *offset - 2 < read_u16(octets))
        return false;
    out->routing_len = read_u16(octets);
    *offset += 2 + out->routing_len;
    if (out->routing_len == 0)
        return ((const uint8_t *)value.data)[0] != VERSION_ROUTED;
    out->routing = octets + 2;
    return state_routing_decode(kv_slice(out->routing, out->routing_len), &routing) == 0;
}

int state_set_decode(struct kv_slice value, struct state_record_set *out)
{
    const uint8_t *octets = value.data;
    size_t offset = STATE_SET_HEADER_LEN;
    struct state_record_set got = {.routing = NULL};

    if (value.len < STATE_SET_HEADER_LEN || value.len > STATE_SET_VALUE_MAX)
        return ERR_CORRUPT;
    if (octets[0] < VERSION_PLAIN || octets[0] > VERSION_TEXTS)
        return ERR_VERSION;
    if (octets[0] == VERSION_MADE && !take_maker(value, &offset, &got))
        return ERR_CORRUPT;
    if (octets[0] != VERSION_PLAIN && !take_routing(value, &offset, &got))
        return ERR_CORRUPT;
    if (octets[0] == VERSION_TEXTS && (!take_texts(value, &offset, &got) ||
                                       !is_records(got.texts, got.texts_len, read_u16(octets + 5))))
        return ERR_CORRUPT;
    if (value.len - offset > STATE_SET_RDATA_MAX ||
        !is_records(octets + offset, value.len - offset, read_u16(octets + 5)))
        return ERR_CORRUPT;
    out->ttl_s = (uint32_t)octets[1] << 24 | (uint32_t)octets[2] << 16 | (uint32_t)octets[3] << 8 |
                 octets[4];
    out->rdata_count = read_u16(octets + 5);
    out->rdata = octets + offset;
    out->rdata_len = value.len - offset;
    out->routing = got.routing;
    out->routing_len = got.routing_len;
    out->instance_id = got.instance_id;
    out->is_hidden = got.is_hidden;
    out->texts = got.texts;
    out->texts_len = got.texts_len;
    return 0;
}

size_t state_set_key(uint64_t content, const struct state_record_set *set, uint8_t *out)
{
    size_t len = 8;

    state_key_u64(content, out);
    len += state_key_name(set->name, out + len);
    state_key_type(set->type, out + len);
    len += STATE_KEY_TYPE_LEN;
    if (set->set_identifier_len > 0)
        memcpy(out + len, set->set_identifier, set->set_identifier_len);
    return len + set->set_identifier_len;
}

int state_set_key_decode(struct kv_slice key, uint8_t *name, struct state_record_set *out)
{
    const uint8_t *octets = key.data;

    if (key.len < 8 + 1 + STATE_KEY_TYPE_LEN)
        return ERR_CORRUPT;
    int used = state_key_name_decode(octets + 8, key.len - 8, name);
    if (used < 0 || key.len - 8 - (size_t)used < STATE_KEY_TYPE_LEN)
        return ERR_CORRUPT;
    size_t offset = 8 + (size_t)used;
    out->name = name;
    out->type = state_key_type_decode(octets + offset);
    offset += STATE_KEY_TYPE_LEN;
    out->set_identifier_len = key.len - offset;
    out->set_identifier = out->set_identifier_len > 0 ? (const char *)octets + offset : NULL;
    return out->set_identifier_len <= STATE_SET_IDENTIFIER_MAX ? 0 : ERR_CORRUPT;
}
