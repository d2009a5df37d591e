#include "store/state_set_routing.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "zone/routing.h"

#define HEADER_LEN 10u

enum flag {
    FLAG_COORDINATES = 1,
    FLAG_SECONDARY = 2,
    FLAG_ALIAS = 4,
    FLAG_EVALUATE_TARGET = 8,
    FLAG_STICKY = 16,
    FLAGS_ALL = 31,
};

/* The texts in stored order. */
static const struct {
    size_t at, size;
} texts[] = {
#define TEXT(field)                                                                                \
    {                                                                                              \
        offsetof(struct zone_routing, field), sizeof(((struct zone_routing *)0)->field)            \
    }
    TEXT(region),          TEXT(continent),          TEXT(country),
    TEXT(subdivision),     TEXT(cidr_collection_id), TEXT(cidr_location),
    TEXT(health_check_id), TEXT(hosted_zone_id),
};
#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

static uint8_t flags_of(const struct zone_routing *routing)
{
    return (uint8_t)((routing->has_coordinates ? FLAG_COORDINATES : 0) |
                     (routing->is_secondary ? FLAG_SECONDARY : 0) |
                     (routing->is_alias ? FLAG_ALIAS : 0) |
                     (routing->evaluate_target_health ? FLAG_EVALUATE_TARGET : 0) |
                     (routing->is_sticky ? FLAG_STICKY : 0));
}

static uint8_t *put_u16(uint8_t *at, int16_t number)
{
    *at++ = (uint8_t)((uint16_t)number >> 8);
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *put_name(uint8_t *at, const uint8_t *name)
{
    unsigned len = dns_name_len(name);

    memcpy(at, name, len);
    return at + len;
}

size_t state_routing_encode(const struct zone_routing *routing, uint8_t *out)
{
    bool has_fallback = routing->all_down == POLICY_ALL_DOWN_FALLBACK;
    uint8_t *at = out;

    ASSERT(routing->is_alias == (routing->alias_target != NULL));
    ASSERT(has_fallback == (routing->fallback != NULL));
    *at++ = (uint8_t)routing->kind;
    *at++ = flags_of(routing);
    *at++ = routing->weight;
    *at++ = (uint8_t)routing->bias;
    *at++ = routing->answers_max;
    *at++ = (uint8_t)routing->all_down;
    at = put_u16(at, routing->latitude_cdeg);
    at = put_u16(at, routing->longitude_cdeg);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = (const char *)routing + texts[i].at;
        size_t len = strnlen(text, texts[i].size);
        ASSERT(len < texts[i].size);
        *at++ = (uint8_t)len;
        memcpy(at, text, len);
        at += len;
    }
    if (routing->is_alias)
        at = put_name(at, routing->alias_target);
    if (has_fallback)
        at = put_name(at, routing->fallback);
    ASSERT(at <= out + STATE_ROUTING_MAX);
    return (size_t)(at - out);
}

static int16_t read_i16(const uint8_t *octets)
{
    return (int16_t)(uint16_t)(octets[0] << 8 | octets[1]);
}

static bool take_header(const uint8_t *octets, struct zone_routing *out)
{
    uint8_t flags = octets[1];

    if (octets[0] >= POLICY_KIND_COUNT || (flags & ~FLAGS_ALL) != 0 ||
        octets[5] > POLICY_ALL_DOWN_FALLBACK)
        return false;
    out->kind = (enum policy_kind)octets[0];
    out->has_coordinates = (flags & FLAG_COORDINATES) != 0;
    out->is_secondary = (flags & FLAG_SECONDARY) != 0;
    out->is_alias = (flags & FLAG_ALIAS) != 0;
    out->evaluate_target_health = (flags & FLAG_EVALUATE_TARGET) != 0;
    out->is_sticky = (flags & FLAG_STICKY) != 0;
    out->weight = octets[2];
    out->bias = (int8_t)octets[3];
    out->answers_max = octets[4];
    out->all_down = (enum policy_all_down)octets[5];
    out->latitude_cdeg = read_i16(octets + 6);
    out->longitude_cdeg = read_i16(octets + 8);
    return true;
}

/* Each take_ returns the octets used; 0: malformed. */
static size_t take_text(const uint8_t *octets, size_t len, char *out, size_t size)
{
    if (len == 0 || octets[0] >= size || len - 1 < octets[0] ||
        memchr(octets + 1, 0, octets[0]) != NULL)
        return 0;
    memcpy(out, octets + 1, octets[0]);
    out[octets[0]] = 0;
    return 1u + octets[0];
}

static size_t take_name(const uint8_t *octets, size_t len, const uint8_t **out)
{
    uint8_t lower[DNS_NAME_MAX];
    int name_len = len > 0 ? dns_name_check(octets, len) : 0;

    if (name_len <= 0)
        return 0;
    dns_name_lower(octets, lower);
    if (memcmp(octets, lower, (size_t)name_len) != 0)
        return 0;
    *out = octets;
    return (size_t)name_len;
}

static bool take_names(const uint8_t *octets, size_t len, struct zone_routing *out)
{
    const uint8_t **names[] = {&out->alias_target, &out->fallback};
    bool is_there[] = {out->is_alias, out->all_down == POLICY_ALL_DOWN_FALLBACK};

    for (size_t i = 0; i < 2; i++) {
        size_t used = is_there[i] ? take_name(octets, len, names[i]) : 0;
        if (is_there[i] && used == 0)
            return false;
        octets += used;
        len -= used;
    }
    return len == 0;
}

int state_routing_decode(struct kv_slice value, struct zone_routing *out)
{
    struct zone_routing got = {0};
    const uint8_t *octets = value.data;
    size_t at = HEADER_LEN;

    if (value.len < HEADER_LEN || value.len > STATE_ROUTING_MAX || !take_header(octets, &got))
        return ERR_CORRUPT;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t used =
            take_text(octets + at, value.len - at, (char *)&got + texts[i].at, texts[i].size);
        if (used == 0)
            return ERR_CORRUPT;
        at += used;
    }
    if (!take_names(octets + at, value.len - at, &got))
        return ERR_CORRUPT;
    *out = got;
    return 0;
}
