#include "cluster/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "proto/command.pb-c.h"

/* What one entry may take when decoded: hostile octets can grow about a hundredfold. */
#define ARENA_LEN_MAX (64u << 20)
#define BATCH_HEADER_LEN 2u /* field 1, version, which is below 128 */
#define COMMANDS_TAG 0x12   /* field 2, length-delimited */

struct command_arena {
    struct arena *arena;
    ProtobufCAllocator allocator;
};

static void *allocate(void *user, size_t len)
{
    return arena_alloc(user, len);
}

static void release(void *user, void *piece)
{
    (void)user, (void)piece; /* all at once, at the next decode */
}

struct command_arena *command_arena_new(void)
{
    struct command_arena *arena = calloc(1, sizeof(*arena));
    if (!arena)
        return NULL;
    arena->arena = arena_new(ARENA_LEN_MAX);
    if (!arena->arena) {
        free(arena);
        return NULL;
    }
    arena->allocator = (ProtobufCAllocator){allocate, release, arena->arena};
    return arena;
}

void command_arena_free(struct command_arena *arena)
{
    if (!arena)
        return;
    arena_free(arena->arena);
    free(arena);
}

static bool has_unknown(const ProtobufCMessage *message);

/* Does one of the messages in @field of @message have fields that this program does not know? */
static bool field_has_unknown(const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field)
{
    const uint8_t *place = (const uint8_t *)message + field->offset;
    const uint8_t *count_place = (const uint8_t *)message + field->quantifier_offset;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)(const void *)count_place != field->id)
            return false;
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)(const void *)place;
        size_t count = *(const size_t *)(const void *)count_place;
        for (size_t i = 0; i < count; i++) {
            if (has_unknown(items[i]))
                return true;
        }
        return false;
    }
    const ProtobufCMessage *item = *(ProtobufCMessage *const *)(const void *)place;
    return item && has_unknown(item);
}

static bool has_unknown(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *kind = message->descriptor;

    if (message->n_unknown_fields > 0)
        return true;
    for (unsigned i = 0; i < kind->n_fields; i++) { /* the schema does not recurse: bounded depth */
        if (kind->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            field_has_unknown(message, &kind->fields[i]))
            return true;
    }
    return false;
}

/* Unpack; unknown fields are an error, for what is skipped would make states differ. */
static int decode(struct command_arena *arena, const ProtobufCMessageDescriptor *kind,
                  const uint8_t *octets, size_t len, void *out)
{
    arena_reset(arena->arena);
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, &arena->allocator, len, octets);
    if (!message)
        return arena_is_full(arena->arena) ? ERR_LIMIT : ERR_CORRUPT;
    if (has_unknown(message))
        return ERR_VERSION;
    *(ProtobufCMessage **)out = message;
    return 0;
}

static int check_cidr(const Cmd__ChangeCidrCollection *command)
{
    size_t block_count = 0;

    if (command->n_changes > COMMAND_CIDR_CHANGES_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < command->n_changes; i++)
        block_count += command->changes[i]->n_blocks;
    return block_count <= COMMAND_CIDR_BLOCKS_MAX ? 0 : ERR_LIMIT;
}

/* Counts of things in a command. */
static int check_bounds(const Cmd__Command *command)
{
    if (command->kind_case == CMD__COMMAND__KIND_CHANGE_RECORD_SETS &&
        command->change_record_sets->n_changes > COMMAND_CHANGES_MAX)
        return ERR_LIMIT;
    if (command->kind_case == CMD__COMMAND__KIND_IMPORT_CHUNK &&
        command->import_chunk->n_record_sets > COMMAND_CHUNK_RECORD_SETS_MAX)
        return ERR_LIMIT;
    if (command->kind_case == CMD__COMMAND__KIND_PUT_VERDICTS &&
        command->put_verdicts->n_verdicts > COMMAND_VERDICTS_MAX)
        return ERR_LIMIT;
    if (command->kind_case == CMD__COMMAND__KIND_PUT_TRAFFIC_INSTANCE &&
        command->put_traffic_instance->n_record_sets > COMMAND_INSTANCE_SETS_MAX)
        return ERR_LIMIT;
    if (command->kind_case == CMD__COMMAND__KIND_CHANGE_TAGS &&
        (command->change_tags->n_add > COMMAND_TAGS_MAX ||
         command->change_tags->n_remove > COMMAND_TAGS_MAX))
        return ERR_LIMIT;
    if (command->kind_case == CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION)
        return check_cidr(command->change_cidr_collection);
    if (command->kind_case == CMD__COMMAND__KIND_PUT_VIEW &&
        command->put_view->n_networks > COMMAND_NETWORKS_MAX)
        return ERR_LIMIT;
    return 0;
}

