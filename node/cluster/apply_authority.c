/* node/cluster/apply_authority.c: the cluster's CA changes hands, and members are asked for new
 * certificates. What may come next depends on what the members told of theirs (authority_rule.h),
 * so that no step leaves a member behind. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "cluster/authority_rule.h"
#include "proto/command.pb-c.h"

/* What is in force; as of generation 1 when nothing of this cluster was stored yet. */
static int read_authority(struct apply *apply, struct state_authority *out)
{
    struct state_cluster cluster;
    struct state_authority stored;
    int rc = state_get_cluster(apply__kv(apply), &cluster);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_CONFLICT, "the cluster is not made yet");
    if (rc == 0)
        rc = state_get_authority(apply__kv(apply), &stored);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (rc == 0 && memcmp(stored.cluster_id, cluster.id, sizeof(cluster.id)) == 0) {
        *out = stored;
        return 0;
    }
    *out = (struct state_authority){.signing = 1, .last = 1, .ca_count = 1};
    memcpy(out->cluster_id, cluster.id, sizeof(cluster.id));
    out->cas[0].generation = 1;
    return 0;
}

static int take_pem(struct apply *apply, const char *text, char out[STATE_CA_PEM_SIZE])
{
    size_t len = strlen(text);

    if (len == 0 || len >= STATE_CA_PEM_SIZE)
        return apply__refuse(apply, ERR_LIMIT, "a CA's certificate is 1 to %u octets",
                             STATE_CA_PEM_SIZE - 1);
    memcpy(out, text, len + 1);
    return 0;
}

static int begin(struct apply *apply, const Cmd__RotateAuthority *command,
                 struct state_authority *authority)
{
    char name[AUTHORITY_KEY_NAME_SIZE];
    struct state_ca *fresh = &authority->cas[1];

    if (authority->phase != STATE_AUTHORITY_STEADY)
        return apply__refuse(apply, ERR_CONFLICT, "a rotation of the CA is under way");
    if (authority->last == UINT32_MAX || command->generation != authority->last + 1)
        return apply__refuse(apply, ERR_CONFLICT, "the CA was rotated meanwhile");
    if (command->sealed_key.len == 0 || command->sealed_key.len > STATE_SECRET_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a secret is 1 to %u octets", STATE_SECRET_MAX);
    int rc = take_pem(apply, command->cert_pem, fresh->cert_pem);
    if (rc == 0 && authority->cas[0].cert_pem[0] == '\0')
        rc = take_pem(apply, command->old_cert_pem, authority->cas[0].cert_pem);
    if (rc != 0)
        return rc;
    fresh->generation = authority->last = command->generation;
    authority->ca_count = 2;
    authority->phase = STATE_AUTHORITY_TRUST;
    authority->begun_wall_ms = apply->command->time_wall_ms;
    authority_key_name(command->generation, name);
    state_put_secret(apply->overlay, name,
                     kv_slice(command->sealed_key.data, command->sealed_key.len));
    return 0;
}

/* Every member has done its part of this phase, or the command is refused. */
static int check_members(struct apply *apply, const struct state_authority *authority)
{
    struct state_conf conf;
    int rc = state_get_conf(apply__kv(apply), &conf);

    for (uint32_t i = 0; rc == 0 && i < conf.count; i++) {
        struct state_member member = {0};
        rc = state_get_member(apply__kv(apply), conf.members[i].id, &member);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return rc;
        rc = 0;
        if (!authority_is_done(authority, &member.certificate))
            return apply__refuse(apply, ERR_CONFLICT, "member %016" PRIx64 " is not that far yet",
                                 conf.members[i].id);
    }
    return rc;
}

struct token_ids {
    uint8_t (*list)[STATE_TOKEN_ID_LEN];
    size_t count;
};

static int on_token(void *user, const struct state_token *token)
{
    struct token_ids *ids = user;

    if (ids->count == STATE_TOKENS_MAX)
        return ERR_CORRUPT;
    memcpy(ids->list[ids->count++], token->id, STATE_TOKEN_ID_LEN);
    return 0;
}

static int delete_tokens(struct apply *apply)
{
    struct token_ids ids = {arena_alloc(apply->scratch, sizeof(*ids.list) * STATE_TOKENS_MAX), 0};
    int rc = ids.list ? state_list_tokens(apply__kv(apply), on_token, &ids) : ERR_NOMEM;

    for (size_t i = 0; rc == 0 && i < ids.count; i++)
        state_delete_token(apply->overlay, ids.list[i]);
    return rc;
}

/* Join tokens name the CA by its hash: nobody could join by those of the old one any more. */
static int use(struct apply *apply, struct state_authority *authority)
{
    int rc = check_members(apply, authority);

    if (rc == 0)
        rc = delete_tokens(apply);
    if (rc != 0)
        return rc;
    authority->phase = STATE_AUTHORITY_USE;
    authority->signing = authority->cas[1].generation;
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_TOKENS_CHANGED});
}

