/* node/backup/memory.h: the key-value port over pairs in memory, for looking through a backup: it
 * is filled once, in order, and read. Takes some 30 octets a pair more than its keys and values.
 * One thread. */
#pragma once

#include "store/kv.h"

/* An empty one of at most @len_max octets, for a small file may unpack to any size (a write behind
 * that: ERR_LIMIT), of which get, scan, flush and write work; a write only puts keys behind those
 * that are there (ERR_INVALID else). On 0 the caller closes *@out. ERR_NOMEM. */
int backup_memory_new(uint64_t len_max, struct kv *out);
