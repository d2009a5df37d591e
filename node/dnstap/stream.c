#include "dnstap/stream.h"

#include <errno.h>
#include <fstrm.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"

#define LOOK_MS 50u     /* at dnstap_stream_hurry(), while waiting */
#define VECTORS_MAX 128 /* in one call */
#define FOREVER UINT64_MAX

struct dnstap_stream {
    struct sockaddr_un address;
    int fd;                      /* -1: not connected */
    struct fstrm_writer *writer; /* NULL: likewise */
    bool is_broken;              /* nothing more is written or read */
    uint64_t patience_mono_ms;   /* of the handshake; FOREVER after it */
    _Atomic uint64_t hurry_mono_ms;
    const char *problem;
};

int dnstap_stream_new(const char *path, struct dnstap_stream **out)
{
    struct dnstap_stream *stream;

    if (path[0] == '\0' || strlen(path) >= sizeof(stream->address.sun_path))
        return ERR_INVALID;
    stream = calloc(1, sizeof(*stream));
    if (!stream)
        return ERR_NOMEM;
    stream->address.sun_family = AF_UNIX;
    memcpy(stream->address.sun_path, path, strlen(path) + 1);
    stream->fd = -1;
    stream->hurry_mono_ms = FOREVER;
    stream->problem = "";
    *out = stream;
    return 0;
}

void dnstap_stream_free(struct dnstap_stream *stream)
{
    if (!stream)
        return;
    dnstap_stream_disconnect(stream);
    free(stream);
}

const char *dnstap_stream_problem(const struct dnstap_stream *stream)
{
    return stream->problem;
}

void dnstap_stream_hurry(struct dnstap_stream *stream, uint64_t until_mono_ms)
{
    atomic_store(&stream->hurry_mono_ms, until_mono_ms);
}

/* ---- what libfstrm calls ---- */

static fstrm_res fail(struct dnstap_stream *stream, const char *problem)
{
    if (!stream->is_broken) /* the first one is the reason */
        stream->problem = problem;
    stream->is_broken = true;
    return fstrm_res_failure;
}

/* Until the socket can be read or written, or has an error to tell. */
static fstrm_res wait_for(struct dnstap_stream *stream, short events)
{
    for (;;) {
        const uint64_t now_ms = clock_mono_ms();
        uint64_t until_ms = atomic_load(&stream->hurry_mono_ms);
        struct pollfd one = {.fd = stream->fd, .events = events};
        if (stream->patience_mono_ms < until_ms)
            until_ms = stream->patience_mono_ms;
        if (now_ms >= until_ms)
            return fail(stream, strerror(ETIMEDOUT));
        const uint64_t left_ms = until_ms - now_ms;
        if (poll(&one, 1, (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS)) > 0)
            return fstrm_res_success;
    }
}

static fstrm_res open_socket(void *user)
{
    struct dnstap_stream *stream = user;

    stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->fd < 0 || connect(stream->fd, (const struct sockaddr *)&stream->address,
                                  sizeof(stream->address)) != 0)
        return fail(stream, strerror(errno));
    return fstrm_res_success;
}

static fstrm_res close_socket(void *user)
{
    struct dnstap_stream *stream = user;

    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    return fstrm_res_success;
}

static fstrm_res read_octets(void *user, void *out, size_t len)
{
    struct dnstap_stream *stream = user;
    uint8_t *at = out;

    while (len > 0 && !stream->is_broken) {
        ssize_t got = recv(stream->fd, at, len, 0);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        } else if (got == 0) {
            (void)fail(stream, "the reader closed the connection");
        } else if (errno == EAGAIN) {
            (void)wait_for(stream, POLLIN);
        } else if (errno != EINTR) {
            (void)fail(stream, strerror(errno));
        }
    }
    return stream->is_broken ? fstrm_res_failure : fstrm_res_success;
}

/* What is left of @vectors after @done octets of them, at most VECTORS_MAX; how many those are. */
static size_t rest_of(const struct iovec *vectors, size_t count, size_t done,
                      struct iovec out[VECTORS_MAX])
{
    size_t left = 0;

