#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/admin_file.h"
#include "cli/client_port.h"
#include "proto/admin.pb-c.h"

#define ADMIN_VERSION 1u
#define REPLY_LEN_MAX (16u << 20)
#define NEVER_MS 86400000 /* reconnecting would send a request again: never */

struct tls_client {
    nng_socket socket;
    bool is_open;
    struct admin_file admin;
    struct {
        nng_ctx ctx;
        nng_aio *aio;
    } slots[CLIENT_SLOTS_MAX];
};

/* NNG thread. A request whose connection is gone has no outcome; REQ would wait for a new one. */
static void on_pipe_gone(nng_pipe pipe, nng_pipe_ev event, void *user)
{
    struct tls_client *client = user;

    (void)pipe;
    (void)event;
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++)
        nng_aio_abort(client->slots[i].aio, NNG_ECONNRESET);
}

static void tls_close(void *self)
{
    struct tls_client *client = self;

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

static int read_admin_file(struct tls_client *client, const char *path, char *error)
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

/* A start that is given up: NNG itself would wait for as long as the other side keeps silent. */
struct start {
    nng_dialer dialer;
    nng_aio *alarm;
};

/* NNG thread. */
static void on_alarm(void *user)
{
    struct start *start = user;

    if (nng_aio_result(start->alarm) == 0)
        nng_dialer_close(start->dialer);
}

static int start_dialer(nng_dialer dialer, uint32_t timeout_ms)
{
    struct start start = {.dialer = dialer};

    int rc = nng_aio_alloc(&start.alarm, on_alarm, &start);
    if (rc != 0)
        return rc;
    nng_sleep_aio((nng_duration)timeout_ms, start.alarm);
    rc = nng_dialer_start(dialer, 0);
    nng_aio_stop(start.alarm);
    nng_aio_free(start.alarm);
    return rc == NNG_ECLOSED || rc == NNG_ECANCELED ? NNG_ETIMEDOUT : rc;
}

/* The node must show a certificate of the cluster's CA. Any member will do, so no name is asked
 * for; the secret is sent after that. */
static int dial(struct tls_client *client, const char *address, uint32_t timeout_ms, char *error)
{
    char url[300];
    nng_dialer dialer;
    nng_tls_config *tls = NULL;

    snprintf(url, sizeof(url), "tls+tcp://%s", address);
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
        rc = start_dialer(dialer, timeout_ms);
    if (tls)
        nng_tls_config_free(tls);
    if (rc == 0)
        return 0;
    if (rc == NNG_EADDRINVAL) {
        snprintf(error, CLIENT_ERROR_LEN,
                 "'%s' is neither HOST:PORT of an admin port (5302 by default) nor the path of a "
                 "control socket, which has a slash",
                 address);
        return ERR_INVALID;
    }
    if (rc == NNG_EPEERAUTH || rc == NNG_ECRYPTO) {
        snprintf(error, CLIENT_ERROR_LEN,
                 "%s is no member of the cluster that the admin file is for: that cluster's "
                 "authority has not signed its certificate. If the CA was rotated since ('quartet "
                 "cert status' on a member tells), copy admin.conf anew from a member's data "
                 "directory",
                 address);
        return ERR_DENIED;
    }
    snprintf(error, CLIENT_ERROR_LEN, "cannot reach %s: %s", address, nng_strerror(rc));
    return ERR_UNAVAILABLE;
}

static int open_slots(struct tls_client *client)
{
    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++) {
        if (nng_ctx_open(&client->slots[i].ctx, client->socket) != 0 ||
            nng_aio_alloc(&client->slots[i].aio, NULL, NULL) != 0)
            return ERR_NOMEM;
        nng_ctx_set_ms(client->slots[i].ctx, NNG_OPT_REQ_RESENDTIME, NEVER_MS);
    }
    return 0;
}

