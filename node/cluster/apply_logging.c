/* node/cluster/apply_logging.c: query logging configurations. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "proto/command.pb-c.h"
#include "store/state_logging.h"

#define ACCOUNT_DIGITS 12u
#define GROUP_MAX 512u

static int tell_zone(struct apply *apply, const char *zone_id)
{
    struct apply_effect effect = {.kind = APPLY_LOGGING_CHANGED};

    effect.zone_id = arena_copy(apply->scratch, zone_id, strlen(zone_id));
    return effect.zone_id ? apply__tell(apply, &effect) : ERR_NOMEM;
}

/* Characters of CloudWatch's log groups. */
static bool is_group(const char *text, size_t len)
{
    bool is_good = len >= 1 && len <= GROUP_MAX;

    for (size_t i = 0; is_good && i < len; i++)
        is_good = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z') ||
                  (text[i] >= 'A' && text[i] <= 'Z') || (text[i] && strchr("_-/.#", text[i]));
    return is_good;
}

/* arn:aws:logs:us-east-1:<12 digits>:log-group:<name>[:*]. The partition and the region may be
 * others: where this runs there is no us-east-1. */
static bool is_log_group_arn(const char *text)
{
    static const char mark[] = ":log-group:";

    if (strncmp(text, "arn:aws", 7) != 0)
        return false;
    const char *at = strstr(text, ":logs:");
    if (!at || strcspn(text + 4, ":") != (size_t)(at - text - 4))
        return false;
    at += 6;
    size_t region_len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (region_len == 0 || at[region_len] != ':')
        return false;
    at += region_len + 1;
    if (strspn(at, "0123456789") != ACCOUNT_DIGITS ||
        strncmp(at + ACCOUNT_DIGITS, mark, sizeof(mark) - 1) != 0)
        return false;
    at += ACCOUNT_DIGITS + sizeof(mark) - 1;
    size_t len = strcspn(at, ":");
    return is_group(at, len) && (at[len] == '\0' || strcmp(at + len, ":*") == 0);
}

/* The zone that is to be logged, or a refusal. */
static int read_public_zone(struct apply *apply, const char *zone_id, struct state_zone *zone)
{
    int rc = apply__read_zone(apply, zone_id, zone);

    if (rc == 0 && zone->is_private)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "queries of private zones are not logged by their zone");
    return rc;
}

static int put(struct apply *apply, const Cmd__PutQueryLogging *command)
{
    struct state_logging logging = {0}, other;
    struct state_zone zone;
    int rc = apply__check_uuid(apply, "the configuration's id", command->config_id);

    if (rc == 0)
        rc = read_public_zone(apply, command->zone_id, &zone);
    if (rc == 0 && (strlen(command->log_group_arn) >= STATE_ARN_SIZE ||
                    !is_log_group_arn(command->log_group_arn)))
        rc = apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                              "The ARN for the CloudWatch Logs log group is invalid");
    if (rc != 0)
        return rc;
    rc = state_get_logging_of_zone(apply__kv(apply), zone.id, &other);
    if (rc == 0)
        return apply__refuse_as(apply, ERR_EXISTS, "QueryLoggingConfigAlreadyExists",
                                "A query logging configuration already exists for this hosted "
                                "zone: %s",
                                other.id);
    if (rc == ERR_NOT_FOUND)
        rc = state_get_logging(apply__kv(apply), command->config_id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : apply__refuse(apply, ERR_EXISTS, "configuration %s exists", other.id);
    memcpy(logging.id, command->config_id, STATE_UUID_SIZE);
    memcpy(logging.zone_id, zone.id, sizeof(logging.zone_id));
    memcpy(logging.log_group_arn, command->log_group_arn, strlen(command->log_group_arn) + 1);
    state_put_logging(apply->overlay, &logging);
    apply__name_result(apply, logging.id);
    return tell_zone(apply, zone.id);
}

static int delete_logging(struct apply *apply, const Cmd__DeleteQueryLogging *command)
{
    struct state_logging logging;
    int rc = state_get_logging(apply__kv(apply), command->config_id, &logging);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchQueryLoggingConfig",
                                "The query logging configuration with the ID %.40s does not exist",
                                command->config_id);
    if (rc != 0)
        return rc;
    state_delete_logging(apply->overlay, &logging);
    return tell_zone(apply, logging.zone_id);
}

int apply__drop_extras(struct apply *apply, const struct state_zone *zone)
{
    struct state_logging logging;
    int rc = state_get_logging_of_zone(apply__kv(apply), zone->id, &logging);

    if (rc == 0) {
        state_delete_logging(apply->overlay, &logging);
        rc = tell_zone(apply, zone->id);
    }
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    return apply__drop_signing_keys(apply, zone);
}

int apply__logging(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_PUT_QUERY_LOGGING: return put(apply, command->put_query_logging);
    case CMD__COMMAND__KIND_DELETE_QUERY_LOGGING:
        return delete_logging(apply, command->delete_query_logging);
    default: return ERR_VERSION;
    }
}
