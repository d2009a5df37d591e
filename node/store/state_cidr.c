/* node/store/state_cidr.c: CIDR collections and regions. Keys of KV_CIDR_COLLECTIONS: ids, which
 * start with a hexadecimal digit, and behind them "name:" with a name, whose value is the id. Keys
 * of KV_CIDR_BLOCKS: the collection's id; then '4' or '6', the address and the length in bits of a
 * block; or 'L' and the name of a location, whose value counts its blocks. */
#include "store/state_cidr.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "proto/state.pb-c.h"
#include "store/state_put.h"
#include "store/state_routing.h"
#include "store/state_value.h"

#define ID_LEN (STATE_UUID_SIZE - 1)
#define NAME "name:"
#define NAME_LEN (sizeof(NAME) - 1)
#define LOCATION 'L'

/* ---- values ---- */

static int decode_collection(struct kv_slice value, void *user)
{
    struct state_cidr_collection *out = user, got = {0};
    State__CidrCollection *from;
    int rc = state__unpack(&state__cidr_collection__descriptor, value, &from);

    if (rc != 0)
        return rc;
    got.version = from->collection_version;
    got.slot = from->slot;
    got.block_count = from->block_count;
    bool is_sound = state__take_text(from->collection_id, got.id, sizeof(got.id)) &&
                    state__take_text(from->name, got.name, sizeof(got.name)) &&
                    state__take_text(from->caller_reference, got.caller_reference,
                                     sizeof(got.caller_reference));
    if (is_sound)
        *out = got;
    return state__finish(&from->base, is_sound);
}

static int decode_block(struct kv_slice value, void *user)
{
    struct state_cidr_block *out = user;
    State__CidrBlock *from;
    int rc = state__unpack(&state__cidr_block__descriptor, value, &from);

    if (rc != 0)
        return rc;
    return state__finish(&from->base,
                         state__take_text(from->location, out->location, sizeof(out->location)));
}

static int decode_location(struct kv_slice value, void *user)
{
    uint64_t *block_count = user;
    State__CidrLocation *from;
    int rc = state__unpack(&state__cidr_location__descriptor, value, &from);

    if (rc != 0)
        return rc;
    *block_count = from->block_count;
    return state__finish(&from->base, true);
}

static int decode_region(struct kv_slice value, void *user)
{
    struct state_region *out = user; /* its name stays */
    State__Region *from;
    int rc = state__unpack(&state__region__descriptor, value, &from);

    if (rc != 0)
        return rc;
    bool is_sound = from->number >= STATE_OWN_REGION_FIRST &&
                    from->number <= STATE_OWN_REGION_LAST && from->latitude_cdeg >= INT16_MIN &&
                    from->latitude_cdeg <= INT16_MAX && from->longitude_cdeg >= INT16_MIN &&
                    from->longitude_cdeg <= INT16_MAX;
    if (is_sound) {
        out->number = (uint8_t)from->number;
        out->latitude_cdeg = (int16_t)from->latitude_cdeg;
        out->longitude_cdeg = (int16_t)from->longitude_cdeg;
    }
    return state__finish(&from->base, is_sound);
}

/* ---- keys ---- */

struct block_key {
    uint8_t octets[ID_LEN + 1 + STATE_CIDR_BLOCK_MAX];
};

/* The address stands in front of the length, so that blocks order by address. */
static struct kv_slice block_key(const char *id, const struct state_cidr_block *block,
                                 struct block_key *key)
{
    size_t address_len = block->len - 1;

    ASSERT(block->len == 5 || block->len == STATE_CIDR_BLOCK_MAX);
    memcpy(key->octets, id, ID_LEN);
    key->octets[ID_LEN] = block->len == 5 ? '4' : '6';
    memcpy(key->octets + ID_LEN + 1, block->octets + 1, address_len);
    key->octets[ID_LEN + 1 + address_len] = block->octets[0];
    return kv_slice(key->octets, ID_LEN + 1 + block->len);
}

static int decode_block_key(struct kv_slice key, struct state_cidr_block *out)
{
    const uint8_t *octets = key.data;

    if (key.len <= ID_LEN + 1)
        return ERR_CORRUPT;
    size_t len = key.len - ID_LEN - 1;
    if (len != (octets[ID_LEN] == '4' ? 5 : STATE_CIDR_BLOCK_MAX))
        return ERR_CORRUPT;
    out->len = len;
    out->octets[0] = octets[key.len - 1];
    memcpy(out->octets + 1, octets + ID_LEN + 1, len - 1);
    return 0;
}

struct location_key {
    char octets[ID_LEN + 1 + STATE_CIDR_LOCATION_SIZE];
};

static struct kv_slice location_key(const char *id, const char *location, struct location_key *key)
{
    size_t len = strnlen(location, STATE_CIDR_LOCATION_SIZE);

    memcpy(key->octets, id, ID_LEN);
    key->octets[ID_LEN] = LOCATION;
    memcpy(key->octets + ID_LEN + 1, location, len);
    return kv_slice(key->octets, ID_LEN + 1 + len);
}

