/* node/control/credential_requests.c: access keys of the Route 53 API. A secret is in one reply
 * alone, that of its creation. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cluster/apply.h"
#include "cluster/credential.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"
#include "store/state_credential.h"

#define SCOPE_LEN_MAX 64u
#define V3_TEXT_LEN_MAX 64u
#define INVALID_TOKEN "The security token included in the request is invalid."

/* @credential is borrowed by @out. */
static void view(const struct state_credential *credential, bool has_text,
                 Ctl__CredentialReply *out)
{
    ctl__credential_reply__init(out);
    out->access_key_id = (char *)credential->id;
    out->user_name = (char *)credential->user_name;
    out->has_policy = credential->policy[0] != 0;
    if (has_text)
        out->policy = (char *)credential->policy;
    out->is_inactive = credential->is_inactive;
    out->requests_per_s = credential->requests_per_s;
    out->created_wall_ms = credential->created_wall_ms;
}

static void reply_with(struct call *call, Ctl__CredentialReply *body)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    reply.kind_case = CTL__REPLY__KIND_CREDENTIAL;
    reply.credential = body;
    call_reply(call, &reply);
}

/* true; false: the call has failed. */
static bool find(struct call *call, const char *id, struct state_credential *out)
{
    int rc = state_get_credential(call_state(call), id, out);

    if (rc == ERR_NOT_FOUND)
        call_fail(call, rc, "there is no access key '%.40s'; 'quartet credential list' shows all",
                  id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the access key");
    return rc == 0;
}

static void tell_log(const struct call *call, const char *event, const char *id)
{
    log_info("control", "%s id=%s actor=\"%s\"", event, id, call->request->actor);
}

/* ---- creation ---- */

static void on_created(struct call *call, const struct apply_result *result)
{
    const Ctl__CredentialCreate *request = call->request->credential_create;
    Ctl__CredentialReply body = CTL__CREDENTIAL_REPLY__INIT;

    (void)result;
    tell_log(call, "credential_created", call->object_id);
    body.access_key_id = call->object_id;
    body.secret_access_key = call->secret;
    body.user_name = request->user_name;
    body.policy = request->policy;
    body.has_policy = request->policy[0] != 0;
    body.requests_per_s = request->requests_per_s;
    reply_with(call, &body);
}

void request_credential_create(struct call *call)
{
    const Ctl__CredentialCreate *request = call->request->credential_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutCredential put = CMD__PUT_CREDENTIAL__INIT;
    uint8_t sealed[CREDENTIAL_SEALED_LEN];
    int rc = credential_make(call->cluster, call->object_id, call->secret, sealed);

    if (rc != 0) {
        call_fail_code(call, rc, "make an access key");
        return;
    }
    put.access_key_id = call->object_id;
    put.sealed_secret = (ProtobufCBinaryData){sizeof(sealed), sealed};
    put.user_name = request->user_name;
    put.policy = request->policy;
    put.requests_per_s = request->requests_per_s;
    put.is_new = true;
    command.kind_case = CMD__COMMAND__KIND_PUT_CREDENTIAL;
    command.put_credential = &put;
    call_propose(call, &command, on_created);
}

/* ---- changes ---- */

static void reply_stored(struct call *call, const char *id)
{
    Ctl__CredentialReply body;
    struct state_credential credential;

    if (!find(call, id, &credential))
        return;
    view(&credential, true, &body);
    reply_with(call, &body);
}

static void on_updated(struct call *call, const struct apply_result *result)
{
    const char *id = call->request->credential_update->access_key_id;

    (void)result;
    tell_log(call, "credential_updated", id);
    reply_stored(call, id);
}

/* false: there is no such field. */
static bool take_field(const char *field, Cmd__PutCredential *put)
{
    const struct {
        const char *name;
        protobuf_c_boolean *keeps;
    } fields[] = {{"user_name", &put->keeps_user_name},
                  {"policy", &put->keeps_policy},
                  {"is_inactive", &put->keeps_is_inactive},
                  {"requests_per_s", &put->keeps_requests_per_s}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(field, fields[i].name) == 0) {
            *fields[i].keeps = false;
            return true;
        }
    }
    return false;
}

static void update(struct call *call)
{
    const Ctl__CredentialUpdate *request = call->request->credential_update;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutCredential put = CMD__PUT_CREDENTIAL__INIT;
    struct state_credential credential;

    if (!find(call, request->access_key_id, &credential))
        return;
    put.access_key_id = credential.id;
    put.user_name = request->user_name;
    put.policy = request->policy;
    put.is_inactive = request->is_inactive;
    put.requests_per_s = request->requests_per_s;
    put.keeps_user_name = put.keeps_policy = true;
    put.keeps_is_inactive = put.keeps_requests_per_s = true;
    for (size_t i = 0; i < request->n_fields; i++) {
        if (!take_field(request->fields[i], &put)) {
            call_fail(call, ERR_INVALID, "an access key has no field '%.40s'", request->fields[i]);
            return;
        }
    }
    command.kind_case = CMD__COMMAND__KIND_PUT_CREDENTIAL;
    command.put_credential = &put;
    call_propose(call, &command, on_updated);
}

