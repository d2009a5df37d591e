/* tests/sim/history.h: the one global record: what was committed at each index, what state it made,
 * which members it left, where each command took effect. No later event may contradict it. */
#pragma once

#include "raft/core/raft.h"
#include "sim/machine.h"

struct history;
struct history *history_new(void);
void history_free(struct history *history);

/* Term of the entry committed at @index; 0: none is, as far as anyone knows. */
uint64_t history_term(const struct history *history, uint64_t index);
/* Highest term that any node was in when the entry was first seen committed. */
uint64_t history_commit_term(const struct history *history, uint64_t index);
uint64_t history_last(const struct history *history);
/* Note the next index. @commit_term: the term of the leader that committed it. */
void history_commit(struct history *history, const struct raft_entry *entry, uint64_t commit_term);
/* The committed members at @index, or NULL. */
const struct raft_conf *history_conf_at(const struct history *history, uint64_t index);

/* The state hash at @index: false when another was noted before. */
bool history_hash(struct history *history, uint64_t index, struct machine_hash hash);
/* Where (@client_id, @sequence) took effect first: notes @index when nothing was noted. */
uint64_t history_effect(struct history *history, uint64_t client_id, uint64_t sequence,
                        uint64_t index);
uint64_t history_effect_of(const struct history *history, uint64_t client_id, uint64_t sequence);

/* A copy of what @from says up to @last, without its checkpoints; the caller owns it. */
struct history *history_fork(const struct history *from, uint64_t last);

/* Checkpoints by number, kept to the end. Takes over the caller's reference. */
uint64_t history_keep_image(struct history *history, struct image *image_take);
struct image *history_image(const struct history *history, uint64_t number);
