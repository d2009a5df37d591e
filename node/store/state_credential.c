/* node/store/state_credential.c: access keys. Keys of KV_OBJECTS: 'A' and the access key's id. */
#include "store/state_credential.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

struct key {
    char octets[1 + STATE_CREDENTIAL_ID_SIZE];
};

static struct kv_slice encode_key(const char *id, struct key *key)
{
    size_t len = strnlen(id, STATE_CREDENTIAL_ID_SIZE);

    key->octets[0] = STATE_OBJECT_ACCESS_KEY;
    memcpy(key->octets + 1, id, len);
    return kv_slice(key->octets, 1 + len);
}

bool state_credential_is_id(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    return len >= STATE_CREDENTIAL_ID_MIN && len < STATE_CREDENTIAL_ID_SIZE && text[len] == '\0';
}

static int decode_credential(struct kv_slice value, void *user)
{
    struct state_credential *out = user;
    State__Credential *from;
    int rc = state__unpack(&state__credential__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = state_credential_is_id(from->access_key_id) &&
                    from->sealed_secret.len <= sizeof(out->sealed) &&
                    strlen(from->user_name) < sizeof(out->user_name) &&
                    strlen(from->policy) < sizeof(out->policy) &&
                    from->requests_per_s <= STATE_CREDENTIAL_RATE_MAX;
    if (is_sound) {
        state__take_text(from->access_key_id, out->id, sizeof(out->id));
        state__take_text(from->user_name, out->user_name, sizeof(out->user_name));
        state__take_text(from->policy, out->policy, sizeof(out->policy));
        if (from->sealed_secret.len > 0)
            memcpy(out->sealed, from->sealed_secret.data, from->sealed_secret.len);
        out->sealed_len = from->sealed_secret.len;
        out->is_inactive = from->is_inactive;
        out->requests_per_s = from->requests_per_s;
        out->created_wall_ms = from->created_wall_ms;
    }
    return state__finish(&from->base, is_sound);
}

int state__check_credential(struct kv_slice key, struct kv_slice value)
{
    struct state_credential credential;
    struct key expected;
    int rc = decode_credential(value, &credential);

    if (rc != 0)
        return rc;
    struct kv_slice octets = encode_key(credential.id, &expected);
    return octets.len == key.len && memcmp(octets.data, key.data, key.len) == 0 ? 0 : ERR_CORRUPT;
}

int state_get_credential(const struct kv *kv, const char *id, struct state_credential *out)
{
    struct key key;

    if (!state_credential_is_id(id))
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_OBJECTS, encode_key(id, &key), decode_credential, out);
}

struct list {
    state_credential_cb cb;
    void *user;
};

static int on_credential(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_credential credential;
    int rc = decode_credential(value, &credential);

    (void)key;
    return rc != 0 ? rc : list->cb(list->user, &credential);
}

int state_list_credentials(const struct kv *kv, state_credential_cb cb, void *user)
{
    struct list list = {.cb = cb, .user = user};
    struct key key;
    struct kv_range range = {.family = KV_OBJECTS, .prefix = encode_key("", &key)};

    return kv_scan(kv, &range, on_credential, &list);
}

void state_put_credential(struct overlay *overlay, const struct state_credential *credential)
{
    State__Credential message = STATE__CREDENTIAL__INIT;
    struct key key;

    ASSERT(state_credential_is_id(credential->id));
    message.version = STATE_VERSION;
    message.access_key_id = (char *)credential->id;
    message.sealed_secret =
        (ProtobufCBinaryData){credential->sealed_len, (uint8_t *)credential->sealed};
    message.user_name = (char *)credential->user_name;
    message.policy = (char *)credential->policy;
    message.is_inactive = credential->is_inactive;
    message.requests_per_s = credential->requests_per_s;
    message.created_wall_ms = credential->created_wall_ms;
    state__put_message(overlay, KV_OBJECTS, encode_key(credential->id, &key), &message.base);
}

void state_delete_credential(struct overlay *overlay, const char *id)
{
    struct key key;

    overlay_delete(overlay, KV_OBJECTS, encode_key(id, &key));
}
