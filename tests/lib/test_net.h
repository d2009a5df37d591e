/* tests/lib/test_net.h: for tests of raft/io over loopback: identities of members, and running a
 * loop until something is so. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/test_certs.h"
#include "raft/io/codec.h"
#include "raft/io/transport.h"
#include "raft/io/transport_tls.h"

/* Keys of member @id in the one test cluster. */
struct codec_keys test_keys(uint64_t id);
/* PEMs borrowed from @ca and @cert. */
struct transport_tls test_tls(const struct test_ca *ca, const struct test_cert *cert);

/* A transport's owner to whom nothing matters; set what does. */
struct transport_handler test_quiet_handler(void *user);

/* Run @loop until @is_so(user), at most @limit_ms; did it become so? */
bool test_run_until(uv_loop_t *loop, bool (*is_so)(void *user), void *user, uint32_t limit_ms);
/* Run @loop for this long. */
void test_run_for(uv_loop_t *loop, uint32_t ms);
/* Encode @frame; the caller frees. Aborts on failure. */
uint8_t *test_encode(const struct codec_keys *keys, const struct codec_frame *frame, size_t *len);
