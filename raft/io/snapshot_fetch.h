/* raft/io/snapshot_fetch.h: fetches a snapshot into a staging directory, chunk by chunk, each
 * checked against the manifest. Runs on a thread of its own (files, fsync, TLS); callbacks come on
 * the loop thread.
 *
 * Every step can be repeated: chunks that are there and right are not fetched again, also after a
 * restart of the process with the same locator. `COMPLETE` is written last, after all is synced. */
#pragma once

#include "raft/io/snapshot_locator.h"
#include "raft/io/transport_tls.h"

#define SNAPSHOT_FETCH_GIVE_UP_MS (120u * 1000) /* without one new chunk */
#define SNAPSHOT_FETCH_RESERVE_LEN (64u << 20)  /* octets that must stay free on the disk */

struct uv_loop_s;
struct snapshot_fetch; /* opaque */

/* All borrowed for the call, except @loop. */
struct snapshot_fetch_options {
    struct uv_loop_s *loop;
    struct codec_keys keys;
    struct transport_tls tls;
    struct snapshot_locator locator;
    const char *directory; /* staging; made if missing; files not of this snapshot are removed */
    uint32_t give_up_ms;   /* 0: SNAPSHOT_FETCH_GIVE_UP_MS */
};

/* Octets present and checked, of @total. At most a few times a second. Loop thread. */
typedef void (*snapshot_progress_cb)(void *user, uint64_t done, uint64_t total);
/* Once, on the loop thread; the fetch is freed just before. 0: the directory holds the snapshot,
 * durable, with its COMPLETE. RAFT_ENOENT: the server has it no longer (ask for a new one);
 * RAFT_ETIMEDOUT: no progress for give_up_ms; RAFT_ECORRUPT: the manifest breaks a rule, or chunks
 * do not match it; RAFT_EVERSION;
 * RAFT_ELIMIT: not enough room on the disk; RAFT_EIO: the directory cannot be written;
 * RAFT_ECLOSED: cancelled; RAFT_EADDR; RAFT_EINVALID (bad PEM); RAFT_ENOMEM. */
typedef void (*snapshot_done_cb)(void *user, int result);

/* RAFT_ENOMEM, RAFT_EINVALID (no PEM): no callback. Else @done comes, and @progress (may be NULL)
 * before it. */
int snapshot_fetch_start(const struct snapshot_fetch_options *options,
                         snapshot_progress_cb progress, snapshot_done_cb done, void *user,
                         struct snapshot_fetch **out);
/* Stop soon; @done still comes, with RAFT_ECLOSED unless it was over already. Loop thread. */
void snapshot_fetch_cancel(struct snapshot_fetch *fetch);

/* Does @directory hold this snapshot, whole? Reads COMPLETE only. 0, RAFT_ENOENT, RAFT_EIO. */
int snapshot_fetch_is_complete(const char *directory, const uint8_t *snapshot_id);
