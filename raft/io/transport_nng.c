/* raft/io/transport_nng.c: the loop's side of the transport: members, what goes out, what comes
 * in, and time. Links and the inbox are taken down by workers (disposals). */
#include "raft/io/transport_nng.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/transport_inbox.h"
#include "raft/io/transport_peer.h"

#define TICK_MS 100
#define STALL_MS 1000       /* a tick this late means that the loop slept, not the peers */
#define UNREACHABLE_MS 1000 /* between two unreachable() for one peer */

struct transport_nng {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_timer_t timer;
    struct codec_keys keys;
    struct transport_tls tls;
    struct transport_handler handler;
    char url[TRANSPORT__URL_LEN];
    char advertise[CODEC_ADDRESS_LEN_MAX + 1];
    uint16_t port;
    uint32_t send_frames_max;
    size_t send_len_max;
    struct transport_inbox *inbox; /* NULL: the old one closes, or the port is not free yet */
    struct transport_peer *peers[RAFT_MEMBERS_MAX];
    uint32_t peer_count;
    uint64_t ticked_mono_ms;
    uint64_t listen_mono_ms;            /* when the inbox was opened */
    uint32_t shut_out_ms;               /* with nobody heard, before it is opened anew */
    struct transport_counters counters; /* without what living links and the inbox count */
    uint32_t disposals;                 /* under way */
    uint32_t inbox_disposals;
    uint32_t handles; /* open, of wake and timer */
    bool is_delivering;
    bool is_closing;
    transport_close_cb close_cb;
    void *close_user;
};

/* ---- taking down: on a worker, because NNG blocks until its threads have let go ---- */

struct disposal {
    uv_work_t work;
    struct transport_nng *transport;
    struct transport_link *link; /* one of the two */
    struct transport_inbox *inbox;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct transport_nng *t = handle->data;
    if (--t->handles > 0)
        return;
    transport_close_cb cb = t->close_cb;
    void *user = t->close_user;
    transport__tls_free(&t->tls);
    explicit_bzero(&t->keys, sizeof(t->keys));
    free(t);
    if (cb != NULL)
        cb(user);
}

static void close_when_idle(struct transport_nng *t)
{
    if (!t->is_closing || t->disposals > 0)
        return;
    uv_close((uv_handle_t *)&t->wake, on_handle_closed);
    uv_close((uv_handle_t *)&t->timer, on_handle_closed);
}

/* Worker. */
static void dispose(uv_work_t *work)
{
    struct disposal *disposal = work->data;
    if (disposal->link != NULL)
        transport_link_close(disposal->link);
    transport_inbox_close(disposal->inbox);
}

static void on_disposed(uv_work_t *work, int status)
{
    struct disposal *disposal = work->data;
    struct transport_nng *t = disposal->transport;
    (void)status; /* never cancelled */
    t->disposals--;
    t->inbox_disposals -= disposal->inbox != NULL;
    free(disposal);
    close_when_idle(t);
}

static void dispose_later(struct transport_nng *t, struct transport_link *link,
                          struct transport_inbox *inbox)
{
    struct disposal *disposal = calloc(1, sizeof(*disposal));
    if (disposal == NULL) { /* then the loop waits for it */
        if (link != NULL)
            transport_link_close(link);
        transport_inbox_close(inbox);
        return;
    }
    disposal->work.data = disposal;
    disposal->transport = t;
    disposal->link = link;
    disposal->inbox = inbox;
    t->disposals++;
    t->inbox_disposals += inbox != NULL;
    (void)uv_queue_work(t->loop, &disposal->work, dispose, on_disposed); /* fails without cb only */
}

static void peer_unlink(struct transport_nng *t, struct transport_peer *peer)
{
    if (peer->link == NULL)
        return;
    uint32_t connects = transport_link_connects(peer->link);
    t->counters.connects += connects;
    t->counters.disconnects += connects;
    dispose_later(t, peer->link, NULL);
    peer->link = NULL;
}

static void inbox_unlink(struct transport_nng *t)
{
    if (t->inbox == NULL)
        return;
    t->counters.accepts += transport_inbox_accepts(t->inbox);
    t->counters.hangups += transport_inbox_accepts(t->inbox);
    t->counters.paused += transport_inbox_pauses(t->inbox);
    dispose_later(t, NULL, t->inbox);
    t->inbox = NULL;
}

/* ---- going out ---- */

static struct transport_peer *peer_find(const struct transport_nng *t, raft_id id)
{
    for (uint32_t i = 0; i < t->peer_count; i++) {
        if (t->peers[i]->id == id)
            return t->peers[i];
    }
    return NULL;
}

