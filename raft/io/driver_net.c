/* raft/io/driver_net.c: the production network: NNG transport, snapshot server and fetcher. */
#include "raft/io/driver_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/io/transport_internal.h"

struct net {
    struct raft_net port; /* first: raft_net_close() gets back from it */
    struct uv_loop_s *loop;
    struct codec_keys keys;
    struct transport_tls tls; /* owned copy, for fetches */
    char snapshot_advertise[CODEC_ADDRESS_LEN_MAX + 1];
    struct transport_nng *transport;
    struct snapshot_server *server;
    struct transport_handler handler; /* the driver's; user NULL: nobody */
    bool has_handler;
    void (*closed)(void *user);
    void *closed_user;
};

static void on_message(void *user, const struct raft_message *msg)
{
    struct net *net = user;
    if (net->has_handler)
        net->handler.message(net->handler.user, msg);
}

static void on_app(void *user, raft_id from, const uint8_t *data, size_t len)
{
    struct net *net = user;
    if (net->has_handler)
        net->handler.app(net->handler.user, from, data, len);
}

static void on_unreachable(void *user, raft_id peer)
{
    struct net *net = user;
    if (net->has_handler)
        net->handler.unreachable(net->handler.user, peer);
}

static void on_stranger(void *user, raft_id from, const char *address)
{
    struct net *net = user;
    if (net->has_handler)
        net->handler.stranger(net->handler.user, from, address);
}

static void on_repaired(void *user, raft_id peer, uint64_t after_ms)
{
    struct net *net = user;
    if (net->has_handler && net->handler.repaired != NULL)
        net->handler.repaired(net->handler.user, peer, after_ms);
}

static void attach(void *self, const struct transport_handler *handler)
{
    struct net *net = self;
    net->has_handler = handler != NULL;
    if (handler != NULL)
        net->handler = *handler;
}

static int serve(void *self, const char *dir, snapshot_added_cb added, void *user)
{
    struct net *net = self;
    return snapshot_server_add(net->server, dir, added, user);
}

static int unserve(void *self, const uint8_t *snapshot_id)
{
    struct net *net = self;
    return snapshot_server_remove(net->server, snapshot_id);
}

static int locate(void *self, const uint8_t *snapshot_id, struct raft_snapshot *snapshot)
{
    struct net *net = self;
    struct snapshot_locator locator = {.server = net->keys.self};
    memcpy(locator.snapshot_id, snapshot_id, sizeof(locator.snapshot_id));
    memcpy(locator.address, net->snapshot_advertise, sizeof(locator.address));
    return snapshot_locator_encode(&locator, snapshot);
}

static int fetch(void *self, const struct raft_snapshot *snapshot, const char *dir,
                 snapshot_done_cb done, void *user, void **out)
{
    struct net *net = self;
    struct snapshot_fetch_options options = {
        .loop = net->loop, .keys = net->keys, .tls = net->tls, .directory = dir};
    struct snapshot_fetch *started = NULL;
    int code = snapshot_locator_decode(snapshot, &options.locator);
    if (code == 0)
        code = snapshot_fetch_start(&options, NULL, done, user, &started);
    if (code == 0)
        *out = started;
    return code;
}

static void cancel(void *self, void *started)
{
    (void)self;
    snapshot_fetch_cancel(started);
}

static const struct raft_net_ops ops = {.attach = attach,
                                        .serve = serve,
                                        .unserve = unserve,
                                        .locate = locate,
                                        .fetch = fetch,
                                        .cancel = cancel};

static void net_free(struct net *net)
{
    void (*closed)(void *user) = net->closed;
    void *user = net->closed_user;
    transport__tls_free(&net->tls);
    free(net);
    if (closed != NULL)
        closed(user);
}

static void on_transport_closed(void *user)
{
    net_free(user);
}

static void on_server_closed(void *user)
{
    struct net *net = user;
    if (net->transport != NULL)
        transport_nng_close(net->transport, on_transport_closed, net);
    else
        net_free(net);
}

void raft_net_close(struct raft_net *port, void (*closed)(void *user), void *user)
{
    struct net *net = port->self;
    net->closed = closed;
    net->closed_user = user;
    net->has_handler = false;
    snapshot_server_close(net->server, on_server_closed, net);
}

static int open_sockets(struct net *net, const struct raft_net_options *options)
{
    const struct transport_handler handler = {.user = net,
                                              .message = on_message,
                                              .app = on_app,
                                              .unreachable = on_unreachable,
                                              .stranger = on_stranger,
                                              .repaired = on_repaired};
    const struct snapshot_server_options server = {.loop = options->loop,
                                                   .keys = options->keys,
                                                   .tls = options->tls,
                                                   .listen = options->snapshot_listen};
    const struct transport_nng_options transport = {.loop = options->loop,
                                                    .keys = options->keys,
                                                    .tls = options->tls,
                                                    .listen = options->peer_listen,
                                                    .advertise = options->peer_advertise};
    int code = snapshot_server_open(&server, &net->server);
    if (code != 0)
        return code;
    return transport_nng_open(&transport, &handler, &net->transport);
}

int raft_net_open(const struct raft_net_options *options, struct raft_net **out)
{
    const char *advertise = options->snapshot_advertise != NULL ? options->snapshot_advertise
                                                                : options->snapshot_listen;
    struct net *net = calloc(1, sizeof(*net));
    if (net == NULL)
        return RAFT_ENOMEM;
    net->loop = options->loop;
    net->keys = options->keys;
    snprintf(net->snapshot_advertise, sizeof(net->snapshot_advertise), "%s", advertise);
    int code = transport__tls_copy(&options->tls, &net->tls);
    if (code == 0)
        code = open_sockets(net, options);
    if (code != 0) {
        if (net->server != NULL)
            snapshot_server_close(net->server, on_server_closed, net);
        else
            net_free(net);
        return code;
    }
    net->port = (struct raft_net){
        .ops = &ops, .self = net, .transport = transport_nng_as_transport(net->transport)};
    *out = &net->port;
    return 0;
}

int raft_net_set_certificate(struct raft_net *port, const struct transport_tls *tls)
{
    struct net *net = port->self;
    struct transport_tls copy;
    int code = transport__tls_copy(tls, &copy);
    if (code != 0)
        return code;
    code = transport_nng_set_certificate(net->transport, tls);
    if (code == 0)
        code = snapshot_server_set_certificate(net->server, tls);
    if (code != 0) {
        transport__tls_free(&copy);
        return code;
    }
    transport__tls_free(&net->tls);
    net->tls = copy;
    return 0;
}

void raft_net_counters(const struct raft_net *port, struct transport_counters *messages,
                       struct snapshot_server_counters *snapshots)
{
    const struct net *net = port->self;
    transport_nng_counters(net->transport, messages);
    snapshot_server_counters(net->server, snapshots);
}
