/* node/cluster/command.h: commands as octets. Callers fill the generated structs of
 * proto/command.proto in their sources; one encoded command goes from node to node and into a batch
 * without being decoded again. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Cmd__Command;
struct Cmd__Batch;
struct command_arena;

#define COMMAND_BATCH_VERSION 1u
#define COMMAND_LEN_MAX (900u << 10)     /* octets of one command; well below an entry's bound */
#define COMMAND_BATCH_COMMANDS_MAX 1000u /* a fuller batch is refused */
#define COMMAND_CHANGES_MAX 1000u        /* changes in one ChangeRecordSets */
#define COMMAND_CHUNK_RECORD_SETS_MAX 8192u
#define COMMAND_VERDICTS_MAX 1000u     /* in one PutVerdicts */
#define COMMAND_INSTANCE_SETS_MAX 512u /* in one PutTrafficInstance */
#define COMMAND_CIDR_CHANGES_MAX 1000u /* in one ChangeCidrCollection */
#define COMMAND_CIDR_BLOCKS_MAX 1000u  /* in all its changes */
#define COMMAND_NETWORKS_MAX 1000u     /* in one PutView */
#define COMMAND_TAGS_MAX 100u          /* added, and removed, by one ChangeTags */

/* Encode to new storage that the caller frees. ERR_LIMIT, ERR_NOMEM. */
int command_encode(const struct Cmd__Command *command, uint8_t **out, size_t *len);

/* A decoder with memory of its own, used again for each call. NULL: no memory. */
struct command_arena *command_arena_new(void);
void command_arena_free(struct command_arena *arena); /* accepts NULL */

/* Decode hostile octets. What *@out points to holds until the next decode with @arena.
 * ERR_CORRUPT; ERR_VERSION (batch version, kind or field not known to this program: stop, never
 * skip); ERR_LIMIT; ERR_NOMEM. */
int command_decode(struct command_arena *arena, const uint8_t *octets, size_t len,
                   const struct Cmd__Command **out);
int command_batch_decode(struct command_arena *arena, const uint8_t *octets, size_t len,
                         const struct Cmd__Batch **out);

/* A batch being packed into the caller's storage. The proposer checks what comes from other nodes
 * by command_decode() first: an entry that cannot be decoded stops every node. */
struct command_batch {
    uint8_t *data;
    size_t len;
    size_t capacity;
    unsigned count;
};
/* Start an empty batch in @storage (borrowed until the batch is used up). */
void command_batch_init(struct command_batch *batch, uint8_t *storage, size_t capacity);
/* Add one encoded command. false: it does not fit any more, nothing changed. */
bool command_batch_add(struct command_batch *batch, const uint8_t *command, size_t len);
