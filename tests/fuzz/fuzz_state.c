/* links: store */
/* Any octets as a stored key and value of any family: read or refused, never a crash. Input:
 * family, length of the key, key, value. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "store/state_value.h"
#include "zone/routing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What decodes as routing encodes to the same octets. */
static void check_routing(struct kv_slice value)
{
    uint8_t again[STATE_ROUTING_MAX];
    struct zone_routing routing;

    ASSERT(state_routing_decode(value, &routing) == 0);
    ASSERT(state_routing_encode(&routing, again) == value.len);
    ASSERT(memcmp(again, value.data, value.len) == 0);
}

/* What decodes as a record set encodes to the same octets. */
static void check_set(struct kv_slice value)
{
    static uint8_t again[STATE_SET_VALUE_MAX];
    struct state_record_set set = {.name = (const uint8_t *)""};

    if (state_set_decode(value, &set) != 0)
        return;
    ASSERT(state_set_encode(&set, again) == value.len);
    ASSERT(memcmp(again, value.data, value.len) == 0);
    ASSERT(state_set_is_equal(&set, &set));
    if (set.routing)
        check_routing(kv_slice(set.routing, set.routing_len));
}

/* What decodes as a key encodes to the same octets. */
static void check_key(struct kv_slice key)
{
    uint8_t name[STATE_NAME_MAX], again[STATE_KEY_SET_MAX];
    struct state_record_set set = {0};

    if (state_set_key_decode(key, name, &set) != 0)
        return;
    uint64_t content = state_key_u64_decode(key.data);
    const uint8_t *type = (const uint8_t *)key.data + key.len - set.set_identifier_len - 3;
    uint8_t canonical[STATE_KEY_TYPE_LEN];
    state_key_type(set.type, canonical);
    if (memcmp(type, canonical, sizeof(canonical)) != 0)
        return;
    ASSERT(state_set_key(content, &set, again) == key.len);
    ASSERT(memcmp(again, key.data, key.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2 || (size_t)data[1] + 2 > len)
        return 0;
    enum kv_family family = (enum kv_family)(data[0] % KV_FAMILIES);
    struct kv_slice key = kv_slice(data + 2, data[1]);
    struct kv_slice value = kv_slice(data + 2 + data[1], len - 2 - data[1]);

    (void)state_value_check(family, key, value);
    if (family == KV_RECORD_SETS) {
        check_set(value);
        check_key(key);
    }
    return 0;
}
