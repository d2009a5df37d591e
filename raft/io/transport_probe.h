/* raft/io/transport_probe.h: inside the NNG transport: a link to our own port, by which the node
 * finds out whether that still lets connections in.
 *
 * A listener of NNG 1.5.2 lets nobody in any more once a connection ended in the wrong moment of
 * its negotiation (NNG's issue 1518): the kernel takes connections, TLS goes through, and no octet
 * is ever read. Dialling anew does not help, and the dialler cannot tell. So while a member is not
 * heard, we dial ourselves and say a word: if the link comes up and the word is not heard, then the
 * port is deaf and has to be opened anew. */
#pragma once

#include "raft/io/transport_link.h"

#define TRANSPORT_PROBE_AFTER_MS 1000   /* of a member's silence */
#define TRANSPORT_PROBE_DEAF_MS 2000    /* from the word to the verdict */
#define TRANSPORT_PROBE_CONNECT_MS 5000 /* for the link; if it takes longer, nothing is learnt */
#define TRANSPORT_PROBE_PAUSE_MS 1000   /* to the next one; twice as long each time, up to … */
#define TRANSPORT_PROBE_PAUSE_MS_MAX 8000

struct transport_probe {
    struct transport_link *link; /* NULL: none is under way; opened and closed by the transport */
    uint64_t began_mono_ms;
    uint64_t said_mono_ms; /* 0: the link is not up yet */
    uint64_t next_mono_ms; /* not before */
    uint32_t pause_ms;
};

enum transport_probe_step {
    PROBE_WAIT,    /* nothing to do */
    PROBE_BEGIN,   /* open the link, then transport_probe_begin() */
    PROBE_SAY,     /* send a frame to ourselves on the link, then transport_probe_said() */
    PROBE_GIVE_UP, /* transport_probe_end() and close the link */
    PROBE_DEAF,    /* the same, and open the port anew */
};

/* What is due. @misses_somebody: a member has not been heard for TRANSPORT_PROBE_AFTER_MS. */
enum transport_probe_step transport_probe_next(struct transport_probe *probe, bool misses_somebody,
                                               uint64_t now_mono_ms);
void transport_probe_begin(struct transport_probe *probe, struct transport_link *link,
                           uint64_t now_mono_ms);
void transport_probe_said(struct transport_probe *probe, uint64_t now_mono_ms);
/* The loop has slept: wait as if it all had begun now. */
void transport_probe_forgive(struct transport_probe *probe, uint64_t now_mono_ms);
/* Returns the link, for the caller to close; NULL: there was none. */
struct transport_link *transport_probe_end(struct transport_probe *probe, uint64_t now_mono_ms);
