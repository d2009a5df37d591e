#include "base/ring_reader.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/ring.h"

#define TURN_RECORDS 1024u /* of one ring before the others get their turn */

struct ring_reader {
    struct ring_reader_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    /* under the lock */
    struct {
        struct ring *ring;
        bool is_closed;
    } rings[RING_READER_RINGS_MAX];
    unsigned ring_count;
    uint64_t dropped_before; /* by rings that are gone */
    bool is_stopping, is_poked;
};

/* ---- the thread ---- */

static unsigned take_turn(struct ring_reader *reader, struct ring *ring)
{
    unsigned done = 0;

    while (done < TURN_RECORDS) {
        size_t len;
        const void *record = ring_front(ring, &len);
        if (!record)
            break;
        reader->options.record(reader->options.user, record, len);
        ring_pop(ring);
        done++;
    }
    return done;
}

/* The ring at @place is closed and empty. */
static void drop_ring(struct ring_reader *reader, unsigned place)
{
    struct ring *ring = reader->rings[place].ring;

    reader->dropped_before += ring_dropped(ring);
    reader->rings[place] = reader->rings[--reader->ring_count];
    ring_free(ring);
}

/* One turn for each ring; how many records there were. Only this thread takes rings away. */
static unsigned pass(struct ring_reader *reader)
{
    unsigned done = 0;

    pthread_mutex_lock(&reader->lock);
    unsigned ring_count = reader->ring_count;
    pthread_mutex_unlock(&reader->lock);
    for (unsigned i = ring_count; i > 0; i--) {
        pthread_mutex_lock(&reader->lock);
        struct ring *ring = reader->rings[i - 1].ring;
        bool is_closed = reader->rings[i - 1].is_closed;
        pthread_mutex_unlock(&reader->lock);
        unsigned count = take_turn(reader, ring);
        done += count;
        if (is_closed && count < TURN_RECORDS) {
            pthread_mutex_lock(&reader->lock);
            drop_ring(reader, i - 1);
            pthread_mutex_unlock(&reader->lock);
        }
    }
    reader->options.end_pass(reader->options.user);
    return done;
}

/* Wait for the next pass, unless there is more to do. true: the end has come. */
static bool rest(struct ring_reader *reader, bool is_busy)
{
    const uint64_t wait_ms = reader->options.wait_ms(reader->options.user);
    const uint64_t until_ns = clock_mono_ns() + wait_ms * UINT64_C(1000000);
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u),
                                   .tv_nsec = (long)(until_ns % 1000000000u)};

    pthread_mutex_lock(&reader->lock);
    if (!is_busy && !reader->is_stopping && !reader->is_poked)
        pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
    bool is_poked = reader->is_poked, is_stopping = reader->is_stopping;
    reader->is_poked = false;
    pthread_mutex_unlock(&reader->lock);
    if (is_poked)
        reader->options.poked(reader->options.user);
    return is_stopping;
}

static void *run(void *user)
{
    struct ring_reader *reader = user;
    bool is_stopping = false;

    while (!is_stopping) {
        unsigned done = pass(reader);
        is_stopping = rest(reader, done >= TURN_RECORDS);
    }
    while (pass(reader) > 0)
        ;
    return NULL;
}

/* ---- start and stop ---- */

static void release(struct ring_reader *reader)
{
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

static int start_thread(struct ring_reader *reader)
{
    sigset_t blocked, before;

    sigfillset(&blocked); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int problem = pthread_create(&reader->thread, NULL, run, reader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem == 0)
        (void)pthread_setname_np(reader->thread, reader->options.name);
    return problem == 0 ? 0 : ERR_NOMEM;
}

int ring_reader_start(const struct ring_reader_options *options, struct ring_reader **out)
{
    struct ring_reader *reader = calloc(1, sizeof(*reader));
    pthread_condattr_t attributes;

    if (!reader)
        return ERR_NOMEM;
    reader->options = *options;
    pthread_mutex_init(&reader->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int rc = start_thread(reader);
    if (rc == 0)
        *out = reader;
    else
        release(reader);
    return rc;
}

void ring_reader_stop(struct ring_reader *reader)
{
    if (!reader)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->is_stopping = true;
    pthread_cond_signal(&reader->changed);
    pthread_mutex_unlock(&reader->lock);
    ASSERT(pthread_join(reader->thread, NULL) == 0);
    ASSERT(reader->ring_count == 0);
    release(reader);
}

struct ring *ring_reader_open(struct ring_reader *reader, uint64_t size)
{
    struct ring *ring = ring_new(size);

    pthread_mutex_lock(&reader->lock);
    bool has_room = reader->ring_count < RING_READER_RINGS_MAX;
    if (ring && has_room) {
        reader->rings[reader->ring_count].ring = ring;
        reader->rings[reader->ring_count++].is_closed = false;
    }
    pthread_mutex_unlock(&reader->lock);
    if (has_room)
        return ring;
    ring_free(ring);
    return NULL;
}

void ring_reader_close(struct ring_reader *reader, struct ring *ring)
{
    pthread_mutex_lock(&reader->lock);
    for (unsigned i = 0; ring && i < reader->ring_count; i++)
        reader->rings[i].is_closed |= reader->rings[i].ring == ring;
    pthread_mutex_unlock(&reader->lock);
}

void ring_reader_poke(struct ring_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    reader->is_poked = true;
    pthread_cond_signal(&reader->changed);
    pthread_mutex_unlock(&reader->lock);
}

uint64_t ring_reader_dropped(struct ring_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    uint64_t dropped = reader->dropped_before;
    for (unsigned i = 0; i < reader->ring_count; i++)
        dropped += ring_dropped(reader->rings[i].ring);
    pthread_mutex_unlock(&reader->lock);
    return dropped;
}
