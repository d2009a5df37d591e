/* node/cluster/cluster.h: one node's part in the cluster: identity, log, state, image, members. All
 * calls and all callbacks are on the loop thread. A call that fails at once never fires its
 * callback; a callback fires exactly once and never from within the call that asked for it.
 * Whatever fails here, the image that readers have keeps answering DNS. Status: cluster/status.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cluster;
struct Cmd__Command; /* proto/command.proto; see cluster/command.h */
struct apply_result; /* cluster/apply.h */
struct uv_loop_s;
struct zone_publisher; /* zone/image.h */
struct kv;             /* store/kv.h */
struct querylog_table; /* querylog/table.h */

#define CLUSTER_TEXT_MAX 256                /* octets of names and addresses, NUL included */
#define CLUSTER_ERROR_MAX 700               /* octets of a sentence about a failure, NUL included */
#define CLUSTER_ADDRESSES_MAX 8             /* public addresses of one node */
#define CLUSTER_PENDING_MAX 4096            /* commands waiting on this node; more: ERR_BUSY */
#define CLUSTER_PENDING_LEN_MAX (64u << 20) /* their octets; more: ERR_BUSY */
#define CLUSTER_BULK_MAX 16                 /* bulk commands among them; more: ERR_BUSY */
#define CLUSTER_READS_MAX 4096              /* read barriers waiting; more: ERR_BUSY */
#define CLUSTER_TIMEOUT_MS 10000            /* of a proposal or read barrier without its own */
#define CLUSTER_CHANGE_TIMEOUT_MS 25000     /* of a change of members without its own */

struct cluster_addresses {
    char peer[CLUSTER_TEXT_MAX];     /* HOST:PORT, 5301 by default */
    char admin[CLUSTER_TEXT_MAX];    /* 5302 */
    char snapshot[CLUSTER_TEXT_MAX]; /* 5303 */
};

struct cluster_options {
    struct uv_loop_s *loop;              /* borrowed while the cluster lives */
    const char *data_dir;                /* exists, writable; strings are copied */
    const char *name;                    /* one DNS label, such as ns1 */
    const char *region;                  /* may be "" */
    const char *const *public_addresses; /* IPv4 and IPv6 of this nameserver, served by the zone */
    unsigned public_address_count;       /* at most CLUSTER_ADDRESSES_MAX */
    struct cluster_addresses listen;     /* where this node listens */
    struct cluster_addresses advertised; /* where others reach it; empty: as `listen` */
    uint32_t election_timeout_ms;        /* 0: the default, 500 */
    uint32_t heartbeat_ms;               /* 0: the default, 50 */
    uint32_t log_keep_entries;           /* 0: the default of raft/io/driver.h */
    const char *geo_database;            /* path of a location database; NULL or "": none */
    const char *const *resolvers; /* ADDRESS:PORT, that alias targets are asked of; none: those of
                                     /etc/resolv.conf */
    unsigned resolver_count;
    uint32_t alias_ttl_floor_s, alias_ttl_cap_s; /* each 0: the default of resolve/resolve.h */
    uint32_t latency_window_s;                   /* 0: the default of cluster/latency.h */
    bool is_health_off;                          /* this node runs no health checks */
    uint32_t health_connections; /* of checks at once; 0: the default of health/checker.h */
    struct {                     /* of this node's state, by the clock: cluster/backup.h */
        const char *folder;      /* whole path; NULL or "": none */
        uint64_t every_ms;
        uint32_t keep;        /* so many of this node's; older ones are removed */
        const char *key_file; /* whole path, made if it is not there; NULL or "": no key */
    } backup;
    struct querylog_table
        *query_log; /* is told which zones are logged; outlives the cluster; NULL */
    /* The node must stop: storage failed, or state cannot be trusted. @message says what to do.
     * Not called again; the caller then calls cluster_close() and exits. */
    void (*fatal)(void *user, const char *message);
    void *user;
};

enum cluster_phase {
    CLUSTER_UNJOINED, /* no identity yet: waits for init or join, answers REFUSED */
    CLUSTER_JOINING,  /* an init or a join runs */
    CLUSTER_MEMBER,
    CLUSTER_REMOVED, /* was a member; serves what it knows, takes part in nothing */
};