/* Until there is nothing to send, or a send is under way whose end wakes the loop. */
static void peer_pump(struct transport_nng *t, struct transport_peer *peer)
{
    uint64_t now = uv_now(t->loop);
    for (size_t len = transport_peer_pump(peer, now); len > 0;
         len = transport_peer_pump(peer, now)) {
        t->counters.sent_frames++;
        t->counters.sent_octets += len;
    }
}

static int queue_frame(struct transport_nng *t, const struct codec_frame *frame)
{
    struct transport_peer *peer = peer_find(t, frame->to);
    nng_msg *message = NULL;
    if (t->is_closing)
        return RAFT_ECLOSED;
    if (peer == NULL)
        return RAFT_ENOENT;
    int code = transport__encode_prefixed(&t->keys, frame, &message);
    if (code != 0)
        return code;
    t->counters.dropped_frames += transport_peer_put_take(peer, message, uv_now(t->loop));
    peer_pump(t, peer);
    return 0;
}

static int on_send(void *self, const struct raft_message *msg)
{
    struct codec_frame frame = {.kind = CODEC_RAFT, .to = msg->to, .raft = *msg};
    return queue_frame(self, &frame);
}

static int on_send_app(void *self, raft_id to, const uint8_t *data, size_t len)
{
    struct codec_frame frame = {.kind = CODEC_APP, .to = to, .data = data, .data_len = len};
    return queue_frame(self, &frame);
}

/* Best effort like all else: without memory there is no ping. */
static void peer_ping(struct transport_nng *t, struct transport_peer *peer, bool is_first)
{
    uint64_t now = uv_now(t->loop);
    uint64_t unheard_ms = transport_peer_unheard_ms(peer, t->listen_mono_ms, now);
    struct codec_frame frame = {.kind = CODEC_PING,
                                .to = peer->id,
                                .address = t->advertise,
                                .unheard_ms =
                                    unheard_ms < UINT32_MAX ? (uint32_t)unheard_ms : UINT32_MAX};
    nng_msg *message = NULL;
    if (transport__encode_prefixed(&t->keys, &frame, &message) != 0)
        return;
    peer->pinged_mono_ms = now;
    t->counters.dropped_frames += is_first ? transport_peer_put_first_take(peer, message, now)
                                           : transport_peer_put_take(peer, message, now);
}

/* ---- our own port ---- */

static uint32_t longer(uint32_t ms, uint32_t ms_max)
{
    return ms < ms_max / 2 ? 2 * ms : ms_max;
}

static void tell_repair(const struct transport_nng *t, raft_id peer, uint64_t silent_ms)
{
    if (t->handler.repaired != NULL)
        t->handler.repaired(t->handler.user, peer, silent_ms);
}

static void relisten(struct transport_nng *t)
{
    t->counters.relistens++;
    tell_repair(t, t->keys.self, uv_now(t->loop) - t->listen_mono_ms);
    inbox_unlink(t); /* on_tick() opens the next one */
}

/* Whom it hears it lets in: then the port is not what is wrong. */
static bool hears_somebody(const struct transport_nng *t)
{
    for (uint32_t i = 0; i < t->peer_count; i++) {
        uint64_t received_mono_ms = t->peers[i]->received_mono_ms;
        if (received_mono_ms > t->listen_mono_ms &&
            uv_now(t->loop) - received_mono_ms < t->shut_out_ms)
            return true;
    }
    return false;
}

static void port_tick(struct transport_nng *t, bool was_stalled)
{
    if (was_stalled || t->inbox == NULL)
        return;
    transport_inbox_tick(t->inbox);
    if (hears_somebody(t)) {
        t->shut_out_ms = TRANSPORT_SHUT_OUT_MS;
        return;
    }
    for (uint32_t i = 0; i < t->peer_count; i++) {
        if (!transport_peer_is_shut_out(t->peers[i], t->listen_mono_ms, t->shut_out_ms,
                                        uv_now(t->loop)))
            continue;
        t->shut_out_ms = longer(t->shut_out_ms, TRANSPORT_SHUT_OUT_MS_MAX);
        relisten(t);
        return;
    }
}

/* ---- coming in ---- */

/* Our connection to @peer looks well to us; what it says of it counts. */
static void on_ping(struct transport_nng *t, struct transport_peer *peer, uint32_t unheard_ms)
{
    if (!transport_peer_is_deaf(peer, unheard_ms, uv_now(t->loop)))
        return;
    t->counters.redials++;
    tell_repair(t, peer->id, unheard_ms);
    peer->deaf_ms = longer(peer->deaf_ms, TRANSPORT_DEAF_MS_MAX);
    peer->deaf_mono_ms = 0;
    peer_unlink(t, peer); /* the next tick opens the next one */
}

