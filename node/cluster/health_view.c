#include "cluster/health_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cluster/apply.h"
#include "cluster/apply_octet.h"
#include "policy/health.h"
#include "store/state_health.h"

struct health_view {
    struct policy_health *health;
    uint32_t slot_last; /* the greatest that was ever written */
    bool is_behind;
    health_view_cb cb; /* may be NULL */
    void *user;
};

int health_view_new(struct policy_health *health, struct health_view **out)
{
    struct health_view *view = calloc(1, sizeof(*view));

    if (!view)
        return ERR_NOMEM;
    view->health = health;
    *out = view;
    return 0;
}

void health_view_free(struct health_view *view)
{
    free(view);
}

void health_view_watch(struct health_view *view, health_view_cb cb, void *user)
{
    view->cb = cb;
    view->user = user;
}

void health_view_count(const struct health_view *view, uint64_t out[16])
{
    for (uint32_t slot = 1; slot <= view->slot_last; slot++) {
        const uint8_t octet = policy_health_get(view->health, slot);
        out[octet & (uint8_t)~POLICY_HEALTHY_BIT & 15u]++;
    }
}

bool health_view_is_behind(const struct health_view *view)
{
    return view->is_behind;
}

struct loading {
    struct health_view *view;
    const struct kv *kv;
    uint8_t *owned; /* a bit for each slot up to slot_last of before */
    uint32_t owned_last;
};

static int restore(struct loading *loading, uint32_t slot, uint8_t octet, uint64_t index)
{
    if (slot <= loading->owned_last)
        loading->owned[slot / 8] |= (uint8_t)(1u << (slot % 8));
    if (slot > loading->view->slot_last)
        loading->view->slot_last = slot;
    return policy_health_restore(loading->view->health, slot, octet, index);
}

static int on_check(void *user, const struct state_check *check)
{
    struct loading *loading = user;
    struct state_check_status status;
    int rc = state_get_check_status(loading->kv, check->id, &status);

    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    return restore(loading, check->slot, status.octet, status.octet_index);
}

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    if (key->health_check_id)
        return 0; /* in the octet of its check */
    return restore(user, override->slot, apply_override_octet(override->mode),
                   override->octet_index);
}

/* What had a slot before and has none now. */
static int clear_rest(struct loading *loading)
{
    int rc = 0;

    for (uint32_t slot = 1; rc == 0 && slot <= loading->owned_last; slot++) {
        if (!(loading->owned[slot / 8] & (1u << (slot % 8))))
            rc = policy_health_restore(loading->view->health, slot,
                                       POLICY_HEALTH_NONE | POLICY_HEALTHY_BIT, 0);
    }
    return rc;
}

int health_view_load(struct health_view *view, const struct kv *kv)
{
    struct loading loading = {.view = view, .kv = kv, .owned_last = view->slot_last};
    int rc = ERR_NOMEM;

    view->is_behind = true;
    loading.owned = calloc(1, loading.owned_last / 8 + 1);
    if (loading.owned)
        rc = state_list_checks(kv, "", on_check, &loading);
    if (rc == 0)
        rc = state_list_overrides(kv, on_override, &loading);
    if (rc == 0)
        rc = clear_rest(&loading);
    free(loading.owned);
    if (rc != 0)
        return rc;
    view->is_behind = false;
    if (view->cb)
        view->cb(view->user, NULL);
    return 0;
}

void health_view_effect(struct health_view *view, const struct apply_effect *effect)
{
    if (effect->kind == APPLY_CHECK_CHANGED && view->cb)
        view->cb(view->user, effect->setting);
    if (effect->kind != APPLY_OCTET)
        return;
    if (effect->slot > view->slot_last)
        view->slot_last = effect->slot;
    int rc = policy_health_set(view->health, effect->slot, effect->octet, effect->index);
    if (rc == 0)
        return;
    log_error("cluster", "health_behind slot=%u why=\"%s\"", effect->slot, err_text(rc));
    view->is_behind = true;
}

bool health_view_is_checked(const struct state_check_config *config, const char *region)
{
    if (config->type == STATE_CHECK_CALCULATED || config->is_disabled)
        return false;
    for (uint32_t i = 0; i < config->region_count; i++) {
        if (strcmp(config->regions[i], region) == 0)
            return true;
    }
    return config->region_count == 0;
}
