/* node/cluster/leader_queue.h: commands that wait on the leader, first in, first out, and which of
 * its entries are on their way. Commands are packed into entries of up to 1,000 or 256 KiB; at most
 * 4 entries are in flight. Loop thread.
 *
 * An entry costs about as much as thirty commands: two messages and a synced write for each member.
 * So when many commands are under way (LEADER_QUEUE_BUSY), the next entry waits, and commands
 * gather, until the one before is applied and most of the clients whose commands were in it have
 * asked again. But never long: not when the entry is large already, nor 5 ms after one that is on
 * its way still (members may be far away: then entries overlap), nor 0.5 ms after an answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEADER_QUEUE_COMMANDS_MAX 65536
#define LEADER_QUEUE_LEN_MAX (64u << 20)
#define LEADER_QUEUE_ENTRY_LEN (256u << 10) /* a longer command gets an entry of its own */
#define LEADER_QUEUE_FLIGHT_MAX 4
#define LEADER_QUEUE_BUSY 16          /* commands under way; fewer are never held back */
#define LEADER_QUEUE_LARGE 256        /* commands that make an entry large … */
#define LEADER_QUEUE_LARGE_LEN 65536u /* … or octets */
#define LEADER_QUEUE_OVERLAP_US 5000
#define LEADER_QUEUE_GATHER_US 500

struct histogram; /* base/histogram.h */
struct leader_queue;
struct raft_buf;

/* Append one entry to the log; 0 with its index, or RAFT_E*: nothing was appended. */
typedef int (*leader_queue_propose_cb)(void *user, struct raft_buf *data, uint64_t *index);

/* NULL: no memory. */
struct leader_queue *leader_queue_new(leader_queue_propose_cb propose, void *user);
void leader_queue_free(struct leader_queue *queue); /* accepts NULL */
/* Copy one encoded, checked command in. ERR_BUSY (a bound: the sender repeats it), ERR_NOMEM. */
int leader_queue_add(struct leader_queue *queue, const uint8_t *command, size_t len);
/* Pack and propose what is due. ERR_NOMEM; else 0: what the log does not take now stays for the
 * next call. *@is_gathering: an entry will be due within milliseconds, call again then. */
int leader_queue_pump(struct leader_queue *queue, uint64_t now_mono_us, bool *is_gathering);
/* Entries up to @index are applied: they are no longer in flight. */
void leader_queue_applied(struct leader_queue *queue, uint64_t index, uint64_t now_mono_us);
/* Not the leader any more, or anew: forget everything. */
void leader_queue_clear(struct leader_queue *queue);
/* Is so much in flight that the next entry will gather? */
bool leader_queue_is_busy(const struct leader_queue *queue);
unsigned leader_queue_count(const struct leader_queue *queue);
/* How long entries took from being proposed to being applied here. Borrowed. */
const struct histogram *leader_queue_times(const struct leader_queue *queue);
