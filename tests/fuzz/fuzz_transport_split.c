/* links: raft_io raft_core
 * A stream of octets → frames, as a connection to the peer port brings them. The first octet says
 * in what pieces the rest comes. */
#include <nng/nng.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "raft/io/transport_internal.h"
#include "raft/io/transport_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(struct nng_msg *message, size_t *total)
{
    if (message == NULL)
        return;
    if (nng_msg_len(message) > TRANSPORT__RECV_LEN_MAX)
        abort();
    *total += nng_msg_len(message) + TRANSPORT__PREFIX_LEN;
    nng_msg_free(message);
}

/* Octets that were taken: in place when @is_in_place and there is room. Negative: refused. */
static int64_t step(struct transport_split *split, const uint8_t *data, size_t len,
                    bool is_in_place, size_t *total)
{
    struct nng_msg *message = NULL;
    size_t room_len = 0;
    uint8_t *room = is_in_place ? transport_split_room(split, &room_len) : NULL;
    int64_t taken;
    if (room == NULL || room_len == 0) {
        taken = transport_split_take(split, data, len, &message);
    } else {
        taken = (int64_t)(len < room_len ? len : room_len);
        memcpy(room, data, (size_t)taken);
        transport_split_fill(split, (size_t)taken, &message);
    }
    check(message, total);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct transport_split split = {0};
    size_t at = 1, total = 0;
    size_t piece = len > 0 && data[0] > 1 ? data[0] / 2 : 1;
    while (at < len) {
        size_t here = len - at < piece ? len - at : piece;
        int64_t taken = step(&split, data + at, here, (data[0] & 1) != 0, &total);
        if (taken < 0)
            break;
        if (taken == 0 || (size_t)taken > here)
            abort(); /* it would never end, or read on */
        at += (size_t)taken;
    }
    if (total > len)
        abort();
    transport_split_clear(&split);
    return 0;
}
