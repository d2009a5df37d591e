/* tests/lib/kv_memory.h: the key-value port in memory, with crashes: what was not flushed can be
 * lost, newest batches first. One thread. */
#pragma once

#include "store/kv.h"

/* An empty one. 0; ERR_NOMEM. On 0 the caller closes *@out. */
int kv_memory_new(struct kv *out);
/* A copy of this moment, as a checkpoint is; it counts as flushed. */
int kv_memory_clone(const struct kv *kv, struct kv *out);
/* Batches written since the last flush. */
size_t kv_memory_unflushed(const struct kv *kv);
/* Lose the newest @batches of them (at most as many as there are); the others count as flushed. */
void kv_memory_crash(const struct kv *kv, size_t batches);
/* The next write fails with @rc and does nothing; 0: takes that back. */
void kv_memory_fail_next(const struct kv *kv, int rc);
