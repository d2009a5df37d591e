/* raft/io/transport.h: messages between members; a port. transport_nng.c is production, the
 * simulator has its own. Best effort: loss, repetition, delay and reordering may happen and Raft
 * tolerates them; alteration may not (MAC), nor arrival under another member's id. */
#pragma once

#include "raft/core/raft.h"
#include "raft/io/codec.h"

/* Where to reach a member's peer port. */
struct transport_member {
    raft_id id;
    char address[CODEC_ADDRESS_LEN_MAX + 1]; /* "host:port" or "[v6]:port" */
};

/* All on the loop thread. */
struct transport_ops {
    /* Queue @msg for msg->to; encoded before return, not kept; never blocks. 0: queued, not sent.
     * A full queue drops its oldest. RAFT_ENOENT (no such member), RAFT_ELIMIT, RAFT_ENOMEM. */
    int (*send)(void *self, const struct raft_message *msg);
    /* Queue application octets (≤ CODEC_APP_LEN_MAX) for @to, in order with other sends to it; may
     * be lost like any message. Codes as send(). */
    int (*send_app)(void *self, raft_id to, const uint8_t *data, size_t len);
    /* Replace the member set (borrowed; the node itself may be in it and is skipped). Links to
     * members gone or moved close, their queues are dropped. RAFT_EADDR (an address that cannot be
     * parsed), RAFT_ELIMIT (over RAFT_MEMBERS_MAX): nothing changed; RAFT_ENOMEM: try again. */
    int (*set_members)(void *self, const struct transport_member *members, uint32_t count);
    /* Deliver now what has already arrived. A driver calls it before a tick that comes late, so
     * that a stalled loop does not mistake its own sleep for a silent leader. */
    void (*poll)(void *self);
};
struct transport {
    const struct transport_ops *ops;
    void *self;
};

/* What a transport tells its owner: loop thread only, arguments valid until return. A callback may
 * use the transport, also close it. All must be set, but for repaired(). */
struct transport_handler {
    void *user;
    /* msg->from is a member and msg->to this node; entries may be kept by reference. */
    void (*message)(void *user, const struct raft_message *msg);
    void (*app)(void *user, raft_id from, const uint8_t *data, size_t len);
    /* Messages to @peer are being dropped; at most once a second per peer. */
    void (*unreachable)(void *user, raft_id peer);
    /* A node that holds the cluster's keys, but is not in the member set, says hello: it may have
     * joined while this node was away (thesis §4.1: an unknown leader must be heard). Its frames
     * are refused until set_members() names it. @address may be empty and is only its own claim. */
    void (*stranger)(void *user, raft_id from, const char *address);
    /* For the log; it may not use the transport. The link to @peer was dialled anew after so much
     * silence; or, if @peer is the node itself, its port was opened anew, for after so long it let
     * nobody in any more. */
    void (*repaired)(void *user, raft_id peer, uint64_t after_ms);
};
