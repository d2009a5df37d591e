/* node/store/state_session.c: sessions and the results that they keep (declared in state_put.h). */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define CODES_BELOW (-1000) /* an error's octet tells how far below; see proto/state.proto */

static uint8_t *result_of(struct state_session *session, uint64_t sequence)
{
    ASSERT(sequence - session->done_below < STATE_SESSION_WINDOW);
    return &session->results[sequence % STATE_SESSION_WINDOW];
}

bool state_session_result(const struct state_session *session, uint64_t sequence, int *code)
{
    ASSERT(sequence - session->done_below < STATE_SESSION_WINDOW);
    uint8_t octet = session->results[sequence % STATE_SESSION_WINDOW];

    *code = octet > 1 ? CODES_BELOW - (octet - 1) : 0;
    return octet != 0;
}

void state_session_note(struct state_session *session, uint64_t sequence, int code)
{
    ASSERT(code == 0 || (code < CODES_BELOW && code > CODES_BELOW - UINT8_MAX));
    *result_of(session, sequence) = (uint8_t)(code == 0 ? 1 : CODES_BELOW - code + 1);
}

void state_session_settle(struct state_session *session, uint64_t done_below)
{
    ASSERT(done_below >= session->done_below);
    uint64_t count = done_below - session->done_below;

    if (count > STATE_SESSION_WINDOW)
        count = STATE_SESSION_WINDOW;
    for (uint64_t i = 0; i < count; i++)
        *result_of(session, session->done_below + i) = 0;
    session->done_below = done_below;
}

/* The results in order, from done_below to the last one that is there. */
static size_t list_results(const struct state_session *session, uint8_t *out)
{
    size_t begin = session->done_below % STATE_SESSION_WINDOW, len = STATE_SESSION_WINDOW;

    memcpy(out, session->results + begin, STATE_SESSION_WINDOW - begin);
    memcpy(out + STATE_SESSION_WINDOW - begin, session->results, begin);
    while (len > 0 && out[len - 1] == 0)
        len--;
    return len;
}

void state_put_session(struct overlay *overlay, const struct state_session *session)
{
    State__Session message = STATE__SESSION__INIT;
    uint8_t key[8], results[STATE_SESSION_WINDOW];

    message.version = STATE_VERSION;
    message.used_index = session->used_index;
    message.done_below = session->done_below;
    message.results = (ProtobufCBinaryData){list_results(session, results), results};
    state_key_u64(session->client_id, key);
    uint8_t *space = overlay_put_space(overlay, KV_SESSIONS, kv_slice(key, sizeof(key)),
                                       state__session__get_packed_size(&message));
    if (space)
        state__session__pack(&message, space);
}

void state_delete_session(struct overlay *overlay, uint64_t client_id)
{
    uint8_t key[8];

    state_key_u64(client_id, key);
    overlay_delete(overlay, KV_SESSIONS, kv_slice(key, sizeof(key)));
}

int state_get_session(const struct kv *kv, uint64_t client_id, struct state_session *out)
{
    struct kv_buffer value = {0};
    uint8_t key[8];

    state_key_u64(client_id, key);
    int rc = kv_get(kv, KV_SESSIONS, kv_slice(key, sizeof(key)), &value);
    if (rc == 0)
        rc = state_value_session(kv_slice(value.data, value.len), out);
    if (rc == 0)
        out->client_id = client_id;
    kv_buffer_fini(&value);
    return rc;
}

struct session_list {
    state_session_cb cb;
    void *user;
};

static int on_session(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct session_list *list = user;
    struct state_session session;
    int rc = key.len == 8 ? state_value_session(value, &session) : ERR_CORRUPT;

    if (rc != 0)
        return rc;
    session.client_id = state_key_u64_decode(key.data);
    return list->cb(list->user, &session);
}

int state_list_sessions(const struct kv *kv, state_session_cb cb, void *user)
{
    struct session_list list = {cb, user};

    return kv_scan(kv, &(struct kv_range){.family = KV_SESSIONS}, on_session, &list);
}
