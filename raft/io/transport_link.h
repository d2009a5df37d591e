/* raft/io/transport_link.h: inside the NNG transport: one dialled connection to one member, tried
 * until it is through, then up once. One send at a time; queues and decisions are the caller's
 * (transport_nng.c). */
#pragma once

#include "raft/io/transport_internal.h"

struct uv_async_s;
struct transport_link; /* opaque */

/* Start dialling @url as @peer. @wake is signalled when the connection comes or goes, and when a
 * send ends that was waited for; it must outlive the link. RAFT_ENOMEM, RAFT_EINVALID, RAFT_EADDR,
 * RAFT_EIO. */
int transport_link_open(const struct transport_tls *tls, raft_id peer, const char *url,
                        struct uv_async_s *wake, struct transport_link **out);
/* Blocks until NNG has let go; a worker's task. What was being sent is lost. */
void transport_link_close(struct transport_link *link);

bool transport_link_is_connected(const struct transport_link *link);
/* How often the connection came up: 0 or 1. */
uint32_t transport_link_connects(const struct transport_link *link);
/* Counts the parts of frames that are too large to go at once, as they are taken. */
uint32_t transport_link_parts(const struct transport_link *link);
/* It came up and went down: of no more use. Close the link and open another. */
bool transport_link_is_gone(const struct transport_link *link);

/* Is nothing being sent? Then transport_link_send_take() may be called; it owns @message. If not,
 * @wake is signalled when that is over. */
bool transport_link_is_idle(struct transport_link *link);
void transport_link_send_take(struct transport_link *link, struct nng_msg *message);
