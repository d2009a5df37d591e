#include "store/state_put.h"

#include <string.h>
#define XXH_INLINE_ALL /* its state on the stack */
#include <xxhash.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "proto/state.pb-c.h"
#include "store/state_value.h"

void state__put_message(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                        const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *space = overlay_put_space(overlay, family, key, len);

    if (space)
        protobuf_c_message_pack(message, space);
}

/* Generated structs take mutable pointers and leave what they point to alone. */
static char *text(const char *from)
{
    return (char *)from;
}
static ProtobufCBinaryData octets(const void *from, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)from};
}

void state_put_counters(struct overlay *overlay, const struct state_counters *counters)
{
    State__Counters message = STATE__COUNTERS__INIT;

    message.version = STATE_VERSION;
    message.content = counters->content;
    message.change_count = counters->change_count;
    message.zone_count = counters->zone_count;
    message.zone_generation = counters->zone_generation;
    message.slot = counters->slot;
    message.cidr_slot = counters->cidr_slot;
    message.health_check_count = counters->health_check_count;
    message.cidr_collection_count = counters->cidr_collection_count;
    message.delegation_set_count = counters->delegation_set_count;
    message.override_count = counters->override_count;
    message.region_number = counters->region_number;
    message.change_from = octets(counters->change_from, sizeof(counters->change_from));
    state__put_message(overlay, KV_META, state_value_text(STATE_KEY_COUNTERS), &message.base);
}

void state_put_cluster(struct overlay *overlay, const struct state_cluster *cluster)
{
    State__Cluster message = STATE__CLUSTER__INIT;

    message.version = STATE_VERSION;
    message.cluster_id = octets(cluster->id, sizeof(cluster->id));
    message.name = text(cluster->name);
    message.domain = text(cluster->domain);
    state__put_message(overlay, KV_META, state_value_text(STATE_KEY_CLUSTER), &message.base);
}

void state_put_conf(struct overlay *overlay, const struct state_conf *conf)
{
    State__Conf message = STATE__CONF__INIT;
    State__ConfMember members[STATE_MEMBERS_MAX];
    State__ConfMember *pointers[STATE_MEMBERS_MAX];

    ASSERT(conf->count <= STATE_MEMBERS_MAX);
    for (uint32_t i = 0; i < conf->count; i++) {
        members[i] = (State__ConfMember)STATE__CONF_MEMBER__INIT;
        members[i].id = conf->members[i].id;
        members[i].role = conf->members[i].role;
        pointers[i] = &members[i];
    }
    message.version = STATE_VERSION;
    message.members = pointers;
    message.n_members = conf->count;
    state__put_message(overlay, KV_META, state_value_text(STATE_KEY_CONF), &message.base);
}

int state_put_record_set(struct overlay *overlay, uint64_t content,
                         const struct state_record_set *before, const struct state_record_set *set)
{
    uint8_t key_octets[STATE_KEY_SET_MAX];
    struct kv_slice key = kv_slice(key_octets, state_set_key(content, set, key_octets));
    uint8_t *space = overlay_put_space(overlay, KV_RECORD_SETS, key, state_set_value_len(set));

    if (space)
        state_set_encode(set, space);
    if (set->routing)
        overlay_put(overlay, KV_ROUTED, key, kv_slice(NULL, 0));
    else if (before && before->routing)
        overlay_delete(overlay, KV_ROUTED, key);
    return state__count_uses(overlay, content, before, set);
}

int state_delete_record_set(struct overlay *overlay, uint64_t content,
                            const struct state_record_set *set)
{
    uint8_t key_octets[STATE_KEY_SET_MAX];
    struct kv_slice key = kv_slice(key_octets, state_set_key(content, set, key_octets));

    overlay_delete(overlay, KV_RECORD_SETS, key);
    if (set->routing)
        overlay_delete(overlay, KV_ROUTED, key);
    return state__count_uses(overlay, content, set, NULL);
}

int state_delete_content(struct overlay *overlay, uint64_t content)
{
    uint8_t first[8], end[8];
    bool has_routed;

    state_key_u64(content, first);
    state_key_u64(content + 1, end);
    overlay_delete_range(overlay, KV_RECORD_SETS, kv_slice(first, 8), kv_slice(end, 8));
    /* Only where it removes something: hashes of states without routing stay as they are. */
    int rc = state_has_routed(overlay_kv(overlay), content, &has_routed);
    if (rc != 0 || !has_routed)
        return rc;
    overlay_delete_range(overlay, KV_ROUTED, kv_slice(first, 8), kv_slice(end, 8));
    return state__forget_uses(overlay, content);
}

void state_put_member(struct overlay *overlay, const struct state_member *member)
{
    State__Member message = STATE__MEMBER__INIT;
    State__Certificate certificate = STATE__CERTIFICATE__INIT;
    ProtobufCBinaryData addresses[STATE_DNS_ADDRESSES_MAX];
    uint8_t key[8];

    ASSERT(member->dns_address_count <= STATE_DNS_ADDRESSES_MAX);
    for (uint32_t i = 0; i < member->dns_address_count; i++)
        addresses[i] = octets(member->dns_addresses[i].octets, member->dns_addresses[i].len);
    message.version = STATE_VERSION;
    message.id = member->id;
    message.name = text(member->name);
    message.peer_address = text(member->peer_address);
    message.admin_address = text(member->admin_address);
    message.snapshot_address = text(member->snapshot_address);
    message.dns_addresses = addresses;
    message.n_dns_addresses = member->dns_address_count;
    message.region = text(member->region);
    message.certificate_sha256 = octets(member->certificate_sha256, STATE_SHA256_LEN);
    message.program_version = text(member->program_version);
    certificate.serial = octets(member->certificate.serial, STATE_SERIAL_LEN);
    certificate.from_wall_ms = member->certificate.from_wall_ms;
    certificate.until_wall_ms = member->certificate.until_wall_ms;
    certificate.generation = member->certificate.generation;
    certificate.trusted_generation = member->certificate.trusted_generation;
    message.feature_level = member->feature_level;
    certificate.oldest_trusted_generation = member->certificate.oldest_trusted_generation;
    certificate.is_renewal_due = member->certificate.is_renewal_due;
    if (member->certificate.until_wall_ms != 0)
        message.certificate = &certificate;
    state_key_u64(member->id, key);
    state__put_message(overlay, KV_MEMBERS, kv_slice(key, sizeof(key)), &message.base);
}

