/* node/cluster/apply.h: the state machine: one committed entry after the other becomes one write.
 * A function of (state, entry) alone: no clock, no chance, no thread. What it tells (results of
 * commands, effects for the image) comes by callbacks after the entry's write has succeeded.
 *
 * A command that breaks a rule writes nothing but the mark that it was seen; its result says why.
 * Everything else that fails (storage, an entry that cannot be understood) stops the caller: the
 * entry is not applied and no later one may be. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/raft.h"
#include "store/state_health.h"

struct kv;
struct apply; /* opaque */

#define APPLY_MESSAGE_MAX 2048u

enum apply_outcome {
    APPLY_DONE,       /* applied now; `code` is 0 */
    APPLY_REFUSED,    /* applied now: a rule forbade it; `code` and `message` say which */
    APPLY_REPEATED,   /* was applied before with this `code`; the message is a general one */
    APPLY_SETTLED,    /* below done_below: was applied before, the result is forgotten */
    APPLY_NO_SESSION, /* no such session (never opened, or dropped as least recently used) */
    APPLY_TOO_FAR,    /* sequence over 4,096 above done_below: not applied */
};
struct apply_result {
    uint64_t client_id;
    uint64_t sequence;
    uint64_t index; /* of the entry */
    enum apply_outcome outcome;
    int code;            /* enum err */
    const char *message; /* never NULL */
    const char *error;   /* Route 53's code for it, static; or NULL */
    const char *const
        *messages; /* one for each thing that is wrong, if the command collects them */
    size_t message_count;
    char zone_id[STATE_ID_SIZE]; /* empty when there is none */
    char change_id[STATE_ID_SIZE];
    char object_id[STATE_UUID_SIZE]; /* of a health check, CIDR collection, delegation
                                      * set, query logging configuration; or empty */
};

enum apply_effect_kind {
    APPLY_ZONE_ADDED,         /* zone_id, name, content; its record sets come as puts */
    APPLY_ZONE_REMOVED,       /* zone_id, name, content */
    APPLY_ZONE_SERVED,        /* zone_id, name, content: as it is stored after the entry; it takes
                               * the place of old_content, which may be gone by now */
    APPLY_RECORD_SET_PUT,     /* content, record_set: whole new set. Also of a content that is still
                               * being imported: zone_id is set in any case */
    APPLY_RECORD_SET_REMOVED, /* content, record_set.name, .type, .set_identifier */
    APPLY_CONTENT_STARTED,    /* zone_id, content: an import began to fill it */
    APPLY_CONTENT_SWITCHED,   /* zone_id, name, content (new, complete), old_content (gone),
                               * is_not_served */
    APPLY_CONTENT_DROPPED,    /* zone_id, content: the import was given up, or a zone that was not
                               * served is gone */
    APPLY_VIEW_ADDED,         /* slot, setting: the VPC's id: it has a view now, as stored */
    APPLY_VIEW_CHANGED,       /* slot, setting: likewise, or it has none any more */
    APPLY_ZONE_LINKED,        /* zone_id, name, slot: that view sees the private zone */
    APPLY_ZONE_UNLINKED,      /* likewise: no longer */
    APPLY_MEMBERS_CHANGED,    /* member_id: read members and conf again */
    APPLY_SECRETS_CHANGED,    /* setting: its name */
    APPLY_SETTINGS_CHANGED,   /* setting: its name */
    APPLY_TOKENS_CHANGED,
    APPLY_CLUSTER_CHANGED,   /* cluster id, name or domain were set */
    APPLY_AUTHORITY_CHANGED, /* the rotation of the CA went a step on */
    APPLY_OCTET,             /* slot, octet: of the health view, as of `index` */
    APPLY_CHECK_CHANGED, /* setting: id of a health check that was created, changed or deleted, or
                          * its override was */
    APPLY_OVERRIDE_CHANGED, /* zone_id, record_set.name, .type, .set_identifier: whose override
                             * came, went or changed */
    APPLY_CIDR_CHANGED,     /* setting: id of the collection; slot */
    APPLY_REGIONS_CHANGED,
    APPLY_LATENCY_CHANGED, /* a figure that counts */
    APPLY_LOGGING_CHANGED, /* zone_id: whose queries are logged from now on, or no longer */
    APPLY_HASH_CHECK,      /* report apply_hash_at(index) to the leader */
};
struct apply_effect {
    enum apply_effect_kind kind;
    uint64_t index;
    const char *zone_id; /* these pointers hold until return */
    const uint8_t *name; /* wire octets, lower case */
    uint64_t content;
    uint64_t old_content;
    bool is_not_served;
    bool is_private; /* of ZONE_ADDED, ZONE_REMOVED and CONTENT_SWITCHED: the zone is */
    struct state_record_set record_set;
    uint64_t member_id;
    const char *setting;
    uint32_t slot;
    uint8_t octet;
};

/* Both are called from within apply_entry(), after its write: effects in order, then results. */
struct apply_sink {
    void *user;
    void (*effect)(void *user, const struct apply_effect *effect);
    void (*result)(void *user, const struct apply_result *result);
};

/* An apply over @kv (borrowed), going on from what it holds. On 0 the caller owns *@out.
 * ERR_VERSION (written by a newer program), ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
int apply_new(const struct kv *kv, const struct apply_sink *sink, struct apply **out);
void apply_free(struct apply *apply); /* accepts NULL */

/* Apply @entry (borrowed): its index is the next one, or one that was applied before, which does
 * nothing. ERR_VERSION, ERR_CORRUPT, ERR_IO, ERR_NOMEM: nothing was written; stop applying. */
int apply_entry(struct apply *apply, const struct raft_entry *entry);

/* The state under @apply was replaced (store_install): go on from what @kv holds now. As apply_new.
 */
int apply_reload(struct apply *apply, const struct kv *kv);

/* Last entry applied, its term, and the state hash after it; all 0 on empty state. */
void apply_point(const struct apply *apply, struct state_applied *out);
/* The hash after entry @index. false: not among the last 4,096 that this process applied. */
#define APPLY_HASHES_MAX 4096u
bool apply_hash_at(const struct apply *apply, uint64_t index, struct state_hash *out);
/* When the oldest of the imports under way began. false: there is none. */
bool apply_oldest_import(const struct apply *apply, uint64_t *begun_wall_ms);
