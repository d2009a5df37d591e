/* node/cluster/doctor_checks.c: what can be wrong with health checks, overrides and the location
 * database. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/doctor_internal.h"
#include "cluster/health_view.h"
#include "dns/name.h"
#include "zone/record_text.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static void subject_of_check(const char *id, char out[DOCTOR_SUBJECT_SIZE])
{
    snprintf(out, DOCTOR_SUBJECT_SIZE, "health check %s", id);
}

static int examine_checkers(struct doctor *doctor, const struct state_check *check)
{
    const struct doctor_facts *facts = doctor->facts;
    char subject[DOCTOR_SUBJECT_SIZE];

    if (!facts->knows_regions || check->config.type == STATE_CHECK_CALCULATED ||
        check->config.is_disabled)
        return 0;
    for (unsigned i = 0; i < facts->region_count; i++) {
        if (health_view_is_checked(&check->config, facts->regions[i]))
            return 0;
    }
    subject_of_check(check->id, subject);
    doctor__find(doctor, DOCTOR_ERROR,
                 &(struct doctor__words){
                     subject, "start nodes of its regions, or let others check: 'quartet health "
                              "update CHECK --regions='"},
                 "no node of its regions lives, so nobody checks");
    return 0;
}

static int examine_children(struct doctor *doctor, const struct state_check *check)
{
    char subject[DOCTOR_SUBJECT_SIZE];
    struct state_check child;

    for (uint32_t i = 0; i < check->config.child_count; i++) {
        int rc = state_get_check(doctor->kv, check->config.children[i], &child);
        if (rc == ERR_NOT_FOUND) {
            subject_of_check(check->id, subject);
            doctor__find(doctor, DOCTOR_ERROR,
                         &(struct doctor__words){
                             subject, "'quartet health update CHECK --children ID,...' without it"},
                         "its child %s is gone, and counts as healthy", check->config.children[i]);
        } else if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int on_check(void *user, const struct state_check *check)
{
    static int (*const examinations[])(struct doctor *, const struct state_check *) = {
        examine_checkers, examine_children};
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(examinations) / sizeof(examinations[0]); i++)
        rc = examinations[i](user, check);
    return rc;
}

static void subject_of_override(const struct state_override_key *key, char out[DOCTOR_SUBJECT_SIZE])
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    if (key->health_check_id && key->health_check_id[0]) {
        subject_of_check(key->health_check_id, out);
        return;
    }
    zone_name_format(key->set->name, name);
    zone_type_format(key->set->type, type);
    snprintf(out, DOCTOR_SUBJECT_SIZE, "%s %s, set '%.*s'", name, type,
             (int)key->set->set_identifier_len,
             key->set->set_identifier ? key->set->set_identifier : "");
}

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    static const char *const modes[] = {"nothing", "up", "down", "drain"};
    char subject[DOCTOR_SUBJECT_SIZE], since[CLOCK_TEXT_LEN];

    if (override->expires_wall_ms != 0)
        return 0;
    subject_of_override(key, subject);
    clock_format(override->set_wall_ms, since);
    doctor__find(user, DOCTOR_WARNING,
                 &(struct doctor__words){
                     subject, "clear it when it is over, or set it again with --for TIME"},
                 "overridden to %s without an end since %s, by %s: \"%s\"",
                 modes[override->mode % 4], since, override->actor, override->reason);
    return 0;
}

int doctor__examine_checks(struct doctor *doctor)
{
    int rc = state_list_checks(doctor->kv, "", on_check, doctor);

    return rc == 0 ? state_list_overrides(doctor->kv, on_override, doctor) : rc;
}

int doctor__examine_database(struct doctor *doctor)
{
    static const char subject[] = "location database";
    const struct doctor_facts *facts = doctor->facts;

    if (!facts->has_database && doctor->located_count > 0)
        doctor__find(doctor, DOCTOR_ERROR,
                     &(struct doctor__words){
                         subject, "'quartet geo load FILE' on every node, or geo_database in its "
                                  "configuration"},
                     "none is loaded on this node, but where clients are counts for %u name%s, the "
                     "first: %s",
                     doctor->located_count, doctor->located_count == 1 ? "" : "s",
                     doctor->located_first);
    if (facts->database_problem && facts->database_problem[0])
        doctor__find(doctor, DOCTOR_ERROR,
                     &(struct doctor__words){subject, "load one that is whole: 'quartet geo load "
                                                      "FILE'"},
                     "the last one that this node was to load failed: %s", facts->database_problem);
    const uint64_t built_wall_ms = facts->database_built_wall_s * 1000;
    if (!facts->has_database || built_wall_ms + DOCTOR_OLD_DAYS * DAY_MS >= facts->now_wall_ms)
        return 0;
    doctor__find(doctor, DOCTOR_WARNING,
                 &(struct doctor__words){subject, "get a newer one, then 'quartet geo load FILE'"},
                 "%s is %" PRIu64 " days old", facts->database_path,
                 (facts->now_wall_ms - built_wall_ms) / DAY_MS);
    return 0;
}
