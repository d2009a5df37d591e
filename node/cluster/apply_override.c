/* node/cluster/apply_override.c: overrides, of a check or of one record set. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "dns/name.h"
#include "policy/health.h"
#include "proto/command.pb-c.h"

/* What an override is of, checked as far as its form goes. */
struct target {
    struct state_override_key key;
    struct state_record_set set;
    struct state_check check; /* if it is of one */
    struct state_check_status status;
    bool is_check;
};
struct target_words { /* as in the commands */
    const char *health_check_id, *zone_id, *set_identifier;
    const ProtobufCBinaryData *name;
    uint32_t type;
};

static int take_check(struct apply *apply, const char *id, struct target *out)
{
    int rc = apply__check_uuid(apply, "the health check's id", id);

    if (rc == 0)
        rc = state_get_check(apply__kv(apply), id, &out->check);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchHealthCheck",
                                "A health check with id %s does not exist.", id);
    if (rc == 0)
        rc = state_get_check_status(apply__kv(apply), id, &out->status);
    out->is_check = true;
    out->key.health_check_id = out->check.id;
    return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
}

static int take_set(struct apply *apply, const struct target_words *words, struct target *out)
{
    size_t identifier_len = strlen(words->set_identifier);
    int rc = apply__check_id(apply, "zone id", words->zone_id, 'Z');

    if (rc != 0)
        return rc;
    if (words->name->len == 0 ||
        dns_name_check(words->name->data, words->name->len) != (int)words->name->len)
        return apply__refuse(apply, ERR_INVALID, "the record set has no well-formed name");
    if (words->type == 0 || words->type > UINT16_MAX)
        return apply__refuse(apply, ERR_INVALID, "%u is not a record type", words->type);
    if (identifier_len > STATE_SET_IDENTIFIER_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a set identifier is longer than %u octets",
                             STATE_SET_IDENTIFIER_MAX);
    uint8_t *name = arena_alloc(apply->scratch, words->name->len);
    if (!name)
        return ERR_NOMEM;
    dns_name_lower(words->name->data, name);
    out->set.name = name;
    out->set.type = (uint16_t)words->type;
    out->set.set_identifier = identifier_len > 0 ? words->set_identifier : NULL;
    out->set.set_identifier_len = identifier_len;
    out->key.zone_id = words->zone_id;
    out->key.set = &out->set;
    return 0;
}

static int take_target(struct apply *apply, const struct target_words *words, struct target *out)
{
    memset(out, 0, sizeof(*out));
    if (words->health_check_id[0] != 0 && words->zone_id[0] != 0)
        return apply__refuse(apply, ERR_INVALID,
                             "an override is of a health check or of a record set, not of both");
    return words->health_check_id[0] != 0 ? take_check(apply, words->health_check_id, out)
                                          : take_set(apply, words, out);
}

/* Whoever shows or serves the set must look again. */
static int tell_changed(struct apply *apply, const struct target *target)
{
    if (target->is_check)
        return apply__tell_about(apply, APPLY_CHECK_CHANGED, target->check.id);
    struct apply_effect effect = {.kind = APPLY_OVERRIDE_CHANGED};
    effect.record_set = target->set;
    effect.zone_id = arena_copy(apply->scratch, target->key.zone_id, strlen(target->key.zone_id));
    if (!effect.zone_id)
        return ERR_NOMEM;
    return apply__tell(apply, &effect);
}

/* Only a set that is there can have an override. */
static int check_set_exists(struct apply *apply, const struct target *target)
{
    const struct state_record_set *stored;
    struct state_zone zone;
    int rc = apply__read_zone(apply, target->key.zone_id, &zone);

    if (rc == 0)
        rc = apply__read_set(apply, zone.content, &target->set, &stored);
    if (rc == 0 && !stored)
        return apply__refuse(apply, ERR_NOT_FOUND, "the zone has no such record set to override");
    return rc;
}

