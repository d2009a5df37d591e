/* raft/io/mac.c: HMAC-SHA256 by nettle. */
#include "raft/io/mac.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>

void mac_compute(const uint8_t *key, const uint8_t *data, size_t len, uint8_t *out)
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, MAC_KEY_LEN, key);
    hmac_sha256_update(&context, len, data);
    hmac_sha256_digest(&context, MAC_LEN, out);
}

bool mac_is_valid(const uint8_t *key, const uint8_t *data, size_t len, const uint8_t *mac)
{
    uint8_t expected[MAC_LEN];
    mac_compute(key, data, len, expected);
    return memeql_sec(expected, mac, MAC_LEN) == 1;
}
