/* node/cluster/apply_health.c: health checks and what is concluded about them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/apply_routing.h"
#include "policy/health.h"
#include "proto/command.pb-c.h"
#include "store/state_gone.h"
#include "store/state_limit.h"
#include "store/state_tags.h"

#define OCTET_NONE ((uint8_t)(POLICY_HEALTH_NONE | POLICY_HEALTHY_BIT))

static int read_check(struct apply *apply, const char *id, struct state_check *check,
                      struct state_check_status *status)
{
    int rc = apply__check_uuid(apply, "the health check's id", id);

    if (rc == 0)
        rc = state_get_check(apply__kv(apply), id, check);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchHealthCheck",
                                "A health check with id %s does not exist.", id);
    if (rc == 0)
        rc = state_get_check_status(apply__kv(apply), id, status);
    return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
}

/* Create again what is there: the same, or refused. */
static int create_again(struct apply *apply, const struct state_check *check,
                        const struct state_check *other)
{
    if (!apply__is_same_config(&check->config, &other->config))
        return apply__refuse_as(apply, ERR_EXISTS, "HealthCheckAlreadyExists",
                                "health check %s has this caller reference and other settings",
                                other->id);
    apply__name_result(apply, other->id);
    return 0;
}

/* Whoever retries a creation must not get a second check after the first one was deleted. */
static int check_gone(struct apply *apply, const char *reference)
{
    uint64_t gone_wall_ms;
    int rc = state_get_gone(apply__kv(apply), reference, &gone_wall_ms);

    if (rc == ERR_NOT_FOUND ||
        (rc == 0 && gone_wall_ms + STATE_GONE_KEPT_MS < apply->command->time_wall_ms))
        return 0;
    return rc != 0 ? rc
                   : apply__refuse_as(apply, ERR_EXISTS, "HealthCheckAlreadyExists",
                                      "a health check with this caller reference was deleted in "
                                      "the last days: use another reference");
}

/* A check that is new, once it is known to be good. */
static int write_new(struct apply *apply, struct state_check *check)
{
    struct state_check_status status = {.octet = OCTET_NONE};
    int rc = apply__next_slot(apply, &check->slot);

    if (rc == 0)
        rc = apply__count_children(apply, &check->config, &status.healthy_children);
    if (rc != 0)
        return rc;
    check->version = 1;
    check->created_index = apply->index;
    check->created_wall_ms = apply->command->time_wall_ms;
    apply->counters.health_check_count++;
    state_put_check(apply->overlay, check, NULL);
    rc = apply__settle_check(apply, check, &status);
    apply__name_result(apply, check->id);
    return rc != 0 ? rc : apply__tell_about(apply, APPLY_CHECK_CHANGED, check->id);
}