static void hand_over(struct transport_nng *t, struct transport_peer *peer,
                      const struct codec_frame *frame)
{
    switch (frame->kind) {
    case CODEC_RAFT: t->handler.message(t->handler.user, &frame->raft); break;
    case CODEC_APP:
        t->handler.app(t->handler.user, frame->from, frame->data, frame->data_len);
        break;
    case CODEC_PING: on_ping(t, peer, frame->unheard_ms); break;
    default: t->counters.refused_kind++; break;
    }
}

static void deliver(struct transport_nng *t, const uint8_t *data, size_t len)
{
    struct codec_frame frame;
    enum codec_refusal why;
    int code = codec_decode(&t->keys, data, len, &frame, &why);
    if (code != 0) {
        if (code != RAFT_ENOMEM)
            t->counters.refused[why]++;
        return;
    }
    struct transport_peer *peer = peer_find(t, frame.from);
    if (peer != NULL) {
        peer->patience_ms = TRANSPORT_SILENCE_MS;
        peer->received_mono_ms = uv_now(t->loop);
        t->counters.received_frames++;
        t->counters.received_octets += len;
        hand_over(t, peer, &frame);
    } else {
        t->counters.refused_stranger++;
        if (frame.kind == CODEC_PING)
            t->handler.stranger(t->handler.user, frame.from, frame.address);
    }
    codec_frame_release(&frame);
}

static void on_poll(void *self)
{
    struct transport_nng *t = self;
    if (t->is_delivering)
        return; /* called from a handler: the loop below goes on after it */
    t->is_delivering = true;
    for (uint32_t i = 0; i < TRANSPORT_RECV_FRAMES_MAX; i++) {
        /* A handler may close the transport or replace its certificate. */
        nng_msg *message = t->inbox == NULL ? NULL : transport_inbox_take(t->inbox);
        if (message == NULL)
            break;
        deliver(t, nng_msg_body(message), nng_msg_len(message));
        nng_msg_free(message);
        if (i + 1 == TRANSPORT_RECV_FRAMES_MAX)
            uv_async_send(&t->wake); /* let timers have their turn, then go on */
    }
    t->is_delivering = false;
}

static void on_wake(uv_async_t *handle)
{
    struct transport_nng *t = handle->data;
    if (t->is_closing)
        return;
    on_poll(t);
    for (uint32_t i = 0; i < t->peer_count; i++) {
        struct transport_link *link = t->peers[i]->link;
        if (link != NULL && transport_link_is_gone(link)) {
            peer_unlink(t, t->peers[i]); /* before it dials again to be turned away */
            continue;
        }
        if (transport_peer_is_new_connection(t->peers[i])) {
            t->peers[i]->linked_mono_ms = uv_now(t->loop);
            t->peers[i]->dial_ms = TRANSPORT_DIAL_MS;
            t->peers[i]->deaf_mono_ms = 0;
            peer_ping(t, t->peers[i], true); /* a stranger learns our address first */
        }
        peer_pump(t, t->peers[i]);
    }
}

/* ---- time ---- */

static void peer_link(struct transport_nng *t, struct transport_peer *peer)
{
    peer->connects_seen = 0;
    peer->linked_mono_ms = uv_now(t->loop);
    if (transport_link_open(&t->tls, peer->id, peer->url, &t->wake, &peer->link) != 0)
        peer->link = NULL; /* the next tick tries again */
}

static void peer_tick(struct transport_nng *t, struct transport_peer *peer, bool was_stalled)
{
    uint64_t now = uv_now(t->loop);
    if (transport_peer_is_stale(peer, now))
        t->counters.dropped_frames += transport_peer_clear(peer);
    if (!was_stalled && transport_peer_silent_ms(peer, now) >= peer->patience_ms) {
        t->counters.dropped_frames += transport_peer_clear(peer);
        t->counters.redials++;
        if (peer->link != NULL && transport_link_is_connected(peer->link))
            tell_repair(t, peer->id, transport_peer_silent_ms(peer, now));
        peer->patience_ms = longer(peer->patience_ms, TRANSPORT_SILENCE_MS_MAX);
        peer_unlink(t, peer);
    }
    if (!was_stalled && transport_peer_dials_too_long(peer, now)) {
        t->counters.redials++;
        peer->dial_ms = longer(peer->dial_ms, TRANSPORT_DIAL_MS_MAX);
        peer_unlink(t, peer);
    }
    if (peer->link != NULL && transport_link_is_gone(peer->link))
        peer_unlink(t, peer);
    if (peer->link == NULL)
        peer_link(t, peer);
    if (transport_peer_is_ping_due(peer, t->listen_mono_ms, now))
        peer_ping(t, peer, false);
    peer_pump(t, peer);
}

