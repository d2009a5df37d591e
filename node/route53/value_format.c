/* node/route53/value_format.c: record data to Route 53's text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "route53/internal.h"
#include "route53/value_internal.h"
#include "route53/value_types.h"
#include "zone/record_set.h"
#include "zone/record_text.h"

/* Data being read, and its text being written. The data is well formed, and the text has room for
 * four characters an octet and what stands between fields. */
struct formatting {
    const uint8_t *at, *end;
    char *out;
};

static void put_octal(struct formatting *f, uint8_t octet)
{
    *f->out++ = '\\';
    *f->out++ = (char)('0' + (octet >> 6));
    *f->out++ = (char)('0' + (octet >> 3 & 7));
    *f->out++ = (char)('0' + (octet & 7));
}

/* Printable octets as they are, but for those that would end a field or a label. */
static void put_name(struct formatting *f)
{
    if (*f->at == 0)
        *f->out++ = '.';
    while (*f->at > 0) {
        const uint8_t *label_end = f->at + 1 + *f->at;
        for (f->at++; f->at < label_end; f->at++) {
            bool is_plain =
                *f->at > ' ' && *f->at <= '~' && *f->at != '.' && *f->at != '\\' && *f->at != '"';
            if (is_plain)
                *f->out++ = (char)*f->at;
            else
                put_octal(f, *f->at);
        }
        *f->out++ = '.';
    }
    f->at++;
}

static void put_quoted(struct formatting *f, size_t len)
{
    *f->out++ = '"';
    for (const uint8_t *end = f->at + len; f->at < end; f->at++) {
        if (*f->at == '"' || *f->at == '\\') {
            *f->out++ = '\\';
            *f->out++ = (char)*f->at;
        } else if (*f->at >= ' ' && *f->at <= '~') {
            *f->out++ = (char)*f->at;
        } else {
            put_octal(f, *f->at);
        }
    }
    *f->out++ = '"';
}

static void put_string(struct formatting *f)
{
    size_t len = *f->at++;

    put_quoted(f, len);
}

static void put_number(struct formatting *f, unsigned octets)
{
    uint32_t number = 0;
    char digits[10];
    unsigned count = 0;

    while (octets-- > 0)
        number = number << 8 | *f->at++;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *f->out++ = digits[--count];
}

static void put_hex(struct formatting *f)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; f->at < f->end; f->at++) {
        *f->out++ = digits[*f->at >> 4];
        *f->out++ = digits[*f->at & 15];
    }
}

static void put_tag(struct formatting *f)
{
    size_t len = *f->at++;

    memcpy(f->out, f->at, len);
    f->out += len;
    f->at += len;
}

static void put_field(struct formatting *f, char kind)
{
    switch (kind) {
    case 'n': put_name(f); return;
    case 's': put_string(f); return;
    case 't': put_tag(f); return;
    case 'v': put_quoted(f, (size_t)(f->end - f->at)); return;
    case 'h': put_hex(f); return;
    default: put_number(f, (unsigned)(kind - '0'));
    }
}

static void put_strings(struct formatting *f)
{
    put_string(f);
    while (f->at < f->end) {
        *f->out++ = ' ';
        put_string(f);
    }
}

/* Through the zone-file text, for what has a grammar of its own. */
static int format_scanned(uint16_t type, const uint8_t *data, uint16_t len, char *out)
{
    char *text = malloc(ROUTE53_VALUE_TEXT_SIZE), *octal = NULL;
    size_t text_len = 0;
    int rc = text ? zone_rdata_format(type, data, len, text, ROUTE53_VALUE_TEXT_SIZE, &text_len)
                  : ERR_NOMEM;

    if (rc == 0 && !(octal = malloc(4 * text_len + 1)))
        rc = ERR_NOMEM;
    if (rc == 0) {
        route53__from_zone_text(text, octal);
        rc = strlen(octal) < ROUTE53_VALUE_TEXT_SIZE ? (int)strlen(octal) : ERR_LIMIT;
    }
    if (rc > 0)
        memcpy(out, octal, (size_t)rc + 1);
    free(text);
    free(octal);
    return rc;
}

static int format_address(uint16_t type, const uint8_t *data, char *out)
{
    struct formatting f = {data, data + 4, out};

    if (type != DNS_TYPE_A) {
        inet_ntop(AF_INET6, data, out, INET6_ADDRSTRLEN);
        return (int)strlen(out);
    }
    for (unsigned i = 0; i < 4; i++) { /* most values are these; printf() would cost more */
        put_number(&f, 1);
        *f.out++ = '.';
    }
    *--f.out = '\0';
    return (int)(f.out - out);
}

int route53_value_format(uint16_t number, const uint8_t *data, uint16_t len, char *out)
{
    const struct value__type *type = value__type_find(number);
    struct formatting f = {data, data + len, out};

    if (!zone_rdata_is_valid(number, data, len))
        return ERR_INVALID;
    if (!type || type->fields[0] == 'p')
        return format_scanned(number, data, len, out);
    if (type->fields[0] == 'a')
        return format_address(number, data, out);
    if (type->fields[0] == 'S')
        put_strings(&f);
    for (const char *field = type->fields; *field && type->fields[0] != 'S'; field++) {
        if (field != type->fields)
            *f.out++ = ' ';
        put_field(&f, *field);
    }
    *f.out = '\0';
    return (int)(f.out - out);
}
