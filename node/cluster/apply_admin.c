/* node/cluster/apply_admin.c: the cluster's own matters: identity, tokens, secrets, settings,
 * members. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_feature.h"
#include "cluster/apply_guard.h"
#include "proto/command.pb-c.h"

/* Copy a text into a field if it fits. */
static int take_text(struct apply *apply, const char *what, const char *text, char *out,
                     size_t size)
{
    int rc = apply__check_text(apply, what, text, size);

    if (rc == 0)
        memcpy(out, text, strlen(text) + 1);
    return rc;
}

static int take_octets(struct apply *apply, const char *what, const ProtobufCBinaryData *from,
                       uint8_t *out, size_t len)
{
    if (from->len != len)
        return apply__refuse(apply, ERR_INVALID, "%s is not %zu octets", what, len);
    memcpy(out, from->data, len);
    return 0;
}

static int tell_kind(struct apply *apply, enum apply_effect_kind kind)
{
    return apply__tell(apply, &(struct apply_effect){.kind = kind});
}

static int tell_name(struct apply *apply, enum apply_effect_kind kind, const char *name)
{
    struct apply_effect effect = {.kind = kind};

    effect.setting = arena_copy(apply->scratch, name, strlen(name));
    return effect.setting ? apply__tell(apply, &effect) : ERR_NOMEM;
}

static int init_cluster(struct apply *apply, const Cmd__InitCluster *command)
{
    struct state_cluster cluster = {0}, other;
    int rc = take_octets(apply, "cluster id", &command->cluster_id, cluster.id, sizeof(cluster.id));

    if (rc == 0)
        rc = take_text(apply, "name", command->name, cluster.name, sizeof(cluster.name));
    if (rc == 0)
        rc = take_text(apply, "domain", command->domain, cluster.domain, sizeof(cluster.domain));
    if (rc != 0)
        return rc;
    rc = state_get_cluster(apply__kv(apply), &other);
    if (rc == 0)
        return memcmp(&other, &cluster, sizeof(other)) == 0
                   ? 0
                   : apply__refuse(apply, ERR_EXISTS, "the cluster has an identity already");
    if (rc != ERR_NOT_FOUND)
        return rc;
    state_put_cluster(apply->overlay, &cluster);
    return tell_kind(apply, APPLY_CLUSTER_CHANGED);
}

static int on_token(void *user, const struct state_token *token)
{
    (void)token;
    ++*(unsigned *)user;
    return 0;
}

static int create_token(struct apply *apply, const Cmd__TokenCreate *command)
{
    struct state_token token = {0}, other;
    unsigned count = 0;
    int rc = take_octets(apply, "token id", &command->token_id, token.id, sizeof(token.id));

    if (rc == 0)
        rc = take_octets(apply, "token hash", &command->secret_sha256, token.secret_sha256,
                         STATE_SHA256_LEN);
    if (rc == 0)
        rc = take_text(apply, "comment", command->comment, token.comment, sizeof(token.comment));
    if (rc == 0 && (command->uses == 0 || command->expires_wall_ms <= apply->command->time_wall_ms))
        rc = apply__refuse(apply, ERR_INVALID, "the token could never be used");
    if (rc == 0)
        rc = state_list_tokens(apply__kv(apply), on_token, &count);
    if (rc != 0)
        return rc;
    if (count >= STATE_TOKENS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "there are %u tokens: revoke some", count);
    rc = state_get_token(apply__kv(apply), token.id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : apply__refuse(apply, ERR_EXISTS, "the token id is taken");
    token.expires_wall_ms = command->expires_wall_ms;
    token.created_wall_ms = apply->command->time_wall_ms;
    token.uses_left = command->uses;
    state_put_token(apply->overlay, &token);
    return tell_kind(apply, APPLY_TOKENS_CHANGED);
}

static int read_token(struct apply *apply, const ProtobufCBinaryData *id, struct state_token *out)
{
    uint8_t octets[STATE_TOKEN_ID_LEN];
    int rc = take_octets(apply, "token id", id, octets, sizeof(octets));

    if (rc == 0)
        rc = state_get_token(apply__kv(apply), octets, out);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND,
                             "no such token: it was used up, revoked, or is of another cluster");
    return rc;
}

static int revoke_token(struct apply *apply, const Cmd__TokenRevoke *command)
{
    struct state_token token;
    int rc = read_token(apply, &command->token_id, &token);

    if (rc != 0)
        return rc;
    state_delete_token(apply->overlay, token.id);
    return tell_kind(apply, APPLY_TOKENS_CHANGED);
}