/* One of the two goes, with its key. */
static void drop(struct apply *apply, struct state_authority *authority, unsigned which)
{
    char name[AUTHORITY_KEY_NAME_SIZE];

    authority_key_name(authority->cas[which].generation, name);
    state_delete_secret(apply->overlay, name);
    if (which == 0)
        authority->cas[0] = authority->cas[1];
    authority->ca_count = 1;
    authority->phase = STATE_AUTHORITY_STEADY;
}

static int take_step(struct apply *apply, const Cmd__RotateAuthority *command,
                     struct state_authority *authority)
{
    if (command->step == CMD__AUTHORITY_STEP__AUTHORITY_BEGIN)
        return begin(apply, command, authority);
    if (authority->ca_count < 2 || authority->cas[1].generation != command->generation)
        return apply__refuse(apply, ERR_CONFLICT, "no such rotation of the CA is under way");
    bool is_used = authority->phase == STATE_AUTHORITY_USE;
    if (is_used != (command->step == CMD__AUTHORITY_STEP__AUTHORITY_RETIRE))
        return apply__refuse(apply, ERR_CONFLICT,
                             is_used ? "the new CA makes certificates already"
                                     : "the new CA makes no certificates yet");
    switch (command->step) {
    case CMD__AUTHORITY_STEP__AUTHORITY_USE: return use(apply, authority);
    case CMD__AUTHORITY_STEP__AUTHORITY_CANCEL: drop(apply, authority, 1); return 0;
    case CMD__AUTHORITY_STEP__AUTHORITY_RETIRE: break;
    default: return ERR_VERSION;
    }
    int rc = check_members(apply, authority);
    if (rc == 0)
        drop(apply, authority, 0);
    return rc;
}

static int rotate(struct apply *apply, const Cmd__RotateAuthority *command)
{
    struct state_authority authority;
    int rc = read_authority(apply, &authority);

    if (rc == 0)
        rc = take_step(apply, command, &authority);
    if (rc != 0)
        return rc;
    state_put_authority(apply->overlay, &authority);
    return apply__tell(apply, &(struct apply_effect){.kind = APPLY_AUTHORITY_CHANGED});
}

static int renew(struct apply *apply, const Cmd__RenewCertificates *command)
{
    if (command->n_members == 0 || command->n_members > STATE_MEMBERS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "1 to %u members are asked at a time",
                             STATE_MEMBERS_MAX);
    for (size_t i = 0; i < command->n_members; i++) {
        struct state_member member;
        int rc = state_get_member(apply__kv(apply), command->members[i], &member);
        if (rc == ERR_NOT_FOUND || (rc == 0 && member.certificate.until_wall_ms == 0))
            return apply__refuse(apply, ERR_NOT_FOUND,
                                 "member %016" PRIx64 " has not told of its certificate yet",
                                 command->members[i]);
        if (rc != 0)
            return rc;
        member.certificate.is_renewal_due = true;
        state_put_member(apply->overlay, &member);
        rc = apply__tell(
            apply, &(struct apply_effect){.kind = APPLY_MEMBERS_CHANGED, .member_id = member.id});
        if (rc != 0)
            return rc;
    }
    return 0;
}

int apply__authority(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_ROTATE_AUTHORITY: return rotate(apply, command->rotate_authority);
    case CMD__COMMAND__KIND_RENEW_CERTIFICATES: return renew(apply, command->renew_certificates);
    default: return ERR_VERSION;
    }
}
