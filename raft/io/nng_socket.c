/* raft/io/nng_socket.c: nng_close() on a thread of its own, which is left behind when it hangs. */
#include "raft/io/nng_socket.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <uv.h>

#define QUIET_MS 50
#define CLOSE_WAIT_NS UINT64_C(3000000000)

static _Atomic uint32_t stuck_count;

struct closing {
    nng_socket socket;
    uv_mutex_t mutex;
    uv_cond_t ended;
    bool has_ended;
    bool is_abandoned; /* then the thread frees this */
};

static struct closing *closing_new(uint32_t id)
{
    struct closing *closing = calloc(1, sizeof(*closing));
    if (closing == NULL)
        return NULL;
    closing->socket.id = id;
    if (uv_mutex_init(&closing->mutex) != 0) {
        free(closing);
        return NULL;
    }
    if (uv_cond_init(&closing->ended) != 0) {
        uv_mutex_destroy(&closing->mutex);
        free(closing);
        return NULL;
    }
    return closing;
}

static void closing_free(struct closing *closing)
{
    uv_cond_destroy(&closing->ended);
    uv_mutex_destroy(&closing->mutex);
    free(closing);
}

static void close_thread(void *argument)
{
    struct closing *closing = argument;
    (void)nng_close(closing->socket);
    uv_mutex_lock(&closing->mutex);
    closing->has_ended = true;
    bool is_abandoned = closing->is_abandoned;
    uv_cond_signal(&closing->ended);
    uv_mutex_unlock(&closing->mutex);
    if (is_abandoned)
        closing_free(closing);
}

/* Did the thread end in time? If not, @closing is its own from now on. */
static bool wait_ended(struct closing *closing)
{
    uint64_t end_mono_ns = uv_hrtime() + CLOSE_WAIT_NS;
    uv_mutex_lock(&closing->mutex);
    for (uint64_t now = uv_hrtime(); !closing->has_ended && now < end_mono_ns; now = uv_hrtime())
        (void)uv_cond_timedwait(&closing->ended, &closing->mutex, end_mono_ns - now);
    bool has_ended = closing->has_ended;
    closing->is_abandoned = !has_ended;
    uv_mutex_unlock(&closing->mutex);
    return has_ended;
}

bool nng_socket_close(uint32_t id)
{
    uv_thread_t thread;
    uv_sleep(QUIET_MS);
    struct closing *closing = closing_new(id);
    if (closing == NULL || uv_thread_create(&thread, close_thread, closing) != 0) {
        (void)nng_close((nng_socket){.id = id}); /* then without a bound */
        if (closing != NULL)
            closing_free(closing);
        return true;
    }
    if (!wait_ended(closing)) {
        stuck_count++;
        return false;
    }
    (void)uv_thread_join(&thread);
    closing_free(closing);
    return true;
}

uint32_t nng_socket_stuck_count(void)
{
    return stuck_count;
}
