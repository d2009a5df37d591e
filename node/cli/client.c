#include "cli/client.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/admin_file.h"
#include "proto/admin.pb-c.h"
#include "proto/control.pb-c.h"

#define CLIENT_VERSION 1u
#define CLIENT_REPLY_LEN_MAX (16u << 20)
#define CLIENT_REQUEST_LEN_MAX (2u << 20)
#define CLIENT_GRACE_MS 500u     /* the node's own time-out comes first, and explains itself */
#define CLIENT_NEVER_MS 86400000 /* reconnecting would send a request again: never */

struct client {
    nng_socket socket;
    bool is_open, is_remote;
    struct admin_file admin; /* remote only */
    struct {
        nng_ctx ctx;
        nng_aio *aio;
        bool is_open;
    } slots[CLIENT_SLOTS_MAX];
};

/* NNG thread. A request whose connection is gone has no outcome; REQ would wait for a new one. */
static void on_pipe_gone(nng_pipe pipe, nng_pipe_ev event, void *user)
{
    struct client *client = user;

    (void)pipe;
    (void)event;
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++)
        nng_aio_abort(client->slots[i].aio, NNG_ECONNRESET);
}

void client_close(struct client *client)
{
    if (!client)
        return;
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++) {
        if (client->slots[i].aio)
            nng_aio_stop(client->slots[i].aio);
    }
    if (client->is_open)
        nng_close(client->socket);
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++)
        nng_aio_free(client->slots[i].aio);
    admin_file_fini(&client->admin);
    free(client);
}

static int read_admin_file(struct client *client, const char *path, char *error)
{
    int rc = admin_file_read(path, &client->admin);

    if (rc == ERR_NOT_FOUND)
        snprintf(
            error, CLIENT_ERROR_LEN,
            "an admin port wants the credentials of a member's admin.conf, and %s is not there; "
            "copy the file from a member's data directory and name it by --admin-file",
            path);
    else if (rc == ERR_DENIED)
        snprintf(error, CLIENT_ERROR_LEN, "%s may not be read by this user; try sudo", path);
    else if (rc != 0)
        snprintf(error, CLIENT_ERROR_LEN, "%s is no admin.conf of this version", path);
    return rc;
}

/* TLS: the node must show a certificate of the cluster's CA. Any member will do, so no name is
 * asked for; the secret is sent after that. */
static int dial_admin_port(struct client *client, const char *node, char *error)
{
    char url[300];
    nng_dialer dialer;
    nng_tls_config *tls = NULL;

    snprintf(url, sizeof(url), "tls+tcp://%s", node);
    int rc = nng_dialer_create(&dialer, client->socket, url);
    if (rc == 0)
        rc = nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT);
    if (rc == 0)
        rc = nng_tls_config_ca_chain(tls, client->admin.ca_pem, NULL);
    if (rc == 0)
        rc = nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
    if (rc == 0)
        rc = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls);
    if (rc == 0)
        rc = nng_dialer_start(dialer, 0);
    if (tls)
        nng_tls_config_free(tls);
    if (rc == 0)
        return 0;
    if (rc == NNG_EPEERAUTH || rc == NNG_ECRYPTO)
        snprintf(
            error, CLIENT_ERROR_LEN,
            "%s is no member of the cluster that the admin file is for (its certificate is not "
            "signed by that cluster)",
            node);
    else
        snprintf(error, CLIENT_ERROR_LEN, "cannot reach %s: %s", node, nng_strerror(rc));
    return rc == NNG_EPEERAUTH ? ERR_DENIED : ERR_UNAVAILABLE;
}

static int dial_socket(struct client *client, const char *path, char *error)
{
    char url[300];

    snprintf(url, sizeof(url), "ipc://%s", path);
    int rc = nng_dial(client->socket, url, NULL, 0);
    if (rc == 0)
        return 0;
    if (rc == NNG_EPERM || access(path, F_OK) == 0) {
        snprintf(error, CLIENT_ERROR_LEN,
                 access(path, W_OK) == 0 ? "no node answers on %s; is quartetd running?"
                                         : "%s is closed to this user; try sudo",
                 path);
        return ERR_UNAVAILABLE;
    }
    snprintf(error, CLIENT_ERROR_LEN,
             "there is no control socket %s; start quartetd, or name a node by --node or "
             "$QUARTET_NODE",
             path);
    return ERR_NOT_FOUND;
}

static int open_slots(struct client *client)
{
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++) {
        if (nng_ctx_open(&client->slots[i].ctx, client->socket) != 0 ||
            nng_aio_alloc(&client->slots[i].aio, NULL, NULL) != 0)
            return ERR_NOMEM;
        nng_ctx_set_ms(client->slots[i].ctx, NNG_OPT_REQ_RESENDTIME, CLIENT_NEVER_MS);
    }
    return 0;
}

