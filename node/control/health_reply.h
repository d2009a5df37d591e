/* node/control/health_reply.h: health checks as they go into replies. Messages that are given out
 * are the object's own. Loop thread. */
#pragma once

#include <stdbool.h>

#include "store/state_health.h"

struct Cmd__HealthCheckConfig;
struct Ctl__HealthReply;
struct Ctl__Override;
struct Ctl__RecordSetKey;
struct call;
struct cluster_opinion; /* cluster/health_status.h */
struct health_key;      /* names one record set */
struct health_reply;    /* one check, with all that its message points into */
struct health_users;    /* the record sets that have a check */

/* Why @octet (policy/health.h) is what it is, in a word or two; static. */
const char *health_reason_text(uint8_t octet);

/* All about @check but who uses it. 0, or what reading gives; on 0 the caller owns *@out. */
int health_reply_new(const struct kv *kv, const struct state_check *check,
                     struct health_reply **out);
void health_reply_free(struct health_reply *view); /* accepts NULL */
struct Ctl__HealthReply *health_reply_message(struct health_reply *view);

/* All are counted; which they are is found in the first 10,000 routed sets of where they are. As
 * health_reply_new(). */
int health_users_new(const struct kv *kv, const char *id, struct health_users **out);
void health_users_free(struct health_users *users); /* accepts NULL */
uint64_t health_users_count(const struct health_users *users);
/* The name of the first one, wire octets; NULL: none, or it was not found. */
const uint8_t *health_users_first(const struct health_users *users);

/* NULL: no memory. */
struct health_key *health_key_new(const char *zone_id, const struct state_record_set *set);
void health_key_free(struct health_key *key); /* accepts NULL */
struct Ctl__RecordSetKey *health_key_message(struct health_key *key);

/* Point @config to what @from holds. @children and @regions: room for as many as a check may have.
 */
void health_config_fill(const struct state_check_config *from, char **children, char **regions,
                        struct Cmd__HealthCheckConfig *config);
void health_override_fill(const struct state_override *from, struct Ctl__Override *out);

/* The check that @text names: an id, or the beginning of one. true; false: the call has failed. */
bool health_find(struct call *call, const char *text, struct state_check *out);
/* The same by its whole id alone, as the API names checks. */
bool health_find_exact(struct call *call, const char *id, struct state_check *out);
/* Reply with all about the check @id. */
void health_reply_one(struct call *call, const char *id);
/* The same, with what each checker found. */
void health_reply_with(struct call *call, const char *id, const struct cluster_opinion *opinions,
                       unsigned count);