static int create(struct apply *apply, const Cmd__CreateHealthCheck *command)
{
    struct state_check check = {0}, other;
    int rc = apply__check_uuid(apply, "the health check's id", command->health_check_id);

    if (rc == 0)
        rc = apply__check_reference(apply, command->caller_reference);
    if (rc == 0)
        rc = apply__take_health_config(apply, command->config, NULL, &check.config);
    if (rc != 0)
        return rc;
    memcpy(check.id, command->health_check_id, STATE_UUID_SIZE);
    memcpy(check.caller_reference, command->caller_reference,
           strlen(command->caller_reference) + 1);
    rc = state_get_check_by_reference(apply__kv(apply), check.caller_reference, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : create_again(apply, &check, &other);
    rc = check_gone(apply, check.caller_reference);
    if (rc != 0)
        return rc;
    rc = state_get_check(apply__kv(apply), check.id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : apply__refuse(apply, ERR_EXISTS, "health check %s exists", check.id);
    if (apply->counters.health_check_count >= STATE_CHECKS_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "TooManyHealthChecks",
                                "there are %u health checks: delete some", STATE_CHECKS_MAX);
    rc = apply__check_limit(apply, STATE_LIMIT_HEALTH_CHECKS, apply->counters.health_check_count,
                            "TooManyHealthChecks");
    return rc != 0 ? rc : write_new(apply, &check);
}

/* The verdict stays until the checkers have judged the new version: no flip without a cause. */
static int update(struct apply *apply, const Cmd__UpdateHealthCheck *command)
{
    struct state_check check, old;
    struct state_check_status status;
    int rc = read_check(apply, command->health_check_id, &old, &status);

    if (rc != 0)
        return rc;
    if (command->version != old.version)
        return apply__refuse_as(apply, ERR_CONFLICT, "HealthCheckVersionMismatch",
                                "health check %s is at version %" PRIu64 ", not %" PRIu64
                                ": look at it again",
                                old.id, old.version, command->version);
    check = old;
    rc = apply__take_health_config(apply, command->config, &old.config, &check.config);
    if (rc != 0)
        return rc;
    check.version++;
    state_put_check(apply->overlay, &check, &old);
    rc = apply__count_children(apply, &check.config, &status.healthy_children);
    if (rc == 0)
        rc = apply__settle_check(apply, &check, &status);
    apply__name_result(apply, check.id);
    return rc != 0 ? rc : apply__tell_about(apply, APPLY_CHECK_CHANGED, check.id);
}

/* Allowed while record sets use it, as in Route 53: they count as having none from then on. */
static int delete (struct apply *apply, const Cmd__DeleteHealthCheck *command)
{
    struct state_check check;
    struct state_check_status status;
    int rc = read_check(apply, command->health_check_id, &check, &status);

    if (rc == 0 && command->remember_reference)
        rc = state_put_gone(apply->overlay, check.caller_reference, apply->command->time_wall_ms);
    if (rc == 0)
        rc = state_forget_tags(apply->overlay, STATE_TAG_HEALTH_CHECK, check.id);
    if (rc == 0)
        rc = apply__drop_override(apply, check.id);
    if (rc != 0)
        return rc;
    state_delete_check(apply->overlay, &check);
    apply->counters.health_check_count--;
    apply->has_new_counters = true;
    rc = apply__settle_gone(apply, &check, &status);
    apply__name_result(apply, check.id);
    return rc != 0 ? rc : apply__tell_about(apply, APPLY_CHECK_CHANGED, check.id);
}

static int put_verdict(struct apply *apply, const Cmd__VerdictOf *verdict)
{
    struct state_check check;
    struct state_check_status status;

    if (verdict->verdict < CMD__VERDICT__VERDICT_UNKNOWN ||
        verdict->verdict > CMD__VERDICT__VERDICT_UNHEALTHY)
        return apply__refuse(apply, ERR_INVALID, "%d is no verdict", (int)verdict->verdict);
    int rc = state_get_check(apply__kv(apply), verdict->health_check_id, &check);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    if (check.version != verdict->version || check.config.type == STATE_CHECK_CALCULATED)
        return 0;
    rc = state_get_check_status(apply__kv(apply), check.id, &status);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    if ((int)status.verdict != (int)verdict->verdict || status.judged_version == 0) {
        status.since_index = apply->index;
        status.since_wall_ms = apply->command->time_wall_ms;
    }
    status.verdict = (enum state_verdict)verdict->verdict;
    status.judged_version = verdict->version;
    status.healthy_checkers = verdict->healthy_checkers;
    status.checkers = verdict->checkers;
    /* What an endpoint answered may be part of it: never a cause to lose the verdicts of others. */
    snprintf(status.reason, sizeof(status.reason), "%s", verdict->reason);
    text_make_printable(status.reason);
    return apply__settle_check(apply, &check, &status);
}

static int put_verdicts(struct apply *apply, const Cmd__PutVerdicts *command)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < command->n_verdicts; i++)
        rc = put_verdict(apply, command->verdicts[i]);
    return rc;
}

int apply__health(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_HEALTH_CHECK: return create(apply, command->create_health_check);
    case CMD__COMMAND__KIND_UPDATE_HEALTH_CHECK: return update(apply, command->update_health_check);
    case CMD__COMMAND__KIND_DELETE_HEALTH_CHECK:
        return delete (apply, command->delete_health_check);
    case CMD__COMMAND__KIND_PUT_VERDICTS: return put_verdicts(apply, command->put_verdicts);
    case CMD__COMMAND__KIND_PUT_OVERRIDE: return apply__put_override(apply, command->put_override);
    case CMD__COMMAND__KIND_DELETE_OVERRIDE:
        return apply__delete_override(apply, command->delete_override);
    default: return ERR_VERSION;
    }
}
