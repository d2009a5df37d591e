/* raft/io/transport_inbox.h: inside the NNG transport: the listening side. A port, its connections,
 * and their frames in a bounded queue until the loop takes them. */
#pragma once

#include "raft/io/transport_internal.h"

struct uv_async_s;
struct transport_inbox; /* opaque */

/* Listen on @url and receive. @wake is signalled when there is something to take; it must outlive
 * the inbox. RAFT_EADDR, RAFT_EINVALID, RAFT_ENOMEM. */
int transport_inbox_open(const struct transport_tls *tls, const char *url, struct uv_async_s *wake,
                         struct transport_inbox **out);
/* Blocks until NNG has let go; a worker's task. What was not taken is lost. */
void transport_inbox_close(struct transport_inbox *inbox);

uint16_t transport_inbox_port(const struct transport_inbox *inbox);
/* The oldest frame, the caller's to free; NULL: none. When the queue was full, receiving goes on
 * once it is empty. Looks after connections that have ended, too. Loop thread. */
struct nng_msg *transport_inbox_take(struct transport_inbox *inbox);

/* Hang up connections that have made no progress for too long; a few times a second. Loop thread.
 */
void transport_inbox_tick(struct transport_inbox *inbox);

uint32_t transport_inbox_accepts(const struct transport_inbox *inbox);
uint32_t transport_inbox_hangups(const struct transport_inbox *inbox);
uint32_t transport_inbox_pauses(const struct transport_inbox *inbox);
