/* node/zone/routing.h: how a record set takes part in routing: the policy's field, health check and
 * alias, as commands and state carry them, and the numbers that the image knows them by. */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct zone_problem;
struct zone_record_set;

#define ZONE_SET_IDENTIFIER_MAX 128u
#define ZONE_REGION_SIZE 65u
#define ZONE_UUID_SIZE 37u
#define ZONE_CIDR_LOCATION_SIZE 17u
#define ZONE_HOSTED_ZONE_ID_SIZE 33u

/* All pointers are borrowed. Texts are "" where the policy has no use for them. */
struct zone_routing {
    enum policy_kind kind;
    uint8_t weight;
    char region[ZONE_REGION_SIZE];
    char continent[3], country[3], subdivision[4]; /* country "*": the default */
    bool has_coordinates;
    int16_t latitude_cdeg, longitude_cdeg;
    int8_t bias;
    bool is_secondary;
    char cidr_collection_id[ZONE_UUID_SIZE];
    char cidr_location[ZONE_CIDR_LOCATION_SIZE];
    char health_check_id[ZONE_UUID_SIZE];
    bool is_alias;
    bool evaluate_target_health;
    const uint8_t *alias_target; /* wire form, lower case; NULL unless is_alias */
    char hosted_zone_id[ZONE_HOSTED_ZONE_ID_SIZE];
    /* extensions, of the group */
    bool is_sticky;
    uint8_t answers_max;
    enum policy_all_down all_down;
    const uint8_t *fallback; /* wire form, lower case; NULL unless POLICY_ALL_DOWN_FALLBACK */
    /* Numbers for the image, 0 until whoever fills the image has looked them up. */
    uint32_t check_slot, override_slot, cidr_slot;
    uint8_t region_number;
};

/* ---- the rules (route53.md 4.2 and 4.4), run by apply: a function of the arguments alone ---- */

#define ZONE_GROUP_OCTETS_MAX 1000000u /* of all sets of one name and type, as the rules count */

/* The routing of one set by itself, as zone_rules_check_set() runs it: exactly one policy, its
 * fields in range and no others; an identifier, of printable octets, with every policy but simple,
 * and only there; no routing on SOA, NS, DS and DNAME; no CNAME in a multivalue group, and only one
 * as an answer; an alias has no TTL and no records, does not lead to its own name, is not of a type
 * without routing, and not beside multivalue; a failover primary has a health check, or is an alias
 * that evaluates its target; what happens when all are down is said only where all may be.
 * Whether checks, regions, collections and locations exist is for others to see. Names are well
 * formed; the rest is checked. 0, ERR_INVALID with *@problem filled. */
int zone_rules_check_routing(const uint8_t *apex, const struct zone_record_set *set,
                             struct zone_problem *problem);
/* All sets of one name and type after a change, each of which obeys the rules by itself: one
 * policy, simple alone; identifier, region, location, coordinates, CIDR location unique; one
 * primary, one secondary; one collection; the same extensions and, weighted, the same TTL (but for
 * aliases, which have none). ERR_INVALID: *@problem names both sets in conflict. ERR_LIMIT: more
 * than POLICY_SETS_MAX sets, or more than ZONE_GROUP_OCTETS_MAX octets, counting 64 a set, its
 * identifier and target, and 12 a record with its data. What passes fits the image. @sets in any
 * order. */
int zone_rules_check_group(const struct zone_record_set *const *sets, size_t set_count,
                           struct zone_problem *problem);
