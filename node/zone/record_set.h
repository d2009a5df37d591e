/* node/zone/record_set.h: a record set as it travels (commands, state, zone files), and the rules
 * that one must keep. Every node runs the rules in apply, so each verdict depends on the arguments
 * alone: no clock, no random source, and no library whose versions might disagree. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_TTL_S_MAX 0x7fffffffu /* RFC 2181 8 */
#define ZONE_WIRE_LEN_MAX 65000    /* a rendered set and a question fit one message of 65,535 */

struct zone_rdata {
    const uint8_t *data; /* wire form, names not compressed */
    uint16_t len;
};

struct zone_routing; /* zone/routing.h */

/* All pointers are borrowed from whoever made the set. */
struct zone_record_set {
    const uint8_t *name; /* wire form, lower case, with the root label */
    uint16_t type;
    uint16_t rdata_count; /* at least 1; 0 for an alias */
    uint32_t ttl_s;       /* 0 for an alias */
    const struct zone_rdata *rdatas;
    const char *set_identifier; /* octets, not text: no NUL at the end; NULL when empty */
    uint8_t set_identifier_len;
    const struct zone_routing *routing; /* NULL: a simple set of records, without health check */
};

/* What is wrong, for people: the record (name and type) and the rule, in one line. */
struct zone_problem {
    char text[1280];
};

/* True when zones may hold the type: not a meta or query type (RFC 6895 3.1), NULL or SIG. */
bool zone_type_is_storable(uint16_t type);
/* True when the octets are well-formed data of @type. Types without a known format take any octets
 * (RFC 3597). Hostile octets, any length. */
bool zone_rdata_is_valid(uint16_t type, const uint8_t *data, size_t len);
/* Canonical order of data of one type: <0, 0 or >0. As octets, a shorter one first (RFC 4034 6.3),
 * but letters of names without case for the types of RFC 4034 6.2 and RFC 6840 5.1. 0: they are the
 * same record, of which a set has one (RFC 2181 5). Hostile octets, any length. */
int zone_rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len);
/* Whether zone_rdata_compare() is 0; quicker where it mostly is not. */
bool zone_rdata_is_same(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                        size_t b_len);

/* One set by itself: storable type, 1 or more distinct well-formed data, TTL, size, name within the
 * zone and lower case; SOA only and CNAME, DS never at the apex; SOA, CNAME and DNAME single; no NS
 * at a wildcard (RFC 4592 4.2). The name must be well formed; the rest is checked.
 * 0, or ERR_INVALID (ERR_LIMIT for sizes) with *@problem filled. */
int zone_rules_check_set(const uint8_t *apex, const struct zone_record_set *set,
                         struct zone_problem *problem);

/* All types that one name will have after a change: CNAME stands alone but for RRSIG and NSEC
 * (RFC 4035 2.5); no DNAME beside NS below the apex (RFC 6672 2.3); DS only beside NS; the apex has
 * SOA and NS. @types in any order without repetition; @type_count 0 means the name goes away.
 * 0, or ERR_INVALID with *@problem filled. */
int zone_rules_check_name(const uint8_t *apex, const uint8_t *name, const uint16_t *types,
                          size_t type_count, struct zone_problem *problem);

/* Called for each problem of a whole zone. @is_warning: the zone works, but something in it will
 * not be seen (occluded below a DNAME or a delegation). @set is the one concerned. */
typedef void (*zone_problem_cb)(void *user, const struct zone_record_set *set, bool is_warning,
                                const struct zone_problem *problem);
/* A whole zone: each set, each name, the apex, and what is occluded. @sets sorted by
 * zone_record_set_compare. Returns the number of errors, warnings not counted. */
size_t zone_rules_check_zone(const uint8_t *apex, const struct zone_record_set *sets,
                             size_t set_count, zone_problem_cb cb, void *user);

/* By name in canonical order (an ancestor comes directly before what is below it), then SOA first,
 * then by type number: <0, 0 or >0. */
int zone_record_set_compare(const struct zone_record_set *a, const struct zone_record_set *b);
