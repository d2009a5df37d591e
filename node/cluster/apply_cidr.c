/* node/cluster/apply_cidr.c: CIDR collections. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/prefix.h"
#include "cluster/apply_routing.h"
#include "geo/cidr.h"
#include "proto/command.pb-c.h"

#define IPV4_BITS_MAX 24u
#define IPV6_BITS_MAX 48u

static int read_collection(struct apply *apply, const char *id, struct state_cidr_collection *out)
{
    int rc = apply__check_uuid(apply, "the CIDR collection's id", id);

    if (rc == 0)
        rc = state_get_cidr(apply__kv(apply), id, out);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no CIDR collection %s", id);
    return rc;
}

static int tell_collection(struct apply *apply, const struct state_cidr_collection *collection)
{
    struct apply_effect effect = {.kind = APPLY_CIDR_CHANGED, .slot = collection->slot};

    apply__name_result(apply, collection->id);
    effect.setting = arena_copy(apply->scratch, collection->id, strlen(collection->id));
    return effect.setting ? apply__tell(apply, &effect) : ERR_NOMEM;
}

/* ---- creating ---- */

static int create_again(struct apply *apply, const Cmd__CreateCidrCollection *command,
                        const struct state_cidr_collection *other)
{
    if (strcmp(other->caller_reference, command->caller_reference) != 0)
        return apply__refuse(apply, ERR_EXISTS, "there is a CIDR collection %s: %s", other->name,
                             other->id);
    apply__name_result(apply, other->id);
    return 0;
}

