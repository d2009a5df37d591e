/* node/cluster/apply_zone.c: zones that come and go. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_vpc.h"
#include "cluster/apply_traffic.h"
#include "cluster/apply_zone.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_limit.h"
#include "store/state_tags.h"
#include "store/state_zone.h"

/* Copy a text whose length was checked. */
static void copy_text(char *out, const char *text)
{
    memcpy(out, text, strlen(text) + 1);
}

void apply__start_change(const struct apply *apply, const struct state_zone *zone,
                         enum state_change_kind kind, const char *change_id,
                         struct state_change *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = kind;
    copy_text(out->id, change_id);
    copy_text(out->zone_id, zone->id);
    copy_text(out->actor, apply->command->actor);
    memcpy(out->zone_name, zone->name, sizeof(out->zone_name));
    copy_text(apply->result->zone_id, zone->id);
    copy_text(apply->result->change_id, change_id);
}

static int tell_zone(struct apply *apply, enum apply_effect_kind kind,
                     const struct state_zone *zone)
{
    struct apply_effect effect = {
        .kind = kind, .content = zone->content, .is_private = zone->is_private};

    effect.zone_id = arena_copy(apply->scratch, zone->id, strlen(zone->id));
    effect.name = arena_copy(apply->scratch, zone->name, dns_name_len(zone->name));
    if (!effect.zone_id || !effect.name)
        return ERR_NOMEM;
    return apply__tell(apply, &effect);
}

int apply__tell_set(struct apply *apply, enum apply_effect_kind kind, const struct state_zone *zone,
                    const struct state_record_set *set)
{
    struct apply_effect effect = {.kind = kind, .content = zone->content, .record_set = *set};

    effect.zone_id = arena_copy(apply->scratch, zone->id, strlen(zone->id));
    return effect.zone_id ? apply__tell(apply, &effect) : ERR_NOMEM;
}

int apply__check_new_change(struct apply *apply, const char *change_id)
{
    struct state_change change;
    int rc = apply__check_id(apply, "change id", change_id, 'C');

    if (rc == 0)
        rc = state_get_change(apply__kv(apply), change_id, &change, NULL, NULL);
    if (rc == ERR_NOT_FOUND)
        return 0;
    return rc != 0 ? rc : apply__refuse(apply, ERR_EXISTS, "change %s is there", change_id);
}

static int check_reference(struct apply *apply, const Cmd__CreateZone *command)
{
    bool is_used = false;
    int rc = apply__check_text(apply, "caller reference", command->caller_reference,
                               STATE_REFERENCE_SIZE);

    if (rc != 0 || !command->is_reference_unique)
        return rc;
    if (command->caller_reference[0] == 0)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "the caller reference is empty");
    rc = state_has_zone_reference(apply__kv(apply), command->caller_reference, &is_used);
    if (rc == 0 && is_used)
        rc = apply__refuse_as(apply, ERR_EXISTS, "HostedZoneAlreadyExists",
                              "A hosted zone has already been created with the specified caller "
                              "reference.");
    return rc;
}

/* A zone id names one zone. */
static int check_new_zone(struct apply *apply, const Cmd__CreateZone *command,
                          struct state_zone *zone)
{
    struct state_zone other;
    int rc = apply__check_id(apply, "zone id", command->zone_id, 'Z');

    if (rc == 0)
        rc = apply__check_text(apply, "comment", command->comment, STATE_COMMENT_SIZE);
    if (rc == 0)
        rc = check_reference(apply, command);
    if (rc != 0)
        return rc;
    if (command->name.len == 0 ||
        dns_name_check(command->name.data, command->name.len) != (int)command->name.len)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidDomainName",
                                "the zone's name is not well formed");
    dns_name_lower(command->name.data, zone->name);
    rc = state_get_zone(apply__kv(apply), command->zone_id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc
                       : apply__refuse(apply, ERR_EXISTS, "zone id %s is taken", command->zone_id);
    return apply__check_limit(apply, STATE_LIMIT_ZONES, apply->counters.zone_count,
                              "TooManyHostedZones");
}

/* Put the first record sets of a new zone: SOA and NS of its apex. */
static int put_first_sets(struct apply *apply, const Cmd__CreateZone *command,
                          struct state_zone *zone, struct state_action *actions)
{
    struct apply__types types = {.count = 0};
    struct zone_problem problem;

    for (size_t i = 0; i < command->n_record_sets; i++) {
        struct apply__set *set = arena_alloc(apply->scratch, sizeof(*set));
        if (!set)
            return ERR_NOMEM;
        int rc = apply__take_set(apply, zone, command->record_sets[i], set);
        if (rc != 0)
            return rc;
        if (!dns_name_is_equal(set->state.name, zone->name) || i >= 2 ||
            (i == 1 && types.types[0] == set->state.type))
            return apply__refuse(apply, ERR_INVALID, "a zone starts with SOA and NS, once each");
        types.types[types.count++] = set->state.type;
        rc = state_put_record_set(apply->overlay, zone->content, NULL, &set->state);
        actions[i] = (struct state_action){NULL, &set->state};
        if (rc == 0)
            rc = apply__tell_set(apply, APPLY_RECORD_SET_PUT, zone, &set->state);
        if (rc != 0)
            return rc;
    }
    zone->record_set_count = types.count;
    if (zone_rules_check_name(zone->name, zone->name, types.types, types.count, &problem) != 0)
        return apply__refuse(apply, ERR_INVALID, "%s", problem.text);
    return 0;
}

