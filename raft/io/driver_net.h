/* raft/io/driver_net.h: the network of one member as the driver sees it: messages and snapshots.
 * A port: raft_net_open() is production (NNG, mutual TLS); unit tests bring their own. All on the
 * loop thread. */
#pragma once

#include "raft/io/codec.h"
#include "raft/io/snapshot_fetch.h"
#include "raft/io/snapshot_server.h"
#include "raft/io/transport.h"
#include "raft/io/transport_nng.h"

struct raft_net_ops {
    /* Whom to tell what arrives, from now on (copied); NULL: nobody, what arrives is dropped. */
    void (*attach)(void *self, const struct transport_handler *handler);
    /* See snapshot_server_add(); on success fill @snapshot's locator by locate(). */
    int (*serve)(void *self, const char *dir, snapshot_added_cb added, void *user);
    int (*unserve)(void *self, const uint8_t *snapshot_id);
    /* Write to @snapshot how the others fetch what is served as @snapshot_id. */
    int (*locate)(void *self, const uint8_t *snapshot_id, struct raft_snapshot *snapshot);
    /* Fetch @snapshot's data into @dir: see snapshot_fetch_start(). *@fetch is for cancel(), until
     * @done. RAFT_ECORRUPT (no valid locator), RAFT_ENOMEM: no callback comes. */
    int (*fetch)(void *self, const struct raft_snapshot *snapshot, const char *dir,
                 snapshot_done_cb done, void *user, void **fetch);
    void (*cancel)(void *self, void *fetch);
};
struct raft_net {
    const struct raft_net_ops *ops;
    void *self;
    struct transport transport;
};

/* All borrowed for the call, except @loop. */
struct raft_net_options {
    struct uv_loop_s *loop;
    struct codec_keys keys;
    struct transport_tls tls;
    const char *peer_listen;        /* "host:port" */
    const char *peer_advertise;     /* "host:port" told to strangers; NULL: nothing */
    const char *snapshot_listen;    /* "host:port" */
    const char *snapshot_advertise; /* "host:port" where the others fetch; NULL: snapshot_listen */
};
/* Listen on both ports. On 0 the caller owns *@out. RAFT_EADDR, RAFT_EINVALID, RAFT_ENOMEM. */
int raft_net_open(const struct raft_net_options *options, struct raft_net **out);
/* After the driver that uses it was closed. @closed runs once, on the loop; @net is freed just
 * before. */
void raft_net_close(struct raft_net *net, void (*closed)(void *user), void *user);
/* Use another certificate from now on; see transport_nng_set_certificate() and
 * snapshot_server_set_certificate(). RAFT_EINVALID, RAFT_ENOMEM: some may use the old one still. */
int raft_net_set_certificate(struct raft_net *net, const struct transport_tls *tls);
void raft_net_counters(const struct raft_net *net, struct transport_counters *messages,
                       struct snapshot_server_counters *snapshots);
