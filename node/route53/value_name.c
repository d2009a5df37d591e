/* node/route53/value_name.c: names in Route 53's text: printable octets, others as \ooo. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "route53/value_internal.h"

#define SHOWN_MAX 300 /* octets of a value in a message */

int value__fail(char problem[ROUTE53_PROBLEM_SIZE], const char *token, const char *text, size_t len)
{
    int shown = len > SHOWN_MAX ? SHOWN_MAX : (int)len;

    while (shown > 0 && shown < (int)len && ((uint8_t)text[shown] & 0xc0) == 0x80)
        shown--; /* not in the middle of a character */
    snprintf(problem, ROUTE53_PROBLEM_SIZE, "%s encountered with '%.*s'", token, shown, text);
    return ERR_INVALID;
}

static bool is_octal(char c, char most)
{
    return c >= '0' && c <= most;
}

/* One octet of a label at @text, of @left octets: how many of them it takes; 0: it is none. */
static size_t take_octet(const char *text, size_t left, uint8_t *out)
{
    *out = (uint8_t)text[0];
    if (text[0] != '\\')
        return *out > ' ' && *out <= '~';
    if (left < 4 || !is_octal(text[1], '3') || !is_octal(text[2], '7') || !is_octal(text[3], '7'))
        return 0;
    *out = (uint8_t)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
    return 4;
}

/* The label at @text up to a dot or the end; *@used octets of text. Its length, or ERR_INVALID. */
static int take_label(const char *text, size_t left, uint8_t *out, size_t *used,
                      char problem[ROUTE53_PROBLEM_SIZE])
{
    size_t at = 0, len = 0;

    while (at < left && text[at] != '.') {
        uint8_t octet;
        size_t step = take_octet(text + at, left - at, &octet);
        if (step == 0) {
            size_t shown = 1; /* a whole character */
            while (at + shown < left && ((uint8_t)text[at + shown] & 0xc0) == 0x80)
                shown++;
            return value__fail(problem,
                               "UnsupportedCharacter (Value contains unsupported "
                               "characters)",
                               text + at, shown);
        }
        if (len == DNS_LABEL_MAX)
            return value__fail(problem, "DomainLabelTooLong (Domain label is too long)", text,
                               left);
        out[len++] = octet;
        at += step;
    }
    *used = at;
    return (int)len;
}

int value__name(const char *text, size_t len, uint8_t *out, char problem[ROUTE53_PROBLEM_SIZE])
{
    uint8_t name[DNS_NAME_MAX + DNS_LABEL_MAX + 1];
    size_t name_len = 0, used = 0;

    if (len == 0)
        return value__fail(problem, "DomainNameEmpty (Domain name is empty)", text, len);
    if (len == 1 && text[0] == '.')
        len = 0;
    for (size_t at = 0; at < len; at += used + 1) {
        int label_len = take_label(text + at, len - at, name + name_len + 1, &used, problem);
        if (label_len < 0)
            return label_len;
        if (label_len == 0)
            return value__fail(problem, "DomainLabelEmpty (Domain label is empty)", text, len);
        name[name_len] = (uint8_t)label_len;
        name_len += 1u + (size_t)label_len;
        if (name_len >= DNS_NAME_MAX)
            return value__fail(problem, "DomainNameTooLong (Domain name is too long)", text, len);
    }
    name[name_len++] = 0;
    memcpy(out, name, name_len);
    return (int)name_len;
}

int route53_name_parse(const char *text, uint8_t *out, char problem[ROUTE53_PROBLEM_SIZE])
{
    return value__name(text, strlen(text), out, problem);
}
