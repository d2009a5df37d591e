#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "backup/key.h"
#include "cluster/backup.h"
#include "cluster/cluster.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

/* true: *@used is @out, or NULL when there is none; false: the call has failed. */
static bool take_key(struct call *call, const Ctl__BackupKey *key, struct backup_secret *out,
                     const struct backup_secret **used)
{
    *used = NULL;
    if (!key || key->kind == BACKUP_KEY_NONE)
        return true;
    if ((key->kind != BACKUP_KEY_FILE && key->kind != BACKUP_KEY_PASSPHRASE) ||
        key->octets.len == 0 || key->octets.len > sizeof(out->octets)) {
        call_fail(call, ERR_INVALID,
                  "the key is of no kind that this node knows, or has no or "
                  "over 1024 octets");
        return false;
    }
    out->kind = (enum backup_key_kind)key->kind;
    memcpy(out->octets, key->octets.data, key->octets.len);
    out->len = key->octets.len;
    explicit_bzero(key->octets.data, key->octets.len);
    *used = out;
    return true;
}

void request_backup_begin(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__BackupReply backup = CTL__BACKUP_REPLY__INIT;
    struct backup_secret secret;
    const struct backup_secret *used;

    if (!take_key(call, call->request->backup_begin->key, &secret, &used))
        return;
    int rc = cluster_backup_begin(call->cluster, used, &backup.id);
    explicit_bzero(&secret, sizeof(secret));
    if (rc == ERR_BUSY) {
        call_fail(call, rc,
                  "this node is making a backup already, or keeps one for somebody who fetches it; "
                  "try again in a minute, or ask another node");
        return;
    }
    if (rc != 0) {
        call_fail_code(call, rc, "make a backup");
        return;
    }
    reply.kind_case = CTL__REPLY__KIND_BACKUP;
    reply.backup = &backup;
    call_reply(call, &reply);
}

static void on_piece(void *user, int rc, const char *message,
                     const struct cluster_backup_piece *piece)
{
    struct call *call = user;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__BackupReply backup = CTL__BACKUP_REPLY__INIT;

    if (rc != 0) {
        call_fail(call, rc, "%s", message);
        return;
    }
    backup.id = call->request->backup_read->id;
    backup.is_ready = piece->is_ready;
    backup.done = piece->done;
    backup.total = piece->total;
    backup.octets = piece->is_ready ? piece->len : 0;
    backup.data = (ProtobufCBinaryData){piece->data_len, (uint8_t *)(uintptr_t)piece->data};
    reply.kind_case = CTL__REPLY__KIND_BACKUP;
    reply.backup = &backup;
    call_reply(call, &reply);
}

void request_backup_read(struct call *call)
{
    const Ctl__BackupRead *read = call->request->backup_read;

    if (read->is_end) {
        cluster_backup_forget(call->cluster, read->id);
        call_done(call, "forgotten");
        return;
    }
    int rc = cluster_backup_read(call->cluster, read->id, read->offset, on_piece, call);
    if (rc == ERR_NOT_FOUND)
        call_fail(call, rc, "the node does not have this backup any more; begin anew");
    else if (rc == ERR_BUSY || rc == ERR_NOMEM)
        call_fail_code(call, rc, "read the backup");
    else if (rc != 0)
        call_fail(call, rc, "no backup was made: %s", cluster_backup_problem(call->cluster));
}

/* true: there was none. */
static bool tell_restore(struct call *call, int rc)
{
    if (rc == ERR_CONFLICT)
        call_fail(call, rc,
                  "this node is a member of a cluster already, or is joining or restoring one; see "
                  "'quartet node status'. A restore makes a new cluster: stop a node, give it an "
                  "empty data directory, start it, and restore on that");
    else if (rc == ERR_INVALID)
        call_fail(call, rc, "the backup did not come in whole and in order; begin anew");
    else if (rc == ERR_IO)
        call_fail(call, rc, "the node cannot write it to its data folder: %s", strerror(errno));
    else if (rc != 0)
        call_fail_code(call, rc, "restore a backup");
    return rc == 0;
}

void request_restore_begin(struct call *call)
{
    if (tell_restore(call,
                     cluster_restore_begin(call->cluster, call->request->restore_begin->octets)))
        call_done(call, "send it");
}

void request_restore_data(struct call *call)
{
    const Ctl__RestoreData *data = call->request->restore_data;

    if (tell_restore(call, cluster_restore_data(call->cluster, data->offset, data->data.data,
                                                data->data.len)))
        call_done(call, "send more");
}

static void on_restored(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "not restored: %s", message);
    else
        call_done(call, "%s", message);
}

void request_restore_run(struct call *call)
{
    const Ctl__RestoreRun *run = call->request->restore_run;
    struct cluster_restore_options options = {.is_without_secrets = run->is_without_secrets};
    struct backup_secret secret;

    if (!take_key(call, run->key, &secret, &options.secret))
        return;
    int rc = cluster_restore_run(call->cluster, &options, on_restored, call);
    explicit_bzero(&secret, sizeof(secret));
    (void)tell_restore(call, rc);
}
