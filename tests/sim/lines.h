/* tests/sim/lines.h: after a recovery (raft/core/recover.c) there are two histories: the recovered
 * cluster's, which shares the survivor's log with the one before it, and that of the members left
 * out, who may be a quorum among themselves. A *line* is one of them; a term says which it is of.
 * The clients' promises hold along the newest line. */
#pragma once

#include "sim/node.h"

#define LINES_MAX 12

struct lines;
struct lines *lines_start(struct world *world); /* with the first line, world->history */
void lines_free(struct lines *lines);

/* Which line is @term of, by the order of their beginnings? -1: of none. */
int lines_of_term(const struct world *world, uint64_t term);
/* May another be begun? */
bool lines_have_room(const struct world *world);
/* @survivor is about to go on from its log in @term: all that it has and its line has committed is
 * common to both. */
void lines_fork(struct node *survivor, uint64_t term);
/* After each step by @event, before its update is carried out: the history that @node is held
 * against. */
void lines_follow(struct node *node, const struct raft_event *event);
/* @node is about to send @message: only to members of its own does a leader send its log. */
void lines_address(struct node *node, const struct raft_message *message);
/* Its state is replaced by @snapshot: that may be of another line. */
void lines_installed(struct node *node, const struct raft_snapshot *snapshot);
/* @term is on @node's disk: the newest line that is on any is what counts from now on. */
void lines_durable(struct node *node, uint64_t term);
/* The core of @node ends because a recovery took back what it had committed: is that true? */
void lines_superseded(struct node *node);

/* Is @node held against the newest line? */
bool lines_is_current(const struct node *node);
/* Where checkpoints are kept, which nodes of two lines may exchange. */
struct history *lines_images(const struct world *world);
