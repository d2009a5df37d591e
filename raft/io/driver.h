/* raft/io/driver.h: runs one raft core: its log store and disk thread, its transport, its
 * snapshots, its clock. Everything here is called on, and calls back on, the thread of the uv loop
 * (except where a callback says "worker"). Callbacks never run inside a raft_driver_*() call; they
 * may call any function of this header except raft_driver_close().
 *
 * Folders under options.dir: log/ (log_store.h), checkpoint/ (snapshots given out), staging/
 * (a snapshot being fetched; it outlives a restart, so that a fetch can go on). checkpoint/ is
 * emptied at open. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/raft.h"

#define RAFT_DRIVER_MESSAGE_LEN 640 /* room for any message of this header */
#define RAFT_DRIVER_ADDRESS_LEN 256 /* "host:port", with its NUL */

struct uv_loop_s;
struct raft_net; /* raft/io/driver_net.h: the transport and the snapshot sockets */
struct raft_driver;

enum raft_log_level { RAFT_LOG_ERROR, RAFT_LOG_WARN, RAFT_LOG_INFO };

/* The application: what the log means. `user` is passed to every callback. */
struct raft_app {
    void *user;
    /* Up to where the state machine is durable, with the term and the members there; index 0 for an
     * empty one. Called once in raft_driver_open(). 0 or a RAFT_E* that fails the open. */
    int (*applied)(void *user, struct raft_snapshot *out);
    /* Apply committed entries in order, each once per run (after a crash those behind the durable
     * applied index come again). NOOP and CONF entries are included, so that the applied index
     * has no gaps. Entries are borrowed. Anything but 0 stops the driver: fatal() follows. */
    int (*apply)(void *user, const struct raft_entry *entries, uint32_t count);
    /* Make what apply() has written so far durable. Worker; apply() goes on meanwhile. 0 or RAFT_E*
     * (the log is then not trimmed). */
    int (*flush)(void *user);
    /* Make the folder @dir (absent, its parent exists) a copy of the state at one index and say in
     * @out which: index, term, conf. Worker; apply() goes on meanwhile. 0 or RAFT_E*. */
    int (*checkpoint)(void *user, const char *dir, struct raft_snapshot *out);
    /* Take over the fetched copy in @dir (the folder is the application's from now on: move it, or
     * the driver removes what is left of it). Verify it, swap it in durably by one rename, then
     * raft_driver_installed(), at once or later. @snapshot stays valid until then. */
    void (*install)(void *user, const char *dir, const struct raft_snapshot *snapshot);
    void (*role_changed)(void *user, enum raft_role role, uint64_t term, raft_id leader);
    void (*conf_changed)(void *user, const struct raft_conf *conf);
    void (*app_message)(void *user, raft_id from, const uint8_t *data, size_t len);
    /* The cluster went on from another member's log, which contradicts what this one has committed
     * (RAFT_ESUPERSEDED). The driver has stopped for good, as below; the process may go on without.
     */
    void (*superseded)(void *user);
    /* A synced write of the log took so long. Disk thread, one at a time; may be NULL. */
    void (*synced)(void *user, uint64_t took_ns);
    /* The driver has stopped for good (a failed write, apply, or memory): it sends, stores and
     * applies nothing more. The process must end. */
    void (*fatal)(void *user, const char *message);
};

struct raft_driver_options {
    struct uv_loop_s *loop; /* borrowed */
    const char *dir;        /* data folder, exists; borrowed for the call */
    raft_id id;
    uint64_t seed;        /* of election time-outs; different on each node */
    struct raft_net *net; /* borrowed; its owner closes it after the driver's close callback */
    struct raft_app app;
    void (*log)(void *user, enum raft_log_level level,
                const char *line); /* loop; user is app.user */
    /* 0 takes the default in brackets. */
    uint32_t election_timeout_ms; /* [400] a follower waits this to twice this */
    uint32_t heartbeat_ms;        /* [60] */
    uint32_t tick_ms;             /* [10] */
    uint32_t read_timeout_ms;     /* [2000] of raft_driver_read() */
    uint32_t install_timeout_ms;  /* [600000] of one snapshot from fetch to installed */
    uint64_t keep_entries;        /* [10000] newest entries kept behind the durable state … */
    uint64_t keep_len;            /* [64 MiB] … but at most these octets of them */
    uint64_t free_space_min;      /* [64 MiB] below it the node takes no proposals and hands over */
};

/* Write the first log of a new cluster into @dir: one voter, @id, whose entry 1 in term 1 carries
 * @context (borrowed, may be NULL). Blocks; before raft_driver_open(). RAFT_EINVALID when there is
 * a log already; else as raft_driver_open(). */
int raft_driver_bootstrap(const char *dir, raft_id id, struct raft_buf *context, char *message);

/* Open the log, verify it, start the disk thread and the clock. Entries that the state does not
 * hold yet are applied after the return. A joiner's log is empty; it waits for its leader. On 0 the
 * caller owns *@out. Codes of log_store_open(), RAFT_ENOMEM, RAFT_EIO, RAFT_EINVALID (the state and
 * the log do not belong together); @message (≥ RAFT_DRIVER_MESSAGE_LEN octets) explains. */
int raft_driver_open(const struct raft_driver_options *options, char *message,
                     struct raft_driver **out);
/* Stop, store what is queued, answer every pending callback with RAFT_ECLOSED, free; then @closed.
 * Not from within a callback of the driver. */
typedef void (*raft_driver_closed_cb)(void *user);
void raft_driver_close(struct raft_driver *driver, raft_driver_closed_cb closed, void *user);

