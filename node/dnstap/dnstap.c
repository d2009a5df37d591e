#include "dnstap/dnstap.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/ring_reader.h"
#include "dnstap/frame.h"
#include "dnstap/record.h"
#include "dnstap/stream.h"

#define FRAMES_SIZE (2u * DNSTAP_FRAME_MAX) /* any exchange has room */
#define IDLE_MS 500u                        /* between two passes while there is no reader */
#define LOG_LINES_MAX 6u                    /* of a reader that comes and goes, in LOG_PERIOD_MS */
#define LOG_PERIOD_MS 60000u

struct frames { /* that wait for one write */
    struct iovec vectors[DNSTAP_STREAM_FRAMES_MAX];
    unsigned count;
    size_t len;         /* octets */
    uint64_t exchanges; /* that they are of */
    uint8_t octets[FRAMES_SIZE];
};

struct dnstap {
    struct ring_reader *reader;
    enum dnstap_messages messages;
    uint32_t sample;
    char socket_path[256];
    char identity[DNSTAP_TEXT_MAX + 1], version[DNSTAP_TEXT_MAX + 1];
    _Atomic bool is_heard; /* connected: what is noted has a reader */
    _Atomic bool is_closing;
    _Atomic uint64_t written, lost;
    /* the thread's */
    struct dnstap_stream *stream;
    struct dnstap_source source;
    uint64_t retry_ms, retry_mono_ms, connected_mono_ms;
    bool is_told; /* that there is no reader */
    uint64_t period_mono_ms;
    unsigned period_lines, left_out;
    struct frames frames;
};

static bool is_heard(const struct dnstap *dnstap)
{
    return atomic_load_explicit(&dnstap->is_heard, memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter, uint64_t exchanges)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + exchanges,
                          memory_order_relaxed);
}

/* ---- the reader comes and goes ---- */

/* A line may be logged now: not too many of them, whatever the reader does. */
static bool may_log(struct dnstap *dnstap)
{
    const uint64_t now_ms = clock_mono_ms();

    if (dnstap->period_mono_ms == 0 || now_ms - dnstap->period_mono_ms >= LOG_PERIOD_MS) {
        dnstap->period_mono_ms = now_ms;
        dnstap->period_lines = 0;
    }
    if (++dnstap->period_lines <= LOG_LINES_MAX)
        return true;
    dnstap->left_out++;
    return false;
}

static void tell_gone(struct dnstap *dnstap, const char *event)
{
    if (dnstap->is_told || !may_log(dnstap))
        return;
    log_warn("dnstap", "%s socket=%s reason=\"%s\" lost_so_far=%" PRIu64 " lines_left_out=%u",
             event, dnstap->socket_path, dnstap_stream_problem(dnstap->stream),
             atomic_load_explicit(&dnstap->lost, memory_order_relaxed), dnstap->left_out);
    dnstap->left_out = 0;
    dnstap->is_told = true;
}

static void retry_later(struct dnstap *dnstap)
{
    dnstap->retry_mono_ms = clock_mono_ms() + dnstap->retry_ms;
    dnstap->retry_ms *= 2;
    if (dnstap->retry_ms > DNSTAP_RETRY_MAX_MS)
        dnstap->retry_ms = DNSTAP_RETRY_MAX_MS;
}

static void try_connect(struct dnstap *dnstap)
{
    if (atomic_load(&dnstap->is_closing) || clock_mono_ms() < dnstap->retry_mono_ms)
        return;
    if (dnstap_stream_connect(dnstap->stream) != 0) {
        tell_gone(dnstap, "no_reader");
        retry_later(dnstap);
        return;
    }
    dnstap->connected_mono_ms = clock_mono_ms();
    atomic_store(&dnstap->is_heard, true);
    dnstap->is_told = false;
    if (may_log(dnstap))
        log_info("dnstap", "connected socket=%s", dnstap->socket_path);
}

/* One that went at once is not tried faster for having been there. */
static void give_up(struct dnstap *dnstap)
{
    atomic_store(&dnstap->is_heard, false);
    dnstap_stream_disconnect(dnstap->stream);
    if (clock_mono_ms() - dnstap->connected_mono_ms >= DNSTAP_RETRY_MAX_MS)
        dnstap->retry_ms = DNSTAP_RETRY_MIN_MS;
    tell_gone(dnstap, "disconnected");
    retry_later(dnstap);
}

/* ---- records to frames ---- */

static void flush(struct dnstap *dnstap)
{
    struct frames *frames = &dnstap->frames;

    if (frames->count == 0)
        return;
    if (dnstap_stream_write(dnstap->stream, frames->vectors, frames->count) == 0) {
        count(&dnstap->written, frames->exchanges);
    } else {
        count(&dnstap->lost, frames->exchanges);
        give_up(dnstap);
    }
    frames->count = 0;
    frames->len = 0;
    frames->exchanges = 0;
}

static void add_frame(struct dnstap *dnstap, const struct dnstap_record *record,
                      enum dnstap_frame_kind kind)
{
    struct frames *frames = &dnstap->frames;
    uint8_t *out = frames->octets + frames->len;
    const size_t len = dnstap_frame_encode(record, kind, &dnstap->source, out);

    frames->vectors[frames->count++] = (struct iovec){.iov_base = out, .iov_len = len};
    frames->len += len;
}

