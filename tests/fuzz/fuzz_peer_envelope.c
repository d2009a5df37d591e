/* links: raft_io raft_core proto
 * A whole frame: the first octet says whether the MAC is made good before decoding. */
#include "raft/io/codec.h"

#include <stdlib.h>
#include <string.h>

#include "raft/io/mac.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_keys keys = {.self = 0x22};
    struct codec_frame frame;
    enum codec_refusal why;
    if (size == 0)
        return 0;
    size_t len = size - 1;
    uint8_t *octets = malloc(len == 0 ? 1 : len); /* exact, so that reading past it is seen */
    if (octets == NULL)
        abort();
    memcpy(octets, data + 1, len);
    if (data[0] % 2 == 1 && len > MAC_LEN)
        mac_compute(keys.mac_key, octets + MAC_LEN, len - MAC_LEN, octets);
    if (codec_decode(&keys, octets, len, &frame, &why) == 0)
        codec_frame_release(&frame);
    else if (codec_refusal_text(why) == NULL)
        abort();
    free(octets);
    return 0;
}
