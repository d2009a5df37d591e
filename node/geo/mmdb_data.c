#include "geo/mmdb_data.h"

#include "base/err.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXTENDED 0u
#define EXTENDED_FROM 7u
#define TYPE_SHIFT 5u
#define SIZE_MASK 0x1fu
#define POINTER_BITS_MASK 0x07u
#define POINTER_SIZE_SHIFT 3u
#define DEPTH_MAX 32u
#define NUMBER_TEXT_SIZE 32u

struct head { /* what stands before a value */
    uint8_t type;
    uint32_t size; /* of a pointer: the place that it points to */
    uint32_t end;  /* behind the head */
};

/* @count octets at @at as a number. */
static int read_number(const struct mmdb_data *data, uint32_t at, unsigned count, uint32_t *out)
{
    uint32_t number = 0;
    if (at > data->len || count > data->len - at)
        return ERR_INVALID;
    for (unsigned i = 0; i < count; i++)
        number = number << 8 | data->octets[at + i];
    *out = number;
    return 0;
}

static int read_pointer(const struct mmdb_data *data, uint32_t at, unsigned bits, struct head *out)
{
    static const uint32_t FROM[] = {0, 2048, 526336, 0};
    const unsigned kind = bits >> POINTER_SIZE_SHIFT;
    uint32_t number;

    if (read_number(data, at, kind + 1, &number) != 0)
        return ERR_INVALID;
    if (kind < 3)
        number += (bits & POINTER_BITS_MASK) << 8 * (kind + 1);
    *out = (struct head){.type = MMDB_POINTER, .size = number + FROM[kind], .end = at + kind + 1};
    return 0;
}

static int read_head(struct mmdb_data *data, uint32_t at, struct head *out)
{
    static const uint32_t FROM[] = {29, 285, 65821};
    if (data->budget == 0 || at >= data->len)
        return ERR_INVALID;
    data->budget--;
    const uint8_t control = data->octets[at++];
    unsigned type = control >> TYPE_SHIFT;
    uint32_t size = control & SIZE_MASK;

    if (type == MMDB_POINTER)
        return read_pointer(data, at, size, out);
    if (type == EXTENDED) {
        if (at >= data->len || data->octets[at] > UINT8_MAX - EXTENDED_FROM)
            return ERR_INVALID;
        type = data->octets[at++] + EXTENDED_FROM;
    }
    if (size >= FROM[0]) {
        const unsigned count = size - FROM[0] + 1;
        if (read_number(data, at, count, &size) != 0)
            return ERR_INVALID;
        size += FROM[count - 1];
        at += count;
    }
    *out = (struct head){.type = (uint8_t)type, .size = size, .end = at};
    return 0;
}

static bool has_octets(uint8_t type)
{
    return type != MMDB_MAP && type != MMDB_ARRAY && type != MMDB_BOOLEAN && type != MMDB_POINTER;
}

/* Move *@at behind the value there, with all that stands in it. */
static int skip(struct mmdb_data *data, uint32_t *at)
{
    uint64_t pending = 1; /* bounded: each costs budget before it is skipped */
    while (pending > 0) {
        struct head head;
        if (pending > data->budget || read_head(data, *at, &head) != 0)
            return ERR_INVALID;
        pending--;
        *at = head.end;
        if (head.type == MMDB_MAP)
            pending += 2 * (uint64_t)head.size;
        else if (head.type == MMDB_ARRAY)
            pending += head.size;
        else if (has_octets(head.type)) {
            if (head.size > data->len - head.end)
                return ERR_INVALID;
            *at += head.size;
        }
    }
    return 0;
}

int mmdb_read(struct mmdb_data *data, uint32_t at, struct mmdb_value *out)
{
    struct head head;
    if (read_head(data, at, &head) != 0)
        return ERR_INVALID;
    if (head.type == MMDB_POINTER &&
        (read_head(data, head.size, &head) != 0 || head.type == MMDB_POINTER))
        return ERR_INVALID;
    if (has_octets(head.type) && head.size > data->len - head.end)
        return ERR_INVALID;
    *out = (struct mmdb_value){.type = head.type,
                               .size = head.size,
                               .octets = data->octets + head.end,
                               .inside = head.end};
    return 0;
}

int mmdb_next_item(struct mmdb_data *data, uint32_t *at, struct mmdb_value *out)
{
    return mmdb_read(data, *at, out) != 0 ? ERR_INVALID : skip(data, at);
}

int mmdb_next(struct mmdb_data *data, uint32_t *at, struct mmdb_value *key,
              struct mmdb_value *value)
{
    if (mmdb_next_item(data, at, key) != 0 || key->type != MMDB_STRING)
        return ERR_INVALID;
    return mmdb_next_item(data, at, value);
}

int mmdb_get(struct mmdb_data *data, const struct mmdb_value *map, const char *key,
             struct mmdb_value *out)
{
    uint32_t at = map->inside;
    if (map->type != MMDB_MAP)
        return ERR_NOT_FOUND;
    for (uint32_t i = 0; i < map->size; i++) {
        struct mmdb_value found_key, value;
        if (mmdb_next(data, &at, &found_key, &value) != 0)
            return ERR_INVALID;
        if (mmdb_is(&found_key, key)) {
            *out = value;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

bool mmdb_is(const struct mmdb_value *value, const char *text)
{
    const size_t len = strlen(text);
    return value->type == MMDB_STRING && value->size == len &&
           memcmp(value->octets, text, len) == 0;
}

static bool text_number(const struct mmdb_value *value, double *out)
{
    char text[NUMBER_TEXT_SIZE];
    char *end;
    if (value->size == 0 || value->size >= sizeof text)
        return false;
    memcpy(text, value->octets, value->size);
    text[value->size] = '\0';
    if (strspn(text, "+-0123456789.") != value->size)
        return false;
    *out = strtod(text, &end);
    return *end == '\0';
}

bool mmdb_number(const struct mmdb_value *value, double *out)
{
    double number = 0;
    float short_number;
    uint64_t bits;
    uint32_t short_bits;

    if (value->type == MMDB_STRING) {
        if (!text_number(value, &number))
            return false;
    } else if (value->type == MMDB_DOUBLE && value->size == sizeof bits) {
        memcpy(&bits, value->octets, sizeof bits);
        bits = be64toh(bits);
        memcpy(&number, &bits, sizeof number);
    } else if (value->type == MMDB_FLOAT && value->size == sizeof short_bits) {
        memcpy(&short_bits, value->octets, sizeof short_bits);
        short_bits = be32toh(short_bits);
        memcpy(&short_number, &short_bits, sizeof short_number);
        number = short_number;
    } else {
        return false;
    }
    if (!isfinite(number))
        return false;
    *out = number;
    return true;
}

static int check_below(struct mmdb_data *data, uint32_t at, unsigned depth)
{
    struct mmdb_value value;
    if (depth > DEPTH_MAX || mmdb_read(data, at, &value) != 0)
        return ERR_INVALID;
    if (value.type != MMDB_MAP && value.type != MMDB_ARRAY)
        return 0;
    const uint64_t count = value.type == MMDB_MAP ? 2 * (uint64_t)value.size : value.size;
    at = value.inside;
    for (uint64_t i = 0; i < count; i++)
        if (check_below(data, at, depth + 1) != 0 || skip(data, &at) != 0)
            return ERR_INVALID;
    return 0;
}

int mmdb_check(struct mmdb_data *data, uint32_t at)
{
    return check_below(data, at, 0);
}
