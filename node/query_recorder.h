/* node/query_recorder.h: watching an answer come about, for explain. The answer path tells what it
 * does as it does it; without a recorder that costs one comparison. */
#pragma once

#include "dns/name.h"
#include "geo/view.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_latency_row;
struct geo_location;
struct zone_view;
struct zone_wire_set;

enum query_event_kind {
    QUERY_EVENT_CLIENT,    /* address, is_ecs: whose location counts */
    QUERY_EVENT_LOCATION,  /* location or NULL, scope_bits: the database was asked */
    QUERY_EVENT_LATENCY,   /* latency or NULL, scope_bits: the latency table was asked */
    QUERY_EVENT_CIDR,      /* cidr_location or 0, scope_bits: a collection was asked */
    QUERY_EVENT_LOOKUP,    /* name, outcome: what the image has for a name of the chain */
    QUERY_EVENT_GROUP,     /* group: its candidates are tried; is_all_assumed: as if all healthy */
    QUERY_EVENT_CANDIDATE, /* index, verdict, check, override: one was tried */
    QUERY_EVENT_ALIAS,    /* index (POLICY_INDEX_NONE: the fallback), name: its target is looked at;
                           * is_external, is_missing, is_loop */
    QUERY_EVENT_ALL_DOWN, /* no candidate is healthy: what the group says then (all_down) */
    QUERY_EVENT_CHOSEN,   /* set: records that go into the answer */
};
enum query_verdict { /* of a candidate */
                     QUERY_VERDICT_TAKEN,
                     QUERY_VERDICT_CHECK_UNHEALTHY,
                     QUERY_VERDICT_OVERRIDDEN,       /* down by an override of the record set */
                     QUERY_VERDICT_TARGET_UNHEALTHY, /* an alias whose target has no healthy answer
                                                      */
                     QUERY_VERDICT_TARGET_MISSING,
                     QUERY_VERDICT_TARGET_LOOP,
};
struct query_event {
    enum query_event_kind kind;
    unsigned depth; /* of the tree: 0 is the question's own name */
    const struct geo_address *address;
    bool is_ecs;
    const struct geo_location *location;
    const struct geo_latency_row *latency;
    uint32_t cidr_location;
    unsigned scope_bits;
    const uint8_t *name;
    const struct zone_view *view; /* with LOOKUP and GROUP: that its name was looked up in */
    unsigned outcome;             /* enum zone_outcome */
    const struct policy_group *group;
    const struct policy_client *client; /* with GROUP and CANDIDATE: figures for people */
    bool is_all_assumed, is_external, is_missing, is_loop;
    unsigned index;
    enum query_verdict verdict;
    uint8_t check_octet, override_octet; /* policy/health.h */
    const struct zone_wire_set *set;
};

struct query_assumption { /* --assume */
    uint32_t slot;
    bool is_healthy;
};
struct query_recorder {
    void *user;
    void (*event)(void *user,
                  const struct query_event *event); /* what it points to: until return */
    const struct query_assumption *assumptions;
    unsigned assumption_count;
};