/* Open what the data directory holds. A member's image is complete on return; the log catches up
 * later. On 0 the caller owns *@out. @error gets a sentence that says what to do.
 * ERR_CORRUPT (state or log fail their checks), ERR_BUSY (another process has the data directory),
 * ERR_EXISTS (an address cannot be listened on), ERR_IO, ERR_INVALID (options), ERR_NOMEM. */
int cluster_open(const struct cluster_options *options, struct cluster **out,
                 char error[CLUSTER_ERROR_MAX]);
typedef void (*cluster_close_cb)(void *user);
/* Stop taking part and free. Pending callbacks fire with ERR_CLOSED first, then @cb: storage is
 * closed, and readers must have left the image when it returns. After that @cluster is gone. */
void cluster_close(struct cluster *cluster, cluster_close_cb cb, void *user);

enum cluster_phase cluster_phase(const struct cluster *cluster);
uint64_t cluster_self(const struct cluster *cluster);   /* member id; 0 before init or join */
uint64_t cluster_leader(const struct cluster *cluster); /* 0: unknown */
/* The cluster's domain as text with a final dot; "" while unknown. Borrowed. */
const char *cluster_domain(const struct cluster *cluster);
/* Where others reach this node's admin port, HOST:PORT. Borrowed. */
const char *cluster_admin_address(const struct cluster *cluster);
/* What DNS threads read from. Lives as long as @cluster; the same object all the time. */
struct zone_publisher *cluster_image(struct cluster *cluster);
/* Applied state, for reading on the loop thread after a read barrier; NULL while unjoined. Borrowed
 * until the next turn of the loop: an installed snapshot replaces it. */
const struct kv *cluster_state(struct cluster *cluster);

/* The end of init, join and membership calls. @message is a sentence for people, also on success.
 * Borrowed for the call. */
typedef void (*cluster_done_cb)(void *user, int rc, const char *message);
typedef void (*cluster_progress_cb)(void *user, const char *step);

/* Make a cluster of this one node: CA, cluster id and key, certificate, a log with one voter, the
 * cluster's own zone @domain. @cb as soon as that is applied. ERR_CONFLICT (member already),
 * ERR_INVALID (domain), ERR_IO. To @cb also why the node must stop, as joining does. */
int cluster_init(struct cluster *cluster, const char *domain, cluster_done_cb cb, void *user);
/* Join by a token, at any member's admin address HOST:PORT. A member of the same cluster: success,
 * "already a member". ERR_CONFLICT (member of another cluster, or an operation runs), ERR_INVALID
 * (token or address). To @cb also ERR_DENIED (the CA or the token was refused, with the reason),
 * ERR_UNAVAILABLE, ERR_TIMEOUT, and what cluster_open() returns: this node is a member but cannot
 * start as one, so fatal() is called, too. @progress may be NULL. */
int cluster_join(struct cluster *cluster, const char *address, const char *token,
                 cluster_progress_cb progress, cluster_done_cb cb, void *user);

/* rc 0: applied here; @result (borrowed) says how it went, including refusals by a rule. Else NULL:
 * ERR_TIMEOUT "outcome unknown", ERR_CLOSED, ERR_UNAVAILABLE (removed; not applied). */
typedef void (*cluster_result_cb)(void *user, int rc, const struct apply_result *result);
/* Have @command (borrowed, copied; client, sequence and, if 0, time are filled in) applied exactly
 * once, from any node; forwarded and repeated
 * across changes of leader until @timeout_ms (0: CLUSTER_TIMEOUT_MS) is over. The result is that of
 * the local apply, so a later read here sees the change. At once: ERR_BUSY (a bound above; nothing
 * was taken), ERR_UNAVAILABLE (not a member), ERR_FEATURE (of a feature level that the cluster does
 * not run at yet), ERR_LIMIT (command too large), ERR_NOMEM. */
int cluster_propose(struct cluster *cluster, const struct Cmd__Command *command,
                    uint32_t timeout_ms, cluster_result_cb cb, void *user);
/* The same as cluster_propose for one chunk of an import. At most CLUSTER_BULK_MAX are taken: on
 * ERR_BUSY keep the chunk and go on when a callback has fired. Chunks may be applied in any order.
 */
