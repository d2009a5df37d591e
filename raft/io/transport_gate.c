/* raft/io/transport_gate.c: a count of who is inside, and waiting for nobody. */
#include "raft/io/transport_gate.h"

#include <uv.h>

#include "raft/core/raft.h"

#define LOOK_NS UINT64_C(20000000)
#define LOOKS_LATE 50 /* 1 s: closing ends operations at once, or never */
#define LOOKS_MAX 250

int transport_gate_init(struct transport_gate *gate)
{
    if (uv_mutex_init(&gate->mutex) != 0)
        return RAFT_ENOMEM;
    if (uv_cond_init(&gate->left) != 0) {
        uv_mutex_destroy(&gate->mutex);
        return RAFT_ENOMEM;
    }
    gate->inside = 0;
    gate->is_closed = false;
    return 0;
}

bool transport_gate_enter(struct transport_gate *gate)
{
    uv_mutex_lock(&gate->mutex);
    bool is_open = !gate->is_closed;
    gate->inside += is_open;
    uv_mutex_unlock(&gate->mutex);
    return is_open;
}

bool transport_gate_is_closed(struct transport_gate *gate)
{
    uv_mutex_lock(&gate->mutex);
    bool is_closed = gate->is_closed;
    uv_mutex_unlock(&gate->mutex);
    return is_closed;
}

void transport_gate_leave(struct transport_gate *gate)
{
    uv_mutex_lock(&gate->mutex);
    gate->inside--;
    uv_cond_signal(&gate->left);
    uv_mutex_unlock(&gate->mutex);
}

void transport_gate_close(struct transport_gate *gate)
{
    uv_mutex_lock(&gate->mutex);
    gate->is_closed = true;
    uv_mutex_unlock(&gate->mutex);
}

/* Is nobody inside after a look? */
static bool look(struct transport_gate *gate)
{
    uv_mutex_lock(&gate->mutex);
    if (gate->inside > 0)
        (void)uv_cond_timedwait(&gate->left, &gate->mutex, LOOK_NS);
    bool is_empty = gate->inside == 0;
    uv_mutex_unlock(&gate->mutex);
    return is_empty;
}

bool transport_gate_wait(struct transport_gate *gate, void (*nudge)(void *user, bool is_late),
                         void *user)
{
    for (uint32_t looks = 0; looks < LOOKS_MAX; looks++) {
        nudge(user, looks >= LOOKS_LATE);
        if (look(gate))
            return true;
    }
    return false;
}

void transport_gate_destroy(struct transport_gate *gate)
{
    uv_cond_destroy(&gate->left);
    uv_mutex_destroy(&gate->mutex);
}