static int consume_token(struct apply *apply, const Cmd__TokenConsume *command)
{
    struct state_token token;
    uint8_t hash[STATE_SHA256_LEN];
    int rc = read_token(apply, &command->token_id, &token);

    if (rc == 0)
        rc = take_octets(apply, "token hash", &command->secret_sha256, hash, sizeof(hash));
    if (rc != 0)
        return rc;
    /* Hashes of random secrets: the time of a comparison tells nothing of use. */
    if (memcmp(hash, token.secret_sha256, sizeof(hash)) != 0)
        return apply__refuse(apply, ERR_DENIED, "the token's secret is wrong");
    if (apply->command->time_wall_ms >= token.expires_wall_ms)
        return apply__refuse(apply, ERR_DENIED, "the token has expired");
    if (--token.uses_left == 0)
        state_delete_token(apply->overlay, token.id);
    else
        state_put_token(apply->overlay, &token);
    return tell_kind(apply, APPLY_TOKENS_CHANGED);
}

static int check_name(struct apply *apply, const char *what, const char *name)
{
    if (name[0] == 0)
        return apply__refuse(apply, ERR_INVALID, "%s is empty", what);
    return apply__check_text(apply, what, name, STATE_SETTING_NAME_SIZE);
}

static int put_secret(struct apply *apply, const Cmd__PutSecret *command)
{
    struct kv_buffer other = {0};
    int rc = check_name(apply, "the secret's name", command->name);

    if (rc == 0 && (command->ciphertext.len == 0 || command->ciphertext.len > STATE_SECRET_MAX))
        rc = apply__refuse(apply, ERR_LIMIT, "a secret is 1 to %u octets", STATE_SECRET_MAX);
    if (rc == 0 && command->only_new) {
        rc = state_get_secret(apply__kv(apply), command->name, &other);
        kv_buffer_fini(&other);
        if (rc == 0)
            rc = apply__refuse(apply, ERR_EXISTS, "secret %s is there", command->name);
        else if (rc == ERR_NOT_FOUND)
            rc = 0;
    }
    if (rc != 0)
        return rc;
    state_put_secret(apply->overlay, command->name,
                     kv_slice(command->ciphertext.data, command->ciphertext.len));
    return tell_name(apply, APPLY_SECRETS_CHANGED, command->name);
}

static int delete_secret(struct apply *apply, const Cmd__DeleteSecret *command)
{
    struct kv_buffer other = {0};
    int rc = check_name(apply, "the secret's name", command->name);

    if (rc == 0)
        rc = state_get_secret(apply__kv(apply), command->name, &other);
    kv_buffer_fini(&other);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no secret %s", command->name);
    if (rc != 0)
        return rc;
    state_delete_secret(apply->overlay, command->name);
    return tell_name(apply, APPLY_SECRETS_CHANGED, command->name);
}

static bool is_number(const char *text, uint64_t max)
{
    uint64_t number = 0;

    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || number > max)
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return *text && number <= max;
}

static int put_setting(struct apply *apply, const Cmd__PutSetting *command)
{
    int rc = check_name(apply, "the setting's name", command->name);

    if (rc == 0)
        rc = apply__check_text(apply, "the setting's value", command->value, STATE_SETTING_SIZE);
    if (rc != 0)
        return rc;
    if (strcmp(command->name, STATE_SETTING_CHANGES_KEPT) == 0 && command->value[0] != 0 &&
        !is_number(command->value, APPLY__CHANGES_KEPT_MAX))
        return apply__refuse(apply, ERR_INVALID, "%s is a number up to %u", command->name,
                             APPLY__CHANGES_KEPT_MAX);
    rc = apply__check_limit_setting(apply, command->name, command->value);
    if (rc == 0)
        rc = apply__check_guard_setting(apply, command->name, command->value);
    if (rc != 0)
        return rc;
    if (command->value[0] == 0)
        state_delete_setting(apply->overlay, command->name);
    else
        state_put_setting(apply->overlay, command->name, command->value);
    rc = apply__load_settings(apply);
    return rc != 0 ? rc : tell_name(apply, APPLY_SETTINGS_CHANGED, command->name);
}

static int take_addresses(struct apply *apply, const Cmd__MemberContext *from,
                          struct state_member *out)
{
    if (from->n_dns_addresses > STATE_DNS_ADDRESSES_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a node has at most %u public addresses",
                             STATE_DNS_ADDRESSES_MAX);
    out->dns_address_count = (uint32_t)from->n_dns_addresses;
    for (size_t i = 0; i < from->n_dns_addresses; i++) {
        size_t len = from->dns_addresses[i].len;
        if (len != 4 && len != 16)
            return apply__refuse(apply, ERR_INVALID, "a public address is not 4 or 16 octets");
        memcpy(out->dns_addresses[i].octets, from->dns_addresses[i].data, len);
        out->dns_addresses[i].len = (uint8_t)len;
    }
    return 0;
}

