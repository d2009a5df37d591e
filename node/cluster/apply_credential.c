/* node/cluster/apply_credential.c: access keys of the Route 53 API. Their secrets come sealed, and
 * their policies are texts here: who reads them has checked them. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "proto/command.pb-c.h"
#include "store/state_credential.h"

static int on_credential(void *user, const struct state_credential *credential)
{
    (void)credential;
    ++*(unsigned *)user;
    return 0;
}

static int check_room(struct apply *apply)
{
    unsigned count = 0;
    int rc = state_list_credentials(apply__kv(apply), on_credential, &count);

    if (rc == 0 && count >= STATE_CREDENTIALS_MAX)
        rc = apply__refuse_as(apply, ERR_LIMIT, "LimitExceeded",
                              "there are %u access keys: delete some", count);
    return rc;
}

static int check_fields(struct apply *apply, const Cmd__PutCredential *command)
{
    int rc = 0;

    if (!state_credential_is_id(command->access_key_id))
        rc = apply__refuse(apply, ERR_INVALID, "an access key's id is %u to %u of A-Z and 0-9",
                           STATE_CREDENTIAL_ID_MIN, STATE_CREDENTIAL_ID_SIZE - 1);
    if (rc == 0)
        rc = apply__check_shown(apply, "the user's name", command->user_name,
                                STATE_CREDENTIAL_USER_SIZE);
    if (rc == 0 && strlen(command->policy) >= STATE_CREDENTIAL_POLICY_SIZE)
        rc = apply__refuse(apply, ERR_LIMIT, "a policy has at most %u octets",
                           STATE_CREDENTIAL_POLICY_SIZE - 1);
    if (rc == 0 && command->sealed_secret.len > STATE_CREDENTIAL_SEALED_MAX)
        rc = apply__refuse(apply, ERR_LIMIT, "a sealed secret has at most %u octets",
                           STATE_CREDENTIAL_SEALED_MAX);
    if (rc == 0 && command->is_new && command->sealed_secret.len == 0)
        rc = apply__refuse(apply, ERR_INVALID, "a new access key needs a secret");
    if (rc == 0 && command->requests_per_s > STATE_CREDENTIAL_RATE_MAX)
        rc = apply__refuse(apply, ERR_INVALID, "at most %u requests a second",
                           STATE_CREDENTIAL_RATE_MAX);
    return rc;
}

/* What is there of the key, or refuse. */
static int read_old(struct apply *apply, const char *id, bool is_new, struct state_credential *out)
{
    int rc = state_get_credential(apply__kv(apply), id, out);

    if (rc == 0 && is_new)
        return apply__refuse(apply, ERR_EXISTS, "there is an access key %.40s", id);
    if (rc == ERR_NOT_FOUND && !is_new)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no access key %.40s", id);
    return rc == ERR_NOT_FOUND ? check_room(apply) : rc;
}

static void take_fields(const Cmd__PutCredential *command, struct state_credential *credential)
{
    if (!command->keeps_user_name)
        memcpy(credential->user_name, command->user_name, strlen(command->user_name) + 1);
    if (!command->keeps_policy)
        memcpy(credential->policy, command->policy, strlen(command->policy) + 1);
    if (!command->keeps_is_inactive)
        credential->is_inactive = command->is_inactive;
    if (!command->keeps_requests_per_s)
        credential->requests_per_s = command->requests_per_s;
}

static int put(struct apply *apply, const Cmd__PutCredential *command)
{
    struct state_credential *credential = arena_alloc(apply->scratch, sizeof(*credential));
    int rc = credential ? check_fields(apply, command) : ERR_NOMEM;

    if (rc != 0)
        return rc;
    memset(credential, 0, sizeof(*credential));
    rc = read_old(apply, command->access_key_id, command->is_new, credential);
    if (rc != 0)
        return rc;
    if (command->is_new)
        credential->created_wall_ms = apply->command->time_wall_ms;
    memcpy(credential->id, command->access_key_id, strlen(command->access_key_id) + 1);
    take_fields(command, credential);
    if (command->sealed_secret.len > 0) {
        memcpy(credential->sealed, command->sealed_secret.data, command->sealed_secret.len);
        credential->sealed_len = command->sealed_secret.len;
    }
    state_put_credential(apply->overlay, credential);
    return 0;
}

static int delete_credential(struct apply *apply, const Cmd__DeleteCredential *command)
{
    struct state_credential *credential = arena_alloc(apply->scratch, sizeof(*credential));
    int rc = credential ? read_old(apply, command->access_key_id, false, credential) : ERR_NOMEM;

    if (rc == 0)
        state_delete_credential(apply->overlay, credential->id);
    return rc;
}

int apply__credential(struct apply *apply, const struct Cmd__Command *command)
{
    if (command->kind_case == CMD__COMMAND__KIND_PUT_CREDENTIAL)
        return put(apply, command->put_credential);
    return delete_credential(apply, command->delete_credential);
}