static int check_words(struct apply *apply, const Cmd__PutOverride *command)
{
    if (command->mode < CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP ||
        command->mode > CMD__OVERRIDE_MODE__OVERRIDE_DRAIN)
        return apply__refuse(apply, ERR_INVALID, "an override is up, down or drain");
    if (command->reason[0] == 0)
        return apply__refuse(apply, ERR_INVALID, "an override needs a reason");
    if (command->expires_wall_ms != 0 && command->expires_wall_ms <= apply->command->time_wall_ms)
        return apply__refuse(apply, ERR_INVALID, "the override would have expired already");
    return apply__check_shown(apply, "the reason", command->reason, STATE_CHECK_TEXT_SIZE);
}

/* Of a record set: its own slot, which it keeps while it is replaced. */
static int put_of_set(struct apply *apply, const struct target *target,
                      const struct state_override *old, struct state_override *override)
{
    uint8_t before = apply_override_octet(old ? old->mode : STATE_OVERRIDE_NONE);
    uint8_t after = apply_override_octet(override->mode);
    int rc = 0;

    if (old) {
        override->slot = old->slot;
        override->octet_index = old->octet_index;
    } else
        rc = apply__next_slot(apply, &override->slot);
    if (rc != 0)
        return rc;
    if (policy_is_healthy(before) != policy_is_healthy(after))
        override->octet_index = apply->index;
    state_put_override(apply->overlay, &target->key, override);
    return apply__tell_octet(apply, override->slot, after);
}

static int count_one(void *user, const struct state_override_key *key,
                     const struct state_override *override)
{
    (void)key, (void) override;
    ++*(uint64_t *)user;
    return 0;
}

/* One more override: the leader looks at all of them every second. They are counted from the first
 * command on that says so, and so on every replica from the same one. */
static int count_in(struct apply *apply, bool is_limited)
{
    uint64_t count = 0;

    if (apply->counters.override_count == 0) {
        int rc = is_limited ? state_list_overrides(apply__kv(apply), count_one, &count) : 0;
        if (rc != 0 || !is_limited)
            return rc;
        apply->counters.override_count = count + 1;
    }
    if (is_limited && apply->counters.override_count > STATE_OVERRIDES_MAX)
        return apply__refuse(apply, ERR_LIMIT, "there are %u overrides: clear some",
                             STATE_OVERRIDES_MAX);
    apply->counters.override_count++;
    apply->has_new_counters = true;
    return 0;
}

static void count_out(struct apply *apply)
{
    if (apply->counters.override_count <= 1)
        return;
    apply->counters.override_count--;
    apply->has_new_counters = true;
}

static int put(struct apply *apply, struct target *target, struct state_override *override,
               bool is_limited)
{
    struct state_override old;
    int rc = state_get_override(apply__kv(apply), &target->key, &old);

    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    bool is_new = rc == ERR_NOT_FOUND;
    rc = is_new ? count_in(apply, is_limited) : 0;
    if (rc != 0)
        return rc;
    if (!target->is_check)
        rc = put_of_set(apply, target, is_new ? NULL : &old, override);
    else {
        state_put_override(apply->overlay, &target->key, override);
        rc = apply__settle_check(apply, &target->check, &target->status);
    }
    return rc != 0 ? rc : tell_changed(apply, target);
}

int apply__put_override(struct apply *apply, const struct Cmd__PutOverride *command)
{
    struct target_words words = {command->health_check_id, command->zone_id,
                                 command->set_identifier, &command->name, command->type};
    struct state_override override = {.mode = (enum state_override_mode)command->mode};
    struct target target;
    int rc = check_words(apply, command);

    if (rc == 0)
        rc = take_target(apply, &words, &target);
    if (rc == 0 && !target.is_check)
        rc = check_set_exists(apply, &target);
    if (rc != 0)
        return rc;
    memcpy(override.reason, command->reason, strlen(command->reason) + 1);
    memcpy(override.actor, apply->command->actor, strlen(apply->command->actor) + 1);
    override.set_wall_ms = apply->command->time_wall_ms;
    override.expires_wall_ms = command->expires_wall_ms;
    return put(apply, &target, &override, command->is_limited);
}

