/* node/cluster/apply_cidr.c: CIDR collections. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/prefix.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_zone.h"
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
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchCidrCollectionException",
                                "there is no CIDR collection %s", id);
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
        return apply__refuse_as(apply, ERR_EXISTS, "CidrCollectionAlreadyExistsException",
                                "there is a CIDR collection %s: %s", other->name, other->id);
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
        return apply__refuse_as(apply, ERR_LIMIT, "LimitsExceeded",
                                "there are %u CIDR collections: delete some",
                                STATE_CIDR_COLLECTIONS_MAX);
    if (apply->counters.cidr_slot + 1 >= GEO_CIDR_SLOTS_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "LimitsExceeded",
                                "all %u numbers have been given out", GEO_CIDR_SLOTS_MAX - 1);
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

struct place { /* a location that has blocks, or had some before this command */
    uint32_t hash;
    char name[STATE_CIDR_LOCATION_SIZE];
};
struct edit { /* of one collection */
    struct state_cidr_collection collection;
    struct place *places; /* NULL: they do not matter, or were not read yet */
    size_t place_count, place_capacity;
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

static int on_place(void *user, const char *location, uint64_t block_count)
{
    struct edit *edit = user;

    (void)block_count;
    if (edit->place_count == edit->place_capacity)
        return ERR_CORRUPT; /* more locations than blocks */
    struct place *place = &edit->places[edit->place_count++];
    place->hash = geo_cidr_location_hash(location);
    memcpy(place->name, location, strlen(location) + 1);
    return 0;
}

/* The collection's locations as this command found them: a PUT adds at most one for each block. */
static int read_places(struct apply *apply, struct edit *edit)
{
    edit->place_capacity = (size_t)edit->collection.block_count + COMMAND_CIDR_BLOCKS_MAX;
    arena_reset(apply->group); /* of this command: the scratch memory is of the whole entry */
    edit->places = arena_alloc(apply->group, edit->place_capacity * sizeof(*edit->places));
    if (!edit->places)
        return ERR_NOMEM;
    return state_list_cidr_locations(apply__kv(apply), edit->collection.id, "", on_place, edit);
}

/* Answering compares locations by their hashes, so two of one hash may not be in one collection.
 * @location has no block so far. */
static int check_place(struct apply *apply, struct edit *edit, const char *location)
{
    uint32_t hash = geo_cidr_location_hash(location);
    uint64_t block_count;
    int rc = edit->places ? 0 : read_places(apply, edit);

    for (size_t i = 0; rc == 0 && i < edit->place_count; i++) {
        const struct place *place = &edit->places[i];
        if (place->hash != hash || strcmp(place->name, location) == 0)
            continue;
        rc = state_get_cidr_location(apply__kv(apply), edit->collection.id, place->name,
                                     &block_count);
        if (rc == 0 && block_count > 0)
            return apply__refuse_as(apply, ERR_CONFLICT, "InvalidInput",
                                    "location %s cannot be told from location %s of the "
                                    "collection: name it otherwise",
                                    location, place->name);
    }
    return rc != 0 ? rc : on_place(edit, location, 0);
}

/* The first block of a location, as far as that is not to be as in old logs. */
static int open_location(struct apply *apply, struct edit *edit, const char *location)
{
    uint64_t block_count;

    if (apply->command->change_cidr_collection->change_id[0] == 0)
        return 0;
    int rc = state_get_cidr_location(apply__kv(apply), edit->collection.id, location, &block_count);
    return rc != 0 || block_count > 0 ? rc : check_place(apply, edit, location);
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
        return apply__refuse_as(apply, ERR_EXISTS, "CidrBlockInUseException",
                                "CIDR block %s is in location %s of the collection already", text,
                                block->location);
    }
    if (rc != ERR_NOT_FOUND)
        return rc;
    if (edit->collection.block_count >= STATE_CIDR_BLOCKS_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "LimitsExceeded",
                                "a CIDR collection has at most %u blocks", STATE_CIDR_BLOCKS_MAX);
    rc = open_location(apply, edit, location);
    if (rc != 0)
        return rc;
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
        return apply__refuse_as(
            apply, ERR_CONFLICT, "CidrBlockInUseException",
            "location %s would have no block left, but record sets of %.100s use "
            "it: change them first",
            use.found, use.name);
    return rc;
}

/* So that GetChange knows it: served everywhere, or not yet. */
static int journal(struct apply *apply, const struct state_cidr_collection *collection)
{
    const char *change_id = apply->command->change_cidr_collection->change_id;
    struct state_change change = {.kind = STATE_CHANGE_CIDR};

    if (change_id[0] == 0)
        return 0;
    int rc = apply__check_new_change(apply, change_id);
    if (rc != 0)
        return rc;
    snprintf(change.id, sizeof(change.id), "%s", change_id);
    snprintf(change.actor, sizeof(change.actor), "%s", apply->command->actor);
    snprintf(change.comment, sizeof(change.comment), "CIDR collection %s", collection->name);
    memcpy(apply->result->change_id, change.id, sizeof(change.id));
    return apply__journal(apply, &change, NULL);
}

static int change(struct apply *apply, const Cmd__ChangeCidrCollection *command)
{
    struct edit edit = {0};
    int rc = read_collection(apply, command->collection_id, &edit.collection);

    if (rc == 0 && command->n_changes == 0)
        rc = apply__refuse(apply, ERR_INVALID, "nothing is to be changed");
    if (rc == 0 && command->version != 0 && command->version != edit.collection.version)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "CidrCollectionVersionMismatchException",
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
    rc = journal(apply, &edit.collection);
    return rc != 0 ? rc : tell_collection(apply, &edit.collection);
}

static int delete_collection(struct apply *apply, const Cmd__DeleteCidrCollection *command)
{
    struct state_cidr_collection collection;
    struct apply__use use = {.collection_id = collection.id};
    int rc = read_collection(apply, command->collection_id, &collection);

    if (rc == 0 && collection.block_count > 0)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "CidrCollectionInUseException",
                              "CIDR collection %s has %" PRIu64 " blocks: delete them first",
                              collection.name, collection.block_count);
    if (rc == 0)
        rc = apply__find_use(apply, &use);
    if (rc == 0 && use.found)
        rc = apply__refuse_as(
            apply, ERR_CONFLICT, "CidrCollectionInUseException",
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