void state_delete_member(struct overlay *overlay, uint64_t id)
{
    uint8_t key[8];

    state_key_u64(id, key);
    overlay_delete(overlay, KV_MEMBERS, kv_slice(key, sizeof(key)));
}

void state_put_token(struct overlay *overlay, const struct state_token *token)
{
    State__Token message = STATE__TOKEN__INIT;

    message.version = STATE_VERSION;
    message.token_id = octets(token->id, sizeof(token->id));
    message.secret_sha256 = octets(token->secret_sha256, sizeof(token->secret_sha256));
    message.expires_wall_ms = token->expires_wall_ms;
    message.created_wall_ms = token->created_wall_ms;
    message.uses_left = token->uses_left;
    message.comment = text(token->comment);
    state__put_message(overlay, KV_TOKENS, kv_slice(token->id, sizeof(token->id)), &message.base);
}

void state_delete_token(struct overlay *overlay, const uint8_t id[STATE_TOKEN_ID_LEN])
{
    overlay_delete(overlay, KV_TOKENS, kv_slice(id, STATE_TOKEN_ID_LEN));
}

void state_put_import(struct overlay *overlay, const struct state_import *import)
{
    State__Import message = STATE__IMPORT__INIT;

    message.version = STATE_VERSION;
    message.change_id = text(import->change_id);
    message.zone_id = text(import->zone_id);
    message.content = import->content;
    message.record_set_count = import->record_set_count;
    message.chunk_count = import->chunk_count;
    message.begun_wall_ms = import->begun_wall_ms;
    message.comment = text(import->comment);
    message.actor = text(import->actor);
    message.last_key = octets(import->last_key, import->last_key_len);
    state__put_message(overlay, KV_IMPORTS, state_value_text(import->change_id), &message.base);
}

void state_delete_import(struct overlay *overlay, const char *change_id)
{
    overlay_delete(overlay, KV_IMPORTS, state_value_text(change_id));
}

void state_put_setting(struct overlay *overlay, const char *name, const char *value)
{
    overlay_put(overlay, KV_SETTINGS, state_value_text(name), state_value_text(value));
}

void state_delete_setting(struct overlay *overlay, const char *name)
{
    overlay_delete(overlay, KV_SETTINGS, state_value_text(name));
}

void state_put_secret(struct overlay *overlay, const char *name, struct kv_slice ciphertext)
{
    overlay_put(overlay, KV_SECRETS, state_value_text(name), ciphertext);
}

void state_delete_secret(struct overlay *overlay, const char *name)
{
    overlay_delete(overlay, KV_SECRETS, state_value_text(name));
}

static void hash_write(XXH3_state_t *hash, const struct kv_write *write)
{
    uint8_t header[18];

    header[0] = (uint8_t)write->family;
    header[1] = (uint8_t)write->op;
    state_key_u64(write->key.len, header + 2);
    state_key_u64(write->value.len, header + 10);
    XXH3_128bits_update(hash, header, sizeof(header));
    XXH3_128bits_update(hash, write->key.data, write->key.len);
    if (write->value.len > 0)
        XXH3_128bits_update(hash, write->value.data, write->value.len);
}

static struct state_hash hash_writes(const struct state_applied *point,
                                     const struct kv_write *writes, size_t count)
{
    XXH3_state_t hash;
    uint8_t header[32];

    state_key_u64(point->hash.high, header);
    state_key_u64(point->hash.low, header + 8);
    state_key_u64(point->index, header + 16);
    state_key_u64(point->term, header + 24);
    XXH3_128bits_reset(&hash);
    XXH3_128bits_update(&hash, header, sizeof(header));
    for (size_t i = 0; i < count; i++)
        hash_write(&hash, &writes[i]);
    XXH128_hash_t digest = XXH3_128bits_digest(&hash);
    return (struct state_hash){digest.high64, digest.low64};
}

int state_commit(struct overlay *overlay, const struct kv *kv, struct state_applied *point)
{
    State__Applied message = STATE__APPLIED__INIT;
    uint8_t packed[64];
    struct kv_write *writes;
    size_t count;
    int rc = overlay_writes(overlay, &writes, &count);

    if (rc != 0)
        return rc;
    struct state_hash hash = hash_writes(point, writes, count);
    message.version = STATE_VERSION;
    message.index = point->index;
    message.term = point->term;
    message.hash_high = hash.high;
    message.hash_low = hash.low;
    ASSERT(protobuf_c_message_get_packed_size(&message.base) <= sizeof(packed));
    size_t packed_len = protobuf_c_message_pack(&message.base, packed);
    writes[count] = (struct kv_write){.family = KV_META,
                                      .op = KV_PUT,
                                      .key = state_value_text(STATE_KEY_APPLIED),
                                      .value = {packed, packed_len}};
    rc = kv_write(kv, writes, count + 1);
    if (rc == 0)
        point->hash = hash;
    return rc;
}