static int remove_override(struct apply *apply, struct target *target,
                           const struct state_override *override)
{
    state_delete_override(apply->overlay, &target->key);
    count_out(apply);
    int rc = target->is_check ? apply__settle_check(apply, &target->check, &target->status)
                              : apply__tell_octet(apply, override->slot,
                                                  apply_override_octet(STATE_OVERRIDE_NONE));
    return rc != 0 ? rc : tell_changed(apply, target);
}

int apply__delete_override(struct apply *apply, const struct Cmd__DeleteOverride *command)
{
    struct target_words words = {command->health_check_id, command->zone_id,
                                 command->set_identifier, &command->name, command->type};
    struct state_override override;
    struct target target;
    int rc = take_target(apply, &words, &target);

    if (rc == 0)
        rc = state_get_override(apply__kv(apply), &target.key, &override);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no override to clear");
    if (rc != 0)
        return rc;
    if (command->only_expired &&
        (override.expires_wall_ms == 0 || override.expires_wall_ms > apply->command->time_wall_ms))
        return apply__refuse(apply, ERR_CONFLICT, "the override has not expired");
    return remove_override(apply, &target, &override);
}

int apply__drop_override(struct apply *apply, const char *check_id)
{
    struct state_override_key key = {.health_check_id = check_id};
    struct state_override override;
    int rc = state_get_override(apply__kv(apply), &key, &override);

    if (rc == 0)
        count_out(apply);
    if (rc == 0 || rc == ERR_NOT_FOUND)
        state_delete_override(apply->overlay, &key);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int apply__forget_override(struct apply *apply, const struct state_zone *zone,
                           const struct state_record_set *set)
{
    struct target target = {.key = {.zone_id = zone->id, .set = set}, .set = *set};
    const struct state_record_set *stored = NULL;
    struct state_override override;
    int rc = state_get_override(apply__kv(apply), &target.key, &override);

    if (rc == 0 && zone->content != 0)
        rc = apply__read_set(apply, zone->content, set, &stored);
    if (rc != 0 || stored)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    target.key.set = &target.set;
    return remove_override(apply, &target, &override);
}

struct sweep {
    struct apply *apply;
    struct state_record_set *sets; /* with an override; NULL: only count */
    size_t count;
};

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    struct sweep *sweep = user;
    const struct state_record_set *set = key->set;

    (void) override;
    if (sweep->sets) {
        struct state_record_set *out = &sweep->sets[sweep->count];
        *out = *set;
        out->name = arena_copy(sweep->apply->scratch, set->name, dns_name_len(set->name));
        if (set->set_identifier_len > 0)
            out->set_identifier =
                arena_copy(sweep->apply->scratch, set->set_identifier, set->set_identifier_len);
        if (!out->name || (set->set_identifier_len > 0 && !out->set_identifier))
            return ERR_NOMEM;
    }
    sweep->count++;
    return 0;
}

int apply__sweep_overrides(struct apply *apply, const struct state_zone *zone)
{
    struct sweep sweep = {.apply = apply};
    int rc = state_list_zone_overrides(apply__kv(apply), zone->id, on_override, &sweep);

    if (rc != 0 || sweep.count == 0)
        return rc;
    sweep.sets = arena_alloc(apply->scratch, sweep.count * sizeof(*sweep.sets));
    if (!sweep.sets)
        return ERR_NOMEM;
    sweep.count = 0;
    rc = state_list_zone_overrides(apply__kv(apply), zone->id, on_override, &sweep);
    for (size_t i = 0; rc == 0 && i < sweep.count; i++)
        rc = apply__forget_override(apply, zone, &sweep.sets[i]);
    return rc;
}
