/* node/cluster/doctor_groups.c: what can be wrong with the record sets of one name and type. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/doctor_internal.h"
#include "dns/name.h"
#include "geo/region.h"
#include "policy/policy.h"
#include "store/state_cidr.h"
#include "zone/record_text.h"

static enum policy_kind kind_of(const struct doctor_group *group)
{
    return group->sets[0].routing.kind;
}

static void find_set(struct doctor *doctor, enum doctor_severity severity,
                     const struct doctor_set *set, const char *text, const char *advice)
{
    char subject[DOCTOR_SUBJECT_SIZE];

    doctor__subject(&doctor->group, set, subject);
    doctor__find(doctor, severity, &(struct doctor__words){subject, advice}, "%s", text);
}

static bool is_unresolved(const struct doctor_facts *facts, const uint8_t *name, uint16_t type)
{
    for (unsigned i = 0; i < facts->unresolved_count; i++) {
        if (facts->unresolved[i].type == type && dns_name_is_equal(facts->unresolved[i].name, name))
            return true;
    }
    return false;
}

static int look_at_target(struct doctor *doctor, const struct doctor_set *set, const uint8_t *name,
                          const char *what)
{
    char text[DNS_NAME_TEXT_SIZE], line[DNS_NAME_TEXT_SIZE + 100];
    struct doctor_target target;
    int rc = doctor__target_find(doctor->kv, doctor->group.zone, name, doctor->group.type, &target);

    if (rc != 0)
        return rc;
    zone_name_format(name, text);
    if (target.kind == DOCTOR_TARGET_MISSING) {
        snprintf(line, sizeof(line), "its %s %s has no records of that type", what, text);
        find_set(doctor, DOCTOR_ERROR, set, line,
                 "make the record set it leads to, or point it elsewhere");
    } else if (target.kind == DOCTOR_TARGET_OUTSIDE &&
               is_unresolved(doctor->facts, name, doctor->group.type)) {
        snprintf(line, sizeof(line), "its %s %s is not a name of ours, and never was resolved",
                 what, text);
        find_set(doctor, DOCTOR_ERROR, set, line,
                 "'quartet alias status' says why; check the name and this node's resolvers");
    }
    return 0;
}

static int examine_targets(struct doctor *doctor)
{
    const struct doctor_group *group = &doctor->group;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        if (group->sets[i].routing.is_alias)
            rc = look_at_target(doctor, &group->sets[i], group->sets[i].target, "target");
    }
    if (rc == 0 && group->sets[0].routing.fallback)
        rc = look_at_target(doctor, NULL, group->sets[0].fallback, "fallback");
    return rc;
}

static int examine_trail(struct doctor *doctor)
{
    struct doctor_trail trail;
    int rc = doctor__trail(doctor->kv, &doctor->group, &trail);

    if (rc == 0 && trail.is_loop)
        find_set(doctor, DOCTOR_ERROR, NULL, "its aliases lead back to it",
                 "point one of the aliases on the way elsewhere");
    else if (rc == 0 && trail.is_too_deep)
        find_set(doctor, DOCTOR_ERROR, NULL,
                 "its aliases lead on past 16 names or 4,096 record sets, where answers end",
                 "point an alias nearer to the records");
    return rc;
}

static int examine_check_ids(struct doctor *doctor)
{
    struct state_check check;

    for (unsigned i = 0; i < doctor->group.count; i++) {
        const struct doctor_set *set = &doctor->group.sets[i];
        char line[100];
        if (!set->routing.health_check_id[0])
            continue;
        int rc = state_get_check(doctor->kv, set->routing.health_check_id, &check);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        snprintf(line, sizeof(line), "its health check %s is gone, so it counts as healthy",
                 set->routing.health_check_id);
        if (rc == ERR_NOT_FOUND)
            find_set(doctor, DOCTOR_ERROR, set, line, "give it another health check, or none");
    }
    return 0;
}

static int examine_default(struct doctor *doctor)
{
    if (kind_of(&doctor->group) != POLICY_GEOLOCATION)
        return 0;
    for (unsigned i = 0; i < doctor->group.count; i++) {
        if (strcmp(doctor->group.sets[i].routing.country, "*") == 0)
            return 0;
    }
    find_set(doctor, DOCTOR_WARNING, NULL,
             "it has no default (*), so clients of other places, or of none, get no answer",
             "add a record set with --geo '*'");
    return 0;
}

/* Told once, with the first of them (doctor_checks.c). */
static int count_located(struct doctor *doctor)
{
    const enum policy_kind kind = kind_of(&doctor->group);
    char subject[DOCTOR_SUBJECT_SIZE];

    if (kind != POLICY_GEOLOCATION && kind != POLICY_GEOPROXIMITY && kind != POLICY_LATENCY)
        return 0;
    if (doctor->located_count++ == 0) {
        doctor__subject(&doctor->group, NULL, subject);
        snprintf(doctor->located_first, sizeof(doctor->located_first), "%.250s", subject);
    }
    return 0;
}