static int open_socket(struct tls_client *client)
{
    if (nng_req0_open(&client->socket) != 0)
        return ERR_NOMEM;
    client->is_open = true;
    nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, NEVER_MS);
    nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, NEVER_MS);
    nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, REPLY_LEN_MAX);
    int rc = open_slots(client);
    if (rc == 0)
        nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_pipe_gone, client);
    return rc;
}

/* The control request in the admin port's envelope. */
static int wrap(const struct tls_client *client, const uint8_t *octets, size_t len, nng_msg **out)
{
    Adm__Request request = ADM__REQUEST__INIT;
    Adm__Control control = ADM__CONTROL__INIT;

    control.secret = (ProtobufCBinaryData){ADMIN_SECRET_LEN, (uint8_t *)client->admin.secret};
    control.request = (ProtobufCBinaryData){len, (uint8_t *)octets};
    request.version = ADMIN_VERSION;
    request.kind_case = ADM__REQUEST__KIND_CONTROL;
    request.control = &control;
    if (nng_msg_alloc(out, adm__request__get_packed_size(&request)) != 0)
        return ERR_NOMEM;
    adm__request__pack(&request, nng_msg_body(*out));
    return 0;
}

static int tls_send(void *self, unsigned slot, const uint8_t *octets, size_t len,
                    uint32_t timeout_ms)
{
    struct tls_client *client = self;
    nng_aio *aio = client->slots[slot].aio;
    nng_msg *message;

    if (wrap(client, octets, len, &message) != 0)
        return ERR_NOMEM;
    nng_aio_set_timeout(aio, (nng_duration)(timeout_ms + CLIENT_GRACE_MS));
    nng_aio_set_msg(aio, message);
    nng_ctx_send(client->slots[slot].ctx, aio); /* taken at once; the wait is for the reply */
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) {
        nng_msg_free(message);
        return nng_aio_result(aio) == NNG_ETIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    }
    nng_ctx_recv(client->slots[slot].ctx, aio);
    return 0;
}

static int unwrap(const uint8_t *data, size_t data_len, uint8_t **octets, size_t *len)
{
    Adm__Reply *outer = adm__reply__unpack(NULL, data_len, data);
    int rc = 0;

    if (!outer)
        return ERR_CORRUPT;
    if (outer->kind_case != ADM__REPLY__KIND_CONTROL) {
        rc = outer->code < 0 ? outer->code : ERR_CORRUPT; /* refused before it was looked at */
    } else if (!(*octets = malloc(outer->control.len + 1))) {
        rc = ERR_NOMEM;
    } else {
        *len = outer->control.len;
        memcpy(*octets, outer->control.data, *len);
    }
    adm__reply__free_unpacked(outer, NULL);
    return rc;
}

static int tls_wait(void *self, unsigned slot, uint8_t **octets, size_t *len)
{
    struct tls_client *client = self;
    nng_aio *aio = client->slots[slot].aio;

    nng_aio_wait(aio);
    int rc = nng_aio_result(aio);
    if (rc != 0)
        return rc == NNG_ETIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    nng_msg *message = nng_aio_get_msg(aio);
    rc = unwrap(nng_msg_body(message), nng_msg_len(message), octets, len);
    nng_msg_free(message);
    return rc;
}

static int tls_fd(void *self)
{
    (void)self;
    return -1;
}

int client_tls_open(const char *address, const char *admin_file, uint32_t timeout_ms,
                    const struct client_ops **ops, void **self, char error[CLIENT_ERROR_LEN])
{
    static const struct client_ops tls_ops = {tls_send, tls_wait, tls_fd, tls_close};
    struct tls_client *client = calloc(1, sizeof(*client));

    if (!client)
        return ERR_NOMEM;
    int rc = read_admin_file(client, admin_file, error);
    if (rc == 0)
        rc = open_socket(client);
    if (rc == 0)
        rc = dial(client, address, timeout_ms, error);
    if (rc != 0) {
        tls_close(client);
        return rc;
    }
    *ops = &tls_ops;
    *self = client;
    return 0;
}
