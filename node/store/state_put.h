/* node/store/state_put.h: typed writes into the overlay of one entry, and its commit. Only apply
 * calls these. A failure (no memory, over a bound) is kept by the overlay and comes out at the
 * commit. Values obey the bounds of state.h: the caller has checked what comes from outside. */
#pragma once

#include "store/overlay.h"
#include "store/state.h"

struct state_counters {
    uint64_t content;      /* last content number given out */
    uint64_t change_count; /* in the journal */
    uint64_t zone_count;
    uint64_t zone_generation;
    uint64_t slot;      /* last number given to a health check or override */
    uint64_t cidr_slot; /* and to a CIDR collection */
    uint64_t health_check_count, cidr_collection_count;
    uint64_t delegation_set_count;
    uint64_t override_count; /* 1 more than there are; 0: not counted yet */
    uint32_t region_number;  /* last one given to a region of the operator's */
    uint8_t change_from[12]; /* journal key at or below the oldest change */
};
#define STATE_SESSION_WINDOW 4096u /* sequences from done_below on that may have a result */
struct state_session {
    uint64_t client_id;
    uint64_t used_index;
    uint64_t done_below;
    uint8_t results[STATE_SESSION_WINDOW]; /* at sequence modulo the length; outside the window 0 */
};
struct state_action { /* of a change; a NULL set: absent */
    const struct state_record_set *before, *after;
};

/* Reads that only apply needs. All zero, with 0, when there are none yet. */
int state_get_counters(const struct kv *kv, struct state_counters *out);
int state_get_session(const struct kv *kv, uint64_t client_id, struct state_session *out);
/* Was @sequence, which is in the window, applied, and with which code? */
bool state_session_result(const struct state_session *session, uint64_t sequence, int *code);
void state_session_note(struct state_session *session, uint64_t sequence, int code);
/* Forget the results below @done_below, which becomes the window's begin. */
void state_session_settle(struct state_session *session, uint64_t done_below);
typedef int (*state_session_cb)(void *user, const struct state_session *session);
int state_list_sessions(const struct kv *kv, state_session_cb cb, void *user);

void state_put_counters(struct overlay *overlay, const struct state_counters *counters);
void state_put_cluster(struct overlay *overlay, const struct state_cluster *cluster);
void state_put_conf(struct overlay *overlay, const struct state_conf *conf);

/* With its entry in the index by name. */
void state_put_zone(struct overlay *overlay, const struct state_zone *zone);
void state_delete_zone(struct overlay *overlay, const struct state_zone *zone);

/* @before: what is stored under its key; NULL: nothing, or a set without routing. What they use is
 * counted (state_use.h): ERR_* of reads. */
int state_put_record_set(struct overlay *overlay, uint64_t content,
                         const struct state_record_set *before, const struct state_record_set *set);
/* @set as it is stored, with its routing. */
int state_delete_record_set(struct overlay *overlay, uint64_t content,
                            const struct state_record_set *set);
/* ERR_* of reads. */
int state_delete_content(struct overlay *overlay, uint64_t content);

/* @place: which command of the entry it was. */
void state_put_change(struct overlay *overlay, const struct state_change *change, uint32_t place,
                      const struct state_action *actions);
/* Delete up to @count of the oldest changes and count them off @counters. ERR_* of reads. */
int state_trim_changes(struct overlay *overlay, struct state_counters *counters, uint64_t count);

void state_put_session(struct overlay *overlay, const struct state_session *session);
void state_delete_session(struct overlay *overlay, uint64_t client_id);

void state_put_member(struct overlay *overlay, const struct state_member *member);
void state_delete_member(struct overlay *overlay, uint64_t id);
void state_put_token(struct overlay *overlay, const struct state_token *token);
void state_delete_token(struct overlay *overlay, const uint8_t id[STATE_TOKEN_ID_LEN]);
void state_put_import(struct overlay *overlay, const struct state_import *import);
void state_delete_import(struct overlay *overlay, const char *change_id);
void state_put_setting(struct overlay *overlay, const char *name, const char *value);
void state_delete_setting(struct overlay *overlay, const char *name);
void state_put_secret(struct overlay *overlay, const char *name, struct kv_slice ciphertext);
void state_delete_secret(struct overlay *overlay, const char *name);

/* Write all of @overlay and the new applied point to @kv at once. @point: index and term of the
 * entry, and the hash before it; on 0 the hash after it: XXH3-128 over the old hash, index, term
 * and each write in order. ERR_IO, ERR_CORRUPT, ERR_NOMEM, ERR_LIMIT: nothing was written. */
int state_commit(struct overlay *overlay, const struct kv *kv, struct state_applied *point);