static int check_command(const Cmd__Command *command)
{
    if (command->kind_case == CMD__COMMAND__KIND__NOT_SET)
        return ERR_VERSION; /* its kind is among the unknown fields, or is a new empty one */
    return check_bounds(command);
}

/* The bounds here too: an entry that breaks them would stop every node. */
int command_encode(const struct Cmd__Command *command, uint8_t **out, size_t *len)
{
    size_t packed_len = cmd__command__get_packed_size(command);
    if (packed_len > COMMAND_LEN_MAX || check_bounds(command) != 0)
        return ERR_LIMIT;
    uint8_t *packed = malloc(packed_len + 1);
    if (!packed)
        return ERR_NOMEM;
    *len = cmd__command__pack(command, packed);
    *out = packed;
    return 0;
}

int command_decode(struct command_arena *arena, const uint8_t *octets, size_t len,
                   const struct Cmd__Command **out)
{
    Cmd__Command *command;

    if (len > COMMAND_LEN_MAX)
        return ERR_LIMIT;
    int rc = decode(arena, &cmd__command__descriptor, octets, len, &command);
    if (rc == 0)
        rc = check_command(command);
    if (rc == 0)
        *out = command;
    return rc;
}

/* The version stands first, so that a later layout can be told from damage. */
static int check_version(const uint8_t *octets, size_t len)
{
    if (len < BATCH_HEADER_LEN || octets[0] != 0x08 || octets[1] == 0 || octets[1] >= 0x80)
        return ERR_CORRUPT;
    return octets[1] == COMMAND_BATCH_VERSION ? 0 : ERR_VERSION;
}

int command_batch_decode(struct command_arena *arena, const uint8_t *octets, size_t len,
                         const struct Cmd__Batch **out)
{
    Cmd__Batch *batch;
    int rc = check_version(octets, len);

    if (rc == 0)
        rc = decode(arena, &cmd__batch__descriptor, octets, len, &batch);
    if (rc != 0)
        return rc;
    if (batch->version != COMMAND_BATCH_VERSION)
        return ERR_CORRUPT;
    if (batch->n_commands > COMMAND_BATCH_COMMANDS_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < batch->n_commands; i++) {
        rc = check_command(batch->commands[i]);
        if (rc != 0)
            return rc;
    }
    *out = batch;
    return 0;
}

void command_batch_init(struct command_batch *batch, uint8_t *storage, size_t capacity)
{
    ASSERT(capacity >= BATCH_HEADER_LEN);
    storage[0] = 0x08; /* field 1, varint */
    storage[1] = COMMAND_BATCH_VERSION;
    *batch = (struct command_batch){.data = storage, .len = BATCH_HEADER_LEN, .capacity = capacity};
}

bool command_batch_add(struct command_batch *batch, const uint8_t *command, size_t len)
{
    uint8_t header[1 + 5];
    size_t header_len = 0;

    if (len > COMMAND_LEN_MAX || batch->count == COMMAND_BATCH_COMMANDS_MAX)
        return false;
    header[header_len++] = COMMANDS_TAG;
    for (size_t rest = len; rest > 0 || header_len == 1; rest >>= 7)
        header[header_len++] = (uint8_t)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    if (batch->capacity - batch->len < header_len + len)
        return false;
    memcpy(batch->data + batch->len, header, header_len);
    memcpy(batch->data + batch->len + header_len, command, len);
    batch->len += header_len + len;
    batch->count++;
    return true;
}
