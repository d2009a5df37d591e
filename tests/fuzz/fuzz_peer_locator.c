/* links: raft_io raft_core proto
 * A snapshot's locator; what is accepted encodes to the same octets. */
#include "raft/io/snapshot_locator.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct raft_snapshot in = {0};
    struct raft_snapshot out = {0};
    struct snapshot_locator locator;
    if (size > sizeof(in.locator))
        return 0;
    if (size > 0)
        memcpy(in.locator, data, size);
    in.locator_len = (uint32_t)size;
    if (snapshot_locator_decode(&in, &locator) != 0)
        return 0;
    if (snapshot_locator_encode(&locator, &out) != 0 || out.locator_len != in.locator_len ||
        memcmp(out.locator, in.locator, size) != 0)
        abort();
    return 0;
}
