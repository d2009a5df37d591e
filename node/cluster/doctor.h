/* node/cluster/doctor.h: what is wrong with routing in the replicated state and on this node,
 * though every single change was allowed. What is looked for stands in the tables of
 * doctor_groups.c and doctor_checks.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/state.h"

struct cluster;
struct doctor_report;
struct kv;

#define DOCTOR_FINDINGS_MAX 1000u /* more are only counted */
#define DOCTOR_OLD_DAYS 90u       /* a location database is, after so many */

enum doctor_severity {
    DOCTOR_ERROR,   /* clients get a wrong answer, or none, or may at the next failure */
    DOCTOR_WARNING, /* not what was most likely meant */
};
struct doctor_finding {
    enum doctor_severity severity;
    const char *subject, *text, *advice;
};

struct doctor_outside { /* an outside name that aliases lead to, and their type */
    uint8_t name[STATE_NAME_MAX];
    uint16_t type;
};

/* What the state does not say; borrowed. */
struct doctor_facts {
    uint64_t now_wall_ms;
    bool has_database;
    uint64_t database_built_wall_s;
    const char *database_path;    /* "" without one */
    const char *database_problem; /* of the last load, "": it went well */
    bool knows_regions;           /* a leader has told which members live: */
    unsigned region_count;        /* regions of those, one for each */
    char regions[STATE_MEMBERS_MAX][STATE_SETTING_NAME_SIZE];
    unsigned unresolved_count;
    const struct doctor_outside *unresolved; /* those that never were */
};

/* Look at all of @kv. Reads much: no place for the loop. On 0 the caller frees *@out. Errors of
 * reading; ERR_NOMEM. */
int doctor_examine(const struct kv *kv, const struct doctor_facts *facts,
                   struct doctor_report **out);
unsigned doctor_finding_count(const struct doctor_report *report);
const struct doctor_finding *doctor_finding_at(const struct doctor_report *report, unsigned index);
unsigned doctor_left_out(const struct doctor_report *report); /* findings past the bound */
void doctor_report_free(struct doctor_report *report);        /* accepts NULL */

/* The same on a worker, while apply goes on; a snapshot that comes to be installed waits for it.
 * Loop thread. @facts is copied, but for what it points to, which must stay until @cb; @report
 * is NULL unless @rc is 0, and borrowed for the call. At once: ERR_BUSY (one is at work),
 * ERR_UNAVAILABLE (not a member), ERR_NOMEM. */
typedef void (*doctor_cb)(void *user, int rc, const struct doctor_report *report);
int cluster_doctor(struct cluster *cluster, const struct doctor_facts *facts, doctor_cb cb,
                   void *user);
