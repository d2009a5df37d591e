/* node/cluster/doctor_internal.h: what the files of the doctor share. A worker's thread. */
#pragma once

#include "cluster/doctor.h"
#include "store/state_health.h"
#include "zone/routing.h"

struct arena;

struct doctor_set { /* a record set with routing */
    char identifier[STATE_SET_IDENTIFIER_MAX + 1];
    struct zone_routing routing; /* its names point to the following */
    uint8_t target[STATE_NAME_MAX], fallback[STATE_NAME_MAX];
};
struct doctor_group { /* those of one name and type */
    const struct state_zone *zone;
    uint8_t name[STATE_NAME_MAX];
    uint16_t type;
    unsigned count;
    struct doctor_set *sets; /* POLICY_SETS_MAX */
};
struct doctor {
    const struct kv *kv;
    const struct doctor_facts *facts;
    struct doctor_report *report;
    struct doctor_group group;
    unsigned located_count; /* groups whose policy looks at where the client is */
    char located_first[STATE_COMMENT_SIZE];
};

/* doctor.c. A finding about @subject; texts are printf's. */
struct doctor__words {
    const char *subject, *advice; /* advice is static */
};
void doctor__find(struct doctor *doctor, enum doctor_severity severity,
                  const struct doctor__words *words, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define DOCTOR_SUBJECT_SIZE 1400u
/* "www.example.com. A", and the identifier of @set unless that is NULL or has none. */
void doctor__subject(const struct doctor_group *group, const struct doctor_set *set,
                     char out[DOCTOR_SUBJECT_SIZE]);

/* doctor_targets.c: what names lead to, as routing will see it (zone/lookup.h). */
enum doctor_target_kind {
    DOCTOR_TARGET_FOUND,
    DOCTOR_TARGET_MISSING, /* in a zone of ours, but nothing of that type is there */
    DOCTOR_TARGET_OUTSIDE, /* in no zone of ours, or delegated */
};
struct doctor_target {
    enum doctor_target_kind kind;
    uint8_t owner[STATE_NAME_MAX]; /* the name itself, or the wildcard above it */
    struct state_zone zone;        /* unless it is outside */
};
/* @from: the zone that it is seen from: a private one sees itself before the public ones. */
int doctor__target_find(const struct kv *kv, const struct state_zone *from, const uint8_t *name,
                        uint16_t type, struct doctor_target *out);
/* Where the aliases of @group lead at the end. */
struct doctor_trail {
    bool is_loop;     /* back to the group */
    bool is_too_deep; /* past 16 groups, so perhaps in another circle */
};
int doctor__trail(const struct kv *kv, const struct doctor_group *group, struct doctor_trail *out);
/* Is any set of @group healthy? Aliases that evaluate count by what is below them. */
int doctor__is_up(const struct kv *kv, const struct doctor_group *group, bool *out);

/* doctor_groups.c, doctor_checks.c. Errors of reading. */
int doctor__examine_group(struct doctor *doctor);
/* doctor_views.c. Can anybody see the private zone? Errors of reading. */
int doctor__examine_private(struct doctor *doctor, const struct state_zone *zone);
int doctor__examine_checks(struct doctor *doctor);
int doctor__examine_database(struct doctor *doctor);
