/* node/cluster/apply_octet.c: what routing takes a check for, as one octet (policy/health.h). It is
 * found here, once, when something that it depends on changes, and is a part of the state:
 *
 *   override      forced up: healthy; forced down, draining: unhealthy
 *   disabled      healthy; inverted: unhealthy
 *   calculated    healthy children >= threshold (so 0: always, more than there are: never)
 *   no opinion    healthy; inverted: unhealthy
 *   verdict       as it says
 *
 * each but the override turned round if inverted. Children count as healthy when their octet says
 * so, when they are disabled, or gone. Calculated checks have no calculated children, so a change
 * goes up one level. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_routing.h"
#include "policy/health.h"

static uint8_t octet(enum policy_health_reason reason, bool is_healthy)
{
    return (uint8_t)(reason | (is_healthy ? POLICY_HEALTHY_BIT : 0u));
}

static uint8_t octet_of_verdict(bool is_healthy)
{
    return octet(is_healthy ? POLICY_HEALTH_HEALTHY : POLICY_HEALTH_UNHEALTHY, is_healthy);
}

uint8_t apply_override_octet(enum state_override_mode mode)
{
    switch (mode) {
    case STATE_OVERRIDE_FORCE_UP: return octet(POLICY_HEALTH_FORCED_UP, true);
    case STATE_OVERRIDE_FORCE_DOWN: return octet(POLICY_HEALTH_FORCED_DOWN, false);
    case STATE_OVERRIDE_DRAIN: return octet(POLICY_HEALTH_DRAINING, false);
    case STATE_OVERRIDE_NONE: break;
    }
    return octet(POLICY_HEALTH_NONE, true);
}

static uint8_t find_octet(const struct state_check_config *config,
                          const struct state_check_status *status, enum state_override_mode mode)
{
    if (mode != STATE_OVERRIDE_NONE)
        return apply_override_octet(mode);
    if (config->is_disabled)
        return octet(POLICY_HEALTH_DISABLED, !config->is_inverted);
    if (config->type == STATE_CHECK_CALCULATED)
        return octet_of_verdict((status->healthy_children >= config->health_threshold) !=
                                config->is_inverted);
    if (status->verdict == STATE_VERDICT_UNKNOWN)
        return octet(POLICY_HEALTH_UNKNOWN, !config->is_inverted);
    return octet_of_verdict((status->verdict == STATE_VERDICT_HEALTHY) != config->is_inverted);
}

static bool counts_as_healthy(uint8_t octet)
{
    return policy_is_healthy(octet) || octet == POLICY_HEALTH_DISABLED;
}

static int read_mode(struct apply *apply, const char *id, enum state_override_mode *mode)
{
    struct state_override override = {.mode = STATE_OVERRIDE_NONE};
    int rc = state_get_override(apply__kv(apply),
                                &(struct state_override_key){.health_check_id = id}, &override);

    *mode = override.mode;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Without what is above it. */
static int settle_one(struct apply *apply, const struct state_check *check,
                      struct state_check_status *status)
{
    enum state_override_mode mode;
    uint8_t before = status->octet;
    int rc = read_mode(apply, check->id, &mode);

    if (rc != 0)
        return rc;
    status->octet = find_octet(&check->config, status, mode);
    if (policy_is_healthy(before) != policy_is_healthy(status->octet))
        status->octet_index = apply->index;
    state_put_check_status(apply->overlay, check->id, status);
    return status->octet != before ? apply__tell_octet(apply, check->slot, status->octet) : 0;
}

/* One more child of the calculated check @id counts as healthy, or one less. */
static int settle_parent(struct apply *apply, const char *id, bool is_more)
{
    struct state_check parent;
    struct state_check_status status;
    int rc = state_get_check(apply__kv(apply), id, &parent);

    if (rc == 0)
        rc = state_get_check_status(apply__kv(apply), id, &status);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    status.healthy_children += is_more ? 1u : -1u;
    if (status.healthy_children > parent.config.child_count)
        return ERR_CORRUPT;
    return settle_one(apply, &parent, &status);
}

struct parents {
    struct apply *apply;
    uint32_t count;
    char (*ids)[STATE_UUID_SIZE]; /* NULL: only count */
};

static int on_parent(void *user, const char *id)
{
    struct parents *parents = user;

    if (parents->ids)
        memcpy(parents->ids[parents->count], id, STATE_UUID_SIZE);
    parents->count++;
    return 0;
}

static int settle_parents(struct apply *apply, const char *child_id, bool is_more)
{
    struct parents parents = {.apply = apply};
    int rc = state_list_parents(apply__kv(apply), child_id, on_parent, &parents);

    if (rc != 0 || parents.count == 0)
        return rc;
    parents.ids = arena_alloc(apply->scratch, parents.count * sizeof(*parents.ids));
    if (!parents.ids)
        return ERR_NOMEM;
    parents.count = 0;
    rc = state_list_parents(apply__kv(apply), child_id, on_parent, &parents);
    for (uint32_t i = 0; rc == 0 && i < parents.count; i++)
        rc = settle_parent(apply, parents.ids[i], is_more);
    return rc;
}

int apply__settle_check(struct apply *apply, const struct state_check *check,
                        struct state_check_status *status)
{
    bool was = counts_as_healthy(status->octet);
    int rc = settle_one(apply, check, status);
    bool is = counts_as_healthy(status->octet);

    return rc == 0 && is != was ? settle_parents(apply, check->id, is) : rc;
}

int apply__settle_gone(struct apply *apply, const struct state_check *check,
                       const struct state_check_status *status)
{
    int rc = apply__tell_octet(apply, check->slot, octet(POLICY_HEALTH_NONE, true));

    return rc == 0 && !counts_as_healthy(status->octet) ? settle_parents(apply, check->id, true)
                                                        : rc;
}

int apply__count_children(struct apply *apply, const struct state_check_config *config,
                          uint32_t *healthy)
{
    struct state_check_status status;
    uint32_t count = 0;

    for (uint32_t i = 0; i < config->child_count; i++) {
        int rc = state_get_check_status(apply__kv(apply), config->children[i], &status);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        if (rc == ERR_NOT_FOUND || counts_as_healthy(status.octet))
            count++;
    }
    *healthy = count;
    return 0;
}