/* Callbacks may change the members: remember ids, not places. */
static void tell_unreachable(struct transport_nng *t)
{
    raft_id ids[RAFT_MEMBERS_MAX];
    uint32_t count = 0;
    uint64_t now = uv_now(t->loop);
    for (uint32_t i = 0; i < t->peer_count; i++) {
        struct transport_peer *peer = t->peers[i];
        if (!peer->has_drops || now - peer->told_mono_ms < UNREACHABLE_MS)
            continue;
        peer->has_drops = false;
        peer->told_mono_ms = now;
        ids[count++] = peer->id;
    }
    for (uint32_t i = 0; i < count && !t->is_closing; i++)
        t->handler.unreachable(t->handler.user, ids[i]);
}

static void inbox_reopen(struct transport_nng *t)
{
    if (t->inbox != NULL || t->inbox_disposals > 0)
        return;
    t->listen_mono_ms = uv_now(t->loop);
    if (transport_inbox_open(&t->tls, t->url, &t->wake, &t->inbox) != 0)
        t->inbox = NULL; /* the next tick tries again */
}

static void on_tick(uv_timer_t *timer)
{
    struct transport_nng *t = timer->data;
    uint64_t now = uv_now(t->loop);
    bool was_stalled = now - t->ticked_mono_ms >= STALL_MS;
    t->ticked_mono_ms = now;
    on_poll(t); /* first what has arrived, then who is silent */
    if (t->is_closing)
        return;
    inbox_reopen(t);
    port_tick(t, was_stalled);
    for (uint32_t i = 0; i < t->peer_count; i++)
        peer_tick(t, t->peers[i], was_stalled);
    tell_unreachable(t);
}

/* ---- members ---- */

static void peer_remove(struct transport_nng *t, uint32_t i)
{
    struct transport_peer *peer = t->peers[i];
    t->counters.dropped_frames += transport_peer_clear(peer);
    peer_unlink(t, peer);
    transport_peer_free(peer);
    t->peers[i] = t->peers[--t->peer_count];
}

static bool is_named(const struct transport_peer *peer, const struct transport_member *members,
                     uint32_t count)
{
    char url[TRANSPORT__URL_LEN];
    for (uint32_t i = 0; i < count; i++) {
        if (members[i].id == peer->id)
            return transport__url(members[i].address, url) == 0 && strcmp(url, peer->url) == 0;
    }
    return false;
}

static int peer_add(struct transport_nng *t, const struct transport_member *member)
{
    char url[TRANSPORT__URL_LEN];
    if (member->id == t->keys.self || peer_find(t, member->id) != NULL)
        return 0;
    int code = transport__url(member->address, url);
    if (code != 0)
        return code;
    struct transport_peer *peer =
        transport_peer_new(member->id, url, t->send_frames_max, t->send_len_max);
    if (peer == NULL)
        return RAFT_ENOMEM;
    peer->added_mono_ms = uv_now(t->loop);
    peer->patience_ms = TRANSPORT_SILENCE_MS;
    peer->dial_ms = TRANSPORT_DIAL_MS;
    peer->deaf_ms = TRANSPORT_DEAF_MS;
    t->peers[t->peer_count++] = peer;
    peer_link(t, peer);
    return 0;
}