static void write_record(void *user, const void *octets, size_t octets_len)
{
    struct dnstap *dnstap = user;
    struct frames *frames = &dnstap->frames;
    const struct dnstap_record *record = octets;
    const size_t frame_max = DNSTAP_FRAME_EXTRA_MAX + record->query_len + record->response_len;

    (void)octets_len;
    if (frames->count + 2 > DNSTAP_STREAM_FRAMES_MAX || FRAMES_SIZE - frames->len < 2 * frame_max)
        flush(dnstap);
    if (!is_heard(dnstap)) { /* the reader went away with these under way */
        count(&dnstap->lost, 1);
        return;
    }
    if (dnstap->messages != DNSTAP_RESPONSES)
        add_frame(dnstap, record, DNSTAP_FRAME_QUERY);
    if (dnstap->messages == DNSTAP_RESPONSES)
        add_frame(dnstap, record, DNSTAP_FRAME_RESPONSE_WITH_QUERY);
    else if (record->response_len > 0)
        add_frame(dnstap, record, DNSTAP_FRAME_RESPONSE);
    frames->exchanges++;
}

static void end_pass(void *user)
{
    struct dnstap *dnstap = user;

    flush(dnstap);
    if (!is_heard(dnstap))
        try_connect(dnstap);
    else if (!dnstap_stream_is_alive(dnstap->stream))
        give_up(dnstap);
}

static uint32_t wait_ms(void *user)
{
    const struct dnstap *dnstap = user;
    const uint64_t now_ms = clock_mono_ms();

    if (is_heard(dnstap))
        return DNSTAP_PASS_MS;
    if (dnstap->retry_mono_ms <= now_ms)
        return 0;
    const uint64_t left_ms = dnstap->retry_mono_ms - now_ms;
    return (uint32_t)(left_ms < IDLE_MS ? left_ms : IDLE_MS);
}

/* ---- open and close ---- */

static void release(struct dnstap *dnstap)
{
    dnstap_stream_free(dnstap->stream);
    free(dnstap);
}

/* "" for NULL. */
static int copy_text(const char *text, char *out, size_t size)
{
    const char *given = text ? text : "";

    if (strlen(given) >= size)
        return ERR_INVALID;
    memcpy(out, given, strlen(given) + 1);
    return 0;
}

static int init(struct dnstap *dnstap, const struct dnstap_options *options)
{
    int rc = options->sample > 0 && options->sample <= DNSTAP_SAMPLE_MAX ? 0 : ERR_INVALID;

    if (rc == 0)
        rc = copy_text(options->identity, dnstap->identity, sizeof(dnstap->identity));
    if (rc == 0)
        rc = copy_text(options->version, dnstap->version, sizeof(dnstap->version));
    if (rc == 0)
        rc = copy_text(options->socket_path, dnstap->socket_path, sizeof(dnstap->socket_path));
    if (rc == 0)
        rc = dnstap_stream_new(dnstap->socket_path, &dnstap->stream);
    dnstap->messages = options->messages;
    dnstap->sample = options->sample;
    dnstap->retry_ms = DNSTAP_RETRY_MIN_MS;
    dnstap->source = (struct dnstap_source){dnstap->identity, dnstap->version};
    return rc;
}

int dnstap_open(const struct dnstap_options *options, struct dnstap **out)
{
    struct dnstap *dnstap = calloc(1, sizeof(*dnstap));
    const struct ring_reader_options reader = {.name = "dnstap",
                                               .record = write_record,
                                               .end_pass = end_pass,
                                               .wait_ms = wait_ms,
                                               .user = dnstap};

    if (!dnstap)
        return ERR_NOMEM;
    int rc = init(dnstap, options);
    if (rc == 0)
        rc = ring_reader_start(&reader, &dnstap->reader);
    if (rc == 0)
        *out = dnstap;
    else
        release(dnstap);
    return rc;
}

void dnstap_close(struct dnstap *dnstap)
{
    if (!dnstap)
        return;
    dnstap_stream_hurry(dnstap->stream, clock_mono_ms() + DNSTAP_CLOSE_MS);
    atomic_store(&dnstap->is_closing, true);
    ring_reader_stop(dnstap->reader);
    release(dnstap);
}

struct dnstap_tap *dnstap_tap_open(struct dnstap *dnstap)
{
    struct dnstap_tap *tap = malloc(sizeof(*tap));

    if (!tap)
        return NULL;
    *tap = (struct dnstap_tap){.ring = ring_reader_open(dnstap->reader, DNSTAP_RING_SIZE),
                               .is_heard = &dnstap->is_heard,
                               .messages = dnstap->messages,
                               .sample = dnstap->sample,
                               .left = dnstap->sample};
    if (!tap->ring) {
        free(tap);
        return NULL;
    }
    /* Its pages come now, not one by one while queries wait. */
    memset(tap->ring->octets, 0, tap->ring->size);
    return tap;
}

void dnstap_tap_close(struct dnstap *dnstap, struct dnstap_tap *tap)
{
    if (!tap)
        return;
    ring_reader_close(dnstap->reader, tap->ring);
    free(tap);
}

void dnstap_read_counters(struct dnstap *dnstap, struct dnstap_counters *out)
{
    out->written = atomic_load_explicit(&dnstap->written, memory_order_relaxed);
    out->dropped = ring_reader_dropped(dnstap->reader);
    out->lost = atomic_load_explicit(&dnstap->lost, memory_order_relaxed);
    out->is_connected = is_heard(dnstap);
}
