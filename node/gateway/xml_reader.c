#include "gateway/xml_reader.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"

#define TEXT_CAPACITY_MIN 256u
#define ATTRIBUTES_MAX 32u

struct level {
    struct xml_element *element;
    struct xml_element *last_child;
};

/* One document under way. The text of an element is gathered in @text until its end; an element
 * with children has none. */
struct reading {
    xmlParserCtxtPtr parser;
    struct arena *arena;
    struct xml_element *root;
    struct level open[XML_READ_DEPTH_MAX];
    unsigned depth, element_count;
    char *text;
    size_t text_len, text_capacity;
    int code; /* of the first thing that was wrong */
    const char *problem;
};

static void stop(struct reading *reading, int code, const char *problem)
{
    if (reading->code == 0) {
        reading->code = code;
        reading->problem = problem;
    }
    xmlStopParser(reading->parser);
}

static struct xml_element *add_element(struct reading *reading, const char *name)
{
    struct xml_element *element = arena_alloc(reading->arena, sizeof(*element));
    char *copy = arena_copy(reading->arena, name, strlen(name));

    if (!element || !copy)
        return NULL;
    *element = (struct xml_element){.name = copy, .text = ""};
    if (reading->depth == 0) {
        reading->root = element;
        return element;
    }
    struct level *parent = &reading->open[reading->depth - 1];
    parent->element->child_count++;
    if (parent->last_child)
        parent->last_child->next = element;
    else
        parent->element->child = element;
    parent->last_child = element;
    return element;
}

static const char *local_name(const xmlChar *name)
{
    const char *colon = strchr((const char *)name, ':');

    return colon ? colon + 1 : (const char *)name;
}

static void on_start(void *user, const xmlChar *name, const xmlChar **attributes)
{
    struct reading *reading = user;

    (void)attributes;
    reading->text_len = 0;
    if (reading->code != 0)
        return;
    if (reading->depth == XML_READ_DEPTH_MAX) {
        stop(reading, ERR_LIMIT, "elements are nested too deeply");
    } else if (reading->element_count == XML_READ_ELEMENTS_MAX) {
        stop(reading, ERR_LIMIT, "there are too many elements");
    } else {
        struct xml_element *element = add_element(reading, local_name(name));
        if (!element) {
            stop(reading, ERR_NOMEM, "out of memory");
            return;
        }
        reading->element_count++;
        reading->open[reading->depth++] = (struct level){element, NULL};
    }
}

static void on_end(void *user, const xmlChar *name)
{
    struct reading *reading = user;

    (void)name;
    if (reading->code != 0 || reading->depth == 0)
        return;
    struct xml_element *element = reading->open[--reading->depth].element;
    if (reading->text_len > 0 && !element->child) {
        element->text = arena_copy(reading->arena, reading->text, reading->text_len);
        if (!element->text)
            stop(reading, ERR_NOMEM, "out of memory");
    }
    reading->text_len = 0;
}

static void on_text(void *user, const xmlChar *octets, int len)
{
    struct reading *reading = user;
    size_t wanted = reading->text_len + (size_t)len;

    if (reading->code != 0 || len <= 0) /* libxml2 tells of nothing at a CDATA that is broken */
        return;
    if (wanted > reading->text_capacity) {
        size_t capacity = reading->text_capacity ? reading->text_capacity : TEXT_CAPACITY_MIN;
        while (capacity < wanted)
            capacity *= 2;
        char *grown = realloc(reading->text, capacity);
        if (!grown) {
            stop(reading, ERR_NOMEM, "out of memory");
            return;
        }
        reading->text = grown;
        reading->text_capacity = capacity;
    }
    memcpy(reading->text + reading->text_len, octets, (size_t)len);
    reading->text_len = wanted;
}

/* A document type would bring entities: nothing that Route 53 knows has one. */
static void on_document_type(void *user, const xmlChar *name, const xmlChar *id,
                             const xmlChar *system)
{
    (void)name, (void)id, (void)system;
    stop(user, ERR_INVALID, "a document type is not accepted");
}

static xmlEntityPtr on_entity(void *user, const xmlChar *name)
{
    (void)user;
    return xmlGetPredefinedEntity(name);
}

