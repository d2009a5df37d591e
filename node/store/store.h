/* node/store/store.h: where a node keeps its applied state, and how a received one takes its place.
 *
 * In the data folder: state-<n>/ is a RocksDB instance, `state.current` names the one in use and is
 * replaced by one rename; other state-* folders are leftovers of a crash and go at open. A folder
 * past the first state without that file has lost it: it is refused, not taken for empty.
 * `state.quarantine` marks the current one as not to be trusted, with the reason.
 *
 * Durability: writes last once store_flush() or store_checkpoint() came back, so the log is trimmed
 * only up to an applied index that was read before such a call. */
#pragma once

#include <stdint.h>

#include "store/kv.h"

struct store; /* opaque */

/* Open what `state.current` names, or an empty state when there is no such file. Removes leftovers.
 * Reads all of it once with checksums (about 1 s for 1,000,000 record sets).
 * On 0 the caller owns *@out. ERR_CORRUPT, ERR_VERSION, ERR_BUSY, ERR_IO, ERR_NOMEM: an error event
 * that says what to do was logged. */
int store_open(const char *folder, struct store **out);
/* The same without that reading, for a caller who reads all of it in a verifying way at once: later
 * reads may pass over damage. */
int store_open_unread(const char *folder, struct store **out);
void store_close(struct store *store); /* accepts NULL */
/* Remove all that is in @folder of states, for a node that is in no cluster. Not while one is open.
 * ERR_IO. */
int store_remove(const char *folder);

/* The state's storage, for state.h and apply.h. Holds until store_install() or store_close(). */
const struct kv *store_kv(const struct store *store);

/* Hand everything applied so far to the operating system: a node that is killed and starts again
 * has it. Loop thread, before DNS shows it. ERR_IO. */
int store_write_out(struct store *store);
/* Nothing is applied for a while now: get storage ready for a start that comes suddenly. Goes on in
 * the background. Loop thread. */
void store_settle(struct store *store);
/* Before the close of a sound store: the next start is quicker. Waits for the disk. */
void store_write_memtables(struct store *store);
/* Make everything applied so far last. Blocks; any thread. ERR_IO, ERR_CORRUPT. */
int store_flush(struct store *store);
/* Write a copy to the folder @target (absolute; must not exist), as streamed to a peer. Blocks;
 * any thread but not during store_install(). ERR_IO, ERR_CORRUPT. */
int store_checkpoint(struct store *store, const char *target);

/* Make the checkpoint in @source (same file system; moved) the current state: checks that it opens
 * and has applied exactly @index, renames it, replaces the pointer, reopens, removes the old one
 * and any quarantine. After a crash at any step the old or the new state is there, whole, and the
 * call can be made again with a new copy. Loop thread; takes tens of milliseconds.
 * ERR_CORRUPT, ERR_VERSION (@source is not that state; the old one stays in use); ERR_IO: the
 * folder's condition is unknown, stop the process. */
int store_install(struct store *store, const char *source, uint64_t index);

/* Do not trust this state any more: lasts until a new one is installed. ERR_IO. */
int store_quarantine(struct store *store, const char *reason);
/* Why the state is not to be trusted, or NULL. Borrowed. */
const char *store_quarantine_reason(const struct store *store);

/* Read everything again with checksums, keys in order, values decoded. Blocks (about 1 s for
 * 1,000,000 record sets); any thread. ERR_CORRUPT, ERR_IO; details are logged. */
int store_verify(struct store *store);