static bool is_location_key(struct kv_slice key)
{
    return key.len > ID_LEN && ((const char *)key.data)[ID_LEN] == LOCATION;
}

struct name_key {
    char octets[NAME_LEN + STATE_CIDR_NAME_SIZE];
};

static struct kv_slice name_key(const char *name, struct name_key *key)
{
    size_t len = strnlen(name, STATE_CIDR_NAME_SIZE);

    memcpy(key->octets, NAME, NAME_LEN);
    memcpy(key->octets + NAME_LEN, name, len);
    return kv_slice(key->octets, NAME_LEN + len);
}

static int check_block(struct kv_slice key, struct kv_slice value)
{
    struct state_cidr_block block;
    uint64_t block_count;

    if (is_location_key(key))
        return key.len > ID_LEN + 1 && key.len <= ID_LEN + STATE_CIDR_LOCATION_SIZE
                   ? decode_location(value, &block_count)
                   : ERR_CORRUPT;
    int rc = decode_block_key(key, &block);
    return rc != 0 ? rc : decode_block(value, &block);
}

int state__check_cidr(enum kv_family family, struct kv_slice key, struct kv_slice value)
{
    struct state_cidr_collection collection;
    struct state_region region;

    if (family == KV_CIDR_BLOCKS)
        return check_block(key, value);
    if (family == KV_REGIONS)
        return key.len > 0 && key.len < STATE_SETTING_NAME_SIZE ? decode_region(value, &region)
                                                                : ERR_CORRUPT;
    if (key.len == ID_LEN)
        return decode_collection(value, &collection);
    return key.len > NAME_LEN && memcmp(key.data, NAME, NAME_LEN) == 0 && value.len == ID_LEN
               ? 0
               : ERR_CORRUPT;
}

/* ---- reads ---- */

int state_get_cidr(const struct kv *kv, const char *id, struct state_cidr_collection *out)
{
    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND;
    return state__get_value(kv, KV_CIDR_COLLECTIONS, kv_slice(id, ID_LEN), decode_collection, out);
}

int state_get_cidr_by_name(const struct kv *kv, const char *name, struct state_cidr_collection *out)
{
    struct name_key key;
    struct kv_buffer value = {0};
    char id[STATE_UUID_SIZE] = "";
    int rc = kv_get(kv, KV_CIDR_COLLECTIONS, name_key(name, &key), &value);

    if (rc == 0 && value.len != ID_LEN)
        rc = ERR_CORRUPT;
    if (rc == 0)
        memcpy(id, value.data, ID_LEN);
    kv_buffer_fini(&value);
    return rc != 0 ? rc : state_get_cidr(kv, id, out);
}

struct list {
    union {
        state_cidr_cb collection;
        state_cidr_block_cb block;
        state_cidr_location_cb location;
        state_region_cb region;
    } cb;
    void *user;
};

static int on_collection(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_cidr_collection collection;

    if (key.len != ID_LEN)
        return 1; /* names are behind the ids */
    int rc = decode_collection(value, &collection);
    return rc != 0 ? rc : list->cb.collection(list->user, &collection);
}

int state_list_cidrs(const struct kv *kv, const char *from_id, state_cidr_cb cb, void *user)
{
    struct list list = {.cb.collection = cb, .user = user};
    struct kv_range range = {.family = KV_CIDR_COLLECTIONS, .from = state_value_text(from_id)};

    return kv_scan(kv, &range, on_collection, &list);
}

static int on_block(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_cidr_block block;

    if (is_location_key(key))
        return 1;
    int rc = decode_block_key(key, &block);
    if (rc == 0)
        rc = decode_block(value, &block);
    return rc != 0 ? rc : list->cb.block(list->user, &block);
}

int state_list_cidr_blocks(const struct kv *kv, const char *id, const struct state_cidr_block *from,
                           state_cidr_block_cb cb, void *user)
{
    struct list list = {.cb.block = cb, .user = user};
    struct block_key key;
    struct kv_range range = {.family = KV_CIDR_BLOCKS, .prefix = state_value_text(id)};

    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND;
    if (from)
        range.from = block_key(id, from, &key);
    return kv_scan(kv, &range, on_block, &list);
}

int state_get_cidr_block(const struct kv *kv, const char *id, struct state_cidr_block *block)
{
    struct block_key key;

    return state__get_value(kv, KV_CIDR_BLOCKS, block_key(id, block, &key), decode_block, block);
}

int state_get_cidr_location(const struct kv *kv, const char *id, const char *location,
                            uint64_t *block_count)
{
    struct location_key key;
    int rc = state__get_value(kv, KV_CIDR_BLOCKS, location_key(id, location, &key), decode_location,
                              block_count);
    if (rc != ERR_NOT_FOUND)
        return rc;
    *block_count = 0;
    return 0;
}

static int on_location(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    char location[STATE_CIDR_LOCATION_SIZE] = "";
    uint64_t block_count;

    if (key.len <= ID_LEN + 1 || key.len > ID_LEN + STATE_CIDR_LOCATION_SIZE)
        return ERR_CORRUPT;
    memcpy(location, (const char *)key.data + ID_LEN + 1, key.len - ID_LEN - 1);
    int rc = decode_location(value, &block_count);
    return rc != 0 ? rc : list->cb.location(list->user, location, block_count);
}