int cluster_propose_bulk(struct cluster *cluster, const struct Cmd__Command *command,
                         cluster_result_cb cb, void *user);
/* @cb with 0 once state here includes all that was committed when this was called (thesis §6.4).
 * @was_current: it did already then, so what the caller read in that turn of the loop holds.
 * ERR_UNAVAILABLE (no leader), ERR_TIMEOUT. At once: ERR_BUSY, ERR_UNAVAILABLE. */
typedef void (*cluster_read_cb)(void *user, int rc, bool was_current);
int cluster_read_barrier(struct cluster *cluster, uint32_t timeout_ms, cluster_read_cb cb,
                         void *user);

/* Membership. Each says in its message what the quorum is afterwards, and refuses with ERR_CONFLICT
 * and the reason what would leave fewer live voters than a quorum. ERR_TIMEOUT: the outcome is not
 * known. From any node (forwarded). */
enum cluster_member_op {
    CLUSTER_REMOVE,   /* never the last voter; a leader hands over first */
    CLUSTER_REPLACE,  /* @id is gone: @other, a caught-up replica, takes its place; 0: the best */
    CLUSTER_PROMOTE,  /* replica → voter; refused while it lags */
    CLUSTER_DEMOTE,   /* voter → replica */
    CLUSTER_TRANSFER, /* leadership to @id; 0: the best voter */
};
struct cluster_member_request {
    enum cluster_member_op op;
    uint64_t id, other;
    uint32_t timeout_ms; /* 0: CLUSTER_CHANGE_TIMEOUT_MS */
};
int cluster_member_change(struct cluster *cluster, const struct cluster_member_request *request,
                          cluster_done_cb cb, void *user);
/* Find a member by 16 hex digits, a unique beginning of at least 4 of them, or its name.
 * 0; ERR_NOT_FOUND; ERR_EXISTS (more than one). */
int cluster_member_find(struct cluster *cluster, const char *text, uint64_t *out);

/* Join tokens. The text is known to the creator only; state keeps a hash of the secret. */
typedef void (*cluster_token_cb)(void *user, int rc, const char *text, uint64_t expires_wall_ms);
int cluster_token_create(struct cluster *cluster, uint64_t ttl_ms, uint32_t uses,
                         cluster_token_cb cb, void *user);
struct cluster_token_info {
    char id[17]; /* 16 hex digits */
    uint64_t expires_wall_ms;
    uint32_t uses_left;
};
/* Fill at most @count_max from local state; returns how many there are in all. */
unsigned cluster_token_list(struct cluster *cluster, struct cluster_token_info *out,
                            unsigned count_max);
/* @id: 16 hex digits. ERR_NOT_FOUND to @cb; ERR_INVALID. */
int cluster_token_revoke(struct cluster *cluster, const char *id, cluster_done_cb cb, void *user);

/* Cluster-wide switches, kept in state. */
struct cluster_settings {
    bool autopilot;          /* keep 1, 3 or 5 voters and replace dead ones; on at init */
    uint32_t dead_after_ms;  /* a voter silent for so long is replaced; 30,000 at init */
    uint32_t voters_max;     /* 1, 3 or 5; 5 at init */
    uint32_t delete_percent; /* of a zone's record sets that one batch may remove; 0 (as at init):
                              * any */
};
void cluster_settings_get(struct cluster *cluster, struct cluster_settings *out);
int cluster_settings_set(struct cluster *cluster, const struct cluster_settings *settings,
                         cluster_done_cb cb, void *user);

/* Requests on the admin port that carry the admin secret (proto/admin.proto, AdminRequest.control)
 * end at this handler. It answers each exactly once, now or later, by cluster_admin_reply(), which
 * copies; @call is gone after that. Set before any request is to be served; NULL refuses them. */
struct cluster_admin_call;
typedef void (*cluster_admin_cb)(void *user, const uint8_t *request, size_t len,
                                 struct cluster_admin_call *call);
void cluster_set_admin_handler(struct cluster *cluster, cluster_admin_cb cb, void *user);
void cluster_admin_reply(struct cluster_admin_call *call, const uint8_t *reply, size_t len);
