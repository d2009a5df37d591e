/* node/cluster/apply_guard.c: the guard against mass deletion: a batch of changes that takes more
 * than a share of a zone's record sets away is refused, whoever asks. Small batches always pass: in
 * a small zone each set is a large share. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_guard.h"

#define PERCENT_MAX 100u
#define REMOVED_FREE 10u /* record sets that any batch may remove */

static bool is_percent(const char *text)
{
    return text[0] != 0 && strlen(text) <= 3 && text[strspn(text, "0123456789")] == 0 &&
           strtoul(text, NULL, 10) <= PERCENT_MAX;
}

int apply__check_guard_setting(struct apply *apply, const char *name, const char *value)
{
    if (strcmp(name, STATE_SETTING_GUARD_DELETE) != 0 || value[0] == 0 || is_percent(value))
        return 0;
    return apply__refuse(apply, ERR_INVALID, "%s is a number up to %u; 0 turns the guard off", name,
                         PERCENT_MAX);
}

static int read_percent(struct apply *apply, uint64_t *out)
{
    char value[STATE_SETTING_SIZE];
    int rc = state_get_setting(apply__kv(apply), STATE_SETTING_GUARD_DELETE, value);

    *out = 0;
    if (rc == 0)
        *out = strtoul(value, NULL, 10); /* checked when it was set */
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Sets that were there and are not any more: one that the batch has put again is not removed. */
static int count_removed(struct apply *apply, uint64_t content,
                         const struct apply__actions *actions, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < actions->count; i++) {
        const struct state_action *action = &actions->list[i];
        const struct state_record_set *now = NULL;
        if (!action->before || action->after)
            continue;
        int rc = apply__read_set(apply, content, action->before, &now);
        if (rc != 0)
            return rc;
        *out += now == NULL;
    }
    return 0;
}

int apply__check_guard(struct apply *apply, const struct state_zone *zone, uint64_t set_count,
                       const struct apply__actions *actions)
{
    uint64_t percent, removed;
    int rc = read_percent(apply, &percent);

    if (rc != 0 || percent == 0 || actions->count <= REMOVED_FREE)
        return rc;
    rc = count_removed(apply, zone->content, actions, &removed);
    if (rc != 0 || removed <= REMOVED_FREE || removed * 100 <= percent * set_count)
        return rc;
    return apply__refuse_as(apply, ERR_DENIED, "AccessDenied",
                            "the batch would remove %" PRIu64 " of the zone's %" PRIu64
                            " record sets, but at most %" PRIu64
                            " %% may go at once; 'quartet cluster settings --delete-percent' "
                            "changes that",
                            removed, set_count, percent);
}
