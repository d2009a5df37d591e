/* raft/core/output.h: the arrays behind a struct raft_update. They keep their storage from step to
 * step, and hold references until the next step begins. Every call returns 0 or RAFT_ENOMEM. */
#pragma once

#include "raft/core/raft.h"

struct raft_array {
    void *items;
    uint32_t count, capacity;
};
struct raft_output {
    struct raft_array messages;  /* struct raft_message; entries are filled in at the end */
    struct raft_array parts;     /* struct raft_output_part, one per message */
    struct raft_array entries;   /* struct raft_entry, of all messages, then to persist, to apply */
    struct raft_array reads;     /* struct raft_read */
    struct raft_array snapshots; /* struct raft_buf *: references to let go */
    raft_id wanted[RAFT_MEMBERS_MAX];
    uint32_t wanted_count;
};
struct raft_output_part {
    uint32_t first; /* in entries */
};

/* Drop what the last step put in. */
void raft_output_clear(struct raft_output *output);
void raft_output_fini(struct raft_output *output);

/* Room for @count more entries, at the end; *@out is valid until the next reservation. */
int raft_output_reserve(struct raft_output *output, uint32_t count, struct raft_entry **out);
/* The next @count reserved entries are filled; their references belong to the output. */
void raft_output_commit(struct raft_output *output, uint32_t count);
/* Queue @message; its entries are the last @message->entry_count committed ones. */
int raft_output_message(struct raft_output *output, const struct raft_message *message);
int raft_output_read(struct raft_output *output, const struct raft_read *read);
/* Keep @snapshot (takes a reference of its own) as long as the messages. */
int raft_output_hold(struct raft_output *output, struct raft_buf *snapshot);
/* Ask for a snapshot for @peer, once per step. */
void raft_output_want(struct raft_output *output, raft_id peer);
/* Point the messages at their entries: nothing may be added after. */
void raft_output_seal(struct raft_output *output);
