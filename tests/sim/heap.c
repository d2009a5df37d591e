/* tests/sim/heap.c: a binary heap in one array. */
#include "sim/heap.h"

#include "sim/alloc.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void heap_push(struct heap *heap, const struct event *event)
{
    sim_grow((void **)&heap->items, &heap->room, heap->count + 1, sizeof *heap->items);
    size_t at = heap->count++;
    while (at > 0 && is_before(event, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = *event;
}

bool heap_pop(struct heap *heap, struct event *out)
{
    if (heap->count == 0)
        return false;
    *out = heap->items[0];
    const struct event *last = &heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!is_before(&heap->items[child], last))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = *last;
    return true;
}

void heap_fini(struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        if (heap->items[i].drop != NULL)
            heap->items[i].drop(heap->items[i].data);
    }
    sim_free(heap->items);
}
