/* tests/sim/machine.h: a node's replicated state and the disk that it is on. What is applied may be
 * lost by a crash, back to any entry behind the last flush, never further. */
#pragma once

#include "sim/world.h"

struct machine;
/* The state at one index, as a checkpoint on some disk; shared by reference. */
struct image;

enum machine_outcome {
    MACHINE_APPLIED,
    MACHINE_REPEATED,   /* this sequence was applied before */
    MACHINE_NO_SESSION, /* the client's session is not open (any more) */
};
/* What became of one command. */
struct machine_result {
    uint64_t client_id, sequence; /* sequence 0: the session was opened */
    enum machine_outcome outcome;
};
#define MACHINE_RESULTS_MAX 8

struct machine_hash {
    uint64_t high, low;
};

struct machine *machine_new(void);
void machine_free(struct machine *machine);
/* Apply the entry that follows. The count of @results. */
uint32_t machine_apply(struct machine *machine, const struct raft_entry *entry,
                       struct machine_result results[MACHINE_RESULTS_MAX]);
uint64_t machine_applied(const struct machine *machine);
struct machine_hash machine_hash(const struct machine *machine);
void machine_flush(struct machine *machine);
void machine_crash(struct machine *machine, struct rng *rng);

/* A checkpoint of the state as it is now; fills the index of @snapshot. The caller owns it. */
struct image *machine_image(struct machine *machine, struct raft_snapshot *snapshot);
struct image *image_ref(struct image *image);
void image_unref(struct image *image);

/* Take the place of the state, atomically and durably. */
void machine_install(struct machine *machine, const struct image *image,
                     const struct raft_snapshot *snapshot);
/* What the last durable install put in place; index 0: nothing. */
const struct raft_snapshot *machine_installed(const struct machine *machine);

/* A client's commands, by command.c. The caller owns the result. */
struct raft_buf *machine_open_command(uint64_t client_id);
struct raft_buf *machine_write_command(uint64_t client_id, uint64_t sequence);
/* What a membership entry says about a node, for the state machine. The caller owns it. */
struct raft_buf *machine_member_context(uint64_t id);
