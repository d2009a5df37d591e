/* raft/io/snapshot_server.h: serves snapshot directories (RocksDB checkpoints) to other members on
 * a socket of its own: NNG REP, mutual TLS, several requests at a time.
 *
 * A directory is flat: regular files with names of [A-Za-z0-9._-]. Chunks are read with pread() on
 * NNG's threads, hashes are computed once on libuv's worker pool; the loop does neither. */
#pragma once

#include "raft/io/codec.h"
#include "raft/io/transport_tls.h"

#define SNAPSHOT_SERVED_MAX 8                /* directories at a time */
#define SNAPSHOT_EXPIRY_MS (10u * 60 * 1000) /* after the last request: removed with its files */

struct uv_loop_s;
struct snapshot_server; /* opaque */

/* All borrowed for the call, except @loop. */
struct snapshot_server_options {
    struct uv_loop_s *loop;
    struct codec_keys keys;
    struct transport_tls tls;
    const char *listen; /* "host:port"; port 0 picks one: snapshot_server_port() */
    uint32_t expiry_ms; /* 0: SNAPSHOT_EXPIRY_MS */
};
struct snapshot_server_counters {
    uint64_t manifests, chunks, chunk_octets;
    uint64_t refused[CODEC_REFUSAL_COUNT]; /* requests that failed codec_decode(), by reason */
    uint64_t refused_requests;             /* well-formed, but for nothing that is served */
    uint64_t expired;
};

/* RAFT_EADDR, RAFT_EINVALID (bad PEM), RAFT_ENOMEM. On 0 the caller owns *@out. Loop thread, like
 * all below. */
int snapshot_server_open(const struct snapshot_server_options *options,
                         struct snapshot_server **out);
/* Directories still registered are removed. @cb runs once, on the loop thread, at the end; @server
 * is freed just before. Additions under way end with RAFT_ECLOSED before that. */
typedef void (*snapshot_close_cb)(void *user);
void snapshot_server_close(struct snapshot_server *server, snapshot_close_cb cb, void *user);

/* @result: 0 and the random id it is served by (valid until return); RAFT_EINVALID (not flat, a
 * name or size out of bounds), RAFT_EIO, RAFT_ENOMEM, RAFT_ECLOSED: the directory is left to the
 * caller. */
typedef void (*snapshot_added_cb)(void *user, int result, const uint8_t *snapshot_id);
/* Hash the files of @directory (path copied) and serve it; from then on it belongs to the server,
 * which removes it. Never calls back when it fails itself: RAFT_EBUSY (SNAPSHOT_SERVED_MAX),
 * RAFT_ENOMEM. */
int snapshot_server_add(struct snapshot_server *server, const char *directory, snapshot_added_cb cb,
                        void *user);
/* Serve it no longer and remove its files, at once or when requests under way end. RAFT_ENOENT. */
int snapshot_server_remove(struct snapshot_server *server, const uint8_t *snapshot_id);

/* Use another certificate from now on: connections are cut and the listener restarts within some
 * 100 ms (it tries again until the port is free). What is served stays, and a fetch goes on with
 * what it has. RAFT_EINVALID, RAFT_ENOMEM: nothing changed. */
int snapshot_server_set_certificate(struct snapshot_server *server,
                                    const struct transport_tls *tls);

uint16_t snapshot_server_port(const struct snapshot_server *server);
void snapshot_server_counters(struct snapshot_server *server, struct snapshot_server_counters *out);
