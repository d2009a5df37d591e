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

/* The routing of one set by itself: zone_rules_check_set() calls it. Exactly one policy, its fields
 * in range and no others; an identifier with every policy but simple, and only there; no routing on
 * SOA, NS and DS; no CNAME in a multivalue group; an alias has no TTL and no records, is of a type
 * that may be one, and not beside multivalue; a failover primary has a health check, or is an alias
 * that evaluates its target. 0, ERR_INVALID, ERR_LIMIT with *@problem filled. */
int zone_rules_check_routing(const uint8_t *apex, const struct zone_record_set *set,
                             struct zone_problem *problem);
/* All sets of one name and type after a change, each of which obeys the rules by itself: one
 * policy, simple alone; identifier, region, location, CIDR location unique; one primary, one
 * secondary; one collection; the same extensions and, weighted, the same TTL. *@problem names both
 * sets in conflict. @sets in any order, at most POLICY_SETS_MAX (else ERR_LIMIT). */
int zone_rules_check_group(const struct zone_record_set *const *sets, size_t set_count,
                           struct zone_problem *problem);
