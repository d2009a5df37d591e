/* raft/io/snapshot_client.h: inside the fetcher: requests to one snapshot server, a few at a time,
 * each in a slot. Blocking; for one thread of its own, except where stated. */
#pragma once

#include "raft/io/snapshot_locator.h"
#include "raft/io/transport_internal.h"

#define SNAPSHOT_CLIENT_SLOTS 4 /* requests in flight */

struct snapshot_client; /* opaque */

/* Prepare to dial the locator's server. Connects by itself, again and
 * again; @timeout_ms is for one request. RAFT_EADDR, RAFT_EINVALID (bad PEM), RAFT_ENOMEM. */
int snapshot_client_open(const struct codec_keys *keys, const struct transport_tls *tls,
                         const struct snapshot_locator *locator, int32_t timeout_ms,
                         struct snapshot_client **out);
void snapshot_client_close(struct snapshot_client *client); /* accepts NULL */

/* Send a request; what an earlier one in @slot would have brought is forgotten. Waits for a
 * connection. RAFT_ETIMEDOUT, RAFT_ECLOSED (cancelled), RAFT_ENOMEM, RAFT_EIO. */
int snapshot_client_ask(struct snapshot_client *client, uint32_t slot,
                        const struct codec_frame *request);
/* Wait for its answer; on 0 the caller releases *@out. A refusal by the server is an answer. Codes
 * as above and of codec_decode(). */
int snapshot_client_wait(struct snapshot_client *client, uint32_t slot, struct codec_frame *out);

/* Any thread: end what is waited for, and all later calls, with RAFT_ECLOSED. */
void snapshot_client_cancel(struct snapshot_client *client);
