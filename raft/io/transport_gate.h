/* raft/io/transport_gate.h: inside the NNG transport: whose operations are under way, so that what
 * they touch is freed after the last has ended.
 *
 * nng_aio_stop() cannot be used for it: in NNG 1.5.2 an operation that a callback begins just as
 * the aio is stopped never ends, and the stop waits for it for ever. So nothing is stopped. What is
 * closed ends its operations with an error, and a callback that finds the gate closed begins no
 * other. Who begins an operation holds the gate; its callback hands it on to the next operation as
 * its last act, or leaves. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct transport_gate {
    pthread_mutex_t mutex; /* libuv's are these; the owner may guard its own with it, too */
    pthread_cond_t left;
    uint32_t inside; /* operations, or their callbacks */
    bool is_closed;
};

/* RAFT_ENOMEM. */
int transport_gate_init(struct transport_gate *gate);
/* False: it is closed, begin nothing. */
bool transport_gate_enter(struct transport_gate *gate);
bool transport_gate_is_closed(struct transport_gate *gate);
/* The last act of a callback that begins no other operation: then all may be freed. */
void transport_gate_leave(struct transport_gate *gate);
void transport_gate_close(struct transport_gate *gate);
/* After all was closed: wait until nobody is inside. @nudge is called again and again before it is
 * looked, to close streams once more, for an operation that was begun just after the last time
 * waits for ever; to cancel pauses; and, when @is_late, also what closing should have ended, for in
 * NNG 1.5.2 a cancel may touch what an operation that ends just then has freed. False: somebody was
 * still there after some seconds; then everything has to stay for the life of the process. A
 * worker's task. */
bool transport_gate_wait(struct transport_gate *gate, void (*nudge)(void *user, bool is_late),
                         void *user);
void transport_gate_destroy(struct transport_gate *gate);
