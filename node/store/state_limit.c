#include "store/state_limit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/state_health.h"

const struct state_limit state_limits[] = {
    {STATE_LIMIT_ZONES, STATE_LIMIT_OF_OWNER, 1000000},
    {STATE_LIMIT_HEALTH_CHECKS, STATE_LIMIT_OF_OWNER, STATE_CHECKS_MAX},
    {STATE_LIMIT_DELEGATION_SETS, STATE_LIMIT_OF_OWNER, 10000},
    {STATE_LIMIT_TRAFFIC_POLICIES, STATE_LIMIT_OF_OWNER, 10000},
    {STATE_LIMIT_TRAFFIC_INSTANCES, STATE_LIMIT_OF_OWNER, 100000},
    {STATE_LIMIT_RECORD_SETS, STATE_LIMIT_OF_ZONE, 100000000},
    {STATE_LIMIT_VPCS, STATE_LIMIT_OF_ZONE, 1000},
    {STATE_LIMIT_ZONES_OF_SET, STATE_LIMIT_OF_SET, 1000000},
    {0},
};

const struct state_limit *state_find_limit(const char *type)
{
    for (const struct state_limit *limit = state_limits; limit->type; limit++) {
        if (strcmp(limit->type, type) == 0)
            return limit;
    }
    return NULL;
}

bool state_limit_parse(const char *text, uint64_t *out)
{
    uint64_t number = 0;

    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
        if (number > STATE_LIMIT_VALUE_MAX)
            return false;
    }
    if (*text)
        *out = number;
    return *text;
}

int state_get_limit(const struct kv *kv, const char *type, uint64_t *out)
{
    const struct state_limit *limit = state_find_limit(type);
    char name[STATE_SETTING_NAME_SIZE], value[STATE_SETTING_SIZE];

    if (!limit)
        return ERR_NOT_FOUND;
    snprintf(name, sizeof(name), STATE_LIMIT_SETTING "%s", type);
    int rc = state_get_setting(kv, name, value);
    if (rc == ERR_NOT_FOUND)
        *out = limit->usual;
    else if (rc == 0 && !state_limit_parse(value, out))
        rc = ERR_CORRUPT; /* checked when it was set */
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
