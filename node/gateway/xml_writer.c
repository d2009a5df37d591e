#include "gateway/xml_writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/text.h"
#include "dns/name.h"

#define CAPACITY_MIN 4096u
#define NUMBER_SIZE 24u
#define FORMAT_SIZE 2048u
#define UTF8_LEN_MAX 4u
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void xml_writer_init(struct xml_writer *xml, size_t len_max)
{
    *xml = (struct xml_writer){.len_max = len_max};
}

void xml_writer_fini(struct xml_writer *xml)
{
    free(xml->text);
    xml_writer_init(xml, xml->len_max);
}

char *xml_writer_take(struct xml_writer *xml, size_t *len)
{
    char *text = xml->text;

    if (xml->is_failed || !text) {
        xml_writer_fini(xml);
        return NULL;
    }
    ASSERT(xml->depth == 0);
    *len = xml->len;
    xml->text = NULL;
    xml_writer_init(xml, xml->len_max);
    return text;
}

/* More room; false: it failed. */
static bool grow(struct xml_writer *xml, size_t len)
{
    if (xml->is_failed || xml->len + len > xml->len_max) {
        xml->is_failed = true;
        return false;
    }
    size_t capacity = xml->capacity ? xml->capacity : CAPACITY_MIN;
    while (capacity <= xml->len + len)
        capacity *= 2;
    char *grown = realloc(xml->text, capacity);
    if (!grown) {
        xml->is_failed = true;
        return false;
    }
    xml->text = grown;
    xml->capacity = capacity;
    return true;
}

/* Room for @len more octets and a NUL. */
static inline bool reserve(struct xml_writer *xml, size_t len)
{
    bool has_room = xml->len + len < xml->capacity && xml->len + len <= xml->len_max;

    return (has_room && !xml->is_failed) || grow(xml, len);
}

static void put(struct xml_writer *xml, const char *octets, size_t len)
{
    if (!reserve(xml, len))
        return;
    memcpy(xml->text + xml->len, octets, len);
    xml->len += len;
    xml->text[xml->len] = '\0';
}

/* <name> or </name>. */
static void put_tag(struct xml_writer *xml, const char *start, const char *name, size_t len)
{
    size_t start_len = start[1] ? 2 : 1;

    if (!reserve(xml, start_len + len + 1))
        return;
    char *to = xml->text + xml->len;
    memcpy(to, start, start_len);
    memcpy(to + start_len, name, len);
    memcpy(to + start_len + len, ">", 2);
    xml->len += start_len + len + 1;
}

static void put_text(struct xml_writer *xml, const char *text)
{
    put(xml, text, strlen(text));
}

/* How an ASCII character is written; NULL: as it is. A carriage return that is not escaped would be
 * read as a line feed (XML 1.0 2.11). */
static const char *escape_of(uint8_t c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\r': return "&#13;";
    case '\t':
    case '\n': return NULL;
    default: return c < 0x20 ? REPLACEMENT : NULL;
    }
}

/* Octets of the character at @at that go out as they are; 0: it is no character of XML. */
static size_t plain_len(const uint8_t *at, size_t have)
{
    uint8_t octets[UTF8_LEN_MAX + 1] = {0};

    if (*at < 0x80)
        return 1;
    memcpy(octets, at, have < UTF8_LEN_MAX ? have : UTF8_LEN_MAX);
    size_t len = text_utf8_len(octets);
    bool is_noncharacter = len == 3 && octets[0] == 0xef && octets[1] == 0xbf && octets[2] >= 0xbe;
    return is_noncharacter ? 0 : len;
}

/* Octets at the start that need no second look: all, as a rule. */
static size_t plain_run(const uint8_t *text, size_t len)
{
    size_t at = 0;

    while (at < len && text[at] >= 0x20 && text[at] < 0x80 && text[at] != '&' && text[at] != '<' &&
           text[at] != '>' && text[at] != '"')
        at++;
    return at;
}

static void put_escaped(struct xml_writer *xml, const char *text, size_t len)
{
    const uint8_t *plain = (const uint8_t *)text, *end = plain + len;
    const uint8_t *at = plain + plain_run(plain, len);

    while (at < end) {
        const char *escape = *at < 0x80 ? escape_of(*at) : NULL;
        size_t step = plain_len(at, (size_t)(end - at));
        if (step == 0) {
            escape = REPLACEMENT;
            step = 1;
        }
        if (escape) {
            put(xml, (const char *)plain, (size_t)(at - plain));
            put_text(xml, escape);
            plain = at + step;
        }
        at += step;
    }
    put(xml, (const char *)plain, (size_t)(end - plain));
}

void xml_declaration(struct xml_writer *xml)
{
    ASSERT(xml->len == 0);
    put_text(xml, "<?xml version=\"1.0\"?>\n");
}

static void push(struct xml_writer *xml, const char *name, size_t len)
{
    ASSERT(xml->depth < XML_DEPTH_MAX);
    xml->open_len[xml->depth] = len;
    xml->open[xml->depth++] = name;
}

void xml_open_in(struct xml_writer *xml, const char *name, const char *space)
{
    push(xml, name, strlen(name));
    put(xml, "<", 1);
    put_text(xml, name);
    if (space) {
        put_text(xml, " xmlns=\"");
        put_escaped(xml, space, strlen(space));
        put(xml, "\"", 1);
    }
    put(xml, ">", 1);
}

void xml_open(struct xml_writer *xml, const char *name)
{
    size_t len = strlen(name);

    push(xml, name, len);
    put_tag(xml, "<", name, len);
}

void xml_close(struct xml_writer *xml)
{
    ASSERT(xml->depth > 0);
    xml->depth--;
    put_tag(xml, "</", xml->open[xml->depth], xml->open_len[xml->depth]);
}

void xml_text_len(struct xml_writer *xml, const char *name, const char *text, size_t len)
{
    size_t name_len = strlen(name);

    put_tag(xml, "<", name, name_len);
    put_escaped(xml, text, len);
    put_tag(xml, "</", name, name_len);
}

void xml_text(struct xml_writer *xml, const char *name, const char *text)
{
    xml_text_len(xml, name, text, strlen(text));
}

void xml_format(struct xml_writer *xml, const char *name, const char *format, ...)
{
    char text[FORMAT_SIZE];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        xml->is_failed = true;
        return;
    }
    xml_text_len(xml, name, text, (size_t)len);
}

void xml_number(struct xml_writer *xml, const char *name, uint64_t number)
{
    char text[NUMBER_SIZE];
    char *at = text + sizeof(text);

    do { /* snprintf() would take longer than all else of a record set */
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    xml_text_len(xml, name, at, (size_t)(text + sizeof(text) - at));
}

void xml_signed(struct xml_writer *xml, const char *name, int64_t number)
{
    char text[NUMBER_SIZE];

    snprintf(text, sizeof(text), "%" PRId64, number);
    xml_text(xml, name, text);
}

void xml_bool(struct xml_writer *xml, const char *name, bool value)
{
    xml_text(xml, name, value ? "true" : "false");
}

void xml_time(struct xml_writer *xml, const char *name, uint64_t wall_ms)
{
    char text[CLOCK_TEXT_LEN];

    clock_format(wall_ms, text);
    xml_text(xml, name, text);
}

void xml_name(struct xml_writer *xml, const char *name, const uint8_t *wire)
{
    char text[DNS_NAME_TEXT_SIZE];

    dns_name_format_octal(wire, text);
    xml_text(xml, name, text);
}
