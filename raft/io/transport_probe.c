/* raft/io/transport_probe.c: when to dial ourselves, and what the outcome means. */
#include "raft/io/transport_probe.h"

static enum transport_probe_step next_of_running(struct transport_probe *probe,
                                                 uint64_t now_mono_ms)
{
    if (transport_link_is_gone(probe->link))
        return PROBE_GIVE_UP;
    if (probe->said_mono_ms != 0)
        return now_mono_ms - probe->said_mono_ms >= TRANSPORT_PROBE_DEAF_MS ? PROBE_DEAF
                                                                            : PROBE_WAIT;
    if (transport_link_is_connected(probe->link))
        return PROBE_SAY;
    return now_mono_ms - probe->began_mono_ms >= TRANSPORT_PROBE_CONNECT_MS ? PROBE_GIVE_UP
                                                                            : PROBE_WAIT;
}

enum transport_probe_step transport_probe_next(struct transport_probe *probe, bool misses_somebody,
                                               uint64_t now_mono_ms)
{
    if (probe->link != NULL)
        return next_of_running(probe, now_mono_ms);
    if (!misses_somebody) {
        probe->pause_ms = TRANSPORT_PROBE_PAUSE_MS;
        return PROBE_WAIT;
    }
    return now_mono_ms >= probe->next_mono_ms ? PROBE_BEGIN : PROBE_WAIT;
}

void transport_probe_begin(struct transport_probe *probe, struct transport_link *link,
                           uint64_t now_mono_ms)
{
    probe->link = link;
    probe->began_mono_ms = now_mono_ms;
    probe->said_mono_ms = 0;
}

void transport_probe_said(struct transport_probe *probe, uint64_t now_mono_ms)
{
    probe->said_mono_ms = now_mono_ms;
}

void transport_probe_forgive(struct transport_probe *probe, uint64_t now_mono_ms)
{
    probe->began_mono_ms = now_mono_ms;
    if (probe->said_mono_ms != 0)
        probe->said_mono_ms = now_mono_ms;
}

struct transport_link *transport_probe_end(struct transport_probe *probe, uint64_t now_mono_ms)
{
    struct transport_link *link = probe->link;
    probe->link = NULL;
    probe->next_mono_ms = now_mono_ms + probe->pause_ms;
    if (probe->pause_ms < TRANSPORT_PROBE_PAUSE_MS_MAX)
        probe->pause_ms *= 2;
    return link;
}
