/* node/cluster/hash_check.h: every HASH_CHECK_MS in which something was applied, the leader logs a
 * HashCheck; each member reports the state hash it has after that entry; who differs from most is
 * told, stops trusting its state and fetches a snapshot. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define HASH_CHECK_MS 10000

struct Clu__Quarantine;

struct hash_check *hash_check_new(void); /* NULL: no memory */
void hash_check_free(struct hash_check *check);
/* A HashCheck entry was applied here at @index. */
void hash_check_applied(struct cluster *cluster, uint64_t index);
/* Index and hash of the last check applied here; index 0: none. */
void hash_check_last(struct cluster *cluster, uint64_t *index, uint64_t *high, uint64_t *low);
/* Leader: compare what members reported; tell who differs. */
void hash_check_compare(struct cluster *cluster);
/* The leader says that @quarantine's hash is the cluster's. */
void hash_check_told(struct cluster *cluster, uint64_t from,
                     const struct Clu__Quarantine *quarantine);
/* Propose checks; as long as this state is quarantined, ask for a snapshot, or hand over first. */
void hash_check_tick(struct cluster *cluster, uint64_t now_mono_ms);

/* The rule, pure: the hash that most of @hashes have; of equally many, the one at @own (the
 * leader's) if it is among them. Returns its place, or -1 if there is nothing to compare. */
int hash_check_majority(const struct state_hash *hashes, unsigned count, unsigned own);
