#include "health/index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"

/* Where @id is, or would be. */
static size_t place(const struct health_index *index, const char *id, bool *is_there)
{
    size_t low = 0, high = index->count;

    *is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(id, index->items[middle]);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void *health_index_find(const struct health_index *index, const char *id)
{
    bool is_there;
    size_t at = place(index, id, &is_there);

    return is_there ? index->items[at] : NULL;
}

int health_index_add(struct health_index *index, void *item)
{
    bool is_there;
    size_t at = place(index, item, &is_there);

    ASSERT(!is_there);
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? 2 * index->capacity : 64;
        void **items = realloc(index->items, capacity * sizeof(*items));
        if (!items)
            return ERR_NOMEM;
        index->items = items;
        index->capacity = capacity;
    }
    memmove(index->items + at + 1, index->items + at, (index->count - at) * sizeof(*index->items));
    index->items[at] = item;
    index->count++;
    return 0;
}

void *health_index_take(struct health_index *index, const char *id)
{
    bool is_there;
    size_t at = place(index, id, &is_there);

    if (!is_there)
        return NULL;
    void *item = index->items[at];
    index->count--;
    memmove(index->items + at, index->items + at + 1, (index->count - at) * sizeof(*index->items));
    return item;
}

void health_index_fini(struct health_index *index)
{
    free(index->items);
    *index = (struct health_index){0};
}
