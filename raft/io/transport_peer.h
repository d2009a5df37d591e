/* raft/io/transport_peer.h: inside the NNG transport: what it knows of one member: its link and the
 * frames that wait for it. Loop thread only; no callback is made from here. */
#pragma once

#include "raft/io/transport_link.h"

#define TRANSPORT__STALE_MS 1000   /* frames that wait this long for a connection are worthless */
#define TRANSPORT__UNHEARD_MS 2000 /* a living member is heard more often than this */

struct transport_peer {
    raft_id id;
    char url[TRANSPORT__URL_LEN];
    struct transport_link *link; /* NULL: none could be opened yet */
    uint32_t connects_seen;      /* of `link`, greeted */
    uint64_t added_mono_ms;
    uint64_t linked_mono_ms;   /* when `link` was opened; once it is up: when it came up */
    uint64_t received_mono_ms; /* last accepted frame; 0: never */
    uint64_t sent_mono_ms;     /* last frame handed to `link` */
    uint64_t pinged_mono_ms;   /* last ping queued */
    uint64_t waiting_mono_ms;  /* since when the oldest queued frame has been first in line */
    uint64_t told_mono_ms;     /* last unreachable() */
    bool has_drops;            /* since then */
    uint32_t patience_ms;      /* with silence, before it is dialled anew */
    uint64_t deaf_mono_ms;     /* since when it has told that it hears nothing of us; 0: it does */
    uint64_t heard_mono_ms;    /* since when it has told that it does; 0: it does not */
    uint32_t parts_seen;       /* of large frames, by its link */
    uint32_t deaf_ms;          /* that it may tell so, before it is dialled anew */
    uint32_t dial_ms;          /* that a connection may take to come up, before the next is tried */
    struct nng_msg **frames;   /* ring */
    uint32_t frames_max, first, count;
    size_t len_max, len;
};

/* NULL: no memory. @url is copied. */
struct transport_peer *transport_peer_new(raft_id id, const char *url, uint32_t frames_max,
                                          size_t len_max);
/* Its link must be gone. Accepts NULL. */
void transport_peer_free(struct transport_peer *peer);

/* Queue @message (owned from now on); the oldest go until it fits. Returns how many went. */
uint32_t transport_peer_put_take(struct transport_peer *peer, struct nng_msg *message,
                                 uint64_t now_mono_ms);
/* The same at the head of the queue, for the greeting of a new connection. */
uint32_t transport_peer_put_first_take(struct transport_peer *peer, struct nng_msg *message,
                                       uint64_t now_mono_ms);
/* Drop all that waits. Returns how many. */
uint32_t transport_peer_clear(struct transport_peer *peer);
/* Hand the oldest to the link if that is connected and idle. Octets handed over; 0: none. */
size_t transport_peer_pump(struct transport_peer *peer, uint64_t now_mono_ms);

/* Has the connection come up since the last call? */
bool transport_peer_is_new_connection(struct transport_peer *peer);
/* Nothing was received since the link was opened or came up, or for this long. */
uint64_t transport_peer_silent_ms(const struct transport_peer *peer, uint64_t now_mono_ms);
/* Nothing was received on a port that is open since @listen_mono_ms, for this long. */
uint64_t transport_peer_unheard_ms(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                   uint64_t now_mono_ms);
/* Is a ping due: nothing else was sent for a while, or it should know that it is not heard? */
bool transport_peer_is_ping_due(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                uint64_t now_mono_ms);
/* Does it take our connections, and is not heard for @limit_ms all the same? */
bool transport_peer_is_shut_out(const struct transport_peer *peer, uint64_t listen_mono_ms,
                                uint64_t limit_ms, uint64_t now_mono_ms);
/* It tells that it has heard nothing of us for @unheard_ms: is the connection to be dialled anew?
 */
bool transport_peer_is_deaf(struct transport_peer *peer, uint32_t unheard_ms, uint64_t now_mono_ms);
/* Has the link been without a connection for longer than one may take? */
bool transport_peer_dials_too_long(const struct transport_peer *peer, uint64_t now_mono_ms);
/* Do frames wait for a connection that does not come? */
bool transport_peer_is_stale(const struct transport_peer *peer, uint64_t now_mono_ms);
