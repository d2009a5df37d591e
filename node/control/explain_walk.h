/* node/control/explain_walk.h: what the answer path tells (query_recorder.h) turned into steps, as
 * it happens. Steps of kind:
 *   client     whose location counts; below it, as far as they were asked: place, latency, block
 *   lookup     a name of the chain and what there is; below it the group's tree:
 *   group      the record sets that are chosen from
 *   candidate  one of them: taken, passed over, not needed, or for other clients; below an alias
 *              the group that it leads to
 *   all-down   what happens as no candidate is healthy
 *   fallback   the name that stands in then
 * Loop thread, within one read section of the image. */
#pragma once

#include <stdint.h>

struct cluster;
struct explain_tree;
struct explain_walk;
struct kv;
struct query_assumption;
struct query_event;
struct zone_image;

struct explain_walk_options { /* borrowed */
    struct cluster *cluster;  /* for what it knows of outside names */
    struct explain_tree *tree;
    const struct kv *kv; /* NULL: no state, names of sets and checks stay unknown */
    const struct zone_image *image;
    uint16_t type;             /* asked for */
    const char *database_path; /* "": none is loaded */
    const struct query_assumption *assumptions;
    unsigned assumption_count;
};

/* NULL: no memory. */
struct explain_walk *explain_walk_new(const struct explain_walk_options *options);
/* struct query_recorder.event; @user is the walk. */
void explain_walk_event(void *user, const struct query_event *event);
/* No event will come any more. */
void explain_walk_end(struct explain_walk *walk);
void explain_walk_free(struct explain_walk *walk); /* accepts NULL */