static int create(struct apply *apply, const Cmd__CreateCidrCollection *command)
{
    struct state_cidr_collection collection = {.version = 1}, other;
    int rc = apply__check_uuid(apply, "the CIDR collection's id", command->collection_id);

    if (rc == 0)
        rc = apply__check_word(apply, "the name", command->name, STATE_CIDR_NAME_SIZE - 1);
    if (rc == 0)
        rc = apply__check_reference(apply, command->caller_reference);
    if (rc != 0)
        return rc;
    rc = state_get_cidr_by_name(apply__kv(apply), command->name, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : create_again(apply, command, &other);
    rc = state_get_cidr(apply__kv(apply), command->collection_id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc
                       : apply__refuse(apply, ERR_EXISTS, "CIDR collection %s exists", other.id);
    if (apply->counters.cidr_collection_count >= STATE_CIDR_COLLECTIONS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "there are %u CIDR collections: delete some",
                             STATE_CIDR_COLLECTIONS_MAX);
    if (apply->counters.cidr_slot + 1 >= GEO_CIDR_SLOTS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "all %u numbers have been given out",
                             GEO_CIDR_SLOTS_MAX - 1);
    collection.slot = (uint32_t)++apply->counters.cidr_slot;
    apply->has_new_counters = true;
    memcpy(collection.id, command->collection_id, STATE_UUID_SIZE);
    memcpy(collection.name, command->name, strlen(command->name) + 1);
    memcpy(collection.caller_reference, command->caller_reference,
           strlen(command->caller_reference) + 1);
    apply->counters.cidr_collection_count++;
    state_put_cidr(apply->overlay, &collection);
    return tell_collection(apply, &collection);
}

/* ---- changing ---- */

struct edit { /* of one collection */
    struct state_cidr_collection collection;
    const char **emptied; /* locations that may have lost their last block */
    size_t emptied_count, block_count;
};

static int take_block(struct apply *apply, const ProtobufCBinaryData *from,
                      struct state_cidr_block *out, struct prefix *prefix)
{
    size_t address_len = from->len > 0 ? from->len - 1 : 0;
    char text[PREFIX_TEXT_SIZE];

    if (address_len != 4 && address_len != 16)
        return apply__refuse(apply, ERR_INVALID, "a CIDR block is not 5 or 17 octets");
    unsigned bits = from->data[0], bits_max = address_len == 4 ? IPV4_BITS_MAX : IPV6_BITS_MAX;
    *prefix = (struct prefix){.is_ipv6 = address_len == 16};
    if (bits == 0 || bits > bits_max)
        return apply__refuse(apply, ERR_INVALID,
                             "a CIDR block of /%u: IPv4 blocks are /1 to /%u, IPv6 blocks /1 to "
                             "/%u; all addresses are location \"*\" of a record set",
                             bits, IPV4_BITS_MAX, IPV6_BITS_MAX);
    memcpy(prefix->octets, from->data + 1, address_len);
    prefix->len = (uint8_t)bits;
    prefix_format(prefix, text);
    for (unsigned bit = bits; bit < address_len * 8; bit++) {
        if (prefix->octets[bit / 8] & (0x80u >> (bit % 8)))
            return apply__refuse(apply, ERR_INVALID, "CIDR block %s has bits set past its length",
                                 text);
    }
    memcpy(out->octets, from->data, from->len);
    out->len = from->len;
    return 0;
}

static int count_location(struct apply *apply, const char *id, const char *location, int64_t change)
{
    uint64_t count;
    int rc = state_get_cidr_location(apply__kv(apply), id, location, &count);

    if (rc != 0)
        return rc;
    if (change < 0 && count == 0)
        return ERR_CORRUPT;
    state_put_cidr_location(apply->overlay, id, location, count + (uint64_t)change);
    return 0;
}

static int put_block(struct apply *apply, struct edit *edit, const char *location,
                     struct state_cidr_block *block, const struct prefix *prefix)
{
    char text[PREFIX_TEXT_SIZE];
    int rc = state_get_cidr_block(apply__kv(apply), edit->collection.id, block);

    if (rc == 0 && strcmp(block->location, location) == 0)
        return 0;
    if (rc == 0) {
        prefix_format(prefix, text);
        return apply__refuse(apply, ERR_EXISTS,
                             "CIDR block %s is in location %s of the collection already", text,
                             block->location);
    }
    if (rc != ERR_NOT_FOUND)
        return rc;
    if (edit->collection.block_count >= STATE_CIDR_BLOCKS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a CIDR collection has at most %u blocks",
                             STATE_CIDR_BLOCKS_MAX);
    memcpy(block->location, location, strlen(location) + 1);
    state_put_cidr_block(apply->overlay, edit->collection.id, block);
    edit->collection.block_count++;
    return count_location(apply, edit->collection.id, location, 1);
}

static int delete_block(struct apply *apply, struct edit *edit, const char *location,
                        struct state_cidr_block *block)
{
    int rc = state_get_cidr_block(apply__kv(apply), edit->collection.id, block);

    if (rc == ERR_NOT_FOUND || (rc == 0 && strcmp(block->location, location) != 0))
        return 0;
    if (rc != 0)
        return rc;
    state_delete_cidr_block(apply->overlay, edit->collection.id, block);
    edit->collection.block_count--;
    return count_location(apply, edit->collection.id, location, -1);
}

static int change_location(struct apply *apply, struct edit *edit, const Cmd__CidrChange *change)
{
    int rc = apply__check_word(apply, "a location", change->location, STATE_CIDR_LOCATION_SIZE - 1);

    if (rc == 0 && change->n_blocks == 0)
        rc = apply__refuse(apply, ERR_INVALID, "a change of location %s names no CIDR block",
                           change->location);
    for (size_t i = 0; rc == 0 && i < change->n_blocks; i++) {
        struct state_cidr_block block = {0};
        struct prefix prefix;
        rc = take_block(apply, &change->blocks[i], &block, &prefix);
        if (rc == 0 && change->is_delete)
            rc = delete_block(apply, edit, change->location, &block);
        else if (rc == 0)
            rc = put_block(apply, edit, change->location, &block, &prefix);
    }
    if (rc == 0 && change->is_delete)
        edit->emptied[edit->emptied_count++] = change->location;
    return rc;
}

/* A location that record sets name keeps a block, or they would match nobody. */
static int check_emptied(struct apply *apply, struct edit *edit)
{
    struct apply__use use = {.collection_id = edit->collection.id, .locations = edit->emptied};

    for (size_t i = 0; i < edit->emptied_count; i++) {
        uint64_t count;
        int rc = state_get_cidr_location(apply__kv(apply), edit->collection.id, edit->emptied[i],
                                         &count);
        if (rc != 0)
            return rc;
        if (count == 0)
            edit->emptied[use.location_count++] = edit->emptied[i];
    }
    int rc = use.location_count > 0 ? apply__find_use(apply, &use) : 0;
    if (rc == 0 && use.found)
        return apply__refuse(apply, ERR_CONFLICT,
                             "location %s would have no block left, but record sets of %.100s use "
                             "it: change them first",
                             use.found, use.name);
    return rc;
}

static int change(struct apply *apply, const Cmd__ChangeCidrCollection *command)
{
    struct edit edit = {0};
    int rc = read_collection(apply, command->collection_id, &edit.collection);

    if (rc == 0 && command->n_changes == 0)
        rc = apply__refuse(apply, ERR_INVALID, "nothing is to be changed");
    if (rc == 0 && command->version != 0 && command->version != edit.collection.version)
        rc = apply__refuse(apply, ERR_CONFLICT,
                           "CIDR collection %s is at version %" PRIu64 ", not %" PRIu64
                           ": look at it again",
                           edit.collection.name, edit.collection.version, command->version);
    if (rc != 0)
        return rc;
    edit.emptied = arena_alloc(apply->scratch, command->n_changes * sizeof(*edit.emptied));
    if (!edit.emptied)
        return ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < command->n_changes; i++)
        rc = change_location(apply, &edit, command->changes[i]);
    if (rc == 0)
        rc = check_emptied(apply, &edit);
    if (rc != 0)
        return rc;
    edit.collection.version++;
    state_put_cidr(apply->overlay, &edit.collection);
    return tell_collection(apply, &edit.collection);
}

static int delete_collection(struct apply *apply, const Cmd__DeleteCidrCollection *command)
{
    struct state_cidr_collection collection;
    struct apply__use use = {.collection_id = collection.id};
    int rc = read_collection(apply, command->collection_id, &collection);

    if (rc == 0 && collection.block_count > 0)
        rc = apply__refuse(apply, ERR_CONFLICT,
                           "CIDR collection %s has %" PRIu64 " blocks: delete them first",
                           collection.name, collection.block_count);
    if (rc == 0)
        rc = apply__find_use(apply, &use);
    if (rc == 0 && use.found)
        rc = apply__refuse(apply, ERR_CONFLICT,
                           "CIDR collection %s is used by record sets of %.100s: change them first",
                           collection.name, use.name);
    if (rc != 0)
        return rc;
    state_delete_cidr(apply->overlay, &collection);
    apply->counters.cidr_collection_count--;
    apply->has_new_counters = true;
    return tell_collection(apply, &collection);
}

int apply__cidr(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION:
        return create(apply, command->create_cidr_collection);
    case CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION:
        return change(apply, command->change_cidr_collection);
    case CMD__COMMAND__KIND_DELETE_CIDR_COLLECTION:
        return delete_collection(apply, command->delete_cidr_collection);
    case CMD__COMMAND__KIND_PUT_REGION: return apply__put_region(apply, command->put_region);
    case CMD__COMMAND__KIND_DELETE_REGION:
        return apply__delete_region(apply, command->delete_region);
    default: return ERR_VERSION;
    }
}