/* A renewal that was asked for stays due while the member has the same certificate. */
static int take_certificate(struct apply *apply, const Cmd__MemberContext *from,
                            struct state_certificate *out)
{
    const Cmd__Certificate *told = from->certificate;
    struct state_member before;

    if (!told)
        return 0;
    int rc =
        take_octets(apply, "certificate serial", &told->serial, out->serial, sizeof(out->serial));
    if (rc != 0)
        return rc;
    out->from_wall_ms = told->from_wall_ms;
    out->until_wall_ms = told->until_wall_ms;
    out->generation = told->generation;
    out->trusted_generation = told->trusted_generation;
    out->oldest_trusted_generation = told->oldest_trusted_generation;
    rc = state_get_member(apply__kv(apply), from->id, &before);
    if (rc == 0)
        out->is_renewal_due =
            before.certificate.is_renewal_due &&
            memcmp(before.certificate.serial, out->serial, sizeof(out->serial)) == 0;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int apply__put_member(struct apply *apply, const struct Cmd__MemberContext *from)
{
    struct state_member member = {.id = from->id, .feature_level = from->feature_level};
    int rc = take_text(apply, "name", from->name, member.name, sizeof(member.name));

    if (rc == 0)
        rc = take_text(apply, "peer address", from->peer_address, member.peer_address,
                       STATE_ADDRESS_SIZE);
    if (rc == 0)
        rc = take_text(apply, "admin address", from->admin_address, member.admin_address,
                       STATE_ADDRESS_SIZE);
    if (rc == 0)
        rc = take_text(apply, "snapshot address", from->snapshot_address, member.snapshot_address,
                       STATE_ADDRESS_SIZE);
    if (rc == 0)
        rc = take_text(apply, "region", from->region, member.region, sizeof(member.region));
    if (rc == 0)
        rc = take_text(apply, "version", from->version, member.program_version,
                       sizeof(member.program_version));
    if (rc == 0)
        rc = take_octets(apply, "certificate hash", &from->certificate_sha256,
                         member.certificate_sha256, STATE_SHA256_LEN);
    if (rc == 0)
        rc = take_addresses(apply, from, &member);
    if (rc == 0)
        rc = take_certificate(apply, from, &member.certificate);
    if (rc == 0)
        state_put_member(apply->overlay, &member);
    return rc;
}

static int update_member(struct apply *apply, const Cmd__UpdateMember *command)
{
    struct state_member member;
    int rc = command->member ? state_get_member(apply__kv(apply), command->member->id, &member)
                             : ERR_NOT_FOUND;

    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "no such member");
    if (rc == 0)
        rc = apply__put_member(apply, command->member);
    if (rc != 0)
        return rc;
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_MEMBERS_CHANGED,
                                                     .member_id = command->member->id});
}

int apply__admin(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_INIT_CLUSTER: return init_cluster(apply, command->init_cluster);
    case CMD__COMMAND__KIND_HASH_CHECK: return tell_kind(apply, APPLY_HASH_CHECK);
    case CMD__COMMAND__KIND_TOKEN_CREATE: return create_token(apply, command->token_create);
    case CMD__COMMAND__KIND_TOKEN_REVOKE: return revoke_token(apply, command->token_revoke);
    case CMD__COMMAND__KIND_TOKEN_CONSUME: return consume_token(apply, command->token_consume);
    case CMD__COMMAND__KIND_PUT_SECRET: return put_secret(apply, command->put_secret);
    case CMD__COMMAND__KIND_DELETE_SECRET: return delete_secret(apply, command->delete_secret);
    case CMD__COMMAND__KIND_PUT_SETTING: return put_setting(apply, command->put_setting);
    case CMD__COMMAND__KIND_PUT_CREDENTIAL:
    case CMD__COMMAND__KIND_DELETE_CREDENTIAL: return apply__credential(apply, command);
    case CMD__COMMAND__KIND_UPDATE_MEMBER: return update_member(apply, command->update_member);
    case CMD__COMMAND__KIND_RAISE_FEATURE_LEVEL:
        return apply__raise_feature_level(apply, command->raise_feature_level);
    default: return apply__authority(apply, command);
    }
}
