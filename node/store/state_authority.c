#include "store/state_authority.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_value.h"

static bool take_cas(const State__Authority *from, struct state_authority *out)
{
    size_t wanted = from->phase == STATE_AUTHORITY_STEADY ? 1 : 2;

    if (from->n_cas != wanted)
        return false;
    for (size_t i = 0; i < wanted; i++) {
        struct state_ca *ca = &out->cas[i];
        ca->generation = from->cas[i]->generation;
        if (ca->generation == 0 || ca->generation > from->last ||
            !state__take_text(from->cas[i]->cert_pem, ca->cert_pem, sizeof(ca->cert_pem)))
            return false;
    }
    out->ca_count = (uint32_t)wanted;
    bool is_ascending = wanted == 1 || out->cas[0].generation < out->cas[1].generation;
    uint32_t signing = out->cas[from->phase == STATE_AUTHORITY_USE ? 1 : 0].generation;
    return is_ascending && from->signing == signing;
}

int state_value_authority(struct kv_slice value, struct state_authority *out)
{
    struct state_authority got = {0};
    State__Authority *from;
    int rc = state__unpack(&state__authority__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->cluster_id.len == sizeof(got.cluster_id) &&
                    from->phase <= STATE_AUTHORITY_USE && take_cas(from, &got);
    if (is_sound) {
        memcpy(got.cluster_id, from->cluster_id.data, sizeof(got.cluster_id));
        got.phase = (enum state_authority_phase)from->phase;
        got.signing = from->signing;
        got.last = from->last;
        got.begun_wall_ms = from->begun_wall_ms;
        *out = got;
    }
    return state__finish(&from->base, is_sound);
}

static int decode_authority(struct kv_slice value, void *out)
{
    return state_value_authority(value, out);
}

int state_get_authority(const struct kv *kv, struct state_authority *out)
{
    return state__get_value(kv, KV_META, state_value_text(STATE_KEY_AUTHORITY), decode_authority,
                            out);
}

void state_put_authority(struct overlay *overlay, const struct state_authority *authority)
{
    State__Authority message = STATE__AUTHORITY__INIT;
    State__Ca cas[STATE_CAS_MAX], *pointers[STATE_CAS_MAX];

    ASSERT(authority->ca_count >= 1 && authority->ca_count <= STATE_CAS_MAX);
    for (uint32_t i = 0; i < authority->ca_count; i++) {
        cas[i] = (State__Ca)STATE__CA__INIT;
        cas[i].generation = authority->cas[i].generation;
        cas[i].cert_pem = (char *)(uintptr_t)authority->cas[i].cert_pem;
        pointers[i] = &cas[i];
    }
    message.version = STATE_VERSION;
    message.cluster_id = (ProtobufCBinaryData){sizeof(authority->cluster_id),
                                               (uint8_t *)(uintptr_t)authority->cluster_id};
    message.phase = authority->phase;
    message.signing = authority->signing;
    message.last = authority->last;
    message.begun_wall_ms = authority->begun_wall_ms;
    message.n_cas = authority->ca_count;
    message.cas = pointers;
    state__put_message(overlay, KV_META, state_value_text(STATE_KEY_AUTHORITY), &message.base);
}
