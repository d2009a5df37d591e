/* One request to an admin port, blocking; see join.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>

#include "cluster/join.h"
#include "proto/admin.pb-c.h"
#include "raft/io/nng_socket.h"

#define REPLY_MAX (4u << 20)
#define CONNECT_MS 5000

static int error_of(int code)
{
    switch (code) {
    case 0: return 0;
    case NNG_ENOMEM: return ERR_NOMEM;
    case NNG_EADDRINVAL:
    case NNG_EINVAL: return ERR_INVALID;
    case NNG_ETIMEDOUT: return ERR_TIMEOUT;
    case NNG_ECRYPTO:
    case NNG_EPEERAUTH: return ERR_DENIED;
    default: return ERR_UNAVAILABLE;
    }
}

/* The name in the certificate is not checked: any member of this CA may answer, and before the CA
 * is known nothing can be. */
static int make_tls(const char *ca_pem, nng_tls_config **out)
{
    nng_tls_config *tls = NULL;

    int rc = nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT);
    if (rc == 0 && ca_pem)
        rc = nng_tls_config_ca_chain(tls, ca_pem, NULL);
    if (rc == 0)
        rc = nng_tls_config_auth_mode(tls,
                                      ca_pem ? NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE);
    if (rc != 0 && tls)
        nng_tls_config_free(tls);
    else if (rc == 0)
        *out = tls;
    return rc;
}

/* A start that is given up: into a silent network NNG itself would wait for minutes, and so would
 * whoever stops this node. */
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

static int start_within(nng_dialer dialer, uint32_t timeout_ms)
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

static int connect_to(nng_socket socket, const char *address, nng_tls_config *tls,
                      uint32_t timeout_ms)
{
    nng_dialer dialer;
    char url[CLUSTER_TEXT_MAX + 16];
    uint32_t connect_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;

    snprintf(url, sizeof(url), "tls+tcp://%s", address);
    int rc = nng_dialer_create(&dialer, socket, url);
    if (rc == 0)
        rc = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls);
    if (rc == 0)
        rc = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, REPLY_MAX);
    if (rc == 0)
        rc = nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, (nng_duration)connect_ms);
    if (rc == 0)
        rc = nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, (nng_duration)timeout_ms);
    if (rc == 0) /* a request is sent once: what it asks for must not be done twice */
        rc = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, (nng_duration)timeout_ms * 2);
    return rc != 0 ? rc : start_within(dialer, connect_ms);
}

static int exchange(nng_socket socket, const Adm__Request *request, Adm__Reply **reply)
{
    nng_msg *message = NULL;

    size_t len = adm__request__get_packed_size(request);
    int rc = nng_msg_alloc(&message, len);
    if (rc != 0)
        return error_of(rc);
    adm__request__pack(request, nng_msg_body(message));
    rc = nng_sendmsg(socket, message, 0);
    if (rc != 0) {
        explicit_bzero(nng_msg_body(message), len);
        nng_msg_free(message);
        return error_of(rc);
    }
    rc = nng_recvmsg(socket, &message, 0);
    if (rc != 0)
        return error_of(rc);
    *reply = adm__reply__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
    explicit_bzero(nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
    return *reply ? 0 : ERR_CORRUPT;
}

int admin_client_ask(const char *address, const char *ca_pem, const Adm__Request *request,
                     uint32_t timeout_ms, Adm__Reply **reply)
{
    nng_socket socket;
    nng_tls_config *tls = NULL;

    if (strlen(address) >= CLUSTER_TEXT_MAX || !strchr(address, ':'))
        return ERR_INVALID;
    if (nng_req0_open(&socket) != 0)
        return ERR_NOMEM;
    int rc = error_of(make_tls(ca_pem, &tls));
    if (rc == 0)
        rc = error_of(connect_to(socket, address, tls, timeout_ms));
    if (rc == 0)
        rc = exchange(socket, request, reply);
    (void)nng_socket_close(socket.id);
    if (tls)
        nng_tls_config_free(tls);
    return rc;
}
