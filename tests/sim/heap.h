/* tests/sim/heap.h: events in order of virtual time; equal times in the order they were put. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
struct node;
struct event;
typedef void (*event_cb)(struct world *world, const struct event *event);

/* Something that will happen. An event of a node carries the node's incarnation, so that a crash
 * voids what the dead process had under way. */
struct event {
    uint64_t at_us;
    uint64_t order;       /* set by the world */
    event_cb run;         /* owns `data` from here on */
    void (*drop)(void *); /* releases `data` of an event that is void; NULL: nothing to release */
    struct node *node;    /* NULL: belongs to no process */
    uint32_t incarnation; /* set by the world when `node` is given */
    uint64_t number;      /* meaning is the handler's */
    void *data;
};

struct heap {
    struct event *items;
    size_t count, room;
};

void heap_push(struct heap *heap, const struct event *event);
bool heap_pop(struct heap *heap, struct event *out); /* false: empty */
void heap_fini(struct heap *heap);                   /* drops what is left */
