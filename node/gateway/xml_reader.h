/* node/gateway/xml_reader.h: a hostile XML body as a tree of elements, read by libxml2 without
 * network, entities or DTD, and bounded in octets, depth, elements and attributes. Names are
 * compared without their namespace. A document is read-only once parsed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct xml_element {
    const char *name;                /* local name */
    const char *text;                /* its text, entities resolved; "" when there is none */
    const struct xml_element *child; /* the first one */
    const struct xml_element *next;  /* sibling */
    unsigned child_count;
};

#define XML_READ_DEPTH_MAX 16u
#define XML_READ_ELEMENTS_MAX 65536u

/* Parse into @arena. ERR_INVALID (@problem: static or arena text), ERR_LIMIT (too deep, too many
 * elements), ERR_NOMEM. */
int xml_read(struct arena *arena, const char *octets, size_t len, const struct xml_element **root,
             const char **problem);
/* The first child of that name; NULL: none, or @element is NULL. */
const struct xml_element *xml_child(const struct xml_element *element, const char *name);
/* The text of the first child of that name; NULL: no such child. */
const char *xml_child_text(const struct xml_element *element, const char *name);
/* Decimal text, all of it, within the bounds. */
bool xml_read_number(const char *text, int64_t least, int64_t most, int64_t *out);
/* "true" or "false" (any case), "1" or "0". */
bool xml_read_bool(const char *text, bool *out);