static int examine_regions(struct doctor *doctor)
{
    const enum policy_kind kind = kind_of(&doctor->group);
    struct state_region region;

    if (kind != POLICY_LATENCY && kind != POLICY_GEOPROXIMITY)
        return 0;
    for (unsigned i = 0; i < doctor->group.count; i++) {
        const struct doctor_set *set = &doctor->group.sets[i];
        char line[160];
        if (!set->routing.region[0] || geo_region_builtin(set->routing.region) != GEO_REGION_NONE)
            continue;
        int rc = state_get_region(doctor->kv, set->routing.region, &region);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        snprintf(line, sizeof(line), "the coordinates of its region %s are not known",
                 set->routing.region);
        if (rc == ERR_NOT_FOUND)
            find_set(doctor, DOCTOR_ERROR, set, line,
                     "'quartet region set NAME LATITUDE,LONGITUDE' tells them");
    }
    return 0;
}

static int examine_blocks(struct doctor *doctor)
{
    if (kind_of(&doctor->group) != POLICY_IP_BASED)
        return 0;
    for (unsigned i = 0; i < doctor->group.count; i++) {
        const struct doctor_set *set = &doctor->group.sets[i];
        uint64_t block_count = 0;
        char line[120];
        if (strcmp(set->routing.cidr_location, "*") == 0)
            continue;
        int rc = state_get_cidr_location(doctor->kv, set->routing.cidr_collection_id,
                                         set->routing.cidr_location, &block_count);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        snprintf(line, sizeof(line), "its CIDR location %s has no blocks, so it is for nobody",
                 set->routing.cidr_location);
        if (block_count == 0)
            find_set(doctor, DOCTOR_WARNING, set, line,
                     "'quartet cidr change COLLECTION LOCATION BLOCK...' adds some");
    }
    return 0;
}

static int examine_health(struct doctor *doctor)
{
    bool is_up = true;
    int rc = kind_of(&doctor->group) == POLICY_SIMPLE
                 ? 0
                 : doctor__is_up(doctor->kv, &doctor->group, &is_up);

    if (rc == 0 && !is_up)
        find_set(doctor, DOCTOR_ERROR, NULL, "all of its record sets are unhealthy now",
                 "'quartet explain' shows why, and what clients get");
    return rc;
}

static int examine_weights(struct doctor *doctor)
{
    if (kind_of(&doctor->group) != POLICY_WEIGHTED)
        return 0;
    for (unsigned i = 0; i < doctor->group.count; i++) {
        if (doctor->group.sets[i].routing.weight > 0)
            return 0;
    }
    find_set(doctor, DOCTOR_WARNING, NULL,
             "all weights are 0, so each record set is as likely as the others",
             "give those that shall answer a weight above 0");
    return 0;
}

static int examine_halves(struct doctor *doctor)
{
    bool has[2] = {false, false};

    if (kind_of(&doctor->group) != POLICY_FAILOVER)
        return 0;
    for (unsigned i = 0; i < doctor->group.count; i++)
        has[doctor->group.sets[i].routing.is_secondary] = true;
    if (!has[1])
        find_set(doctor, DOCTOR_WARNING, NULL, "failover has no secondary to go over to",
                 "add a record set with --failover secondary");
    if (!has[0])
        find_set(doctor, DOCTOR_WARNING, NULL, "failover has no primary",
                 "add a record set with --failover primary");
    return 0;
}

int doctor__examine_group(struct doctor *doctor)
{
    static int (*const examinations[])(struct doctor *) = {
        examine_targets, examine_trail,  examine_check_ids, examine_default, count_located,
        examine_regions, examine_blocks, examine_health,    examine_weights, examine_halves,
    };
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(examinations) / sizeof(examinations[0]); i++)
        rc = examinations[i](doctor);
    return rc;
}