    for (size_t i = 0; i < count && left < VECTORS_MAX; i++) {
        if (done >= vectors[i].iov_len) {
            done -= vectors[i].iov_len;
            continue;
        }
        out[left].iov_base = (uint8_t *)vectors[i].iov_base + done;
        out[left++].iov_len = vectors[i].iov_len - done;
        done = 0;
    }
    return left;
}

static fstrm_res write_octets(void *user, const struct iovec *vectors, int count)
{
    struct dnstap_stream *stream = user;
    struct iovec rest[VECTORS_MAX];
    size_t done = 0, left;

    while (!stream->is_broken && (left = rest_of(vectors, (size_t)count, done, rest)) > 0) {
        const struct msghdr message = {.msg_iov = rest, .msg_iovlen = left};
        ssize_t sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
        if (sent >= 0)
            done += (size_t)sent;
        else if (errno == EAGAIN)
            (void)wait_for(stream, POLLOUT);
        else if (errno != EINTR)
            (void)fail(stream, strerror(errno));
    }
    return stream->is_broken ? fstrm_res_failure : fstrm_res_success;
}

/* ---- connections ---- */

static struct fstrm_writer *make_writer(struct dnstap_stream *stream)
{
    struct fstrm_writer_options *options = fstrm_writer_options_init();
    struct fstrm_rdwr *socket_calls = fstrm_rdwr_init(stream);

    fstrm_rdwr_set_open(socket_calls, open_socket);
    fstrm_rdwr_set_close(socket_calls, close_socket);
    fstrm_rdwr_set_read(socket_calls, read_octets);
    fstrm_rdwr_set_write(socket_calls, write_octets);
    ASSERT(fstrm_writer_options_add_content_type(options, DNSTAP_STREAM_CONTENT_TYPE,
                                                 strlen(DNSTAP_STREAM_CONTENT_TYPE)) ==
           fstrm_res_success);
    struct fstrm_writer *writer = fstrm_writer_init(options, &socket_calls);
    fstrm_writer_options_destroy(&options);
    return writer;
}

void dnstap_stream_disconnect(struct dnstap_stream *stream)
{
    stream->patience_mono_ms = clock_mono_ms() + DNSTAP_STREAM_HANDSHAKE_MS;
    if (stream->writer)
        (void)fstrm_writer_destroy(&stream->writer);
    (void)close_socket(stream);
}

int dnstap_stream_connect(struct dnstap_stream *stream)
{
    ASSERT(!stream->writer);
    stream->is_broken = false;
    stream->patience_mono_ms = clock_mono_ms() + DNSTAP_STREAM_HANDSHAKE_MS;
    stream->writer = make_writer(stream);
    if (fstrm_writer_open(stream->writer) == fstrm_res_success) {
        stream->patience_mono_ms = FOREVER;
        return 0;
    }
    (void)fail(stream, "it does not speak " DNSTAP_STREAM_CONTENT_TYPE);
    dnstap_stream_disconnect(stream);
    return ERR_IO;
}

bool dnstap_stream_is_alive(struct dnstap_stream *stream)
{
    uint8_t octet;

    if (stream->is_broken)
        return false;
    ssize_t got = recv(stream->fd, &octet, sizeof(octet), MSG_PEEK | MSG_DONTWAIT);
    if (got == 0)
        (void)fail(stream, "the reader closed the connection");
    else if (got > 0) /* it has nothing to say before the end */
        (void)fail(stream, "the reader spoke before the end");
    else if (errno != EAGAIN && errno != EINTR)
        (void)fail(stream, strerror(errno));
    return !stream->is_broken;
}

int dnstap_stream_write(struct dnstap_stream *stream, const struct iovec *frames, unsigned count)
{
    ASSERT(stream->writer && count > 0 && count <= DNSTAP_STREAM_FRAMES_MAX);
    return fstrm_writer_writev(stream->writer, frames, (int)count) == fstrm_res_success ? 0
                                                                                        : ERR_IO;
}
