/* raft/core/entry.h: limits of the core, shared buffers, configurations and log entries. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/error.h"

typedef uint64_t raft_id; /* random 64 bits, never reused; 0 is "nobody" */

/* A term's upper bits count how often the cluster has gone on from one survivor after the loss of
 * its quorum (RAFT_EVENT_RECOVER, recover.c): its generation, 0 until then. */
#define RAFT_GENERATION_SHIFT 48
#define RAFT_CHANCE_SHIFT 24 /* below: random bits of that recovery, then a count of elections */
static inline uint32_t raft_generation(uint64_t term)
{
    return (uint32_t)(term >> RAFT_GENERATION_SHIFT);
}
/* Which recovery a term comes from, generation and random bits; 0 before any. Two that did not know
 * of each other may be of one generation. */
static inline uint64_t raft_recovery(uint64_t term)
{
    return raft_generation(term) == 0 ? 0 : term >> RAFT_CHANCE_SHIFT;
}

#define RAFT_MEMBERS_MAX 64              /* voters and learners together */
#define RAFT_VOTERS_MAX 5                /* a cluster has 1, 3 or 5; 2 and 4 occur in passing */
#define RAFT_ENTRY_LEN_MAX (1u << 20)    /* octets of one entry's data */
#define RAFT_APPEND_LEN_MAX (1u << 20)   /* octets of entries in one message (one entry may pass) */
#define RAFT_APPEND_ENTRIES_MAX 1024     /* entries in one message */
#define RAFT_INFLIGHT_MAX 8              /* append messages in flight to one peer */
#define RAFT_INFLIGHT_LEN_MAX (4u << 20) /* octets of entries in flight to one peer */
#define RAFT_UNCOMMITTED_MAX 65536       /* entries not committed; more are answered RAFT_EBUSY */
#define RAFT_UNSTORED_LEN_MAX (32u << 20) /* octets not PERSISTED; more are EBUSY, or dropped */
#define RAFT_APPLY_MAX 4096               /* entries handed to apply and not reported APPLIED */
#define RAFT_READS_MAX 4096               /* reads waiting; more are answered RAFT_EBUSY */
#define RAFT_CACHE_LEN_MAX (64u << 20)    /* octets of entries in memory; older ones by reader */

/* Immutable octets shared by core, disk thread and codec; freed with the last reference. */
struct raft_buf {
    _Atomic uint32_t refs;
    uint32_t len;
    uint8_t data[];
};
/* @data NULL: zeroed. NULL: no memory. */
struct raft_buf *raft_buf_new(const void *data, size_t len);
struct raft_buf *raft_buf_ref(struct raft_buf *buf); /* returns @buf; NULL stays NULL */
void raft_buf_unref(struct raft_buf *buf);           /* accepts NULL; any thread */

enum raft_member_role { RAFT_VOTER = 1, RAFT_LEARNER = 2 };
struct raft_member {
    raft_id id;
    enum raft_member_role role;
};
/* The members at some index, ascending by id. */
struct raft_conf {
    struct raft_member members[RAFT_MEMBERS_MAX];
    uint32_t count;
};

enum raft_entry_kind {
    RAFT_ENTRY_NOOP = 1,   /* opens a term; no data */
    RAFT_ENTRY_NORMAL = 2, /* data is the application's */
    RAFT_ENTRY_CONF = 3,   /* data is an encoded configuration and the application's context */
};
struct raft_entry {
    uint64_t index; /* from 1 */
    uint64_t term;
    enum raft_entry_kind kind;
    struct raft_buf *data; /* NULL when empty */
};

/* A membership entry's data: the whole new configuration (it holds from the moment it is in a log,
 * thesis §4.1), which single change it is, and the application's own context (names, addresses). */
enum raft_conf_change_kind {
    RAFT_CONF_ADD_LEARNER = 1,
    RAFT_CONF_PROMOTE = 2, /* learner → voter */
    RAFT_CONF_DEMOTE = 3,  /* voter → learner */
    RAFT_CONF_REMOVE = 4,
    RAFT_CONF_UPDATE = 5,  /* same members; the context changed (an address) */
    RAFT_CONF_RECOVER = 6, /* by force: `id` is the only voter; members may be gone (recover.c) */
};
struct raft_conf_change {
    enum raft_conf_change_kind kind;
    raft_id id;
    struct raft_buf *context; /* may be NULL; borrowed */
};
/* Decode a RAFT_ENTRY_CONF's data, hostile octets allowed. *@context points into @data.
 * 0; RAFT_ECORRUPT (outputs untouched). Any thread. */
int raft_conf_entry_decode(const struct raft_buf *data, struct raft_conf *conf,
                           struct raft_conf_change *change, const uint8_t **context,
                           size_t *context_len);
/* Encode one; used by the core, and by bootstrap for the first entry. NULL: no memory. */
struct raft_buf *raft_conf_entry_encode(const struct raft_conf *conf,
                                        const struct raft_conf_change *change);

const struct raft_member *raft_conf_find(const struct raft_conf *conf, raft_id id); /* or NULL */
uint32_t raft_conf_voters(const struct raft_conf *conf);
