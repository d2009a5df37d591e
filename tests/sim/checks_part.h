/* tests/sim/checks_part.h: records shared by the files checks_*.c, and by nothing else. */
#pragma once

#include "sim/checks.h"
#include "sim/lines.h"

/* Every entry that ever was in any log, by (index, term). */
struct log_records {
    struct log_record *slots; /* open addressing */
    size_t count, room;
};

struct term_record {
    raft_id leader;               /* 0: none seen */
    raft_id votes[SIM_NODES_MAX]; /* durable, by slot */
};

struct term_records { /* of one line */
    struct term_record *items;
    size_t count, room;
};

struct checks {
    struct log_records logs;
    struct term_records terms[LINES_MAX];
    uint64_t acknowledged_index; /* highest index whose effect some client knows of */
    bool is_quiet;
    uint64_t quiet_term;
};

struct term_record *checks__term(struct world *world, uint64_t term);
void checks__logs_free(struct log_records *logs);
void checks__log_write(struct node *node, const struct raft_update *update);
void checks__commit(struct node *node);
void checks__election(struct node *node);
void checks__change(struct node *node, const struct raft_update *update);
