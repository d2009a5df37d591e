/* node/route53/value_internal.h: what the files about values share. */
#pragma once

#include "dns/name.h"
#include "dns/type.h"
#include "route53/value.h"

#define VALUE__FIELDS_MAX 16u

/* A field of a value: a word, or what stands in quotation marks. Octets of the value's text. */
struct value__field {
    const char *text;
    size_t len;
    bool is_quoted; /* without its marks, escapes as they are */
};

/* Note what is wrong with (a part of) a value: @token "Name (Explanation)". Returns ERR_INVALID. */
int value__fail(char problem[ROUTE53_PROBLEM_SIZE], const char *token, const char *text,
                size_t len);
/* Split at blanks, at most VALUE__FIELDS_MAX fields: how many, or -1 (more; a mark without its
 * end). */
int value__split(const char *text, struct value__field fields[VALUE__FIELDS_MAX]);
/* A name of @len octets of text: its length in wire form, or ERR_INVALID. */
int value__name(const char *text, size_t len, uint8_t *out, char problem[ROUTE53_PROBLEM_SIZE]);
/* Strings in quotation marks, one or more. */
int value__strings(const char *text, uint8_t *out, size_t *out_len,
                   char problem[ROUTE53_PROBLEM_SIZE]);
/* One quoted field to @out, at most @len_max octets: its length, or ERR_INVALID. */
#define VALUE__STRING_MAX 255u
int value__string(const struct value__field *field, size_t len_max, uint8_t *out,
                  char problem[ROUTE53_PROBLEM_SIZE]);
