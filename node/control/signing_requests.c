/* node/control/signing_requests.c: key-signing keys of zones. */
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/signing_key.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state_signing.h"

struct list {
    struct state_zone zone;
    struct state_signing_key keys[STATE_SIGNING_KEYS_MAX];
    uint8_t ds[STATE_SIGNING_KEYS_MAX][SIGNING_KEY_DS_LEN];
    Ctl__Key replies[STATE_SIGNING_KEYS_MAX], *pointers[STATE_SIGNING_KEYS_MAX];
    unsigned count;
};

static int on_key(void *user, const struct state_signing_key *key)
{
    struct list *list = user;

    if (list->count == STATE_SIGNING_KEYS_MAX)
        return ERR_CORRUPT;
    list->keys[list->count++] = *key;
    return 0;
}

static int fill(struct list *list, unsigned i)
{
    struct state_signing_key *key = &list->keys[i];
    Ctl__Key *out = &list->replies[i];
    uint16_t tag = 0;
    int rc = signing_key_describe(list->zone.name, key->dnskey, key->dnskey_len, &tag, list->ds[i]);

    if (rc != 0)
        return rc == ERR_NOMEM ? rc : ERR_CORRUPT;
    ctl__key__init(out);
    out->name = key->name;
    out->kms_arn = key->kms_arn;
    out->is_active = key->is_active;
    out->dnskey = (ProtobufCBinaryData){key->dnskey_len, key->dnskey};
    out->key_tag = tag;
    out->ds_sha256 = (ProtobufCBinaryData){SIGNING_KEY_DS_LEN, list->ds[i]};
    out->created_wall_ms = key->created_wall_ms;
    out->modified_wall_ms = key->modified_wall_ms;
    list->pointers[i] = out;
    return 0;
}

/* All keys of list.zone, with the change that was made of them. */
static void reply_keys(struct call *call, struct list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__KeyListReply body = CTL__KEY_LIST_REPLY__INIT;
    int rc = state_list_signing_keys(call_state(call), list->zone.id, on_key, list);

    for (unsigned i = 0; rc == 0 && i < list->count; i++)
        rc = fill(list, i);
    if (rc != 0) {
        call_fail_code(call, rc, "read the zone's keys");
        return;
    }
    body.zone_id = list->zone.id;
    body.n_keys = list->count;
    body.keys = list->pointers;
    reply.kind_case = CTL__REPLY__KIND_KEY_LIST;
    reply.key_list = &body;
    reply.change_id = call->change_id;
    call_reply(call, &reply);
}

/* The zone that @text names, which can be signed. true; false: the call has failed. */
static bool find_zone(struct call *call, const char *text, struct state_zone *out)
{
    if (!call_find_zone(call, text, out))
        return false;
    if (out->is_private)
        call_fail_as(call, ERR_INVALID, "InvalidArgument",
                     "Operation is unsupported for private hosted zones");
    return !out->is_private;
}

static void on_written(struct call *call, const struct apply_result *result)
{
    struct list list = {.count = 0};

    memcpy(call->change_id, result->change_id, sizeof(call->change_id));
    if (call_find_zone(call, result->zone_id, &list.zone))
        reply_keys(call, &list);
}

static void create(struct call *call)
{
    const Ctl__KeyCreate *request = call->request->key_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__CreateKey body = CMD__CREATE_KEY__INIT;
    char change_id[STATE_ID_SIZE];
    struct signing_key key;
    struct state_zone zone;

    if (!find_zone(call, request->zone, &zone))
        return;
    int rc = cluster_make_signing_key(call->cluster, &key);
    if (rc != 0) {
        call_fail_code(call, rc, "make the key");
        return;
    }
    call_draw_change_id(change_id);
    body.zone_id = zone.id;
    body.name = request->name;
    body.caller_reference = request->caller_reference;
    body.kms_arn = request->kms_arn;
    body.is_active = request->is_active;
    body.dnskey = (ProtobufCBinaryData){sizeof(key.dnskey), key.dnskey};
    body.sealed_private_key = (ProtobufCBinaryData){key.sealed_len, key.sealed};
    body.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_CREATE_KEY;
    command.create_key = &body;
    call_propose(call, &command, on_written);
}

void request_key_create(struct call *call)
{
    call_read(call, create);
}

static void update(struct call *call)
{
    const Ctl__KeyUpdate *request = call->request->key_update;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__UpdateKey body = CMD__UPDATE_KEY__INIT;
    char change_id[STATE_ID_SIZE];
    struct state_zone zone;

    if (!find_zone(call, request->zone, &zone))
        return;
    call_draw_change_id(change_id);
    body.zone_id = zone.id;
    body.name = request->name;
    body.is_active = request->is_active;
    body.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_UPDATE_KEY;
    command.update_key = &body;
    call_propose(call, &command, on_written);
}

void request_key_update(struct call *call)
{
    call_read(call, update);
}

static void delete_key(struct call *call)
{
    const Ctl__KeyDelete *request = call->request->key_delete;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteKey body = CMD__DELETE_KEY__INIT;
    char change_id[STATE_ID_SIZE];
    struct state_zone zone;

    if (!find_zone(call, request->zone, &zone))
        return;
    call_draw_change_id(change_id);
    body.zone_id = zone.id;
    body.name = request->name;
    body.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_KEY;
    command.delete_key = &body;
    call_propose(call, &command, on_written);
}

void request_key_delete(struct call *call)
{
    call_read(call, delete_key);
}

static void list_keys(struct call *call)
{
    struct list list = {.count = 0};

    if (find_zone(call, call->request->key_list->zone, &list.zone))
        reply_keys(call, &list);
}

void request_key_list(struct call *call)
{
    call_read(call, list_keys);
}
