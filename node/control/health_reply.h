/* node/control/health_reply.h: health checks as they go into replies. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "store/state_health.h"

struct call;

#define HEALTH_USERS_MAX 100u

/* One check with the storage that its reply points into. Starts as zeroes. */
struct health_reply {
    struct state_check check;
    struct state_check_status status;
    struct state_override override; /* its mode: none */
    Ctl__HealthReply reply;
    Cmd__HealthCheckConfig config;
    Ctl__Override override_reply;
    char *children[STATE_CHECK_CHILDREN_MAX];
    char *regions[STATE_CHECK_REGIONS_MAX];
};

/* The key of one record set with what it points into. */
struct health_key {
    Ctl__RecordSetKey key;
    char zone_id[STATE_ID_SIZE], set_identifier[STATE_SET_IDENTIFIER_MAX + 1];
    uint8_t name[DNS_NAME_MAX];
};
void health_key_fill(struct health_key *key, const char *zone_id,
                     const struct state_record_set *set);

/* The record sets that have a check, and how long resolvers may keep answers with them. */
struct health_users {
    unsigned count; /* all; `list` has the first ones */
    uint32_t ttl_max_s;
    struct health_key list[HEALTH_USERS_MAX];
    Ctl__RecordSetKey *pointers[HEALTH_USERS_MAX];
};

/* Point @config to what @from holds; its arrays are of the two sizes of struct health_reply. */
void health_config_fill(const struct state_check_config *from, char **children, char **regions,
                        Cmd__HealthCheckConfig *config);
/* Read what belongs to @view->check and fill the reply. 0, or what reading gives. */
int health_reply_fill(const struct kv *kv, struct health_reply *view);
/* All routed record sets are looked through. @out is zeroed first. */
int health_find_users(const struct kv *kv, const char *id, struct health_users *out);
/* Put them into the reply, and with them when a drain is over. */
void health_reply_add_users(struct health_reply *view, struct health_users *users);
void health_override_fill(const struct state_override *from, Ctl__Override *out);

/* The check that @text names: an id, or the beginning of one. true; false: the call has failed. */
bool health_find(struct call *call, const char *text, struct state_check *out);
/* Reply with all about the check @id. */
void health_reply_one(struct call *call, const char *id);
