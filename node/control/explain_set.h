/* node/control/explain_set.h: one record set of a group in words: what ranked it, its health and
 * why. The image has numbers alone; names, ids and reasons come from applied state, which may be a
 * moment ahead of the image. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/explain_tree.h"
#include "policy/policy.h"
#include "store/state.h"

struct kv;
struct zone_image;
struct zone_view;

/* Where the sets of a group are stored. */
struct explain_owner {
    uint8_t asked[STATE_NAME_MAX]; /* the name that led there, wire octets, lower case */
    uint8_t name[STATE_NAME_MAX];  /* whose sets they are: asked, or the wildcard above it */
    bool is_private;               /* its zone is */
    bool is_stored;                /* else what follows is not set */
    char zone_id[STATE_ID_SIZE];
    uint8_t apex[STATE_NAME_MAX];
    uint64_t content;
};
/* @asked: wire octets of any case, looked up in @view (NULL: the public zones). */
void explain_owner_find(const struct kv *kv, const struct zone_image *image,
                        const struct zone_view *view, const uint8_t *asked, uint16_t type,
                        struct explain_owner *out);

struct explain_candidate {
    const struct explain_owner *owner;
    const struct policy_group *group;
    const struct policy_client *client;
    unsigned index;
    uint8_t check_octet, override_octet; /* policy/health.h */
    bool is_external, is_missing;        /* what its alias leads to */
    const char *external;                /* how the resolving of that goes; NULL: not known */
    bool is_brief;                       /* its health in fields alone */
};
/* "us-1, weight 10 of 35, check 0f9f2b1c is healthy" at the end of @text, and fields of @step. */
void explain_candidate_tell(const struct kv *kv, const struct explain_candidate *candidate,
                            struct explain_tree *tree, struct Ctl__ExplainStep *step,
                            struct explain_text *text);
/* "3 A record sets, weighted, sticky, 2 answers wanted". */
void explain_group_tell(const struct policy_group *group, struct explain_tree *tree,
                        struct Ctl__ExplainStep *step, struct explain_text *text);

/* The name of the CIDR location of that hash and its collection, as the sets of @group say it.
 * "" where state does not know. */
struct explain_block {
    char collection[STATE_SETTING_NAME_SIZE], location[STATE_SETTING_NAME_SIZE];
};
void explain_block_find(const struct kv *kv, const struct explain_owner *owner,
                        const struct policy_group *group, uint32_t location_hash,
                        struct explain_block *out);
