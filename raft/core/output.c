/* raft/core/output.c: growing arrays for what a step puts out. */
#include "raft/core/output.h"

#include <stdlib.h>

#include "raft/core/assert.h"

#define CAPACITY_MIN 16u

static int array_reserve(struct raft_array *array, uint32_t more, size_t size)
{
    uint32_t capacity = array->capacity == 0 ? CAPACITY_MIN : array->capacity;

    while (capacity - array->count < more)
        capacity *= 2;
    if (capacity == array->capacity)
        return 0;
    void *items = realloc(array->items, capacity * size);
    if (items == NULL)
        return RAFT_ENOMEM;
    array->items = items;
    array->capacity = capacity;
    return 0;
}

void raft_output_clear(struct raft_output *output)
{
    struct raft_entry *entries = output->entries.items;
    struct raft_buf **snapshots = output->snapshots.items;

    for (uint32_t i = 0; i < output->entries.count; i++)
        raft_buf_unref(entries[i].data);
    for (uint32_t i = 0; i < output->snapshots.count; i++)
        raft_buf_unref(snapshots[i]);
    output->messages.count = output->parts.count = output->entries.count = 0;
    output->reads.count = output->snapshots.count = output->wanted_count = 0;
}

void raft_output_fini(struct raft_output *output)
{
    raft_output_clear(output);
    free(output->messages.items);
    free(output->parts.items);
    free(output->entries.items);
    free(output->reads.items);
    free(output->snapshots.items);
    *output = (struct raft_output){0};
}

int raft_output_reserve(struct raft_output *output, uint32_t count, struct raft_entry **out)
{
    int rc = array_reserve(&output->entries, count, sizeof(struct raft_entry));

    if (rc == 0)
        *out = (struct raft_entry *)output->entries.items + output->entries.count;
    return rc;
}

void raft_output_commit(struct raft_output *output, uint32_t count)
{
    RAFT_ASSERT(output->entries.capacity - output->entries.count >= count);
    output->entries.count += count;
}

int raft_output_message(struct raft_output *output, const struct raft_message *message)
{
    int rc = array_reserve(&output->messages, 1, sizeof(struct raft_message));

    if (rc == 0)
        rc = array_reserve(&output->parts, 1, sizeof(struct raft_output_part));
    if (rc != 0)
        return rc;
    RAFT_ASSERT(message->entry_count <= output->entries.count);
    struct raft_message *messages = output->messages.items;
    struct raft_output_part *parts = output->parts.items;
    messages[output->messages.count++] = *message;
    parts[output->parts.count++].first = output->entries.count - message->entry_count;
    return 0;
}

int raft_output_read(struct raft_output *output, const struct raft_read *read)
{
    int rc = array_reserve(&output->reads, 1, sizeof(struct raft_read));

    if (rc == 0)
        ((struct raft_read *)output->reads.items)[output->reads.count++] = *read;
    return rc;
}

int raft_output_hold(struct raft_output *output, struct raft_buf *snapshot)
{
    int rc = array_reserve(&output->snapshots, 1, sizeof(struct raft_buf *));

    if (rc == 0)
        ((struct raft_buf **)output->snapshots.items)[output->snapshots.count++] =
            raft_buf_ref(snapshot);
    return rc;
}

void raft_output_want(struct raft_output *output, raft_id peer)
{
    for (uint32_t i = 0; i < output->wanted_count; i++) {
        if (output->wanted[i] == peer)
            return;
    }
    RAFT_ASSERT(output->wanted_count < RAFT_MEMBERS_MAX);
    output->wanted[output->wanted_count++] = peer;
}

void raft_output_seal(struct raft_output *output)
{
    struct raft_message *messages = output->messages.items;
    const struct raft_output_part *parts = output->parts.items;
    struct raft_entry *entries = output->entries.items;

    for (uint32_t i = 0; i < output->messages.count; i++) {
        if (messages[i].entry_count > 0)
            messages[i].entries = &entries[parts[i].first];
    }
}
