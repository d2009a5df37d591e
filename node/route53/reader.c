/* node/route53/reader.c: members of JSON objects, checked, with their path for messages. */
#include <jansson.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "dns/name.h"
#include "route53/internal.h"

int route53__fail(struct route53__reader *reader, int code, const char *key, const char *format,
                  ...)
{
    char text[ROUTE53_ERROR_SIZE - ROUTE53__PATH_SIZE - 80];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(reader->error, ROUTE53_ERROR_SIZE, "%s%s%.64s: %s", reader->path, key ? "." : "",
             key ? key : "", text);
    if (!text_is_printable(reader->error)) /* what a file has in it may be meant for terminals */
        text_make_printable(reader->error);
    return code;
}

static size_t extend(struct route53__reader *reader, const char *more)
{
    size_t mark = reader->path_len, len = strlen(more);

    if (mark + len < sizeof(reader->path)) { /* what does not fit is left out of messages */
        memcpy(reader->path + mark, more, len + 1);
        reader->path_len += len;
    }
    return mark;
}

size_t route53__enter(struct route53__reader *reader, const char *key)
{
    char more[72];

    snprintf(more, sizeof(more), ".%s", key);
    return extend(reader, more);
}

size_t route53__enter_index(struct route53__reader *reader, size_t index)
{
    char more[24];

    snprintf(more, sizeof(more), "[%zu]", index);
    return extend(reader, more);
}

void route53__leave(struct route53__reader *reader, size_t mark)
{
    reader->path_len = mark;
    reader->path[mark] = '\0';
}

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a text";
    case JSON_INTEGER: return "a number";
    case JSON_REAL: return "a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    default: return "null";
    }
}

int route53__check_keys(struct route53__reader *reader, const json_t *value,
                        const char *const *keys)
{
    if (!json_is_object(value))
        return route53__fail(reader, ERR_INVALID, NULL, "expected an object, found %s",
                             kind_of(value));
    for (void *at = json_object_iter((json_t *)value); at;
         at = json_object_iter_next((json_t *)value, at)) {
        const char *key = json_object_iter_key(at);
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return route53__fail(reader, ERR_INVALID, key, "there is no such member here");
    }
    return 0;
}

/* NULL: not there. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : value;
}

bool route53__has(const json_t *object, const char *key)
{
    return member(object, key) != NULL;
}

int route53__get_text(struct route53__reader *reader, const json_t *object, const char *key,
                      size_t len_max, const char **out)
{
    const json_t *value = member(object, key);

    if (!value)
        return 0;
    if (!json_is_string(value))
        return route53__fail(reader, ERR_INVALID, key, "expected a text, found %s", kind_of(value));
    size_t len = json_string_length(value);
    if (len == 0 || len > len_max)
        return route53__fail(reader, ERR_INVALID, key,
                             "expected a text of 1 to %zu octets, found %zu", len_max, len);
    *out = json_string_value(value);
    return 0;
}

int route53__get_integer(struct route53__reader *reader, const json_t *object, const char *key,
                         const int64_t bounds[2], int64_t *out)
{
    const json_t *value = member(object, key);

    if (!value)
        return 0;
    if (!json_is_integer(value))
        return route53__fail(reader, ERR_INVALID, key,
                             "expected a number from %" PRId64 " to %" PRId64 ", found %s",
                             bounds[0], bounds[1], kind_of(value));
    int64_t number = json_integer_value(value);
    if (number < bounds[0] || number > bounds[1])
        return route53__fail(reader, ERR_INVALID, key,
                             "expected a number from %" PRId64 " to %" PRId64 ", found %" PRId64,
                             bounds[0], bounds[1], number);
    *out = number;
    return 0;
}

int route53__get_bool(struct route53__reader *reader, const json_t *object, const char *key,
                      bool *out)
{
    const json_t *value = member(object, key);

    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return route53__fail(reader, ERR_INVALID, key, "expected true or false, found %s",
                             kind_of(value));
    *out = json_is_true(value);
    return 0;
}

int route53_parse_name(const char *text, uint8_t out[DNS_NAME_MAX])
{
    char zone_text[DNS_NAME_TEXT_SIZE];
    uint8_t name[DNS_NAME_MAX];

    if (strlen(text) >= sizeof(zone_text) || strcmp(text, "@") == 0)
        return ERR_INVALID;
    route53__to_zone_text(text, zone_text);
    int len = dns_name_parse(zone_text, NULL, name);
    if (len > 0)
        dns_name_lower(name, out);
    return len;
}

int route53__get_name(struct route53__reader *reader, const json_t *object, const char *key,
                      const uint8_t **out)
{
    const char *text = NULL;
    uint8_t name[DNS_NAME_MAX];
    int rc = route53__get_text(reader, object, key, DNS_NAME_TEXT_SIZE - 1, &text);

    if (rc != 0 || !text)
        return rc;
    int len = route53_parse_name(text, name);
    if (len < 0)
        return route53__fail(reader, ERR_INVALID, key, "'%.200s' is no domain name", text);
    *out = arena_copy(reader->arena, name, (size_t)len);
    return *out ? 0 : route53__fail(reader, ERR_NOMEM, key, "%s", err_text(ERR_NOMEM));
}
