/* node/store/state_tags.c: tags. Keys of KV_OBJECTS: 'T', the kind of resource ('Z' or 'H'), its
 * id. */
#include "store/state_tags.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_object.h"
#include "store/state_put.h"
#include "store/state_value.h"

#define HEAD_LEN 2u
#define KEY_MAX (HEAD_LEN + STATE_UUID_SIZE - 1)

struct key {
    uint8_t octets[KEY_MAX];
};

/* An empty slice: no resource has such an id. */
static struct kv_slice make_key(enum state_tag_resource resource, const char *id, struct key *key)
{
    size_t len = strlen(id);

    if (len == 0 || len > KEY_MAX - HEAD_LEN)
        return kv_slice(NULL, 0);
    key->octets[0] = STATE_OBJECT_TAGS;
    key->octets[1] = resource == STATE_TAG_ZONE ? 'Z' : 'H';
    memcpy(key->octets + HEAD_LEN, id, len);
    return kv_slice(key->octets, HEAD_LEN + len);
}

struct list {
    state_tag_cb cb;
    void *user;
};

static bool is_sound_tag(const State__Tag *tag)
{
    return tag->key[0] != 0 && strlen(tag->key) < STATE_TAG_KEY_SIZE &&
           strlen(tag->value) < STATE_TAG_VALUE_SIZE;
}

static int decode(struct kv_slice value, void *user)
{
    const struct list *list = user;
    State__Tags *from;
    int rc = state__unpack(&state__tags__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->n_tags > 0 && from->n_tags <= STATE_TAGS_MAX;
    for (size_t i = 0; is_sound && i < from->n_tags; i++)
        is_sound = is_sound_tag(from->tags[i]);
    for (size_t i = 0; is_sound && list->cb && rc == 0 && i < from->n_tags; i++)
        rc = list->cb(list->user, &(struct state_tag){from->tags[i]->key, from->tags[i]->value});
    int finished = state__finish(&from->base, is_sound);
    return finished != 0 ? finished : (rc < 0 ? rc : 0);
}

int state__check_tags(struct kv_slice key, struct kv_slice value)
{
    const uint8_t *octets = key.data;
    struct list list = {0};

    if (key.len <= HEAD_LEN || key.len > KEY_MAX || (octets[1] != 'Z' && octets[1] != 'H'))
        return ERR_CORRUPT;
    return decode(value, &list);
}

int state_list_tags(const struct kv *kv, enum state_tag_resource resource, const char *id,
                    state_tag_cb cb, void *user)
{
    struct list list = {cb, user};
    struct key storage;
    struct kv_slice key = make_key(resource, id, &storage);
    int rc = key.len > 0 ? state__get_value(kv, KV_OBJECTS, key, decode, &list) : 0;

    return rc == ERR_NOT_FOUND ? 0 : rc;
}

void state_put_tags(struct overlay *overlay, enum state_tag_resource resource, const char *id,
                    const struct state_tag *tags, size_t count)
{
    State__Tags message = STATE__TAGS__INIT;
    State__Tag list[STATE_TAGS_MAX], *pointers[STATE_TAGS_MAX];
    struct key storage;
    struct kv_slice key = make_key(resource, id, &storage);

    ASSERT(key.len > 0 && count <= STATE_TAGS_MAX);
    for (size_t i = 0; i < count; i++) {
        state__tag__init(&list[i]);
        list[i].key = (char *)tags[i].key;
        list[i].value = (char *)tags[i].value;
        pointers[i] = &list[i];
    }
    message.version = STATE_VERSION;
    message.n_tags = count;
    message.tags = pointers;
    if (count == 0)
        overlay_delete(overlay, KV_OBJECTS, key);
    else
        state__put_message(overlay, KV_OBJECTS, key, &message.base);
}

int state_forget_tags(struct overlay *overlay, enum state_tag_resource resource, const char *id)
{
    struct kv_buffer value = {0};
    struct key storage;
    struct kv_slice key = make_key(resource, id, &storage);
    int rc = key.len > 0 ? kv_get(overlay_kv(overlay), KV_OBJECTS, key, &value) : ERR_NOT_FOUND;

    kv_buffer_fini(&value);
    if (rc == 0)
        overlay_delete(overlay, KV_OBJECTS, key);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