void request_credential_update(struct call *call)
{
    call_read(call, update);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    const char *id = call->request->credential_delete->access_key_id;

    (void)result;
    tell_log(call, "credential_deleted", id);
    call_done(call, "access key %s is deleted; gateways refuse it within two seconds", id);
}

void request_credential_delete(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteCredential deletion = CMD__DELETE_CREDENTIAL__INIT;

    deletion.access_key_id = call->request->credential_delete->access_key_id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_CREDENTIAL;
    command.delete_credential = &deletion;
    call_propose(call, &command, on_deleted);
}

/* ---- lists ---- */

struct row { /* without the policy: that is long */
    char id[STATE_CREDENTIAL_ID_SIZE], user_name[STATE_CREDENTIAL_USER_SIZE];
    Ctl__CredentialReply reply;
};
struct list {
    struct row rows[STATE_CREDENTIALS_MAX];
    Ctl__CredentialReply *pointers[STATE_CREDENTIALS_MAX];
    size_t count;
};

static int on_credential(void *user, const struct state_credential *credential)
{
    struct list *list = user;

    if (list->count == STATE_CREDENTIALS_MAX)
        return 1;
    struct row *row = &list->rows[list->count];
    memcpy(row->id, credential->id, sizeof(row->id));
    memcpy(row->user_name, credential->user_name, sizeof(row->user_name));
    view(credential, false, &row->reply);
    row->reply.access_key_id = row->id;
    row->reply.user_name = row->user_name;
    list->pointers[list->count++] = &row->reply;
    return 0;
}

static void list_all(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CredentialListReply body = CTL__CREDENTIAL_LIST_REPLY__INIT;
    struct list *list = calloc(1, sizeof(*list));
    int rc = list ? state_list_credentials(call_state(call), on_credential, list) : ERR_NOMEM;

    if (rc != 0)
        call_fail_code(call, rc, "list the access keys");
    else {
        body.n_credentials = list->count;
        body.credentials = list->pointers;
        reply.kind_case = CTL__REPLY__KIND_CREDENTIAL_LIST;
        reply.credential_list = &body;
        call_reply(call, &reply);
    }
    free(list);
}

static void list_credentials(struct call *call)
{
    const char *id = call->request->credential_list->access_key_id;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CredentialListReply body = CTL__CREDENTIAL_LIST_REPLY__INIT;
    Ctl__CredentialReply one, *pointer = &one;
    struct state_credential credential;

    if (!id[0]) {
        list_all(call);
        return;
    }
    if (!find(call, id, &credential))
        return;
    view(&credential, true, &one);
    body.n_credentials = 1;
    body.credentials = &pointer;
    reply.kind_case = CTL__REPLY__KIND_CREDENTIAL_LIST;
    reply.credential_list = &body;
    call_reply(call, &reply);
}

void request_credential_list(struct call *call)
{
    call_read(call, list_credentials);
}

/* ---- use ---- */

static bool is_bounded(const Ctl__CredentialUse *request)
{
    return strlen(request->date) == 8 && strlen(request->region) <= SCOPE_LEN_MAX &&
           strlen(request->service) <= SCOPE_LEN_MAX;
}

/* The length of what checks the signature, or an error. */
static int make_check(struct call *call, const struct state_credential *credential,
                      uint8_t out[CREDENTIAL_SIGNATURE_MAX])
{
    const Ctl__CredentialUse *request = call->request->credential_use;
    struct credential_scope scope = {request->date, request->region, request->service};

    if (request->v3_text[0])
        return credential_sign_text(call->cluster, credential, request->v3_text,
                                    request->v3_is_sha1, out);
    int rc = credential_signing_key(call->cluster, credential, &scope, out);
    return rc != 0 ? rc : (int)CREDENTIAL_SIGNATURE_MAX;
}

static void use(struct call *call)
{
    const Ctl__CredentialUse *request = call->request->credential_use;
    uint8_t octets[CREDENTIAL_SIGNATURE_MAX];
    struct state_credential credential;
    Ctl__CredentialReply body;
    int len = state_get_credential(call_state(call), request->access_key_id, &credential);

    if (len == ERR_NOT_FOUND || (len == 0 && credential.is_inactive)) {
        call_fail_as(call, ERR_DENIED, "InvalidClientTokenId", INVALID_TOKEN);
        return;
    }
    if (len == 0)
        len = make_check(call, &credential, octets);
    if (len < 0) {
        call_fail_code(call, len, "use the access key");
        return;
    }
    view(&credential, true, &body);
    ProtobufCBinaryData *place = request->v3_text[0] ? &body.v3_signature : &body.signing_key;
    *place = (ProtobufCBinaryData){(size_t)len, octets};
    reply_with(call, &body);
    explicit_bzero(octets, sizeof(octets));
}

void request_credential_use(struct call *call)
{
    const Ctl__CredentialUse *request = call->request->credential_use;

    if (request->v3_text[0] ? strlen(request->v3_text) > V3_TEXT_LEN_MAX : !is_bounded(request))
        call_fail(call, ERR_INVALID, "that is the scope of no signature");
    else
        call_read(call, use);
}
