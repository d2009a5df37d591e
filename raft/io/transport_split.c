/* raft/io/transport_split.c: lengths and what follows them. */
#include "raft/io/transport_split.h"

#include <nng/nng.h>
#include <string.h>

#include "raft/io/transport_internal.h"

void transport_prefix_write(uint8_t *out, uint64_t len)
{
    for (unsigned i = 0; i < TRANSPORT__PREFIX_LEN; i++)
        out[i] = (uint8_t)(len >> (8 * (TRANSPORT__PREFIX_LEN - 1 - i)));
}

static uint64_t prefix_read(const uint8_t *prefix)
{
    uint64_t len = 0;
    for (unsigned i = 0; i < TRANSPORT__PREFIX_LEN; i++)
        len = len << 8 | prefix[i];
    return len;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int begin(struct transport_split *split)
{
    uint64_t len = prefix_read(split->prefix);
    if (len > TRANSPORT__RECV_LEN_MAX)
        return RAFT_ELIMIT;
    split->filled = 0;
    return nng_msg_alloc(&split->message, (size_t)len) == 0 ? 0 : RAFT_ENOMEM;
}

static struct nng_msg *take_whole(struct transport_split *split)
{
    nng_msg *message = split->message;
    if (message == NULL || split->filled < nng_msg_len(message))
        return NULL;
    memset(split, 0, sizeof(*split));
    return message;
}

int64_t transport_split_take(struct transport_split *split, const uint8_t *octets, size_t len,
                             struct nng_msg **out)
{
    size_t taken = lesser(TRANSPORT__PREFIX_LEN - split->prefix_len, len);
    *out = NULL;
    if (taken > 0)
        memcpy(split->prefix + split->prefix_len, octets, taken);
    split->prefix_len += taken;
    if (split->prefix_len < TRANSPORT__PREFIX_LEN)
        return (int64_t)taken;
    int code = split->message == NULL ? begin(split) : 0;
    if (code != 0)
        return code;
    size_t more = lesser(nng_msg_len(split->message) - split->filled, len - taken);
    if (more > 0)
        memcpy((uint8_t *)nng_msg_body(split->message) + split->filled, octets + taken, more);
    split->filled += more;
    *out = take_whole(split);
    return (int64_t)(taken + more);
}

uint8_t *transport_split_room(struct transport_split *split, size_t *len)
{
    if (split->message == NULL)
        return NULL;
    *len = nng_msg_len(split->message) - split->filled;
    return (uint8_t *)nng_msg_body(split->message) + split->filled;
}

void transport_split_fill(struct transport_split *split, size_t len, struct nng_msg **out)
{
    split->filled += len;
    *out = take_whole(split);
}

void transport_split_clear(struct transport_split *split)
{
    if (split->message != NULL)
        nng_msg_free(split->message);
    memset(split, 0, sizeof(*split));
}
