/* node/dnstap/stream.h: a Frame Streams connection to a reader's Unix socket. libfstrm does the
 * handshake and the framing; the socket is ours, so that how long it is waited for has a bound. One
 * thread, but for dnstap_stream_hurry(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DNSTAP_STREAM_CONTENT_TYPE "protobuf:dnstap.Dnstap"
#define DNSTAP_STREAM_FRAMES_MAX 64u     /* in one write */
#define DNSTAP_STREAM_HANDSHAKE_MS 5000u /* the reader has to answer within */

struct dnstap_stream; /* opaque */
struct iovec;

/* Not connected yet. @path is copied. ERR_INVALID (it is empty or too long), ERR_NOMEM. */
int dnstap_stream_new(const char *path, struct dnstap_stream **out);
void dnstap_stream_free(struct dnstap_stream *stream); /* disconnects; accepts NULL */

/* ERR_IO: there is no reader, or it does not speak as it should: dnstap_stream_problem(). */
int dnstap_stream_connect(struct dnstap_stream *stream);
/* Tell the reader that this is the end, and wait until it has seen it, if all is well with it. Does
 * nothing when not connected. */
void dnstap_stream_disconnect(struct dnstap_stream *stream);
/* Is the reader still there? false also when it sent what it should not. Asks the kernel. */
bool dnstap_stream_is_alive(struct dnstap_stream *stream);
/* Write 1 to DNSTAP_STREAM_FRAMES_MAX frames; waits for a reader that is behind. ERR_IO: the
 * connection is broken; some of the frames may have got through. */
int dnstap_stream_write(struct dnstap_stream *stream, const struct iovec *frames, unsigned count);
/* What the system said to the last failure; static text. */
const char *dnstap_stream_problem(const struct dnstap_stream *stream);

/* Wait for nothing after @until_mono_ms any more. Any thread. */
void dnstap_stream_hurry(struct dnstap_stream *stream, uint64_t until_mono_ms);