/* The first version of the interface: it leaves namespaces alone. */
static const xmlSAXHandler handler = {
    .startElement = on_start,
    .endElement = on_end,
    .characters = on_text,
    .cdataBlock = on_text,
    .ignorableWhitespace = on_text,
    .internalSubset = on_document_type,
    .getEntity = on_entity,
};

/* The encoding is UTF-8 whatever the document claims: others would load converters by a name that
 * comes from outside. */
static void parse(struct reading *reading, const char *octets, size_t len)
{
    xmlSAXHandler own = handler;

    reading->parser = xmlCreatePushParserCtxt(&own, reading, NULL, 0, NULL);
    if (!reading->parser) {
        reading->code = ERR_NOMEM;
        reading->problem = "out of memory";
        return;
    }
    xmlCtxtUseOptions(reading->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR |
                                           XML_PARSE_NOWARNING);
    xmlSwitchEncoding(reading->parser, XML_CHAR_ENCODING_UTF8);
    int rc = xmlParseChunk(reading->parser, octets, (int)len, 1);
    if (reading->code == 0 && (rc != 0 || !reading->parser->wellFormed || !reading->root)) {
        reading->code = ERR_INVALID;
        reading->problem = "the document is not well-formed";
    }
    xmlFreeParserCtxt(reading->parser);
}

/* Where @mark stands in what is left, behind it; NULL: nowhere. */
static const char *behind(const char *at, const char *end, const char *mark)
{
    size_t len = strlen(mark);
    const char *found = memmem(at, (size_t)(end - at), mark, len);

    return found ? found + len : NULL;
}

/* Behind the tag that begins at @at; NULL: it has no end. */
static const char *skip_tag(const char *at, const char *end, unsigned *attributes)
{
    for (*attributes = 0; at < end && *at != '>'; at++) {
        if (*at == '=')
            ++*attributes;
        else if (*at == '"' || *at == '\'')
            at = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (!at)
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

/* libxml2 compares each attribute of an element with all others: a body of nothing else would keep
 * it busy for long. This reads as it does until the first breach of XML, where it stops. */
static bool has_many_attributes(const char *at, const char *end)
{
    while (at && (at = memchr(at, '<', (size_t)(end - at)))) {
        unsigned attributes = 0;
        size_t left = (size_t)(end - at);
        if (left >= 4 && memcmp(at, "<!--", 4) == 0)
            at = behind(at + 4, end, "-->");
        else if (left >= 9 && memcmp(at, "<![CDATA[", 9) == 0)
            at = behind(at + 9, end, "]]>");
        else if (left >= 2 && at[1] == '?')
            at = behind(at + 2, end, "?>");
        else
            at = skip_tag(at, end, &attributes);
        if (attributes > ATTRIBUTES_MAX)
            return true;
    }
    return false;
}

int xml_read(struct arena *arena, const char *octets, size_t len, const struct xml_element **root,
             const char **problem)
{
    struct reading reading = {.arena = arena};

    if (len > INT_MAX) {
        *problem = "the document is too long";
        return ERR_LIMIT;
    }
    if (len == 0) {
        *problem = "the document is empty";
        return ERR_INVALID;
    }
    if (has_many_attributes(octets, octets + len)) {
        *problem = "there are too many attributes";
        return ERR_LIMIT;
    }
    parse(&reading, octets, len);
    free(reading.text);
    if (reading.code == 0)
        *root = reading.root;
    else
        *problem = reading.problem;
    return reading.code;
}

const struct xml_element *xml_child(const struct xml_element *element, const char *name)
{
    const struct xml_element *child = element ? element->child : NULL;

    while (child && strcmp(child->name, name) != 0)
        child = child->next;
    return child;
}

const char *xml_child_text(const struct xml_element *element, const char *name)
{
    const struct xml_element *child = xml_child(element, name);

    return child ? child->text : NULL;
}

bool xml_read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < least || number > most)
        return false;
    *out = number;
    return true;
}

bool xml_read_bool(const char *text, bool *out)
{
    if (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
        *out = true;
    else if (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
        *out = false;
    else
        return false;
    return true;
}
