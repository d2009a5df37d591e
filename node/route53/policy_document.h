/* node/route53/policy_document.h: traffic policy documents (route53.md 9.2), of both format
 * versions, and the record sets that one becomes at a name. A document is hostile: bounded, and
 * checked member by member; what is wrong is told with its JSON path. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route53/route53.h"

struct arena;
struct policy_document; /* what was read, with all its memory */

#define POLICY_DOCUMENT_LEN_MAX 102400u /* octets */
#define POLICY_DOCUMENT_PARTS_MAX 512u  /* record sets that one becomes */
#define POLICY_DOCUMENT_LEVELS_MAX 16u  /* rules on one path, with what stands in front of them */

/* Read and check @text: members, references, loops, the rules of record sets for each rule's (by
 * zone/record_set.h and zone/routing.h), sizes. Whether health checks and regions exist is for
 * others to see. On 0 the caller owns *@out. ERR_INVALID, ERR_LIMIT, ERR_NOMEM: @error says where
 * and what. */
int policy_document_read(const char *text, size_t len, struct policy_document **out,
                         char error[ROUTE53_ERROR_SIZE]);
void policy_document_free(struct policy_document *document); /* accepts NULL */
/* The type of the record sets that it makes. */
uint16_t policy_document_type(const struct policy_document *document);

struct policy_place {        /* where a document is to become record sets */
    const uint8_t *apex;     /* of the zone; wire form, lower case */
    const char *zone_id;     /* of it */
    const uint8_t *name;     /* where clients ask; likewise */
    const char *instance_id; /* a UUID, which the hidden names are made of */
    uint32_t ttl_s;          /* of all records */
};
struct policy_part {
    struct zone_record_set set;
    bool is_hidden;   /* false: the one set at place->name, which comes first */
    const char *rule; /* id of the rule that it is of; NULL: of none */
};
/* The record sets: a rule becomes a group with a hidden name (zone/hidden.h), whose sets are
 * records, aliases to outside names, and aliases to the groups of other rules; in front of all is
 * one simple set at the name: records, or an alias to the first rule's group. Rules that nothing
 * refers to are left out. The list and all that it points to is @arena's or borrowed from
 * @document. ERR_LIMIT (a name is too long, or the arena is full), ERR_NOMEM. */
int policy_document_compile(const struct policy_document *document,
                            const struct policy_place *place, struct arena *arena,
                            const struct policy_part **out, size_t *count);
