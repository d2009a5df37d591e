/* node/zone/lookup.h: what one generation knows about a name: RFC 1034 4.3.2 steps 2 and 3, RFC
 * 4592 wildcards, RFC 6672 DNAME. Part of the answer path: allocates nothing, waits for nothing.
 * Results point into the image and live until zone_image_read_end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/slots.h"

struct zone_image;
struct zone;      /* one zone of a generation */
struct zone_node; /* one name of a zone */

/* A record set as octets for an answer: @record_count records one after another, each: owner as a
 * pointer to the question (0xC00C), type, class IN, TTL, data length, data. With record_count 0 it
 * is a group, which routing chooses from (zone/group.h): wire_len says nothing then. SOA, NS, DS
 * and DNAME are never groups. */
struct zone_wire_set {
    uint16_t type;
    uint16_t record_count;
    uint16_t wire_len;
    uint8_t wire[];
};
#define ZONE_WIRE_RDATA_OFFSET                                                                     \
    12 /* of the data in a rendered record; the two octets before: length */

enum zone_outcome {
    ZONE_OUTCOME_NONE,       /* no zone of ours holds the name: REFUSED */
    ZONE_OUTCOME_ANSWER,     /* @set answers; for type ANY it is the first of @node's sets */
    ZONE_OUTCOME_CNAME,      /* @set is a CNAME that stands in for the type asked */
    ZONE_OUTCOME_DNAME,      /* @set is a DNAME above the name */
    ZONE_OUTCOME_DELEGATION, /* @set is the NS set of a zone cut at or above the name */
    ZONE_OUTCOME_NODATA,     /* the name exists without that type */
    ZONE_OUTCOME_NXDOMAIN,
};

/* Offsets count octets from the start of the name looked up: each names a suffix of it. */
struct zone_match {
    enum zone_outcome outcome;
    bool is_wildcard;                /* synthesized from "*.<closest encloser>" (also NODATA) */
    uint8_t owner_offset;            /* owner of @set: 0 is the name itself, or its wildcard */
    uint8_t apex_offset;             /* apex of @zone */
    uint8_t encloser_offset;         /* closest encloser (RFC 4592 3.3.1); 0 when the name exists */
    uint32_t negative_ttl_s;         /* TTL of the SOA in negative answers, RFC 2308 5 */
    struct zone_slots slots;         /* of @zone; zeroes without one */
    const struct zone *zone;         /* NULL only with ZONE_OUTCOME_NONE */
    const struct zone_node *node;    /* where @set was found; NULL without one */
    const struct zone_wire_set *set; /* NULL with NONE, NODATA and NXDOMAIN */
    const struct zone_wire_set *ds;  /* DS beside a DELEGATION; may be NULL */
    const struct zone_wire_set *soa; /* of @zone; NULL while it has none */
};

/* Look up @name (wire form, lower case, well formed) and @qtype. The deepest zone that holds the
 * name answers, so a child zone served here beats its parent's delegation; DS at its apex is asked
 * of the parent when that is served too (RFC 4035 3.1.4.1). Fills all of *@out; cannot fail. For
 * many names at once there is zone/probe.h. */
void zone_lookup(const struct zone_image *image, const uint8_t *name, uint16_t qtype,
                 struct zone_match *out);

/* The set (or group) of exactly (name, type) in the deepest zone that holds the name, or NULL: no
 * wildcard, no chain, nothing at or below a zone cut. For additional data. */
const struct zone_wire_set *zone_find_record_set(const struct zone_image *image,
                                                 const uint8_t *name, uint16_t type);
/* The same within one zone, also at and below its cuts and by its wildcards (RFC 1034 4.3.2 step 6
 * looks for addresses as it does for answers): glue for a delegation from @zone. */
const struct zone_wire_set *zone_find_glue(const struct zone *zone, const uint8_t *name,
                                           uint16_t type);

/* What an alias (or a fallback) leads to: what zone_lookup() answers for its type, itself or by a
 * wildcard, no CNAME followed. Where we hold no authority, at or below a delegation and in none of
 * our zones, it is external: what was put by zone_change_external_put(). */
struct zone_target {
    const struct zone_wire_set *set; /* plain or a group; NULL: nothing of that type is there */
    const struct zone *zone;         /* that holds it, or would; NULL: external */
    bool is_external;
};
void zone_find_target(const struct zone_image *image, const uint8_t *name, uint16_t type,
                      struct zone_target *out);
/* The external set of exactly (name, type), or NULL. No question ever gets there but by an alias.
 */
const struct zone_wire_set *zone_find_external(const struct zone_image *image, const uint8_t *name,
                                               uint16_t type);

/* Sets of a name in order of type, a group counting as one; NULL starts and ends. At most 65,535.
 */
const struct zone_wire_set *zone_node_next_set(const struct zone_node *node,
                                               const struct zone_wire_set *previous);

/* Apex of a zone, wire form. */
const uint8_t *zone_apex(const struct zone *zone);
