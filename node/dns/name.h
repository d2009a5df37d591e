/* node/dns/name.h: domain names as wire octets (RFC 1035 3.1): labels, each led by its length, up
 * to and including the root's zero octet; no compression. A "name" below is such octets, valid;
 * only dns_name_check() takes octets from outside. Letters are compared without case (RFC 4343).
 * Pure; any thread; nothing allocates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 255u        /* octets, the root's zero included */
#define DNS_LABEL_MAX 63u        /* octets, without the length octet */
#define DNS_NAME_LABELS_MAX 127u /* labels, without the root */
#define DNS_NAME_TEXT_SIZE 1008u /* chars of the longest text form ("\ddd" each), NUL included */

/* Is there a name at @octets within @available? Its length (1 to 255), or ERR_INVALID: cut off,
 * too long, or a label octet above 63 (so also a compression pointer). */
int dns_name_check(const uint8_t *octets, size_t available);

/* Length in octets, root included: 1 to DNS_NAME_MAX. */
unsigned dns_name_len(const uint8_t *name);
/* Labels, root not counted: 0 to DNS_NAME_LABELS_MAX. */
unsigned dns_name_label_count(const uint8_t *name);
/* Offsets of the labels' length octets, leftmost first; returns how many. Walk the array backwards
 * to iterate from the root down. */
unsigned dns_name_split(const uint8_t *name, uint8_t offsets[DNS_NAME_LABELS_MAX]);
/* The name without its @labels leftmost labels, a view into @name. @labels is at most its count. */
const uint8_t *dns_name_skip(const uint8_t *name, unsigned labels);
static inline bool dns_name_is_root(const uint8_t *name)
{
    return name[0] == 0;
}
/* The leftmost label is "*" alone (RFC 4592 2.1.1). */
static inline bool dns_name_is_wildcard(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

/* One octet with ASCII upper case folded to lower. */
static inline uint8_t dns_octet_lower(uint8_t octet)
{
    return (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet | 0x20u : octet);
}
/* Copy @name with letters in lower case; returns its length. @out may be @name. */
unsigned dns_name_lower(const uint8_t *name, uint8_t out[DNS_NAME_MAX]);
/* The same for a name whose length is known. */
void dns_name_lower_len(const uint8_t *name, unsigned len, uint8_t out[DNS_NAME_MAX]);

bool dns_name_is_equal(const uint8_t *a, const uint8_t *b);
/* @name is @ancestor or below it. */
bool dns_name_is_within(const uint8_t *name, const uint8_t *ancestor);
/* Canonical order (RFC 4034 6.1): by labels from the root, without case; <0, 0 or >0. */
int dns_name_compare(const uint8_t *a, const uint8_t *b);

/* The first @prefix_len octets of @prefix (whole labels) in front of @suffix. Length of @out, or
 * ERR_LIMIT when it would pass DNS_NAME_MAX (@out untouched). @out overlaps neither. */
int dns_name_join(const uint8_t *prefix, unsigned prefix_len, const uint8_t *suffix,
                  uint8_t out[DNS_NAME_MAX]);

/* Text (RFC 1035 5.1: "\." and "\ddd" escapes) to a name, case kept. Without a final dot it is
 * relative to @origin; "@" alone is @origin; with @origin NULL it counts as absolute. Length of
 * @out, or ERR_INVALID (empty label, bad escape, label or name too long; @out untouched). */
int dns_name_parse(const char *text, const uint8_t *origin, uint8_t out[DNS_NAME_MAX]);
/* Name to text with a final dot, case kept; octets that are special in zone files or not printable
 * are escaped. Characters written without the NUL, or ERR_LIMIT when @size is too small (never with
 * DNS_NAME_TEXT_SIZE). dns_name_parse() of the outcome gives the same octets. */
int dns_name_format(const uint8_t *name, char *out, size_t size);
/* The same as Route 53 writes names: lower case, octets other than a-z, 0-9, '-' and '_' as \ooo
 * (three octal digits). @out has room for DNS_NAME_TEXT_SIZE. */
void dns_name_format_octal(const uint8_t *name, char out[DNS_NAME_TEXT_SIZE]);
