/* node/cluster/apply_set.h: record sets of commands: their checks, and what is stored beside them.
 * As apply_internal.h, which includes this. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "store/state_put.h"
#include "zone/record_set.h"
#include "zone/routing.h"

struct apply;
struct Cmd__RecordSet;
struct Cmd__Routing;

/* A record set of a command after its checks; all views into the command and the scratch arena. */
struct apply__set {
    struct state_record_set state;
    struct zone_record_set zone;
};

/* apply_set.c */
/* Make views of a set, its texts and numbers within their bounds. */
int apply__copy_set(struct apply *apply, const struct Cmd__RecordSet *from, struct apply__set *out);
/* The rules about one set of @zone. */
int apply__check_set(struct apply *apply, const struct state_zone *zone,
                     const struct apply__set *set);
/* Both. */
int apply__take_set(struct apply *apply, const struct state_zone *zone,
                    const struct Cmd__RecordSet *from, struct apply__set *out);
/* Read one stored set into the scratch arena; NULL in @out when it is not there. */
int apply__read_set(struct apply *apply, uint64_t content, const struct state_record_set *which,
                    const struct state_record_set **out);
/* Types that a name has. */
#define APPLY__TYPES_MAX 512u
struct apply__types {
    uint16_t types[APPLY__TYPES_MAX];
    size_t count;
};
/* All types that @name has now; or, when only @added (NULL: anything) came to a name that obeyed
 * the rules, those that the rules about it depend on. At the apex SOA and NS may be missing then.
 */
int apply__read_types(struct apply *apply, uint64_t content, const struct state_record_set *added,
                      const uint8_t *name, struct apply__types *out);
bool apply__has_type(const struct apply__types *types, uint16_t type);
/* Take as there: SOA and NS (of an apex); NS beside DS. */
void apply__assume_apex(struct apply__types *types);
void apply__assume_delegation(struct apply__types *types);
/* The key of a set for people, as Route 53 writes it: [name='…', type='A', set-identifier='…']. */
#define APPLY__SET_TEXT_SIZE (DNS_NAME_TEXT_SIZE + STATE_SET_IDENTIFIER_MAX + 64u)
void apply__set_text(const struct state_record_set *set, char out[APPLY__SET_TEXT_SIZE]);
/* "A", or "TYPE65280". */
#define APPLY__TYPE_TEXT_SIZE 12u
void apply__type_text(uint16_t type, char out[APPLY__TYPE_TEXT_SIZE]);
/* Can this change of one set break a rule about the types of a name? */
bool apply__types_matter(const struct state_record_set *before,
                         const struct state_record_set *after);
/* Read the zone, or refuse; and write it. */
int apply__read_zone(struct apply *apply, const char *zone_id, struct state_zone *out);
void apply__write_zone(struct apply *apply, const struct state_zone *zone);
/* Bounds of texts from outside: refuse with the name of the field. */
int apply__check_id(struct apply *apply, const char *what, const char *text, char first);
int apply__check_text(struct apply *apply, const char *what, const char *text, size_t size);

/* apply_set_routing.c */
/* Fill the routing of @out, whose other fields are filled: each field bounded, or refused by name;
 * none (NULL) when it says nothing. */
int apply__take_routing(struct apply *apply, const struct Cmd__Routing *from,
                        struct apply__set *out);
/* Give @set another routing, which is in scratch memory. */
int apply__set_routing(struct apply *apply, const struct zone_routing *routing,
                       struct apply__set *set);
/* What the routing of a set that obeys the rules names must be there: check, region, collection. */
int apply__check_references(struct apply *apply, const struct zone_routing *routing);
