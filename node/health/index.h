/* node/health/index.h: objects by the id of a health check, sorted: each begins with its id. */
#pragma once

#include <stddef.h>

struct health_index { /* zeroes: empty */
    void **items;     /* each points to its id, a string of at most 36 characters */
    size_t count, capacity;
};

/* The object of @id, or NULL. */
void *health_index_find(const struct health_index *index, const char *id);
/* Add @item, whose id is not there yet. ERR_NOMEM. */
int health_index_add(struct health_index *index, void *item);
/* Take the object of @id out and return it, or NULL. */
void *health_index_take(struct health_index *index, const char *id);
/* Forget all; the objects are the caller's. */
void health_index_fini(struct health_index *index);
