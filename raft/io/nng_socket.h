/* raft/io/nng_socket.h: closing an NNG socket within bounds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Close the nng_socket with @id; blocks, so a worker's task. Operations of the caller must have
 * been stopped before. False: NNG had not let go after some seconds and may never do. Then whatever
 * its callbacks can reach has to stay for the life of the process.
 *
 * NNG 1.5.2 sends and receives a message in two parts. A connection that closes exactly between
 * them (the first part is done, the callback that starts the second is not yet) loses the second's
 * completion, the thread that reaps connections waits for it for ever, and so does each later
 * nng_close(). Waiting a moment first lets what is under way end, which makes this rare; a bound
 * makes it harmless, as what then leaks is a thread and a descriptor. */
bool nng_socket_close(uint32_t id);
/* How often that was false so far. Any thread. */
uint32_t nng_socket_stuck_count(void);
