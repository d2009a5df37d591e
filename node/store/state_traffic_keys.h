/* node/store/state_traffic_keys.h: what the two files of traffic policies share. Within the room.
 */
#pragma once

#include <string.h>

#include "base/assert.h"
#include "store/state_object.h"
#include "store/state_traffic.h"

#define STATE__TRAFFIC_ID_LEN (STATE_UUID_SIZE - 1u)
/* The longest: by policy and version, then zone id, name and type. */
#define STATE__TRAFFIC_KEY_MAX                                                                     \
    (2u + STATE__TRAFFIC_ID_LEN + 2u + STATE_ID_SIZE + STATE_KEY_NAME_MAX + STATE_KEY_TYPE_LEN)

struct state__traffic_key {
    uint8_t octets[STATE__TRAFFIC_KEY_MAX];
};

/* The octets of kind and @what, and @rest behind them, in @key. */
static inline struct kv_slice state__traffic_key(enum state_object kind, char what,
                                                 const void *rest, size_t rest_len,
                                                 struct state__traffic_key *key)
{
    ASSERT(rest_len <= sizeof(key->octets) - 2);
    key->octets[0] = (uint8_t)kind;
    key->octets[1] = (uint8_t)what;
    if (rest_len > 0)
        memcpy(key->octets + 2, rest, rest_len);
    return kv_slice(key->octets, 2 + rest_len);
}

/* Read a value that is an id. */
int state__traffic_get_id(const struct kv *kv, struct kv_slice key, char out[STATE_UUID_SIZE]);
