/* node/cluster/alias_sets.h: which names the record sets of a state lead to, by an alias or as
 * fallback, and how many sets lead to each. Imports that are still filled count, so that what they
 * lead to is known by the time they are served. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alias_sets;
struct state_record_set;

struct alias_link { /* in a hash table */
    struct alias_link *next;
    uint64_t hash;
};
struct alias_target {
    struct alias_link link;
    struct alias_target *next_changed;
    uint32_t used_by_count; /* record sets; 0: goes away by alias_sets_settle() */
    uint32_t place;         /* in the list of all */
    uint16_t type;
    bool is_changed;                      /* waits for alias_sets_next_changed() */
    bool is_outside, is_kept, is_refused; /* alias_targets.c's */
    uint8_t name[];                       /* wire form, lower case */
};

struct alias_sets *alias_sets_new(void);       /* NULL: no memory */
void alias_sets_free(struct alias_sets *sets); /* accepts NULL */

/* Note @set of @content as it is now; one that leads nowhere is forgotten. ERR_NOMEM, ERR_CORRUPT
 * (its routing). */
int alias_sets_put(struct alias_sets *sets, uint64_t content, const struct state_record_set *set);
void alias_sets_remove(struct alias_sets *sets, uint64_t content,
                       const struct state_record_set *set);
/* All of @content. */
void alias_sets_drop(struct alias_sets *sets, uint64_t content);

/* To read a state anew while its effects come in: begin, put all that is there, then sweep until it
 * says false, which drops what was not put since, in steps. */
void alias_sets_begin(struct alias_sets *sets);
bool alias_sets_sweep(struct alias_sets *sets);

/* All targets, those that nobody uses any more among them; in any order, which changes by put and
 * settle. */
uint32_t alias_sets_target_count(const struct alias_sets *sets);
struct alias_target *alias_sets_target(const struct alias_sets *sets, uint32_t place);
/* NULL: not there. */
struct alias_target *alias_sets_find(const struct alias_sets *sets, const uint8_t *name,
                                     uint16_t type);
/* The next one that came, or lost its last user, since it was handed out last; NULL: none. */
struct alias_target *alias_sets_next_changed(struct alias_sets *sets);
/* Free @target, which nobody uses; the last of the list takes its place. */
void alias_sets_settle(struct alias_sets *sets, struct alias_target *target);