static int on_set_members(void *self, const struct transport_member *members, uint32_t count)
{
    struct transport_nng *t = self;
    char url[TRANSPORT__URL_LEN];
    if (t->is_closing)
        return RAFT_ECLOSED;
    if (count > RAFT_MEMBERS_MAX)
        return RAFT_ELIMIT;
    for (uint32_t i = 0; i < count; i++) {
        if (members[i].id != t->keys.self && transport__url(members[i].address, url) != 0)
            return RAFT_EADDR;
    }
    for (uint32_t i = t->peer_count; i > 0; i--) {
        if (!is_named(t->peers[i - 1], members, count))
            peer_remove(t, i - 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        int code = peer_add(t, &members[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

/* ---- open, close, look ---- */

static const struct transport_ops ops = {
    .send = on_send,
    .send_app = on_send_app,
    .set_members = on_set_members,
    .poll = on_poll,
};

struct transport transport_nng_as_transport(struct transport_nng *t)
{
    return (struct transport){.ops = &ops, .self = t};
}

static int transport_new(const struct transport_nng_options *options,
                         const struct transport_handler *handler, struct transport_nng **out)
{
    struct transport_nng *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return RAFT_ENOMEM;
    int code = 0;
    if (options->advertise != NULL) {
        code = transport__url(options->advertise, t->url); /* only a check */
        if (code == 0)
            memcpy(t->advertise, options->advertise, strlen(options->advertise) + 1);
    }
    if (code == 0)
        code = transport__url(options->listen, t->url);
    if (code == 0)
        code = transport__tls_copy(&options->tls, &t->tls);
    if (code != 0) {
        free(t);
        return code;
    }
    t->loop = options->loop;
    t->keys = options->keys;
    t->handler = *handler;
    t->send_frames_max =
        options->send_frames_max > 0 ? options->send_frames_max : TRANSPORT_SEND_FRAMES_MAX;
    t->send_len_max = options->send_len_max > 0 ? options->send_len_max : TRANSPORT_SEND_LEN_MAX;
    *out = t;
    return 0;
}

/* A listener that took any free port keeps that one when it is restarted. */
static void remember_port(struct transport_nng *t)
{
    t->port = transport_inbox_port(t->inbox);
    char *colon = strrchr(t->url, ':');
    if (strcmp(colon, ":0") == 0)
        (void)snprintf(colon, sizeof(t->url) - (size_t)(colon - t->url), ":%u", (unsigned)t->port);
}

int transport_nng_open(const struct transport_nng_options *options,
                       const struct transport_handler *handler, struct transport_nng **out)
{
    struct transport_nng *t = NULL;
    int code = transport_new(options, handler, &t);
    if (code != 0)
        return code;
    if (uv_async_init(t->loop, &t->wake, on_wake) != 0) {
        transport__tls_free(&t->tls);
        free(t);
        return RAFT_ENOMEM;
    }
    (void)uv_timer_init(t->loop, &t->timer); /* cannot fail */
    t->wake.data = t;
    t->timer.data = t;
    t->handles = 2;
    t->ticked_mono_ms = t->listen_mono_ms = uv_now(t->loop);
    t->shut_out_ms = TRANSPORT_SHUT_OUT_MS;
    code = transport_inbox_open(&t->tls, t->url, &t->wake, &t->inbox);
    if (code != 0) {
        transport_nng_close(t, NULL, NULL); /* the loop frees it in its next turn */
        return code;
    }
    remember_port(t);
    (void)uv_timer_start(&t->timer, on_tick, TICK_MS, TICK_MS);
    *out = t;
    return 0;
}

void transport_nng_close(struct transport_nng *t, transport_close_cb cb, void *user)
{
    t->is_closing = true;
    t->close_cb = cb;
    t->close_user = user;
    uv_timer_stop(&t->timer);
    while (t->peer_count > 0)
        peer_remove(t, t->peer_count - 1);
    inbox_unlink(t);
    close_when_idle(t);
}

int transport_nng_set_certificate(struct transport_nng *t, const struct transport_tls *tls)
{
    struct transport_tls copy;
    nng_tls_config *probe = NULL;
    int code = transport__tls_config(tls, 0, &probe);
    if (code != 0)
        return code;
    nng_tls_config_free(probe);
    code = transport__tls_copy(tls, &copy);
    if (code != 0)
        return code;
    transport__tls_free(&t->tls);
    t->tls = copy;
    inbox_unlink(t); /* on_tick() opens the next one */
    for (uint32_t i = 0; i < t->peer_count; i++) {
        peer_unlink(t, t->peers[i]);
        peer_link(t, t->peers[i]);
    }
    return 0;
}

uint16_t transport_nng_port(const struct transport_nng *t)
{
    return t->port;
}

void transport_nng_counters(const struct transport_nng *t, struct transport_counters *out)
{
    *out = t->counters;
    for (uint32_t i = 0; i < t->peer_count; i++) {
        const struct transport_link *link = t->peers[i]->link;
        out->connects += link == NULL ? 0 : transport_link_connects(link);
        out->disconnects += link != NULL && transport_link_is_gone(link);
    }
    if (t->inbox != NULL) {
        out->accepts += transport_inbox_accepts(t->inbox);
        out->hangups += transport_inbox_hangups(t->inbox);
        out->paused += transport_inbox_pauses(t->inbox);
    }
}

int transport_nng_peer(const struct transport_nng *t, raft_id peer, bool *is_connected,
                       uint64_t *silent_ms)
{
    const struct transport_peer *found = peer_find(t, peer);
    if (found == NULL)
        return RAFT_ENOENT;
    *is_connected = found->link != NULL && transport_link_is_connected(found->link);
    *silent_ms =
        found->received_mono_ms == 0 ? UINT64_MAX : uv_now(t->loop) - found->received_mono_ms;
    return 0;
}
