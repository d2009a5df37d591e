/* node/gateway/xml_writer.h: XML out, into one growing buffer, escaped, without white space. Errors
 * stick: write on, and look once at the end. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XML_DEPTH_MAX 16u

struct xml_writer {
    char *text; /* NUL-terminated; the writer's until xml_writer_take() */
    size_t len, capacity, len_max;
    const char *open[XML_DEPTH_MAX];
    size_t open_len[XML_DEPTH_MAX]; /* of their names */
    unsigned depth;
    bool is_failed; /* no memory, or len_max was reached */
};

void xml_writer_init(struct xml_writer *xml, size_t len_max);
void xml_writer_fini(struct xml_writer *xml);
/* The text, for the caller to free(); NULL when something failed. The writer is empty then. */
char *xml_writer_take(struct xml_writer *xml, size_t *len);

/* <?xml version="1.0"?>, once before the root. */
void xml_declaration(struct xml_writer *xml);
/* <@name xmlns="@space">; @space may be NULL. @name is borrowed until it is closed. */
void xml_open_in(struct xml_writer *xml, const char *name, const char *space);
void xml_open(struct xml_writer *xml, const char *name);
void xml_close(struct xml_writer *xml);
/* <@name>@text</@name>. What XML 1.0 cannot hold (control characters) becomes U+FFFD. */
void xml_text(struct xml_writer *xml, const char *name, const char *text);
void xml_text_len(struct xml_writer *xml, const char *name, const char *text, size_t len);
void xml_format(struct xml_writer *xml, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void xml_number(struct xml_writer *xml, const char *name, uint64_t number);
void xml_signed(struct xml_writer *xml, const char *name, int64_t number);
void xml_bool(struct xml_writer *xml, const char *name, bool value);
/* ISO 8601, UTC, with milliseconds: 2017-03-27T17:48:16.751Z. */
void xml_time(struct xml_writer *xml, const char *name, uint64_t wall_ms);
/* A domain name in Route 53's text: lower case, \\ooo for all but a-z 0-9 - _, with the last dot.
 */
void xml_name(struct xml_writer *xml, const char *name, const uint8_t *wire);
