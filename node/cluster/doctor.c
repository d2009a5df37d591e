#include "cluster/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cluster/doctor_internal.h"
#include "dns/name.h"
#include "policy/policy.h"
#include "zone/record_text.h"

enum { MEMORY_MAX = 8 << 20, TEXT_SIZE = 2000 };

struct doctor_report {
    struct arena *arena;
    unsigned count, left_out;
    bool is_short; /* of memory */
    struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
};

unsigned doctor_finding_count(const struct doctor_report *report)
{
    return report->count;
}

const struct doctor_finding *doctor_finding_at(const struct doctor_report *report, unsigned index)
{
    return &report->findings[index];
}

unsigned doctor_left_out(const struct doctor_report *report)
{
    return report->left_out;
}

void doctor_report_free(struct doctor_report *report)
{
    if (report)
        arena_free(report->arena);
    free(report);
}

void doctor__find(struct doctor *doctor, enum doctor_severity severity,
                  const struct doctor__words *words, const char *format, ...)
{
    struct doctor_report *report = doctor->report;
    char text[TEXT_SIZE];
    va_list args;

    if (report->count == DOCTOR_FINDINGS_MAX) {
        report->left_out++;
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct doctor_finding *finding = &report->findings[report->count];
    finding->severity = severity;
    finding->subject = arena_copy(report->arena, words->subject, strlen(words->subject));
    finding->text = arena_copy(report->arena, text, strlen(text));
    finding->advice = words->advice;
    if (finding->subject && finding->text)
        report->count++;
    else
        report->is_short = true;
}

void doctor__subject(const struct doctor_group *group, const struct doctor_set *set,
                     char out[DOCTOR_SUBJECT_SIZE])
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    zone_name_format(group->name, name);
    zone_type_format(group->type, type);
    if (set && set->identifier[0])
        snprintf(out, DOCTOR_SUBJECT_SIZE, "%s %s, set '%s'", name, type, set->identifier);
    else
        snprintf(out, DOCTOR_SUBJECT_SIZE, "%s %s", name, type);
}

/* ---- all groups, zone by zone ---- */

static int end_group(struct doctor *doctor)
{
    const int rc = doctor->group.count > 0 ? doctor__examine_group(doctor) : 0;

    doctor->group.count = 0;
    return rc;
}

static int take_set(struct doctor_group *group, const struct state_record_set *set)
{
    struct doctor_set *out = &group->sets[group->count];
    struct zone_routing *routing = &out->routing;
    int rc = state_routing_decode((struct kv_slice){set->routing, set->routing_len}, routing);

    if (rc != 0)
        return rc;
    if (routing->alias_target) {
        dns_name_lower(routing->alias_target, out->target);
        routing->alias_target = out->target;
    }
    if (routing->fallback) {
        dns_name_lower(routing->fallback, out->fallback);
        routing->fallback = out->fallback;
    }
    snprintf(out->identifier, sizeof(out->identifier), "%.*s", (int)set->set_identifier_len,
             set->set_identifier ? set->set_identifier : "");
    dns_name_lower(set->name, group->name);
    group->type = set->type;
    group->count++;
    return 0;
}

static int on_routed(void *user, uint64_t content, const struct state_record_set *set)
{
    struct doctor *doctor = user;
    struct doctor_group *group = &doctor->group;
    int rc = 0;

    (void)content;
    if (group->count > 0 &&
        (group->type != set->type || !dns_name_is_equal(group->name, set->name)))
        rc = end_group(doctor);
    if (rc == 0 && group->count == POLICY_SETS_MAX)
        rc = ERR_CORRUPT;
    return rc == 0 ? take_set(group, set) : rc;
}

static void examine_unserved(struct doctor *doctor, const struct state_zone *zone)
{
    char name[DNS_NAME_TEXT_SIZE];
    const struct doctor__words words = {
        name, "serve it in place of the other one ('quartet zone activate ID'), or delete it"};

    zone_name_format(zone->name, name);
    doctor__find(doctor, DOCTOR_WARNING, &words,
                 "the zone %s is not served: another one of its name is", zone->id);
}

static int on_zone(void *user, const struct state_zone *zone)
{
    struct doctor *doctor = user;

    if (zone->is_not_served) {
        examine_unserved(doctor, zone);
        return 0; /* nobody is answered from it */
    }
    doctor->group.zone = zone;
    int rc = zone->is_private ? doctor__examine_private(doctor, zone) : 0;
    if (rc == 0)
        rc = state_list_routed(doctor->kv, zone->content, on_routed, doctor);
    return rc == 0 ? end_group(doctor) : rc;
}

static int examine(struct doctor *doctor)
{
    int rc = state_list_zones_by_name(doctor->kv, NULL, on_zone, doctor);

    if (rc == 0)
        rc = doctor__examine_checks(doctor);
    if (rc == 0)
        rc = doctor__examine_database(doctor);
    return rc == 0 && doctor->report->is_short ? ERR_NOMEM : rc;
}

int doctor_examine(const struct kv *kv, const struct doctor_facts *facts,
                   struct doctor_report **out)
{
    struct doctor doctor = {.kv = kv, .facts = facts};
    int rc = ERR_NOMEM;

    doctor.report = calloc(1, sizeof(*doctor.report));
    doctor.group.sets = calloc(POLICY_SETS_MAX, sizeof(*doctor.group.sets));
    if (doctor.report)
        doctor.report->arena = arena_new(MEMORY_MAX);
    if (doctor.group.sets && doctor.report && doctor.report->arena)
        rc = examine(&doctor);
    free(doctor.group.sets);
    if (rc == 0)
        *out = doctor.report;
    else
        doctor_report_free(doctor.report);
    return rc;
}
