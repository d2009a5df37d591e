#include "store/state_value.h"

#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"

int state__unpack(const ProtobufCMessageDescriptor *kind, struct kv_slice value, void *out)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, NULL, value.len, value.data);
    if (!message)
        return ERR_CORRUPT;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(kind, 1);
    const uint32_t *version = (const uint32_t *)(void *)((uint8_t *)message + field->offset);
    if (*version != STATE_VERSION || message->n_unknown_fields > 0) {
        int rc = *version == 0 ? ERR_CORRUPT : ERR_VERSION;
        protobuf_c_message_free_unpacked(message, NULL);
        return rc;
    }
    *(ProtobufCMessage **)out = message;
    return 0;
}

int state__finish(ProtobufCMessage *message, bool is_sound)
{
    protobuf_c_message_free_unpacked(message, NULL);
    return is_sound ? 0 : ERR_CORRUPT;
}

bool state__take_text(const char *text, char *out, size_t size)
{
    size_t len = strlen(text);

    if (len >= size)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool take_octets(const ProtobufCBinaryData *from, uint8_t *out, size_t len)
{
    if (from->len != len)
        return false;
    memcpy(out, from->data, len);
    return true;
}

static bool take_name(const ProtobufCBinaryData *from, uint8_t *out)
{
    if (from->len == 0 || dns_name_check(from->data, from->len) != (int)from->len)
        return false;
    memcpy(out, from->data, from->len);
    return true;
}

int state_value_applied(struct kv_slice value, struct state_applied *out)
{
    State__Applied *from;
    int rc = state__unpack(&state__applied__descriptor, value, &from);

    if (rc != 0)
        return rc;
    *out = (struct state_applied){from->index, from->term, {from->hash_high, from->hash_low}};
    return state__finish(&from->base, true);
}

int state_value_cluster(struct kv_slice value, struct state_cluster *out)
{
    struct state_cluster got = {0};
    State__Cluster *from;
    int rc = state__unpack(&state__cluster__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = take_octets(&from->cluster_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->name, got.name, sizeof(got.name)) &&
                    state__take_text(from->domain, got.domain, sizeof(got.domain));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state_value_counters(struct kv_slice value, struct state_counters *out)
{
    struct state_counters got = {0};
    State__Counters *from;
    int rc = state__unpack(&state__counters__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.content = from->content;
    got.change_count = from->change_count;
    got.zone_count = from->zone_count;
    got.zone_generation = from->zone_generation;
    got.slot = from->slot;
    got.cidr_slot = from->cidr_slot;
    got.health_check_count = from->health_check_count;
    got.cidr_collection_count = from->cidr_collection_count;
    got.delegation_set_count = from->delegation_set_count;
    got.override_count = from->override_count;
    got.region_number = from->region_number;
    bool is_sound = take_octets(&from->change_from, got.change_from, sizeof(got.change_from));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state_value_conf(struct kv_slice value, struct state_conf *out)
{
    State__Conf *from;
    int rc = state__unpack(&state__conf__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->n_members <= STATE_MEMBERS_MAX;
    if (is_sound) {
        memset(out, 0, sizeof(*out));
        out->count = (uint32_t)from->n_members;
        for (uint32_t i = 0; i < out->count; i++) {
            out->members[i].id = from->members[i]->id;
            out->members[i].role = from->members[i]->role;
        }
    }
    return state__finish(&from->base, is_sound);
}

int state_value_zone(struct kv_slice value, struct state_zone *out)
{
    struct state_zone got = {0};
    State__Zone *from;
    int rc = state__unpack(&state__zone__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.content = from->content;
    got.record_set_count = from->record_set_count;
    got.created_index = from->created_index;
    got.changed_index = from->changed_index;
    got.created_wall_ms = from->created_wall_ms;
    got.is_private = from->is_private;
    got.is_not_served = from->is_not_served;
    got.accelerated_recovery = from->accelerated_recovery;
    bool is_sound = state__take_text(from->zone_id, got.id, sizeof(got.id)) &&
                    take_name(&from->name, got.name) &&
                    state__take_text(from->comment, got.comment, sizeof(got.comment)) &&
                    state__take_text(from->caller_reference, got.caller_reference,
                                     sizeof(got.caller_reference)) &&
                    state__take_text(from->delegation_set_id, got.delegation_set_id,
                                     sizeof(got.delegation_set_id));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state_value_import(struct kv_slice value, struct state_import *out)
{
    struct state_import got = {0};
    State__Import *from;
    int rc = state__unpack(&state__import__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.content = from->content;
    got.record_set_count = from->record_set_count;
    got.chunk_count = from->chunk_count;
    got.begun_wall_ms = from->begun_wall_ms;
    got.last_key_len = from->last_key.len;
    bool is_sound = state__take_text(from->change_id, got.change_id, sizeof(got.change_id)) &&
                    state__take_text(from->zone_id, got.zone_id, sizeof(got.zone_id)) &&
                    state__take_text(from->comment, got.comment, sizeof(got.comment)) &&
                    state__take_text(from->actor, got.actor, sizeof(got.actor)) &&
                    from->last_key.len <= sizeof(got.last_key);
    if (is_sound && got.last_key_len > 0)
        memcpy(got.last_key, from->last_key.data, got.last_key_len);
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

/* The stored octets start at done_below, those in memory are a ring. */
static void take_results(const ProtobufCBinaryData *from, struct state_session *out)
{
    size_t begin = out->done_below % STATE_SESSION_WINDOW;
    size_t first =
        STATE_SESSION_WINDOW - begin < from->len ? STATE_SESSION_WINDOW - begin : from->len;

    memset(out->results, 0, sizeof(out->results));
    if (from->len > 0) {
        memcpy(out->results + begin, from->data, first);
        memcpy(out->results, from->data + first, from->len - first);
    }
}

int state_value_session(struct kv_slice value, struct state_session *out)
{
    State__Session *from;
    int rc = state__unpack(&state__session__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->results.len <= STATE_SESSION_WINDOW;
    if (is_sound) {
        out->used_index = from->used_index;
        out->done_below = from->done_below;
        take_results(&from->results, out);
    }
    return state__finish(&from->base, is_sound);
}

static bool take_addresses(const State__Member *from, struct state_member *out)
{
    if (from->n_dns_addresses > STATE_DNS_ADDRESSES_MAX)
        return false;
    out->dns_address_count = (uint32_t)from->n_dns_addresses;
    for (uint32_t i = 0; i < out->dns_address_count; i++) {
        const ProtobufCBinaryData *address = &from->dns_addresses[i];
        if (address->len != 4 && address->len != 16)
            return false;
        memcpy(out->dns_addresses[i].octets, address->data, address->len);
        out->dns_addresses[i].len = (uint8_t)address->len;
    }
    return true;
}

static bool take_certificate(const State__Certificate *from, struct state_certificate *out)
{
    if (!from)
        return true; /* not told yet */
    out->from_wall_ms = from->from_wall_ms;
    out->until_wall_ms = from->until_wall_ms;
    out->generation = from->generation;
    out->trusted_generation = from->trusted_generation;
    out->oldest_trusted_generation = from->oldest_trusted_generation;
    out->is_renewal_due = from->is_renewal_due;
    return take_octets(&from->serial, out->serial, sizeof(out->serial));
}

int state_value_member(struct kv_slice value, struct state_member *out)
{
    struct state_member got = {0};
    State__Member *from;
    int rc = state__unpack(&state__member__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.id = from->id;
    got.feature_level = from->feature_level;
    bool is_sound =
        state__take_text(from->name, got.name, sizeof(got.name)) &&
        state__take_text(from->peer_address, got.peer_address, sizeof(got.peer_address)) &&
        state__take_text(from->admin_address, got.admin_address, sizeof(got.admin_address)) &&
        state__take_text(from->snapshot_address, got.snapshot_address,
                         sizeof(got.snapshot_address)) &&
        state__take_text(from->region, got.region, sizeof(got.region)) &&
        state__take_text(from->program_version, got.program_version, sizeof(got.program_version)) &&
        take_octets(&from->certificate_sha256, got.certificate_sha256, STATE_SHA256_LEN) &&
        take_addresses(from, &got) && take_certificate(from->certificate, &got.certificate);
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

int state_value_token(struct kv_slice value, struct state_token *out)
{
    struct state_token got = {0};
    State__Token *from;
    int rc = state__unpack(&state__token__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.expires_wall_ms = from->expires_wall_ms;
    got.created_wall_ms = from->created_wall_ms;
    got.uses_left = from->uses_left;
    bool is_sound = take_octets(&from->token_id, got.id, sizeof(got.id)) &&
                    take_octets(&from->secret_sha256, got.secret_sha256, STATE_SHA256_LEN) &&
                    state__take_text(from->comment, got.comment, sizeof(got.comment));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

/* One set of the journal: key form without the content (name apart), then value form. */
static int take_set(const State__ChangeAction *action, const ProtobufCBinaryData *from,
                    uint8_t *name, struct state_record_set *out)
{
    if (!take_name(&action->name, name) || from->len < 3 || from->len < 3 + (size_t)from->data[2] ||
        from->data[2] > STATE_SET_IDENTIFIER_MAX)
        return ERR_CORRUPT;
    size_t identifier_len = from->data[2];
    out->name = name;
    out->type = (uint16_t)(from->data[0] << 8 | from->data[1]);
    out->set_identifier_len = identifier_len;
    out->set_identifier = identifier_len > 0 ? (const char *)from->data + 3 : NULL;
    return state_set_decode(
        kv_slice(from->data + 3 + identifier_len, from->len - 3 - identifier_len), out);
}

static int tell_action(const State__ChangeAction *action, state_action_cb cb, void *user)
{
    struct state_record_set before, after;
    uint8_t name[STATE_NAME_MAX];
    bool has_before = action->old_set.len > 0, has_after = action->new_set.len > 0;
    int rc = has_before ? take_set(action, &action->old_set, name, &before) : 0;

    if (rc == 0 && has_after)
        rc = take_set(action, &action->new_set, name, &after);
    if (rc != 0)
        return rc;
    return cb ? cb(user, has_before ? &before : NULL, has_after ? &after : NULL) : 0;
}

int state_value_change(struct kv_slice value, struct state_change *out, state_action_cb cb,
                       void *user)
{
    struct state_change got = {0};
    State__Change *from;
    int rc = state__unpack(&state__change__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.kind = (enum state_change_kind)from->kind;
    got.index = from->index;
    got.time_wall_ms = from->time_wall_ms;
    got.action_count = (uint32_t)from->n_actions;
    bool is_sound = state__take_text(from->change_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->zone_id, got.zone_id, sizeof(got.zone_id)) &&
                    take_name(&from->zone_name, got.zone_name) &&
                    state__take_text(from->actor, got.actor, sizeof(got.actor)) &&
                    state__take_text(from->comment, got.comment, sizeof(got.comment)) &&
                    from->kind >= STATE_CHANGE_RECORD_SETS &&
                    from->kind <= STATE_CHANGE_SIGNING_KEY;
    for (size_t i = 0; is_sound && rc == 0 && i < from->n_actions; i++)
        rc = tell_action(from->actions[i], cb, user);
    if (is_sound && rc >= 0)
        *out = got;
    int finished = state__finish(&from->base, is_sound);
    return finished != 0 ? finished : (rc < 0 ? rc : 0);
}

static int check_meta(struct kv_slice key, struct kv_slice value)
{
    union {
        struct state_applied applied;
        struct state_authority authority;
        struct state_cluster cluster;
        struct state_counters counters;
        struct state_conf conf;
    } out;
    char name[16] = {0};

    if (key.len >= sizeof(name))
        return ERR_CORRUPT;
    memcpy(name, key.data, key.len);
    if (strcmp(name, STATE_KEY_APPLIED) == 0)
        return state_value_applied(value, &out.applied);
    if (strcmp(name, STATE_KEY_AUTHORITY) == 0)
        return state_value_authority(value, &out.authority);
    if (strcmp(name, STATE_KEY_CLUSTER) == 0)
        return state_value_cluster(value, &out.cluster);
    if (strcmp(name, STATE_KEY_COUNTERS) == 0)
        return state_value_counters(value, &out.counters);
    return strcmp(name, STATE_KEY_CONF) == 0 ? state_value_conf(value, &out.conf) : ERR_CORRUPT;
}

static int check_set(struct kv_slice key, struct kv_slice value)
{
    struct state_record_set set;
    uint8_t name[STATE_NAME_MAX];
    int rc = state_set_key_decode(key, name, &set);

    return rc != 0 ? rc : state_set_decode(value, &set);
}

static int check_routed(struct kv_slice key, struct kv_slice value)
{
    struct state_record_set set;
    uint8_t name[STATE_NAME_MAX];

    return value.len == 0 ? state_set_key_decode(key, name, &set) : ERR_CORRUPT;
}

static int check_session(struct kv_slice key, struct kv_slice value)
{
    struct state_session session;

    return key.len == 8 ? state_value_session(value, &session) : ERR_CORRUPT;
}

static int check_zone_name(struct kv_slice key, struct kv_slice value)
{
    uint8_t name[STATE_NAME_MAX];
    int used = state_key_name_decode(key.data, key.len, name);

    if (used < 0)
        return used;
    return (size_t)used < key.len && value.len <= 1 ? 0 : ERR_CORRUPT;
}

static int check_object(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;

    switch (key.len > 0 ? octets[0] : 0) {
    case STATE_OBJECT_ACCESS_KEY: return state__check_credential(key, value);
    case STATE_OBJECT_DELEGATION_SET: return state__check_delegation_set(key, value);
    case STATE_OBJECT_SIGNING_KEY: return state__check_signing_key(key, value);
    case STATE_OBJECT_QUERY_LOGGING: return state__check_logging(key, value);
    case STATE_OBJECT_REFERENCE:
        return key.len > 1 && octets[1] == 'z' ? state__check_zone_object(key, value)
                                               : state__check_gone(key, value);
    case STATE_OBJECT_TAGS: return state__check_tags(key, value);
    case STATE_OBJECT_TRAFFIC_INSTANCE: return state__check_traffic_instance(key, value);
    case STATE_OBJECT_TRAFFIC_POLICY: return state__check_traffic_policy(key, value);
    case STATE_OBJECT_VIEW:
    case STATE_OBJECT_VPC: return state__check_vpc(key, value);
    case STATE_OBJECT_ZONE: return state__check_zone_object(key, value);
    default: return ERR_CORRUPT;
    }
}

int state_value_check(enum kv_family family, struct kv_slice key, struct kv_slice value)
{
    union {
        struct state_zone zone;
        struct state_import import;
        struct state_member member;
        struct state_token token;
        struct state_change change;
    } out;

    switch (family) {
    case KV_META: return check_meta(key, value);
    case KV_ZONES: return state_value_zone(value, &out.zone);
    case KV_ZONE_NAMES: return check_zone_name(key, value);
    case KV_RECORD_SETS: return check_set(key, value);
    case KV_ROUTED: return check_routed(key, value);
    case KV_USES: return state__check_use(key, value);
    case KV_CHANGES: return state_value_change(value, &out.change, NULL, NULL);
    case KV_CHANGE_IDS: return value.len == STATE_KEY_CHANGE_LEN ? 0 : ERR_CORRUPT;
    case KV_SESSIONS: return check_session(key, value);
    case KV_MEMBERS: return state_value_member(value, &out.member);
    case KV_TOKENS: return state_value_token(value, &out.token);
    case KV_SECRETS: return value.len <= STATE_SECRET_MAX ? 0 : ERR_CORRUPT;
    case KV_SETTINGS: return value.len < STATE_SETTING_SIZE ? 0 : ERR_CORRUPT;
    case KV_IMPORTS: return state_value_import(value, &out.import);
    case KV_HEALTH_CHECKS:
    case KV_VERDICTS:
    case KV_OVERRIDES: return state__check_health(family, key, value);
    case KV_CIDR_COLLECTIONS:
    case KV_CIDR_BLOCKS:
    case KV_REGIONS: return state__check_cidr(family, key, value);
    case KV_LATENCY: return state__check_latency(key, value);
    case KV_OBJECTS: return check_object(key, value);
    default: return ERR_CORRUPT;
    }
}
