#include "resolve/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"

#define FIRST_CAPACITY 64u

static void free_target(struct resolve__target *target)
{
    free(target->addresses);
    free(target);
}

void resolve__targets_fini(struct resolve__targets *targets)
{
    for (uint32_t i = 0; i < targets->count; i++) {
        if (targets->list[i]->is_asking)
            targets->list[i]->is_dropped = true;
        else
            free_target(targets->list[i]);
    }
    free(targets->list);
    free(targets->queue);
    targets->list = targets->queue = NULL;
    targets->count = targets->queue_count = targets->capacity = 0;
}

/* ---- the list ---- */

static int compare(const struct resolve__target *target, const uint8_t *name, uint16_t type)
{
    const int order = dns_name_compare(target->name, name);

    return order != 0 ? order : (target->type > type) - (target->type < type);
}

/* Where (name, type) is, or belongs. */
static uint32_t place_of(const struct resolve__targets *targets, const uint8_t *name, uint16_t type,
                         bool *is_there)
{
    uint32_t low = 0, high = targets->count;

    *is_there = false;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = compare(targets->list[middle], name, type);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct resolve__target *resolve__find(const struct resolve__targets *targets, const uint8_t *name,
                                      uint16_t type)
{
    bool is_there;
    const uint32_t place = place_of(targets, name, type, &is_there);

    return is_there ? targets->list[place] : NULL;
}

/* ---- the queue ---- */

static void put_at(struct resolve__targets *targets, uint32_t place, struct resolve__target *target)
{
    targets->queue[place] = target;
    target->place = place;
}

static void sift(struct resolve__targets *targets, struct resolve__target *target)
{
    struct resolve__target **queue = targets->queue;
    uint32_t place = target->place;

    while (place > 0 && target->due_mono_ms < queue[(place - 1) / 2]->due_mono_ms) {
        put_at(targets, place, queue[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < targets->queue_count &&
            queue[child + 1]->due_mono_ms < queue[child]->due_mono_ms)
            child++;
        if (child >= targets->queue_count || queue[child]->due_mono_ms >= target->due_mono_ms)
            break;
        put_at(targets, place, queue[child]);
        place = child;
    }
    put_at(targets, place, target);
}

static void enqueue(struct resolve__targets *targets, struct resolve__target *target,
                    uint64_t due_mono_ms)
{
    ASSERT(targets->queue_count < targets->capacity);
    target->due_mono_ms = due_mono_ms;
    put_at(targets, targets->queue_count++, target);
    sift(targets, target);
}

static void dequeue(struct resolve__targets *targets, struct resolve__target *target)
{
    const uint32_t place = target->place;
    struct resolve__target *last = targets->queue[--targets->queue_count];

    ASSERT(last == target || targets->queue[place] == target);
    if (last == target)
        return;
    put_at(targets, place, last);
    sift(targets, last);
}

static int make_room(struct resolve__targets *targets)
{
    if (targets->count < targets->capacity)
        return 0;
    const uint32_t capacity = targets->capacity > 0 ? 2 * targets->capacity : FIRST_CAPACITY;
    struct resolve__target **list =
        realloc(targets->list, capacity * sizeof(struct resolve__target *));
    if (!list)
        return ERR_NOMEM;
    targets->list = list;
    struct resolve__target **queue =
        realloc(targets->queue, capacity * sizeof(struct resolve__target *));
    if (!queue)
        return ERR_NOMEM;
    targets->queue = queue;
    targets->capacity = capacity;
    return 0;
}

int resolve__add(struct resolve__targets *targets, const uint8_t *name, uint16_t type,
                 uint64_t now_mono_ms)
{
    bool is_there;
    const uint32_t place = place_of(targets, name, type, &is_there);

    if (is_there)
        return ERR_EXISTS;
    if (make_room(targets) != 0)
        return ERR_NOMEM;
    struct resolve__target *target = calloc(1, sizeof(*target) + dns_name_len(name));
    if (!target)
        return ERR_NOMEM;
    target->type = type;
    dns_name_lower_len(name, dns_name_len(name), target->name);
    memmove(targets->list + place + 1, targets->list + place,
            (targets->count - place) * sizeof(struct resolve__target *));
    targets->list[place] = target;
    targets->count++;
    enqueue(targets, target, now_mono_ms);
    return 0;
}

void resolve__remove(struct resolve__targets *targets, struct resolve__target *target)
{
    bool is_there;
    const uint32_t place = place_of(targets, target->name, target->type, &is_there);

    ASSERT(is_there && targets->list[place] == target);
    targets->count--;
    memmove(targets->list + place, targets->list + place + 1,
            (targets->count - place) * sizeof(struct resolve__target *));
    if (target->is_asking) {
        target->is_dropped = true; /* its end frees it */
        return;
    }
    dequeue(targets, target);
    free_target(target);
}

uint64_t resolve__next_ms(const struct resolve__targets *targets)
{
    return targets->queue_count > 0 ? targets->queue[0]->due_mono_ms : UINT64_MAX;
}

struct resolve__target *resolve__take_due(struct resolve__targets *targets, uint64_t now_mono_ms)
{
    if (resolve__next_ms(targets) > now_mono_ms)
        return NULL;
    struct resolve__target *target = targets->queue[0];
    dequeue(targets, target);
    target->is_asking = true;
    return target;
}

/* ---- ends of questions ---- */

/* @low to @high per cent of @ms. */
static uint64_t part_of(uint64_t ms, unsigned low, unsigned high, uint32_t draw)
{
    return ms * (low * 1000u + draw % ((high - low) * 1000u + 1)) / 100000u;
}

static uint32_t within(const struct resolve__targets *targets, uint32_t ttl_s)
{
    if (ttl_s < targets->ttl_floor_s)
        return targets->ttl_floor_s;
    return ttl_s < targets->ttl_cap_s ? ttl_s : targets->ttl_cap_s;
}

static bool is_same(const struct resolve_addresses *a, const struct resolve_addresses *b)
{
    const unsigned a_count = a ? a->count : 0;

    return a_count == b->count &&
           (a_count == 0 || memcmp(a->octets, b->octets, a_count * sizeof(a->octets[0])) == 0);
}

/* Take over the answer's addresses. ERR_NOMEM: the old ones stay. */
static int keep(struct resolve__target *target, const struct resolve_addresses *answer)
{
    if (answer->count == 0) {
        free(target->addresses);
        target->addresses = NULL;
        return 0;
    }
    if (!target->addresses)
        target->addresses = malloc(sizeof(*target->addresses));
    if (!target->addresses)
        return ERR_NOMEM;
    *target->addresses = *answer;
    return 0;
}

bool resolve__answered(struct resolve__targets *targets, struct resolve__target *target,
                       const struct resolve_addresses *answer, const struct resolve__moment *now)
{
    ASSERT(target->is_asking);
    if (target->is_dropped) {
        free_target(target);
        return false;
    }
    const uint32_t ttl_s = within(targets, answer->ttl_s);
    const bool is_changed =
        !is_same(target->addresses, answer) || (answer->count > 0 && ttl_s != target->served_ttl_s);
    if (is_changed && keep(target, answer) != 0)
        return resolve__failed(targets, target, "out of memory", now);
    target->is_asking = target->is_stale = false;
    target->has_answer = true;
    target->failures = 0;
    target->problem[0] = '\0';
    target->served_ttl_s = ttl_s;
    target->resolved_wall_ms = now->wall_ms;
    target->expires_mono_ms = now->mono_ms + ttl_s * 1000ull;
    enqueue(targets, target, now->mono_ms + part_of(ttl_s * 1000ull, 75, 90, now->draw));
    return is_changed;
}

bool resolve__failed(struct resolve__targets *targets, struct resolve__target *target,
                     const char *problem, const struct resolve__moment *now)
{
    ASSERT(target->is_asking);
    if (target->is_dropped) {
        free_target(target);
        return false;
    }
    uint64_t gap_ms = RESOLVE_RETRY_MS;
    for (uint32_t i = 0; i < target->failures && gap_ms < RESOLVE_RETRY_MS_MAX; i++)
        gap_ms *= 2;
    if (gap_ms > RESOLVE_RETRY_MS_MAX)
        gap_ms = RESOLVE_RETRY_MS_MAX;
    uint64_t due_mono_ms = now->mono_ms + part_of(gap_ms, 75, 125, now->draw);
    bool is_changed = false;

    target->is_asking = false;
    target->failures++;
    snprintf(target->problem, sizeof(target->problem), "%s", problem);
    if (target->has_answer && !target->is_stale && now->mono_ms >= target->expires_mono_ms) {
        const uint32_t ttl_s = within(targets, RESOLVE_STALE_TTL_S);
        target->is_stale = true;
        is_changed = target->addresses && ttl_s < target->served_ttl_s;
        if (is_changed)
            target->served_ttl_s = ttl_s;
    } else if (target->has_answer && !target->is_stale && due_mono_ms > target->expires_mono_ms) {
        due_mono_ms = target->expires_mono_ms; /* once more before it counts as stale */
    }
    enqueue(targets, target, due_mono_ms);
    return is_changed;
}
