#include "route53/value.h"

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

#define VALUE_LEN_MAX 65000u /* of a CAA record, whose tag is short */

static const char *const counts[] = {"No",   "One",  "Two", "Three",
                                     "Four", "Five", "Six", "Seven"}; /* of fields */

/* "MXRRDATANotTwoFields (MX record doesn't have 2 fields)". */
static int fail_count(const struct value__type *type, const char *text,
                      char problem[ROUTE53_PROBLEM_SIZE])
{
    char token[96];
    size_t count = strlen(type->fields);

    snprintf(token, sizeof(token), "%sRRDATANot%sFields (%s record doesn't have %zu fields)",
             type->name, counts[count], type->name, count);
    return value__fail(problem, token, text, strlen(text));
}

static int fail_field(const struct value__type *type, const char *what,
                      const struct value__field *field, char problem[ROUTE53_PROBLEM_SIZE])
{
    char token[96];

    snprintf(token, sizeof(token), "%sRRDATAIllegal%s (Value is not a valid %s)", type->name, what,
             type->name);
    return value__fail(problem, token, field->text, field->len);
}

/* ---- fields ---- */

/* A decimal number of @octets octets. */
static bool put_number(const struct value__field *field, unsigned octets, uint8_t *out)
{
    uint64_t number = 0;

    if (field->is_quoted || field->len == 0 || field->len > 10)
        return false;
    for (size_t i = 0; i < field->len; i++) {
        if (field->text[i] < '0' || field->text[i] > '9')
            return false;
        number = number * 10 + (unsigned)(field->text[i] - '0');
    }
    for (unsigned i = 0; i < octets; i++)
        out[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
    return number >> 8 * octets == 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* The digits of all fields from here on; how many octets, or -1. */
static int put_hex(const struct value__field *fields, size_t count, uint8_t *out)
{
    size_t digits = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < fields[i].len; at++, digits++) {
            int digit = hex_digit(fields[i].text[at]);
            if (digit < 0 || fields[i].is_quoted || digits / 2 >= UINT16_MAX / 2)
                return -1;
            if (digits % 2 == 0)
                out[digits / 2] = (uint8_t)(digit << 4);
            else
                out[digits / 2] |= (uint8_t)digit;
        }
    }
    return digits > 0 && digits % 2 == 0 ? (int)(digits / 2) : -1;
}

static int put_tag(const struct value__field *field, uint8_t *out)
{
    if (field->is_quoted || field->len == 0 || field->len > UINT8_MAX)
        return -1;
    out[0] = (uint8_t)field->len;
    memcpy(out + 1, field->text, field->len);
    return (int)field->len + 1;
}

/* One field as @kind says (value_types.h): octets written, or ERR_INVALID. */
static int put_field(const struct value__type *type, char kind, const struct value__field *field,
                     uint8_t *out, char problem[ROUTE53_PROBLEM_SIZE])
{
    int len;

    switch (kind) {
    case 'n': return value__name(field->text, field->len, out, problem);
    case 's':
        len = value__string(field, VALUE__STRING_MAX, out + 1, problem);
        if (len < 0)
            return len;
        out[0] = (uint8_t)len;
        return len + 1;
    case 'v': return value__string(field, VALUE_LEN_MAX, out, problem);
    case 't':
        len = put_tag(field, out);
        return len < 0 ? fail_field(type, "Tag", field, problem) : len;
    default:
        if (!put_number(field, (unsigned)(kind - '0'), out))
            return fail_field(type, "Number", field, problem);
        return kind - '0';
    }
}

static int parse_fields(const struct value__type *type, const char *text, uint8_t *out, size_t *len,
                        char problem[ROUTE53_PROBLEM_SIZE])
{
    struct value__field fields[VALUE__FIELDS_MAX];
    size_t wanted = strlen(type->fields), at = 0;
    int count = value__split(text, fields);
    bool ends_in_hex = type->fields[wanted - 1] == 'h';

    if (count < (int)wanted || (count > (int)wanted && !ends_in_hex))
        return fail_count(type, text, problem);
    for (size_t i = 0; i < wanted; i++) {
        int more = type->fields[i] == 'h'
                       ? put_hex(&fields[i], (size_t)count - i, out + at)
                       : put_field(type, type->fields[i], &fields[i], out + at, problem);
        if (more < 0 && type->fields[i] == 'h')
            return fail_field(type, "HexString", &fields[i], problem);
        if (more < 0)
            return more;
        at += (size_t)more;
    }
    *len = at;
    return 0;
}

/* ---- whole values ---- */

static int parse_address(uint16_t type, const char *text, uint8_t *out, size_t *len,
                         char problem[ROUTE53_PROBLEM_SIZE])
{
    bool is_ipv4 = type == DNS_TYPE_A;

    if (inet_pton(is_ipv4 ? AF_INET : AF_INET6, text, out) != 1)
        return value__fail(problem,
                           is_ipv4
                               ? "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
                               : "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)",
                           text, strlen(text));
    *len = is_ipv4 ? 4 : 16;
    return 0;
}

/* Service parameters have a grammar of their own, which the scanner of zone files knows. */
static int parse_service(const struct value__type *type, const char *text, uint8_t *out,
                         size_t *len, char problem[ROUTE53_PROBLEM_SIZE])
{
    static const uint8_t root[1] = {0};
    struct zone_problem why;
    char *zone_text = strchr(text, '\n') ? NULL : malloc(strlen(text) + 1);
    int rc = zone_text ? 0 : ERR_INVALID;

    if (zone_text) {
        route53__to_zone_text(text, zone_text);
        rc = zone_rdata_parse(zone_text, type->number, root, out, len, &why);
        free(zone_text);
    }
    if (rc == ERR_INVALID) {
        struct value__field all = {text, strlen(text), false};
        return fail_field(type, "Value", &all, problem);
    }
    return rc;
}

int route53_value_parse(uint16_t number, const char *text, uint8_t *out, size_t *len,
                        char problem[ROUTE53_PROBLEM_SIZE])
{
    const struct value__type *type = value__type_find(number);
    struct value__field all = {text, strlen(text), false};
    int rc;

    if (!type)
        return value__fail(problem, "IllegalType (Type is not supported)", text, all.len);
    switch (type->fields[0]) {
    case 'a': return parse_address(number, text, out, len, problem);
    case 'S': return value__strings(text, out, len, problem);
    case 'p': rc = parse_service(type, text, out, len, problem); break;
    case 'n':
        if (type->fields[1] == '\0') { /* a name alone, blanks and all */
            rc = value__name(text, all.len, out, problem);
            *len = rc < 0 ? 0 : (size_t)rc;
            return rc < 0 ? rc : 0;
        }
        rc = parse_fields(type, text, out, len, problem);
        break;
    default: rc = parse_fields(type, text, out, len, problem);
    }
    if (rc == 0 && !zone_rdata_is_valid(number, out, *len))
        return fail_field(type, "Value", &all, problem);
    return rc;
}