int state_list_cidr_locations(const struct kv *kv, const char *id, const char *from,
                              state_cidr_location_cb cb, void *user)
{
    struct list list = {.cb.location = cb, .user = user};
    struct location_key key, from_key;
    struct kv_range range = {.family = KV_CIDR_BLOCKS};

    if (strlen(id) != ID_LEN)
        return ERR_NOT_FOUND;
    range.prefix = location_key(id, "", &key);
    if (from[0] != 0)
        range.from = location_key(id, from, &from_key);
    return kv_scan(kv, &range, on_location, &list);
}

int state_get_region(const struct kv *kv, const char *name, struct state_region *out)
{
    struct state_region got = {0};

    if (!state__take_text(name, got.name, sizeof(got.name)))
        return ERR_NOT_FOUND;
    int rc = state__get_value(kv, KV_REGIONS, state_value_text(name), decode_region, &got);
    if (rc == 0)
        *out = got;
    return rc;
}

static int on_region(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct list *list = user;
    struct state_region region = {0};

    if (key.len >= sizeof(region.name))
        return ERR_CORRUPT;
    memcpy(region.name, key.data, key.len);
    int rc = decode_region(value, &region);
    return rc != 0 ? rc : list->cb.region(list->user, &region);
}

int state_list_regions(const struct kv *kv, state_region_cb cb, void *user)
{
    struct list list = {.cb.region = cb, .user = user};
    return kv_scan(kv, &(struct kv_range){.family = KV_REGIONS}, on_region, &list);
}

int state_find_cidr_slot(const struct kv *kv, const char *collection_id, uint32_t *slot)
{
    struct state_cidr_collection collection;
    int rc = state_get_cidr(kv, collection_id, &collection);

    if (rc == 0)
        *slot = collection.slot;
    return rc;
}

int state_find_region_number(const struct kv *kv, const char *name, uint8_t *number)
{
    struct state_region region;
    int rc = state_get_region(kv, name, &region);

    if (rc == 0)
        *number = region.number;
    return rc;
}

/* ---- writes ---- */

void state_put_cidr(struct overlay *overlay, const struct state_cidr_collection *collection)
{
    State__CidrCollection message = STATE__CIDR_COLLECTION__INIT;
    struct name_key key;

    message.version = STATE_VERSION;
    message.collection_id = (char *)collection->id;
    message.name = (char *)collection->name;
    message.caller_reference = (char *)collection->caller_reference;
    message.collection_version = collection->version;
    message.slot = collection->slot;
    message.block_count = collection->block_count;
    state__put_message(overlay, KV_CIDR_COLLECTIONS, kv_slice(collection->id, ID_LEN),
                       &message.base);
    if (collection->version == 1)
        overlay_put(overlay, KV_CIDR_COLLECTIONS, name_key(collection->name, &key),
                    kv_slice(collection->id, ID_LEN));
}

void state_delete_cidr(struct overlay *overlay, const struct state_cidr_collection *collection)
{
    struct name_key key;

    ASSERT(collection->block_count == 0);
    overlay_delete(overlay, KV_CIDR_COLLECTIONS, name_key(collection->name, &key));
    overlay_delete(overlay, KV_CIDR_COLLECTIONS, kv_slice(collection->id, ID_LEN));
}

void state_put_cidr_block(struct overlay *overlay, const char *id,
                          const struct state_cidr_block *block)
{
    State__CidrBlock message = STATE__CIDR_BLOCK__INIT;
    struct block_key key;

    message.version = STATE_VERSION;
    message.location = (char *)block->location;
    state__put_message(overlay, KV_CIDR_BLOCKS, block_key(id, block, &key), &message.base);
}

void state_delete_cidr_block(struct overlay *overlay, const char *id,
                             const struct state_cidr_block *block)
{
    struct block_key key;

    overlay_delete(overlay, KV_CIDR_BLOCKS, block_key(id, block, &key));
}

void state_put_cidr_location(struct overlay *overlay, const char *id, const char *location,
                             uint64_t block_count)
{
    State__CidrLocation message = STATE__CIDR_LOCATION__INIT;
    struct location_key key;
    struct kv_slice octets = location_key(id, location, &key);

    message.version = STATE_VERSION;
    message.block_count = block_count;
    if (block_count == 0)
        overlay_delete(overlay, KV_CIDR_BLOCKS, octets);
    else
        state__put_message(overlay, KV_CIDR_BLOCKS, octets, &message.base);
}

void state_put_region(struct overlay *overlay, const struct state_region *region)
{
    State__Region message = STATE__REGION__INIT;

    message.version = STATE_VERSION;
    message.number = region->number;
    message.latitude_cdeg = region->latitude_cdeg;
    message.longitude_cdeg = region->longitude_cdeg;
    state__put_message(overlay, KV_REGIONS, state_value_text(region->name), &message.base);
}

void state_delete_region(struct overlay *overlay, const char *name)
{
    overlay_delete(overlay, KV_REGIONS, state_value_text(name));
}
