/* node/route53/value_fields.c: fields of a value, and strings in quotation marks. */
#include <string.h>

#include "base/err.h"
#include "route53/value_internal.h"

#define NOT_QUOTED "InvalidCharacterString (Value should be enclosed in quotation marks)"
#define TOO_LONG "CharacterStringTooLong (Value is too long)"
#define UNSUPPORTED "UnsupportedCharacter (Value contains unsupported characters)"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The end of what begins behind a quotation mark: where its other one is; NULL: none. */
static const char *find_mark(const char *text)
{
    for (; *text && *text != '"'; text++) {
        if (*text == '\\' && text[1])
            text++;
    }
    return *text ? text : NULL;
}

/* The field at *@at, which goes on behind it. false: a mark without its end. */
static bool take_field(const char **at, struct value__field *out)
{
    out->is_quoted = **at == '"';
    if (out->is_quoted) {
        const char *end = find_mark(*at + 1);
        if (!end)
            return false;
        out->text = *at + 1;
        out->len = (size_t)(end - out->text);
        *at = end + 1;
        return true;
    }
    out->text = *at;
    out->len = strcspn(*at, " \t");
    *at += out->len;
    return true;
}

int value__split(const char *text, struct value__field fields[VALUE__FIELDS_MAX])
{
    unsigned count = 0;

    for (;;) {
        while (is_blank(*text))
            text++;
        if (!*text)
            return (int)count;
        if (count == VALUE__FIELDS_MAX || !take_field(&text, &fields[count]))
            return -1;
        count++;
    }
}

/* The octet at @text, of @left octets: how many of them it takes; 0: it is none. */
static size_t take_octet(const char *text, size_t left, uint8_t *out)
{
    *out = (uint8_t)text[0];
    if (text[0] != '\\')
        return *out >= ' ' && *out <= '~';
    if (left < 2)
        return 0;
    *out = (uint8_t)text[1];
    if (text[1] < '0' || text[1] > '9')
        return *out >= ' ' && *out <= '~' ? 2 : 0;
    if (left < 4 || text[1] > '3' || text[2] < '0' || text[2] > '7' || text[3] < '0' ||
        text[3] > '7')
        return 0;
    *out = (uint8_t)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
    return 4;
}

int value__string(const struct value__field *field, size_t len_max, uint8_t *out,
                  char problem[ROUTE53_PROBLEM_SIZE])
{
    size_t len = 0;

    if (!field->is_quoted)
        return value__fail(problem, NOT_QUOTED, field->text, field->len);
    for (size_t at = 0; at < field->len;) {
        uint8_t octet;
        size_t step = take_octet(field->text + at, field->len - at, &octet);
        if (step == 0) {
            size_t shown = 1;
            while (at + shown < field->len && ((uint8_t)field->text[at + shown] & 0xc0) == 0x80)
                shown++;
            return value__fail(problem, UNSUPPORTED, field->text + at, shown);
        }
        if (len == len_max)
            return value__fail(problem, TOO_LONG, field->text, field->len);
        out[len++] = octet;
        at += step;
    }
    return (int)len;
}

int value__strings(const char *text, uint8_t *out, size_t *out_len,
                   char problem[ROUTE53_PROBLEM_SIZE])
{
    const char *at = text;
    size_t len = 0;

    for (;;) {
        struct value__field field;
        uint8_t string[VALUE__STRING_MAX];
        while (is_blank(*at))
            at++;
        if (!*at && len > 0)
            break;
        if (*at != '"' || !take_field(&at, &field))
            return value__fail(problem, NOT_QUOTED, text, strlen(text));
        int string_len = value__string(&field, sizeof(string), string, problem);
        if (string_len < 0)
            return string_len;
        if (len + 1 + (size_t)string_len > UINT16_MAX)
            return value__fail(problem, TOO_LONG, text, strlen(text));
        out[len++] = (uint8_t)string_len;
        memcpy(out + len, string, (size_t)string_len);
        len += (size_t)string_len;
    }
    *out_len = len;
    return 0;
}