int client_open(const char *node, const char *admin_file, struct client **out,
                char error[CLIENT_ERROR_LEN])
{
    struct client *client = calloc(1, sizeof(*client));
    int rc = client ? 0 : ERR_NOMEM;

    snprintf(error, CLIENT_ERROR_LEN, "out of memory");
    if (rc == 0)
        client->is_remote = strchr(node, '/') == NULL;
    if (rc == 0 && client->is_remote)
        rc = read_admin_file(client, admin_file, error);
    if (rc == 0 && nng_req0_open(&client->socket) != 0)
        rc = ERR_NOMEM;
    if (rc == 0) {
        client->is_open = true;
        nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, CLIENT_NEVER_MS);
        nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, CLIENT_NEVER_MS);
        nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, CLIENT_REPLY_LEN_MAX);
        rc = open_slots(client);
    }
    if (rc == 0)
        nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_pipe_gone, client);
    if (rc == 0)
        rc = client->is_remote ? dial_admin_port(client, node, error)
                               : dial_socket(client, node, error);
    if (rc != 0) {
        client_close(client);
        return rc;
    }
    *out = client;
    return 0;
}

/* The control request in the admin port's envelope. 0 or ERR_NOMEM. */
static int wrap(const struct client *client, nng_msg *message)
{
    Adm__Request request = ADM__REQUEST__INIT;
    Adm__Control control = ADM__CONTROL__INIT;
    size_t inner_len = nng_msg_len(message);
    uint8_t *inner = malloc(inner_len + 1);

    if (!inner)
        return ERR_NOMEM;
    memcpy(inner, nng_msg_body(message), inner_len);
    control.secret = (ProtobufCBinaryData){ADMIN_SECRET_LEN, (uint8_t *)client->admin.secret};
    control.request = (ProtobufCBinaryData){inner_len, inner};
    request.version = CLIENT_VERSION;
    request.kind_case = ADM__REQUEST__KIND_CONTROL;
    request.control = &control;
    int rc = nng_msg_realloc(message, adm__request__get_packed_size(&request)) == 0 ? 0 : ERR_NOMEM;
    if (rc == 0)
        adm__request__pack(&request, nng_msg_body(message));
    free(inner);
    return rc;
}

int client_send(struct client *client, unsigned slot, const struct Ctl__Request *request,
                uint32_t timeout_ms)
{
    Ctl__Request sent = *request;
    nng_msg *message = NULL;

    sent.version = CLIENT_VERSION;
    sent.timeout_ms = timeout_ms;
    size_t len = ctl__request__get_packed_size(&sent);
    if (len > CLIENT_REQUEST_LEN_MAX)
        return ERR_LIMIT;
    if (nng_msg_alloc(&message, len) != 0)
        return ERR_NOMEM;
    ctl__request__pack(&sent, nng_msg_body(message));
    if (client->is_remote && wrap(client, message) != 0) {
        nng_msg_free(message);
        return ERR_NOMEM;
    }
    nng_aio *aio = client->slots[slot].aio;
    nng_aio_set_timeout(aio, (nng_duration)(timeout_ms + CLIENT_GRACE_MS));
    nng_aio_set_msg(aio, message);
    nng_ctx_send(client->slots[slot].ctx,
                 aio); /* REQ takes it at once; the wait is for the reply */
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) {
        nng_msg_free(message);
        return nng_aio_result(aio) == NNG_ETIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    }
    nng_ctx_recv(client->slots[slot].ctx, aio);
    return 0;
}

static int unwrap(const uint8_t *data, size_t len, struct Ctl__Reply **reply)
{
    Adm__Reply *outer = adm__reply__unpack(NULL, len, data);
    int rc = 0;

    if (!outer)
        return ERR_CORRUPT;
    if (outer->kind_case == ADM__REPLY__KIND_CONTROL) {
        *reply = ctl__reply__unpack(NULL, outer->control.len, outer->control.data);
        rc = *reply ? 0 : ERR_CORRUPT;
    } else {
        rc = outer->code != 0 ? outer->code : ERR_CORRUPT; /* refused before it was looked at */
    }
    adm__reply__free_unpacked(outer, NULL);
    return rc;
}

int client_wait(struct client *client, unsigned slot, struct Ctl__Reply **reply)
{
    nng_aio *aio = client->slots[slot].aio;

    nng_aio_wait(aio);
    int rc = nng_aio_result(aio);
    if (rc == NNG_ETIMEDOUT)
        return ERR_TIMEOUT;
    if (rc != 0)
        return ERR_UNAVAILABLE;
    nng_msg *message = nng_aio_get_msg(aio);
    size_t len = nng_msg_len(message);
    if (len == 0) {
        rc = ERR_NOMEM; /* the node had none for its reply */
    } else if (client->is_remote) {
        rc = unwrap(nng_msg_body(message), len, reply);
    } else {
        *reply = ctl__reply__unpack(NULL, len, nng_msg_body(message));
        rc = *reply ? 0 : ERR_CORRUPT;
    }
    nng_msg_free(message);
    return rc;
}
