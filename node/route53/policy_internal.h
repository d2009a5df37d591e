/* node/route53/policy_internal.h: a traffic policy document as it was read. */
#pragma once

#include "route53/internal.h"
#include "route53/policy_document.h"

struct policy__endpoint {
    const char *id;
    struct zone_rdata rdata;    /* a value */
    const uint8_t *target;      /* an outside name; NULL: it is a value */
    const char *hosted_zone_id; /* of the target; "": not known */
};

/* What an item of a rule, or the document's start, leads to: one of the two. */
struct policy__reference {
    const struct policy__endpoint *endpoint;
    struct policy__rule *rule;
};

struct policy__item {
    struct policy__reference to;
    struct zone_routing routing; /* policy and its fields, health check, EvaluateTargetHealth */
};

struct policy__rule {
    const char *id;
    const struct json_t *json; /* while reading */
    enum policy_kind kind;
    struct policy__item *items;
    size_t item_count;
    unsigned levels; /* groups on the longest path from here; 0: not looked at yet */
    bool is_on_path; /* while it is looked at */
    bool is_used;    /* something leads here from the start */
    unsigned number; /* of its hidden name, if it is used */
};

struct policy_document {
    struct arena *arena;
    uint16_t type;
    struct policy__endpoint *endpoints;
    size_t endpoint_count;
    struct policy__rule *rules;
    size_t rule_count;
    struct policy__reference start;
    size_t part_count;   /* record sets that it becomes */
    unsigned name_count; /* hidden names */
};

/* policy_items.c: read the items of @rule, whose kind is known; @document has all rules' ids. */
int policy__read_rule(struct route53__reader *reader, const struct policy_document *document,
                      struct policy__rule *rule);
/* What the members EndpointReference and RuleReference (or those that @keys names in this order)
 * of @object name. Exactly one of them. */
int policy__read_reference(struct route53__reader *reader, const struct policy_document *document,
                           const struct json_t *object, const char *const keys[2],
                           struct policy__reference *out);

/* policy_values.c: as route53__get_*, of members that are native or texts; "" counts as none. */
int policy__get_text(struct route53__reader *reader, const struct json_t *object, const char *key,
                     size_t len_max, const char **out);
int policy__get_bool(struct route53__reader *reader, const struct json_t *object, const char *key,
                     bool *out);
/* A decimal number, as hundredths; @bounds too. */
int policy__get_hundredths(struct route53__reader *reader, const struct json_t *object,
                           const char *key, const int64_t bounds[2], int64_t *out, bool *has);
int policy__get_integer(struct route53__reader *reader, const struct json_t *object,
                        const char *key, const int64_t bounds[2], int64_t *out, bool *has);

/* policy_compile.c: does an item stand behind a set of its own? A primary of failover must be able
 * to be down (zone/routing.h); one that cannot leads to a set that never is. */
bool policy__needs_front(const struct policy__item *item);