/* Check the command, and fill what the zone is before it has contents. */
static int make_zone(struct apply *apply, const Cmd__CreateZone *command, struct state_zone *zone)
{
    int rc = check_new_zone(apply, command, zone);

    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc != 0)
        return rc;
    copy_text(zone->id, command->zone_id);
    copy_text(zone->comment, command->comment);
    copy_text(zone->caller_reference, command->caller_reference);
    zone->created_index = zone->changed_index = apply->index;
    zone->created_wall_ms = apply->command->time_wall_ms;
    zone->is_private = command->vpc;
    rc = apply__place_zone(apply, zone, command->may_repeat_name);
    if (rc == 0)
        rc = apply__join_delegation_set(apply, zone, command->delegation_set_id);
    zone->content = ++apply->counters.content;
    return rc;
}

static int create_zone(struct apply *apply, const Cmd__CreateZone *command)
{
    struct state_zone zone = {0};
    struct state_change change;
    struct state_action actions[2];
    int rc = make_zone(apply, command, &zone);

    if (rc == 0 && !zone.is_not_served)
        rc = tell_zone(apply, APPLY_ZONE_ADDED, &zone);
    if (rc == 0 && zone.is_private)
        rc = apply__join_vpc(apply, &zone, command->vpc);
    if (rc == 0)
        rc = put_first_sets(apply, command, &zone, actions);
    if (rc != 0)
        return rc;
    apply__write_zone(apply, &zone);
    rc = state_settle_zone_name(apply->overlay, zone.name);
    if (rc != 0)
        return rc;
    if (command->is_reference_unique)
        state_put_zone_reference(apply->overlay, zone.caller_reference);
    apply->counters.zone_count++;
    apply->counters.zone_generation++;
    apply__start_change(apply, &zone, STATE_CHANGE_ZONE_CREATED, command->change_id, &change);
    copy_text(change.comment, command->comment);
    change.action_count = (uint32_t)zone.record_set_count;
    return apply__journal(apply, &change, actions);
}

/* Everything of the zone goes, but the zone itself. */
static int empty_zone(struct apply *apply, const struct state_zone *zone)
{
    int rc = apply__import_drop_all(apply, zone->id);

    if (rc == 0)
        rc = state_delete_content(apply->overlay, zone->content);
    if (rc == 0)
        rc = apply__leave_delegation_set(apply, zone);
    if (rc == 0 && zone->is_private)
        rc = apply__leave_vpcs(apply, zone);
    if (rc == 0)
        rc = state_forget_tags(apply->overlay, STATE_TAG_ZONE, zone->id);
    return rc;
}

/* The image is rid of the zone, or shows another one of its name instead. */
static int tell_gone(struct apply *apply, const struct state_zone *zone)
{
    bool has_successor = false;
    int rc = apply__succeed_zone(apply, zone, &has_successor);

    if (rc != 0)
        return rc;
    if (!zone->is_not_served && !has_successor)
        return tell_zone(apply, APPLY_ZONE_REMOVED, zone);
    return tell_zone(apply, APPLY_CONTENT_DROPPED, zone);
}

static int delete_zone(struct apply *apply, const Cmd__DeleteZone *command)
{
    struct state_zone zone;
    struct state_change change;
    int rc = apply__read_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc != 0)
        return rc;
    if (zone.record_set_count > 2 && !command->with_contents)
        return apply__refuse_as(apply, ERR_CONFLICT, "HostedZoneNotEmpty",
                                "The specified hosted zone contains non-required resource record "
                                "sets  and so cannot be deleted.");
    rc = apply__check_no_instance(apply, &zone, "HostedZoneNotEmpty");
    if (rc != 0)
        return rc;
    uint64_t content = zone.content;
    rc = empty_zone(apply, &zone);
    if (rc != 0)
        return rc;
    state_delete_zone(apply->overlay, &zone);
    apply->has_zone = false;
    zone.content = 0;
    rc = apply__sweep_overrides(apply, &zone);
    if (rc == 0)
        rc = apply__drop_extras(apply, &zone);
    zone.content = content;
    if (rc != 0)
        return rc;
    ASSERT(apply->counters.zone_count > 0);
    apply->counters.zone_count--;
    apply->counters.zone_generation++;
    apply__start_change(apply, &zone, STATE_CHANGE_ZONE_DELETED, command->change_id, &change);
    rc = tell_gone(apply, &zone);
    return rc != 0 ? rc : apply__journal(apply, &change, NULL);
}

static int update_zone(struct apply *apply, const Cmd__UpdateZone *command)
{
    struct state_zone zone;
    int rc = apply__read_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = apply__check_text(apply, "comment", command->comment, STATE_COMMENT_SIZE);
    if (rc != 0)
        return rc;
    if (command->has_comment)
        copy_text(zone.comment, command->comment);
    if (command->has_accelerated_recovery)
        zone.accelerated_recovery = command->accelerated_recovery;
    copy_text(apply->result->zone_id, zone.id);
    apply__write_zone(apply, &zone);
    return 0;
}

int apply__zones(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_ZONE: return create_zone(apply, command->create_zone);
    case CMD__COMMAND__KIND_DELETE_ZONE: return delete_zone(apply, command->delete_zone);
    case CMD__COMMAND__KIND_UPDATE_ZONE: return update_zone(apply, command->update_zone);
    case CMD__COMMAND__KIND_ACTIVATE_ZONE:
        return apply__activate_zone(apply, command->activate_zone);
    case CMD__COMMAND__KIND_CREATE_DELEGATION_SET:
        return apply__create_delegation_set(apply, command->create_delegation_set);
    case CMD__COMMAND__KIND_DELETE_DELEGATION_SET:
        return apply__delete_delegation_set(apply, command->delete_delegation_set);
    default: return ERR_VERSION;
    }
}
