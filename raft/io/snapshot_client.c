/* raft/io/snapshot_client.c: a REQ socket with one context per slot. */
#include "raft/io/snapshot_client.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/nng_socket.h"

#define RECONNECT_MIN_MS 50
#define RECONNECT_MAX_MS 1000

struct slot {
    nng_ctx context;
    nng_aio *aio;
};
struct snapshot_client {
    struct codec_keys keys;
    raft_id server;
    nng_socket socket;
    struct slot slots[SNAPSHOT_CLIENT_SLOTS];
    uv_mutex_t mutex; /* no operation starts once is_cancelled */
    bool is_cancelled;
};

static int client_dial(struct snapshot_client *client, const char *url, nng_tls_config *config)
{
    nng_dialer dialer;
    int error = nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, TRANSPORT__RECV_LEN_MAX);
    if (error == 0)
        error = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (error == 0)
        error = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (error == 0)
        error = nng_dialer_create(&dialer, client->socket, url);
    if (error == 0)
        error = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
    if (error == 0)
        error = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return transport__error(error);
}

static int slots_open(struct snapshot_client *client, int32_t timeout_ms)
{
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++) {
        struct slot *slot = &client->slots[i];
        int error = nng_aio_alloc(&slot->aio, NULL, NULL);
        if (error == 0)
            error = nng_ctx_open(&slot->context, client->socket);
        if (error != 0)
            return transport__error(error);
        nng_aio_set_timeout(slot->aio, timeout_ms);
    }
    return 0;
}

static int client_new(const struct codec_keys *keys, raft_id server, struct snapshot_client **out)
{
    struct snapshot_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return RAFT_ENOMEM;
    client->keys = *keys;
    client->server = server;
    if (uv_mutex_init(&client->mutex) != 0) {
        free(client);
        return RAFT_ENOMEM;
    }
    if (nng_req0_open(&client->socket) != 0) {
        uv_mutex_destroy(&client->mutex);
        free(client);
        return RAFT_ENOMEM;
    }
    *out = client;
    return 0;
}

int snapshot_client_open(const struct codec_keys *keys, const struct transport_tls *tls,
                         const struct snapshot_locator *locator, int32_t timeout_ms,
                         struct snapshot_client **out)
{
    char url[TRANSPORT__URL_LEN];
    nng_tls_config *config = NULL;
    struct snapshot_client *client = NULL;
    int code = transport__url(locator->address, url);
    if (code == 0)
        code = transport__tls_config(tls, locator->server, &config);
    if (code != 0)
        return code;
    code = client_new(keys, locator->server, &client);
    if (code == 0)
        code = slots_open(client, timeout_ms);
    if (code == 0)
        code = client_dial(client, url, config);
    nng_tls_config_free(config);
    if (code != 0) {
        snapshot_client_close(client);
        return code;
    }
    *out = client;
    return 0;
}

/* NNG 1.5.2 wants this order: stop, wait, close, free. */
void snapshot_client_close(struct snapshot_client *client)
{
    if (client == NULL)
        return;
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++) {
        if (client->slots[i].aio != NULL)
            nng_aio_stop(client->slots[i].aio);
    }
    (void)nng_socket_close(client->socket.id); /* with its contexts */
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++)
        nng_aio_free(client->slots[i].aio);
    uv_mutex_destroy(&client->mutex);
    explicit_bzero(&client->keys, sizeof(client->keys));
    free(client);
}

/* Start and await one operation of @slot. */
static int run(struct snapshot_client *client, struct slot *slot, void (*start)(nng_ctx, nng_aio *))
{
    uv_mutex_lock(&client->mutex);
    bool is_cancelled = client->is_cancelled;
    if (!is_cancelled)
        start(slot->context, slot->aio);
    uv_mutex_unlock(&client->mutex);
    if (is_cancelled)
        return RAFT_ECLOSED;
    nng_aio_wait(slot->aio);
    int error = nng_aio_result(slot->aio);
    return error == NNG_ESTATE ? RAFT_EIO : transport__error(error);
}

int snapshot_client_ask(struct snapshot_client *client, uint32_t slot_index,
                        const struct codec_frame *request)
{
    struct slot *slot = &client->slots[slot_index];
    struct codec_frame frame = *request;
    nng_msg *message = NULL;
    frame.to = client->server;
    int code = transport__encode(&client->keys, &frame, &message);
    if (code != 0)
        return code;
    nng_aio_set_msg(slot->aio, message);
    code = run(client, slot, nng_ctx_send);
    if (code != 0) {
        nng_aio_set_msg(slot->aio, NULL);
        nng_msg_free(message); /* NNG takes it on success only */
    }
    return code;
}

int snapshot_client_wait(struct snapshot_client *client, uint32_t slot_index,
                         struct codec_frame *out)
{
    struct slot *slot = &client->slots[slot_index];
    enum codec_refusal why;
    int code = run(client, slot, nng_ctx_recv);
    if (code != 0)
        return code;
    nng_msg *message = nng_aio_get_msg(slot->aio);
    nng_aio_set_msg(slot->aio, NULL);
    code = codec_decode(&client->keys, nng_msg_body(message), nng_msg_len(message), out, &why);
    nng_msg_free(message);
    if (code == 0 && out->from != client->server) {
        codec_frame_release(out);
        code = RAFT_EDENIED;
    }
    return code;
}

void snapshot_client_cancel(struct snapshot_client *client)
{
    uv_mutex_lock(&client->mutex);
    client->is_cancelled = true;
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++)
        nng_aio_cancel(client->slots[i].aio);
    uv_mutex_unlock(&client->mutex);
}
