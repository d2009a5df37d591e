/* node/cluster/apply_limit.c: how many of a thing there may be (store/state_limit.h). */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "store/state_limit.h"

int apply__check_limit(struct apply *apply, const char *type, uint64_t count, const char *error)
{
    uint64_t limit = 0;
    int rc = state_get_limit(apply__kv(apply), type, &limit);

    if (rc != 0 || count < limit)
        return rc;
    return apply__refuse_as(apply, ERR_LIMIT, error,
                            "Limits Exceeded: %s - %" PRIu64 " are the most there may be", type,
                            limit);
}

int apply__check_limit_setting(struct apply *apply, const char *name, const char *value)
{
    uint64_t number;

    if (strncmp(name, STATE_LIMIT_SETTING, strlen(STATE_LIMIT_SETTING)) != 0)
        return 0;
    const char *type = name + strlen(STATE_LIMIT_SETTING);
    if (!state_find_limit(type))
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput", "there is no limit %s", type);
    if (value[0] != 0 && !state_limit_parse(value, &number))
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "a limit is a number up to %" PRIu64, STATE_LIMIT_VALUE_MAX);
    return 0;
}
