/* node/route53/value.h: names and record data as Route 53's API writes them (route53.md 3.2, 5),
 * both ways; and its words for what is wrong with them. Every text is hostile. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "DomainLabelEmpty (Domain label is empty) encountered with 'a..b'": what follows "FATAL problem:
 * " in messages; a long value is cut. */
#define ROUTE53_PROBLEM_SIZE 512u
/* Text of record data, whatever it is. */
#define ROUTE53_VALUE_TEXT_SIZE 262401u

/* The record types of Route 53, by name: "A" → 1. false: none of them. */
bool route53_type_parse(const char *text, uint16_t *out);
/* "[SOA, A, …]", for messages. */
extern const char route53_type_names[];

/* A name, absolute with or without a final dot; \ooo for octets. @out (DNS_NAME_MAX octets) gets
 * its wire form, letters as they are. Its length; ERR_INVALID with @problem filled. */
int route53_name_parse(const char *text, uint8_t *out, char problem[ROUTE53_PROBLEM_SIZE]);
/* The value of one record of @type, one of Route 53's, to wire form: @out has room for
 * ZONE_RDATA_LEN_MAX octets. 0 with *@len set; ERR_INVALID with @problem filled; ERR_NOMEM. */
int route53_value_parse(uint16_t type, const char *text, uint8_t *out, size_t *len,
                        char problem[ROUTE53_PROBLEM_SIZE]);
/* And back, for any type, to @out (ROUTE53_VALUE_TEXT_SIZE octets): route53_value_parse() of it
 * gives the same octets. The length without NUL; ERR_INVALID: not data of that type. */
int route53_value_format(uint16_t type, const uint8_t *data, uint16_t len, char *out);