/* Leader: append one entry per buffer (references are taken). *@first_index and *@term say where;
 * the entry is committed when apply() sees that index with that term, and lost when it sees that
 * index with another. RAFT_ENOTLEADER, RAFT_EBUSY (backlog, low disk space), RAFT_ELIMIT. */
int raft_driver_propose(struct raft_driver *driver, struct raft_buf *const *data, uint32_t count,
                        uint64_t *first_index, uint64_t *term);
/* The same for one membership change. Also RAFT_EINVALID. */
int raft_driver_propose_conf(struct raft_driver *driver, const struct raft_conf_change *change,
                             uint64_t *index, uint64_t *term);

/* Leader: entries follow at once that will carry the commit index, so do not tell it before (at the
 * latest a tick does); or, with false, none does: tell what was held, and from now on at once. */
void raft_driver_hold_commit(struct raft_driver *driver, bool holds);

/* A linearizable read barrier, on any member: @done with 0 once the state machine includes every
 * write that was acknowledged before this call; RAFT_ETIMEDOUT after @timeout_ms (0: that of the
 * options), RAFT_ECLOSED. RAFT_EBUSY at once when RAFT_READS_MAX are waiting (@done is not called
 * then). @was_current: it included them already when this was called, so what was read then, in
 * the same turn of the loop, holds as well. */
typedef void (*raft_driver_read_cb)(void *user, int code, bool was_current);
int raft_driver_read(struct raft_driver *driver, uint32_t timeout_ms, raft_driver_read_cb done,
                     void *user);

typedef void (*raft_driver_done_cb)(void *user, int code);
/* Leader: hand over to @target, 0: the best voter. @done with 0 or RAFT_ETIMEDOUT, RAFT_ECLOSED.
 * At once (and no @done): RAFT_ENOTLEADER, RAFT_EBUSY, RAFT_EINVALID, RAFT_ENOQUORUM (no other
 * voter answers). */
int raft_driver_transfer(struct raft_driver *driver, raft_id target, raft_driver_done_cb done,
                         void *user);

/* The quorum is gone for good: go on from this member's log (raft/core/recover.c) in @term with
 * @conf (borrowed), whose one voter is this member; it leads as soon as that is durable, and
 * role_changed() tells. RAFT_EBUSY (it leads, installs or is quarantined), RAFT_EINVALID. */
int raft_driver_recover(struct raft_driver *driver, uint64_t term, const struct raft_conf *conf);
/* Make the folder @dir (absent, its parent exists) a copy of the log as it is durable now: hard
 * links where the file system has them. Any thread but not during close. RAFT_EIO with @message
 * (≥ RAFT_DRIVER_MESSAGE_LEN octets). */
int raft_driver_copy_log(struct raft_driver *driver, const char *dir, char *message);

/* Send the application's own octets to a member, at most once, no promise. RAFT_ENOENT (no
 * address), RAFT_EBUSY (the queue to it is full), RAFT_ELIMIT. */
int raft_driver_send_app(struct raft_driver *driver, raft_id to, const void *data, size_t len);

struct raft_driver_address {
    raft_id id;
    char peer[RAFT_DRIVER_ADDRESS_LEN]; /* "host:port"; a snapshot's message says where it is */
};
/* Where the others are: the whole list, it replaces the one before. Own id is ignored. A stranger
 * that holds the cluster's keys is heard for a minute without being in the list (thesis §4.1: it
 * may have joined while this node was away). RAFT_ELIMIT (over RAFT_MEMBERS_MAX), RAFT_EADDR (one
 * cannot be parsed): nothing changed; RAFT_ENOMEM. */
int raft_driver_set_addresses(struct raft_driver *driver,
                              const struct raft_driver_address *addresses, uint32_t count);

/* Own state is quarantined: ask the leader for a snapshot (a leader steps down first); install()
 * follows. RAFT_EBUSY while an install is under way. */
int raft_driver_need_snapshot(struct raft_driver *driver);
/* Answer of install(): 0: the copy is the state now, durable. Else it is not. */
void raft_driver_installed(struct raft_driver *driver, int code);

struct raft_driver_peer {
    raft_id id;
    enum raft_member_role role;
    uint64_t match_index;   /* leader only; 0 elsewhere */
    int64_t contact_age_ms; /* since the last reply of this term; -1: none */
    uint64_t round_acked;   /* see raft_round_confirmed() */
    bool is_snapshotting;
};
struct raft_driver_status {
    enum raft_role role;
    uint64_t last_term; /* of the entry at last_index */
    uint64_t term, commit_index, applied_index, first_index, last_index, persisted_index;
    raft_id leader;
    uint64_t round_confirmed; /* leader: see raft_round_confirmed() */
    bool can_change_conf, is_low_on_space, is_installing;
    struct raft_driver_peer peers[RAFT_MEMBERS_MAX]; /* the configuration in force, ascending */
    uint32_t peer_count;
    uint64_t log_len;    /* octets of entries in the log */
    uint64_t sync_count; /* synced writes since the start */
    uint64_t sync_p50_us, sync_p99_us, sync_max_us;
    uint64_t messages_sent, messages_received, messages_dropped;
    uint64_t snapshots_sent, snapshots_installed;
    uint64_t disk_free; /* octets, at the last look */
};
void raft_driver_status(struct raft_driver *driver, struct raft_driver_status *out);

struct raft_driver_memory { /* octets */
    uint64_t entries;       /* the log's newest, which stay in memory */
    uint64_t block_cache, memtables, table_readers;
};
void raft_driver_memory(struct raft_driver *driver, struct raft_driver_memory *out);
