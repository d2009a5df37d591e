/* node/cluster/apply_batch.h: how Route 53 judges a batch of changes where the rules of zones leave
 * it open (route53.md 4.1). As apply_internal.h. */
#pragma once

#include "cluster/apply_internal.h"

/* Refuse a batch that names one set twice, but for DELETE and then CREATE or UPSERT. */
int apply__check_keys(struct apply *apply, const struct Cmd__ChangeRecordSets *command);
/* Is @wanted, of a DELETE, the stored set @before? Records in any order, and TTL; of the routing
 * what is said: what is left out, and our extensions, count as equal. */
bool apply__matches(const struct state_record_set *before, const struct apply__set *wanted);
/* What Route 53's API cannot say (stickiness, number of answers, all down) stays as the stored set,
 * or its group, has it. */
int apply__keep_extensions(struct apply *apply, uint64_t content, struct apply__set *set);

/* apply_change.c: all changes made: the rules about the types of names and about groups, and what
 * goes with sets that are gone. Refuses for all that is wrong. */
int apply__finish_actions(struct apply *apply, const struct state_zone *zone,
                          struct apply__actions *actions, bool by_route53);
