/* node/store/state_gone.c: caller references that are remembered. Keys of KV_OBJECTS: "RH" and the
 * reference, with when it went; "Rh", that time (8 octets, big-endian) and the reference, without a
 * value, to find the oldest; "Rn", with how many there are. */
#include "store/state_gone.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_key.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define HEAD_LEN 2u
#define TIME_LEN 8u
#define REFERENCE_MAX (STATE_CHECK_REFERENCE_SIZE - 1)
#define KIND_REFERENCE 'H'
#define KIND_TIME 'h'
#define KIND_COUNT 'n'
#define FORGOTTEN_MAX 8u /* by one deletion: more than one comes in, so they get fewer */

static int decode_gone(struct kv_slice value, void *user)
{
    uint64_t *gone_wall_ms = user;
    State__GoneReference *from;
    int rc = state__unpack(&state__gone_reference__descriptor, value, &from);

    if (rc != 0)
        return rc;
    *gone_wall_ms = from->gone_wall_ms;
    return state__finish(&from->base, true);
}

static int decode_count(struct kv_slice value, void *user)
{
    uint64_t *count = user;
    State__GoneReferences *from;
    int rc = state__unpack(&state__gone_references__descriptor, value, &from);

    if (rc != 0)
        return rc;
    *count = from->count;
    return state__finish(&from->base, true);
}

struct key {
    uint8_t octets[HEAD_LEN + TIME_LEN + REFERENCE_MAX];
};

static struct kv_slice reference_key(const char *reference, struct key *key)
{
    size_t len = strlen(reference);

    ASSERT(len > 0 && len <= REFERENCE_MAX);
    key->octets[0] = STATE_OBJECT_REFERENCE;
    key->octets[1] = KIND_REFERENCE;
    memcpy(key->octets + HEAD_LEN, reference, len);
    return kv_slice(key->octets, HEAD_LEN + len);
}

static struct kv_slice time_key(uint64_t wall_ms, const char *reference, struct key *key)
{
    size_t len = strlen(reference);

    key->octets[0] = STATE_OBJECT_REFERENCE;
    key->octets[1] = KIND_TIME;
    state_key_u64(wall_ms, key->octets + HEAD_LEN);
    memcpy(key->octets + HEAD_LEN + TIME_LEN, reference, len);
    return kv_slice(key->octets, HEAD_LEN + TIME_LEN + len);
}

static const uint8_t count_key[HEAD_LEN] = {STATE_OBJECT_REFERENCE, KIND_COUNT};
static const uint8_t times_key[HEAD_LEN] = {STATE_OBJECT_REFERENCE, KIND_TIME};

int state__check_gone(struct kv_slice key, struct kv_slice value)
{
    uint64_t number;

    if (key.len < HEAD_LEN || key.len > sizeof(struct key))
        return ERR_CORRUPT;
    switch (((const char *)key.data)[1]) {
    case KIND_REFERENCE:
        return key.len > HEAD_LEN && key.len <= HEAD_LEN + REFERENCE_MAX
                   ? decode_gone(value, &number)
                   : ERR_CORRUPT;
    case KIND_TIME: return key.len > HEAD_LEN + TIME_LEN && value.len == 0 ? 0 : ERR_CORRUPT;
    case KIND_COUNT: return key.len == HEAD_LEN ? decode_count(value, &number) : ERR_CORRUPT;
    default: return ERR_CORRUPT;
    }
}

int state_get_gone(const struct kv *kv, const char *reference, uint64_t *gone_wall_ms)
{
    struct key key;

    if (reference[0] == 0 || strlen(reference) > REFERENCE_MAX)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, reference_key(reference, &key), decode_gone,
                            gone_wall_ms);
}

struct trim {
    struct overlay *overlay;
    uint64_t now_wall_ms, count;
    unsigned forgotten;
};

static int on_oldest(void *user, struct kv_slice key, struct kv_slice value)
{
    struct trim *trim = user;
    const uint8_t *octets = key.data;
    char reference[STATE_CHECK_REFERENCE_SIZE] = "";
    struct key storage;

    (void)value;
    if (key.len <= HEAD_LEN + TIME_LEN || key.len > sizeof(storage))
        return ERR_CORRUPT;
    bool is_old = state_key_u64_decode(octets + HEAD_LEN) + STATE_GONE_KEPT_MS < trim->now_wall_ms;
    if (trim->forgotten == FORGOTTEN_MAX || trim->count == 0 ||
        (!is_old && trim->count < STATE_GONE_MAX))
        return 1;
    memcpy(reference, octets + HEAD_LEN + TIME_LEN, key.len - HEAD_LEN - TIME_LEN);
    overlay_delete(trim->overlay, KV_OBJECTS, key);
    overlay_delete(trim->overlay, KV_OBJECTS, reference_key(reference, &storage));
    trim->count--;
    trim->forgotten++;
    return 0;
}

/* Take @reference out, if it is there. */
static int take_out(struct overlay *overlay, const char *reference, uint64_t *count)
{
    uint64_t wall_ms;
    struct key key;
    int rc = state_get_gone(overlay_kv(overlay), reference, &wall_ms);

    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0 && *count == 0)
        rc = ERR_CORRUPT;
    if (rc != 0)
        return rc;
    overlay_delete(overlay, KV_OBJECTS, time_key(wall_ms, reference, &key));
    *count -= 1;
    return 0;
}

int state_put_gone(struct overlay *overlay, const char *reference, uint64_t gone_wall_ms)
{
    State__GoneReference message = STATE__GONE_REFERENCE__INIT;
    State__GoneReferences total = STATE__GONE_REFERENCES__INIT;
    struct kv_range range = {.family = KV_OBJECTS, .prefix = {times_key, HEAD_LEN}};
    struct trim trim = {.overlay = overlay, .now_wall_ms = gone_wall_ms};
    struct kv_slice number = kv_slice(count_key, HEAD_LEN);
    struct key key;
    int rc = state__get_value(overlay_kv(overlay), KV_OBJECTS, number, decode_count, &trim.count);

    if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = take_out(overlay, reference, &trim.count);
    if (rc == 0)
        rc = kv_scan(overlay_kv(overlay), &range, on_oldest, &trim);
    if (rc != 0)
        return rc;
    message.version = total.version = STATE_VERSION;
    message.gone_wall_ms = gone_wall_ms;
    total.count = trim.count + 1;
    state__put_message(overlay, KV_OBJECTS, reference_key(reference, &key), &message.base);
    overlay_put(overlay, KV_OBJECTS, time_key(gone_wall_ms, reference, &key), kv_slice(NULL, 0));
    state__put_message(overlay, KV_OBJECTS, number, &total.base);
    return 0;
}
