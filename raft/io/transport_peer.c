/* raft/io/transport_peer.c: the bounded send queue of one member. */
#include "raft/io/transport_peer.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

#include "raft/io/transport_nng.h"

struct transport_peer *transport_peer_new(raft_id id, const char *url, uint32_t frames_max,
                                          size_t len_max)
{
    struct transport_peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->frames = calloc(frames_max, sizeof(struct nng_msg *));
    if (peer->frames == NULL) {
        free(peer);
        return NULL;
    }
    peer->id = id;
    memcpy(peer->url, url, strlen(url) + 1);
    peer->frames_max = frames_max;
    peer->len_max = len_max;
    return peer;
}

void transport_peer_free(struct transport_peer *peer)
{
    if (peer == NULL)
        return;
    transport_peer_clear(peer);
    free(peer->frames);
    free(peer);
}

static nng_msg *peer_take(struct transport_peer *peer)
{
    nng_msg *message = peer->frames[peer->first];
    peer->first = (peer->first + 1) % peer->frames_max;
    peer->count--;
    peer->len -= nng_msg_len(message);
    return message;
}

static uint32_t peer_make_room(struct transport_peer *peer, size_t len, uint64_t now_mono_ms)
{
    uint32_t dropped = 0;
    while (peer->count > 0 &&
           (peer->count == peer->frames_max || peer->len + len > peer->len_max)) {
        nng_msg_free(peer_take(peer));
        dropped++;
    }
    if (peer->count == 0)
        peer->waiting_mono_ms = now_mono_ms;
    peer->has_drops |= dropped > 0;
    return dropped;
}

uint32_t transport_peer_put_take(struct transport_peer *peer, struct nng_msg *message,
                                 uint64_t now_mono_ms)
{
    size_t len = nng_msg_len(message);
    uint32_t dropped = peer_make_room(peer, len, now_mono_ms);
    peer->frames[(peer->first + peer->count) % peer->frames_max] = message;
    peer->count++;
    peer->len += len;
    return dropped;
}

uint32_t transport_peer_put_first_take(struct transport_peer *peer, struct nng_msg *message,
                                       uint64_t now_mono_ms)
{
    size_t len = nng_msg_len(message);
    uint32_t dropped = peer_make_room(peer, len, now_mono_ms);
    peer->first = (peer->first + peer->frames_max - 1) % peer->frames_max;
    peer->frames[peer->first] = message;
    peer->count++;
    peer->len += len;
    return dropped;
}

uint32_t transport_peer_clear(struct transport_peer *peer)
{
    uint32_t dropped = peer->count;
    while (peer->count > 0)
        nng_msg_free(peer_take(peer));
    peer->has_drops |= dropped > 0;
    return dropped;
}

size_t transport_peer_pump(struct transport_peer *peer, uint64_t now_mono_ms)
{
    if (peer->count == 0 || peer->link == NULL || !transport_link_is_connected(peer->link) ||
        !transport_link_is_idle(peer->link))
        return 0;
    nng_msg *message = peer_take(peer);
    size_t len = nng_msg_len(message);
    transport_link_send_take(peer->link, message);
    peer->sent_mono_ms = now_mono_ms;
    peer->waiting_mono_ms = now_mono_ms;
    return len;
}

bool transport_peer_is_new_connection(struct transport_peer *peer)
{
    if (peer->link == NULL)
        return false;
    uint32_t connects = transport_link_connects(peer->link);
    bool is_new = connects != peer->connects_seen && transport_link_is_connected(peer->link);
    peer->connects_seen = connects;
    return is_new;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t transport_peer_silent_ms(const struct transport_peer *peer, uint64_t now_mono_ms)
{
    uint64_t since = later(peer->received_mono_ms, peer->linked_mono_ms);
    return now_mono_ms > since ? now_mono_ms - since : 0;
}

uint64_t transport_peer_unheard_ms(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                   uint64_t now_mono_ms)
{
    uint64_t since = later(later(peer->received_mono_ms, peer->added_mono_ms), listen_mono_ms);
    return now_mono_ms > since ? now_mono_ms - since : 0;
}

bool transport_peer_is_shut_out(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                uint64_t limit_ms, uint64_t now_mono_ms)
{
    return peer->link != NULL && transport_link_is_connected(peer->link) &&
           transport_peer_unheard_ms(peer, listen_mono_ms, now_mono_ms) >= limit_ms;
}

bool transport_peer_is_ping_due(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                uint64_t now_mono_ms)
{
    if (peer->count > 0 || peer->link == NULL || !transport_link_is_connected(peer->link))
        return false;
    bool is_unheard =
        transport_peer_unheard_ms(peer, listen_mono_ms, now_mono_ms) >= TRANSPORT__UNHEARD_MS;
    return now_mono_ms - (is_unheard ? peer->pinged_mono_ms : peer->sent_mono_ms) >=
           TRANSPORT_PING_MS;
}

/* One telling proves nothing: it may have waited on its way, or this process may have slept. */
bool transport_peer_is_deaf(struct transport_peer *peer, uint32_t unheard_ms, uint64_t now_mono_ms)
{
    bool is_connected = peer->link != NULL && transport_link_is_connected(peer->link);
    bool is_heard = unheard_ms < TRANSPORT__UNHEARD_MS;
    uint32_t parts = is_connected ? transport_link_parts(peer->link) : 0;
    bool is_taking =
        parts != peer->parts_seen; /* a large frame, and it is heard once that is whole */
    peer->parts_seen = parts;
    peer->heard_mono_ms = !is_heard                  ? 0
                          : peer->heard_mono_ms != 0 ? peer->heard_mono_ms
                                                     : now_mono_ms;
    if (is_heard && now_mono_ms - peer->heard_mono_ms >= peer->deaf_ms)
        peer->deaf_ms = TRANSPORT_DEAF_MS;
    if (is_heard || is_taking || !is_connected)
        peer->deaf_mono_ms = 0;
    else if (peer->deaf_mono_ms == 0)
        peer->deaf_mono_ms = now_mono_ms;
    return peer->deaf_mono_ms != 0 && now_mono_ms - peer->deaf_mono_ms >= peer->deaf_ms;
}

bool transport_peer_dials_too_long(const struct transport_peer *peer, uint64_t now_mono_ms)
{
    return peer->link != NULL && !transport_link_is_connected(peer->link) &&
           now_mono_ms - peer->linked_mono_ms >= peer->dial_ms;
}

bool transport_peer_is_stale(const struct transport_peer *peer, uint64_t now_mono_ms)
{
    bool is_connected = peer->link != NULL && transport_link_is_connected(peer->link);
    return peer->count > 0 && !is_connected &&
           now_mono_ms - peer->waiting_mono_ms >= TRANSPORT__STALE_MS;
}
